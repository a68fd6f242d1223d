package layers

import "kerasgo/nn"

// Activation applies an activation.
//
// Source: keras/src/layers/activations/activation.py
type Activation struct {
	nn.Common
	Activation nn.Activation `json:"activation"`
}

// NewActivation makes an Activation layer: relu, softmax, ...
func NewActivation(name string) *Activation {
	return &Activation{Common: base("Activation"), Activation: nn.Act(name)}
}

// Build implements nn.Layer.
func (l *Activation) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	return c.Keep(g.Activate(l.Activation, c.In().Value))
}
