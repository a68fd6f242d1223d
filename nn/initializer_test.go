package nn_test

import (
	"math/rand/v2"
	"testing"

	"gonum.org/v1/gonum/mat"

	"kerasgo/nn"
)

// TestOrthogonal multiplies what is drawn with its own transpose, by another library's matrices.
func TestOrthogonal(t *testing.T) {
	for _, s := range [][2]int{{1, 1}, {5, 5}, {7, 3}, {3, 8}, {64, 256}} {
		w := nn.NewTensor(s[0], s[1])
		nn.Orthogonal(2)(w, rand.New(rand.NewPCG(1, 2)))
		a := mat.NewDense(s[0], s[1], nil)
		for i, v := range w.F32 {
			a.Set(i/s[1], i%s[1], float64(v)/2)
		}
		var p, one mat.Dense
		if s[0] < s[1] {
			p.Mul(a, a.T())
		} else {
			p.Mul(a.T(), a)
		}
		n, _ := p.Dims()
		one.CloneFrom(mat.NewDiagDense(n, nil))
		for i := range n {
			one.Set(i, i, 1)
		}
		if !mat.EqualApprox(&p, &one, 1e-6) {
			t.Errorf("%v: not orthogonal", s)
		}
	}
}
