package op

import (
	"fmt"
	"math"
)

// Eigen gives the eigenvalues [..., n], rising, and the vectors, as columns [..., n, n], of symmetric matrices (of which it
// reads the lower triangle), by Jacobi's rotations. A vector's sign is what comes; Keras's is another at times.
func Eigen() Plain {
	return Plain{&plain{name: "eigh", room: roomSquares(3),
		infer: func(in []Spec) ([]Spec, error) {
			s := in[0].Shape
			if err := square(s); err != nil {
				return nil, err
			}
			return specs(Spec{Shape: s[:len(s)-1], DType: in[0].DType}, in[0])
		},
		run: func(k *Arrays) {
			n := k.in[0].Shape.Last()
			a, v, order := k.work[:n*n], k.work[n*n:][:n*n], k.work[2*n*n:][:n]
			for b := range rowsOf(k.in[0], n*n) {
				x := k.in[0].X[b*n*n:]
				for i := range n * n {
					a[i] = x[max(i/n, i%n)*n+min(i/n, i%n)]
				}
				jacobi(a, v, n)
				rising(order, func(i int) float64 { return a[i*n+i] })
				for j, p := range order {
					c := int(p)
					if k.out[0].X != nil {
						k.out[0].X[b*n+j] = a[c*n+c]
					}
					for i := 0; i < n && k.out[1].X != nil; i++ {
						k.out[1].X[(b*n+i)*n+j] = v[i*n+c]
					}
				}
			}
		}}}
}

// jacobi makes the symmetric a diagonal; v's columns are the vectors.
func jacobi(a, v []float64, n int) {
	clear(v)
	for i := range n {
		v[i*n+i] = 1
	}
	for range 60 {
		var off, all float64
		for i := range n * n {
			if all += a[i] * a[i]; i/n != i%n {
				off += a[i] * a[i]
			}
		}
		if !(off > 1e-30*all) {
			return
		}
		for p := range n {
			for q := p + 1; q < n; q++ {
				if a[p*n+q] == 0 {
					continue
				}
				theta := (a[q*n+q] - a[p*n+p]) / (2 * a[p*n+q])
				t := math.Copysign(1, theta) / (math.Abs(theta) + math.Sqrt(theta*theta+1))
				c := 1 / math.Sqrt(t*t+1)
				s := t * c
				for i := range n {
					a[i*n+p], a[i*n+q] = c*a[i*n+p]-s*a[i*n+q], s*a[i*n+p]+c*a[i*n+q]
					v[i*n+p], v[i*n+q] = c*v[i*n+p]-s*v[i*n+q], s*v[i*n+p]+c*v[i*n+q]
				}
				for i := range n {
					a[p*n+i], a[q*n+i] = c*a[p*n+i]-s*a[q*n+i], s*a[p*n+i]+c*a[q*n+i]
				}
			}
		}
	}
}

// rising fills order with the positions of rising values.
func rising(order []float64, value func(i int) float64) {
	for i := range order {
		order[i] = float64(i)
		for j := i; j > 0 && value(int(order[j])) < value(int(order[j-1])); j-- {
			order[j], order[j-1] = order[j-1], order[j]
		}
	}
}

// Orthogonal is the QR decomposition of matrices [..., m, n] by Householder's reflections: Q [..., m, k] and R [..., k, n], k the
// smaller of both, or m where complete.
func Orthogonal(complete bool) Plain {
	sizes := func(s Shape) (m, n, k int) {
		m, n = s[len(s)-2], s[len(s)-1]
		if complete {
			return m, n, m
		}
		return m, n, min(m, n)
	}
	return Plain{&plain{name: "qr",
		infer: func(in []Spec) ([]Spec, error) {
			s := in[0].Shape
			if len(s) < 2 || s.Last() < 1 || s[len(s)-2] < 1 {
				return nil, fmt.Errorf("needs matrices of a known size, found shape %v", s)
			}
			m, n, k := sizes(s)
			return specs(Spec{Shape: s.With(2, m, k), DType: in[0].DType}, Spec{Shape: s.With(2, k, n), DType: in[0].DType})
		},
		room: func(in, _ []Array) int { m, n, _ := sizes(in[0].Shape); return m*n + m*m + m },
		run: func(k *Arrays) {
			m, n, w := sizes(k.in[0].Shape)
			r, q, v := k.work[:m*n], k.work[m*n:][:m*m], k.work[m*n+m*m:]
			for b := range rowsOf(k.in[0], m*n) {
				copy(r, k.in[0].X[b*m*n:])
				householder(r, q, v, m, n)
				for i := range m * w {
					if k.out[0].X != nil {
						k.out[0].X[b*m*w+i] = q[i/w*m+i%w]
					}
				}
				for i := range w * n {
					if k.out[1].X != nil && i/n <= i%n {
						k.out[1].X[b*w*n+i] = r[i]
					}
				}
			}
		}}}
}

