package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// Flatten makes one axis of all but the batch.
//
// Source: keras/src/layers/reshaping/flatten.py
type Flatten struct {
	nn.Common
	DataFormat string `json:"data_format"`
}

// NewFlatten makes a Flatten layer.
func NewFlatten() *Flatten {
	return &Flatten{Common: base("Flatten"), DataFormat: "channels_last"}
}

// Build implements nn.Layer.
func (l *Flatten) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In().Value
	if len(x.Shape) == 0 {
		g.Failf("needs an input with a batch dimension")
	}
	if len(x.Shape) > 1 {
		x = toLast(g, l.DataFormat, x)
	}
	return nn.Drop(g.Op(op.View{Lead: 1, To: nn.Shape{-1}}, x))
}
