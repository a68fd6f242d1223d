package op

import (
	"fmt"

	"kerasgo/nn/graph"
)

// Gather looks rows of a table up: table [n, d], ids [...] (int32 or int64) to [..., d]. An id outside the table is an error.
type Gather struct{}

// Infer implements graph.Op.
func (Gather) Infer(in []Spec) ([]Spec, error) {
	if in[1].DType != graph.Int32 && in[1].DType != graph.Int64 {
		return nil, fmt.Errorf("ids must be int32 or int64, found %v", in[1].DType)
	}
	return []Spec{{Shape: in[1].Shape.With(0, in[0].Shape[1:]...), DType: in[0].DType}}, nil
}

// Forward implements graph.Op.
func (Gather) Forward(r *Run, in, out []*Tensor) {
	n, d := in[0].Shape[0], in[0].Shape[1]
	for i := range in[1].Len() {
		id := idAt(in[1], i)
		if id < 0 || id >= n {
			r.Fail("id %d at position %d is outside [0, %d)", id, i, n)
			return
		}
		switch table, y := in[0], out[0]; table.DType.Storage() {
		case graph.StoreF32:
			copy(y.F32[i*d:][:d], table.F32[id*d:])
		case graph.StoreF64:
			copy(y.F64[i*d:][:d], table.F64[id*d:])
		case graph.StoreI32:
			copy(y.I32[i*d:][:d], table.I32[id*d:])
		}
	}
}

// idAt is id i of a tensor of int32 or int64.
func idAt(ids *Tensor, i int) int {
	if ids.I64 != nil {
		return int(ids.I64[i])
	}
	return int(ids.I32[i])
}

// Backward implements graph.Op.
func (Gather) Backward(_ *Run, in, _, dout, din []*Tensor) {
	d := in[0].Shape[1]
	for i := range in[1].Len() {
		add(din[0].F32[idAt(in[1], i)*d:][:d], dout[0].F32[i*d:][:d])
	}
}
