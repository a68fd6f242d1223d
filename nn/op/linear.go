package op

import (
	"fmt"
	"math"
	"slices"

	"kerasgo/nn/graph"
)

// square checks that the last two dimensions are known and equal.
func square(s Shape) error {
	n := len(s)
	if n < 2 || s[n-1] != s[n-2] || s[n-1] < 1 {
		return fmt.Errorf("needs square matrices, found shape %v", s)
	}
	return nil
}

// roomSquares is room for some matrices as large as the first operand's.
func roomSquares(count int) func(in, out []Array) int {
	return func(in, _ []Array) int {
		n := in[0].Shape.Last()
		return count*n*n + 2*n
	}
}

// Inverse inverts matrices [..., n, n].
func Inverse() Plain {
	return Plain{&plain{name: "inv", room: roomSquares(2),
		infer: func(in []Spec) ([]Spec, error) { return in[:1:1], square(in[0].Shape) },
		run: func(k *Arrays) {
			n := k.in[0].Shape.Last()
			for at := 0; at < len(k.in[0].X); at += n * n {
				if !invert(k.out[0].X[at:][:n*n], k.in[0].X[at:][:n*n], k.work, n) {
					k.Run.Fail("the matrix can't be inverted")
				}
			}
		},
		back: func(k *Arrays) { // -yᵀ dy yᵀ
			n := k.in[0].Shape.Last()
			t := k.work[:n*n]
			for at := 0; at < len(k.in[0].X); at += n * n {
				y := k.out[0].X[at:]
				matrix{t, n, 1}.product(n, n, n, matrix{y, 1, n}, matrix{k.dout[0].X[at:], n, 1}, -1)
				u := k.work[n*n:][:n*n]
				matrix{u, n, 1}.product(n, n, n, matrix{t, n, 1}, matrix{y, 1, n}, 1)
				for i, v := range u {
					k.din[0].X[at+i] += v
				}
			}
		}}}
}

// invert sets y to the inverse of a, n by n; work holds 2n². false: it has none.
func invert(y, a, work []float64, n int) bool {
	lu, order := work[:n*n], work[n*n:][:n]
	copy(lu, a)
	if factor(lu, order, n) == 0 {
		return false
	}
	clear(y[:n*n])
	for i := range n {
		y[i*n+i] = 1
	}
	substitute(y, lu, order, work[n*n+n:], n, n)
	return true
}

// factor makes a the LU factors of its rows in another order, which it says, with partial pivots; the sign of the determinant
// of that order, or zero if a is singular.
func factor(a, order []float64, n int) float64 {
	sign := 1.0
	for i := range n {
		order[i] = float64(i)
	}
	for c := range n {
		p := c
		for i := c + 1; i < n; i++ {
			if math.Abs(a[i*n+c]) > math.Abs(a[p*n+c]) {
				p = i
			}
		}
		if a[p*n+c] == 0 || a[p*n+c] != a[p*n+c] {
			return 0
		}
		if p != c {
			for j := range n {
				a[p*n+j], a[c*n+j] = a[c*n+j], a[p*n+j]
			}
			order[p], order[c] = order[c], order[p]
			sign = -sign
		}
		for i := c + 1; i < n; i++ {
			f := a[i*n+c] / a[c*n+c]
			a[i*n+c] = f
			for j := c + 1; j < n; j++ {
				a[i*n+j] -= f * a[c*n+j]
			}
		}
	}
	return sign
}

// substitute replaces the columns of b, n by m, by the solutions of LU x = b; work holds n.
func substitute(b, lu, order, work []float64, n, m int) {
	for j := range m {
		for i := range n {
			v := b[int(order[i])*m+j]
			for c := range i {
				v -= lu[i*n+c] * work[c]
			}
			work[i] = v
		}
		for i := n - 1; i >= 0; i-- {
			v := work[i]
			for c := i + 1; c < n; c++ {
				v -= lu[i*n+c] * work[c]
			}
			work[i] = v / lu[i*n+i]
		}
		for i := range n {
			b[i*m+j] = work[i]
		}
	}
}

