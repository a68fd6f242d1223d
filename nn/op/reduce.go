package op

import (
	"fmt"
	"math"
	"slices"

	"kerasgo/internal/vec"
	"kerasgo/nn/graph"
)

// Reduce applies Fn (sum, mean, prod, max, min, any, all) over Axes (sorted, not negative), which stay with size 1 if
// Keep. any and all take and make bools; mean makes what it takes.
type Reduce struct {
	Fn   string
	Axes []int
	Keep bool
}

// Infer implements graph.Op.
func (o Reduce) Infer(in []Spec) ([]Spec, error) {
	x := in[0].Shape
	if in[0].DType == graph.String {
		return nil, fmt.Errorf("%s needs numbers, found strings", o.Fn)
	}
	for _, a := range o.Axes {
		if a < 0 || a >= len(x) {
			return nil, fmt.Errorf("axis %d is outside shape %v", a, x)
		}
	}
	y := Shape{}
	for d, n := range x {
		switch {
		case !slices.Contains(o.Axes, d):
			y = append(y, n)
		case o.Keep:
			y = append(y, 1)
		}
	}
	return []Spec{{Shape: y, DType: in[0].DType}}, checkRank(x)
}

// FLOPs implements graph.Coster.
func (Reduce) FLOPs(in, _ []Spec) int64 { return int64(in[0].Shape.Size()) }

// Forward implements graph.Op.
func (o Reduce) Forward(_ *Run, in, out []*Tensor) {
	keep, reduced := reduction(in[0].Shape, o.Axes)
	n := 1
	for _, a := range o.Axes {
		n *= in[0].Shape[a]
	}
	switch in[0].DType.Storage() {
	case graph.StoreF32:
		if _, stride := reduced.inner(); reduced.rank <= 1 && stride[0] <= 1 && (o.Fn == "sum" || o.Fn == "mean") && n > 0 {
			o.sumRows(out[0].F32, in[0].F32, &keep, n)
			return
		}
		reduce(o.Fn, &keep, &reduced, out[0].F32, in[0].F32, n)
	case graph.StoreF64:
		reduce(o.Fn, &keep, &reduced, out[0].F64, in[0].F64, n)
	case graph.StoreI32:
		reduce(o.Fn, &keep, &reduced, out[0].I32, in[0].I32, n)
		wrap(out[0])
	case graph.StoreI64:
		reduce(o.Fn, &keep, &reduced, out[0].I64, in[0].I64, n)
	}
}

// sumRows sums runs of n neighbours.
func (o Reduce) sumRows(y, x []float32, keep *nest, n int) {
	k := 0
	keep.each(func(at, _, _ int) {
		if y[k] = vec.Sum(x[at:][:n]); o.Fn == "mean" {
			y[k] /= float32(n)
		}
		k++
	})
}

func reduce[T number](fn string, keep, reduced *nest, y, x []T, n int) {
	k := 0
	keep.each(func(at, _, _ int) {
		var s float64
		switch fn {
		case "sum", "mean":
			reduced.each(func(i, _, _ int) { s += float64(x[at+i]) })
			if fn == "mean" {
				s /= float64(n)
			}
		case "prod":
			s = 1
			reduced.each(func(i, _, _ int) { s *= float64(x[at+i]) })
		case "max":
			s = math.Inf(-1)
			reduced.each(func(i, _, _ int) { s = max(s, float64(x[at+i])) })
		case "min":
			s = math.Inf(1)
			reduced.each(func(i, _, _ int) { s = min(s, float64(x[at+i])) })
		case "any":
			reduced.each(func(i, _, _ int) { s = max(s, when(x[at+i] != 0)) })
		case "all":
			s = 1
			reduced.each(func(i, _, _ int) { s = min(s, when(x[at+i] != 0)) })
		}
		y[k] = T(s)
		k++
	})
}

// Backward implements graph.Op, for float32. Several greatest elements share the gradient, as in TensorFlow.
func (o Reduce) Backward(_ *Run, in, out, dout, din []*Tensor) {
	keep, reduced := reduction(in[0].Shape, o.Axes)
	x, y, dy, dx := in[0].F32, out[0].F32, dout[0].F32, din[0].F32
	n := 1
	for _, a := range o.Axes {
		n *= in[0].Shape[a]
	}
	k := 0
	keep.each(func(at, _, _ int) {
		d := dy[k]
		switch o.Fn {
		case "mean":
			d /= float32(n)
			fallthrough
		case "sum":
			reduced.each(func(i, _, _ int) { dx[at+i] += d })
		case "max", "min":
			var ties float32
			reduced.each(func(i, _, _ int) { ties += float32(when(x[at+i] == y[k])) })
			reduced.each(func(i, _, _ int) {
				if x[at+i] == y[k] {
					dx[at+i] += d / ties
				}
			})
		case "prod":
			zeros, rest := 0, 1.0 // the product of all but zeros
			reduced.each(func(i, _, _ int) {
				if v := float64(x[at+i]); v == 0 {
					zeros++
				} else {
					rest *= v
				}
			})
			reduced.each(func(i, _, _ int) {
				switch v := float64(x[at+i]); {
				case zeros == 0:
					dx[at+i] += d * float32(rest/v)
				case zeros == 1 && v == 0:
					dx[at+i] += d * float32(rest)
				}
			})
		}
		k++
	})
}

