package op

import (
	"fmt"

	"kerasgo/internal/conv"
	"kerasgo/internal/gemm"
	"kerasgo/nn/graph"
)

// ConvTranspose is act(xᵀ* kernel + bias), the transpose of a Conv with the same window as a linear map: x [batch,
// spatial..., C], kernel [size..., N, C], bias [N] or nil, to [batch, spatial..., N].
type ConvTranspose struct {
	Window // Pad must be nil
	// OutputPadding lengthens each axis of the output; nil: so that it has stride times the input's length, or, when not
	// Same, (length - 1)·stride + max(size, stride).
	OutputPadding []int
	Act           Unary // an activation that a Plan fused; zero: none

	packed *packedTransposed // in a Plan; inputs[1] is nil then
}

type packedTransposed struct {
	c, n   int
	planes []*conv.TransposedWeights
}

// grown is the length of axis i of the output for n elements of the input.
func (o ConvTranspose) grown(i, n int) (int, error) {
	span, stride := o.span(i), o.Strides[i]
	switch {
	case o.OutputPadding == nil && o.Same:
		return n * stride, nil
	case o.OutputPadding == nil:
		return (n-1)*stride + max(span, stride), nil
	case !o.Same:
		return (n-1)*stride + span + o.OutputPadding[i], nil
	}
	out := (n-1)*stride + span%2 + o.OutputPadding[i]
	if (out+stride-1)/stride != n { // as TensorFlow refuses it
		return 0, fmt.Errorf("output_padding %v makes an output of %d from %d at stride %d", o.OutputPadding, out, n, stride)
	}
	return out, nil
}

// Infer implements graph.Op.
func (o ConvTranspose) Infer(in []Spec) ([]Spec, error) {
	if err := needFloat32(in[0]); err != nil {
		return nil, err
	}
	x, rank := in[0].Shape, len(o.Size)
	if len(x) != rank+2 {
		return nil, fmt.Errorf("needs an input of %d dimensions, found shape %v", rank+2, x)
	}
	var c, n int
	if o.packed != nil {
		c, n = o.packed.c, o.packed.n
	} else {
		k := in[1].Shape
		if len(k) != rank+2 || !k[:rank].Equal(o.Size) || !k.Known() || k.Size() == 0 {
			return nil, fmt.Errorf("a kernel of size %v can't have shape %v", o.Size, k)
		}
		c, n = k[rank+1], k[rank]
	}
	if x.Last() != c {
		return nil, fmt.Errorf("the kernel is for %d channels, found shape %v", c, x)
	}
	y := Shape{x[0]}
	for i, d := range x[1 : rank+1] {
		if d > 0 {
			if d > maxElements/o.Strides[i] {
				return nil, fmt.Errorf("shape %v is too large for strides %v", x, o.Strides)
			}
			var err error
			if d, err = o.grown(i, d); err != nil {
				return nil, err
			}
		}
		y = append(y, d)
	}
	y = append(y, n)
	return []Spec{f32(y...)}, bounded(y)
}

// FLOPs implements graph.Coster.
func (o ConvTranspose) FLOPs(in, out []Spec) int64 {
	n := 2 * int64(in[0].Shape.Size()) * int64(out[0].Shape.Last())
	for _, s := range o.Size {
		n *= int64(s)
	}
	return n
}

// Fuse implements Fuser.
func (o ConvTranspose) Fuse(u Unary) (graph.Op, bool) {
	if o.Act.Fn != "" {
		return nil, false
	}
	o.Act = u
	return o, true
}

// Scaled implements Linear. The output's channels are the last axis but one of the kernel.
func (o ConvTranspose) Scaled(kernel, bias *Tensor, scale, shift []float64) (k, b *Tensor, ok bool) {
	if o.Act.Fn != "" || o.packed != nil {
		return nil, nil, false
	}
	_, b = scaleLast(graph.NewTensor(0, len(scale)), bias, scale, shift)
	k = graph.New(kernel.Spec)
	c := kernel.Shape.Last()
	for i, v := range kernel.F32 {
		k.F32[i] = float32(float64(v) * scale[i/c%len(scale)])
	}
	return k, b, true
}

