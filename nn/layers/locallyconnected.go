package layers

import (
	"slices"
	"sort"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// LocallyConnected is Keras 2's LocallyConnected1D and LocallyConnected2D: a convolution with a kernel of its own for every
// place. Implementation says how the file keeps the kernels: 1, those of every place one after another; 2, a matrix from
// every input to every output, of which only what lies under a kernel counts; 3, that matrix's elements that count.
//
// Source: keras/src/layers/locally_connected (Keras 2.15); Keras 3 has no such layer
type LocallyConnected struct {
	nn.Common
	Filters           int            `json:"filters"`
	KernelSize        Tuple          `json:"kernel_size"`
	Strides           Tuple          `json:"strides"`
	Padding           string         `json:"padding"` // "same" needs implementation 2 or 3
	DataFormat        string         `json:"data_format"`
	Activation        nn.Activation  `json:"activation"`
	UseBias           bool           `json:"use_bias"`
	KernelInitializer nn.Initializer `json:"kernel_initializer"`
	BiasInitializer   nn.Initializer `json:"bias_initializer"`
	Implementation    int            `json:"implementation"`

	rank int
}

func newLocallyConnected(class string, rank, filters, size int, activation string) *LocallyConnected {
	return &LocallyConnected{Common: base(class), Filters: filters, KernelSize: all(rank, size), Strides: all(rank, 1), Padding: "valid",
		DataFormat: "channels_last", Activation: nn.Act(activation), UseBias: true, Implementation: 1, rank: rank}
}

// NewLocallyConnected1D makes a LocallyConnected1D layer; activation "" is linear.
func NewLocallyConnected1D(filters, size int, activation string) *LocallyConnected {
	return newLocallyConnected("LocallyConnected1D", 1, filters, size, activation)
}

// NewLocallyConnected2D makes a LocallyConnected2D layer with a square kernel; activation "" is linear.
func NewLocallyConnected2D(filters, size int, activation string) *LocallyConnected {
	return newLocallyConnected("LocallyConnected2D", 2, filters, size, activation)
}

// places are the sizes of a locally connected layer, and where its kernels lie.
type places struct {
	in, out           []int // spatial
	inputs, outputs   int   // their products
	size, strides     Tuple
	taps              int // of one kernel, without channels
	channels, filters int
	first, same       bool // channels_first; padded
}

// Build implements nn.Layer.
func (l *LocallyConnected) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := imagesIn(g, c, l.rank)
	p := l.places(g, x.Shape)
	inside := p.channels * p.inputs
	if x = regroup(g, x, 1, l.rank+1, inside); p.same {
		x = g.Op(op.Pad{By: [][2]int{{}, {0, 1}}}, x)
	}
	under := p.under()
	patches := g.Op(op.Take{Axis: 1}, x, g.Const(graph.FromI32(under, len(under))))
	patches = regroup(g, patches, 1, 1, p.outputs, p.taps*p.channels)
	y := g.Op(op.MatMul{}, transpose(g, patches, 1, 0, 2), l.kernels(g, p, under))
	y = regroup(g, transpose(g, y, 1, 0, 2), 1, 1, p.out...)
	y = fromLast(g, l.DataFormat, y)
	if l.UseBias {
		bias := l.Weight(g, "bias", l.BiasInitializer.Or(nn.Zeros), append(slices.Clone(p.out), l.Filters)...)
		if p.first { // Keras lays its elements out anew, it doesn't transpose it
			bias = regroup(g, bias, 0, l.rank+1, append([]int{l.Filters}, p.out...)...)
		}
		y = g.Op(op.Binary{Fn: "add"}, y, bias)
	}
	return nn.Drop(g.Activate(l.Activation, y))
}

// places checks the config against the input's shape.
func (l *LocallyConnected) places(g *nn.Graph, x nn.Shape) places {
	p := places{size: l.KernelSize.of(g, "kernel_size", l.rank, 1), strides: l.Strides.of(g, "strides", l.rank, 1), inputs: 1, outputs: 1, taps: 1,
		filters: positive(g, "filters", l.Filters), first: channelsFirst(g, l.DataFormat), same: padding(g, l.Padding)}
	if p.same && l.Implementation == 1 {
		g.Unsupportedf("padding", "Keras has same padding in implementations 2 and 3 alone")
	}
	spatial, channels := x[1:1+l.rank], x.Last()
	if p.first {
		spatial, channels = x[2:], x[1]
	}
	p.channels = positive(g, "the number of input channels", channels)
	for i, n := range spatial {
		positive(g, "the size of the input", n)
		out := n
		if !p.same {
			out = n - p.size[i] + 1
		}
		out = positive(g, "the size of the output", (out+p.strides[i]-1)/p.strides[i])
		p.in, p.out = append(p.in, n), append(p.out, out)
		p.inputs, p.outputs, p.taps = p.inputs*n, p.outputs*out, p.taps*p.size[i]
	}
	elements := float64(p.outputs) * float64(p.taps) * float64(p.channels) * float64(p.filters)
	if elements > 1<<28 || float64(p.inputs)*float64(p.channels)*float64(p.outputs)*float64(p.filters) > 1<<40 {
		g.Unsupportedf("kernel_size", "kernels of %.3g elements are too large", elements)
	}
	return p
}

