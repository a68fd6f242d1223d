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
	return &GRU{recurrent{loop{Common: base("GRU")}, newCellConfig(units)}, nn.Act("sigmoid"), true}
}

func (l *GRU) twin() directed { return &GRU{l.copied(), l.RecurrentActivation, l.ResetAfter} }

// Build implements nn.Layer.
func (l *GRU) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	k := nn.Sub(&l.Common, "cell", "gru_cell", func() *GRUCell { return NewGRUCell(l.Units) })
	k.cellConfig, k.RecurrentActivation, k.ResetAfter = l.cellConfig, l.RecurrentActivation, l.ResetAfter
	return l.run(g, c, k)
}

// GRUCell is one step of a GRU, for RNN; called by itself, it takes the input and the state.
//
// Source: keras/src/layers/rnn/gru.py
type GRUCell struct {
	unit
	RecurrentActivation nn.Activation `json:"recurrent_activation"`
	ResetAfter          bool          `json:"reset_after"`
}

// NewGRUCell makes a GRUCell.
func NewGRUCell(units int) *GRUCell {
	return &GRUCell{unit{base("GRUCell"), newCellConfig(units)}, nn.Act("sigmoid"), true}
}

func (l *GRUCell) twin() nn.Layer { return &GRUCell{l.copied(), l.RecurrentActivation, l.ResetAfter} }

// Build implements nn.Layer.
func (l *GRUCell) Build(g *nn.Graph, c nn.Call) []nn.Wire { return step(g, c, l) }

func (l *GRUCell) states(*nn.Graph, nn.Shape) []nn.Shape { return l.shapes(1) }

func (l *GRUCell) over(g *nn.Graph, s series) (last, all *nn.Value, final []*nn.Value) {
	shape := []int{3 * l.Units}
	if l.ResetAfter {
		shape = []int{2, 3 * l.Units}
	}
	w := l.weights(g, l, s.x, 3, l.BiasInitializer.Or(nn.Zeros), shape...)
	project, recurrent := w.bias, (*nn.Value)(nil)
	if l.ResetAfter && w.bias != nil {
		project, recurrent = biasRow(g, w.bias, 0), biasRow(g, w.bias, 1)
	}
	k := op.GRU{Act: pointwise(g, "activation", l.Activation), Gate: pointwise(g, "recurrent_activation", l.RecurrentActivation),
		ResetAfter: l.ResetAfter}
	return l.scan(g, s, k, w, project, recurrent)
}

// biasRow is row i of a bias that has one for the input and one for the state.
func biasRow(g *nn.Graph, bias *nn.Value, i int) *nn.Value {
	row := g.Op(op.Slice{Ranges: []op.Range{op.At(i)}}, bias)
	return g.Op(op.View{To: bias.Shape[1:]}, row)
}
