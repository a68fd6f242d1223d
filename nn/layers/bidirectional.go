package layers

import (
	"strings"

	"kerasgo/nn"
	"kerasgo/nn/op"
)

// Bidirectional runs a recurrent layer and its twin that goes the other way, and merges what they return.
//
// Source: keras/src/layers/rnn/bidirectional.py
type Bidirectional struct {
	nn.Common
	MergeMode *string  `json:"merge_mode"` // concat, sum, mul, ave; nil: both outputs
	Layer     nn.Layer `json:"layer"`
	Backward  nn.Layer `json:"backward_layer"`
}

// NewBidirectional makes a Bidirectional layer that concatenates.
func NewBidirectional(layer nn.Layer) *Bidirectional {
	mode := "concat"
	return &Bidirectional{Common: base("Bidirectional"), MergeMode: &mode, Layer: layer}
}

// directions are the two layers; names and what Keras forces on them are set on first use.
func (l *Bidirectional) directions(g *nn.Graph) (f, b directed) {
	f, ok := l.Layer.(directed)
	if !ok {
		g.Unsupportedf("layer", "only RNN, SimpleRNN, LSTM, GRU and ConvLSTM can be bidirectional")
	}
	if l.Backward == nil {
		b = f.twin()
		b.direction().GoBackwards = !f.direction().GoBackwards
		b.Base().Name = "backward_" + strings.TrimPrefix(f.Base().Name, "backward_")
		l.Backward = b
	} else if b, ok = l.Backward.(directed); !ok {
		g.Unsupportedf("backward_layer", "only RNN, SimpleRNN, LSTM, GRU and ConvLSTM can be bidirectional")
	}
	if name := f.Base().Name; !strings.HasPrefix(name, "forward_") {
		if name == "" {
			name = nn.SnakeCase(f.Base().Class)
			b.Base().Name = "backward_" + name
		}
		f.Base().Name = "forward_" + name
	}
	fd, bd := f.direction(), b.direction()
	if fd.GoBackwards == bd.GoBackwards {
		g.Failf("both directions go the same way")
	}
	if fd.ReturnSequences != bd.ReturnSequences || fd.ReturnState != bd.ReturnState {
		g.Failf("the two directions return different things")
	}
	fd.ZeroOutputForMask, bd.ZeroOutputForMask = fd.ReturnSequences, bd.ReturnSequences
	return f, b
}

// Build implements nn.Layer.
func (l *Bidirectional) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	fl, bl := l.directions(g)
	l.Adopt("forward_layer", fl)
	l.Adopt("backward_layer", bl)
	x := c.In()
	fc, bc := nn.Wires(x), nn.Wires(x)
	given := (nn.Call{Args: []any{c.Kw["initial_state"]}}).Ins()
	if more := c.Ins()[1:]; len(given) == 0 {
		given = more
	}
	if n := len(given); n > 0 {
		fc.Kw, bc.Kw = map[string]any{"initial_state": wires(given[:n/2])}, map[string]any{"initial_state": wires(given[n/2:])}
	}
	f, b := g.Apply(fl, fc), g.Apply(bl, bc)
	if fl.direction().ReturnSequences {
		b[0].Value = g.Op(op.Slice{Ranges: []op.Range{op.All(), {Start: op.End, Stop: -op.End, Step: -1}}}, b[0].Value)
	}
	states := append(append([]nn.Wire{}, f[1:]...), b[1:]...)
	if l.MergeMode == nil {
		return append([]nn.Wire{f[0], b[0]}, states...)
	}
	y := f[0]
	switch *l.MergeMode {
	case "concat":
		y.Value = g.Op(op.Concat{Axis: -1}, f[0].Value, b[0].Value)
	case "sum":
		y.Value = g.Op(op.Binary{Fn: "add"}, f[0].Value, b[0].Value)
	case "mul":
		y.Value = g.Op(op.Binary{Fn: "multiply"}, f[0].Value, b[0].Value)
	case "ave":
		y.Value = g.Op(op.Binary{Fn: "divide"}, g.Op(op.Binary{Fn: "add"}, f[0].Value, b[0].Value), g.ScalarOf(2, f[0].DType))
	default:
		g.Unsupportedf("merge_mode", "merge_mode %q is not supported", *l.MergeMode)
	}
	return append([]nn.Wire{y}, states...)
}

func wires(ws []nn.Wire) (out []any) {
	for _, w := range ws {
		out = append(out, w)
	}
	return out
}
