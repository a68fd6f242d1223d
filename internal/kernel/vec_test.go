package kernel

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

var (
	nan = float32(math.NaN())
	inf = float32(math.Inf(1))
)

// functions are the unary leaves with their definition and the relative error
// allowed; with abs, the error is relative to max(1, |x|).
var functions = []struct {
	name string
	get  func(v *Vec) func(dst, src *float32, n int)
	want func(x float64) float64
	tol  float64
	abs  bool
}{
	{"exp", func(v *Vec) func(dst, src *float32, n int) { return v.Exp }, math.Exp, 3e-7, false},
	{"sigmoid", func(v *Vec) func(dst, src *float32, n int) { return v.Sigmoid }, sigmoid64, 3e-7, false},
	{"tanh", func(v *Vec) func(dst, src *float32, n int) { return v.Tanh }, math.Tanh, 3e-7, false},
	{"silu", func(v *Vec) func(dst, src *float32, n int) { return v.Silu },
		func(x float64) float64 { return x * sigmoid64(x) }, 3e-7, false},
	{"erf", func(v *Vec) func(dst, src *float32, n int) { return v.Erf }, math.Erf, 3e-7, true},
	{"gelu", func(v *Vec) func(dst, src *float32, n int) { return v.Gelu },
		func(x float64) float64 { return x / 2 * math.Erfc(-x/math.Sqrt2) }, 3e-7, true},
	{"geluTanh", func(v *Vec) func(dst, src *float32, n int) { return v.GeluTanh },
		func(x float64) float64 {
			return x * sigmoid64(2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))
		}, 3e-7, true},
}

