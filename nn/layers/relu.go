package layers

import (
	"math"

	"kerasgo/nn"
	"kerasgo/nn/op"
)

// ReLU is max(x, 0), with a slope below a threshold and an upper bound.
//
// Source: keras/src/layers/activations/relu.py
type ReLU struct {
	nn.Common
	MaxValue      *float32 `json:"max_value"`
	NegativeSlope float32  `json:"negative_slope"`
	Threshold     float32  `json:"threshold"`
}

// NewReLU makes a ReLU layer.
func NewReLU() *ReLU { return &ReLU{Common: base("ReLU")} }

// Build implements nn.Layer.
func (l *ReLU) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	top := float32(math.Inf(1))
	if l.MaxValue != nil {
		top = *l.MaxValue
	}
	if !(top >= 0 && l.NegativeSlope >= 0 && l.Threshold >= 0) {
		g.Failf("max_value, negative_slope and threshold can't be negative, found %v, %v and %v", top, l.NegativeSlope, l.Threshold)
	}
	return c.Keep(relu(g, c.In().Value, l.NegativeSlope, top, l.Threshold))
}

// relu is keras.activations.relu, by the simplest function that is the same.
func relu(g *nn.Graph, x *nn.Value, slope, top, threshold float32) *nn.Value {
	switch {
	case slope == 0 && threshold == 0 && math.IsInf(float64(top), 1):
		return g.Op(op.Unary{Fn: "relu"}, x)
	case slope == 0 && threshold == 0 && top == 6:
		return g.Op(op.Unary{Fn: "relu6"}, x)
	case threshold == 0 && math.IsInf(float64(top), 1):
		return g.Op(op.Unary{Fn: "leaky_relu", Args: [3]float32{slope}}, x)
	}
	return g.Op(op.Unary{Fn: "relu_general", Args: [3]float32{slope, top, threshold}}, x)
}
