package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestColumns holds every tier against generic, and the assembly tiers against each other bit for bit, at all numbers of
// channels around a vector, with rows further apart than their channels.
func TestColumns(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	numbers := func(n int) []float32 {
		s := make([]float32, n)
		for i := range s {
			s[i] = float32(r.NormFloat64())
		}
		return s
	}
	for ch := 1; ch < 70; ch++ {
		for _, n := range []int{0, 1, 2, 9} {
			xs := ch + ch%3
			x, dy, per := numbers(n*xs+ch), numbers(n*xs+ch), numbers(4*ch)
			leaves := map[string]func(isa *ISA, dst []float32){
				"sum":     func(isa *ISA, dst []float32) { isa.ColumnSum(&dst[0], &x[0], n, ch, xs) },
				"squares": func(isa *ISA, dst []float32) { isa.ColumnSquares(&dst[0], &x[0], &per[0], n, ch, xs) },
				"dots":    func(isa *ISA, dst []float32) { isa.ColumnDots(&dst[0], &dy[0], &x[0], &per[0], n, ch, xs) },
				"norm": func(isa *ISA, dst []float32) {
					isa.NormGrad(&dst[0], &dy[0], &x[0], &per[0], &per[ch], &per[2*ch], &per[3*ch], n, ch, xs)
				},
			}
			for name, leaf := range leaves {
				var first, generic []float32
				for i, isa := range All() {
					dst := make([]float32, n*xs+ch+3)
					for k := range dst {
						dst[k] = float32(k % 5)
					}
					leaf(isa, dst)
					switch i {
					case 0:
						generic = dst
					case 1:
						first = dst
					}
					for k, v := range dst {
						if math.Abs(float64(v-generic[k])) > 1e-6*max(3, math.Abs(float64(generic[k]))) || i > 0 && v != first[k] {
							t.Fatalf("%s %s ch=%d n=%d [%d] = %v, generic %v", isa.Name, name, ch, n, k, v, generic[k])
						}
					}
				}
			}
		}
	}
}

// TestColumnsStayInside ends every operand at an unmapped page.
func TestColumnsStayInside(t *testing.T) {
	for ch := 1; ch < 70; ch++ {
		for n := range 4 {
			x, dy, dx, per := guarded(t, n*ch), guarded(t, n*ch), guarded(t, n*ch), guarded(t, ch)
			for _, isa := range All() {
				isa.ColumnSum(p(per), p(x), n, ch, ch)
				isa.ColumnSquares(p(per), p(x), p(per), n, ch, ch)
				isa.ColumnDots(p(per), p(dy), p(x), p(per), n, ch, ch)
				isa.NormGrad(p(dx), p(dy), p(x), p(per), p(per), p(per), p(per), n, ch, ch)
			}
		}
	}
}

// TestMaxPool compares every tier with the definition, bit for bit: ties, NaN, windows that overlap.
func TestMaxPool(t *testing.T) {
	for ch := 1; ch < 70; ch++ {
		for _, n := range []int{0, 1, 5} {
			const width = 3
			x := guarded(t, (n+width)*ch)
			for i := range x {
				x[i] = float32((i*7+i/ch)%5) - 2
				if i%11 == 0 {
					x[i] = nan
				}
			}
			taps := []int{0, ch, 2 * ch}
			y, want := guarded(t, n*ch), make([]float32, n*ch)
			dy := guarded(t, n*ch)
			for _, isa := range All() {
				for k := 1; k <= len(taps); k++ {
					genericMaxPool(p(want), p(x), &taps[0], k, n, ch, ch, ch)
					isa.MaxPool(p(y), p(x), &taps[0], k, n, ch, ch, ch)
					same(t, fmt.Sprint(isa.Name, " pool ", ch, n, k), y, want)
					dx, dwant := guarded(t, len(x)), make([]float32, len(x))
					copy(dwant, dx)
					genericMaxPoolGrad(p(dwant), p(x), p(y), p(dy), &taps[0], k, n, ch, ch, ch)
					isa.MaxPoolGrad(p(dx), p(x), p(y), p(dy), &taps[0], k, n, ch, ch, ch)
					same(t, fmt.Sprint(isa.Name, " gradient ", ch, n, k), dx, dwant)
				}
			}
		}
	}
}

func same(t *testing.T, what string, got, want []float32) {
	t.Helper()
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("%s: [%d] = %v, want %v", what, i, got[i], want[i])
		}
	}
}

// TestDropoutStream counts what is kept, and looks for repetition between steps.
func TestDropoutStream(t *testing.T) {
	const n, rate = 1 << 16, .3
	x, y, z := make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range x {
		x[i] = 1
	}
	threshold := uint32(math.Round(rate * (1<<32 - 1)))
	kept, both := 0., 0.
	Best().Dropout(&y[0], &x[0], n, 1, 1, 2, 0, threshold)
	Best().Dropout(&z[0], &x[0], n, 1, 1, 3, 0, threshold)
	for i := range y {
		kept += float64(y[i])
		both += float64(y[i] * z[i])
	}
	// Within five standard deviations.
	near := func(what string, got, p float64) {
		if sd := math.Sqrt(n * p * (1 - p)); math.Abs(got-n*p) > 5*sd {
			t.Errorf("%s: %v of %v, want %v ± %v", what, got, n, n*p, sd)
		}
	}
	near("kept", kept, 1-rate)
	near("kept twice", both, (1-rate)*(1-rate))
}
