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
	l := &SimpleRNN{recurrent{Common: base("SimpleRNN")}}
	l.cellConfig = cellConfig{Units: units, Activation: nn.Act("tanh"), UseBias: true}
	return l
}

func (l *SimpleRNN) twin() directed { return &SimpleRNN{l.copied()} }

// Build implements nn.Layer.
func (l *SimpleRNN) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	w := l.weights(g, "simple_rnn_cell", c.In().Shape.Last(), 1, l.BiasInitializer.Or(nn.Zeros), l.Units)
	return l.scan(g, c, op.SimpleRNN{Act: l.pointwise(g, "activation", l.Activation)}, w, w.bias, nil, 1)
}
