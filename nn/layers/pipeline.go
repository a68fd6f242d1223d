package layers

import "kerasgo/nn"

// Pipeline calls layers one after the other.
//
// Source: keras/src/layers/preprocessing/pipeline.py
type Pipeline struct {
	nn.Common
	Layers []nn.Layer `json:"layers"`
}

// NewPipeline makes a Pipeline of layers.
func NewPipeline(layers ...nn.Layer) *Pipeline { return &Pipeline{base("Pipeline"), layers} }

// Build implements nn.Layer.
func (l *Pipeline) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	if len(l.Layers) == 0 {
		g.Failf("has no layers")
	}
	l.Adopt("layers", l.Layers...)
	var out []nn.Wire
	for _, inner := range l.Layers {
		out = g.Apply(inner, c)
		c = nn.Wires(out...)
	}
	return out
}
