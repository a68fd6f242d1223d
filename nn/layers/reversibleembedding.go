package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// ReversibleEmbedding is an Embedding that also goes back: called with reverse=True, it makes scores for each id
// [..., InputDim] of vectors [..., OutputDim], by the table itself, or by one of its own unless TieWeights. LogitSoftCap
// bounds scores: cap·tanh(x / cap).
//
// Source: keras/src/layers/core/reversible_embedding.py
type ReversibleEmbedding struct {
	Embedding
	TieWeights   bool     `json:"tie_weights"`
	ReverseDType *string  `json:"reverse_dtype"` // nil: the layer's
	LogitSoftCap *float32 `json:"logit_soft_cap"`
}

// NewReversibleEmbedding makes a ReversibleEmbedding layer for ids below inputDim, with one table.
func NewReversibleEmbedding(inputDim, outputDim int) *ReversibleEmbedding {
	l := &ReversibleEmbedding{Embedding: *NewEmbedding(inputDim, outputDim), TieWeights: true}
	l.Class = "ReversibleEmbedding"
	return l
}

// Build implements nn.Layer.
func (l *ReversibleEmbedding) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	if l.InputDim <= 0 || l.OutputDim <= 0 {
		g.Failf("input_dim and output_dim must be positive, found %d and %d", l.InputDim, l.OutputDim)
	}
	if g.Policy().Mode != "" || l.Rank != nil {
		g.Unsupportedf("dtype", "a quantized or adapted table is not supported")
	}
	draw := l.Initializer.Or(nn.RandomUniform(-.05, .05))
	table := l.Weight(g, "embeddings", draw, l.InputDim, l.OutputDim)
	var back *nn.Value
	if !l.TieWeights {
		back = l.Weight(g, "reverse_embeddings", draw, l.OutputDim, l.InputDim)
	}
	if !flagAt(c, 1, "reverse") {
		return l.Embedding.Build(g, c)
	}
	if l.ReverseDType != nil && *l.ReverseDType != "float32" {
		g.Unsupportedf("reverse_dtype", "only float32 is supported, found %q", *l.ReverseDType)
	}
	x := c.In().Value
	if len(x.Shape) < 2 {
		g.Failf("needs vectors to go back from, found shape %v", x.Shape)
	}
	var y *nn.Value
	if l.TieWeights {
		y = g.Op(op.MatMul{TransB: true}, x, table)
	} else {
		y = g.Op(op.Dense{}, x, back, nil)
	}
	if l.LogitSoftCap != nil {
		soft := g.ScalarOf(float64(*l.LogitSoftCap), x.DType)
		y = g.Op(op.Binary{Fn: "divide"}, y, soft)
		y = g.Op(op.Binary{Fn: "multiply"}, g.Activate(nn.Act("tanh"), y), soft)
	}
	return nn.Drop(y)
}
