package op

import (
	"fmt"

	"kerasgo/nn/graph"
)

// Gather looks rows of a table up: table [n, d], ids [...] (int32) to [..., d]. An id outside the table is an error.
type Gather struct{}

// Infer implements graph.Op.
func (Gather) Infer(in []Spec) ([]Spec, error) {
	if in[1].DType != graph.Int32 {
		return nil, fmt.Errorf("ids must be int32, found %v", in[1].DType)
	}
	return []Spec{{Shape: in[1].Shape.With(0, in[0].Shape[1:]...), DType: in[0].DType}}, nil
}

// Forward implements graph.Op.
func (Gather) Forward(r *Run, in, out []*Tensor) {
	n, d := in[0].Shape[0], in[0].Shape[1]
	for i, id := range in[1].I32 {
		if id < 0 || int(id) >= n {
			r.Fail("id %d at position %d is outside [0, %d)", id, i, n)
			return
		}
		copy(out[0].F32[i*d:][:d], in[0].F32[int(id)*d:])
	}
}

// Backward implements graph.Op.
func (Gather) Backward(_ *Run, in, _, dout, din []*Tensor) {
	d := in[0].Shape[1]
	for i, id := range in[1].I32 {
		add(din[0].F32[int(id)*d:][:d], dout[0].F32[i*d:][:d])
	}
}
