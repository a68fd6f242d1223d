package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// recurrent is what SimpleRNN, LSTM and GRU share: the config of the layer and of its cell.
//
// Source: keras/src/layers/rnn/rnn.py
type recurrent struct {
	nn.Common
	ReturnSequences   bool `json:"return_sequences"`
	ReturnState       bool `json:"return_state"`
	GoBackwards       bool `json:"go_backwards"`
	Stateful          bool `json:"stateful"`
	Unroll            bool `json:"unroll"` // computes the same
	ZeroOutputForMask bool `json:"zero_output_for_mask"`
	cellConfig

	states []*nn.Weight // of a stateful layer: not among its weights, as in Keras
}

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

// directed is a layer that Bidirectional can turn round.
type directed interface {
	nn.Layer
	direction() *recurrent
	twin() directed // a new layer of the same config
}

func (l *recurrent) direction() *recurrent { return l }

// copied is the layer's config without what belongs to one layer alone.
func (l *recurrent) copied() recurrent {
	c := *l
	c.Common = nn.Common{Class: l.Class, Name: l.Name, Trainable: l.Trainable, DType: l.DType}
	c.states = nil
	return c
}

// cellWeights are the values of a cell's weights; bias is nil where it has none.
type cellWeights struct{ kernel, recurrent, bias *nn.Value }

// weights declares a cell's weights under its own name, as Keras stores them.
func (l *recurrent) weights(g *nn.Graph, cell string, features, gates int, bias nn.Init, biasShape ...int) (w cellWeights) {
	if l.Units <= 0 {
		g.Failf("units must be positive, found %d", l.Units)
	}
	k := nn.Sub(&l.Common, "cell", cell, func() *cellLayer { return &cellLayer{Common: base(cell)} })
	g.Inside(k, func() {
		n := gates * l.Units
		w.kernel = k.Weight(g, "kernel", l.KernelInitializer.Or(nn.GlorotUniform), features, n)
		w.recurrent = k.Weight(g, "recurrent_kernel", l.RecurrentInitializer.Or(nn.Orthogonal(1)), l.Units, n)
		if l.UseBias {
			w.bias = k.Weight(g, "bias", bias, biasShape...)
		}
	})
	return w
}

// cellLayer holds a cell's weights; the layer around it says the whole recurrence.
type cellLayer struct{ nn.Common }

// Build implements nn.Layer.
func (l *cellLayer) Build(g *nn.Graph, _ nn.Call) []nn.Wire {
	g.Failf("is a cell: the layer around it runs it")
	return nil
}

// pointwise is an activation inside a cell, which must be a function of one element.
func (l *cellConfig) pointwise(g *nn.Graph, key string, a nn.Activation) op.Unary {
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
func (l *recurrent) scan(g *nn.Graph, c nn.Call, cell op.Cell, w cellWeights, project, recurrentBias *nn.Value, states int) []nn.Wire {
	x := c.In()
	if len(x.Shape) != 3 {
		g.Failf("needs an input [batch, time, features], found %v", x.Shape)
	}
	in := x.Value
	if g.Training && l.Dropout > 0 { // one mask for all steps
		in = g.Op(op.Dropout{Rate: l.Dropout, Path: g.Path, Call: 2 * g.CallIndex(), Noise: nn.Shape{-1, 1, -1}}, in)
	}
	z := g.Op(op.Dense{}, in, w.kernel, project)
	var factor *nn.Value
	if g.Training && l.RecurrentDropout > 0 {
		ones := g.Op(op.Fill{Value: 1, Dims: nn.Shape{l.Units}}, in)
		factor = g.Op(op.Dropout{Rate: l.RecurrentDropout, Path: g.Path, Call: 2*g.CallIndex() + 1}, ones)
	}
	args := []*nn.Value{z, w.recurrent, recurrentBias, x.Mask, factor}
	args = append(args, l.initial(g, c, states)...)
	out := g.Ops(op.Recurrent{Cell: cell, Units: l.Units, Backwards: l.GoBackwards, ZeroMasked: l.ZeroOutputForMask}, args...)
	final := out[2 : 2+states]
	for i, s := range l.states {
		g.Updates = append(g.Updates, graph.Update{Weight: s, Value: final[i]})
	}
	y := []nn.Wire{{Value: out[0]}}
	if l.ReturnSequences {
		y = []nn.Wire{{Value: out[1], Mask: x.Mask}}
	}
	if l.ReturnState {
		y = append(y, nn.Drop(final...)...)
	}
	return y
}

// initial are the states to begin with: what the call gives, what a stateful layer kept, or none for zeros.
func (l *recurrent) initial(g *nn.Graph, c nn.Call, states int) (out []*nn.Value) {
	given := c.Ins()[1:] // Keras 2 appends them to the inputs
	if kw := (nn.Call{Args: []any{c.Kw["initial_state"]}}).Ins(); len(kw) > 0 {
		given = kw
	}
	switch {
	case len(given) == states:
		for _, w := range given {
			out = append(out, w.Value)
		}
	case len(given) > 0:
		g.Failf("has %d states, the call gives %d", states, len(given))
	case l.Stateful:
		batch := c.In().Shape[0]
		if batch < 0 {
			g.Failf("is stateful, so the batch size must be fixed")
		}
		for i := len(l.states); i < states; i++ {
			s := &nn.Weight{Spec: graph.F32(batch, l.Units), Name: "state", Path: g.Path + "/state", State: true}
			s.Data = graph.New(s.Spec)
			l.states = append(l.states, s)
		}
		for _, s := range l.states {
			out = append(out, g.State(s))
		}
	}
	return out
}

// ResetStates makes a stateful layer forget.
func (l *recurrent) ResetStates() {
	for _, s := range l.states {
		s.Data.Zero()
	}
}
