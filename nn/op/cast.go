package op

import (
	"fmt"

	"kerasgo/nn/graph"
)

// Cast converts to another dtype, as TensorFlow does: floats to integers towards zero, anything to bool by != 0.
type Cast struct{ To graph.DType }

// Infer implements graph.Op.
func (o Cast) Infer(in []Spec) ([]Spec, error) {
	if (in[0].DType == graph.String) != (o.To == graph.String) {
		return nil, fmt.Errorf("can't convert %v to %v", in[0].DType, o.To)
	}
	return []Spec{{Shape: in[0].Shape, DType: o.To}}, nil
}

// Forward implements graph.Op.
func (o Cast) Forward(_ *Run, in, out []*Tensor) {
	if in[0].DType == o.To {
		out[0].CopyFrom(in[0])
		return
	}
	graph.Cast(out[0], in[0])
}

// Backward implements graph.Op: between float types.
func (o Cast) Backward(_ *Run, in, _, dout, din []*Tensor) {
	if din[0] != nil && dout[0] != nil && din[0].F32 != nil && dout[0].F32 != nil {
		add(din[0].F32, dout[0].F32)
	}
}
