package layers

import (
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// SpectralNormalization keeps the largest singular value of another layer's kernel (or table of embeddings) near one. That
// happens in training; inference applies the layer as it is.
//
// Source: keras/src/layers/normalization/spectral_normalization.py
type SpectralNormalization struct {
	nn.Common
	Layer           nn.Layer `json:"layer"`
	PowerIterations int      `json:"power_iterations"`
}

// NewSpectralNormalization makes a SpectralNormalization layer.
func NewSpectralNormalization(layer nn.Layer) *SpectralNormalization {
	return &SpectralNormalization{Common: base("SpectralNormalization"), Layer: layer, PowerIterations: 1}
}

// Build implements nn.Layer.
func (l *SpectralNormalization) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	if l.Layer == nil {
		g.Failf("has no layer")
	}
	if l.PowerIterations <= 0 {
		g.Failf("power_iterations must be positive, found %d", l.PowerIterations)
	}
	if g.Training {
		g.Unsupportedf("power_iterations", "SpectralNormalization can't be trained, only used")
	}
	if b := l.Layer.Base(); b.Name == "" {
		b.Name = nn.SnakeCase(b.Class)
	}
	l.Adopt("layer", l.Layer)
	out := g.Apply(l.Layer, nn.Wires(c.In()))
	own := l.Layer.Base().Own()
	at := slices.IndexFunc(own, func(w *nn.Weight) bool { return w.Name == "kernel" || w.Name == "embeddings" })
	if at < 0 {
		g.Failf("%s has neither kernel nor embeddings", l.Layer.Base().Class)
	}
	l.Share(own[at])
	l.State(g, "vector_u", nn.TruncatedNormal(0, .02), nn.Spec{Shape: nn.Shape{1, own[at].Shape.Last()}, DType: graph.Float32})
	for i := range out { // to the input's dtype, as Keras does: embeddings become integers
		out[i].Value = cast(g, out[i].Value, c.In().DType)
	}
	return out
}
