package op

import (
	"fmt"

	"kerasgo/nn/graph"
)

// Binary applies a broadcasting function of two operands of one dtype; comparisons and logic make bools.
type Binary struct{ Fn string }

// Infer implements graph.Op.
func (o Binary) Infer(in []Spec) ([]Spec, error) {
	if in[0].DType != in[1].DType {
		return nil, fmt.Errorf("%s needs operands of one dtype, found %v and %v", o.Fn, in[0].DType, in[1].DType)
	}
	s, err := Broadcast(in[0].Shape, in[1].Shape)
	if err == nil {
		err = checkRank(s)
	}
	d := in[0].DType
	if o.compares() {
		d = graph.Bool
	}
	return []Spec{{Shape: s, DType: d}}, err
}

func (o Binary) compares() bool {
	switch o.Fn {
	case "equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and", "logical_or", "logical_xor":
		return true
	}
	return false
}

// FLOPs implements graph.Coster.
func (Binary) FLOPs(_, out []Spec) int64 { return int64(out[0].Shape.Size()) }

// InPlace implements graph.InPlacer: the executor sees to it that the sizes are the same.
func (o Binary) InPlace() bool { return !o.compares() }

// Forward implements graph.Op.
func (o Binary) Forward(r *Run, in, out []*Tensor) {
	a, b, y := in[0], in[1], out[0]
	switch in[0].DType.Storage() {
	case graph.StoreF32:
		binaryForward(o, y, a, b, y.F32, a.F32, b.F32)
	case graph.StoreF64:
		binaryForward(o, y, a, b, y.F64, a.F64, b.F64)
	case graph.StoreI32:
		binaryForward(o, y, a, b, y.I32, a.I32, b.I32)
	case graph.StoreI64:
		binaryForward(o, y, a, b, y.I64, a.I64, b.I64)
	}
}

type number interface {
	float32 | float64 | int32 | int64
}

func binaryForward[T number](o Binary, out, in0, in1 *Tensor, y, a, b []T) {
	if o.compares() {
		walk2(out.Shape, in0.Shape, in1.Shape, out.I32, a, b, compare[T](o.Fn))
		return
	}
	walk2(out.Shape, in0.Shape, in1.Shape, y, a, b, arithmetic[T](o.Fn))
}

// walk2 sets y to f of its operands, broadcast.
func walk2[T, Y any](over, as, bs Shape, y []Y, a, b []T, f func(a, b T) Y) {
	switch {
	case len(a) == len(y) && len(b) == len(y):
		b, y := b[:len(a)], y[:len(a)]
		for i, v := range a {
			y[i] = f(v, b[i])
		}
	case len(b) == 1 && len(a) == len(y):
		w, y := b[0], y[:len(a)]
		for i, v := range a {
			y[i] = f(v, w)
		}
	case len(a) == len(y) && len(b) > 0 && trailing(bs, as): // a row for every row
		for at := 0; at < len(a); at += len(b) {
			row, to := a[at:][:len(b)], y[at:][:len(b)]
			for i, v := range row {
				to[i] = f(v, b[i])
			}
		}
	default:
		l := newNest(over, as, bs, over)
		l.each(func(i, j, k int) { y[k] = f(a[i], b[j]) })
	}
}

// trailing says that s is the end of t, after ones.
func trailing(s, t Shape) bool {
	for len(s) > 0 && s[0] == 1 {
		s = s[1:]
	}
	return len(s) <= len(t) && s.Equal(t[len(t)-len(s):])
}

func compare[T number](fn string) func(a, b T) int32 {
	switch fn {
	case "equal":
		return func(a, b T) int32 { return truth(a == b) }
	case "not_equal":
		return func(a, b T) int32 { return truth(a != b) }
	case "less":
		return func(a, b T) int32 { return truth(a < b) }
	case "less_equal":
		return func(a, b T) int32 { return truth(a <= b) }
	case "greater":
		return func(a, b T) int32 { return truth(a > b) }
	case "greater_equal":
		return func(a, b T) int32 { return truth(a >= b) }
	case "logical_and":
		return func(a, b T) int32 { return truth(a != 0 && b != 0) }
	case "logical_or":
		return func(a, b T) int32 { return truth(a != 0 || b != 0) }
	case "logical_xor":
		return func(a, b T) int32 { return truth((a != 0) != (b != 0)) }
	}
	panic("op: no comparison " + fn)
}

func arithmetic[T number](fn string) func(a, b T) T {
	switch fn {
	case "add":
		return func(a, b T) T { return a + b }
	case "subtract":
		return func(a, b T) T { return a - b }
	case "multiply":
		return func(a, b T) T { return a * b }
	case "maximum": // NaN wins, as in TensorFlow
		return func(a, b T) T {
			if a > b || a != a {
				return a
			}
			return b
		}
	case "minimum":
		return func(a, b T) T {
			if a < b || a != a {
				return a
			}
			return b
		}
	case "divide":
		return func(a, b T) T { return a / b }
	}
	panic("op: no arithmetic " + fn)
}

// Backward implements graph.Op, for float32.
func (o Binary) Backward(_ *Run, in, out, dout, din []*Tensor) {
	if o.compares() {
		return
	}
	d := slopes(o.Fn)
	a, b, y := in[0].F32, in[1].F32, out[0].F32
	l := newNest(out[0].Shape, in[0].Shape, in[1].Shape, out[0].Shape)
	l.each(func(i, j, k int) {
		da, db := d(a[i], b[j], y[k])
		if din[0] != nil {
			din[0].F32[i] += da * dout[0].F32[k]
		}
		if din[1] != nil {
			din[1].F32[j] += db * dout[0].F32[k]
		}
	})
}

// slopes are the derivatives by both operands, at (a, b) with result y. Ties of maximum and minimum go to the first, as
// in TensorFlow.
func slopes(fn string) func(a, b, y float32) (da, db float32) {
	switch fn {
	case "add":
		return func(_, _, _ float32) (da, db float32) { return 1, 1 }
	case "subtract":
		return func(_, _, _ float32) (da, db float32) { return 1, -1 }
	case "multiply":
		return func(a, b, _ float32) (da, db float32) { return b, a }
	case "divide":
		return func(_, b, y float32) (da, db float32) { return 1 / b, -y / b }
	case "maximum":
		return func(a, b, _ float32) (da, db float32) { return choose(a >= b) }
	case "minimum":
		return func(a, b, _ float32) (da, db float32) { return choose(a <= b) }
	}
	panic("op: no gradient of " + fn)
}

func choose(first bool) (a, b float32) {
	if first {
		return 1, 0
	}
	return 0, 1
}
