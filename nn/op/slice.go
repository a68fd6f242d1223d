package op

import (
	"fmt"

	"kerasgo/nn/graph"
)

// End says that a Range goes as far as its axis.
const End = int(^uint(0) >> 1)

// Range is Python's start:stop:step along an axis; negative bounds count from the end. Stop may be End (or, going
// backwards, -End) and Start likewise.
type Range struct{ Start, Stop, Step int }

// All is the whole of an axis.
func All() Range { return Range{0, End, 1} }

// At is element i of an axis, as an axis of size 1; Slice refuses one that isn't there.
func At(i int) Range { return Range{i, i + 1, 0} }

// count resolves a range on an axis of n elements: where it starts, how many it takes, how far apart.
func (r Range) count(n int) (start, count, step int, err error) {
	if r.Step == 0 { // one element
		i := r.Start
		if i < 0 {
			i += n
		}
		if i < 0 || i >= n {
			return 0, 0, 0, fmt.Errorf("index %d is outside an axis of %d", r.Start, n)
		}
		return i, 1, 1, nil
	}
	bound := func(i, lo, hi int) int {
		switch {
		case i == End || i == -End:
		case i < 0:
			i += n
		}
		return max(lo, min(i, hi))
	}
	if r.Step > 0 {
		a, b := bound(r.Start, 0, n), bound(r.Stop, 0, n)
		return a, max(0, (b-a+r.Step-1)/r.Step), r.Step, nil
	}
	a, b := bound(r.Start, -1, n-1), bound(r.Stop, -1, n-1)
	return a, max(0, (a-b-r.Step-1)/-r.Step), r.Step, nil
}

// Slice takes a Range along each of the leading axes.
type Slice struct{ Ranges []Range }

// Infer implements graph.Op.
func (o Slice) Infer(in []Spec) ([]Spec, error) {
	x := in[0].Shape
	if len(o.Ranges) > len(x) {
		return nil, fmt.Errorf("too many indices for shape %v: %d", x, len(o.Ranges))
	}
	y := append(Shape{}, x...)
	for d, r := range o.Ranges {
		switch {
		case r.Step == 0 && x[d] == graph.Unknown:
			y[d] = 1
		case x[d] != graph.Unknown:
			_, n, _, err := r.count(x[d])
			if err != nil {
				return nil, fmt.Errorf("axis %d: %w", d, err)
			}
			y[d] = n
		}
	}
	return []Spec{{Shape: y, DType: in[0].DType}}, checkRank(x)
}

// nest walks the output; operand 0 is the input, operand 1 the output.
func (o Slice) nest(x, y Shape) nest {
	l := newNest(y, x, y)
	step := 1
	for d := len(x) - 1; d >= 0; d-- {
		l.stride[0][d] = step
		if d < len(o.Ranges) {
			start, _, by, _ := o.Ranges[d].count(x[d]) // Infer has checked it
			l.base[0] += start * step
			l.stride[0][d] *= by
		}
		step *= x[d]
	}
	l.collapse()
	return l
}

// Forward implements graph.Op.
func (o Slice) Forward(_ *Run, in, out []*Tensor) {
	if out[0].Len() == 0 {
		return
	}
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

// Backward implements graph.Op.
func (o Slice) Backward(_ *Run, in, out, dout, din []*Tensor) {
	if out[0].Len() == 0 {
		return
	}
	l := o.nest(in[0].Shape, out[0].Shape)
	unstrided(&l, din[0].F32, dout[0].F32)
}

// Roll moves the elements of an axis By places on; those that fall off the end come back at the start.
type Roll struct{ Axis, By int }

// Infer implements graph.Op.
func (o Roll) Infer(in []Spec) ([]Spec, error) {
	_, err := Axis(o.Axis, len(in[0].Shape))
	if in[0].DType == graph.String {
		return nil, fmt.Errorf("can't roll strings")
	}
	return in[:1:1], err
}

// cut is where x's axis is cut in two: the element that comes first.
func (o Roll) cut(n int) int { return ((-o.By)%n + n) % n }

// Forward implements graph.Op.
func (o Roll) Forward(_ *Run, in, out []*Tensor) {
	outer, n, step := lines(in[0].Shape, o.Axis)
	switch in[0].DType.Storage() {
	case graph.StoreF32:
		rollLines(o, out[0].F32, in[0].F32, outer, n, step)
	case graph.StoreF64:
		rollLines(o, out[0].F64, in[0].F64, outer, n, step)
	case graph.StoreI32:
		rollLines(o, out[0].I32, in[0].I32, outer, n, step)
	case graph.StoreI64:
		rollLines(o, out[0].I64, in[0].I64, outer, n, step)
	}
}

func rollLines[T any](o Roll, y, x []T, outer, n, step int) {
	if len(x) == 0 {
		return
	}
	at := o.cut(n) * step
	for b := range outer {
		from, to := x[b*n*step:][:n*step], y[b*n*step:][:n*step]
		copy(to[copy(to, from[at:]):], from)
	}
}

// Backward implements graph.Op.
func (o Roll) Backward(_ *Run, in, _, dout, din []*Tensor) {
	outer, n, step := lines(in[0].Shape, o.Axis)
	if in[0].Len() == 0 {
		return
	}
	at := o.cut(n) * step
	for b := range outer {
		dx, dy := din[0].F32[b*n*step:][:n*step], dout[0].F32[b*n*step:][:n*step]
		add(dx[at:], dy[:n*step-at])
		add(dx[:at], dy[n*step-at:])
	}
}
