package conv

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"kerasgo/internal/gemm"
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

// connections calls f for every product of a convolution: input, weight and output
// index. It is the definition that everything else is held against.
func connections(g *Geometry, f func(x, w, y int)) {
	kg, ng := g.inGroup(), g.outGroup()
	for n := range g.N {
		for oy := range g.OH {
			for ox := range g.OW {
				for o := range g.Out {
					y := ((n*g.OH+oy)*g.OW+ox)*g.Out + o
					for ky := range g.KH {
						for kx := range g.KW {
							iy, ix := oy*g.SH-g.PadT+ky*g.DH, ox*g.SW-g.PadL+kx*g.DW
							if iy < 0 || iy >= g.H || ix < 0 || ix >= g.W {
								continue
							}
							for c := range kg {
								f(((n*g.H+iy)*g.W+ix)*g.C+o/ng*kg+c, ((ky*g.KW+kx)*kg+c)*g.Out+o, y)
							}
						}
					}
				}
			}
		}
	}
}

// sum is a float64 result with the size of its terms, for the tolerance.
type sum struct{ value, size float64 }

func (s *sum) add(a, b float32) {
	v := float64(a) * float64(b)
	s.value += v
	s.size += v * v
}

func compare(t *testing.T, name string, got []float32, want []sum) {
	t.Helper()
	scale := 1.0
	for _, w := range want {
		scale = max(scale, math.Sqrt(w.size))
	}
	for i, w := range want {
		if d := math.Abs(float64(got[i]) - w.value); !(d <= 2e-6*scale) {
			t.Fatalf("%s [%d]: %v, want %v", name, i, got[i], w.value)
		}
	}
}

// fit fills in the output size and, for same, the padding.
func fit(g Geometry, same bool) Geometry {
	ey, ex := (g.KH-1)*g.DH+1, (g.KW-1)*g.DW+1
	if same {
		g.OH, g.OW = ceilDiv(g.H, g.SH), ceilDiv(g.W, g.SW)
		py, px := max(0, (g.OH-1)*g.SH+ey-g.H), max(0, (g.OW-1)*g.SW+ex-g.W)
		g.PadT, g.PadL, g.PadB, g.PadR = py/2, px/2, py-py/2, px-px/2
		return g
	}
	g.OH, g.OW = max(0, (g.H-ey)/g.SH+1), max(0, (g.W-ex)/g.SW+1)
	if ey > g.H {
		g.OH = 0
	}
	if ex > g.W {
		g.OW = 0
	}
	return g
}

