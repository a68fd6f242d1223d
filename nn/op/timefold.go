package op

import (
	"fmt"

	"kerasgo/nn/graph"
)

// FoldTime makes [B, T, ...] into [B·T, ...], so that a layer sees every step as a row.
type FoldTime struct{}

// View implements graph.Viewer.
func (FoldTime) View() bool { return true }

// Infer implements graph.Op.
func (FoldTime) Infer(in []Spec) ([]Spec, error) {
	x := in[0].Shape
	if len(x) < 2 {
		return nil, fmt.Errorf("needs [batch, time, ...], found %v", x)
	}
	return []Spec{{Shape: append(Shape{x[:2].Size()}, x[2:]...), DType: in[0].DType}}, nil
}

// Forward implements graph.Op.
func (FoldTime) Forward(_ *Run, in, out []*Tensor) { out[0].CopyFrom(in[0]) }

// Backward implements graph.Op.
func (FoldTime) Backward(_ *Run, _, _, dout, din []*Tensor) { add(din[0].F32, dout[0].F32) }

// UnfoldTime is the inverse: y [B·T, ...] and anything [B, T, ...] to [B, T, ...].
type UnfoldTime struct{}

// View implements graph.Viewer.
func (UnfoldTime) View() bool { return true }

// Infer implements graph.Op.
func (UnfoldTime) Infer(in []Spec) ([]Spec, error) {
	y, like := in[0].Shape, in[1].Shape
	if n := like[:2].Size(); n != graph.Unknown && y[0] != graph.Unknown && y[0] != n {
		return nil, fmt.Errorf("%d rows don't make steps of %v", y[0], like[:2])
	}
	return []Spec{{Shape: append(Shape{like[0], like[1]}, y[1:]...), DType: in[0].DType}}, nil
}

// Forward implements graph.Op.
func (UnfoldTime) Forward(_ *Run, in, out []*Tensor) { out[0].CopyFrom(in[0]) }

// Backward implements graph.Op.
func (UnfoldTime) Backward(_ *Run, _, _, dout, din []*Tensor) {
	if din[0] != nil {
		add(din[0].F32, dout[0].F32)
	}
}
