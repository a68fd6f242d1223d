package layers

import (
	"math"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// attending is the call of MultiHeadAttention or GroupQueryAttention: what attends to what, and what it may see.
type attending struct {
	query, value, key nn.Wire
	implicit          *nn.Value // mask that the query itself carries
	given             *nn.Value // attention_mask
	keyGiven          bool
	scores, causal    bool
	near              int // sliding window; 0: none
}

// newAttending reads (query, value, key, query_mask, value_mask, key_mask, attention_mask, return_attention_scores, training,
// use_causal_mask); Keras 2 lacks the three masks.
func newAttending(g *nn.Graph, c nn.Call, keras2 bool) (a attending) {
	a.query, a.value, a.key = c.Arg(0, "query"), c.Arg(1, "value"), c.Arg(2, "key")
	if a.query.Value == nil || a.value.Value == nil {
		g.Failf("needs a query and a value")
	}
	a.implicit = tensorAt(c, 0, "query").Mask
	next := 3
	if !keras2 {
		for i, w := range []*nn.Wire{&a.query, &a.value, &a.key} {
			if m := tensorAt(c, 3+i, ""); m.Value != nil {
				w.Mask = m.Value
			}
		}
		next = 6
	}
	a.keyGiven = a.key.Value != nil
	if !a.keyGiven {
		a.key.Value = a.value.Value
	}
	a.given = tensorAt(c, next, "attention_mask").Value
	a.scores = flagAt(c, next+1, "return_attention_scores")
	a.causal = flagAt(c, next+3, "use_causal_mask")
	return a
}

// tensorAt is a tensor argument, by position or name.
func tensorAt(c nn.Call, i int, name string) (w nn.Wire) {
	if i < len(c.Args) {
		w, _ = c.Args[i].(nn.Wire)
	}
	if k, ok := c.Kw[name].(nn.Wire); ok {
		w = k
	}
	return w
}

// flagAt is an argument that is true or false.
func flagAt(c nn.Call, i int, name string) (b bool) {
	if i < len(c.Args) {
		b, _ = c.Args[i].(bool)
	}
	if k, ok := c.Kw[name].(bool); ok {
		b = k
	}
	return b
}

// window takes a layer's sliding_window.
func (a *attending) window(n *int) {
	if n != nil {
		a.near = *n
	}
}

// positions says that what is seen depends on where query and key stand.
func (a attending) positions() bool { return a.causal || a.near > 0 }

// masks are all masks but those by position, each of three dimensions or more: [batch, T, 1], [batch, 1, S], [batch, T, S].
func (a attending) masks(g *nn.Graph) (out []*nn.Value) {
	for i, m := range []*nn.Value{a.query.Mask, a.value.Mask, a.key.Mask} {
		if m == nil {
			continue
		}
		m = cast(g, m, graph.Bool)
		at := len(m.Shape) - min(i, 1)
		out = append(out, regroup(g, m, at, 0, 1))
	}
	if a.given != nil {
		out = append(out, cast(g, a.given, graph.Bool))
	}
	return out
}

// attention is the arithmetic that all attention layers share.
type attention struct {
	scale   float32
	keyDim  int // 0, or what scale is 1/sqrt of
	dropout float32
	rule    op.MaskRule
}

// attend weighs v by softmax of q·k: q [B, T, N, H], k and v [B, S, M, H], masks of four dimensions. The weights that it
// returns are those before dropout, with the mask of what they see.
func (a attending) attend(g *nn.Graph, by attention, q, k, v *nn.Value, masks []*nn.Value) (y *nn.Value, weights nn.Wire) {
	if q.DType == graph.Float32 {
		weights = a.weigh(g, by, g.Op(op.HeadScores{Scale: by.scale}, q, k), masks)
	} else {
		weights = a.weighTyped(g, by, q, k, masks)
	}
	return g.Op(op.HeadContext{}, dropWeights(g, weights.Value, by.dropout), v), weights
}

// weighTyped is weigh for what isn't float32. Keras's own function for attention finds the softmax in float32 at least; where
// scores are dropped or returned, they stay what they are.
//
// Source: keras/src/backend/tensorflow/nn.py, _dot_product_attention_xla
func (a attending) weighTyped(g *nn.Graph, by attention, q, k *nn.Value, masks []*nn.Value) nn.Wire {
	scale := float64(by.scale)
	if by.keyDim > 0 {
		scale = 1 / math.Sqrt(float64(by.keyDim))
	}
	plain := op.HeadScores{Scale: 1}
	if by.rule != op.MaskLowest {
		q = binary(g, "multiply", q, g.ScalarOf(scale, q.DType))
		return a.weigh(g, by, g.Op(plain, q, k), masks)
	}
	scores := full(g, g.Op(plain, q, k))
	w := a.weigh(g, by, binary(g, "multiply", scores, g.ScalarOf(scale, scores.DType)), masks)
	w.Value = cast(g, w.Value, q.DType)
	return w
}

// weigh is the softmax of scores [B, N, T, S] where they aren't masked.
func (a attending) weigh(g *nn.Graph, by attention, scores *nn.Value, masks []*nn.Value) nn.Wire {
	if a.near < 0 {
		g.Failf("sliding_window must be positive, found %d", a.near)
	}
	soft := op.MaskedSoftmax{Rule: by.rule, Causal: a.causal, Window: a.near}
	out := g.Ops(soft, append([]*nn.Value{scores}, masks...)...)
	if len(masks) == 0 && !a.positions() {
		return nn.Wire{Value: out[0]}
	}
	return nn.Wire{Value: out[0], Mask: out[1]}
}

// dropWeights is dropout of attention weights, while training.
func dropWeights(g *nn.Graph, weights *nn.Value, rate float32) *nn.Value {
	return dropout(g, nn.Wires(nn.Wire{Value: weights}), rate, nil)[0].Value
}
