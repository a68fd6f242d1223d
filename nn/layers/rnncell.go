package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// recurrent is the config of SimpleRNN, LSTM and GRU, which is their cell's too.
type recurrent struct {
	loop
	cellConfig
}

func (l *recurrent) copied() recurrent { return recurrent{l.loop.copied(), l.cellConfig} }

// makesCell says that the cell is the layer's own, without a config of its own.
func (l *recurrent) makesCell() {}

// cellConfig is what the three cells share.
type cellConfig struct {
	Units            int           `json:"units"`
	Activation       nn.Activation `json:"activation"`
	UseBias          bool          `json:"use_bias"`
	Dropout          float32       `json:"dropout"`
	RecurrentDropout float32       `json:"recurrent_dropout"`
	Implementation   int           `json:"implementation"` // how Keras 2 computes the same

	KernelInitializer    nn.Initializer `json:"kernel_initializer"`
	RecurrentInitializer nn.Initializer `json:"recurrent_initializer"`
	BiasInitializer      nn.Initializer `json:"bias_initializer"`
}

func newCellConfig(units int) cellConfig {
	return cellConfig{Units: units, Activation: nn.Act("tanh"), UseBias: true}
}

// unit is what the three cells share.
type unit struct {
	nn.Common
	cellConfig
}

func (l *unit) copied() unit { return unit{copiedCommon(&l.Common), l.cellConfig} }

// shapes are those of n states.
func (l *unit) shapes(n int) (out []nn.Shape) {
	for range n {
		out = append(out, nn.Shape{l.Units})
	}
	return out
}

// cellWeights are the values of a cell's weights; bias is nil where it has none.
type cellWeights struct{ kernel, recurrent, bias *nn.Value }

// weights declares a cell's weights for an input x.
func (l *unit) weights(g *nn.Graph, k cell, x *nn.Value, gates int, bias nn.Init, biasShape ...int) (w cellWeights) {
	if l.Units <= 0 {
		g.Failf("units must be positive, found %d", l.Units)
	}
	if len(x.Shape) != 3 {
		g.Failf("needs an input [batch, time, features], found %v", x.Shape)
	}
	n := gates * l.Units
	declare(g, k, func() {
		w.kernel = l.Weight(g, "kernel", l.KernelInitializer.Or(nn.GlorotUniform), x.Shape.Last(), n)
		w.recurrent = l.Weight(g, "recurrent_kernel", l.RecurrentInitializer.Or(nn.Orthogonal(1)), l.Units, n)
		if l.UseBias {
			w.bias = l.Weight(g, "bias", bias, biasShape...)
		}
	})
	return w
}

// declare runs f inside the cell, so that weights get its path.
func declare(g *nn.Graph, k cell, f func()) {
	if g.Layer() == nn.Layer(k) {
		f()
		return
	}
	g.Inside(k, f)
}

// pointwise is an activation inside a cell, which must be a function of one element.
func pointwise(g *nn.Graph, key string, a nn.Activation) op.Unary {
	if a.Linear() {
		return op.Unary{}
	}
	o, err := op.Activation(a.Name)
	u, ok := o.(op.Unary)
	if err != nil || !ok || a.Layer != nil {
		g.Unsupportedf(key, "activation %q inside a recurrence is not supported", a.Name)
	}
	return u
}

// scan says the recurrence: the inputs' projection as one product over all steps, then the cell.
func (l *unit) scan(g *nn.Graph, s series, k op.Cell, w cellWeights, project, recurrentBias *nn.Value) (last, all *nn.Value, final []*nn.Value) {
	in := float(g, s.x)
	if in.DType != graph.Float32 {
		return l.steps(g, s, k, in, w, project, recurrentBias)
	}
	if g.Training && l.Dropout > 0 { // one mask for all steps
		in = g.Op(op.Dropout{Rate: l.Dropout, Path: g.Path, Call: 2 * s.call, Noise: nn.Shape{-1, 1, -1}}, in)
	}
	z := g.Op(op.Dense{}, in, w.kernel, project)
	var factor *nn.Value
	if g.Training && l.RecurrentDropout > 0 {
		ones := g.Op(op.Fill{Value: 1, Dims: nn.Shape{l.Units}}, in)
		factor = g.Op(op.Dropout{Rate: l.RecurrentDropout, Path: g.Path, Call: 2*s.call + 1}, ones)
	}
	args := append([]*nn.Value{z, w.recurrent, recurrentBias, s.mask, factor}, s.initial...)
	out := g.Ops(op.Recurrent{Cell: k, Units: l.Units, Backwards: s.backwards, ZeroMasked: s.zeroMasked}, args...)
	return out[0], out[1], out[2 : len(out)-2]
}

// steps is scan for what isn't float32, an operation at a time.
func (l *unit) steps(g *nn.Graph, s series, k op.Cell, x *nn.Value, w cellWeights, project, recurrentBias *nn.Value) (last, all *nn.Value, final []*nn.Value) {
	o := op.Steps{Units: l.Units, Backwards: s.backwards, ZeroMasked: s.zeroMasked}
	switch k := k.(type) {
	case op.LSTM:
		o.Kind, o.Act, o.Gate, o.BiasFirst = "LSTM", k.Act, k.Gate, l.Implementation == 1
	case op.GRU:
		o.Kind, o.Act, o.Gate, o.ResetAfter = "GRU", k.Act, k.Gate, k.ResetAfter
	case op.SimpleRNN:
		o.Kind, o.Act = "SimpleRNN", k.Act
	}
	args := []*nn.Value{x, w.kernel, w.recurrent, project, recurrentBias, s.mask}
	for _, v := range s.initial {
		args = append(args, cast(g, v, x.DType))
	}
	out := g.Ops(o, args...)
	return out[0], out[1], out[2:]
}

// step is a cell called by itself: the input, then the states, to the output and the states after one step.
func step(g *nn.Graph, c nn.Call, k cell) []nn.Wire {
	in := c.Ins()
	x := in[0].Value
	if len(x.Shape) != 2 {
		g.Failf("needs an input [batch, features], found %v", x.Shape)
	}
	s := series{call: g.CallIndex(), x: g.Op(op.View{Lead: 1, To: nn.Shape{1, x.Shape.Last()}}, x)}
	more := in[1:]
	if kw := (nn.Call{Args: []any{c.Kw["states"]}}).Ins(); len(kw) > 0 {
		more = kw
	}
	for _, w := range more {
		s.initial = append(s.initial, w.Value)
	}
	if n := len(k.states(g, s.x.Shape)); len(s.initial) != n {
		g.Failf("has %d states, the call gives %d", n, len(s.initial))
	}
	last, _, final := k.over(g, s)
	return nn.Drop(append([]*nn.Value{last}, final...)...)
}
