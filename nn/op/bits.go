package op

import (
	"math"

	"kerasgo/nn/graph"
)

// Signbit says which floats are negative, or a negative zero.
func Signbit() Plain {
	return Plain{&plain{name: "signbit",
		infer: func(in []Spec) ([]Spec, error) { return []Spec{{Shape: in[0].Shape, DType: graph.Bool}}, nil },
		back:  func(*Arrays) {},
		run: func(k *Arrays) {
			for i, v := range k.in[0].X {
				k.out[0].X[i] = when(math.Signbit(v))
			}
		}}}
}
