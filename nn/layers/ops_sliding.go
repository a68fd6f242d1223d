package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

type convConfig struct {
	Strides    Tuple  `json:"strides"`
	Padding    string `json:"padding"`
	DataFormat string `json:"data_format"`
	Dilation   Tuple  `json:"dilation_rate"`
}

// convolution is the start of every convolution as an operation: channels at the end, and the window that the kernel makes,
// whose shape ends in two axes more.
func (a *operands) convolution(c convConfig, kernel *nn.Value) (x *nn.Value, w op.Window) {
	x = a.tensor(0, "inputs")
	rank := len(x.Shape) - 2
	if rank < 1 || rank > 3 || len(kernel.Shape) != rank+2 || !kernel.Shape.Known() {
		a.Failf("a kernel of shape %v can't convolve shape %v", kernel.Shape, x.Shape)
	}
	if c.Strides == nil {
		c.Strides = Tuple{1}
	}
	return toLast(a.Graph, c.DataFormat, x), window(a.Graph, rank, Tuple(kernel.Shape[:rank]), c.Strides, c.Dilation, c.Padding, true)
}

// windowOps convolve with kernels that are operands, and pool.
//
// Source: keras/src/ops/nn.py
func windowOps() map[string]func() nn.Layer {
	type adaptive struct {
		Size       Tuple  `json:"output_size"`
		DataFormat string `json:"data_format"`
	}
	type patches struct {
		Kernel   Tuple `json:"kernel_size"`
		Dilation Tuple `json:"dilation"`
		Padding  Tuple `json:"padding"`
		Stride   Tuple `json:"stride"`
	}
	type folded struct {
		Output   Tuple `json:"output_size"`
		Kernel   Tuple `json:"kernel_size"`
		Dilation Tuple `json:"dilation"`
		Padding  Tuple `json:"padding"`
		Stride   Tuple `json:"stride"`
	}
	type extract struct {
		Size       Tuple  `json:"size"`
		Strides    Tuple  `json:"strides"`
		Dilation   Tuple  `json:"dilation_rate"`
		Padding    string `json:"padding"`
		DataFormat string `json:"data_format"`
	}
	pool := func(max bool) func() nn.Layer {
		return node(adaptive{}, func(a *operands, c adaptive) *nn.Value {
			x := a.tensor(0, "inputs")
			rank := len(x.Shape) - 2
			if rank < 1 || rank > 3 {
				a.Failf("can't pool shape %v", x.Shape)
			}
			l := &AdaptivePooling{OutputSize: c.Size, DataFormat: c.DataFormat, rank: rank, max: max}
			return l.Build(a.Graph, nn.Wires(nn.Wire{Value: x}))[0].Value
		})
	}
	defaults := convConfig{Padding: "valid", Dilation: Tuple{1}}
	return map[string]func() nn.Layer{
		"AdaptiveAveragePool": pool(false), "AdaptiveMaxPool": pool(true),
		"Conv": node(defaults, func(a *operands, c convConfig) *nn.Value {
			kernel := a.tensor(1, "kernel")
			x, w := a.convolution(c, kernel)
			groups := 1
			if in := kernel.Shape[len(kernel.Shape)-2]; in > 0 {
				groups = x.Shape.Last() / in
			}
			return fromLast(a.Graph, c.DataFormat, a.Op(op.Conv{Window: w, Groups: groups}, x, kernel, nil))
		}),
		"DepthwiseConv": node(defaults, func(a *operands, c convConfig) *nn.Value {
			kernel := a.tensor(1, "kernel")
			x, w := a.convolution(c, kernel)
			return fromLast(a.Graph, c.DataFormat, a.Op(op.Conv{Window: w, Depthwise: true}, x, kernel, nil))
		}),
		"SeparableConv": node(defaults, func(a *operands, c convConfig) *nn.Value {
			kernel, point := a.tensor(1, "depthwise_kernel"), a.tensor(2, "pointwise_kernel")
			x, w := a.convolution(c, kernel)
			x = a.Op(op.Conv{Window: w, Depthwise: true}, x, kernel, nil)
			ones := all(len(w.Size), 1)
			return fromLast(a.Graph, c.DataFormat, a.Op(op.Conv{Window: op.Window{Size: ones, Strides: ones, Dilation: ones}, Groups: 1}, x, point, nil))
		}),
		"Unfold": node(patches{Dilation: Tuple{1}, Padding: Tuple{0}, Stride: Tuple{1}}, func(a *operands, c patches) *nn.Value {
			x := a.x()
			checkRank(a.Graph, x, 2)
			height, width := a.fixedSize(x, 2), a.fixedSize(x, 3)
			t := a.tiles(height, width, c.Kernel, c.Dilation, c.Padding, c.Stride)
			x = a.Op(op.Pad{By: [][2]int{{}, {}, {t.pad[0], t.pad[0]}, {t.pad[1], t.pad[1]}}}, x)
			x = a.Op(op.Take{Axis: 2}, regroup(a.Graph, x, 2, 2, -1), a.ids(t.count(), t.at))
			return regroup(a.Graph, regroup(a.Graph, x, 2, 1, t.kernel[0]*t.kernel[1], t.n[0]*t.n[1]), 1, 2, -1)
		}),
		"Fold": node(folded{Dilation: Tuple{1}, Padding: Tuple{0}, Stride: Tuple{1}}, func(a *operands, c folded) *nn.Value {
			x := a.x()
			if len(x.Shape) != 3 {
				a.Failf("needs three axes, found shape %v", x.Shape)
			}
			size := c.Output.of(a.Graph, "output_size", 2, 1)
			t := a.tiles(size[0], size[1], c.Kernel, c.Dilation, c.Padding, c.Stride)
			x = regroup(a.Graph, regroup(a.Graph, x, 1, 1, -1, t.kernel[0]*t.kernel[1]), 2, 2, -1) // [N, C, taps·places]
			height, width := size[0]+2*t.pad[0], size[1]+2*t.pad[1]
			x = a.plain(op.Spread("fold", t.count(), height*width, t.at), x)[0]
			x = regroup(a.Graph, x, 2, 1, height, width)
			return cut(a.Graph, cut(a.Graph, x, 2, t.pad[0], t.pad[0]+size[0]), 3, t.pad[1], t.pad[1]+size[1])
		}),
		"ExtractPatches": node(extract{Dilation: Tuple{1}, Padding: "valid"}, func(a *operands, c extract) *nn.Value {
			x := a.tensor(0, "images")
			rank := 2
			if len(c.Size) == 3 {
				rank = 3
			}
			single := len(x.Shape) == rank+1
			if single {
				x = regroup(a.Graph, x, 0, 0, 1)
			}
			checkRank(a.Graph, x, rank)
			x = toLast(a.Graph, c.DataFormat, x)
			if c.Strides == nil {
				c.Strides = c.Size
			}
			w := window(a.Graph, rank, c.Size, c.Strides, c.Dilation, c.Padding, false)
			n := a.fixedSize(x, rank+1)
			for _, s := range w.Size {
				if n *= s; n > 1<<13 {
					a.Failf("patches of %v of shape %v are too large", w.Size, x.Shape)
				}
			}
			eye := nn.NewTensor(append(append(nn.Shape{}, w.Size...), x.Shape.Last(), n)...)
			for i := range n {
				eye.F32[i*n+i] = 1
			}
			d := x.DType
			y := a.Op(op.Conv{Window: w, Groups: 1}, float(a.Graph, x), cast(a.Graph, a.Const(eye), float(a.Graph, x).DType), nil)
			y = fromLast(a.Graph, c.DataFormat, cast(a.Graph, y, d))
			if single {
				return regroup(a.Graph, y, 0, 1)
			}
			return y
		}),
	}
}

