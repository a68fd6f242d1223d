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
	return &LSTM{recurrent{loop{Common: base("LSTM")}, newCellConfig(units)}, nn.Act("sigmoid"), true}
}

func (l *LSTM) twin() directed {
	return &LSTM{l.copied(), l.RecurrentActivation, l.UnitForgetBias}
}

// Build implements nn.Layer.
func (l *LSTM) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	k := nn.Sub(&l.Common, "cell", "lstm_cell", func() *LSTMCell { return NewLSTMCell(l.Units) })
	k.cellConfig, k.RecurrentActivation, k.UnitForgetBias = l.cellConfig, l.RecurrentActivation, l.UnitForgetBias
	return l.run(g, c, k)
}

// LSTMCell is one step of an LSTM, for RNN; called by itself, it takes the input and the states h and c.
//
// Source: keras/src/layers/rnn/lstm.py
type LSTMCell struct {
	unit
	RecurrentActivation nn.Activation `json:"recurrent_activation"`
	UnitForgetBias      bool          `json:"unit_forget_bias"`
}

// NewLSTMCell makes an LSTMCell.
func NewLSTMCell(units int) *LSTMCell {
	return &LSTMCell{unit{base("LSTMCell"), newCellConfig(units)}, nn.Act("sigmoid"), true}
}

func (l *LSTMCell) twin() nn.Layer {
	return &LSTMCell{l.copied(), l.RecurrentActivation, l.UnitForgetBias}
}

// Build implements nn.Layer.
func (l *LSTMCell) Build(g *nn.Graph, c nn.Call) []nn.Wire { return step(g, c, l) }

func (l *LSTMCell) states(*nn.Graph, nn.Shape) []nn.Shape { return l.shapes(2) }

func (l *LSTMCell) over(g *nn.Graph, s series) (last, all *nn.Value, final []*nn.Value) {
	bias := l.BiasInitializer.Or(nn.Zeros)
	if l.UnitForgetBias {
		bias = forgetBias(l.Units)
	}
	w := l.weights(g, l, s.x, 4, bias, 4*l.Units)
	k := op.LSTM{Act: pointwise(g, "activation", l.Activation), Gate: pointwise(g, "recurrent_activation", l.RecurrentActivation)}
	return l.scan(g, s, k, w, w.bias, nil)
}

// forgetBias is zeros, but ones for the forget gate.
func forgetBias(units int) nn.Init {
	return func(t *nn.Tensor, _ *nn.Rand) {
		t.Zero()
		for i := range units {
			t.F32[units+i] = 1
		}
	}
}
