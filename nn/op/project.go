package op

import (
	"fmt"
	"slices"

	"kerasgo/internal/gemm"
	"kerasgo/nn/graph"
)

// Project is Dense over several axes at once: it sums x's last Sum axes against the kernel's first, so that
// [..., C...] times [C..., R...] gives [..., R...]; then the bias [R...] (or nil) is added, and Act applied. A Plan may give
// it a fourth input, of the output's shape, that is added before the activation.
//
// Source: keras/src/layers/core/einsum_dense.py
type Project struct {
	Sum int
	Act Unary // an activation that a Plan fused; zero: none

	packed *gemm.Packed // kernel, in a Plan; inputs[1] is nil then
	kernel Shape        // of what is packed
}

func (o Project) shape(in []Spec) Shape {
	if o.packed != nil {
		return o.kernel
	}
	return in[1].Shape
}

// Infer implements graph.Op.
func (o Project) Infer(in []Spec) ([]Spec, error) {
	x, k := in[0].Shape, o.shape(in)
	if in[0].DType != graph.Float32 {
		return nil, fmt.Errorf("needs float32, found %v", in[0].DType)
	}
	if o.Sum < 0 || len(x) < o.Sum || len(k) < o.Sum {
		return nil, fmt.Errorf("can't sum over %d axes of shapes %v and %v", o.Sum, x, k)
	}
	lead := len(x) - o.Sum
	for i, d := range x[lead:] {
		if d != k[i] && d != graph.Unknown {
			return nil, fmt.Errorf("the last dimensions must be %v, found shape %v", k[:o.Sum], x)
		}
	}
	y := append(slices.Clone(x[:lead]), k[o.Sum:]...)
	if len(in) > 2 && o.packed == nil && in[2].Shape != nil && in[2].Shape.Size() != k[o.Sum:].Size() {
		return nil, fmt.Errorf("the bias must have shape %v, found %v", k[o.Sum:], in[2].Shape)
	}
	if err := checkRank(y); err != nil {
		return nil, err
	}
	return addable(in, f32(y...))
}

// FLOPs implements graph.Coster.
func (o Project) FLOPs(in, out []Spec) int64 {
	return 2 * int64(out[0].Shape.Size()) * int64(o.shape(in)[:o.Sum].Size())
}

// Pack implements graph.Packer.
func (o Project) Pack(in []*Tensor) (graph.Op, []bool) {
	if in[1] == nil || o.packed != nil {
		return nil, nil
	}
	k, n := o.sides(in[1].Shape)
	o.packed, o.kernel = gemm.Pack(k, n, in[1].F32, n), in[1].Shape
	return o, []bool{false, true, false}
}

// Fuse implements Fuser.
func (o Project) Fuse(u Unary) (graph.Op, bool) {
	if o.Act.Fn != "" {
		return nil, false
	}
	o.Act = u
	return o, true
}

// FuseAdd implements Adder.
func (o Project) FuseAdd() (graph.Op, bool) { return o, o.Act.Fn == "" }

// sides is the kernel as a matrix.
func (o Project) sides(kernel Shape) (k, n int) { return kernel[:o.Sum].Size(), kernel[o.Sum:].Size() }

// Forward implements graph.Op.
func (o Project) Forward(r *Run, in, out []*Tensor) {
	y := out[0].F32
	if len(y) == 0 {
		return
	}
	e, rest := epilogue(o.Act, in)
	if o.packed != nil {
		k, n := o.packed.K, o.packed.N
		gemm.Mul(r.Pool, len(y)/n, in[0].F32, k, o.packed, y, n, e)
	} else {
		k, n := o.sides(in[1].Shape)
		gemm.NN(r.Pool, len(y)/n, n, k, in[0].F32, k, in[1].F32, n, y, n, e)
	}
	rest.apply(r, y, y)
}

// Sets implements graph.Setter.
func (Project) Sets() {}

// Backward implements graph.Op.
func (o Project) Backward(r *Run, in, _, dout, din []*Tensor) {
	k, n := o.sides(in[1].Shape)
	dy := dout[0].F32
	if len(dy) == 0 {
		if r.Fresh() {
			clear(din[0].F32)
		}
		return
	}
	m, more := len(dy)/n, gemm.Epilogue{Accumulate: true}
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