// ArgReduce finds the index (int32) of the largest, or the smallest, element along an axis; the first one counts.
type ArgReduce struct {
	Axis int
	Min  bool
	Keep bool
	noGrad
}

// Infer implements graph.Op.
func (o ArgReduce) Infer(in []Spec) ([]Spec, error) {
	a, err := Axis(o.Axis, len(in[0].Shape))
	if err != nil {
		return nil, err
	}
	if in[0].Shape[a] == 0 {
		return nil, fmt.Errorf("axis %d of shape %v is empty", o.Axis, in[0].Shape)
	}
	s, err := Reduce{Axes: []int{a}, Keep: o.Keep}.Infer(in)
	if err != nil {
		return nil, err
	}
	return []Spec{{Shape: s[0].Shape, DType: graph.Int32}}, nil
}

// Forward implements graph.Op.
func (o ArgReduce) Forward(_ *Run, in, out []*Tensor) {
	outer, n, step := lines(in[0].Shape, o.Axis)
	switch in[0].DType.Storage() {
	case graph.StoreF32:
		argReduce(o.Min, out[0].I32, in[0].F32, outer, n, step)
	case graph.StoreF64:
		argReduce(o.Min, out[0].I32, in[0].F64, outer, n, step)
	case graph.StoreI32:
		argReduce(o.Min, out[0].I32, in[0].I32, outer, n, step)
	case graph.StoreI64:
		argReduce(o.Min, out[0].I32, in[0].I64, outer, n, step)
	}
}

func argReduce[T number](least bool, y []int32, x []T, outer, n, step int) {
	for b := range outer {
		for s := range step {
			line := x[b*n*step+s:]
			best := 0
			for i := 1; i < n; i++ {
				if v, top := line[i*step], line[best*step]; v > top && !least || v < top && least {
					best = i
				}
			}
			y[b*step+s] = int32(best)
		}
	}
}

// Cumulate is the running sum, or product, along an axis.
type Cumulate struct {
	Axis    int
	Product bool
}

// Infer implements graph.Op.
func (o Cumulate) Infer(in []Spec) ([]Spec, error) {
	_, err := Axis(o.Axis, len(in[0].Shape))
	return in[:1:1], err
}

// Forward implements graph.Op.
func (o Cumulate) Forward(_ *Run, in, out []*Tensor) {
	outer, n, step := lines(in[0].Shape, o.Axis)
	switch in[0].DType.Storage() {
	case graph.StoreF32:
		cumulate(o.Product, out[0].F32, in[0].F32, outer, n, step)
	case graph.StoreF64:
		cumulate(o.Product, out[0].F64, in[0].F64, outer, n, step)
	case graph.StoreI32:
		cumulate(o.Product, out[0].I32, in[0].I32, outer, n, step)
		wrap(out[0])
	case graph.StoreI64:
		cumulate(o.Product, out[0].I64, in[0].I64, outer, n, step)
	}
}

func cumulate[T number](product bool, y, x []T, outer, n, step int) {
	for b := range outer {
		for s := range step {
			at := b*n*step + s
			sum, prod := T(0), T(1)
			for i := 0; i < n; i, at = i+1, at+step {
				sum, prod = sum+x[at], prod*x[at]
				if y[at] = sum; product {
					y[at] = prod
				}
			}
		}
	}
}

// Backward implements graph.Op, for float32. The slope of a running product is its value over the element, as in
// TensorFlow: NaN where an element is zero.
func (o Cumulate) Backward(_ *Run, in, out, dout, din []*Tensor) {
	outer, n, step := lines(in[0].Shape, o.Axis)
	x, y, dy, dx := in[0].F32, out[0].F32, dout[0].F32, din[0].F32
	for b := range outer {
		for s := range step {
			var sum float32
			for i := n - 1; i >= 0; i-- {
				at := (b*n+i)*step + s
				if o.Product {
					sum += dy[at] * y[at]
					dx[at] += sum / x[at]
				} else {
					sum += dy[at]
					dx[at] += sum
				}
			}
		}
	}
}
