package layers

import (
	"math"

	"kerasgo/nn"
	"kerasgo/nn/op"
)

// GroupQueryAttention is MultiHeadAttention in which several heads of the query share one of the key and value: query
// [batch, T, ...], value and key [batch, S, ...] to the query's shape. It is called as MultiHeadAttention is.
//
// Source: keras/src/layers/attention/grouped_query_attention.py
type GroupQueryAttention struct {
	nn.Common
	HeadDim           int            `json:"head_dim"`
	NumQueryHeads     int            `json:"num_query_heads"`
	NumKeyValueHeads  int            `json:"num_key_value_heads"`
	Dropout           float32        `json:"dropout"`
	UseBias           bool           `json:"use_bias"`
	UseGate           bool           `json:"use_gate"`
	SlidingWindow     *int           `json:"sliding_window"`
	FlashAttention    *bool          `json:"flash_attention"` // how it is computed, not what
	KernelInitializer nn.Initializer `json:"kernel_initializer"`
	BiasInitializer   nn.Initializer `json:"bias_initializer"`
}

// NewGroupQueryAttention makes a GroupQueryAttention layer.
func NewGroupQueryAttention(headDim, queryHeads, keyValueHeads int) *GroupQueryAttention {
	return &GroupQueryAttention{Common: base("GroupQueryAttention"), HeadDim: headDim, NumQueryHeads: queryHeads,
		NumKeyValueHeads: keyValueHeads, UseBias: true}
}

// Build implements nn.Layer.
func (l *GroupQueryAttention) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	if l.HeadDim <= 0 || l.NumKeyValueHeads <= 0 || l.NumQueryHeads <= 0 || l.NumQueryHeads%l.NumKeyValueHeads != 0 {
		g.Failf("head_dim must be positive and num_query_heads a multiple of num_key_value_heads, found %d, %d and %d", l.HeadDim,
			l.NumQueryHeads, l.NumKeyValueHeads)
	}
	a := newAttending(g, c, false)
	a.window(l.SlidingWindow)
	p := projections{l.UseBias, l.KernelInitializer, l.BiasInitializer}
	heads := func(attr, name string, n int) *EinsumDense {
		return nn.Sub(&l.Common, attr, name, func() *EinsumDense { return p.toHeads(n, l.HeadDim) })
	}
	if len(a.query.Shape) != 3 || len(a.value.Shape) != 3 || len(a.key.Shape) != 3 {
		g.Failf("needs inputs of three dimensions, found shapes %v, %v and %v", a.query.Shape, a.value.Shape, a.key.Shape)
	}
	q := p.apply(g, heads("_query_dense", "query", l.NumQueryHeads), a.query.Value)
	k := p.apply(g, heads("_key_dense", "key", l.NumKeyValueHeads), a.key.Value)
	var gate *nn.Value
	if l.UseGate {
		d := heads("_gate_dense", "gate", l.NumQueryHeads)
		d.Activation = nn.Act("sigmoid")
		gate = p.apply(g, d, a.query.Value)
	}
	v := p.apply(g, heads("_value_dense", "value", l.NumKeyValueHeads), a.value.Value)
	rule := op.MaskLowest
	if l.Dropout > 0 || a.scores {
		rule = op.MaskZero
	}
	plan := attendAxes{n: 1}
	y, weights := a.attend(g, attention{keyDim: l.HeadDim, scale: float32(1 / math.Sqrt(float64(l.HeadDim))), dropout: l.Dropout, rule: rule}, q, k, v,
		plan.masks(g, a.masks(g), q.Shape))
	if gate != nil {
		y = g.Op(op.Binary{Fn: "multiply"}, y, gate)
	}
	out := nn.Sub(&l.Common, "_output_dense", "attention_output", func() *EinsumDense { return &EinsumDense{Common: base("EinsumDense")} })
	p.fromHeads(g, out, 4, []int{a.query.Shape.Last()})
	outs := []nn.Wire{{Value: p.apply(g, out, y), Mask: a.implicit}}
	if a.scores {
		outs = append(outs, weights)
	}
	return outs
}
