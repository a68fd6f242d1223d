package op

import (
	"fmt"
	"sync"

	"kerasgo/internal/conv"
	"kerasgo/internal/gemm"
	"kerasgo/internal/vec"
	"kerasgo/nn/graph"
)

// Conv is act(x * kernel + bias) over one to three spatial axes: x [batch, spatial..., C], kernel [size..., C/Groups, N],
// bias [N] or nil, to [batch, spatial..., N]. Size is the kernel's. When Depthwise, each channel has its own kernels,
// [size..., C, M], and makes M of the C·M channels of the output.
// Over one or two axes, a Plan may give it a fourth input, of the output's shape, that is added before the activation.
type Conv struct {
	Window
	Groups    int
	Depthwise bool
	Act       Unary // an activation that a Plan fused; zero: none

	packed *packedKernel // in a Plan; inputs[1] is nil then
}

// packedKernel is a kernel as internal/conv wants it: one pack for each step along the outermost of three axes, or one.
type packedKernel struct {
	c, n   int // channels in and out
	planes []*conv.Weights
}

// channels are those of the input and the output that a kernel is made for.
func (o Conv) channels(kernel Shape) (c, n int) {
	if o.packed != nil {
		return o.packed.c, o.packed.n
	}
	last := len(kernel) - 1
	if o.Depthwise {
		return kernel[last-1], kernel[last-1] * kernel[last]
	}
	return kernel[last-1] * o.Groups, kernel[last]
}

// Infer implements graph.Op.
func (o Conv) Infer(in []Spec) ([]Spec, error) {
	if err := needFloat32(in[0]); err != nil {
		return nil, err
	}
	x := in[0].Shape
	spatial, err := o.slide(x)
	if err != nil {
		return nil, err
	}
	if o.packed == nil {
		if err := o.fits(in[1].Shape); err != nil {
			return nil, err
		}
	}
	c, n := o.channels(in[1].Shape)
	if x.Last() != c {
		return nil, fmt.Errorf("the kernel is for %d channels, found shape %v", c, x)
	}
	return addable(in, f32(append(append(Shape{x[0]}, spatial...), n)...))
}

// fits checks a kernel's shape.
func (o Conv) fits(kernel Shape) error {
	rank := len(o.Size)
	if len(kernel) != rank+2 || !kernel[:rank].Equal(o.Size) || !kernel.Known() || kernel.Size() == 0 {
		return fmt.Errorf("a kernel of size %v can't have shape %v", o.Size, kernel)
	}
	if !o.Depthwise && (o.Groups < 1 || kernel.Last()%o.Groups != 0) {
		return fmt.Errorf("%d filters can't be in %d groups", kernel.Last(), o.Groups)
	}
	return nil
}

// FLOPs implements graph.Coster.
func (o Conv) FLOPs(in, out []Spec) int64 {
	n := 2 * int64(out[0].Shape.Size())
	for _, s := range o.Size {
		n *= int64(s)
	}
	if o.Depthwise {
		return n
	}
	return n * int64(in[0].Shape.Last()/o.Groups)
}

// Fuse implements Fuser.
func (o Conv) Fuse(u Unary) (graph.Op, bool) {
	if o.Act.Fn != "" {
		return nil, false
	}
	o.Act = u
	return o, true
}

// FuseAdd implements Adder.
func (o Conv) FuseAdd() (graph.Op, bool) { return o, o.Act.Fn == "" && len(o.Size) < 3 }

// Scaled implements Linear. The output's channels are the last axis of the kernel, or the last two.
func (o Conv) Scaled(kernel, bias *Tensor, scale, shift []float64) (k, b *Tensor, ok bool) {
	if o.Act.Fn != "" || o.packed != nil {
		return nil, nil, false
	}
	k, b = scaleLast(kernel, bias, scale, shift)
	return k, b, true
}

// Pack implements graph.Packer.
func (o Conv) Pack(in []*Tensor) (graph.Op, []bool) {
	if in[1] == nil || o.packed != nil {
		return nil, nil
	}
	o.packed = o.pack(in[1])
	return o, []bool{false, true, false}
}

func (o Conv) pack(kernel *Tensor) *packedKernel {
	p := new(packedKernel)
	p.c, p.n = o.channels(kernel.Shape)
	g := o.geometry(o.box(o.smallest(p.c)), p.n)
	for _, plane := range o.planes(kernel.F32) {
		p.planes = append(p.planes, conv.Pack(g, plane))
	}
	return p
}

// kernelPacks are the kernels of runs without a Plan, reused so that these allocate nothing.
var kernelPacks = sync.Pool{New: func() any { return new(packedKernel) }}

// repack is pack in the memory of p; the kernel must last as long.
func (o Conv) repack(p *packedKernel, b box, kernel *Tensor) {
	p.c, p.n = o.channels(kernel.Shape)
	g := o.geometry(b, p.n)
	n := 1
	if len(o.Size) == 3 {
		n = o.Size[0]
	}
	step := len(kernel.F32) / n
	for i := range n {
		if i == len(p.planes) {
			p.planes = append(p.planes, nil)
		}
		p.planes[i] = conv.Repack(p.planes[i], g, kernel.F32[i*step:][:step])
	}
}

