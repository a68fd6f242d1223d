package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// Rescaling is x·Scale + Offset, of numbers or of one for each channel.
//
// Source: keras/src/layers/preprocessing/rescaling.py
type Rescaling struct {
	nn.Common
	Scale  Array `json:"scale"`
	Offset Array `json:"offset"`
}

// NewRescaling makes a Rescaling layer.
func NewRescaling(scale, offset float32) *Rescaling {
	one := func(v float32) Array { return Array{Values: []float32{v}} }
	return &Rescaling{Common: base("Rescaling"), Scale: one(scale), Offset: one(offset)}
}

// Build implements nn.Layer.
func (l *Rescaling) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := float(g, c.In().Value)
	scale, offset := l.Scale, l.Offset
	if offset.Values == nil {
		offset = Array{Values: []float32{0}}
	}
	if len(scale.Values) == 0 || len(offset.Values) == 0 {
		g.Failf("scale and offset must be numbers or lists of numbers")
	}
	if len(scale.Shape) == 0 && len(offset.Shape) == 0 {
		return c.Keep(g.Op(op.Unary{Fn: "scale_offset", Args: [3]float32{scale.Values[0], offset.Values[0]}}, x))
	}
	constant := func(a Array) *nn.Value { return g.Const(graph.FromF32(a.Values, a.Shape...)) }
	return c.Keep(binary(g, "add", binary(g, "multiply", x, constant(scale)), constant(offset)))
}
