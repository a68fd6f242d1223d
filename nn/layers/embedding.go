package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// Embedding looks ids up in a table: ids [...] to [..., OutputDim]. With MaskZero, id 0 is padding.
//
// Source: keras/src/layers/core/embedding.py
type Embedding struct {
	nn.Common
	InputDim  int  `json:"input_dim"`
	OutputDim int  `json:"output_dim"`
	MaskZero  bool `json:"mask_zero"`

	Initializer nn.Initializer `json:"embeddings_initializer"`
	lora
	quantizing
}

// NewEmbedding makes an Embedding layer for ids below inputDim.
func NewEmbedding(inputDim, outputDim int) *Embedding {
	return &Embedding{Common: base("Embedding"), InputDim: inputDim, OutputDim: outputDim}
}

// Build implements nn.Layer.
func (l *Embedding) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	if l.InputDim <= 0 || l.OutputDim <= 0 {
		g.Failf("input_dim and output_dim must be positive, found %d and %d", l.InputDim, l.OutputDim)
	}
	ids := c.In().Value
	if ids.DType != graph.Int32 && ids.DType != graph.Int64 {
		ids = g.Op(op.Cast{To: graph.Int32}, ids)
	}
	var out nn.Wire
	if g.Policy().Mode != "" {
		if l.Rank != nil {
			g.Unsupportedf("lora_rank", "additions to quantized embeddings are not supported")
		}
		out.Value = l.lookup(g, &l.Common, ids, l.InputDim, l.OutputDim)
	} else {
		table := l.Variable(g, "embeddings", l.Initializer.Or(nn.RandomUniform(-.05, .05)), l.InputDim, l.OutputDim)
		out.Value = g.Op(op.Gather{}, l.adapted(g, &l.Common, "embeddings", table), ids)
	}
	if l.MaskZero {
		zero := g.ScalarOf(0, ids.DType)
		out.Mask = g.Op(op.Binary{Fn: "not_equal"}, ids, zero)
	}
	return []nn.Wire{out}
}

// SavedOrder implements nn.Saver.
func (l *Embedding) SavedOrder() []string { return savedOrder("embeddings") }

// SavedData implements nn.Saver.
func (l *Embedding) SavedData(w *nn.Weight) *nn.Tensor { return l.merged(&l.Common, "embeddings", w) }

// KeepsInputs says that Keras doesn't convert the ids.
func (l *Embedding) KeepsInputs() {}