// smallest is an input shape that has one output position: for what doesn't depend on sizes.
func (o Conv) smallest(c int) Shape {
	x := Shape{1}
	for i := range o.Size {
		x = append(x, o.span(i))
	}
	return append(x, c)
}

// planes cuts a kernel along the outermost of three spatial axes.
func (o Conv) planes(kernel []float32) (planes [][]float32) {
	n := 1
	if len(o.Size) == 3 {
		n = o.Size[0]
	}
	step := len(kernel) / n
	for i := range n {
		planes = append(planes, kernel[i*step:][:step])
	}
	return planes
}

// geometry is the two inner axes of b for internal/conv, with out channels.
func (o Conv) geometry(b box, out int) conv.Geometry {
	g := conv.Geometry{N: b.batch, H: b.in[1], W: b.in[2], C: b.channels, KH: b.size[1], KW: b.size[2],
		SH: b.stride[1], SW: b.stride[2], DH: b.dilate[1], DW: b.dilate[2], PadT: b.low[1], PadL: b.low[2],
		OH: b.out[1], OW: b.out[2], Out: out, Groups: o.Groups}
	if o.Depthwise {
		g.Groups = b.channels
	}
	g.PadB = max(0, (g.OH-1)*g.SH+(g.KH-1)*g.DH+1-g.H-g.PadT)
	g.PadR = max(0, (g.OW-1)*g.SW+(g.KW-1)*g.DW+1-g.W-g.PadL)
	return g
}

// Forward implements graph.Op.
func (o Conv) Forward(r *Run, in, out []*Tensor) {
	x, y := in[0], out[0]
	if len(y.F32) == 0 {
		return
	}
	kernel, b := o.packed, o.box(x.Shape)
	if kernel == nil {
		kernel = kernelPacks.Get().(*packedKernel)
		defer kernelPacks.Put(kernel)
		o.repack(kernel, b, in[1])
	}
	if len(o.Size) == 3 {
		o.forward3(r, b, x.F32, kernel, y.F32)
		biasAct(r, y.F32, in[2], o.Act, kernel.n)
		return
	}
	e, rest := epilogue(o.Act, in)
	conv.Forward(r.Pool, o.geometry(b, kernel.n), x.F32, kernel.planes[0], y.F32, e)
	rest.apply(r, y.F32, y.F32)
}

// eachPlane calls f for every pair of planes along the outermost of three axes that step k of the kernel joins; x and y
// are their offsets in planes.
func (b *box) eachPlane(f func(k, x, y int)) {
	for n := range b.batch {
		for o := range b.out[0] {
			for k := range b.size[0] {
				if i := o*b.stride[0] + k*b.dilate[0] - b.low[0]; i >= 0 && i < b.in[0] {
					f(k, n*b.in[0]+i, n*b.out[0]+o)
				}
			}
		}
	}
}

// forward3 sums two-dimensional convolutions.
func (o Conv) forward3(r *Run, b box, x []float32, kernel *packedKernel, y []float32) {
	clear(y)
	g := o.geometry(b, kernel.n)
	g.N = 1
	nx, ny := g.H*g.W*g.C, g.OH*g.OW*g.Out
	b.eachPlane(func(k, i, j int) {
		conv.Forward(r.Pool, g, x[i*nx:][:nx], kernel.planes[k], y[j*ny:][:ny], gemm.Epilogue{Accumulate: true})
	})
}

// biasAct adds a bias (or nil) to rows of n and applies an activation.
func biasAct(r *Run, y []float32, bias *Tensor, act Unary, n int) {
	if bias != nil {
		for row := y; len(row) > 0; row = row[n:] {
			vec.Add(row[:n], row[:n], bias.F32)
		}
	}
	act.apply(r, y, y)
}

// Sets implements graph.Setter.
func (Conv) Sets() {}

// Backward implements graph.Op.
func (o Conv) Backward(r *Run, in, out, dout, din []*Tensor) {
	x, kernel, dy := in[0].F32, in[1], dout[0].F32
	fresh := r.Fresh()
	if fresh && (len(dy) == 0 || len(o.Size) == 3) {
		clear(din[0].F32)
	}
	if len(dy) == 0 {
		return
	}
	_, n := o.channels(kernel.Shape)
	if in[2] != nil && din[2] != nil {
		addRows(r, din[2].F32, dy)
	}
	b := o.box(in[0].Shape)
	g := o.geometry(b, n)
	if len(o.Size) < 3 {
		switch {
		case fresh:
			conv.SetBackwardData(r.Pool, g, dy, kernel.F32, din[0].F32)
		case din[0] != nil:
			conv.BackwardData(r.Pool, g, dy, kernel.F32, din[0].F32)
		}
		if din[1] != nil {
			conv.BackwardFilter(r.Pool, g, x, dy, din[1].F32)
		}
		return
	}
	g.N = 1
	nx, ny, nk := g.H*g.W*g.C, g.OH*g.OW*g.Out, len(kernel.F32)/o.Size[0]
	b.eachPlane(func(k, i, j int) {
		if din[0] != nil {
			conv.BackwardData(r.Pool, g, dy[j*ny:][:ny], kernel.F32[k*nk:][:nk], din[0].F32[i*nx:][:nx])
		}
		if din[1] != nil {
			conv.BackwardFilter(r.Pool, g, x[i*nx:][:nx], dy[j*ny:][:ny], din[1].F32[k*nk:][:nk])
		}
	})
}
