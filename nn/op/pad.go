package op

import (
	"fmt"

	"kerasgo/nn/graph"
)

// Pad puts zeros around the axes of any tensor, By[axis] = {before, after}; negative counts take elements away instead.
type Pad struct{ By [][2]int }

// Infer implements graph.Op.
func (o Pad) Infer(in []Spec) ([]Spec, error) {
	x := in[0].Shape
	if len(x) != len(o.By) {
		return nil, fmt.Errorf("needs an input of %d dimensions, found shape %v", len(o.By), x)
	}
	if in[0].DType.Storage() == graph.StoreStr {
		return nil, fmt.Errorf("can't pad %v", in[0])
	}
	y := make(Shape, len(x))
	for i, n := range x {
		y[i] = n
		if n == graph.Unknown {
			continue
		}
		if y[i] += o.By[i][0] + o.By[i][1]; y[i] < 0 || y[i] == 0 && n > 0 {
			return nil, fmt.Errorf("nothing is left of axis %d of shape %v after cropping %d and %d", i, x, -o.By[i][0], -o.By[i][1])
		}
	}
	return []Spec{{Shape: y, DType: in[0].DType}}, bounded(y)
}

// Forward implements graph.Op.
func (o Pad) Forward(_ *Run, in, out []*Tensor) {
	x, y := in[0], out[0]
	switch x.DType.Storage() {
	case graph.StoreF32:
		pad(o.By, y.F32, x.F32, y.Shape, x.Shape)
	case graph.StoreF64:
		pad(o.By, y.F64, x.F64, y.Shape, x.Shape)
	case graph.StoreI32:
		pad(o.By, y.I32, x.I32, y.Shape, x.Shape)
	case graph.StoreI64:
		pad(o.By, y.I64, x.I64, y.Shape, x.Shape)
	}
}

// pad copies x into the middle of y, axis by axis; the innermost axes that aren't padded are copied as one.
func pad[T number](by [][2]int, y, x []T, ys, xs Shape) {
	if len(x) == 0 || allZero(by) {
		clear(y[copy(y, x):])
		return
	}
	dy, dx := len(y)/max(ys[0], 1), len(x)/xs[0]
	from, to := min(max(-by[0][0], 0), xs[0]), min(xs[0], xs[0]+by[0][1])
	clear(y[:max(by[0][0], 0)*dy])
	at := max(by[0][0], 0) * dy
	if allZero(by[1:]) {
		at += copy(y[at:], x[from*dx:max(from, to)*dx])
	} else {
		for i := from; i < to; i++ {
			pad(by[1:], y[at:][:dy], x[i*dx:][:dx], ys[1:], xs[1:])
			at += dy
		}
	}
	clear(y[at:])
}

func allZero(by [][2]int) bool {
	for _, b := range by {
		if b != [2]int{} {
			return false
		}
	}
	return true
}

// Backward implements graph.Op.
func (o Pad) Backward(r *Run, in, out, dout, din []*Tensor) {
	back := make([][2]int, len(o.By))
	for i, b := range o.By {
		back[i] = [2]int{-b[0], -b[1]}
	}
	d := r.Dirty(len(din[0].F32))
	pad(back, d, dout[0].F32, in[0].Shape, out[0].Shape)
	add(din[0].F32, d)
}
