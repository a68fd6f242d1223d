package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// Attention weighs a value [batch, S, ...] by softmax of scores between query [batch, T, D] and key (the value, if it isn't
// given) [batch, S, D]: their product, or the sum of tanh(query + key) if ScoreMode is "concat". It is called with the list
// [query, value] or [query, value, key], and the keywords mask (a list), return_attention_scores and use_causal_mask.
//
// Source: keras/src/layers/attention/attention.py
type Attention struct {
	nn.Common
	UseScale  bool    `json:"use_scale"`
	ScoreMode string  `json:"score_mode"`
	Dropout   float32 `json:"dropout"`
}

// NewAttention makes an Attention layer of dot products.
func NewAttention() *Attention { return &Attention{Common: base("Attention"), ScoreMode: "dot"} }

// TakesList implements nn.Merger.
func (*Attention) TakesList() {}

// Build implements nn.Layer.
func (l *Attention) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	d := newDenseAttention(g, c)
	var scale, weight *nn.Value
	if l.UseScale {
		scale = l.Weight(g, "scale", nn.Ones)
	}
	switch l.ScoreMode {
	case "dot":
		q := d.query.Value
		if scale != nil && q.DType != graph.Float32 {
			scores := g.Op(op.HeadScores{Scale: 1}, regroup(g, q, 2, 0, 1), regroup(g, d.key.Value, 2, 0, 1))
			return d.attend(g, l.Dropout, g.Op(op.Binary{Fn: "multiply"}, scores, scale))
		}
		if scale != nil { // scales the products as well
			q = g.Op(op.Binary{Fn: "multiply"}, q, scale)
		}
		return d.attend(g, l.Dropout, g.Op(op.HeadScores{Scale: 1}, regroup(g, q, 2, 0, 1), regroup(g, d.key.Value, 2, 0, 1)))
	case "concat":
		weight = l.Weight(g, "concat_score_weight", nn.Ones)
		sum := d.sums(g)
		if scale != nil {
			sum = g.Op(op.Binary{Fn: "multiply"}, sum, scale)
		}
		scores := g.Op(op.Reduce{Fn: "sum", Axes: []int{3}}, g.Activate(nn.Act("tanh"), sum))
		return d.attend(g, l.Dropout, regroup(g, g.Op(op.Binary{Fn: "multiply"}, scores, weight), 1, 0, 1))
	}
	g.Failf("score_mode must be dot or concat, found %q", l.ScoreMode)
	return nil
}

// AdditiveAttention is Attention whose scores are the sum of tanh(query + key), each feature times a weight of its own.
//
// Source: keras/src/layers/attention/additive_attention.py
type AdditiveAttention struct {
	nn.Common
	UseScale bool    `json:"use_scale"`
	Dropout  float32 `json:"dropout"`
}

// NewAdditiveAttention makes an AdditiveAttention layer.
func NewAdditiveAttention() *AdditiveAttention {
	return &AdditiveAttention{Common: base("AdditiveAttention"), UseScale: true}
}

// TakesList implements nn.Merger.
func (*AdditiveAttention) TakesList() {}

// Build implements nn.Layer.
func (l *AdditiveAttention) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	d := newDenseAttention(g, c)
	scores := g.Activate(nn.Act("tanh"), d.sums(g))
	if l.UseScale {
		scores = g.Op(op.Binary{Fn: "multiply"}, scores, l.Weight(g, "scale", nn.GlorotUniform, d.query.Shape.Last()))
	}
	scores = g.Op(op.Reduce{Fn: "sum", Axes: []int{3}}, scores)
	return d.attend(g, l.Dropout, regroup(g, scores, 1, 0, 1))
}

// denseAttention is the call of Attention or AdditiveAttention.
type denseAttention struct {
	query, value, key nn.Wire
	attending
}

func newDenseAttention(g *nn.Graph, c nn.Call) (d denseAttention) {
	var given []any
	if len(c.Args) > 0 {
		given, _ = c.Args[0].([]any)
	}
	ins := (nn.Call{Args: given}).Ins()
	if len(ins) < 2 || len(ins) > 3 {
		g.Failf("needs a list of query, value and maybe key, found %d tensors", len(ins))
	}
	masks, _ := c.Kw["mask"].([]any)
	if len(c.Args) > 1 {
		masks, _ = c.Args[1].([]any)
	}
	for i, m := range masks {
		if w, ok := m.(nn.Wire); ok && i < len(ins) {
			ins[i].Mask = w.Value
		}
	}
	for _, w := range ins {
		if len(w.Shape) != 3 {
			g.Unsupportedf("inputs", "inputs need three dimensions, found shape %v", w.Shape)
		}
	}
	d.query, d.value, d.key = ins[0], ins[1], ins[len(ins)-1]
	if d.query.Shape.Last() != d.key.Shape.Last() && d.key.Shape.Last() != 1 && d.query.Shape.Last() != 1 {
		g.Failf("query and key differ in their last dimension: %v and %v", d.query.Shape, d.key.Shape)
	}
	d.scores = flagAt(c, 3, "return_attention_scores")
	d.causal = flagAt(c, 4, "use_causal_mask")
	return d
}

// sums are query + key of every pair: [batch, T, S, D].
func (d denseAttention) sums(g *nn.Graph) *nn.Value {
	return g.Op(op.Binary{Fn: "add"}, regroup(g, d.query.Value, 2, 0, 1), regroup(g, d.key.Value, 1, 0, 1))
}

// attend weighs the value by scores [batch, 1, T, S]; what the query's mask drops is zero. The key's mask isn't heeded.
func (d denseAttention) attend(g *nn.Graph, rate float32, scores *nn.Value) []nn.Wire {
	var masks []*nn.Value
	if m := d.value.Mask; m != nil {
		masks = append(masks, regroup(g, cast(g, m, graph.Bool), 1, 0, 1, 1))
	}
	weights := d.weigh(g, attention{rule: op.MaskSubtract}, scores, masks)
	y := g.Op(op.HeadContext{}, dropWeights(g, weights.Value, rate), regroup(g, d.value.Value, 2, 0, 1))
	y = regroup(g, y, 2, 1)
	if m := d.query.Mask; m != nil {
		y = g.Op(op.Where{}, regroup(g, cast(g, m, graph.Bool), 2, 0, 1), y, g.ScalarOf(0, y.DType))
	}
	outs := []nn.Wire{{Value: y, Mask: d.query.Mask}}
	if d.scores {
		outs = append(outs, nn.Wire{Value: regroup(g, weights.Value, 1, 1)})
	}
	return outs
}
