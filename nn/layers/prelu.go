package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// PReLU is x above zero and alpha·x below, alpha being learned for each position; SharedAxes (from 1) share it.
//
// Source: keras/src/layers/activations/prelu.py
type PReLU struct {
	nn.Common
	AlphaInitializer nn.Initializer `json:"alpha_initializer"`
	SharedAxes       Axes           `json:"shared_axes"`
}

// NewPReLU makes a PReLU layer.
func NewPReLU(sharedAxes ...int) *PReLU {
	return &PReLU{Common: base("PReLU"), SharedAxes: sharedAxes}
}

// Build implements nn.Layer.
func (l *PReLU) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In().Value
	if len(x.Shape) < 2 {
		g.Failf("needs an input of two dimensions or more, found shape %v", x.Shape)
	}
	shape := x.Shape.With(0)[1:]
	for _, a := range l.SharedAxes {
		if a < 1 || a > len(shape) {
			g.Failf("shared_axes must be between 1 and %d, found %d", len(shape), a)
		}
		shape[a-1] = 1
	}
	alpha := l.Weight(g, "alpha", l.AlphaInitializer.Or(nn.Zeros), shape...)
	return c.Keep(g.Op(op.Binary{Fn: "prelu"}, x, alpha))
}
