package op

import (
	"fmt"

	"kerasgo/nn/graph"
)

// Unpack4 takes pairs of signed four-bit integers out of the bytes of the last axis, the low half first: int8 [..., (N+1)/2]
// to int8 [..., N].
//
// Source: keras/src/quantizers/quantizers.py, unpack_int4
type Unpack4 struct {
	noGrad
	N int
}

// Infer implements graph.Op.
func (o Unpack4) Infer(in []Spec) ([]Spec, error) {
	x := in[0].Shape
	if in[0].DType != graph.Int8 || len(x) == 0 || x.Last() != (o.N+1)/2 {
		return nil, fmt.Errorf("needs int8 of %d bytes a row, found %v", (o.N+1)/2, in[0])
	}
	return []Spec{{Shape: x.With(1, o.N), DType: graph.Int8}}, nil
}

// Forward implements graph.Op.
func (o Unpack4) Forward(_ *Run, in, out []*Tensor) {
	bytes := (o.N + 1) / 2
	for row := range len(in[0].I32) / max(bytes, 1) {
		to := out[0].I32[row*o.N:][:o.N]
		for i := range to {
			v := in[0].I32[row*bytes+i/2] << (28 - i%2*4) // its four bits on top
			to[i] = v >> 28
		}
	}
}
