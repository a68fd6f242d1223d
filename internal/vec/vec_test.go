package vec

import (
	"math"
	"math/rand/v2"
	"testing"
)

var (
	nan = float32(math.NaN())
	inf = float32(math.Inf(1))
)

func random(n int) []float32 {
	r := rand.New(rand.NewPCG(uint64(n), 7))
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64() * 3)
	}
	return x
}

func near(t *testing.T, name string, got float32, want, tol float64) {
	t.Helper()
	if !(math.Abs(float64(got)-want) <= tol*max(1, math.Abs(want))) {
		t.Errorf("%s: %v, want %v", name, got, want)
	}
}

func TestElementwise(t *testing.T) {
	a, b, d := random(37), random(37), make([]float32, 37)
	for _, c := range []struct {
		name string
		run  func()
		want func(a, b, d float64) float64
	}{
		{"Add", func() { Add(d, a, b) }, func(a, b, _ float64) float64 { return a + b }},
		{"Sub", func() { Sub(d, a, b) }, func(a, b, _ float64) float64 { return a - b }},
		{"Mul", func() { Mul(d, a, b) }, func(a, b, _ float64) float64 { return a * b }},
		{"Scale", func() { Scale(d, a, 0.5) }, func(a, _, _ float64) float64 { return a / 2 }},
		{"Axpy", func() { Axpy(d, 0.5, a) }, func(a, _, d float64) float64 { return a/2 + d }},
		{"Relu", func() { Relu(d, a) }, func(a, _, _ float64) float64 { return max(a, 0) }},
		{"Clamp", func() { Clamp(d, a, -1, 2) }, func(a, _, _ float64) float64 { return min(max(a, -1), 2) }},
		{"LeakyRelu", func() { LeakyRelu(d, a, 0.25) }, func(a, _, _ float64) float64 { return max(a, a/4) }},
		{"Exp", func() { Exp(d, a) }, func(a, _, _ float64) float64 { return math.Exp(a) }},
		{"Tanh", func() { Tanh(d, a) }, func(a, _, _ float64) float64 { return math.Tanh(a) }},
		{"Sigmoid", func() { Sigmoid(d, a) }, func(a, _, _ float64) float64 { return 1 / (1 + math.Exp(-a)) }},
		{"Silu", func() { Silu(d, a) }, func(a, _, _ float64) float64 { return a / (1 + math.Exp(-a)) }},
		{"Erf", func() { Erf(d, a) }, func(a, _, _ float64) float64 { return math.Erf(a) }},
		{"Gelu", func() { Gelu(d, a) }, func(a, _, _ float64) float64 { return a / 2 * (1 + math.Erf(a/math.Sqrt2)) }},
		{"GeluTanh", func() { GeluTanh(d, a) }, func(a, _, _ float64) float64 {
			return a / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(a+0.044715*a*a*a)))
		}},
		{"Softplus", func() { Softplus(d, a) }, func(a, _, _ float64) float64 { return math.Log(1 + math.Exp(a)) }},
		{"Elu", func() { Elu(d, a, 1.5) }, func(a, _, _ float64) float64 {
			if a > 0 {
				return a
			}
			return 1.5 * (math.Exp(a) - 1)
		}},
		{"ReluGrad", func() { ReluGrad(d, a, b) }, func(a, b, d float64) float64 {
			if b > 0 {
				return d + a
			}
			return d
		}},
		{"SigmoidGrad", func() { SigmoidGrad(d, a, b) }, func(a, b, d float64) float64 { return d + a*b*(1-b) }},
		{"TanhGrad", func() { TanhGrad(d, a, b) }, func(a, b, d float64) float64 { return d + a*(1-b*b) }},
	} {
		copy(d, random(37))
		before := append([]float32(nil), d...)
		c.run()
		for i := range d {
			near(t, c.name, d[i], c.want(float64(a[i]), float64(b[i]), float64(before[i])), 1e-6)
		}
		if n := testing.AllocsPerRun(10, c.run); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
	x := []float32{nan, -200, 100, -inf, inf}
	y := make([]float32, len(x))
	Relu(y, x)
	if y[0] == y[0] || y[1] != 0 || y[2] != 100 || y[3] != 0 || y[4] != inf {
		t.Errorf("Relu(%v) = %v", x, y)
	}
	Softplus(y, x)
	if y[0] == y[0] || y[1] != 0 || y[2] != 100 || y[3] != 0 || y[4] != inf {
		t.Errorf("Softplus(%v) = %v", x, y)
	}
	Elu(y, x, 1)
	if y[0] == y[0] || y[1] != -1 || y[2] != 100 || y[3] != -1 || y[4] != inf {
		t.Errorf("Elu(%v) = %v", x, y)
	}
}

