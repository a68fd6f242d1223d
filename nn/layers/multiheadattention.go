package layers

import (
	"math"
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// MultiHeadAttention projects query, value and key (the value's, if it isn't given) to heads, weighs the values by softmax of
// query times key, and projects what comes out of all heads: query [batch, T, ...], value and key [batch, S, ...] to
// [batch, T, OutputShape] (nil: the query's last dimension). AttentionAxes are the axes attended over; nil: all but the
// batch and the last.
//
// It is called with query, value, key, and the keywords attention_mask [batch, T, S], return_attention_scores and
// use_causal_mask; masks of query, value and key are heeded.
//
// Source: keras/src/layers/attention/multi_head_attention.py
type MultiHeadAttention struct {
	nn.Common
	NumHeads          int            `json:"num_heads"`
	KeyDim            int            `json:"key_dim"`
	ValueDim          *int           `json:"value_dim"` // nil: KeyDim
	Dropout           float32        `json:"dropout"`   // of the weights
	UseBias           bool           `json:"use_bias"`
	UseGate           bool           `json:"use_gate"`
	OutputShape       Axes           `json:"output_shape"`
	AttentionAxes     Axes           `json:"attention_axes"`
	SlidingWindow     *int           `json:"sliding_window"`
	FlashAttention    *bool          `json:"flash_attention"` // how it is computed, not what
	KernelInitializer nn.Initializer `json:"kernel_initializer"`
	BiasInitializer   nn.Initializer `json:"bias_initializer"`

	// Keras 2's: a row that masks drop as a whole is uniform, whatever the scores.
	RobustMasking bool `json:"softmax_robust_masking"`
}

// NewMultiHeadAttention makes a MultiHeadAttention layer.
func NewMultiHeadAttention(heads, keyDim int) *MultiHeadAttention {
	return &MultiHeadAttention{Common: base("MultiHeadAttention"), NumHeads: heads, KeyDim: keyDim, UseBias: true}
}

// Build implements nn.Layer.
func (l *MultiHeadAttention) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	valueDim := l.KeyDim
	if l.ValueDim != nil && *l.ValueDim != 0 {
		valueDim = *l.ValueDim
	}
	if l.NumHeads <= 0 || l.KeyDim <= 0 || valueDim <= 0 {
		g.Failf("num_heads, key_dim and value_dim must be positive, found %d, %d and %d", l.NumHeads, l.KeyDim, valueDim)
	}
	a := newAttending(g, c, g.Keras2)
	a.window(l.SlidingWindow)
	if !g.Keras2 { // Keras 3 overwrites the argument
		a.query.Mask = a.implicit
	}
	p := projections{l.UseBias, l.KernelInitializer, l.BiasInitializer}
	heads := func(attr, name string, dim int) *EinsumDense {
		return nn.Sub(&l.Common, attr, name, func() *EinsumDense { return p.toHeads(l.NumHeads, dim) })
	}
	q := p.apply(g, heads("query_dense", "query", l.KeyDim), a.query.Value)
	k := p.apply(g, heads("key_dense", "key", l.KeyDim), a.key.Value)
	var gate *nn.Value
	if l.UseGate {
		d := heads("_gate_dense", "gate", valueDim)
		d.Activation = nn.Act("sigmoid")
		gate = p.apply(g, d, a.query.Value)
	}
	v := p.apply(g, heads("value_dense", "value", valueDim), a.value.Value)
	rank := len(q.Shape)
	if len(k.Shape) != len(v.Shape) || rank != len(k.Shape) || rank < 4 {
		g.Failf("query, value and key need one rank of three or more, found shapes %v, %v and %v", a.query.Shape, a.value.Shape, a.key.Shape)
	}
	plan := l.axes(g, rank)
	if a.positions() && !(plan.n == 1 && plan.axes[0] == 1) {
		g.Unsupportedf("attention_axes", "causal masks and windows go with attention over axis 1 alone, found axes %v", plan.axes)
	}
	rule := op.MaskLowest
	switch {
	case g.Keras2 && !l.RobustMasking:
		rule = op.MaskSubtract
	case !g.Keras2 && (l.Dropout > 0 || a.scores || rank != 4):
		rule = op.MaskZero
	}
	y, weights := a.attend(g, attention{keyDim: l.KeyDim, scale: float32(1 / math.Sqrt(float64(l.KeyDim))), dropout: l.Dropout, rule: rule},
		plan.merge(g, q), plan.merge(g, k), plan.merge(g, v), plan.masks(g, a.masks(g), q.Shape))
	y = plan.split(g, y, q.Shape, v.Shape)
	if gate != nil {
		y = g.Op(op.Binary{Fn: "multiply"}, y, gate)
	}
	out := nn.Sub(&l.Common, "output_dense", "attention_output", func() *EinsumDense { return &EinsumDense{Common: base("EinsumDense")} })
	to := []int(l.OutputShape)
	if len(to) == 0 {
		to = []int{a.query.Shape.Last()}
	}
	p.fromHeads(g, out, rank, to)
	if !g.Keras2 {
		g.Unmask(a.query.Value, a.value.Value, a.key.Value)
	}
	outs := []nn.Wire{{Value: p.apply(g, out, y), Mask: a.query.Mask}}
	if a.scores {
		outs = append(outs, plan.splitScores(g, weights, q.Shape, k.Shape))
	}
	return outs
}

// projections makes the dense layers around attention.
type projections struct {
	bias         bool
	kernel, zero nn.Initializer
}