// householder makes r, m by n, upper triangular and q, m by m, so that q r is what r was; v holds m.
func householder(r, q, v []float64, m, n int) {
	clear(q)
	for i := range m {
		q[i*m+i] = 1
	}
	for c := range min(m-1, n) {
		var norm float64
		for i := c; i < m; i++ {
			v[i] = r[i*n+c]
			norm += v[i] * v[i]
		}
		if norm -= v[c] * v[c]; norm == 0 {
			continue // there is nothing below: as LAPACK and Eigen do, the sign stays
		}
		beta := -math.Copysign(math.Sqrt(norm+v[c]*v[c]), v[c])
		v[c] -= beta
		norm += v[c] * v[c]
		reflect := func(x []float64, step, other, count int) { // x -= 2 v (vᵀ x) / |v|²
			for j := range count {
				var dot float64
				for i := c; i < m; i++ {
					dot += v[i] * x[i*step+j*other]
				}
				for i := c; i < m; i++ {
					x[i*step+j*other] -= 2 * dot / norm * v[i]
				}
			}
		}
		reflect(r, n, 1, n)
		reflect(q, 1, m, m)
	}
}

// Singular is the singular value decomposition of matrices [..., m, n]: the values falling [..., k], U [..., m, k] and Vᵀ [..., k, n],
// k the smaller of m and n, by one-sided Jacobi rotations. A vector's sign is what comes; Keras's is another at times.
func Singular() Plain {
	sizes := func(s Shape) (m, n, k int) { m, n = s[len(s)-2], s[len(s)-1]; return m, n, min(m, n) }
	return Plain{&plain{name: "svd",
		infer: func(in []Spec) ([]Spec, error) {
			s, d := in[0].Shape, in[0].DType
			if len(s) < 2 || s.Last() < 1 || s[len(s)-2] < 1 {
				return nil, fmt.Errorf("needs matrices of a known size, found shape %v", s)
			}
			m, n, k := sizes(s)
			return specs(Spec{Shape: s.With(2, m, k), DType: d}, Spec{Shape: s.With(2, k), DType: d}, Spec{Shape: s.With(2, k, n), DType: d})
		},
		room: func(in, _ []Array) int { m, n, k := sizes(in[0].Shape); return m*n + k*k + 2*k },
		run: func(k *Arrays) {
			m, n, w := sizes(k.in[0].Shape)
			tall := max(m, n)
			a, v, s, order := k.work[:m*n], k.work[m*n:][:w*w], k.work[m*n+w*w:][:w], k.work[m*n+w*w+w:][:w]
			for b := range rowsOf(k.in[0], m*n) {
				x := k.in[0].X[b*m*n:]
				for i := range m * n { // columns of the tall one of x and its transpose
					if m >= n {
						a[i] = x[i]
					} else {
						a[i] = x[i%w*n+i/w]
					}
				}
				rotate(a, v, s, tall, w)
				rising(order, func(i int) float64 { return -s[i] })
				for j, p := range order {
					c := int(p)
					if k.out[1].X != nil {
						k.out[1].X[b*w+j] = s[c]
					}
					left, right := k.out[0].X, k.out[2].X
					for i := range tall {
						u := either(s[c] > 0, a[i*w+c]/s[c], 0)
						switch {
						case m >= n && left != nil:
							left[(b*m+i)*w+j] = u
						case m < n && right != nil:
							right[(b*w+j)*n+i] = u
						}
					}
					for i := range w {
						switch {
						case m >= n && right != nil:
							right[(b*w+j)*n+i] = v[i*w+c]
						case m < n && left != nil:
							left[(b*m+i)*w+j] = v[i*w+c]
						}
					}
				}
			}
		}}}
}

// rotate makes the columns of a, m by n, orthogonal, of lengths s; v's columns are how.
func rotate(a, v, s []float64, m, n int) {
	clear(v)
	for i := range n {
		v[i*n+i] = 1
	}
	for again, sweep := true, 0; again && sweep < 60; sweep++ {
		again = false
		for p := range n {
			for q := p + 1; q < n; q++ {
				var x, y, dot float64
				for i := range m {
					x, y, dot = x+a[i*n+p]*a[i*n+p], y+a[i*n+q]*a[i*n+q], dot+a[i*n+p]*a[i*n+q]
				}
				if dot*dot <= 1e-30*x*y || dot != dot {
					continue
				}
				again = true
				theta := (y - x) / (2 * dot)
				t := math.Copysign(1, theta) / (math.Abs(theta) + math.Sqrt(theta*theta+1))
				c := 1 / math.Sqrt(t*t+1)
				for i := range m {
					a[i*n+p], a[i*n+q] = c*a[i*n+p]-c*t*a[i*n+q], c*t*a[i*n+p]+c*a[i*n+q]
				}
				for i := range n {
					v[i*n+p], v[i*n+q] = c*v[i*n+p]-c*t*v[i*n+q], c*t*v[i*n+p]+c*v[i*n+q]
				}
			}
		}
	}
	for j := range n {
		s[j] = 0
		for i := range m {
			s[j] += a[i*n+j] * a[i*n+j]
		}
		s[j] = math.Sqrt(s[j])
	}
}
