package layers

import (
	"fmt"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// ConvLSTM is ConvLSTM1D, ConvLSTM2D and ConvLSTM3D, an LSTM whose products are convolutions: [batch, time, spatial...,
// channels] to [batch, spatial..., Filters], or to [batch, time, spatial..., Filters] with ReturnSequences. The state is
// convolved to its own size, whatever the padding, strides and dilation of the input.
//
// Source: keras/src/layers/rnn/conv_lstm.py
type ConvLSTM struct {
	loop
	convCell
}

// convCell is the config of the layer and of its cell.
type convCell struct {
	Filters             int           `json:"filters"`
	KernelSize          Tuple         `json:"kernel_size"`
	Strides             Tuple         `json:"strides"`
	Padding             string        `json:"padding"`
	DataFormat          string        `json:"data_format"`
	DilationRate        Tuple         `json:"dilation_rate"`
	Activation          nn.Activation `json:"activation"`
	RecurrentActivation nn.Activation `json:"recurrent_activation"`
	UseBias             bool          `json:"use_bias"`
	UnitForgetBias      bool          `json:"unit_forget_bias"`
	Dropout             float32       `json:"dropout"`
	RecurrentDropout    float32       `json:"recurrent_dropout"`

	KernelInitializer    nn.Initializer `json:"kernel_initializer"`
	RecurrentInitializer nn.Initializer `json:"recurrent_initializer"`
	BiasInitializer      nn.Initializer `json:"bias_initializer"`

	rank int
}

func newConvLSTM(rank, filters, size int) *ConvLSTM {
	return &ConvLSTM{loop{Common: base(fmt.Sprintf("ConvLSTM%dD", rank))}, convCell{Filters: filters, KernelSize: all(rank, size),
		Strides: all(rank, 1), Padding: "valid", DataFormat: "channels_last", DilationRate: all(rank, 1), Activation: nn.Act("tanh"),
		RecurrentActivation: nn.Act("sigmoid"), UseBias: true, UnitForgetBias: true, rank: rank}}
}

// NewConvLSTM1D makes a ConvLSTM1D layer.
func NewConvLSTM1D(filters, size int) *ConvLSTM { return newConvLSTM(1, filters, size) }

// NewConvLSTM2D makes a ConvLSTM2D layer with a square kernel.
func NewConvLSTM2D(filters, size int) *ConvLSTM { return newConvLSTM(2, filters, size) }

// NewConvLSTM3D makes a ConvLSTM3D layer with a cubic kernel.
func NewConvLSTM3D(filters, size int) *ConvLSTM { return newConvLSTM(3, filters, size) }

func (l *ConvLSTM) makesCell() {}

func (l *ConvLSTM) twin() directed { return &ConvLSTM{l.copied(), l.convCell} }

// Build implements nn.Layer.
func (l *ConvLSTM) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	k := nn.Sub(&l.Common, "cell", "conv_lstm_cell", func() *convLSTMCell { return &convLSTMCell{Common: base("ConvLSTMCell")} })
	k.convCell = l.convCell
	return l.run(g, c, k)
}

// convLSTMCell is the cell that a ConvLSTM makes; in Keras it has no public name.
type convLSTMCell struct {
	nn.Common
	convCell
}

func (l *convLSTMCell) twin() nn.Layer {
	return &convLSTMCell{copiedCommon(&l.Common), l.convCell}
}

// Build implements nn.Layer.
func (l *convLSTMCell) Build(g *nn.Graph, _ nn.Call) []nn.Wire {
	g.Failf("is a cell: the layer around it runs it")
	return nil
}

func (l *convLSTMCell) window(g *nn.Graph) op.Window {
	w := window(g, l.rank, l.KernelSize, l.Strides, l.DilationRate, l.Padding, false)
	if strided(w) && dilated(w) {
		g.Failf("strides %v can't be combined with dilation_rate %v", w.Strides, w.Dilation)
	}
	return w
}