// Determinant gives those of matrices [..., n, n]: the sign and the logarithm of the absolute value where log, else the number.
func Determinant(log bool) Plain {
	return Plain{&plain{name: "det", room: roomSquares(4),
		infer: func(in []Spec) ([]Spec, error) {
			if err := square(in[0].Shape); err != nil {
				return nil, err
			}
			s := Spec{Shape: in[0].Shape[:len(in[0].Shape)-2], DType: in[0].DType}
			if log {
				return specs(s, s)
			}
			return specs(s)
		},
		run: func(k *Arrays) {
			n := k.in[0].Shape.Last()
			lu := k.work[:n*n]
			for b := range rowsOf(k.in[0], n*n) {
				copy(lu, k.in[0].X[b*n*n:])
				sign, sum := factor(lu, k.work[n*n:], n), 0.0
				for i := range n {
					sum += math.Log(math.Abs(lu[i*n+i]))
					sign *= either(lu[i*n+i] < 0, -1, 1)
				}
				switch {
				case !log:
					k.out[0].X[b] = sign
					for i := range n {
						k.out[0].X[b] *= math.Abs(lu[i*n+i])
					}
					continue
				case sign == 0:
					sum = math.Inf(-1)
				}
				if k.out[0].X != nil {
					k.out[0].X[b] = sign
				}
				if k.out[1].X != nil {
					k.out[1].X[b] = sum
				}
			}
		},
		back: func(k *Arrays) { // by x: the inverse, transposed, times what the result is
			n := k.in[0].Shape.Last()
			inv := k.work[2*n*n:][:n*n]
			for b := range rowsOf(k.in[0], n*n) {
				var by float64
				switch {
				case !log:
					by = k.dout[0].X[b] * k.out[0].X[b]
				case k.dout[1].X != nil:
					by = k.dout[1].X[b]
				}
				if by == 0 || !invert(inv, k.in[0].X[b*n*n:][:n*n], k.work, n) {
					continue
				}
				for i := range n * n {
					k.din[0].X[b*n*n+i] += by * inv[i%n*n+i/n]
				}
			}
		}}}
}

// Solve finds x of a x = b: a [..., n, n], b [..., n, m], of the same batch.
func Solve() Plain {
	return Plain{&plain{name: "solve", room: func(in, out []Array) int {
		return 3*in[0].Shape.Last()*in[0].Shape.Last() + 2*in[0].Shape.Last() + in[1].Shape.Size()
	},
		infer: func(in []Spec) ([]Spec, error) {
			a, b := in[0].Shape, in[1].Shape
			if err := square(a); err != nil {
				return nil, err
			}
			if len(a) != len(b) || b[len(b)-2] != a.Last() || !slices.Equal(a[:len(a)-2], b[:len(b)-2]) {
				return nil, fmt.Errorf("matrices %v don't fit right sides %v", a, b)
			}
			return in[1:2:2], nil
		},
		run: func(k *Arrays) { solve(k, k.out[0].X, k.in[1].X, false) },
		back: func(k *Arrays) { // db = a⁻ᵀ dx, da = -db xᵀ
			n, m := k.in[0].Shape.Last(), k.in[1].Shape.Last()
			db := k.work[len(k.work)-len(k.in[1].X):]
			solve(k, db, k.dout[0].X, true)
			if dx := k.din[1].X; dx != nil {
				for i, v := range db {
					dx[i] += v
				}
			}
			if k.din[0].X == nil {
				return
			}
			for b := range rowsOf(k.in[0], n*n) {
				for i := range n {
					for j := range n {
						for c := range m {
							k.din[0].X[b*n*n+i*n+j] -= db[(b*n+i)*m+c] * k.out[0].X[(b*n+j)*m+c]
						}
					}
				}
			}
		}}}
}

