package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"kerasgo/internal/kernel"
	"kerasgo/internal/par"
)

func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// problem is a product with everything that may vary.
type problem struct {
	m, n, k       int
	lda, ldb, ldc int
	a, b, c       []float32 // a is [m][k], b is [k][n]
	e             Epilogue
}

func newProblem(r *rand.Rand, m, n, k int) *problem {
	q := &problem{m: m, n: n, k: k, lda: k + r.IntN(3), ldb: n + r.IntN(3), ldc: n + r.IntN(3)}
	if r.IntN(4) == 0 {
		q.lda = (k/256 + 1) * 256
	}
	q.a, q.b, q.c = random(r, m*q.lda), random(r, k*q.ldb), random(r, m*q.ldc)
	if r.IntN(2) == 0 {
		q.e.Bias = random(r, n)
	}
	if r.IntN(3) == 0 {
		q.e.Add = random(r, m*q.ldc)
	}
	if r.IntN(3) == 0 {
		q.e.Lo, q.e.Hi = -1, 2
	}
	q.e.Accumulate = r.IntN(3) == 0
	return q
}

// want computes the product in float64, and the scale of its rounding error.
func (q *problem) want() (c []float64, scale float64) {
	c = make([]float64, q.m*q.n)
	for i := range q.m {
		for j := range q.n {
			s, abs := 0.0, 1.0
			if q.e.Accumulate {
				s = float64(q.c[i*q.ldc+j])
			}
			for k := range q.k {
				v := float64(q.a[i*q.lda+k]) * float64(q.b[k*q.ldb+j])
				s += v
				abs += v * v
			}
			if q.e.Bias != nil {
				s += float64(q.e.Bias[j])
			}
			if q.e.Add != nil {
				s += float64(q.e.Add[i*q.ldc+j])
			}
			if q.e.Lo != 0 || q.e.Hi != 0 {
				s = min(max(s, float64(q.e.Lo)), float64(q.e.Hi))
			}
			c[i*q.n+j] = s
			scale = max(scale, math.Sqrt(abs))
		}
	}
	return c, scale
}

func transpose(rows, cols int, x []float32, ld int) []float32 {
	y := make([]float32, rows*cols)
	for i := range rows {
		for j := range cols {
			y[j*rows+i] = x[i*ld+j]
		}
	}
	return y
}

// variants are the ways to the same product.
var variants = []struct {
	name string
	run  func(isa *kernel.ISA, p *par.Pool, q *problem, c []float32)
}{
	{"Mul", func(isa *kernel.ISA, p *par.Pool, q *problem, c []float32) {
		Mul(p, q.m, q.a, q.lda, PackFor(isa, q.k, q.n, q.b, q.ldb), c, q.ldc, q.e)
	}},
	{"PackT", func(isa *kernel.ISA, p *par.Pool, q *problem, c []float32) {
		b := PackT(q.k, q.n, transpose(q.k, q.n, q.b, q.ldb), q.k) // for the best tier only
		Mul(p, q.m, q.a, q.lda, b, c, q.ldc, q.e)
	}},
	{"MulT", func(isa *kernel.ISA, p *par.Pool, q *problem, c []float32) {
		MulT(p, q.m, transpose(q.m, q.k, q.a, q.lda), q.m, PackFor(isa, q.k, q.n, q.b, q.ldb), c, q.ldc, q.e)
	}},
	{"NN", func(isa *kernel.ISA, p *par.Pool, q *problem, c []float32) {
		nn(isa, p, q.m, q.n, q.k, q.a, q.lda, q.b, q.ldb, c, q.ldc, q.e)
	}},
	{"NT", func(isa *kernel.ISA, p *par.Pool, q *problem, c []float32) {
		nt(isa, p, q.m, q.n, q.k, q.a, q.lda, transpose(q.k, q.n, q.b, q.ldb), q.k, c, q.ldc, q.e)
	}},
	{"TN", func(isa *kernel.ISA, p *par.Pool, q *problem, c []float32) {
		tn(isa, p, q.m, q.n, q.k, transpose(q.m, q.k, q.a, q.lda), q.m, q.b, q.ldb, c, q.ldc, q.e)
	}},
}

