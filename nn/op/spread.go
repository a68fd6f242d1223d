package op

import "fmt"

// Spread adds element i of the last axis, of n, to element at(i) of one of m: the transpose of taking them.
func Spread(name string, n, m int, at func(i int) int) Plain {
	to := make([]int32, n)
	for i := range to {
		to[i] = int32(at(i))
	}
	return Plain{&plain{name: name,
		infer: func(in []Spec) ([]Spec, error) {
			x := in[0].Shape
			if len(x) == 0 || x.Last() != n {
				return nil, fmt.Errorf("needs %d elements in the last axis, found shape %v", n, x)
			}
			return []Spec{{Shape: x.With(1, m), DType: in[0].DType}}, nil
		},
		run: func(k *Arrays) {
			for row := range rowsOf(k.in[0], n) {
				from, y := k.in[0].X[row*n:], k.out[0].X[row*m:]
				for i, j := range to {
					y[j] += from[i]
				}
			}
		},
		back: func(k *Arrays) {
			for row := range rowsOf(k.in[0], n) {
				dx, dy := k.din[0].X[row*n:], k.dout[0].X[row*m:]
				for i, j := range to {
					dx[i] += dy[j]
				}
			}
		}}}
}

// rowsOf is how many rows of n elements an array has.
func rowsOf(a Array, n int) int {
	if n == 0 {
		return 0
	}
	return len(a.X) / n
}