// conv is the convolution that it transposes.
func (o ConvTranspose) conv() Conv { return Conv{Window: o.Window, Groups: 1} }

// box is that convolution from y to x, whose padding follows from both sizes.
func (o ConvTranspose) box(x, y Shape) box {
	b := o.Window.box(y)
	for k := range 3 {
		if i := k - 3 + len(o.Size); i >= 0 {
			b.out[k], b.low[k] = x[1+i], 0
			if o.Same {
				b.low[k] = max((x[1+i]-1)*o.Strides[i]+o.span(i)-y[1+i], 0) / 2
			}
		}
	}
	return b
}

// Pack implements graph.Packer.
func (o ConvTranspose) Pack(in []*Tensor) (graph.Op, []bool) {
	if in[1] == nil || o.packed != nil {
		return nil, nil
	}
	o.packed = o.pack(in[1])
	return o, []bool{false, true, false}
}

func (o ConvTranspose) pack(kernel *Tensor) *packedTransposed {
	rank := len(o.Size)
	p := &packedTransposed{c: kernel.Shape[rank+1], n: kernel.Shape[rank]}
	x, y := Shape{1}, Shape{1} // of any size: the padding is the same for all
	for i := range o.Size {
		n, _ := o.grown(i, 1) // Infer has refused what can't be
		x, y = append(x, 1), append(y, n)
	}
	g := o.conv().geometry(o.box(append(x, p.c), append(y, p.n)), p.c)
	for _, plane := range o.conv().planes(kernel.F32) {
		p.planes = append(p.planes, conv.PackTransposed(g, plane))
	}
	return p
}

// Forward implements graph.Op.
func (o ConvTranspose) Forward(r *Run, in, out []*Tensor) {
	x, y := in[0].F32, out[0].F32
	if len(y) == 0 {
		return
	}
	kernel := o.packed
	if kernel == nil {
		kernel = o.pack(in[1])
	}
	b := o.box(in[0].Shape, out[0].Shape)
	g := o.conv().geometry(b, kernel.c)
	if len(o.Size) < 3 {
		e, rest := epilogue(o.Act, in)
		conv.Transposed(r.Pool, g, x, kernel.planes[0], y, e)
		rest.apply(r, y, y)
		return
	}
	clear(y)
	g.N = 1
	ny, nx := g.H*g.W*g.C, g.OH*g.OW*g.Out
	b.eachPlane(func(k, i, j int) {
		conv.Transposed(r.Pool, g, x[j*nx:][:nx], kernel.planes[k], y[i*ny:][:ny], gemm.Epilogue{Accumulate: true})
	})
	biasAct(r, y, in[2], o.Act, kernel.n)
}

// Backward implements graph.Op: the convolution itself is the transpose's gradient.
func (o ConvTranspose) Backward(r *Run, in, out, dout, din []*Tensor) {
	x, dy := in[0].F32, dout[0].F32
	if len(dy) == 0 {
		return
	}
	if in[2] != nil && din[2] != nil {
		addRows(r, din[2].F32, dy)
	}
	b := o.box(in[0].Shape, out[0].Shape)
	c := in[0].Shape.Last()
	g := o.conv().geometry(b, c)
	planes := 1
	if len(o.Size) == 3 {
		g.N, planes = 1, o.Size[0]
	} else { // one plane of all images
		b = box{batch: 1, in: [3]int{1}, out: [3]int{1}, size: [3]int{1}, stride: [3]int{1}, dilate: [3]int{1}}
	}
	var kernel *packedKernel
	if din[0] != nil {
		kernel = o.conv().pack(in[1])
	}
	ny, nx, nk := g.N*g.H*g.W*g.C, g.N*g.OH*g.OW*g.Out, len(in[1].F32)/planes
	b.eachPlane(func(k, i, j int) {
		from := dy[i*ny:][:ny]
		if din[0] != nil {
			conv.Forward(r.Pool, g, from, kernel.planes[k], din[0].F32[j*nx:][:nx], gemm.Epilogue{Accumulate: true})
		}
		if din[1] != nil {
			conv.BackwardFilter(r.Pool, g, from, x[j*nx:][:nx], din[1].F32[k*nk:][:nk])
		}
	})
}
