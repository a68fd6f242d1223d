package op

import (
	"fmt"
	"math"

	"kerasgo/nn/graph"
)

// AdaptivePool makes an axis To long: element i is the mean, or the maximum, of the n that stand from i·n/To (rounded down)
// to (i+1)·n/To (rounded up). Windows overlap where To doesn't divide n. Pooling over several axes is one after the other.
//
// Source: keras/src/layers/pooling/base_adaptive_pooling.py, keras/src/backend/tensorflow/nn.py
type AdaptivePool struct {
	Axis, To int
	Max      bool
}

// Infer implements graph.Op.
func (o AdaptivePool) Infer(in []Spec) ([]Spec, error) {
	x := in[0].Shape
	a, err := Axis(o.Axis, len(x))
	switch {
	case err != nil:
		return nil, err
	case in[0].DType != graph.Float32:
		return nil, fmt.Errorf("needs float32, found %v", in[0].DType)
	case o.To < 1 || x[a] == 0:
		return nil, fmt.Errorf("can't pool axis %d of shape %v to %d", o.Axis, x, o.To)
	}
	y := append(Shape{}, x...)
	y[a] = o.To
	s := f32(y...)
	return specs(s)
}

// FLOPs implements graph.Coster.
func (AdaptivePool) FLOPs(in, _ []Spec) int64 { return int64(in[0].Shape.Size()) }

// window is where element i comes from, of n.
func (o AdaptivePool) window(i, n int) (from, to int) {
	return i * n / o.To, ((i+1)*n + o.To - 1) / o.To
}

// Forward implements graph.Op.
func (o AdaptivePool) Forward(_ *Run, in, out []*Tensor) {
	outer, n, step := lines(in[0].Shape, o.Axis)
	for b := range outer {
		x, y := in[0].F32[b*n*step:][:n*step], out[0].F32[b*o.To*step:][:o.To*step]
		for i := range o.To {
			from, to := o.window(i, n)
			for c := range step {
				if o.Max {
					y[i*step+c] = x[o.largest(x, from, to, c, step)*step+c]
					continue
				}
				var sum float64
				for k := from; k < to; k++ {
					sum += float64(x[k*step+c])
				}
				y[i*step+c] = float32(sum / float64(to-from))
			}
		}
	}
}

// largest is the first of the largest of a window, or the first NaN.
func (AdaptivePool) largest(x []float32, from, to, c, step int) int {
	best, top := from, float32(math.Inf(-1))
	for k := from; k < to; k++ {
		v := x[k*step+c]
		if v != v {
			return k
		}
		if v > top {
			best, top = k, v
		}
	}
	return best
}

// Backward implements graph.Op.
func (o AdaptivePool) Backward(_ *Run, in, _, dout, din []*Tensor) {
	outer, n, step := lines(in[0].Shape, o.Axis)
	for b := range outer {
		x, dx, dy := in[0].F32[b*n*step:][:n*step], din[0].F32[b*n*step:][:n*step], dout[0].F32[b*o.To*step:][:o.To*step]
		for i := range o.To {
			from, to := o.window(i, n)
			for c := range step {
				d := dy[i*step+c]
				if o.Max {
					dx[o.largest(x, from, to, c, step)*step+c] += d
					continue
				}
				for k := from; k < to; k++ {
					dx[k*step+c] += d / float32(to-from)
				}
			}
		}
	}
}
