package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// Conv is Conv1D, Conv2D and Conv3D: act(x * kernel + bias), with Filters channels out. Conv1D's padding may be causal.
//
// Source: keras/src/layers/convolutional/base_conv.py
type Conv struct {
	nn.Common
	Filters           int            `json:"filters"`
	KernelSize        Tuple          `json:"kernel_size"`
	Strides           Tuple          `json:"strides"`
	Padding           string         `json:"padding"`
	DataFormat        string         `json:"data_format"`
	DilationRate      Tuple          `json:"dilation_rate"`
	Groups            int            `json:"groups"`
	Activation        nn.Activation  `json:"activation"`
	UseBias           bool           `json:"use_bias"`
	KernelInitializer nn.Initializer `json:"kernel_initializer"`
	BiasInitializer   nn.Initializer `json:"bias_initializer"`
	lora

	rank int
}

func newConv(class string, rank, filters, size int, activation string) *Conv {
	return &Conv{Common: base(class), Filters: filters, KernelSize: all(rank, size), Strides: all(rank, 1), Padding: "valid",
		DataFormat: "channels_last", DilationRate: all(rank, 1), Groups: 1, Activation: nn.Act(activation), UseBias: true,
		rank: rank}
}

// NewConv1D makes a Conv1D layer; activation "" is linear.
func NewConv1D(filters, size int, activation string) *Conv {
	return newConv("Conv1D", 1, filters, size, activation)
}

// NewConv2D makes a Conv2D layer with a square kernel; activation "" is linear.
func NewConv2D(filters, size int, activation string) *Conv {
	return newConv("Conv2D", 2, filters, size, activation)
}

// NewConv3D makes a Conv3D layer with a cubic kernel; activation "" is linear.
func NewConv3D(filters, size int, activation string) *Conv {
	return newConv("Conv3D", 3, filters, size, activation)
}

// Build implements nn.Layer.
func (l *Conv) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := toLast(g, l.DataFormat, imagesIn(g, c, l.rank))
	channels := positive(g, "the number of input channels", x.Shape.Last())
	positive(g, "filters", l.Filters)
	if positive(g, "groups", l.Groups); l.Filters%l.Groups != 0 || channels%l.Groups != 0 {
		g.Failf("%d groups must divide %d filters and %d input channels", l.Groups, l.Filters, channels)
	}
	w := window(g, l.rank, l.KernelSize, l.Strides, l.DilationRate, l.Padding, true)
	if strided(w) && dilated(w) {
		g.Failf("strides %v can't be combined with dilation_rate %v", w.Strides, w.Dilation)
	}
	kernel := l.Variable(g, "kernel", l.KernelInitializer.Or(nn.GlorotUniform), append(w.Size, channels/l.Groups, l.Filters)...)
	var bias *nn.Value
	if l.UseBias {
		bias = l.Weight(g, "bias", l.BiasInitializer.Or(nn.Zeros), l.Filters)
	}
	kernel = l.adapted(g, &l.Common, "kernel", kernel)
	return convolved(g, l.DataFormat, l.Activation, g.Op(op.Conv{Window: w, Groups: l.Groups}, x, kernel, bias))
}

// SavedOrder implements nn.Saver.
func (l *Conv) SavedOrder() []string { return savedOrder("kernel") }

// SavedData implements nn.Saver.
func (l *Conv) SavedData(w *nn.Weight) *nn.Tensor { return l.merged(&l.Common, "kernel", w) }

// imagesIn is the input, with one batch, rank spatial and one channel axis.
func imagesIn(g *nn.Graph, c nn.Call, rank int) *nn.Value {
	x := c.In().Value
	checkRank(g, x, rank)
	return x
}

func positive(g *nn.Graph, what string, n int) int {
	if n <= 0 {
		g.Failf("%s must be known and positive, found %d", what, n)
	}
	return n
}

// window reads the keys of a sliding kernel. Appending to the sizes copies them.
func window(g *nn.Graph, rank int, size, strides, dilation Tuple, pad string, causal bool) op.Window {
	w := op.Window{Size: size.of(g, "kernel_size", rank, 1), Strides: strides.of(g, "strides", rank, 1),
		Dilation: dilation.of(g, "dilation_rate", rank, 1)}
	w.Size = w.Size[:rank:rank]
	if causal && rank == 1 && pad == "causal" {
		w.Pad = [][2]int{{(w.Size[0] - 1) * w.Dilation[0], 0}}
		return w
	}
	w.Same = padding(g, pad)
	return w
}

func strided(w op.Window) bool { return !allOnes(w.Strides) }

func dilated(w op.Window) bool { return !allOnes(w.Dilation) }

func allOnes(t []int) bool {
	for _, n := range t {
		if n != 1 {
			return false
		}
	}
	return true
}

// convolved is the end of every convolution: the activation, and channels back to where data_format has them. An
// activation along an axis sees the tensor as Keras has it.
func convolved(g *nn.Graph, format string, a nn.Activation, y *nn.Value) []nn.Wire {
	return nn.Drop(g.Activate(a, fromLast(g, format, y)))
}