func solve(k *Arrays, x, b []float64, transposed bool) {
	n, m := k.in[0].Shape.Last(), k.in[1].Shape.Last()
	lu, order := k.work[:n*n], k.work[n*n:][:n]
	copy(x, b)
	for i := range rowsOf(k.in[0], n*n) {
		from := k.in[0].X[i*n*n:][:n*n]
		copy(lu, from)
		for j := 0; transposed && j < n*n; j++ {
			lu[j] = from[j%n*n+j/n]
		}
		if factor(lu, order, n) == 0 {
			k.Run.Fail("the matrix can't be inverted")
			return
		}
		substitute(x[i*n*m:][:n*m], lu, order, k.work[n*n+n:], n, m)
	}
}

// Factors gives LU factors in one matrix, and the rows' order (int32).
//
// Source: keras/src/backend/tensorflow/linalg.py, lu_factor
func Factors() Plain {
	return Plain{&plain{name: "lu_factor", room: roomSquares(2),
		infer: func(in []Spec) ([]Spec, error) {
			s := in[0].Shape
			if err := square(s); err != nil {
				return nil, err
			}
			if len(s) != 2 {
				return nil, fmt.Errorf("needs one matrix, found shape %v", s)
			}
			return specs(in[0], Spec{Shape: s[:len(s)-1], DType: graph.Int32})
		},
		run: func(k *Arrays) {
			n := k.in[0].Shape.Last()
			lu, order := k.work[:n*n], k.work[n*n:][:n]
			copy(lu, k.in[0].X)
			if factor(lu, order, n) == 0 {
				k.Run.Fail("the matrix can't be inverted")
			}
			if k.out[0].X != nil {
				copy(k.out[0].X, lu)
			}
			for i, p := range order {
				if k.out[1].X != nil { // the inverse of the order
					k.out[1].X[int(p)] = float64(i)
				}
			}
		}}}
}

// Cholesky gives the lower triangular L of x = L Lᵀ, for symmetric positive definite matrices [..., n, n].
func Cholesky() Plain {
	return Plain{&plain{name: "cholesky", room: roomSquares(4),
		infer: func(in []Spec) ([]Spec, error) { return in[:1:1], square(in[0].Shape) },
		run: func(k *Arrays) {
			n := k.in[0].Shape.Last()
			for at := 0; at < len(k.in[0].X); at += n * n {
				x, y := k.in[0].X[at:], k.out[0].X[at:]
				for i := range n {
					for j := range i + 1 {
						sum := x[i*n+j]
						for c := range j {
							sum -= y[i*n+c] * y[j*n+c]
						}
						switch {
						case i != j:
							y[i*n+j] = sum / y[j*n+j]
						case sum > 0:
							y[i*n+i] = math.Sqrt(sum)
						default:
							k.Run.Fail("the matrix isn't positive definite")
							return
						}
					}
				}
			}
		},
		back: choleskyBack}}
}

// choleskyBack is L⁻ᵀ Φ(Lᵀ dL) L⁻¹, made symmetric: Φ takes the lower triangle and half of the diagonal.
func choleskyBack(k *Arrays) {
	n := k.in[0].Shape.Last()
	inv, p, q := k.work[2*n*n:][:n*n], k.work[:n*n], k.work[n*n:][:n*n]
	for at := 0; at < len(k.in[0].X); at += n * n {
		l := k.out[0].X[at:][:n*n]
		if !invert(inv, l, k.work, n) {
			continue
		}
		matrix{p, n, 1}.product(n, n, n, matrix{l, 1, n}, matrix{k.dout[0].X[at:], n, 1}, 1)
		for i := range n {
			p[i*n+i] /= 2
			clear(p[i*n+i+1 : (i+1)*n])
		}
		matrix{q, n, 1}.product(n, n, n, matrix{inv, 1, n}, matrix{p, n, 1}, 1)
		matrix{p, n, 1}.product(n, n, n, matrix{q, n, 1}, matrix{inv, n, 1}, 1)
		for i := range n * n {
			k.din[0].X[at+i] += (p[i] + p[i%n*n+i/n]) / 2
		}
	}
}