func sigmoid64(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// sample returns every step-th float32 by bit pattern, finite ones of both signs.
func sample(step uint32) []float32 {
	var x []float32
	for b := uint32(0); b < 0x7f800000; b += step {
		f := math.Float32frombits(b)
		x = append(x, f, -f)
	}
	for v := float32(-110); v < 110; v += 0.0137 {
		x = append(x, v)
	}
	return x
}

func TestFunctionsAccuracy(t *testing.T) {
	x := sample(40009)
	y := make([]float32, len(x))
	for _, isa := range All() {
		for _, f := range functions {
			f.get(&isa.Vec)(&y[0], &x[0], len(x))
			worst, at := 0.0, float32(0)
			for i, v := range x {
				want := f.want(float64(v))
				if math.IsInf(float64(float32(want)), 0) || math.IsInf(float64(y[i]), 0) {
					// The largest finite number may round either way.
					if math.Abs(float64(v)) < 88.72 || math.Abs(want) < 3.4e38 {
						t.Errorf("%s %s(%v) = %v, want %v", isa.Name, f.name, v, y[i], want)
					}
					continue
				}
				scale := math.Abs(want)
				if f.abs {
					scale = max(1, math.Abs(float64(v)))
				}
				// Subnormals are spaced 1.4e-45; silu multiplies one by x.
				spacing := 2e-45 * max(1, math.Abs(float64(v)))
				if math.Abs(want) > 1e-36 {
					spacing = 0
				}
				if e := max(0, math.Abs(float64(y[i])-want)-spacing) / max(scale, 1e-300); e > worst || e != e {
					worst, at = e, v
				}
			}
			t.Logf("%s %s: error %.3g at %v", isa.Name, f.name, worst, at)
			if !(worst <= f.tol) {
				t.Errorf("%s %s(%v): error %.3g, allowed %.3g", isa.Name, f.name, at, worst, f.tol)
			}
		}
	}
}

func TestFunctionsSpecialValues(t *testing.T) {
	for _, c := range []struct {
		name    string
		x, want float32
	}{
		{"exp", -200, 0}, {"exp", 100, inf}, {"exp", -inf, 0}, {"exp", inf, inf}, {"exp", nan, nan}, {"exp", 0, 1},
		{"exp", -103.9, 1e-45}, {"exp", -104, 0}, {"exp", 88.73, inf},
		{"sigmoid", -200, 0}, {"sigmoid", 200, 1}, {"sigmoid", -inf, 0}, {"sigmoid", inf, 1}, {"sigmoid", nan, nan},
		{"sigmoid", 0, 0.5}, {"sigmoid", 20, 1},
		{"tanh", -10, -1}, {"tanh", 10, 1}, {"tanh", -inf, -1}, {"tanh", inf, 1}, {"tanh", nan, nan}, {"tanh", 0, 0},
		{"tanh", float32(math.Copysign(0, -1)), float32(math.Copysign(0, -1))},
		{"erf", -5, -1}, {"erf", 5, 1}, {"erf", inf, 1}, {"erf", -inf, -1}, {"erf", nan, nan},
		{"silu", nan, nan}, {"silu", 100, 100}, {"gelu", nan, nan}, {"gelu", 100, 100}, {"gelu", -100, 0},
		{"geluTanh", nan, nan}, {"geluTanh", 100, 100}, {"geluTanh", -100, 0},
	} {
		for _, isa := range All() {
			for _, f := range functions {
				if f.name != c.name {
					continue
				}
				// Each position of a vector and the tail.
				x, y := make([]float32, 37), make([]float32, 37)
				for i := range x {
					x[i] = c.x
				}
				f.get(&isa.Vec)(&y[0], &x[0], len(x))
				for i, v := range y {
					same := v == c.want && (v != 0 || c.want != 0 || c.name != "tanh" || math.Signbit(float64(v)) == math.Signbit(float64(c.want)))
					if !same && !(v != v && c.want != c.want) {
						t.Fatalf("%s %s(%v)[%d] = %v, want %v", isa.Name, c.name, c.x, i, v, c.want)
					}
				}
			}
		}
	}
}

// inputs are the arguments of one call of every leaf.
type inputs struct {
	a, b, c, d []float32
}

func (in inputs) clone() inputs {
	f := func(x []float32) []float32 { return append([]float32(nil), x...) }
	return inputs{f(in.a), f(in.b), f(in.c), f(in.d)}
}

// leaves calls each leaf on in and returns what it wrote or returned.
var leaves = map[string]func(v *Vec, in inputs, n int) []float32{
	"add":         func(v *Vec, in inputs, n int) []float32 { v.Add(p(in.a), p(in.b), p(in.c), n); return in.a },
	"sub":         func(v *Vec, in inputs, n int) []float32 { v.Sub(p(in.a), p(in.b), p(in.c), n); return in.a },
	"mul":         func(v *Vec, in inputs, n int) []float32 { v.Mul(p(in.a), p(in.b), p(in.c), n); return in.a },
	"larger":      func(v *Vec, in inputs, n int) []float32 { v.Larger(p(in.a), p(in.b), p(in.c), n); return in.a },
	"scale":       func(v *Vec, in inputs, n int) []float32 { v.Scale(p(in.a), p(in.b), n, 0.3); return in.a },
	"axpy":        func(v *Vec, in inputs, n int) []float32 { v.Axpy(p(in.a), p(in.b), n, 0.3); return in.a },
	"clamp":       func(v *Vec, in inputs, n int) []float32 { v.Clamp(p(in.a), p(in.b), n, -0.5, 0.7); return in.a },
	"leaky":       func(v *Vec, in inputs, n int) []float32 { v.Leaky(p(in.a), p(in.b), n, 0.2); return in.a },
	"reluGrad":    func(v *Vec, in inputs, n int) []float32 { v.ReluGrad(p(in.a), p(in.b), p(in.c), n); return in.a },
	"sigmoidGrad": func(v *Vec, in inputs, n int) []float32 { v.SigmoidGrad(p(in.a), p(in.b), p(in.c), n); return in.a },
	"tanhGrad":    func(v *Vec, in inputs, n int) []float32 { v.TanhGrad(p(in.a), p(in.b), p(in.c), n); return in.a },
	"clampGrad": func(v *Vec, in inputs, n int) []float32 {
		v.ClampGrad(p(in.a), p(in.b), p(in.c), n, -0.3, 0.8)
		return in.a
	},
	"mulAdd": func(v *Vec, in inputs, n int) []float32 { v.MulAdd(p(in.a), p(in.b), p(in.c), n); return in.a },
	"dropout": func(v *Vec, in inputs, n int) []float32 {
		v.Dropout(p(in.a), p(in.b), n, 1.5, 17, 1<<31+5, 1<<32-40, 1<<31-100)
		return in.a
	},
	"adamSquares": func(v *Vec, in inputs, n int) []float32 {
		for i := range in.c {
			in.c[i] = in.c[i] * in.c[i]
		}
		v.AdamSquares(p(in.a), p(in.b), p(in.c), p(in.d), p(in.c), n, 0.1, 0.001, 0.01, 1e-7)
		return append(append(in.a, in.b...), in.c...)
	},
	"normalize": func(v *Vec, in inputs, n int) []float32 {
		v.Normalize(p(in.a), p(in.b), p(in.c), p(in.d), n, 0.1, 1.7)
		return in.a
	},
	"adam": func(v *Vec, in inputs, n int) []float32 {
		for i := range in.c {
			in.c[i] = in.c[i] * in.c[i]
		}
		v.Adam(p(in.a), p(in.b), p(in.c), p(in.d), n, 0.1, 0.001, 0.01, 1e-7)
		return append(append(in.a, in.b...), in.c...)
	},
	"sum":     func(v *Vec, in inputs, n int) []float32 { return []float32{v.Sum(p(in.a), n)} },
	"dot":     func(v *Vec, in inputs, n int) []float32 { return []float32{v.Dot(p(in.a), p(in.b), n)} },
	"squares": func(v *Vec, in inputs, n int) []float32 { return []float32{v.Squares(p(in.a), n, 0.2)} },
	"max":     func(v *Vec, in inputs, n int) []float32 { return []float32{v.Max(p(in.a), n)} },
	"expSum": func(v *Vec, in inputs, n int) []float32 {
		s := v.ExpSum(p(in.a), p(in.b), n, 2.5)
		return append(in.a, s)
	},
}

func init() {
	for _, f := range functions {
		leaves[f.name] = func(v *Vec, in inputs, n int) []float32 { f.get(v)(p(in.a), p(in.b), n); return in.a }
	}
}

func p(s []float32) *float32 {
	if len(s) == 0 {
		return nil
	}
	return &s[0]
}

// TestLeavesAgree holds every tier against generic, the assembly tiers against each
// other bit for bit, at all lengths around a vector, and looks past the end.
func TestLeavesAgree(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for _, name := range slices.Sorted(maps.Keys(leaves)) {
		leaf := leaves[name]
		for n := range 100 {
			const past = 5
			var in inputs
			for _, s := range []*[]float32{&in.a, &in.b, &in.c, &in.d} {
				*s = make([]float32, n+past)
				for i := range *s {
					(*s)[i] = float32(r.NormFloat64())
				}
			}
			cut := func(in inputs) inputs {
				return inputs{in.a[:n:n], in.b[:n:n], in.c[:n:n], in.d[:n:n]}
			}
			// A reduction's range grows with the root of its length.
			var generic, first []float32
			for i, isa := range All() {
				my := in.clone()
				got := leaf(&isa.Vec, cut(my), n)
				for j := n; j < n+past; j++ {
					if my.a[j] != in.a[j] || my.b[j] != in.b[j] || my.c[j] != in.c[j] {
						t.Fatalf("%s %s n=%d wrote past the end", isa.Name, name, n)
					}
				}
				switch i {
				case 0:
					generic = got
				case 1:
					first = got
				}
				for j := range got {
					if d := math.Abs(float64(got[j] - generic[j])); d > 1e-6*max(1, math.Sqrt(float64(n)), math.Abs(float64(generic[j]))) {
						t.Fatalf("%s %s n=%d [%d] = %v, generic %v", isa.Name, name, n, j, got[j], generic[j])
					}
					if i > 0 && math.Float32bits(got[j]) != math.Float32bits(first[j]) {
						t.Fatalf("%s %s n=%d [%d] = %v, not the bits of %v", isa.Name, name, n, j, got[j], first[j])
					}
				}
			}
		}
	}
}

// TestSameBitsOnAllRanges compares the assembly tiers over the whole range of inputs.
func TestSameBitsOnAllRanges(t *testing.T) {
	x := append(sample(100003), nan, inf, -inf)
	var want, got []float32
	for _, f := range functions {
		for i, isa := range All()[1:] {
			got = make([]float32, len(x))
			f.get(&isa.Vec)(&got[0], &x[0], len(x))
			if i == 0 {
				want = got
			}
			for j := range x {
				if math.Float32bits(got[j]) != math.Float32bits(want[j]) && got[j] == got[j] {
					t.Fatalf("%s %s(%v) = %v, want %v", isa.Name, f.name, x[j], got[j], want[j])
				}
			}
		}
	}
}

func TestLeavesNaN(t *testing.T) {
	for _, isa := range All() {
		x := []float32{nan, -1, 1, inf, -inf, nan, 8, -8, nan, 2, 3, 4, 5, 6, 7, 8, nan, nan, 1}
		y := make([]float32, len(x))
		isa.Clamp(&y[0], &x[0], len(x), 0, 6)
		for i, v := range x {
			if v != v != (y[i] != y[i]) {
				t.Errorf("%s: clamp of %v is %v", isa.Name, v, y[i])
			}
		}
		isa.Leaky(&y[0], &x[0], len(x), 0.1)
		if y[0] == y[0] || y[1] != -0.1 || y[4] != -inf || y[3] != inf {
			t.Errorf("%s: leaky %v", isa.Name, y[:5])
		}
		one := []float32{1, 1, 1}
		d := []float32{0, 0, 0}
		isa.ReluGrad(&d[0], &one[0], &[]float32{nan, 1, -1}[0], 3)
		if d[0] != 0 || d[1] != 1 || d[2] != 0 {
			t.Errorf("%s: relu gradient %v", isa.Name, d)
		}
	}
}

func BenchmarkVec(b *testing.B) {
	const n = 4096
	for _, name := range slices.Sorted(maps.Keys(leaves)) {
		leaf := leaves[name]
		switch name { // without the copies that the comparison makes
		case "adam":
			leaf = func(v *Vec, in inputs, n int) []float32 {
				v.Adam(p(in.a), p(in.b), p(in.c), p(in.d), n, 0.1, 0.001, 0.01, 1e-7)
				return nil
			}
		case "expSum":
			leaf = func(v *Vec, in inputs, n int) []float32 {
				v.ExpSum(p(in.a), p(in.b), n, 2.5)
				return nil
			}
		}
		for _, isa := range All() {
			b.Run(fmt.Sprintf("op=%s/impl=%s", name, isa.Name), func(b *testing.B) {
				in := inputs{make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)}
				for i := range n {
					in.b[i], in.d[i] = float32(i%200)/20-5, float32(i%7)
				}
				for b.Loop() {
					leaf(&isa.Vec, in, n)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/element")
			})
		}
	}
}
