package op

import (
	"fmt"
	"math"
)

// AdaptiveEqualize is contrast-limited adaptive histogram equalization of images [batch, height, width, channels] with values
// from 0 to 255: each channel of each tile has a histogram, clipped at Limit times its mean (0: not clipped), and each element
// goes through those of the four tiles around it. float32.
//
// Source: keras/src/layers/preprocessing/image_preprocessing/clahe.py
type AdaptiveEqualize struct {
	noGrad
	Tiles [2]int // down and across
	Limit float64
}

const levels = 256

// Infer implements graph.Op.
func (o AdaptiveEqualize) Infer(in []Spec) ([]Spec, error) {
	x := in[0].Shape
	if err := needFloat32(in[0]); err != nil {
		return nil, err
	}
	if len(x) != 4 || x[1] == 0 || x[2] == 0 || o.Tiles[0] < 1 || o.Tiles[1] < 1 {
		return nil, fmt.Errorf("can't make %v tiles of shape %v", o.Tiles, x)
	}
	if err := bounded(Shape{o.Tiles[0], o.Tiles[1], levels}); err != nil {
		return nil, err
	}
	for d, n := range o.Tiles { // what completes the tiles mirrors the image once
		if side := x[d+1]; side > 0 && (side+n-1)/n*n > 2*side {
			return nil, fmt.Errorf("can't make %v tiles of shape %v", o.Tiles, x)
		}
	}
	return in[:1:1], nil
}

// Forward implements graph.Op.
func (o AdaptiveEqualize) Forward(r *Run, in, out []*Tensor) {
	x := in[0].Shape
	if out[0].Len() == 0 {
		return
	}
	tables := r.Dirty(o.Tiles[0] * o.Tiles[1] * levels)
	image := x[1] * x[2] * x[3]
	for b := range x[0] {
		for c := range x[3] {
			o.channel(out[0].F32[b*image:][:image], in[0].F32[b*image:][:image], x, c, tables)
		}
	}
}

func (o AdaptiveEqualize) channel(y, x []float32, s Shape, c int, tables []float32) {
	high, wide := (s[1]+o.Tiles[0]-1)/o.Tiles[0], (s[2]+o.Tiles[1]-1)/o.Tiles[1]
	for i := range o.Tiles[0] {
		for k := range o.Tiles[1] {
			o.table(tables[(i*o.Tiles[1]+k)*levels:][:levels], x, s, c, i*high, k*wide, high, wide)
		}
	}
	look := func(i, k, level int) float32 { // beyond the tiles, those at the edge
		i, k = min(max(i-1, 0), o.Tiles[0]-1), min(max(k-1, 0), o.Tiles[1]-1)
		return tables[(i*o.Tiles[1]+k)*levels+level]
	}
	for row := range s[1] {
		i, down := between(row, high)
		for column := range s[2] {
			k, right := between(column, wide)
			at := (row*s[2]+column)*s[3] + c
			v := level(x[at])
			top := float32(look(i, k, v)*(1-right)) + float32(look(i, k+1, v)*right)
			bottom := float32(look(i+1, k, v)*(1-right)) + float32(look(i+1, k+1, v)*right)
			y[at] = float32(top*(1-down)) + float32(bottom*down)
		}
	}
}

// between is the tile, counted from 1, whose middle is at or before an element, and how far after it that lies.
func between(at, size int) (tile int, part float32) {
	place := (float32(at)-float32(size)/2)/float32(size) + 1
	floor := float32(math.Floor(float64(place)))
	return int(floor), place - floor
}

func level(v float32) int {
	switch {
	case v >= levels-1:
		return levels - 1
	case v > 0:
		return int(v)
	}
	return 0 // NaN too
}

// table is what becomes of each level in a tile: its clipped cumulative histogram.
func (o AdaptiveEqualize) table(t, x []float32, s Shape, c, top, left, high, wide int) {
	clear(t)
	for row := top; row < top+high; row++ {
		for column := left; column < left+wide; column++ {
			i, k := mirrored(row, s[1]), mirrored(column, s[2])
			t[level(x[(i*s[2]+k)*s[3]+c])]++
		}
	}
	area := float32(high * wide)
	if o.Limit > 0 {
		limit := float32(o.Limit * float64(high*wide) / levels)
		var excess float32
		for i, n := range t {
			if n > limit {
				excess += n - limit
				t[i] = limit
			}
		}
		for i := range t {
			t[i] += excess / levels
		}
	}
	for i := 1; i < levels; i++ {
		t[i] += t[i-1]
	}
	low := t[0] // a sum of counts: it never falls
	rest := area - low
	if rest == 0 {
		rest = 1
	}
	for i, n := range t {
		t[i] = min(max((n-low)*255/rest, 0), 255)
	}
}

// mirrored brings an index beyond an axis of n back: abcd is followed by dcba.
func mirrored(i, n int) int {
	if i >= n {
		return 2*n - 1 - i
	}
	return i
}
