package op

import (
	"fmt"
	"math"
	"sync"

	"kerasgo/internal/vec"
	"kerasgo/nn/graph"
)

// Binary applies a broadcasting function of two operands of one dtype; comparisons and logic make bools. Fn is one of
// those that compare and arithmetic know.
type Binary struct{ Fn string }

// Infer implements graph.Op.
func (o Binary) Infer(in []Spec) ([]Spec, error) {
	if o.code() == opUnknown {
		return nil, fmt.Errorf("there is no function %q of two numbers", o.Fn)
	}
	if in[0].DType != in[1].DType {
		return nil, fmt.Errorf("%s needs operands of one dtype, found %v and %v", o.Fn, in[0].DType, in[1].DType)
	}
	if in[0].DType == graph.String {
		return nil, fmt.Errorf("%s needs numbers, found strings", o.Fn)
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

func (o Binary) compares() bool { return o.code() < opAdd }

// FLOPs implements graph.Coster.
func (Binary) FLOPs(_, out []Spec) int64 { return int64(out[0].Shape.Size()) }

// InPlace implements graph.InPlacer: the executor sees to it that the sizes are the same.
func (o Binary) InPlace() bool { return !o.compares() }

// Forward implements graph.Op.
func (o Binary) Forward(r *Run, in, out []*Tensor) {
	a, b, y := in[0], in[1], out[0]
	if o.divides() && (hasZero(b.I32) || hasZero(b.I64)) {
		r.Fail("integer division by zero")
		y.Zero()
		return
	}
	l := newNest(y.Shape, a.Shape, b.Shape, y.Shape)
	l.collapse()
	switch in[0].DType.Storage() {
	case graph.StoreF32:
		if !o.compares() {
			o.floats(r, &l, y.F32, a.F32, b.F32)
			return
		}
		zipTruth(o.code(), &l, y.I32, a.F32, b.F32)
	case graph.StoreF64:
		both(o, &l, y, y.F64, a.F64, b.F64)
	case graph.StoreI32:
		both(o, &l, y, y.I32, a.I32, b.I32)
		wrap(y)
	case graph.StoreI64:
		both(o, &l, y, y.I64, a.I64, b.I64)
	}
}

func (o Binary) divides() bool { return o.Fn == "floor_divide" || o.Fn == "mod" || o.Fn == "divide" }

func hasZero[T int32 | int64](x []T) bool {
	for _, v := range x {
		if v == 0 {
			return true
		}
	}
	return false
}

type number interface {
	float32 | float64 | int32 | int64
}

func both[T number](o Binary, l *nest, out *Tensor, y, a, b []T) {
	if c := o.code(); c < opAdd {
		zipTruth(c, l, out.I32, a, b)
	} else {
		zip(c, l, y, a, b)
	}
}

// zip sets y to a function of its operands.
func zip[T number](c binaryCode, l *nest, y, a, b []T) {
	n, stride := l.inner()
	da, db := stride[0], stride[1]
	l.runs(func(i, j, k int) {
		for at := range n {
			y[k+at] = arithmetic(c, a[i], b[j])
			i, j = i+da, j+db
		}
	})
}

func zipTruth[T number](c binaryCode, l *nest, y []int32, a, b []T) {
	n, stride := l.inner()
	da, db := stride[0], stride[1]
	l.runs(func(i, j, k int) {
		for at := range n {
			y[k+at] = compare(c, a[i], b[j])
			i, j = i+da, j+db
		}
	})
}

// binaryTask is a Binary over large operands, cut along the outermost axis.
type binaryTask struct {
	l       nest
	code    binaryCode
	y, a, b []float32
	per     int // of the outermost axis, in a piece
}

var binaryTasks = sync.Pool{New: func() any { return new(binaryTask) }}

// Do implements par.Task.
func (t *binaryTask) Do(_, i int) {
	l := t.l.part(i*t.per, min((i+1)*t.per, t.l.dims[0]))
	t.run(&l)
}

func (t *binaryTask) run(l *nest) {
	n, stride := l.inner()
	da, db := stride[0], stride[1]
	y, a, b := t.y, t.a, t.b
	switch {
	case n > 1 && da == 1 && db == 1:
		switch t.code {
		case opAdd:
			l.runs(func(i, j, k int) { vec.Add(y[k:][:n], a[i:], b[j:]) })
			return
		case opSubtract:
			l.runs(func(i, j, k int) { vec.Sub(y[k:][:n], a[i:], b[j:]) })
			return
		case opMultiply:
			l.runs(func(i, j, k int) { vec.Mul(y[k:][:n], a[i:], b[j:]) })
			return
		}
	case n > 1 && t.code == opMultiply && da == 1 && db == 0:
		l.runs(func(i, j, k int) { vec.Scale(y[k:][:n], a[i:], b[j]) })
		return
	case n > 1 && t.code == opMultiply && da == 0 && db == 1:
		l.runs(func(i, j, k int) { vec.Scale(y[k:][:n], b[j:], a[i]) })
		return
	}
	zip(t.code, l, y, a, b)
}

func (o Binary) floats(r *Run, l *nest, y, a, b []float32) {
	if len(y) == 0 {
		return
	}
	t := binaryTasks.Get().(*binaryTask)
	*t = binaryTask{l: *l, code: o.code(), y: y, a: a, b: b}
	if _, ok := share(r.Pool, len(y)); ok && l.rank > 0 {
		t.per = max(1, piece/max(1, len(y)/l.dims[0]))
		r.Pool.Run((l.dims[0]+t.per-1)/t.per, t)
	} else {
		t.run(l)
	}
	*t = binaryTask{}
	binaryTasks.Put(t)
}

// binaryCode is a function of two numbers. It is a number and not a closure because those of generic functions are
// allocated.
type binaryCode uint8

const (
	opEqual binaryCode = iota
	opNotEqual
	opLess
	opLessEqual
	opGreater
	opGreaterEqual
	opAnd
	opOr
	opXor
	opAdd // arithmetic from here on
	opSubtract
	opMultiply
	opDivide
	opMaximum
	opMinimum
	opFloorDivide
	opMod
	opPower
	opArctan2
	opLogAddExp
	opPReLU
	opUnknown
)

var binaryNames = [opUnknown]string{"equal", "not_equal", "less", "less_equal", "greater", "greater_equal", "logical_and",
	"logical_or", "logical_xor", "add", "subtract", "multiply", "divide", "maximum", "minimum", "floor_divide", "mod", "power",
	"arctan2", "logaddexp", "prelu"}

func (o Binary) code() binaryCode {
	for i, name := range binaryNames {
		if name == o.Fn {
			return binaryCode(i)
		}
	}
	return opUnknown
}

func compare[T number](c binaryCode, a, b T) int32 {
	switch c {
	case opEqual:
		return truth(a == b)
	case opNotEqual:
		return truth(a != b)
	case opLess:
		return truth(a < b)
	case opLessEqual:
		return truth(a <= b)
	case opGreater:
		return truth(a > b)
	case opGreaterEqual:
		return truth(a >= b)
	case opAnd:
		return truth(a != 0 && b != 0)
	case opOr:
		return truth(a != 0 || b != 0)
	case opXor:
		return truth((a != 0) != (b != 0))
	}
	panic("op: no comparison")
}

func arithmetic[T number](c binaryCode, a, b T) T {
	switch c {
	case opAdd:
		return a + b
	case opSubtract:
		return a - b
	case opMultiply:
		return a * b
	case opDivide:
		return a / b
	case opMaximum: // NaN wins, as in TensorFlow
		if a > b || a != a {
			return a
		}
		return b
	case opMinimum:
		if a < b || a != a {
			return a
		}
		return b
	case opFloorDivide:
		return floorDivide(a, b)
	case opMod: // the sign is the divisor's, as in Python
		return floorMod(a, b)
	case opPower:
		return T(math.Pow(float64(a), float64(b)))
	case opArctan2:
		return T(math.Atan2(float64(a), float64(b)))
	case opLogAddExp:
		x, y := float64(a), float64(b)
		if x == y { // infinities, too
			return T(x + math.Ln2)
		}
		return T(max(x, y) + math.Log1p(math.Exp(-math.Abs(x-y))))
	case opPReLU: // alpha is b
		if a < 0 {
			return a * b
		}
		return a
	}
	panic("op: no arithmetic")
}

func floorDivide[T number](a, b T) T {
	if isFloat[T]() {
		return T(math.Floor(float64(a) / float64(b)))
	}
	q := a / b
	if q*b != a && (a < 0) != (b < 0) {
		q--
	}
	return q
}

func floorMod[T number](a, b T) T {
	if isFloat[T]() {
		m := math.Mod(float64(a), float64(b))
		if m != 0 && (m < 0) != (b < 0) {
			m += float64(b)
		}
		return T(m)
	}
	return a - floorDivide(a, b)*b
}

func isFloat[T number]() bool {
	one := T(1)
	return one/2 != 0
}

// Backward implements graph.Op, for float32.
func (o Binary) Backward(_ *Run, in, out, dout, din []*Tensor) {
	if o.compares() {
		return
	}
	a, b, y, dy := in[0].F32, in[1].F32, out[0].F32, dout[0].F32
	var dx, dz []float32
	if din[0] != nil {
		dx = din[0].F32
	}
	if din[1] != nil {
		dz = din[1].F32
	}
	if in[0].Shape.Equal(in[1].Shape) && o.alike(dx, dz, dy, a, b) {
		return
	}
	d := slopes(o.Fn)
	l := newNest(out[0].Shape, in[0].Shape, in[1].Shape, out[0].Shape)
	l.collapse()
	n, stride := l.inner()
	ia, ib := stride[0], stride[1]
	l.runs(func(i, j, k int) {
		for at := range n {
			da, db := d(a[i], b[j], y[k+at])
			if dx != nil {
				dx[i] += da * dy[k+at]
			}
			if dz != nil {
				dz[j] += db * dy[k+at]
			}
			i, j = i+ia, j+ib
		}
	})
}

// alike adds the gradients of operands of one shape; false: there is no fast way for the function.
func (o Binary) alike(dx, dz, dy, a, b []float32) bool {
	switch o.Fn {
	case "add", "subtract":
		if dx != nil {
			add(dx, dy)
		}
		if dz != nil && o.Fn == "add" {
			add(dz, dy)
		} else if dz != nil {
			vec.Sub(dz, dz, dy)
		}
	case "multiply":
		if dx != nil {
			vec.MulAdd(dx, dy, b)
		}
		if dz != nil {
			vec.MulAdd(dz, dy, a)
		}
	default:
		return false
	}
	return true
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
	case "floor_divide":
		return func(_, _, _ float32) (da, db float32) { return 0, 0 }
	case "mod":
		return func(a, b, _ float32) (da, db float32) { return 1, -float32(math.Floor(float64(a / b))) }
	case "power":
		return func(a, b, y float32) (da, db float32) {
			da = b * float32(math.Pow(float64(a), float64(b-1)))
			if a > 0 {
				db = y * float32(math.Log(float64(a)))
			}
			return da, db
		}
	case "arctan2":
		return func(a, b, _ float32) (da, db float32) { s := a*a + b*b; return b / s, -a / s }
	case "logaddexp":
		return func(a, b, y float32) (da, db float32) {
			return float32(math.Exp(float64(a - y))), float32(math.Exp(float64(b - y)))
		}
	case "prelu":
		return func(a, b, _ float32) (da, db float32) {
			switch {
			case a > 0:
				return 1, 0
			case a < 0:
				return b, a
			}
			return 0, 0
		}
	}
	panic("op: no gradient of " + fn)
}

func choose(first bool) (a, b float32) {
	if first {
		return 1, 0
	}
	return 0, 1
}