func shapes(r *rand.Rand, yield func(m, n, k int) bool) {
	fixed := [][3]int{{1, 1, 1}, {1, 128, 784}, {1, 300, 600}, {3, 5, 0}, {0, 4, 4}, {4, 0, 4}, {32, 10, 128}, {130, 70, 300}, {9, 1030, 20}, {784, 33, 32}, {15, 64, 256}, {16, 65, 512}, {17, 31, 513}}
	for _, s := range fixed {
		if !yield(s[0], s[1], s[2]) {
			return
		}
	}
	for range 60 {
		if !yield(1+r.IntN(60), 1+r.IntN(140), 1+r.IntN(90)) {
			return
		}
	}
}

func TestAgainstFloat64(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	shapes(r, func(m, n, k int) bool {
		q := newProblem(r, m, n, k)
		want, scale := q.want()
		for _, isa := range kernel.All() {
			for _, v := range variants {
				c := append([]float32(nil), q.c...)
				v.run(isa, nil, q, c)
				for i := range m {
					for j := range n {
						if d := math.Abs(float64(c[i*q.ldc+j]) - want[i*n+j]); !(d <= 2e-6*scale) {
							t.Fatalf("%s %s %dx%dx%d [%d][%d]: %v, want %v", isa.Name, v.name, m, n, k, i, j, c[i*q.ldc+j], want[i*n+j])
						}
					}
					for j := n; j < q.ldc; j++ {
						if c[i*q.ldc+j] != q.c[i*q.ldc+j] {
							t.Fatalf("%s %s %dx%dx%d: wrote past the end of row %d", isa.Name, v.name, m, n, k, i)
						}
					}
				}
			}
		}
		return true
	})
}

// TestSameBits checks the promise of the canonical sum: rows computed alone, by
// any variant, on any number of threads and by any assembly tier are equal.
func TestSameBits(t *testing.T) {
	pool := par.New(3)
	defer pool.Close()
	r := rand.New(rand.NewPCG(3, 4))
	for _, s := range [][3]int{{1, 128, 784}, {40, 70, 600}, {150, 300, 520}, {33, 17, 256}, {300, 200, 300}} {
		q := newProblem(r, s[0], s[1], s[2])
		var want []float32
		for _, isa := range kernel.All()[1:] {
			for _, v := range variants {
				for _, p := range []*par.Pool{nil, pool} {
					c := append([]float32(nil), q.c...)
					v.run(isa, p, q, c)
					if want == nil {
						want = c
					}
					diff(t, fmt.Sprint(isa.Name, v.name, p.Threads(), s), c, want)
				}
			}
			c := append([]float32(nil), q.c...)
			b := PackFor(isa, q.k, q.n, q.b, q.ldb)
			for i := range q.m {
				e := q.e
				if e.Add != nil {
					e.Add = e.Add[i*q.ldc:]
				}
				Mul(nil, 1, q.a[i*q.lda:], q.lda, b, c[i*q.ldc:], q.ldc, e)
			}
			diff(t, fmt.Sprint(isa.Name, "row by row", s), c, want)
		}
	}
}

func diff(t *testing.T, name string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s: [%d] is %v, want %v", name, i, got[i], want[i])
		}
	}
}