// under lists, for every output place, the elements of a flat input that lie under its kernel, in the order of the kernel's
// rows; the element after the last stands for padding.
func (p places) under() []int32 {
	out := make([]int32, 0, p.outputs*p.taps*p.channels)
	outside := int32(p.channels * p.inputs)
	for o := range p.outputs {
		for row := range p.taps * p.channels {
			tap, channel := row/p.channels, row%p.channels
			if p.first {
				channel, tap = row/p.taps, row%p.taps
			}
			if at, ok := p.input(o, tap); !ok {
				out = append(out, outside)
			} else if p.first {
				out = append(out, int32(channel*p.inputs+at))
			} else {
				out = append(out, int32(at*p.channels+channel))
			}
		}
	}
	return out
}

// input is the flat place of the input under a tap of the kernel at a flat place of the output.
func (p places) input(out, tap int) (at int, ok bool) {
	step := 1
	for i := len(p.in) - 1; i >= 0; i-- {
		n := out%p.out[i]*p.strides[i] + tap%p.size[i]
		if p.same {
			n -= p.size[i] / 2
		}
		if n < 0 || n >= p.in[i] {
			return 0, false
		}
		at += n * step
		out, tap, step = out/p.out[i], tap/p.size[i], step*p.in[i]
	}
	return at, true
}

// kernels are those of every place: [outputs, taps x channels, filters].
func (l *LocallyConnected) kernels(g *nn.Graph, p places, under []int32) *nn.Value {
	rows := p.taps * p.channels
	init := l.KernelInitializer.Or(nn.GlorotUniform)
	outside := p.filters * p.outputs
	var flat *nn.Value
	var at func(in, out int) int // the element of flat between a flat input and a flat output
	n := 0
	switch l.Implementation {
	case 1:
		return l.Weight(g, "kernel", init, p.outputs, rows, p.filters)
	case 2:
		shape := append(append(slices.Clone(p.in), p.channels), append(slices.Clone(p.out), p.filters)...)
		if p.first {
			shape = append(append([]int{p.channels}, p.in...), append([]int{p.filters}, p.out...)...)
		}
		n = p.channels * p.inputs * outside
		flat = regroup(g, l.Weight(g, "kernel", init, shape...), 0, len(shape), n)
		at = func(in, out int) int { return in*outside + out }
	case 3:
		order := p.order(under)
		n = len(order)
		flat = l.Weight(g, "kernel", init, n)
		at = func(in, out int) int {
			i, _ := slices.BinarySearchFunc(order, [2]int32{int32(out), int32(in)}, pairs)
			return i
		}
	default:
		g.Failf("implementation must be 1, 2 or 3, found %d", l.Implementation)
	}
	if p.same {
		flat = g.Op(op.Pad{By: [][2]int{{0, 1}}}, flat)
	}
	if n > 1<<31-2 {
		g.Unsupportedf("implementation", "a kernel of %d elements is too large", n)
	}
	picks := make([]int32, 0, len(under)*p.filters)
	for i, in := range under {
		for f := range p.filters {
			if int(in) == p.channels*p.inputs {
				picks = append(picks, int32(n))
			} else {
				picks = append(picks, int32(at(int(in), p.output(i/rows, f))))
			}
		}
	}
	kernels := g.Op(op.Take{Axis: 0}, flat, g.Const(graph.FromI32(picks, len(picks))))
	return regroup(g, kernels, 0, 1, p.outputs, rows, p.filters)
}

// output is the flat place of an element of the output.
func (p places) output(place, filter int) int {
	if p.first {
		return filter*p.outputs + place
	}
	return place*p.filters + filter
}

func pairs(a, b [2]int32) int {
	if a[0] != b[0] {
		return int(a[0]) - int(b[0])
	}
	return int(a[1]) - int(b[1])
}

// order lists the pairs of output and input that a kernel connects, as implementation 3 keeps them.
func (p places) order(under []int32) (list [][2]int32) {
	rows := p.taps * p.channels
	for i, in := range under {
		if int(in) < p.channels*p.inputs {
			for f := range p.filters {
				list = append(list, [2]int32{int32(p.output(i/rows, f)), in})
			}
		}
	}
	sort.Slice(list, func(i, j int) bool { return pairs(list[i], list[j]) < 0 })
	return list
}
