package layers

import (
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// fixedSize is the size of an axis, which must be known.
func (a *operands) fixedSize(x *nn.Value, axis int) int {
	if x.Shape[axis] < 0 {
		a.Failf("axis %d of shape %v must have a known size", axis, x.Shape)
	}
	return x.Shape[axis]
}

// mask is a constant of bools [rows, columns].
func (a *operands) mask(rows, columns int, f func(i, j int) bool) *nn.Value {
	if rows > maxExtent || columns > maxExtent/max(rows, 1) {
		a.Failf("a mask of %d by %d is too large", rows, columns)
	}
	t := graph.New(nn.Spec{Shape: nn.Shape{rows, columns}, DType: graph.Bool})
	for i := range t.I32 {
		if f(i/columns, i%columns) {
			t.I32[i] = 1
		}
	}
	return a.Const(t)
}

// ids are constant indices.
func (a *operands) ids(n int, f func(i int) int) *nn.Value {
	if n < 0 || n > maxExtent {
		a.Failf("can't pick %d elements", n)
	}
	t := graph.New(nn.Spec{Shape: nn.Shape{n}, DType: graph.Int32})
	for i := range t.I32 {
		t.I32[i] = int32(f(i))
	}
	return a.Const(t)
}

// lastTwo is x with two axes moved to the end, and their sizes.
func (a *operands) lastTwo(x *nn.Value, first, second int) (y *nn.Value, rows, columns int) {
	rank := len(x.Shape)
	if rank < 2 {
		a.Failf("needs two axes, found shape %v", x.Shape)
	}
	i, j := axisOf(a.Graph, first, rank), axisOf(a.Graph, second, rank)
	if i == j {
		a.Failf("axes %d and %d are the same", first, second)
	}
	y = transpose(a.Graph, x, append(others(rank, i, j), i, j)...)
	return y, a.fixedSize(y, rank-2), a.fixedSize(y, rank-1)
}

// others are all axes but some.
func others(rank int, but ...int) []int {
	return slices.DeleteFunc(sequence(rank), func(d int) bool { return slices.Contains(but, d) })
}

// diagonal are the elements [..., n] of matrices [..., rows, columns], offset above the main diagonal.
func (a *operands) diagonal(x *nn.Value, offset, first, second int) *nn.Value {
	x, rows, columns := a.lastTwo(x, first, second)
	down, right := max(0, -offset), max(0, offset)
	n := max(0, min(rows-down, columns-right))
	at := len(x.Shape) - 2
	return a.Op(op.Take{Axis: at}, regroup(a.Graph, x, at, 2, -1), a.ids(n, func(i int) int { return (i+down)*columns + i + right }))
}

// onDiagonal is a square matrix of a vector.
func (a *operands) onDiagonal(x *nn.Value, offset int) *nn.Value {
	if len(x.Shape) != 1 {
		a.Failf("needs one axis, found shape %v", x.Shape)
	}
	by := max(offset, -offset)
	n := a.fixedSize(x, 0) + by
	if by > maxExtent {
		a.Failf("k can't be %d", offset)
	}
	pad := [2]int{0, by}
	if offset > 0 {
		pad = [2]int{by, 0}
	}
	x = a.Op(op.Pad{By: [][2]int{pad}}, x) // along the columns
	return a.where(a.mask(n, n, func(i, j int) bool { return j-i == offset }), x, a.like(x, 0))
}

// matrixOps make and take apart matrices.
func matrixOps() map[string]func() nn.Layer {
	type offset struct {
		K int `json:"k"`
	}
	type diagonal struct {
		Offset int `json:"offset"`
		First  int `json:"axis1"`
		Second int `json:"axis2"`
	}
	type cross struct {
		A    int  `json:"axisa"`
		B    int  `json:"axisb"`
		C    int  `json:"axisc"`
		Axis *int `json:"axis"`
	}
	type turn struct {
		K    int  `json:"k"`
		Axes Axes `json:"axes"`
	}
	type vander struct {
		N          *int `json:"N"`
		Increasing bool `json:"increasing"`
	}
	type correlate struct {
		Mode string `json:"mode"`
	}
	triangle := func(keep func(i, j, k int) bool) func() nn.Layer {
		return node(offset{}, func(a *operands, c offset) *nn.Value {
			x := a.x()
			rank := len(x.Shape)
			if rank < 2 {
				a.Failf("needs two axes, found shape %v", x.Shape)
			}
			m := a.mask(a.fixedSize(x, rank-2), a.fixedSize(x, rank-1), func(i, j int) bool { return keep(i, j, c.K) })
			return a.where(m, x, a.like(x, 0))
		})
	}
	return map[string]func() nn.Layer{
		"Tril": triangle(func(i, j, k int) bool { return j-i <= k }),
		"Triu": triangle(func(i, j, k int) bool { return j-i >= k }),
		"Diag": node(offset{}, func(a *operands, c offset) *nn.Value {
			if x := a.x(); len(x.Shape) != 1 {
				return a.diagonal(x, c.K, 0, 1)
			}
			return a.onDiagonal(a.x(), c.K)
		}),
		"Diagflat": node(offset{}, func(a *operands, c offset) *nn.Value {
			return a.onDiagonal(a.Op(op.View{To: nn.Shape{-1}}, a.x()), c.K)
		}),
		"Diagonal": node(diagonal{Second: 1}, func(a *operands, c diagonal) *nn.Value {
			return a.diagonal(a.x(), c.Offset, c.First, c.Second)
		}),
		"Trace": node(diagonal{Second: 1}, func(a *operands, c diagonal) *nn.Value {
			y := a.diagonal(a.x(), c.Offset, c.First, c.Second)
			return a.Op(op.Reduce{Fn: "sum", Axes: []int{len(y.Shape) - 1}}, cast(a.Graph, y, summed(y.DType)))
		}),
		"Rot90": node(turn{1, Axes{0, 1}}, func(a *operands, c turn) *nn.Value {
			x := a.tensor(0, "array")
			rank := len(x.Shape)
			if len(c.Axes) != 2 || rank < 2 {
				a.Failf("needs two axes, found %v of shape %v", []int(c.Axes), x.Shape)
			}
			i, j := axisOf(a.Graph, c.Axes[0], rank), axisOf(a.Graph, c.Axes[1], rank)
			order := sequence(rank)
			order[i], order[j] = order[j], order[i]
			switch (c.K%4 + 4) % 4 {
			case 1:
				return a.Op(op.Transpose{Perm: order}, reversed(a.Graph, x, []int{j}))
			case 2:
				y, h, w := a.lastTwo(x, i, j)
				turn := func(y *nn.Value) *nn.Value {
					return a.Op(op.Transpose{Perm: append(sequence(rank-2), rank-1, rank-2)}, reversed(a.Graph, y, []int{rank - 1}))
				}
				y = turn(y)
				if h != w { // TensorFlow's Keras takes the first quarter's rows and columns for those of the image
					y = regroup(a.Graph, y, rank-2, 2, h, w)
				}
				if y = turn(y); h != w {
					y = regroup(a.Graph, y, rank-2, 2, h, w)
				}
				back := make([]int, rank)
				for at, d := range append(others(rank, i, j), i, j) {
					back[d] = at
				}
				return transpose(a.Graph, y, back...)
			case 3:
				return reversed(a.Graph, a.Op(op.Transpose{Perm: order}, x), []int{j})
			}
			return x
		}),
		"Outer": plain(func(a *operands) *nn.Value {
			x, y := a.pair(0, "x1", "x2")
			return a.bin("multiply", a.Op(op.View{To: nn.Shape{-1, 1}}, x), a.Op(op.View{To: nn.Shape{-1}}, y))
		}),
		"Vdot": plain(func(a *operands) *nn.Value {
			x, y := a.pair(0, "x1", "x2")
			flat := op.View{To: nn.Shape{-1}}
			d := x.DType
			return cast(a.Graph, a.Op(op.Reduce{Fn: "sum", Axes: []int{0}}, a.bin("multiply", a.Op(flat, float(a.Graph, x)), a.Op(flat, float(a.Graph, y)))), d)
		}),
		"Kron": plain(func(a *operands) *nn.Value {
			x, y := a.pair(0, "x1", "x2")
			for len(x.Shape) < len(y.Shape) {
				x = regroup(a.Graph, x, 0, 0, 1)
			}
			for len(y.Shape) < len(x.Shape) {
				y = regroup(a.Graph, y, 0, 0, 1)
			}
			rank := len(x.Shape)
			for d := range rank {
				x, y = regroup(a.Graph, x, 2*d+1, 0, 1), regroup(a.Graph, y, 2*d, 0, 1)
			}
			z := a.bin("multiply", x, y)
			for d := range rank {
				z = regroup(a.Graph, z, d, 2, -1)
			}
			return z
		}),
		"Cross": node(cross{-1, -1, -1, nil}, func(a *operands, c cross) *nn.Value {
			if c.Axis != nil {
				c.A, c.B, c.C = *c.Axis, *c.Axis, *c.Axis
			}
			x, y := a.pair(0, "x1", "x2")
			x, y = a.toEnd(x, c.A), a.toEnd(y, c.B)
			m, n := a.fixedSize(x, len(x.Shape)-1), a.fixedSize(y, len(y.Shape)-1)
			if m < 2 || m > 3 || n < 2 || n > 3 {
				a.Failf("vectors must have 2 or 3 elements, found %d and %d", m, n)
			}
			part := func(i, j int) *nn.Value { // x[i]·y[j] - x[j]·y[i]; what isn't there is zero
				product := func(i, j int) *nn.Value {
					if i >= m || j >= n {
						z := a.bin("multiply", cut(a.Graph, x, len(x.Shape)-1, 0, 1), cut(a.Graph, y, len(y.Shape)-1, 0, 1))
						return a.Op(op.FillLike{DType: z.DType}, z)
					}
					return a.bin("multiply", cut(a.Graph, x, len(x.Shape)-1, i, i+1), cut(a.Graph, y, len(y.Shape)-1, j, j+1))
				}
				return a.bin("subtract", product(i, j), product(j, i))
			}
			if m == 2 && n == 2 {
				z := part(0, 1)
				return regroup(a.Graph, z, len(z.Shape)-1, 1)
			}
			z := a.Op(op.Concat{Axis: -1}, part(1, 2), part(2, 0), part(0, 1))
			rank := len(z.Shape)
			order := sequence(rank - 1)
			return transpose(a.Graph, z, slices.Insert(order, axisOf(a.Graph, c.C, rank), rank-1)...)
		}),
		"Vander": node(vander{}, func(a *operands, c vander) *nn.Value {
			x := a.x()
			if len(x.Shape) != 1 {
				a.Failf("needs one axis, found shape %v", x.Shape)
			}
			n := 0
			if c.N != nil {
				n = *c.N
			} else {
				n = a.fixedSize(x, 0)
			}
			d := x.DType
			x = float(a.Graph, x)
			powers := cast(a.Graph, a.ids(n, func(i int) int {
				if c.Increasing {
					return i
				}
				return n - 1 - i
			}), x.DType)
			return cast(a.Graph, a.bin("power", regroup(a.Graph, x, 1, 0, 1), powers), d)
		}),
		"Corrcoef": plain(func(a *operands) *nn.Value {
			x := float(a.Graph, a.x())
			if len(x.Shape) != 2 {
				a.Unsupportedf("x", "needs two axes, found shape %v", x.Shape)
			}
			x = a.bin("subtract", x, a.Op(op.Reduce{Fn: "mean", Axes: []int{1}, Keep: true}, x))
			deviation := a.unary("sqrt", a.Op(op.Reduce{Fn: "sum", Axes: []int{1}, Keep: true}, a.unary("square", x)))
			cov := a.Op(op.MatMul{TransB: true}, x, x)
			y := a.bin("divide", cov, a.bin("multiply", deviation, a.Op(op.Transpose{Perm: []int{1, 0}}, deviation)))
			return a.unary("clip", y, -1, 1)
		}),
		"Correlate": node(correlate{"valid"}, func(a *operands, c correlate) *nn.Value {
			x, y := a.pair(0, "x1", "x2")
			x, y = float(a.Graph, x), float(a.Graph, y)
			if len(x.Shape) != 1 || len(y.Shape) != 1 {
				a.Failf("needs operands of one axis, found shapes %v and %v", x.Shape, y.Shape)
			}
			n, m := a.fixedSize(x, 0), a.fixedSize(y, 0)
			from, length := 0, n-m+1
			if c.Mode != "valid" {
				x = a.Op(op.Pad{By: [][2]int{{max(0, m-1), max(0, m-1)}}}, x)
				if length = n + m - 1; c.Mode == "same" {
					from, length = (length-max(n, m))/2, max(n, m)
				} else if c.Mode != "full" {
					a.Failf("unknown mode %q", c.Mode)
				}
			}
			if length < 1 || m < 1 || length > maxExtent/m {
				a.Failf("can't correlate %d and %d elements", n, m)
			}
			frames := a.Op(op.Take{}, x, a.ids(length*m, func(i int) int { return from + i/m + i%m }))
			frames = a.Op(op.View{To: nn.Shape{length, m}}, frames)
			return regroup(a.Graph, a.Op(op.MatMul{}, frames, regroup(a.Graph, y, 1, 0, 1)), 1, 1)
		}),
	}
}