func geometries(r *rand.Rand, n int) []Geometry {
	base := Geometry{N: 2, H: 7, W: 9, C: 5, KH: 3, KW: 3, SH: 1, SW: 1, DH: 1, DW: 1, Out: 7, Groups: 1}
	with := func(f func(g *Geometry), same bool) Geometry { g := base; f(&g); return fit(g, same) }
	list := []Geometry{
		with(func(*Geometry) {}, true),
		with(func(*Geometry) {}, false),
		with(func(g *Geometry) { g.C, g.Out = 16, 40 }, true),
		with(func(g *Geometry) { g.C, g.Out, g.KH, g.KW = 20, 33, 1, 1 }, false),
		with(func(g *Geometry) { g.C, g.Out, g.KH, g.KW, g.SH, g.SW = 40, 33, 1, 1, 2, 2 }, true),
		with(func(g *Geometry) { g.C, g.Out, g.SH, g.SW = 130, 5, 2, 2 }, true),
		with(func(g *Geometry) { g.C, g.Out, g.DH, g.DW = 36, 5, 2, 3 }, true),
		with(func(g *Geometry) { g.C, g.Out, g.Groups = 80, 12, 2 }, true),
		with(func(g *Geometry) { g.C, g.Out, g.Groups, g.SW = 8, 12, 4, 2 }, true),
		with(func(g *Geometry) { g.C, g.Out, g.Groups = 37, 37, 37 }, true),
		with(func(g *Geometry) { g.C, g.Out, g.Groups, g.SH, g.SW = 18, 18, 18, 2, 2 }, true),
		with(func(g *Geometry) { g.C, g.Out, g.Groups, g.KH, g.KW, g.DW = 6, 18, 6, 2, 4, 2 }, true),
		with(func(g *Geometry) { g.C, g.KH, g.KW, g.SH, g.SW = 1, 5, 5, 3, 2 }, true),
		with(func(g *Geometry) { g.C, g.KH, g.KW, g.SH = 1, 3, 5, 2 }, true),
		with(func(g *Geometry) { g.C, g.KW, g.DW = 1, 4, 3 }, true),
		with(func(g *Geometry) { g.C, g.W, g.KW = 1, 3, 8 }, true),
		with(func(g *Geometry) { g.H, g.KH, g.W, g.KW, g.C, g.SW = 1, 1, 70, 8, 9, 3 }, true),
		with(func(g *Geometry) { g.SH, g.SW, g.KH, g.KW, g.C, g.Out = 3, 4, 2, 2, 33, 34 }, false),
		with(func(g *Geometry) { g.H, g.W, g.KH, g.KW, g.C, g.Out = 3, 2, 5, 5, 40, 20 }, true),
		with(func(g *Geometry) { g.KH, g.KW, g.C, g.Out, g.SW = 7, 9, 11, 40, 2 }, false),
		with(func(g *Geometry) { g.N = 0 }, true),
		with(func(g *Geometry) { g.KH = 9 }, false),
	}
	for range n {
		g := Geometry{N: 1 + r.IntN(3), H: 1 + r.IntN(10), W: 1 + r.IntN(20), C: 1 + r.IntN(50), KH: 1 + r.IntN(4), KW: 1 + r.IntN(4),
			SH: 1 + r.IntN(3), SW: 1 + r.IntN(3), DH: 1 + r.IntN(2), DW: 1 + r.IntN(2), Out: 1 + r.IntN(50), Groups: 1}
		switch r.IntN(4) {
		case 0:
			g.Groups = 2 + r.IntN(3)
			g.C, g.Out = ceilDiv(g.C, g.Groups)*g.Groups, ceilDiv(g.Out, g.Groups)*g.Groups
		case 1:
			g.Groups, g.Out = g.C, g.C*(1+r.IntN(2))
		}
		list = append(list, fit(g, r.IntN(2) == 0))
	}
	return list
}

func describe(isa *kernel.ISA, what string, g Geometry) string {
	return fmt.Sprintf("%s %s %+v", isa.Name, what, g)
}

func TestAgainstDefinition(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	pool := par.New(2)
	defer pool.Close()
	for i, g := range geometries(r, 60) {
		x, w, dy, bias := random(r, g.inputSize()), random(r, g.kernelSize()), random(r, g.outputSize()), random(r, g.Out)
		add := random(r, g.outputSize())
		y, dx, dw := make([]sum, len(dy)), make([]sum, len(x)), make([]sum, len(w))
		dx0, dw0 := random(r, len(x)), random(r, len(w))
		connections(&g, func(xi, wi, yi int) {
			y[yi].add(x[xi], w[wi])
			dx[xi].add(dy[yi], w[wi])
			dw[wi].add(x[xi], dy[yi])
		})
		e := gemm.Epilogue{}
		if i%3 != 0 {
			e = gemm.Epilogue{Bias: bias, Add: add, Lo: -2, Hi: 3}
			for i := range y {
				y[i].value = min(max(y[i].value+float64(bias[i%g.Out])+float64(add[i]), -2), 3)
			}
		}
		back := append([]sum(nil), dx...) // the transpose, from zero, with a bias
		cbias := random(r, g.C)
		for i := range back {
			back[i].value = max(back[i].value+float64(cbias[i%g.C]), 0)
		}
		for i := range dx {
			dx[i].value += float64(dx0[i])
		}
		for i := range dw {
			dw[i].value += float64(dw0[i])
		}
		for _, isa := range kernel.All() {
			got := make([]float32, len(y))
			Forward(pool, g, x, packFor(isa, g, w), got, e)
			compare(t, describe(isa, "forward", g), got, y)
			got = append([]float32(nil), dx0...)
			backwardData(isa, pool, g, dy, w, got, gemm.Epilogue{Accumulate: true})
			compare(t, describe(isa, "backward data", g), got, dx)
			got = random(r, len(x)) // nothing of it may be left
			backwardData(isa, pool, g, dy, w, got, gemm.Epilogue{})
			for i := range got {
				got[i] += dx0[i]
			}
			compare(t, describe(isa, "backward data set", g), got, dx)
			got = append([]float32(nil), dw0...)
			backwardFilter(isa, pool, g, x, dy, got)
			compare(t, describe(isa, "backward filter", g), got, dw)
			got = random(r, len(x))
			Transposed(pool, g, dy, packTransposedFor(isa, g, w), got, gemm.Epilogue{Bias: cbias, Hi: float32(math.Inf(1))})
			compare(t, describe(isa, "transposed", g), got, back)
		}
	}
}

