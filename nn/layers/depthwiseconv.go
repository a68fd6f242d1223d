package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// DepthwiseConv is DepthwiseConv1D and DepthwiseConv2D: each channel is convolved on its own, with DepthMultiplier
// kernels.
//
// Source: keras/src/layers/convolutional/base_depthwise_conv.py
type DepthwiseConv struct {
	nn.Common
	DepthMultiplier      int            `json:"depth_multiplier"`
	KernelSize           Tuple          `json:"kernel_size"`
	Strides              Tuple          `json:"strides"`
	Padding              string         `json:"padding"`
	DataFormat           string         `json:"data_format"`
	DilationRate         Tuple          `json:"dilation_rate"`
	Activation           nn.Activation  `json:"activation"`
	UseBias              bool           `json:"use_bias"`
	DepthwiseInitializer nn.Initializer `json:"depthwise_initializer"`
	BiasInitializer      nn.Initializer `json:"bias_initializer"`

	rank int
}

func newDepthwiseConv(class string, rank, size int, activation string) *DepthwiseConv {
	return &DepthwiseConv{Common: base(class), DepthMultiplier: 1, KernelSize: all(rank, size), Strides: all(rank, 1),
		Padding: "valid", DataFormat: "channels_last", DilationRate: all(rank, 1), Activation: nn.Act(activation),
		UseBias: true, rank: rank}
}

// NewDepthwiseConv1D makes a DepthwiseConv1D layer; activation "" is linear.
func NewDepthwiseConv1D(size int, activation string) *DepthwiseConv {
	return newDepthwiseConv("DepthwiseConv1D", 1, size, activation)
}

// NewDepthwiseConv2D makes a DepthwiseConv2D layer with square kernels; activation "" is linear.
func NewDepthwiseConv2D(size int, activation string) *DepthwiseConv {
	return newDepthwiseConv("DepthwiseConv2D", 2, size, activation)
}

// Build implements nn.Layer.
func (l *DepthwiseConv) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := toLast(g, l.DataFormat, imagesIn(g, c, l.rank))
	channels := positive(g, "the number of input channels", x.Shape.Last())
	positive(g, "depth_multiplier", l.DepthMultiplier)
	w := window(g, l.rank, l.KernelSize, l.Strides, l.DilationRate, l.Padding, false)
	kernel := l.Weight(g, "kernel", l.DepthwiseInitializer.Or(nn.GlorotUniform), append(w.Size, channels, l.DepthMultiplier)...)
	var bias *nn.Value
	if l.UseBias {
		bias = l.Weight(g, "bias", l.BiasInitializer.Or(nn.Zeros), channels*l.DepthMultiplier)
	}
	return convolved(g, l.DataFormat, l.Activation, g.Op(op.Conv{Window: w, Depthwise: true}, x, kernel, bias))
}
