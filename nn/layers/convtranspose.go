package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// ConvTranspose is Conv1DTranspose, Conv2DTranspose and Conv3DTranspose: the transpose of a convolution as a linear map,
// which enlarges by its strides.
//
// Source: keras/src/layers/convolutional/base_conv_transpose.py
type ConvTranspose struct {
	nn.Common
	Filters           int            `json:"filters"`
	KernelSize        Tuple          `json:"kernel_size"`
	Strides           Tuple          `json:"strides"`
	Padding           string         `json:"padding"`
	OutputPadding     Tuple          `json:"output_padding"` // nil: as little as makes every stride count
	DataFormat        string         `json:"data_format"`
	DilationRate      Tuple          `json:"dilation_rate"`
	Activation        nn.Activation  `json:"activation"`
	UseBias           bool           `json:"use_bias"`
	KernelInitializer nn.Initializer `json:"kernel_initializer"`
	BiasInitializer   nn.Initializer `json:"bias_initializer"`

	rank int
}

func newConvTranspose(class string, rank, filters, size int, activation string) *ConvTranspose {
	return &ConvTranspose{Common: base(class), Filters: filters, KernelSize: all(rank, size), Strides: all(rank, 1),
		Padding: "valid", DataFormat: "channels_last", DilationRate: all(rank, 1), Activation: nn.Act(activation), UseBias: true,
		rank: rank}
}

// NewConv1DTranspose makes a Conv1DTranspose layer; activation "" is linear.
func NewConv1DTranspose(filters, size int, activation string) *ConvTranspose {
	return newConvTranspose("Conv1DTranspose", 1, filters, size, activation)
}

// NewConv2DTranspose makes a Conv2DTranspose layer with a square kernel; activation "" is linear.
func NewConv2DTranspose(filters, size int, activation string) *ConvTranspose {
	return newConvTranspose("Conv2DTranspose", 2, filters, size, activation)
}

// NewConv3DTranspose makes a Conv3DTranspose layer with a cubic kernel; activation "" is linear.
func NewConv3DTranspose(filters, size int, activation string) *ConvTranspose {
	return newConvTranspose("Conv3DTranspose", 3, filters, size, activation)
}

// Build implements nn.Layer.
func (l *ConvTranspose) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := toLast(g, l.DataFormat, imagesIn(g, c, l.rank))
	channels := positive(g, "the number of input channels", x.Shape.Last())
	positive(g, "filters", l.Filters)
	o := op.ConvTranspose{Window: window(g, l.rank, l.KernelSize, l.Strides, l.DilationRate, l.Padding, false)}
	if strided(o.Window) && dilated(o.Window) {
		g.Failf("strides %v can't be combined with dilation_rate %v", o.Strides, o.Dilation)
	}
	if l.OutputPadding != nil {
		o.OutputPadding = l.OutputPadding.of(g, "output_padding", l.rank, 0)
		for i, p := range o.OutputPadding {
			if p >= o.Strides[i] {
				g.Failf("output_padding %v must be less than strides %v", o.OutputPadding, o.Strides)
			}
		}
	}
	kernel := l.Weight(g, "kernel", l.KernelInitializer.Or(nn.GlorotUniform), append(o.Size, l.Filters, channels)...)
	var bias *nn.Value
	if l.UseBias {
		bias = l.Weight(g, "bias", l.BiasInitializer.Or(nn.Zeros), l.Filters)
	}
	return convolved(g, l.DataFormat, l.Activation, g.Op(o, x, kernel, bias))
}
