package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// LeakyReLU is x above zero and NegativeSlope·x below.
//
// Source: keras/src/layers/activations/leaky_relu.py
type LeakyReLU struct {
	nn.Common
	NegativeSlope float32 `json:"negative_slope"`
}

// NewLeakyReLU makes a LeakyReLU layer; Keras's default slope is 0.3.
func NewLeakyReLU(slope float32) *LeakyReLU {
	return &LeakyReLU{Common: base("LeakyReLU"), NegativeSlope: slope}
}

// Build implements nn.Layer.
func (l *LeakyReLU) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	return c.Keep(g.Op(op.Unary{Fn: "leaky_relu", Args: [3]float32{l.NegativeSlope}}, float(g, c.In().Value)))
}