// TestSameBits holds thread counts, batch sizes and assembly tiers against each other.
func TestSameBits(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	pool := par.New(3)
	defer pool.Close()
	for _, g := range append(geometries(r, 20),
		fit(Geometry{N: 3, H: 14, W: 14, C: 64, KH: 3, KW: 3, SH: 1, SW: 1, DH: 1, DW: 1, Out: 96, Groups: 1}, true),
		fit(Geometry{N: 1, H: 1, W: 3000, C: 64, KH: 1, KW: 3, SH: 1, SW: 1, DH: 1, DW: 4, Out: 64, Groups: 1}, true),
		fit(Geometry{N: 4, H: 28, W: 28, C: 1, KH: 3, KW: 3, SH: 1, SW: 1, DH: 1, DW: 1, Out: 96, Groups: 1}, false),
		fit(Geometry{N: 2, H: 56, W: 56, C: 64, KH: 3, KW: 3, SH: 2, SW: 2, DH: 1, DW: 1, Out: 64, Groups: 64}, true)) {
		x, w, dy, bias := random(r, g.inputSize()), random(r, g.kernelSize()), random(r, g.outputSize()), random(r, g.Out)
		var first [3][]float32
		for _, isa := range kernel.All()[1:] {
			for _, p := range []*par.Pool{nil, pool} {
				y, dx, dw := make([]float32, len(dy)), make([]float32, len(x)), make([]float32, len(w))
				packed := packFor(isa, g, w)
				Forward(p, g, x, packed, y, gemm.Epilogue{Bias: bias})
				backwardData(isa, p, g, dy, w, dx, gemm.Epilogue{Accumulate: true})
				backwardFilter(isa, p, g, x, dy, dw)
				if first[0] == nil {
					first = [3][]float32{y, dx, dw}
				}
				for i, got := range [][]float32{y, dx, dw} {
					same(t, describe(isa, []string{"forward", "data", "filter"}[i], g), got, first[i])
				}
				single := g
				single.N = 1
				for n := range g.N {
					in, out := single.inputSize(), single.outputSize()
					one := make([]float32, out)
					Forward(p, single, x[n*in:(n+1)*in], packed, one, gemm.Epilogue{Bias: bias})
					same(t, describe(isa, "batch of one", g), one, y[n*out:(n+1)*out])
				}
			}
		}
	}
}

func same(t *testing.T, name string, got, want []float32) {
	t.Helper()
	for i := range want {
		if math.Float32bits(got[i]) != math.Float32bits(want[i]) {
			t.Fatalf("%s [%d]: %v, want %v", name, i, got[i], want[i])
		}
	}
}

