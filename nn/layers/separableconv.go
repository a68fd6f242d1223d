package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// SeparableConv is SeparableConv1D and SeparableConv2D: a depthwise convolution, then one of size 1 that mixes the
// channels.
//
// Source: keras/src/layers/convolutional/base_separable_conv.py
type SeparableConv struct {
	nn.Common
	DepthMultiplier      int            `json:"depth_multiplier"`
	Filters              int            `json:"filters"`
	KernelSize           Tuple          `json:"kernel_size"`
	Strides              Tuple          `json:"strides"`
	Padding              string         `json:"padding"`
	DataFormat           string         `json:"data_format"`
	DilationRate         Tuple          `json:"dilation_rate"`
	Activation           nn.Activation  `json:"activation"`
	UseBias              bool           `json:"use_bias"`
	DepthwiseInitializer nn.Initializer `json:"depthwise_initializer"`
	PointwiseInitializer nn.Initializer `json:"pointwise_initializer"`
	BiasInitializer      nn.Initializer `json:"bias_initializer"`

	rank int
}

func newSeparableConv(class string, rank, filters, size int, activation string) *SeparableConv {
	return &SeparableConv{Common: base(class), DepthMultiplier: 1, Filters: filters, KernelSize: all(rank, size),
		Strides: all(rank, 1), Padding: "valid", DataFormat: "channels_last", DilationRate: all(rank, 1),
		Activation: nn.Act(activation), UseBias: true, rank: rank}
}

// NewSeparableConv1D makes a SeparableConv1D layer; activation "" is linear.
func NewSeparableConv1D(filters, size int, activation string) *SeparableConv {
	return newSeparableConv("SeparableConv1D", 1, filters, size, activation)
}

// NewSeparableConv2D makes a SeparableConv2D layer with square kernels; activation "" is linear.
func NewSeparableConv2D(filters, size int, activation string) *SeparableConv {
	return newSeparableConv("SeparableConv2D", 2, filters, size, activation)
}

// Build implements nn.Layer.
func (l *SeparableConv) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := toLast(g, l.DataFormat, imagesIn(g, c, l.rank))
	channels := positive(g, "the number of input channels", x.Shape.Last())
	positive(g, "filters", l.Filters)
	positive(g, "depth_multiplier", l.DepthMultiplier)
	w := window(g, l.rank, l.KernelSize, l.Strides, l.DilationRate, l.Padding, false)
	one := op.Window{Size: all(l.rank, 1), Strides: all(l.rank, 1)}
	depthwise := l.Weight(g, "depthwise_kernel", l.DepthwiseInitializer.Or(nn.GlorotUniform),
		append(w.Size, channels, l.DepthMultiplier)...)
	pointwise := l.Weight(g, "pointwise_kernel", l.PointwiseInitializer.Or(nn.GlorotUniform),
		append(all(l.rank, 1), channels*l.DepthMultiplier, l.Filters)...)
	var bias *nn.Value
	if l.UseBias {
		bias = l.Weight(g, "bias", l.BiasInitializer.Or(nn.Zeros), l.Filters)
	}
	y := g.Op(op.Conv{Window: w, Depthwise: true}, x, depthwise, nil)
	return convolved(g, l.DataFormat, l.Activation, g.Op(op.Conv{Window: one, Groups: 1}, y, pointwise, bias))
}
