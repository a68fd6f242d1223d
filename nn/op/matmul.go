package op

import (
	"fmt"

	"kerasgo/internal/gemm"
	"kerasgo/nn/graph"
)

// MatMul multiplies the matrices in the last two axes; the axes before them are broadcast. A transposed operand is read
// so, without a copy.
type MatMul struct{ TransA, TransB bool }

// Infer implements graph.Op.
func (o MatMul) Infer(in []Spec) ([]Spec, error) {
	a, b := in[0].Shape, in[1].Shape
	if len(a) < 2 || len(b) < 2 {
		return nil, fmt.Errorf("needs two dimensions or more, found shapes %v and %v", a, b)
	}
	if in[0].DType != graph.Float32 || in[1].DType != graph.Float32 {
		return nil, fmt.Errorf("needs float32, found %v and %v", in[0].DType, in[1].DType)
	}
	m, k := o.sides(a, o.TransA)
	k2, n := o.sides(b, o.TransB)
	if k != k2 && k != graph.Unknown && k2 != graph.Unknown {
		return nil, fmt.Errorf("can't multiply matrices of shapes %v and %v", a, b)
	}
	batch, err := Broadcast(a[:len(a)-2], b[:len(b)-2])
	if err != nil {
		return nil, err
	}
	return []Spec{f32(append(batch, m, n)...)}, checkRank(batch)
}

func (MatMul) sides(s Shape, transposed bool) (rows, columns int) {
	rows, columns = s[len(s)-2], s[len(s)-1]
	if transposed {
		return columns, rows
	}
	return rows, columns
}

// FLOPs implements graph.Coster.
func (o MatMul) FLOPs(in, out []Spec) int64 {
	_, k := o.sides(in[0].Shape, o.TransA)
	return 2 * int64(out[0].Shape.Size()) * int64(k)
}

// batches walks the matrices: operands 0, 1 and 2 are those of a, b and the result, in matrices.
func batches(a, b, y Shape) nest {
	cut := func(s Shape) Shape { return s[:len(s)-2] }
	return newNest(cut(y), cut(a), cut(b), cut(y))
}

// Forward implements graph.Op.
func (o MatMul) Forward(r *Run, in, out []*Tensor) {
	a, b, y := in[0], in[1], out[0]
	m, k := o.sides(a.Shape, o.TransA)
	_, n := o.sides(b.Shape, o.TransB)
	if y.Len() == 0 {
		return
	}
	if !o.TransA && !o.TransB && b.Len() == k*n { // one matrix for all rows
		gemm.NN(r.Pool, y.Len()/n, n, k, a.F32, k, b.F32, n, y.F32, n, gemm.Epilogue{})
		return
	}
	l := batches(a.Shape, b.Shape, y.Shape)
	l.each(func(i, j, at int) {
		product(r, o.TransA, o.TransB, m, n, k, a.F32[i*m*k:][:m*k], b.F32[j*k*n:][:k*n], y.F32[at*m*n:][:m*n], false)
	})
}

// product sets, or adds to, c [m, n] the product of a [m, k] and b [k, n], each of which may lie transposed.
func product(r *Run, transA, transB bool, m, n, k int, a, b, c []float32, accumulate bool) {
	e := gemm.Epilogue{Accumulate: accumulate}
	switch {
	case k == 0 && !accumulate:
		clear(c)
	case !transA && !transB:
		gemm.NN(r.Pool, m, n, k, a, k, b, n, c, n, e)
	case !transA:
		gemm.NT(r.Pool, m, n, k, a, k, b, k, c, n, e)
	case !transB:
		gemm.TN(r.Pool, m, n, k, a, m, b, n, c, n, e)
	default: // aᵀ·bᵀ: b is turned first
		turned := r.Dirty(k * n)
		for i := range n {
			for j := range k {
				turned[j*n+i] = b[i*k+j]
			}
		}
		gemm.TN(r.Pool, m, n, k, a, m, turned, n, c, n, e)
	}
}

// Backward implements graph.Op.
func (o MatMul) Backward(r *Run, in, out, dout, din []*Tensor) {
	a, b, dy := in[0], in[1], dout[0]
	m, k := o.sides(a.Shape, o.TransA)
	_, n := o.sides(b.Shape, o.TransB)
	if dy.Len() == 0 || k == 0 {
		return
	}
	l := batches(a.Shape, b.Shape, dy.Shape)
	l.each(func(i, j, at int) {
		av, bv, d := a.F32[i*m*k:][:m*k], b.F32[j*k*n:][:k*n], dy.F32[at*m*n:][:m*n]
		if din[0] != nil {
			if da := din[0].F32[i*m*k:][:m*k]; o.TransA { // dAᵀ = B·dYᵀ
				product(r, o.TransB, true, k, m, n, bv, d, da, true)
			} else {
				product(r, false, !o.TransB, m, k, n, d, bv, da, true)
			}
		}
		if din[1] != nil {
			if db := din[1].F32[j*k*n:][:k*n]; o.TransB {
				product(r, true, o.TransA, n, k, m, d, av, db, true)
			} else {
				product(r, !o.TransA, false, k, n, m, av, d, db, true)
			}
		}
	})
}
