// Command columns generates the leaves of package kernel that walk down the rows of a
// matrix, channels side by side: column sums, the gradient of batch normalization and
// maximum pooling, for AVX2 and AVX-512.
package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"kerasgo/internal/kernel/gen/simd"
)

type gen struct {
	simd.Target
	c     *simd.Consts
	masks Mem
}

type vec = reg.VecVirtual

// function emits name(sig) as a loop over channels: body for two vectors, one, and a
// part of one. c holds the byte offset of the first channel of the body.
func (g gen) function(name, doc, sig string, body func(label string, nv int, mask simd.Mask, c reg.GPVirtual)) {
	g.c.Begin()
	TEXT(name+g.Name, NOSPLIT, sig)
	Doc(name + g.Name + " is ISA." + doc + ".")
	Pragma("noescape")
	c, left := GP64(), simd.Pointer("ch")
	XORQ(c, c)
	SUBQ(Imm(uint64(2*g.W)), left)
	JL(LabelRef("single"))
	Label("double")
	body("double", 2, simd.Mask{}, c)
	ADDQ(Imm(uint64(8*g.W)), c)
	SUBQ(Imm(uint64(2*g.W)), left)
	JGE(LabelRef("double"))
	Label("single")
	ADDQ(Imm(uint64(g.W)), left)
	JL(LabelRef("partial"))
	body("single", 1, simd.Mask{}, c)
	ADDQ(Imm(uint64(4*g.W)), c)
	SUBQ(Imm(uint64(g.W)), left)
	Label("partial")
	ADDQ(Imm(uint64(g.W)), left)
	JZ(LabelRef("end"))
	body("partial", 1, g.Leading(g.masks, left), c)
	Label("end")
	VZEROUPPER()
	RET()
}

// at loads a pointer parameter and moves it to channel c.
func at(name string, c reg.GPVirtual) reg.GPVirtual {
	p := simd.Pointer(name)
	ADDQ(c, p)
	return p
}

// pitch loads a stride parameter in bytes.
func pitch(name string) reg.GPVirtual {
	p := simd.Pointer(name)
	SHLQ(Imm(2), p)
	return p
}

// load reads nv vectors from p.
func (g gen) load(p reg.GPVirtual, nv int, mask simd.Mask) (v []vec) {
	for j := range nv {
		x := g.Vec()
		g.Load(Mem{Base: p, Disp: 4 * g.W * j}, x, mask)
		v = append(v, x)
	}
	return v
}

// rows emits "for n > 0", moving pointers on by their pitches.
func rows(label string, n reg.GPVirtual, pointers, pitches []reg.GPVirtual, body func()) {
	TESTQ(n, n)
	JZ(LabelRef(label + "Done"))
	Label(label + "Row")
	body()
	for i, p := range pointers {
		ADDQ(pitches[i], p)
	}
	DECQ(n)
	JNZ(LabelRef(label + "Row"))
	Label(label + "Done")
}

// sums emits the three column sums: term adds a row to acc.
func (g gen) sums(name, doc, sig string, pointers []string, centered bool, term func(in, mean []vec, j int, acc vec)) {
	g.function(name, doc, sig, func(label string, nv int, mask simd.Mask, c reg.GPVirtual) {
		var base, step []reg.GPVirtual
		xs := pitch("xs")
		for _, p := range pointers {
			base, step = append(base, at(p, c)), append(step, xs)
		}
		var mean []vec
		if centered {
			mean = g.load(at("mean", c), nv, mask)
		}
		acc := make([]vec, nv)
		for j := range acc {
			acc[j] = g.Vec()
			g.Zero(acc[j])
		}
		rows(label, simd.Pointer("n"), base, step, func() {
			in := make([][]vec, len(base))
			for i, b := range base {
				in[i] = g.load(b, nv, mask)
			}
			for j := range acc {
				var x []vec
				for i := range in {
					x = append(x, in[i][j])
				}
				term(x, mean, j, acc[j])
			}
		})
		dst := at("dst", c)
		for j, v := range g.load(dst, nv, mask) {
			VADDPS(acc[j], v, v)
			g.Store(v, Mem{Base: dst, Disp: 4 * g.W * j}, mask)
		}
	})
}

func (g gen) columns() {
	g.sums("columnSum", "ColumnSum", "func(dst, x *float32, n, ch, xs int)", []string{"x"}, false,
		func(in, _ []vec, _ int, acc vec) { VADDPS(in[0], acc, acc) })
	g.sums("columnSquares", "ColumnSquares", "func(dst, x, mean *float32, n, ch, xs int)", []string{"x"}, true,
		func(in, mean []vec, j int, acc vec) {
			VSUBPS(mean[j], in[0], in[0])
			VFMADD231PS(in[0], in[0], acc)
		})
	g.sums("columnDots", "ColumnDots", "func(dst, dy, x, mean *float32, n, ch, xs int)", []string{"dy", "x"}, true,
		func(in, mean []vec, j int, acc vec) {
			VSUBPS(mean[j], in[1], in[1])
			VFMADD231PS(in[0], in[1], acc)
		})
	g.function("normGrad", "NormGrad", "func(dx, dy, x, mean, s, t, u *float32, n, ch, xs int)", func(label string, nv int, mask simd.Mask, c reg.GPVirtual) {
		mean, s, t, u := g.load(at("mean", c), nv, mask), g.load(at("s", c), nv, mask), g.load(at("t", c), nv, mask), g.load(at("u", c), nv, mask)
		dx, dy, x, xs := at("dx", c), at("dy", c), at("x", c), pitch("xs")
		rows(label, simd.Pointer("n"), []reg.GPVirtual{dx, dy, x}, []reg.GPVirtual{xs, xs, xs}, func() {
			in, d, to := g.load(x, nv, mask), g.load(dy, nv, mask), g.load(dx, nv, mask)
			for j := range nv {
				VSUBPS(mean[j], in[j], in[j])
				VFMADD213PS(u[j], t[j], in[j])
				VFMADD231PS(s[j], d[j], in[j])
				VADDPS(in[j], to[j], to[j])
				g.Store(to[j], Mem{Base: dx, Disp: 4 * g.W * j}, mask)
			}
		})
	})
}

