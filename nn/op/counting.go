package op

import (
	"fmt"

	"kerasgo/nn/graph"
)

// Bincount counts, along the last axis of x [..., n], how often each number from 0 on stands there, or sums the weights, the
// second input, of where it does; there are at least least counts.
func Bincount(least int, weighted bool) Counted {
	return Counted{Plain{&plain{name: "bincount",
		infer: func(in []Spec) ([]Spec, error) {
			if len(in[0].Shape) < 1 {
				return nil, fmt.Errorf("needs an axis")
			}
			d := graph.Int32
			if weighted {
				d = in[1].DType
			}
			return []Spec{{Shape: in[0].Shape.With(1, graph.Unknown), DType: d}}, nil
		},
		measure: func(k *Arrays) int {
			n := least
			for _, v := range k.in[0].X {
				if v > maxCount {
					k.Run.Fail("can't count up to %.0f, more than %d", v, maxCount)
					return n
				}
				n = max(n, int(v)+1)
			}
			return n
		},
		run: func(k *Arrays) {
			x, n, m := k.in[0], k.in[0].Shape.Last(), k.out[0].Shape.Last()
			for i, v := range x.X {
				if v < 0 || int(v) >= m {
					k.Run.Fail("can't count %.0f", v)
					return
				}
				by := 1.0
				if weighted {
					by = k.in[1].X[i]
				}
				k.out[0].X[i/n*m+int(v)] += by
			}
		},
		back: func(k *Arrays) {
			if !weighted || k.din[1].X == nil {
				return
			}
			n, m := k.in[0].Shape.Last(), k.out[0].Shape.Last()
			for i, v := range k.in[0].X {
				k.din[1].X[i] += k.dout[0].X[i/n*m+int(v)]
			}
		}}}}
}

// maxCount bounds what Bincount counts up to.
const maxCount = 1 << 24

// Nonzero gives where the elements are that aren't zero, row by row: int32 [rank, n].
func Nonzero() Counted {
	count := func(k *Arrays) (n int) {
		for _, v := range k.in[0].X {
			if v != 0 {
				n++
			}
		}
		return n
	}
	return Counted{Plain{&plain{name: "nonzero", measure: count,
		infer: func(in []Spec) ([]Spec, error) {
			return []Spec{{Shape: Shape{len(in[0].Shape), graph.Unknown}, DType: graph.Int32}}, nil
		},
		back: func(*Arrays) {},
		run: func(k *Arrays) {
			at, n, shape := 0, k.out[0].Shape.Last(), k.in[0].Shape
			for i, v := range k.in[0].X {
				if v == 0 {
					continue
				}
				for d := len(shape) - 1; d >= 0; d-- {
					k.out[0].X[d*n+at] = float64(i % shape[d])
					i /= shape[d]
				}
				at++
			}
		}}}}
}
