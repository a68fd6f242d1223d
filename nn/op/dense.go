package op

import (
	"fmt"

	"kerasgo/internal/gemm"
	"kerasgo/nn/graph"
)

// Dense is act(x·kernel + bias): x [..., K], kernel [K, N], bias [N] or nil, to [..., N]. A Plan may give it a fourth
// input, of the output's shape, that is added before the activation.
type Dense struct {
	Act Unary // an activation that a Plan fused; zero: none

	packed *gemm.Packed // kernel, in a Plan; inputs[1] is nil then
}

// Infer implements graph.Op.
func (o Dense) Infer(in []Spec) ([]Spec, error) {
	if in[0].DType != graph.Float32 {
		return nil, fmt.Errorf("needs float32, found %v", in[0].DType)
	}
	x := in[0].Shape
	k, n := 0, 0
	if o.packed != nil {
		k, n = o.packed.K, o.packed.N
	} else {
		k, n = in[1].Shape[0], in[1].Shape[1]
	}
	if len(x) < 1 || x.Last() != k && x.Last() != graph.Unknown {
		return nil, fmt.Errorf("the last dimension must be %d, found shape %v", k, x)
	}
	return addable(in, f32(x.With(1, n)...))
}

// FLOPs implements graph.Coster.
func (o Dense) FLOPs(in, out []Spec) int64 {
	return 2 * int64(out[0].Shape.Size()) * int64(in[0].Shape.Last())
}

// Pack implements graph.Packer.
func (o Dense) Pack(in []*Tensor) (graph.Op, []bool) {
	if in[1] == nil || o.packed != nil {
		return nil, nil
	}
	o.packed = gemm.Pack(in[1].Shape[0], in[1].Shape[1], in[1].F32, in[1].Shape[1])
	return o, []bool{false, true, false}
}

// Fuse implements Fuser.
func (o Dense) Fuse(u Unary) (graph.Op, bool) {
	if o.Act.Fn != "" {
		return nil, false
	}
	o.Act = u
	return o, true
}

// FuseAdd implements Adder.
func (o Dense) FuseAdd() (graph.Op, bool) { return o, o.Act.Fn == "" }

// Scaled implements Linear.
func (o Dense) Scaled(kernel, bias *Tensor, scale, shift []float64) (k, b *Tensor, ok bool) {
	if o.Act.Fn != "" || o.packed != nil {
		return nil, nil, false
	}
	k, b = scaleLast(kernel, bias, scale, shift)
	return k, b, true
}

// Forward implements graph.Op.
func (o Dense) Forward(r *Run, in, out []*Tensor) {
	y, k := out[0], in[0].Shape.Last()
	n := y.Shape.Last()
	if len(y.F32) == 0 {
		return
	}
	e, rest := epilogue(o.Act, in)
	m := len(y.F32) / n
	if o.packed != nil {
		gemm.Mul(r.Pool, m, in[0].F32, k, o.packed, y.F32, n, e)
	} else {
		gemm.NN(r.Pool, m, n, k, in[0].F32, k, in[1].F32, n, y.F32, n, e)
	}
	rest.apply(r, y.F32, y.F32)
}

// Sets implements graph.Setter.
func (Dense) Sets() {}

// Backward implements graph.Op.
func (o Dense) Backward(r *Run, in, out, dout, din []*Tensor) {
	k, n := in[1].Shape[0], in[1].Shape[1]
	dy := dout[0].F32
	m := len(dy) / n
	if m == 0 {
		return
	}
	more := gemm.Epilogue{Accumulate: true}
	if din[0] != nil {
		gemm.NT(r.Pool, m, k, n, dy, n, in[1].F32, n, din[0].F32, k, gemm.Epilogue{Accumulate: !r.Fresh()})
	}
	if din[1] != nil {
		gemm.TN(r.Pool, k, n, m, in[0].F32, k, dy, n, din[1].F32, n, more)
	}
	if in[2] != nil && din[2] != nil {
		addRows(r, din[2].F32, dy)
	}
}

// epilogue says what the matrix product can do itself of bias (input 2, or nil), addition (input 3, if it is there) and
// activation, and what is left.
func epilogue(act Unary, in []*Tensor) (gemm.Epilogue, Unary) {
	var e gemm.Epilogue
	if in[2] != nil {
		e.Bias = in[2].F32
	}
	if len(in) > 3 {
		e.Add = in[3].F32
	}
	switch act.Fn {
	case "relu":
		e.Hi = inf
		return e, Unary{}
	case "relu6":
		e.Hi = 6
		return e, Unary{}
	}
	return e, act
}

// Fuser is an operation that can apply an activation to its output.
type Fuser interface {
	Fuse(u Unary) (graph.Op, bool)
}

// Adder is an operation of three inputs that can add a fourth, of its output's shape, before its activation.
type Adder interface {
	FuseAdd() (graph.Op, bool)
}

// addable is the output of an Adder: what is added must have its shape.
func addable(in []Spec, y Spec) ([]Spec, error) {
	if len(in) > 3 && !in[3].Shape.Equal(y.Shape) {
		return nil, fmt.Errorf("shapes %v and %v can't be added", y.Shape, in[3].Shape)
	}
	return specs(y)
}

// Linear is an operation linear in its kernel (input 1) and bias (input 2, may be nil), with channels on the last axis
// of the output: a per-channel scale and shift behind it can be folded into the two.
type Linear interface {
	Scaled(kernel, bias *Tensor, scale, shift []float64) (k, b *Tensor, ok bool)
}

// scaleLast scales kernel along its last axis, and makes bias·scale + shift.
func scaleLast(kernel, bias *Tensor, scale, shift []float64) (k, b *Tensor) {
	n := len(scale)
	k, b = graph.New(kernel.Spec), graph.NewTensor(n)
	for at := 0; at < len(kernel.F32); at += n {
		to := k.F32[at:][:n]
		for c, v := range kernel.F32[at:][:n] {
			to[c] = float32(float64(v) * scale[c])
		}
	}
	for c := range n {
		b.F32[c] = float32(shift[c])
		if bias != nil {
			b.F32[c] = float32(float64(bias.F32[c])*scale[c] + shift[c])
		}
	}
	return k, b
}
