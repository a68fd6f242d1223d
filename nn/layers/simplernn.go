package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// SimpleRNN is h = act(x·kernel + h·recurrent_kernel + bias): [batch, time, features] to [batch, Units], or to
// [batch, time, Units] with ReturnSequences.
//
// Source: keras/src/layers/rnn/simple_rnn.py
type SimpleRNN struct{ recurrent }

// NewSimpleRNN makes a SimpleRNN layer.
func NewSimpleRNN(units int) *SimpleRNN {
	return &SimpleRNN{recurrent{loop{Common: base("SimpleRNN")}, newCellConfig(units)}}
}

func (l *SimpleRNN) twin() directed { return &SimpleRNN{l.copied()} }

// Build implements nn.Layer.
func (l *SimpleRNN) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	k := nn.Sub(&l.Common, "cell", "simple_rnn_cell", func() *SimpleRNNCell { return NewSimpleRNNCell(l.Units) })
	k.cellConfig = l.cellConfig
	return l.run(g, c, k)
}

// SimpleRNNCell is one step of a SimpleRNN, for RNN; called by itself, it takes the input and the state.
//
// Source: keras/src/layers/rnn/simple_rnn.py
type SimpleRNNCell struct{ unit }

// NewSimpleRNNCell makes a SimpleRNNCell.
func NewSimpleRNNCell(units int) *SimpleRNNCell {
	return &SimpleRNNCell{unit{base("SimpleRNNCell"), newCellConfig(units)}}
}

func (l *SimpleRNNCell) twin() nn.Layer { return &SimpleRNNCell{l.copied()} }

// Build implements nn.Layer.
func (l *SimpleRNNCell) Build(g *nn.Graph, c nn.Call) []nn.Wire { return step(g, c, l) }

func (l *SimpleRNNCell) states(*nn.Graph, nn.Shape) []nn.Shape { return l.shapes(1) }

func (l *SimpleRNNCell) over(g *nn.Graph, s series) (last, all *nn.Value, final []*nn.Value) {
	w := l.weights(g, l, s.x, 1, l.BiasInitializer.Or(nn.Zeros), l.Units)
	return l.scan(g, s, op.SimpleRNN{Act: pointwise(g, "activation", l.Activation)}, w, w.bias, nil)
}
