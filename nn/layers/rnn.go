package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// RNN runs a cell over time: [batch, time, features] to [batch, units], or to [batch, time, units] with ReturnSequences.
// The cell is one of Keras's own: SimpleRNNCell, LSTMCell, GRUCell, or a StackedRNNCells of them.
//
// Source: keras/src/layers/rnn/rnn.py
type RNN struct {
	loop
	Cell nn.Layer `json:"cell"`
}

// NewRNN makes an RNN layer over cells, which are stacked if there are several.
func NewRNN(cells ...nn.Layer) *RNN {
	l := &RNN{loop: loop{Common: base("RNN")}}
	switch len(cells) {
	case 0:
	case 1:
		l.Cell = cells[0]
	default:
		l.Cell = NewStackedRNNCells(cells...)
	}
	return l
}

func (l *RNN) twin() directed {
	t := &RNN{loop: l.copied(), Cell: l.Cell}
	if k, ok := l.Cell.(cell); ok {
		t.Cell = k.twin()
	}
	return t
}

// Build implements nn.Layer.
func (l *RNN) Build(g *nn.Graph, c nn.Call) []nn.Wire { return l.run(g, c, cellOf(g, l.Cell)) }

// cell is one step of a built-in recurrence, or several stacked. It says itself for a whole sequence, since its input's
// projection is then one product.
type cell interface {
	nn.Layer
	// states are the shapes of its states, without the batch, for an input [batch, time, ...].
	states(g *nn.Graph, x nn.Shape) []nn.Shape
	// over runs it over all steps; initial is nil or has one value for each state.
	over(g *nn.Graph, s series) (last, all *nn.Value, final []*nn.Value)
	twin() nn.Layer // a new cell of the same config
}

// series is what a cell runs over.
type series struct {
	x, mask               *nn.Value
	initial               []*nn.Value
	backwards, zeroMasked bool
	call                  int // index of the layer's call, for random streams
}

// inside builds a cell that is a layer of its own, with a config; one that its layer made speaks as that layer.
func inside(g *nn.Graph, k cell, f func()) {
	if _, made := g.Layer().(interface{ makesCell() }); made {
		f()
		return
	}
	g.Inside(k, f)
}

func cellOf(g *nn.Graph, l nn.Layer) cell {
	k, ok := l.(cell)
	if !ok {
		if l == nil {
			g.Failf("has no cell")
		}
		g.Unsupportedf("cell", "only SimpleRNNCell, LSTMCell, GRUCell and StackedRNNCells of them can be a cell, found %s", l.Base().Class)
	}
	if b := k.Base(); b.Name == "" {
		b.Name = nn.SnakeCase(b.Class)
	}
	return k
}

// loop is what every recurrent layer has.
type loop struct {
	nn.Common
	ReturnSequences   bool `json:"return_sequences"`
	ReturnState       bool `json:"return_state"`
	GoBackwards       bool `json:"go_backwards"`
	Stateful          bool `json:"stateful"`
	Unroll            bool `json:"unroll"` // computes the same, but for ZeroOutputForMask
	ZeroOutputForMask bool `json:"zero_output_for_mask"`

	kept []*nn.Weight // states of a stateful layer: not among its weights, as in Keras
}

// directed is a layer that Bidirectional can turn round.
type directed interface {
	nn.Layer
	direction() *loop
	twin() directed // a new layer of the same config
}

func (l *loop) direction() *loop { return l }

// copied is the layer's config without what belongs to one layer alone.
func (l *loop) copied() loop {
	c := *l
	c.Common = copiedCommon(&l.Common)
	c.kept = nil
	return c
}

func copiedCommon(c *nn.Common) nn.Common {
	return nn.Common{Class: c.Class, Name: c.Name, Trainable: c.Trainable, DType: c.DType}
}

// run says the recurrence of a cell.
func (l *loop) run(g *nn.Graph, c nn.Call, k cell) []nn.Wire {
	l.Adopt("cell", k)
	x := c.In()
	if len(x.Shape) < 3 {
		g.Failf("needs an input [batch, time, features], found %v", x.Shape)
	}
	// Keras's unrolled loop repeats outputs as usual and zeroes them afterwards, by the mask in the order of the input even
	// where it went backwards.
	after := l.Unroll && l.ZeroOutputForMask && l.ReturnSequences && x.Mask != nil
	s := series{x: x.Value, mask: x.Mask, backwards: l.GoBackwards, zeroMasked: l.ZeroOutputForMask && !after}
	var states []nn.Shape
	inside(g, k, func() { states = k.states(g, x.Shape) })
	s.initial, s.call = l.initial(g, c, states), g.CallIndex()
	var last, all *nn.Value
	var final []*nn.Value
	inside(g, k, func() { last, all, final = k.over(g, s) })
	for i, w := range l.kept {
		g.Updates = append(g.Updates, graph.Update{Weight: w, Value: cast(g, final[i], w.DType)})
	}
	y := []nn.Wire{{Value: last}}
	if l.ReturnSequences {
		if after {
			all = zeroMasked(g, all, x.Mask)
		}
		y = []nn.Wire{{Value: all, Mask: x.Mask}}
	}
	if l.ReturnState {
		y = append(y, nn.Drop(final...)...)
	}
	return y
}

// zeroMasked is a sequence [batch, time, ...] with zeros where the mask [batch, time] doesn't hold.
func zeroMasked(g *nn.Graph, seq, mask *nn.Value) *nn.Value {
	if len(mask.Shape) != 2 {
		g.Unsupportedf("unroll", "an unrolled recurrence with zero_output_for_mask needs a mask [batch, time], found %v", mask.Shape)
	}
	ones := make(nn.Shape, len(seq.Shape)-2)
	for i := range ones {
		ones[i] = 1
	}
	return g.Op(op.Where{}, g.Op(op.View{Lead: 2, To: ones}, mask), seq, g.ScalarOf(0, seq.DType))
}

// initial are the states to begin with: what the call gives, what a stateful layer kept, or none for zeros.
func (l *loop) initial(g *nn.Graph, c nn.Call, states []nn.Shape) (out []*nn.Value) {
	given := c.Ins()[1:] // Keras 2 appends them to the inputs
	if kw := (nn.Call{Args: []any{c.Kw["initial_state"]}}).Ins(); len(kw) > 0 {
		given = kw
	}
	switch {
	case len(given) == len(states):
		for _, w := range given {
			out = append(out, w.Value)
		}
	case len(given) > 0:
		g.Failf("has %d states, the call gives %d", len(states), len(given))
	case l.Stateful:
		batch := c.In().Shape[0]
		if batch < 0 {
			g.Failf("is stateful, so the batch size must be fixed")
		}
		for _, shape := range states[len(l.kept):] {
			shape = append(nn.Shape{batch}, shape...)
			if !shape.Known() {
				g.Failf("is stateful, so its state's shape must be known, found %v", shape)
			}
			w := &nn.Weight{Spec: nn.Spec{Shape: shape, DType: g.Policy().Compute}, Name: "state", Path: g.Path + "/state", State: true}
			w.Data = graph.New(w.Spec)
			l.kept = append(l.kept, w)
		}
		for _, w := range l.kept {
			out = append(out, g.State(w))
		}
	}
	return out
}

// ResetStates makes a stateful layer forget.
func (l *loop) ResetStates() {
	for _, s := range l.kept {
		s.Data.Zero()
	}
}
