package op

import (
	"math"

	"kerasgo/internal/vec"
)

// Dropout zeroes elements with probability Rate and scales the rest by 1/(1-Rate). What goes is a function of the seed,
// the layer's path, the call's index, the step and the element's place; Backward finds it again.
type Dropout struct {
	Rate float32
	Path string
	Call int
	// Noise is the shape of the mask that is drawn, broadcast over x (1: shared along that axis); nil: x's own.
	Noise Shape
}

// Infer implements graph.Op.
func (Dropout) Infer(in []Spec) ([]Spec, error) { return in[:1:1], nil }

// Forward implements graph.Op.
func (o Dropout) Forward(r *Run, in, out []*Tensor) { o.scaled(r, in[0].Shape, in[0].F32, out[0].F32) }

// Sets implements graph.Setter.
func (Dropout) Sets() {}

// Backward implements graph.Op.
func (o Dropout) Backward(r *Run, in, _, dout, din []*Tensor) {
	if r.Fresh() {
		o.scaled(r, in[0].Shape, dout[0].F32, din[0].F32)
		return
	}
	y := r.Dirty(len(dout[0].F32))
	o.scaled(r, in[0].Shape, dout[0].F32, y)
	add(din[0].F32, y)
}

// scaled sets y to what is left of x.
func (o Dropout) scaled(r *Run, s Shape, x, y []float32) {
	if o.Noise == nil {
		o.drop(r, x, y)
		return
	}
	noise := make(Shape, len(s))
	for i, d := range s {
		if noise[i] = 1; o.Noise[i] != 1 {
			noise[i] = d
		}
	}
	keep := r.Dirty(noise.Size())
	for i := range keep {
		keep[i] = 1
	}
	o.drop(r, keep, keep)
	l := newNest(s, s, noise)
	l.each(func(i, k, _ int) { y[i] = x[i] * keep[k] })
}

// drop scales or zeroes each element; y may be x.
func (o Dropout) drop(r *Run, x, y []float32) {
	l := newLoop(dropPiece)
	l.x, l.y, l.key, l.rate = x, y, r.Key(o.Path, o.Call), o.Rate
	l.run(r, (len(x)+piece-1)/piece, len(x))
}

func dropPiece(l *loop, i int) {
	from, to := i*piece, min((i+1)*piece, len(l.x))
	if l.rate >= 1 {
		clear(l.y[from:to])
		return
	}
	vec.Dropout(l.y[from:to], l.x[from:to], 1/(1-l.rate), l.key, uint32(from), uint32(math.Round(float64(l.rate)*(1<<32-1))))
}