func (l *convLSTMCell) states(g *nn.Graph, x nn.Shape) []nn.Shape {
	if len(x) != l.rank+3 {
		g.Failf("needs an input of %d dimensions, found shape %v", l.rank+3, x)
	}
	image := append(nn.Shape{1}, x[2:]...)
	if channelsFirst(g, l.DataFormat) {
		image = append(append(nn.Shape{1}, x[3:]...), x[2])
	}
	positive(g, "filters", l.Filters)
	w := l.window(g)
	kernel := append(w.Size, positive(g, "the number of input channels", image.Last()), l.Filters)
	out, err := op.Conv{Window: w, Groups: 1}.Infer([]nn.Spec{graph.F32(image...), graph.F32(kernel...)})
	if err != nil {
		g.Failf("%v", err)
	}
	s := out[0].Shape[1:]
	spatial := s[:l.rank]
	if channelsFirst(g, l.DataFormat) {
		s = append(nn.Shape{l.Filters}, spatial...)
	}
	return []nn.Shape{s, s}
}

func (l *convLSTMCell) over(g *nn.Graph, s series) (last, seq *nn.Value, final []*nn.Value) {
	steps := s.x
	x := toLast(g, l.DataFormat, g.Op(op.FoldTime{}, s.x))
	channels := x.Shape.Last()
	w := l.window(g)
	var kernel, recurrent, bias *nn.Value
	declare(g, l, func() {
		kernel = l.Weight(g, "kernel", l.KernelInitializer.Or(nn.GlorotUniform), append(w.Size, channels, 4*l.Filters)...)
		recurrent = l.Weight(g, "recurrent_kernel", l.RecurrentInitializer.Or(nn.Orthogonal(1)), append(w.Size, l.Filters, 4*l.Filters)...)
		if l.UseBias {
			first := l.BiasInitializer.Or(nn.Zeros)
			if l.UnitForgetBias {
				first = forgetBias(l.Filters)
			}
			bias = l.Weight(g, "bias", first, 4*l.Filters)
		}
	})
	o := op.Recurrent{Cell: op.LSTM{Act: pointwise(g, "activation", l.Activation), Gate: pointwise(g, "recurrent_activation", l.RecurrentActivation)},
		Units: l.Filters, Backwards: s.backwards, ZeroMasked: s.zeroMasked,
		Over: op.Conv{Window: op.Window{Size: w.Size, Strides: all(l.rank, 1), Dilation: all(l.rank, 1), Same: true}, Groups: 1}}
	groups := 1
	if g.Training && l.Dropout > 0 {
		x, groups = l.dropped(g, s, x, steps), 4
	}
	z := g.Op(op.UnfoldTime{}, g.Op(op.Conv{Window: w, Groups: groups}, x, kernel, bias), steps)
	var factor *nn.Value
	if g.Training && l.RecurrentDropout > 0 { // each gate has its own
		o.Over.Groups = 4
		first := g.Op(op.Slice{Ranges: []op.Range{op.All(), op.At(0)}}, z)
		ones := g.Op(op.FillLike{Value: 1, DType: z.DType}, g.Op(op.View{Lead: 1, To: z.Shape[2:]}, first))
		factor = g.Op(op.Dropout{Rate: l.RecurrentDropout, Path: g.Path, Call: 2*s.call + 1}, ones)
	}
	args := []*nn.Value{z, recurrent, nil, s.mask, factor}
	for _, v := range s.initial {
		args = append(args, toLast(g, l.DataFormat, v))
	}
	out := g.Ops(o, args...)
	last, seq = fromLast(g, l.DataFormat, out[0]), out[1]
	if channelsFirst(g, l.DataFormat) {
		seq = g.Op(op.UnfoldTime{}, fromLast(g, l.DataFormat, g.Op(op.FoldTime{}, seq)), steps)
	}
	for _, v := range out[2 : len(out)-2] {
		final = append(final, fromLast(g, l.DataFormat, v))
	}
	return last, seq, final
}

// dropped is the input once for each gate, along the channels, each dropped by a mask of its own that all steps share.
// A convolution in four groups then is one convolution for each gate.
func (l *convLSTMCell) dropped(g *nn.Graph, s series, x, steps *nn.Value) *nn.Value {
	four := g.Op(op.UnfoldTime{}, g.Op(op.Concat{Axis: -1}, x, x, x, x), steps)
	noise := append(nn.Shape{-1, 1}, all(l.rank+1, -1)...)
	return g.Op(op.FoldTime{}, g.Op(op.Dropout{Rate: l.Dropout, Path: g.Path, Call: 2 * s.call, Noise: noise}, four))
}
