package op

import (
	"fmt"
	"slices"

	"kerasgo/nn/graph"
)

// Regroup puts the axes To in the place of the N axes from At on; one of To may be -1, the rest. The other axes may be of
// any size: {1, 0, {1}} adds an axis, {1, 1, {}} drops one of size 1, {1, 2, {-1}} merges two, {1, 1, {3, -1}} splits one.
// A Plan doesn't copy it.
type Regroup struct {
	At, N int
	To    Shape
}

// View implements graph.Viewer.
func (Regroup) View() bool { return true }

// Infer implements graph.Op.
func (o Regroup) Infer(in []Spec) ([]Spec, error) {
	x := in[0].Shape
	if o.At < 0 || o.N < 0 || o.At+o.N > len(x) {
		return nil, fmt.Errorf("there are no axes %d to %d in shape %v", o.At, o.At+o.N-1, x)
	}
	mid, err := View{To: o.To}.Infer([]Spec{{Shape: x[o.At : o.At+o.N]}})
	if err != nil {
		return nil, err
	}
	out := append(append(slices.Clone(x[:o.At]), mid[0].Shape...), x[o.At+o.N:]...)
	return []Spec{{Shape: out, DType: in[0].DType}}, checkRank(out)
}

// Forward implements graph.Op.
func (Regroup) Forward(_ *Run, in, out []*Tensor) { out[0].CopyFrom(in[0]) }

// Sets implements graph.Setter.
func (Regroup) Sets() {}

// Backward implements graph.Op.
func (Regroup) Backward(r *Run, _, _, dout, din []*Tensor) {
	addOrSet(din[0].F32, dout[0].F32, r.Fresh())
}

// Transpose permutes axes: axis i of the output is axis Perm[i] of the input.
type Transpose struct{ Perm []int }

// Infer implements graph.Op.
func (o Transpose) Infer(in []Spec) ([]Spec, error) {
	x := in[0].Shape
	seen := make([]bool, len(x))
	for _, a := range o.Perm {
		if a < 0 || a >= len(x) || seen[a] {
			return nil, fmt.Errorf("%v is no permutation of the axes of shape %v", o.Perm, x)
		}
		seen[a] = true
	}
	if len(o.Perm) != len(x) {
		return nil, fmt.Errorf("%v is no permutation of the axes of shape %v", o.Perm, x)
	}
	y := make(Shape, len(x))
	for i, a := range o.Perm {
		y[i] = x[a]
	}
	return []Spec{{Shape: y, DType: in[0].DType}}, checkRank(x)
}

// nest walks the output; operand 0 is the input, operand 1 the output.
func (o Transpose) nest(x, y Shape) nest {
	l := newNest(y, y, y)
	step := 1
	for d := len(x) - 1; d >= 0; d-- {
		l.stride[0][slices.Index(o.Perm, d)] = step
		step *= x[d]
	}
	l.collapse()
	return l
}

// Forward implements graph.Op.
func (o Transpose) Forward(r *Run, in, out []*Tensor) {
	l := o.nest(in[0].Shape, out[0].Shape)
	switch in[0].DType.Storage() {
	case graph.StoreF32:
		strided(&l, out[0].F32, in[0].F32)
	case graph.StoreF64:
		strided(&l, out[0].F64, in[0].F64)
	case graph.StoreI32:
		strided(&l, out[0].I32, in[0].I32)
	case graph.StoreI64:
		strided(&l, out[0].I64, in[0].I64)
	case graph.StoreStr:
		strided(&l, out[0].Str, in[0].Str)
	}
}

// strided copies operand 0 of l, x, to operand 1, y.
func strided[T any](l *nest, y, x []T) {
	n, stride := l.inner()
	dx, dy := stride[0], stride[1]
	if dx == 1 && dy == 1 {
		l.runs(func(i, k, _ int) { copy(y[k:][:n], x[i:]) })
		return
	}
	l.runs(func(i, k, _ int) {
		for range n {
			y[k] = x[i]
			i, k = i+dx, k+dy
		}
	})
}

// unstrided adds operand 1 of l, y, to operand 0, x: the gradient of strided.
func unstrided(l *nest, x, y []float32) {
	n, stride := l.inner()
	dx, dy := stride[0], stride[1]
	l.runs(func(i, k, _ int) {
		for range n {
			x[i] += y[k]
			i, k = i+dx, k+dy
		}
	})
}

// Backward implements graph.Op.
func (o Transpose) Backward(_ *Run, in, out, dout, din []*Tensor) {
	l := o.nest(in[0].Shape, out[0].Shape)
	unstrided(&l, din[0].F32, dout[0].F32)
}

// BroadcastTo repeats axes of size 1 until the shape is To; -1 in To keeps the input's.
type BroadcastTo struct{ To Shape }

// Infer implements graph.Op.
func (o BroadcastTo) Infer(in []Spec) ([]Spec, error) {
	x := in[0].Shape
	if len(x) > len(o.To) {
		return nil, fmt.Errorf("can't broadcast shape %v to %v", x, o.To)
	}
	y := slices.Clone(o.To)
	for i := range x {
		switch d := &y[len(y)-len(x)+i]; {
		case *d == -1:
			*d = x[i]
		case x[i] != 1 && x[i] != *d && x[i] != graph.Unknown:
			return nil, fmt.Errorf("can't broadcast shape %v to %v", x, o.To)
		}
	}
	if err := bounded(y); err != nil {
		return nil, err
	}
	return []Spec{{Shape: y, DType: in[0].DType}}, checkRank(y)
}

// Forward implements graph.Op.
func (o BroadcastTo) Forward(_ *Run, in, out []*Tensor) {
	l := newNest(out[0].Shape, in[0].Shape, out[0].Shape)
	l.collapse()
	switch in[0].DType.Storage() {
	case graph.StoreF32:
		strided(&l, out[0].F32, in[0].F32)
	case graph.StoreF64:
		strided(&l, out[0].F64, in[0].F64)
	case graph.StoreI32:
		strided(&l, out[0].I32, in[0].I32)
	case graph.StoreI64:
		strided(&l, out[0].I64, in[0].I64)
	case graph.StoreStr:
		strided(&l, out[0].Str, in[0].Str)
	}
}

// Backward implements graph.Op.
func (o BroadcastTo) Backward(_ *Run, in, out, dout, din []*Tensor) {
	l := newNest(out[0].Shape, in[0].Shape, out[0].Shape)
	l.collapse()
	unstrided(&l, din[0].F32, dout[0].F32)
}
