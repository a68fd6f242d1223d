package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// LayerScale multiplies each channel by a weight: x·gamma. keras.applications' ConvNeXt brings it.
//
// Source: keras/src/applications/convnext.py
type LayerScale struct {
	nn.Common
	InitValues    float32 `json:"init_values"`
	ProjectionDim int     `json:"projection_dim"`
}

// NewLayerScale makes a LayerScale layer for dim channels, each starting from init.
func NewLayerScale(init float32, dim int) *LayerScale {
	return &LayerScale{Common: base("LayerScale"), InitValues: init, ProjectionDim: dim}
}

// Build implements nn.Layer.
func (l *LayerScale) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	name := "variable" // Keras 3 gives it no name
	if g.Keras2 {
		name = "gamma"
	}
	gamma := l.Weight(g, name, nn.Constant(l.InitValues), positive(g, "projection_dim", l.ProjectionDim))
	return nn.Drop(g.Op(op.Binary{Fn: "multiply"}, float(g, c.In().Value), gamma))
}
