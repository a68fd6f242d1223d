package op

import "kerasgo/nn/graph"

// FillLike is a tensor of its input's shape full of one value.
type FillLike struct {
	noGrad
	Value float64
	DType graph.DType
}

// Infer implements graph.Op.
func (o FillLike) Infer(in []Spec) ([]Spec, error) {
	return []Spec{{Shape: in[0].Shape, DType: o.DType}}, nil
}

// Forward implements graph.Op.
func (o FillLike) Forward(_ *Run, _, out []*Tensor) {
	y := out[0]
	for i := range y.F32 {
		y.F32[i] = float32(o.Value)
	}
	for i := range y.F64 {
		y.F64[i] = o.Value
	}
	for i := range y.I32 {
		y.I32[i] = int32(o.Value)
	}
	for i := range y.I64 {
		y.I64[i] = int64(o.Value)
	}
}