// TestCanonicalSum pins the definition: chains of 256 fused multiply-adds, added in
// order, then the bias. The values have few bits, so that float64 holds a chain's
// steps exactly and rounds as a fused multiply-add does.
func TestCanonicalSum(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	few := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(r.IntN(1<<12)-1<<11) / (1 << 9)
		}
		return x
	}
	const m, n, k = 5, 7, 700
	q := &problem{m: m, n: n, k: k, lda: k, ldb: n, ldc: n, a: few(m * k), b: few(k * n), e: Epilogue{Bias: few(n)}}
	for _, isa := range kernel.All()[1:] {
		for _, v := range variants {
			c := make([]float32, m*n)
			v.run(isa, nil, q, c)
			for i := range m {
				for j := range n {
					total := float32(0)
					for k0 := 0; k0 < k; k0 += 256 {
						chain := float32(0)
						for t := k0; t < min(k, k0+256); t++ {
							chain = float32(float64(chain) + float64(q.a[i*k+t])*float64(q.b[t*n+j]))
						}
						total += chain
					}
					total += q.e.Bias[j]
					if c[i*n+j] != total {
						t.Fatalf("%s %s [%d][%d] = %v, want %v", isa.Name, v.name, i, j, c[i*n+j], total)
					}
				}
			}
		}
	}
}

func TestNaNAndInf(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, isa := range kernel.All() {
		a := []float32{nan, 1, inf, -inf}
		b := []float32{1}
		c := make([]float32, 4)
		nn(isa, nil, 4, 1, 1, a, 1, b, 1, c, 1, Epilogue{Lo: 0, Hi: 6})
		if c[0] == c[0] || c[1] != 1 || c[2] != 6 || c[3] != 0 {
			t.Errorf("%s: clamp to [0, 6] of %v is %v", isa.Name, a, c)
		}
		nn(isa, nil, 4, 1, 1, a, 1, b, 1, c, 1, Epilogue{})
		if c[0] == c[0] || c[2] != inf || c[3] != -inf {
			t.Errorf("%s: unclamped %v is %v", isa.Name, a, c)
		}
	}
}

func TestShortSlicesPanic(t *testing.T) {
	x := make([]float32, 100)
	for name, f := range map[string]func(){
		"A":    func() { NN(nil, 10, 5, 5, x[:49], 5, x, 5, x, 5, Epilogue{}) },
		"B":    func() { NN(nil, 5, 5, 10, x, 10, x[:49], 5, x, 5, Epilogue{}) },
		"C":    func() { NN(nil, 10, 5, 5, x, 5, x, 5, x[:49], 5, Epilogue{}) },
		"bias": func() { NN(nil, 2, 5, 5, x, 5, x, 5, x, 5, Epilogue{Bias: x[:4]}) },
		"add":  func() { NN(nil, 2, 5, 5, x, 5, x, 5, x, 5, Epilogue{Add: x[:9]}) },
		"lda":  func() { NN(nil, 2, 5, 5, x, 4, x, 5, x, 5, Epilogue{}) },
		"TN":   func() { TN(nil, 5, 5, 10, x[:49], 5, x, 5, x, 5, Epilogue{}) },
		"NT":   func() { NT(nil, 5, 10, 5, x, 5, x[:49], 5, x, 10, Epilogue{}) },
		"Pack": func() { Pack(10, 5, x[:49], 5) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}

func TestNoAllocations(t *testing.T) {
	if raceEnabled {
		t.Skip("sync.Pool drops values at random under the race detector")
	}
	pool := par.New(2)
	defer pool.Close()
	const m, n, k = 200, 256, 256
	a, b, c, bias := make([]float32, m*k), make([]float32, k*n), make([]float32, m*n), make([]float32, n)
	pb := Pack(k, n, b, n)
	e := Epilogue{Bias: bias, Hi: 6}
	for name, f := range map[string]func(){
		"Mul":  func() { Mul(pool, m, a, k, pb, c, n, e) },
		"Mul1": func() { Mul(nil, 1, a, k, pb, c, n, e) },
		"NN":   func() { NN(pool, m, n, k, a, k, b, n, c, n, e) },
		"NT":   func() { NT(pool, m, n, k, a, k, b, k, c, n, e) },
		"TN":   func() { TN(pool, m, n, k, a, m, b, n, c, n, e) },
	} {
		f()
		if got := testing.AllocsPerRun(20, f); got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}
