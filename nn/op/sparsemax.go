package op

import (
	"cmp"
	"fmt"
	"slices"

	"kerasgo/nn/graph"
)

// Sparsemax is max(x - tau, 0) along an axis, with Keras's tau: of the elements in descending order, the first k are the
// support, and tau is (the sum of the first k running sums - 1) / k. (In the paper it is the last running sum alone, which
// makes the result a distribution; Keras's doesn't sum to one where k > 1, and models were trained with it.)
//
// Source: keras/src/backend/tensorflow/nn.py; Martins and Astudillo, "From Softmax to Sparsemax" (2016)
type Sparsemax struct{ Axis int }

// Infer implements graph.Op.
func (o Sparsemax) Infer(in []Spec) ([]Spec, error) {
	_, err := Axis(o.Axis, len(in[0].Shape))
	return in[:1:1], err
}

// measure finds tau and the support of n elements, a step apart; sorted is room for n numbers, and has the elements in
// ascending order after.
func (Sparsemax) measure(sorted, x []float32, step int) (tau float32, k int) {
	n := len(sorted)
	for i := range n {
		sorted[i] = x[i*step]
	}
	slices.SortStableFunc(sorted, cmp.Compare[float32]) // which sortLines takes, too: one copy in a binary
	var running, sum float32
	for i := n - 1; i >= 0; i-- {
		running += sorted[i]
		if sorted[i]-(running-1)/float32(n-i) > 0 {
			sum, k = sum+running, k+1
		}
	}
	return (sum - 1) / float32(k), k
}

// Forward implements graph.Op.
func (o Sparsemax) Forward(r *Run, in, out []*Tensor) {
	outer, n, step := lines(in[0].Shape, o.Axis)
	sorted := r.Dirty(n)
	for b := range outer {
		for s := range step {
			at := b*n*step + s
			x, y := in[0].F32[at:], out[0].F32[at:]
			tau, _ := o.measure(sorted, x, step)
			for i := 0; i < n*step; i += step {
				y[i] = max(x[i]-tau, 0)
			}
		}
	}
}

// Backward implements graph.Op: what is left of x passes the gradient on, and takes its share of tau's: the first of the
// support is in all of its k running sums, the last in one.
func (o Sparsemax) Backward(r *Run, in, out, dout, din []*Tensor) {
	outer, n, step := lines(out[0].Shape, o.Axis)
	sorted := r.Dirty(n)
	for b := range outer {
		for s := range step {
			at := b*n*step + s
			x, y, dy, dx := in[0].F32[at:], out[0].F32[at:], dout[0].F32[at:], din[0].F32[at:]
			_, k := o.measure(sorted, x, step)
			var sum float32
			for i := 0; i < n*step; i += step {
				if y[i] > 0 {
					sum, dx[i] = sum+dy[i], dx[i]+dy[i]
				}
			}
			for i := 0; i < n*step; i += step {
				place, _ := slices.BinarySearchFunc(sorted, x[i], func(e, t float32) int {
					if e <= t {
						return -1
					}
					return 1
				})
				if rank := n - place; rank < k { // elements that are larger
					dx[i] -= sum * float32(k-rank) / float32(k)
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
