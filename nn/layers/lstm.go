package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// LSTM is long short-term memory: [batch, time, features] to [batch, Units], or to [batch, time, Units] with
// ReturnSequences.
//
// Source: keras/src/layers/rnn/lstm.py
type LSTM struct {
	recurrent
	RecurrentActivation nn.Activation `json:"recurrent_activation"`
	UnitForgetBias      bool          `json:"unit_forget_bias"`
}

// NewLSTM makes an LSTM layer.
func NewLSTM(units int) *LSTM {
	l := &LSTM{recurrent: recurrent{Common: base("LSTM")}, RecurrentActivation: nn.Act("sigmoid"), UnitForgetBias: true}
	l.cellConfig = cellConfig{Units: units, Activation: nn.Act("tanh"), UseBias: true}
	return l
}

func (l *LSTM) twin() directed {
	return &LSTM{l.copied(), l.RecurrentActivation, l.UnitForgetBias}
}

// Build implements nn.Layer.
func (l *LSTM) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	bias := l.BiasInitializer.Or(nn.Zeros)
	if l.UnitForgetBias {
		bias = l.forgetBias
	}
	w := l.weights(g, "lstm_cell", c.In().Shape.Last(), 4, bias, 4*l.Units)
	cell := op.LSTM{Act: l.pointwise(g, "activation", l.Activation), Gate: l.pointwise(g, "recurrent_activation", l.RecurrentActivation)}
	return l.scan(g, c, cell, w, w.bias, nil, 2)
}

// forgetBias is zeros, but ones for the forget gate.
func (l *LSTM) forgetBias(t *nn.Tensor, _ *nn.Rand) {
	t.Zero()
	for i := range l.Units {
		t.F32[l.Units+i] = 1
	}
}
