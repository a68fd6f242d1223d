package layers

import "kerasgo/nn"

// Identity returns its input.
//
// Source: keras/src/layers/core/identity.py
type Identity struct{ nn.Common }

// NewIdentity makes an Identity layer.
func NewIdentity() *Identity { return &Identity{base("Identity")} }

// Build implements nn.Layer.
func (l *Identity) Build(g *nn.Graph, c nn.Call) []nn.Wire { return c.Keep(c.In().Value) }

// ActivityRegularization returns its input; L1 and L2 weigh what its size adds to the loss while training.
//
// Source: keras/src/layers/regularization/activity_regularization.py
type ActivityRegularization struct {
	nn.Common
	L1 float32 `json:"l1"`
	L2 float32 `json:"l2"`
}

// NewActivityRegularization makes an ActivityRegularization layer.
func NewActivityRegularization(l1, l2 float32) *ActivityRegularization {
	return &ActivityRegularization{base("ActivityRegularization"), l1, l2}
}

// Build implements nn.Layer.
func (l *ActivityRegularization) Build(g *nn.Graph, c nn.Call) []nn.Wire { return c.Keep(c.In().Value) }
