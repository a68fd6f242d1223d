package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// ELU is x above zero and Alpha·(exp(x) - 1) below.
//
// Source: keras/src/layers/activations/elu.py
type ELU struct {
	nn.Common
	Alpha float32 `json:"alpha"`
}

// NewELU makes an ELU layer; Keras's default alpha is 1.
func NewELU(alpha float32) *ELU { return &ELU{Common: base("ELU"), Alpha: alpha} }

// Build implements nn.Layer.
func (l *ELU) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	return c.Keep(g.Op(op.Unary{Fn: "elu", Args: [3]float32{l.Alpha}}, c.In().Value))
}
