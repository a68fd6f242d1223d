package op

import (
	"fmt"
	"math"

	"kerasgo/nn/graph"
)

// Segment gathers the elements of the last axis of x [..., n] by the ids [n] of the segments they are in: their sum, prod, max or
// min, [..., count]. What has a negative id is left out. count below 0: as many as data says, one more than the largest id,
// or of sums, unless sorted, as many as there are different ids. A segment of nothing is what the function begins with (a maximum
// with low, a minimum with high), or where sorted zero.
//
// Source: keras/src/backend/tensorflow/math.py, segment_sum
func Segment(fn string, count int, sorted bool, low, high float64) Counted {
	o := segment{fn, count, sorted, low, high}
	p := &plain{name: "segment_" + fn, infer: o.infer, run: o.run, back: o.back, measure: o.measure}
	if fn == "prod" {
		p.back = nil
	}
	return Counted{Plain{p}}
}

type segment struct {
	fn        string
	count     int
	sorted    bool
	low, high float64
}

func (o segment) infer(in []Spec) ([]Spec, error) {
	x, ids := in[0].Shape, in[1].Shape
	if len(ids) != 1 || len(x) == 0 || x.Last() != ids[0] && x.Last() >= 0 && ids[0] >= 0 {
		return nil, fmt.Errorf("an id is needed for each element, found shapes %v and %v", x, ids)
	}
	return []Spec{{Shape: x.With(1, max(o.count, graph.Unknown)), DType: in[0].DType}}, nil
}

func (o segment) measure(k *Arrays) int {
	if o.count >= 0 {
		return o.count
	}
	ids := k.in[1].X
	top, different := -1, 0
	for i, id := range ids {
		if id > maxCount {
			k.Run.Fail("segment %.0f is beyond %d", id, maxCount)
			return 0
		}
		top = max(top, int(id))
		seen := false
		for j := 0; j < i && o.fn == "sum" && !o.sorted && !seen; j++ {
			seen = ids[j] == id
		}
		if !seen {
			different++
		}
	}
	if o.fn == "sum" && !o.sorted {
		return different
	}
	return top + 1
}

func (o segment) run(k *Arrays) {
	x, ids, y := k.in[0], k.in[1].X, k.out[0]
	n, m := len(ids), y.Shape.Last()
	begin := 0.0
	switch o.fn {
	case "prod":
		begin = 1
	case "max":
		begin = o.low
	case "min":
		begin = o.high
	}
	for i := range y.X {
		y.X[i] = begin
	}
	for row := range rowsOf(x, n) {
		for i, id := range ids {
			if id < 0 {
				continue
			}
			if int(id) >= m {
				k.Run.Fail("segment %.0f is beyond the %d there are", id, m)
				return
			}
			to, v := &y.X[row*m+int(id)], x.X[row*n+i]
			switch o.fn {
			case "sum":
				*to += v
			case "prod":
				*to *= v
			case "max":
				*to = math.Max(*to, v)
			case "min":
				*to = math.Min(*to, v)
			}
		}
	}
	for i, v := range y.X {
		if o.sorted && o.fn != "prod" && v == begin {
			y.X[i] = 0
		}
	}
}

// back shares a greatest element's gradient among those that are equal.
func (o segment) back(k *Arrays) {
	ids, y, dy := k.in[1].X, k.out[0], k.dout[0].X
	n, m := len(ids), y.Shape.Last()
	for row := range rowsOf(k.in[0], n) {
		for i, id := range ids {
			if id < 0 {
				continue
			}
			at, ties := row*m+int(id), 1.0
			if o.fn != "sum" {
				if k.in[0].X[row*n+i] != y.X[at] {
					continue
				}
				ties = 0
				for j, other := range ids {
					ties += when(other == id && k.in[0].X[row*n+j] == y.X[at])
				}
			}
			k.din[0].X[row*n+i] += dy[at] / ties
		}
	}
}

// Scatter puts updates, the third operand, into a copy of the first at the indices [..., depth] of the second: reduction says how,
// nothing being that the last stays.
//
// Source: keras/src/backend/tensorflow/core.py, scatter_update
func Scatter(reduction string) Plain {
	o := scatter{reduction}
	p := &plain{name: "scatter", infer: o.infer, run: o.run, back: o.back}
	if reduction != "" && reduction != "add" {
		p.back = nil
	}
	return Plain{p}
}

type scatter struct{ reduction string }

func (scatter) infer(in []Spec) ([]Spec, error) {
	x, ids, by := in[0].Shape, in[1].Shape, in[2].Shape
	if len(ids) == 0 || ids.Last() < 0 || ids.Last() > len(x) || len(by) != len(ids)-1+len(x)-ids.Last() {
		return nil, fmt.Errorf("indices %v and updates %v don't fit shape %v", ids, by, x)
	}
	for d, n := range append(append(Shape{}, ids[:len(ids)-1]...), x[ids.Last():]...) {
		if by[d] != n && by[d] >= 0 && n >= 0 {
			return nil, fmt.Errorf("indices %v and updates %v don't fit shape %v", ids, by, x)
		}
	}
	return in[:1:1], nil
}

// at is where the i-th slice of n elements goes; -1 and a failure where there is no such place.
func (scatter) at(k *Arrays, i int) (from, n int) {
	x, depth := k.in[0].Shape, k.in[1].Shape.Last()
	for d, id := range k.in[1].X[i*depth:][:depth] {
		if id < 0 || int(id) >= x[d] {
			k.Run.Fail("index %.0f is outside an axis of %d", id, x[d])
			return -1, 0
		}
		from = from*x[d] + int(id)
	}
	n = Shape(x[depth:]).Size()
	return from * n, n
}

// slices are how many slices there are.
func (scatter) slices(k *Arrays) int {
	s := k.in[1].Shape
	return Shape(s[:len(s)-1]).Size()
}

func (o scatter) run(k *Arrays) {
	y := k.out[0].X
	copy(y, k.in[0].X)
	for i := range o.slices(k) {
		from, n := o.at(k, i)
		if from < 0 {
			return
		}
		for j, v := range k.in[2].X[i*n:][:n] {
			switch to := &y[from+j]; o.reduction {
			case "add":
				*to += v
			case "mul":
				*to *= v
			case "max":
				*to = max(*to, v)
			case "min":
				*to = min(*to, v)
			default:
				*to = v
			}
		}
	}
}

func (o scatter) back(k *Arrays) {
	if dx := k.din[0].X; dx != nil {
		copy(dx, k.dout[0].X)
	}
	for i := range o.slices(k) {
		from, n := o.at(k, i)
		if from < 0 {
			return
		}
		if dx := k.din[0].X; dx != nil && o.reduction == "" {
			clear(dx[from:][:n])
		}
		if by := k.din[2].X; by != nil {
			copy(by[i*n:][:n], k.dout[0].X[from:])
		}
	}
}
