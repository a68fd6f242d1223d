package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// ThresholdedReLU is x above Theta, and zero elsewhere.
//
// Source: keras/src/layers/activation/thresholded_relu.py (Keras 2.15); Keras 3 has no such layer
type ThresholdedReLU struct {
	nn.Common
	Theta float32 `json:"theta"`
}

// NewThresholdedReLU makes a ThresholdedReLU layer; Keras's default theta is 1.
func NewThresholdedReLU(theta float32) *ThresholdedReLU {
	return &ThresholdedReLU{Common: base("ThresholdedReLU"), Theta: theta}
}

// Build implements nn.Layer.
func (l *ThresholdedReLU) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	if !(l.Theta >= 0) {
		g.Failf("theta can't be negative, found %v", l.Theta)
	}
	return c.Keep(g.Op(op.Unary{Fn: "threshold", Args: [3]float32{l.Theta}}, float(g, c.In().Value)))
}