// tiling is where windows lie over an image: kernel by kernel elements each, n by n of them.
type tiling struct {
	kernel, dilation, pad, stride, n [2]int
	width                            int // of the padded image
}

func (a *operands) tiles(height, width int, kernel, dilation, pad, stride Tuple) (t tiling) {
	t.kernel = [2]int(kernel.of(a.Graph, "kernel_size", 2, 1))
	t.dilation = [2]int(dilation.of(a.Graph, "dilation", 2, 1))
	t.pad = [2]int(pad.of(a.Graph, "padding", 2, 0))
	t.stride = [2]int(stride.of(a.Graph, "stride", 2, 1))
	for i, size := range [2]int{height, width} {
		room := size + 2*t.pad[i] - t.dilation[i]*(t.kernel[i]-1) - 1
		if room < 0 {
			a.Failf("a window of %v doesn't fit an image of %d by %d", t.kernel, height, width)
		}
		t.n[i] = room/t.stride[i] + 1
	}
	if t.kernel[0] > maxExtent/t.kernel[1] || t.n[0] > maxExtent/t.n[1] || t.kernel[0]*t.kernel[1] > maxExtent/(t.n[0]*t.n[1]) {
		a.Failf("too many windows of %v", t.kernel)
	}
	t.width = width + 2*t.pad[1]
	return t
}

func (t tiling) count() int { return t.kernel[0] * t.kernel[1] * t.n[0] * t.n[1] }

// at is where element i of [kernel, kernel, n, n] lies in the padded image.
func (t tiling) at(i int) int {
	places := t.n[0] * t.n[1]
	tap, place := i/places, i%places
	row := place/t.n[1]*t.stride[0] + tap/t.kernel[1]*t.dilation[0]
	column := place%t.n[1]*t.stride[1] + tap%t.kernel[1]*t.dilation[1]
	return row*t.width + column
}
