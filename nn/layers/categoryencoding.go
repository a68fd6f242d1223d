package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// CategoryEncoding makes vectors of NumTokens numbers of integers, as OutputMode says: one_hot, multi_hot or count (where a
// second input, count_weights, says how much each integer counts).
//
// Source: keras/src/layers/preprocessing/category_encoding.py
type CategoryEncoding struct {
	nn.Common
	NumTokens  int    `json:"num_tokens"`
	OutputMode string `json:"output_mode"`
	Sparse     bool   `json:"sparse"`
}

// NewCategoryEncoding makes a CategoryEncoding.
func NewCategoryEncoding(numTokens int, mode string) *CategoryEncoding {
	return &CategoryEncoding{Common: base("CategoryEncoding"), NumTokens: numTokens, OutputMode: mode}
}

// Build implements nn.Layer.
func (l *CategoryEncoding) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	if l.Sparse {
		g.Unsupportedf("sparse", "sparse outputs aren't supported")
	}
	var weights []*nn.Value
	if w := c.Arg(1, "count_weights"); w.Value != nil {
		if l.OutputMode != "count" {
			g.Failf("count_weights is for output_mode \"count\", not %q", l.OutputMode)
		}
		weights = append(weights, cast(g, w.Value, graph.Float32))
	}
	return nn.Drop(encoded(g, l.Base(), oldMode(l.OutputMode), l.NumTokens, c.In().Value, weights...))
}