// toHeads projects the last axis to heads of dim.
func (p projections) toHeads(heads, dim int) *EinsumDense {
	axes := ""
	if p.bias {
		axes = "yz"
	}
	l := NewEinsumDense("...x,xyz->...yz", []int{heads, dim}, axes)
	l.KernelInitializer, l.BiasInitializer = p.kernel, p.zero
	return l
}

// fromHeads makes l project the last two axes of a value of the given rank to some of the sizes given.
func (p projections) fromHeads(g *nn.Graph, l *EinsumDense, rank int, to []int) {
	if len(to) > len(letters)-rank {
		g.Failf("output_shape has %d dimensions", len(to))
	}
	to = slices.Clone(to)
	fresh := letters[2:][:len(to)]
	axes := ""
	if p.bias {
		axes = fresh
	}
	out := NewEinsumDense("...ab,ab"+fresh+"->..."+fresh, to, axes)
	l.Equation, l.OutputShape, l.BiasAxes = out.Equation, out.OutputShape, out.BiasAxes
	l.KernelInitializer, l.BiasInitializer = p.kernel, p.zero
}

func (projections) apply(g *nn.Graph, l *EinsumDense, x *nn.Value) *nn.Value {
	if len(x.Shape) < 2 {
		g.Failf("needs inputs of three dimensions or more, found shape %v", x.Shape)
	}
	return g.Apply(l, nn.Wires(nn.Wire{Value: x}))[0].Value
}

// attendAxes is how heads [batch, axes..., N, H] become [batch', T, N, H]: the axes that aren't attended over join the batch,
// those that are become one.
type attendAxes struct {
	perm, axes []int // perm: the other axes first
	n, rest    int   // axes attended over; others, without the batch
}

func (l *MultiHeadAttention) axes(g *nn.Graph, rank int) (p attendAxes) {
	for _, a := range l.AttentionAxes {
		if a < 0 {
			a += rank - 1
		}
		if a < 1 || a > rank-3 || slices.Contains(p.axes, a) {
			g.Failf("attention_axes %v don't fit an input of %d dimensions", l.AttentionAxes, rank-1)
		}
		p.axes = append(p.axes, a)
	}
	if l.AttentionAxes == nil {
		for a := 1; a < rank-2; a++ {
			p.axes = append(p.axes, a)
		}
	}
	for a := range rank - 2 {
		if !slices.Contains(p.axes, a) {
			p.perm = append(p.perm, a)
		}
	}
	p.n, p.rest = len(p.axes), len(p.perm)-1
	p.perm = append(append(p.perm, p.axes...), rank-2, rank-1)
	return p
}

func (p attendAxes) merge(g *nn.Graph, x *nn.Value) *nn.Value {
	x = transpose(g, x, p.perm...)
	if p.n != 1 {
		x = regroup(g, x, 1+p.rest, p.n, -1)
	}
	if p.rest > 0 {
		x = regroup(g, x, 0, 1+p.rest, -1)
	}
	return x
}

// pick are the sizes of the axes from the given position of perm on.
func (p attendAxes) pick(s nn.Shape, from, n int) (out nn.Shape) {
	for _, a := range p.perm[from:][:n] {
		out = append(out, s[a])
	}
	return out
}

// split undoes merge for the result, which has the query's axes and the value's last.
func (p attendAxes) split(g *nn.Graph, y *nn.Value, q, v nn.Shape) *nn.Value {
	if p.n != 1 {
		y = split(g, y, 1, p.pick(q, 1+p.rest, p.n))
	}
	if p.rest > 0 {
		y = split(g, y, 0, p.pick(q, 0, 1+p.rest))
	}
	back := make([]int, len(p.perm))
	for i, a := range p.perm {
		back[a] = i
	}
	return transpose(g, y, back...)
}

// splitScores makes [batch, rest..., N, T..., S...] of [batch', N, T, S]; where that changes it, the mask is left behind.
func (p attendAxes) splitScores(g *nn.Graph, w nn.Wire, q, k nn.Shape) nn.Wire {
	y := w.Value
	if p.n != 1 {
		y = split(g, y, 3, p.pick(k, 1+p.rest, p.n))
		y = split(g, y, 2, p.pick(q, 1+p.rest, p.n))
	}
	if p.rest > 0 {
		y = split(g, y, 0, p.pick(q, 0, 1+p.rest))
	}
	if y != w.Value {
		return nn.Wire{Value: y}
	}
	return w
}

// masks brings masks [batch, (rest..., (N,)) T..., S...] to four dimensions.
func (p attendAxes) masks(g *nn.Graph, masks []*nn.Value, q nn.Shape) (out []*nn.Value) {
	want := 2 + p.rest + 2*p.n
	for _, m := range masks {
		if len(m.Shape) > want || len(m.Shape) < 1+2*p.n {
			g.Failf("a mask of shape %v doesn't fit scores of %d dimensions", m.Shape, want)
		}
		for len(m.Shape) < want {
			m = regroup(g, m, len(m.Shape)-2*p.n, 0, 1)
		}
		if p.n != 1 {
			m = regroup(g, m, want-p.n, p.n, -1)
			m = regroup(g, m, want-2*p.n, p.n, -1)
		}
		if p.rest > 0 {
			to := slices.Repeat(nn.Shape{graph.Unknown}, len(m.Shape))
			copy(to[1:], p.pick(q, 1, p.rest))
			m = regroup(g, g.Op(op.BroadcastTo{To: to}, m), 0, 1+p.rest, -1)
		}
		out = append(out, m)
	}
	return out
}
