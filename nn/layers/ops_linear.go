package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// linearOps solve and take matrices apart.
//
// Source: keras/src/backend/tensorflow/linalg.py
func linearOps() map[string]func() nn.Layer {
	type upper struct {
		Upper bool `json:"upper"`
	}
	type lower struct {
		Lower bool `json:"lower"`
	}
	type mode struct {
		Mode string `json:"mode"`
	}
	type svd struct {
		Full    bool `json:"full_matrices"`
		Vectors bool `json:"compute_uv"`
	}
	type tolerance struct {
		Tol *float64 `json:"tol"`
	}
	type rcond struct {
		RCond *float64 `json:"rcond"`
	}
	turn := func(a *operands, x *nn.Value) *nn.Value {
		rank := len(x.Shape)
		order := sequence(rank)
		order[rank-2], order[rank-1] = order[rank-1], order[rank-2]
		return a.Op(op.Transpose{Perm: order}, x)
	}
	triangle := func(a *operands, x *nn.Value, lower bool) *nn.Value {
		rank := len(x.Shape)
		if rank < 2 {
			a.Failf("needs matrices, found shape %v", x.Shape)
		}
		m := a.mask(a.fixedSize(x, rank-2), a.fixedSize(x, rank-1), func(i, j int) bool { return i == j || i > j == lower })
		return a.where(m, x, a.like(x, 0))
	}
	solve := func(a *operands, m *nn.Value) *nn.Value {
		b := cast(a.Graph, a.tensor(1, "b"), m.DType)
		flat := len(b.Shape) == len(m.Shape)-1
		if flat {
			b = regroup(a.Graph, b, len(b.Shape), 0, 1)
		}
		x := a.plain(op.Solve(), m, b)[0]
		if flat {
			return regroup(a.Graph, x, len(x.Shape)-1, 1)
		}
		return x
	}
	// pseudo is V s⁻¹ Uᵀ, of the values above a part of the largest.
	pseudo := func(a *operands, x *nn.Value, part float64) *nn.Value {
		y := a.plain(op.Singular(), x)
		u, s, v := y[0], y[1], y[2]
		last := len(s.Shape) - 1
		top := a.Op(op.Reduce{Fn: "max", Axes: []int{last}, Keep: true}, s)
		keep := a.bin("greater", s, a.bin("multiply", top, a.like(s, part)))
		inv := a.where(keep, a.unary("reciprocal", a.where(keep, s, a.like(s, 1))), a.like(s, 0))
		return a.Op(op.MatMul{}, turn(a, v), a.bin("multiply", turn(a, u), regroup(a.Graph, inv, last+1, 0, 1)))
	}
	longest := func(a *operands, x *nn.Value) float64 {
		rank := len(x.Shape)
		if rank < 2 {
			a.Failf("needs matrices, found shape %v", x.Shape)
		}
		return float64(max(a.fixedSize(x, rank-1), a.fixedSize(x, rank-2)))
	}
	return map[string]func() nn.Layer{
		"Inv": plain(func(a *operands) *nn.Value { return a.plain(op.Inverse(), float(a.Graph, a.x()))[0] }),
		"Det": plain(func(a *operands) *nn.Value { return a.plain(op.Determinant(false), float(a.Graph, a.x()))[0] }),
		"Slogdet": nodes(none{}, func(a *operands, _ none) []*nn.Value {
			return a.plain(op.Determinant(true), float(a.Graph, a.x()))
		}),
		"Logdet": plain(func(a *operands) *nn.Value { // of a positive definite matrix
			y := a.diagonal(a.plain(op.Cholesky(), float(a.Graph, a.x()))[0], 0, -2, -1)
			return a.bin("multiply", a.like(y, 2), a.Op(op.Reduce{Fn: "sum", Axes: []int{len(y.Shape) - 1}}, a.unary("log", y)))
		}),
		"Cholesky": node(upper{}, func(a *operands, c upper) *nn.Value {
			y := a.plain(op.Cholesky(), float(a.Graph, a.x()))[0]
			if c.Upper {
				return turn(a, y)
			}
			return y
		}),
		"CholeskyInverse": node(upper{}, func(a *operands, c upper) *nn.Value {
			y := a.plain(op.Inverse(), triangle(a, float(a.Graph, a.x()), !c.Upper))[0]
			return a.Op(op.MatMul{TransA: !c.Upper, TransB: c.Upper}, y, y)
		}),
		"Solve": plain(func(a *operands) *nn.Value { return solve(a, float(a.Graph, a.tensor(0, "a"))) }),
		"SolveTriangular": node(lower{}, func(a *operands, c lower) *nn.Value {
			return solve(a, triangle(a, float(a.Graph, a.tensor(0, "a")), c.Lower))
		}),
		"LuFactor": nodes(none{}, func(a *operands, _ none) []*nn.Value { return a.plain(op.Factors(), float(a.Graph, a.x())) }),
		"Eigh":     nodes(none{}, func(a *operands, _ none) []*nn.Value { return a.plain(op.Eigen(), float(a.Graph, a.x())) }),
		"Qr": nodes(mode{"reduced"}, func(a *operands, c mode) []*nn.Value {
			if c.Mode != "reduced" && c.Mode != "complete" {
				a.Failf("unknown mode %q", c.Mode)
			}
			return a.plain(op.Orthogonal(c.Mode == "complete"), float(a.Graph, a.x()))
		}),
		"SVD": nodes(svd{true, true}, func(a *operands, c svd) []*nn.Value {
			x := float(a.Graph, a.x())
			longest(a, x)
			if rank := len(x.Shape); c.Full && c.Vectors && x.Shape[rank-1] != x.Shape[rank-2] {
				a.Unsupportedf("full_matrices", "of matrices that aren't square is not supported")
			}
			y := a.plain(op.Singular(), x)
			if !c.Vectors {
				return y[1:2]
			}
			return y
		}),
		"MatrixRank": node(tolerance{}, func(a *operands, c tolerance) *nn.Value {
			x := float(a.Graph, a.x())
			n := longest(a, x)
			s := a.Ops(op.Singular(), x)[1]
			last := len(s.Shape) - 1
			bound := a.bin("multiply", a.Op(op.Reduce{Fn: "max", Axes: []int{last}, Keep: true}, s), a.like(s, n*precision(x.DType)))
			if c.Tol != nil {
				bound = a.like(s, *c.Tol)
			}
			return a.Op(op.Reduce{Fn: "sum", Axes: []int{last}}, cast(a.Graph, a.bin("greater", s, bound), graph.Int32))
		}),
		"Pinv": node(rcond{}, func(a *operands, c rcond) *nn.Value {
			x := float(a.Graph, a.x())
			part := 10 * longest(a, x) * precision(x.DType)
			if c.RCond != nil {
				part = *c.RCond
			}
			return pseudo(a, x, part)
		}),
		"Lstsq": node(rcond{}, func(a *operands, c rcond) *nn.Value {
			x := float(a.Graph, a.tensor(0, "a"))
			b := cast(a.Graph, a.tensor(1, "b"), x.DType)
			part := longest(a, x) * precision(x.DType)
			if c.RCond != nil {
				part = *c.RCond
			}
			flat := len(b.Shape) == 1
			if flat {
				b = regroup(a.Graph, b, 1, 0, 1)
			}
			y := a.Op(op.MatMul{}, pseudo(a, x, part), b)
			if flat {
				return regroup(a.Graph, y, 1, 1)
			}
			return y
		}),
	}
}

// precision is the distance of one from the next number.
func precision(d nn.DType) float64 {
	if d == graph.Float64 {
		return 0x1p-52
	}
	return 0x1p-23
}