// taps emits the loop over the taps of a window, from the count-th on: body gets each tap's offset in bytes.
func taps(label string, list, count reg.GPVirtual, body func(tap reg.GPVirtual)) {
	TESTQ(count, count)
	JLE(LabelRef(label + "Taps"))
	Label(label + "Tap")
	tap := GP64()
	MOVQ(Mem{Base: list}, tap)
	SHLQ(Imm(2), tap)
	body(tap)
	ADDQ(Imm(8), list)
	DECQ(count)
	JNZ(LabelRef(label + "Tap"))
	Label(label + "Taps")
}

func (g gen) pools() {
	g.function("maxPool", "MaxPool", "func(dst, x *float32, taps *int, ntaps, n, ch, xs, ys int)", func(label string, nv int, mask simd.Mask, c reg.GPVirtual) {
		dst, x := at("dst", c), at("x", c)
		rows(label, simd.Pointer("n"), []reg.GPVirtual{dst, x}, []reg.GPVirtual{pitch("ys"), pitch("xs")}, func() {
			top := make([]vec, nv)
			for j := range top {
				top[j] = g.Vec()
				VMOVUPS(g.c.Reg(g.Target, -math.MaxFloat32), top[j])
			}
			taps(label, simd.Pointer("taps"), simd.Pointer("ntaps"), func(tap reg.GPVirtual) {
				ADDQ(x, tap)
				for j, v := range g.load(tap, nv, mask) {
					VMAXPS(top[j], v, top[j]) // a NaN in v gives top
				}
			})
			for j, v := range top {
				g.Store(v, Mem{Base: dst, Disp: 4 * g.W * j}, mask)
			}
		})
	})
	g.function("maxPoolGrad", "MaxPoolGrad", "func(dx, x, y, dy *float32, taps *int, ntaps, n, ch, xs, ys int)", func(label string, nv int, mask simd.Mask, c reg.GPVirtual) {
		dx, x, y, dy := at("dx", c), at("x", c), at("y", c), at("dy", c)
		xs, ys := pitch("xs"), pitch("ys")
		rows(label, simd.Pointer("n"), []reg.GPVirtual{dx, x, y, dy}, []reg.GPVirtual{xs, xs, ys, ys}, func() {
			top, rest := g.load(y, nv, mask), g.load(dy, nv, mask)
			list, count := simd.Pointer("taps"), simd.Pointer("ntaps")
			// split moves what goes to a tap out of rest.
			split := func(tap reg.GPVirtual) (part []vec) {
				from := GP64()
				LEAQ(Mem{Base: x, Index: tap, Scale: 1}, from)
				for j, v := range g.load(from, nv, mask) {
					p := g.Vec()
					if g.Wide() {
						is := K()
						VPCMPEQD(top[j], v, is)
						VMOVAPS_Z(rest[j], is, p)
						VPXORD(p, rest[j], rest[j])
					} else {
						VPCMPEQD(top[j], v, v)
						VANDPS(rest[j], v, p)
						VXORPS(p, rest[j], rest[j])
					}
					part = append(part, p)
				}
				return part
			}
			first := GP64()
			MOVQ(Mem{Base: list}, first)
			SHLQ(Imm(2), first)
			ADDQ(Imm(8), list)
			DECQ(count)
			own := split(first)
			taps(label, list, count, func(tap reg.GPVirtual) {
				part := split(tap)
				ADDQ(dx, tap)
				for j, v := range g.load(tap, nv, mask) {
					VADDPS(part[j], v, v)
					g.Store(v, Mem{Base: tap, Disp: 4 * g.W * j}, mask)
				}
			})
			ADDQ(dx, first)
			for j, v := range g.load(first, nv, mask) {
				VADDPS(own[j], v, v)
				VADDPS(rest[j], v, v)
				g.Store(v, Mem{Base: first, Disp: 4 * g.W * j}, mask)
			}
		})
	})
}

func main() {
	ConstraintExpr("amd64,!purego")
	masks := simd.MaskTable("columnMask")
	c := simd.NewConsts([]float32{-math.MaxFloat32}, nil)
	for _, t := range []simd.Target{simd.AVX2, simd.AVX512} {
		g := gen{t, c, masks}
		g.columns()
		g.pools()
	}
	Generate()
}
