package op

import (
	"fmt"
	"slices"

	"kerasgo/nn/graph"
)

// Sparsemax projects onto the probability simplex along an axis: max(x - tau, 0), with tau so that the sum is one.
//
// Source: Martins and Astudillo, "From Softmax to Sparsemax" (2016)
type Sparsemax struct{ Axis int }

// Infer implements graph.Op.
func (o Sparsemax) Infer(in []Spec) ([]Spec, error) {
	_, err := Axis(o.Axis, len(in[0].Shape))
	return in[:1:1], err
}

// Forward implements graph.Op.
func (o Sparsemax) Forward(r *Run, in, out []*Tensor) {
	outer, n, step := lines(in[0].Shape, o.Axis)
	sorted := r.Dirty(n)
	for b := range outer {
		for s := range step {
			at := b*n*step + s
			x, y := in[0].F32[at:], out[0].F32[at:]
			for i := range n {
				sorted[i] = x[i*step]
			}
			slices.Sort(sorted)
			var sum, support float32
			var k float32
			for i := n - 1; i >= 0; i-- {
				sum += sorted[i]
				if rank := float32(n - i); sorted[i]-(sum-1)/rank > 0 {
					support, k = support+sorted[i], k+1
				}
			}
			tau := (support - 1) / k
			for i := 0; i < n*step; i += step {
				y[i] = max(x[i]-tau, 0)
			}
		}
	}
}

// Backward implements graph.Op: on the support, the gradient less its mean there.
func (o Sparsemax) Backward(_ *Run, _, out, dout, din []*Tensor) {
	outer, n, step := lines(out[0].Shape, o.Axis)
	for b := range outer {
		for s := range step {
			at := b*n*step + s
			y, dy, dx := out[0].F32[at:], dout[0].F32[at:], din[0].F32[at:]
			var sum, k float32
			for i := 0; i < n*step; i += step {
				if y[i] > 0 {
					sum, k = sum+dy[i], k+1
				}
			}
			for i := 0; i < n*step; i += step {
				if y[i] > 0 {
					dx[i] += dy[i] - sum/k
				}
			}
		}
	}
}

// GLU is the gated linear unit: the first half of an axis times the sigmoid of the second.
type GLU struct{ Axis int }

// Infer implements graph.Op.
func (o GLU) Infer(in []Spec) ([]Spec, error) {
	a, err := Axis(o.Axis, len(in[0].Shape))
	if err != nil {
		return nil, err
	}
	out := slices.Clone(in[0].Shape)
	if d := out[a]; d != graph.Unknown {
		if d%2 != 0 {
			return nil, fmt.Errorf("axis %d must have an even size, found shape %v", o.Axis, in[0].Shape)
		}
		out[a] = d / 2
	}
	return specs(Spec{Shape: out, DType: in[0].DType})
}

// Forward implements graph.Op.
func (o GLU) Forward(_ *Run, in, out []*Tensor) {
	outer, n, step := lines(out[0].Shape, o.Axis)
	half := n * step
	for b := range outer {
		x, y := in[0].F32[2*b*half:], out[0].F32[b*half:]
		for i := range half {
			y[i] = float32(float64(x[i]) * sigmoid(float64(x[half+i])))
		}
	}
}

// Backward implements graph.Op.
func (o GLU) Backward(_ *Run, in, out, dout, din []*Tensor) {
	outer, n, step := lines(out[0].Shape, o.Axis)
	half := n * step
	for b := range outer {
		x, dx, dy := in[0].F32[2*b*half:], din[0].F32[2*b*half:], dout[0].F32[b*half:]
		for i := range half {
			s := float32(sigmoid(float64(x[half+i])))
			dx[i] += dy[i] * s
			dx[half+i] += dy[i] * x[i] * s * (1 - s)
		}
	}
}