func TestBadSizesPanic(t *testing.T) {
	g := fit(Geometry{N: 1, H: 5, W: 5, C: 4, KH: 3, KW: 3, SH: 1, SW: 1, DH: 1, DW: 1, Out: 4, Groups: 1}, true)
	buf := make([]float32, 1000)
	w := Pack(g, buf)
	for name, f := range map[string]func(){
		"input":  func() { Forward(nil, g, buf[:99], w, buf, gemm.Epilogue{}) },
		"output": func() { Forward(nil, g, buf, w, buf[:99], gemm.Epilogue{}) },
		"bias":   func() { Forward(nil, g, buf, w, buf[500:], gemm.Epilogue{Bias: buf[:3]}) },
		"add":    func() { Forward(nil, g, buf, w, buf[500:], gemm.Epilogue{Add: buf[:99]}) },
		"kernel": func() { Pack(g, buf[:143]) },
		"other weights": func() {
			g := g
			g.KH = 2
			Forward(nil, g, buf, w, buf[500:], gemm.Epilogue{})
		},
		"large output": func() { g := g; g.OW = 6; Forward(nil, g, buf, w, buf[500:], gemm.Epilogue{}) },
		"groups":       func() { g := g; g.Groups = 3; BackwardData(nil, g, buf, buf, buf) },
		"stride":       func() { g := g; g.SH = 0; BackwardFilter(nil, g, buf, buf, buf) },
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
	for _, g := range []Geometry{
		fit(Geometry{N: 2, H: 28, W: 28, C: 48, KH: 3, KW: 3, SH: 1, SW: 1, DH: 1, DW: 1, Out: 32, Groups: 1}, true),
		fit(Geometry{N: 2, H: 28, W: 28, C: 3, KH: 3, KW: 3, SH: 2, SW: 2, DH: 1, DW: 1, Out: 32, Groups: 1}, true),
		fit(Geometry{N: 2, H: 28, W: 28, C: 32, KH: 3, KW: 3, SH: 2, SW: 2, DH: 1, DW: 1, Out: 32, Groups: 32}, true),
		fit(Geometry{N: 2, H: 28, W: 28, C: 32, KH: 1, KW: 1, SH: 1, SW: 1, DH: 1, DW: 1, Out: 32, Groups: 1}, true),
	} {
		x, y, w := make([]float32, g.inputSize()), make([]float32, g.outputSize()), make([]float32, g.kernelSize())
		packed, packedT := Pack(g, w), PackTransposed(g, w)
		for name, f := range map[string]func(){
			"forward":    func() { Forward(pool, g, x, packed, y, gemm.Epilogue{Hi: 1}) },
			"data":       func() { BackwardData(pool, g, y, w, x) },
			"filter":     func() { BackwardFilter(pool, g, x, y, w) },
			"transposed": func() { Transposed(pool, g, y, packedT, x, gemm.Epilogue{}) },
		} {
			for range 3 {
				f()
			}
			if n := testing.AllocsPerRun(20, f); n != 0 {
				t.Errorf("%s %+v: %v allocations", name, g, n)
			}
		}
	}
}

// TestCanonicalSum pins where the sum is cut: at the segments of a kernel row, and
// after KC terms. The values have few bits, so that float64 holds a chain's steps
// exactly and rounds as a fused multiply-add does.
func TestCanonicalSum(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	g := fit(Geometry{N: 1, H: 6, W: 7, C: 150, KH: 3, KW: 3, SH: 1, SW: 1, DH: 1, DW: 1, Out: 9, Groups: 1}, false)
	x, w := make([]float32, g.inputSize()), make([]float32, g.kernelSize())
	for _, s := range [][]float32{x, w} {
		for i := range s {
			s[i] = float32(r.IntN(1<<12)-1<<11) / (1 << 9)
		}
	}
	row := g.KW * g.C
	for _, isa := range kernel.All()[1:] {
		y := make([]float32, g.outputSize())
		Forward(nil, g, x, packFor(isa, g, w), y, gemm.Epilogue{})
		for i, got := range y {
			o, ox, oy := i%g.Out, i/g.Out%g.OW, i/g.Out/g.OW
			total := float32(0)
			for ky := range g.KH {
				for k0 := 0; k0 < row; k0 += kernel.KC {
					chain := float32(0)
					for k := k0; k < min(row, k0+256); k++ {
						chain = float32(float64(chain) + float64(x[((oy+ky)*g.W+ox)*g.C+k])*float64(w[(ky*row+k)*g.Out+o]))
					}
					total += chain
				}
			}
			if got != total {
				t.Fatalf("%s [%d] = %v, want %v", isa.Name, i, got, total)
			}
		}
	}
}