func TestEmpty(t *testing.T) {
	Add(nil, nil, nil)
	Exp(nil, nil)
	Softmax(nil, nil, 0, 5)
	Softmax(nil, nil, 5, 0)
	Adam(nil, nil, nil, nil, 1, 1, 1, 1)
	if Sum(nil) != 0 || Dot(nil, nil) != 0 || Max(nil) != -inf {
		t.Error("reductions of nothing")
	}
}

func TestReductions(t *testing.T) {
	for _, n := range []int{1, 15, 16, 17, 100, 4096, 4097, 100_003} {
		x, y := random(n), random(n + 1)[1:]
		sum, dot, abs := 0.0, 0.0, 1.0
		for i := range x {
			sum += float64(x[i])
			dot += float64(x[i]) * float64(y[i])
			abs += math.Abs(float64(x[i]) * float64(y[i]))
		}
		near(t, "Sum", Sum(x), sum, 1e-7*abs)
		near(t, "Dot", Dot(x, y), dot, 1e-7*abs)
		mean, variance := Moments(x)
		v := 0.0
		for _, e := range x {
			v += (float64(e) - sum/float64(n)) * (float64(e) - sum/float64(n))
		}
		near(t, "mean", mean, sum/float64(n), 1e-6)
		near(t, "variance", variance, v/float64(n), 1e-6)
	}
}

func TestSoftmax(t *testing.T) {
	const rows, cols = 7, 37
	x, y := random(rows*cols), make([]float32, rows*cols)
	x[5] = 1000 // would overflow without the maximum taken off
	Softmax(y, x, rows, cols)
	for r := range rows {
		top, sum := math.Inf(-1), 0.0
		for _, v := range x[r*cols : (r+1)*cols] {
			top = max(top, float64(v))
		}
		for _, v := range x[r*cols : (r+1)*cols] {
			sum += math.Exp(float64(v) - top)
		}
		for i, v := range x[r*cols : (r+1)*cols] {
			near(t, "Softmax", y[r*cols+i], math.Exp(float64(v)-top)/sum, 3e-7)
		}
	}
	for _, row := range [][]float32{{-inf, -inf, -inf}, {nan, 1, 2}, {1, nan, 2}, {inf, 1, 2}} {
		out := make([]float32, 3)
		Softmax(out, row, 1, 3)
		for _, v := range out {
			if v == v {
				t.Errorf("Softmax(%v) = %v", row, out)
			}
		}
	}
	out := make([]float32, 3)
	Softmax(out, []float32{-inf, 0, 0}, 1, 3)
	if out[0] != 0 || out[1] != 0.5 || out[2] != 0.5 {
		t.Errorf("masked row: %v", out)
	}
	if n := testing.AllocsPerRun(10, func() { Softmax(y, x, rows, cols) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestOptimizers(t *testing.T) {
	const n = 37
	w, m, v, g := random(n), random(n + 1)[:n], random(n + 2)[:n], random(n + 3)[:n]
	Mul(v, v, v)
	w0, m0, v0 := append([]float32(nil), w...), append([]float32(nil), m...), append([]float32(nil), v...)
	Adam(w, m, v, g, 0.01, 0.9, 0.999, 1e-7)
	for i := range w {
		gi := float64(g[i])
		mi := float64(m0[i]) + (gi-float64(m0[i]))*0.1
		vi := float64(v0[i]) + (gi*gi-float64(v0[i]))*0.001
		near(t, "Adam m", m[i], mi, 1e-6)
		near(t, "Adam v", v[i], vi, 1e-6)
		near(t, "Adam w", w[i], float64(w0[i])-mi*0.01/(math.Sqrt(vi)+1e-7), 1e-6)
	}
	for _, nesterov := range []bool{false, true} {
		copy(w, w0)
		copy(m, m0)
		Momentum(w, m, g, 0.1, 0.9, nesterov)
		for i := range w {
			vi := 0.9*float64(m0[i]) - 0.1*float64(g[i])
			wi := float64(w0[i]) + vi
			if nesterov {
				wi = float64(w0[i]) + 0.9*vi - 0.1*float64(g[i])
			}
			near(t, "velocity", m[i], vi, 1e-6)
			near(t, "Momentum w", w[i], wi, 1e-6)
		}
	}
	copy(w, w0)
	SGD(w, g, 0.1)
	near(t, "SGD", w[3], float64(w0[3])-0.1*float64(g[3]), 1e-6)
}

func TestShortSlicesPanic(t *testing.T) {
	x := make([]float32, 8)
	s := x[:7]
	for name, f := range map[string]func(){
		"Add":       func() { Add(x, x, s) },
		"Exp":       func() { Exp(x, s) },
		"Dot":       func() { Dot(x, s) },
		"Softmax":   func() { Softmax(x, s, 2, 4) },
		"Normalize": func() { Normalize(x, x, 0, 1, x, s) },
		"Adam":      func() { Adam(x, x, s, x, 1, 1, 1, 1) },
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
