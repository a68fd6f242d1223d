package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// GRU is the gated recurrent unit: [batch, time, features] to [batch, Units], or to [batch, time, Units] with
// ReturnSequences.
//
// Source: keras/src/layers/rnn/gru.py
type GRU struct {
	recurrent
	RecurrentActivation nn.Activation `json:"recurrent_activation"`
	ResetAfter          bool          `json:"reset_after"`
}

// NewGRU makes a GRU layer.
func NewGRU(units int) *GRU {
	l := &GRU{recurrent: recurrent{Common: base("GRU")}, RecurrentActivation: nn.Act("sigmoid"), ResetAfter: true}
	l.cellConfig = cellConfig{Units: units, Activation: nn.Act("tanh"), UseBias: true}
	return l
}

func (l *GRU) twin() directed { return &GRU{l.copied(), l.RecurrentActivation, l.ResetAfter} }

// Build implements nn.Layer.
func (l *GRU) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	shape := []int{3 * l.Units}
	if l.ResetAfter {
		shape = []int{2, 3 * l.Units}
	}
	w := l.weights(g, "gru_cell", c.In().Shape.Last(), 3, l.BiasInitializer.Or(nn.Zeros), shape...)
	project, recurrent := w.bias, (*nn.Value)(nil)
	if l.ResetAfter && w.bias != nil {
		project, recurrent = biasRow(g, w.bias, 0), biasRow(g, w.bias, 1)
	}
	cell := op.GRU{Act: l.pointwise(g, "activation", l.Activation), Gate: l.pointwise(g, "recurrent_activation", l.RecurrentActivation),
		ResetAfter: l.ResetAfter}
	return l.scan(g, c, cell, w, project, recurrent, 1)
}

// biasRow is row i of a bias that has one for the input and one for the state.
func biasRow(g *nn.Graph, bias *nn.Value, i int) *nn.Value {
	row := g.Op(op.Slice{Ranges: []op.Range{op.At(i)}}, bias)
	return g.Op(op.View{To: bias.Shape[1:]}, row)
}
