// Command vec generates the elementwise loops and reductions of package kernel for
// AVX2 and AVX-512.
package main

import (
	"math"
	"slices"
	"strings"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"kerasgo/internal/kernel/gen/simd"
)

// gen is one target's share of the file.
type gen struct {
	simd.Target
	c     *simd.Consts
	masks Mem
	lanes Mem // 0, 1, 2...
}

type vec = reg.VecVirtual

// loop emits "for i < n" over the pointers of a function: body gets the memory
// operand of each pointer at the current vector, and the mask of the lanes that exist.
func (g gen) loop(pointers []string, body func(at []Mem, mask simd.Mask)) {
	n, i, left := simd.Pointer("n"), GP64(), GP64()
	var base []reg.GPVirtual
	for _, p := range pointers {
		base = append(base, simd.Pointer(p))
	}
	at := func(disp int) (m []Mem) {
		for _, b := range base {
			m = append(m, Mem{Base: b, Index: i, Scale: 4, Disp: disp})
		}
		return m
	}
	XORQ(i, i)
	MOVQ(n, left)
	SUBQ(Imm(uint64(2*g.W)), left)
	JL(LabelRef("single"))
	Label("double")
	body(at(0), simd.Mask{})
	body(at(4*g.W), simd.Mask{})
	ADDQ(Imm(uint64(2*g.W)), i)
	SUBQ(Imm(uint64(2*g.W)), left)
	JGE(LabelRef("double"))
	Label("single")
	ADDQ(Imm(uint64(g.W)), left)
	JL(LabelRef("partial"))
	body(at(0), simd.Mask{})
	ADDQ(Imm(uint64(g.W)), i)
	SUBQ(Imm(uint64(g.W)), left)
	Label("partial")
	ADDQ(Imm(uint64(g.W)), left)
	JZ(LabelRef("end"))
	body(at(0), g.Leading(g.masks, left))
	Label("end")
	VZEROUPPER()
	RET()
}

// elementwise emits name(dst..., src... *float32, n int, scalars... float32). The
// body gets the inputs and returns the outputs. A pointer may be both.
func (g gen) elementwise(name, doc string, outs, ins, scalars []string, setup func() func(in []vec, s []vec) []vec) {
	pointers := append([]string(nil), outs...)
	index := map[string]int{}
	for i, o := range outs {
		index[o] = i
	}
	for _, in := range ins {
		if _, ok := index[in]; !ok {
			index[in] = len(pointers)
			pointers = append(pointers, in)
		}
	}
	sig := "func(" + strings.Join(pointers, ", ") + " *float32, n int"
	if len(scalars) > 0 {
		sig += ", " + strings.Join(scalars, ", ") + " float32"
	}
	g.c.Begin()
	TEXT(name+g.Name, NOSPLIT, sig+")")
	Doc(name + g.Name + " " + doc)
	Pragma("noescape")
	var s []vec
	for _, p := range scalars {
		s = append(s, g.Param(p))
	}
	body := setup()
	g.loop(pointers, func(at []Mem, mask simd.Mask) {
		var v []vec
		for _, in := range ins {
			x := g.Vec()
			g.Load(at[index[in]], x, mask)
			v = append(v, x)
		}
		for i, r := range body(v, s) {
			g.Store(r, at[i], mask)
		}
	})
}

// plain is for bodies without constants to hold.
func plain(f func(in []vec, s []vec) []vec) func() func(in []vec, s []vec) []vec {
	return func() func(in []vec, s []vec) []vec { return f }
}

func (g gen) arithmetic() {
	d, ab := []string{"dst"}, []string{"a", "b"}
	g.elementwise("add", "is dst = a + b.", d, ab, nil, plain(func(in, _ []vec) []vec {
		VADDPS(in[1], in[0], in[0])
		return in[:1]
	}))
	g.elementwise("sub", "is dst = a - b.", d, ab, nil, plain(func(in, _ []vec) []vec {
		VSUBPS(in[1], in[0], in[0])
		return in[:1]
	}))
	g.elementwise("mul", "is dst = a * b.", d, ab, nil, plain(func(in, _ []vec) []vec {
		VMULPS(in[1], in[0], in[0])
		return in[:1]
	}))
	g.elementwise("larger", "is dst = a > b ? a : b.", d, ab, nil, plain(func(in, _ []vec) []vec {
		VMAXPS(in[1], in[0], in[0])
		return in[:1]
	}))
	g.elementwise("scale", "is dst = s * src.", d, []string{"src"}, []string{"s"}, plain(func(in, s []vec) []vec {
		VMULPS(s[0], in[0], in[0])
		return in[:1]
	}))
	g.elementwise("axpy", "is dst += s * src.", d, []string{"dst", "src"}, []string{"s"}, plain(func(in, s []vec) []vec {
		VFMADD231PS(s[0], in[1], in[0])
		return in[:1]
	}))
	g.elementwise("clamp", "is dst = min(max(src, lo), hi), NaN kept.", d, []string{"src"}, []string{"lo", "hi"}, plain(func(in, s []vec) []vec {
		simd.Clamp(in[0], s[0], s[1])
		return in[:1]
	}))
	g.elementwise("leaky", "is dst = src < 0 ? s * src : src.", d, []string{"src"}, []string{"s"}, plain(func(in, s []vec) []vec {
		// s*x where the sign bit is set: for -0 that is s*-0, a zero all the same.
		p := g.Vec()
		VMULPS(s[0], in[0], p)
		return []vec{g.bySign(in[0], p, in[0])}
	}))
	g.elementwise("normalize", "is dst = (src - mean) * inv * gamma + beta.", d, []string{"src", "gamma", "beta"}, []string{"mean", "inv"},
		plain(func(in, s []vec) []vec {
			VSUBPS(s[0], in[0], in[0])
			VMULPS(s[1], in[0], in[0])
			VFMADD213PS(in[2], in[1], in[0])
			return in[:1]
		}))
	adam := func(squares bool) func(in, s []vec) []vec {
		return func(in, s []vec) []vec {
			w, m, v, gr := in[0], in[1], in[2], in[3]
			d, r := g.Vec(), g.Vec()
			VSUBPS(m, gr, d)
			VFMADD231PS(s[0], d, m)
			if squares {
				VSUBPS(v, in[4], d)
			} else {
				VMULPS(gr, gr, d)
				VSUBPS(v, d, d)
			}
			VFMADD231PS(s[1], d, v)
			VSQRTPS(v, r)
			VADDPS(s[3], r, r)
			VMULPS(s[2], m, d)
			VDIVPS(r, d, d)
			VSUBPS(d, w, w)
			return []vec{w, m, v}
		}
	}
	outs, rates := []string{"w", "m", "v"}, []string{"c1", "c2", "alpha", "eps"}
	g.elementwise("adam", "is one step of Adam: m += (grad-m)*c1; v += (grad*grad-v)*c2; w -= m*alpha/(sqrt(v)+eps).",
		outs, []string{"w", "m", "v", "grad"}, rates, plain(adam(false)))
	g.elementwise("adamSquares", "is adam with the squares given: v += (squares-v)*c2.",
		outs, []string{"w", "m", "v", "grad", "squares"}, rates, plain(adam(true)))
	g.elementwise("mulAdd", "is dst += a * b.", d, []string{"dst", "a", "b"}, nil, plain(func(in, _ []vec) []vec {
		VFMADD231PS(in[1], in[2], in[0])
		return in[:1]
	}))
}

// gradients emits the backward loops of activations given by their output y; they
// add to dst.
func (g gen) gradients() {
	d, in := []string{"dst"}, []string{"dst", "dy", "y"}
	g.elementwise("reluGrad", "is dst += dy where y > 0.", d, in, nil, func() func(in, _ []vec) []vec {
		zero := g.Vec()
		g.Zero(zero)
		return func(in, _ []vec) []vec {
			const greater = 0x1e // ordered, quiet: false for NaN
			if g.Wide() {
				k := K()
				VCMPPS(Imm(greater), zero, in[2], k)
				VADDPS(in[1], in[0], k, in[0])
				return in[:1]
			}
			m := g.Vec()
			VCMPPS(Imm(greater), zero, in[2], m)
			VADDPS(in[1], in[0], in[1])
			VBLENDVPS(m, in[1], in[0], in[0])
			return in[:1]
		}
	})
	g.elementwise("clampGrad", "is dst += dy where lo < y < hi.", d, in, []string{"lo", "hi"}, plain(func(in, s []vec) []vec {
		const greater, less = 0x1e, 0x11 // ordered, quiet: false for NaN
		if g.Wide() {
			k, l := K(), K()
			VCMPPS(Imm(greater), s[0], in[2], k)
			VCMPPS(Imm(less), s[1], in[2], k, l)
			VADDPS(in[1], in[0], l, in[0])
			return in[:1]
		}
		m, l := g.Vec(), g.Vec()
		VCMPPS(Imm(greater), s[0], in[2], m)
		VCMPPS(Imm(less), s[1], in[2], l)
		VANDPS(l, m, m)
		VADDPS(in[1], in[0], in[1])
		VBLENDVPS(m, in[1], in[0], in[0])
		return in[:1]
	}))
	g.elementwise("sigmoidGrad", "is dst += dy * y * (1-y).", d, in, nil, func() func(in, _ []vec) []vec {
		g.c.Hold(g.Target, 1)
		return func(in, _ []vec) []vec {
			t := g.Vec()
			VMOVUPS(g.c.Op(1), t)
			VSUBPS(in[2], t, t)
			VMULPS(in[2], t, t)
			VFMADD231PS(in[1], t, in[0])
			return in[:1]
		}
	})
	g.elementwise("tanhGrad", "is dst += dy * (1-y*y).", d, in, nil, func() func(in, _ []vec) []vec {
		g.c.Hold(g.Target, 1)
		return func(in, _ []vec) []vec {
			t := g.Vec()
			VMOVUPS(g.c.Op(1), t)
			VFNMADD231PS(in[2], in[2], t)
			VFMADD231PS(in[1], t, in[0])
			return in[:1]
		}
	})
}

// Multipliers of lowbias32, a mixing function of 32 bits (C. Wellons, hash-prospector).
const hashA, hashB = 0x7feb352d, 0x846ca68b

// dropout emits the leaf of that name.
func (g gen) dropout() {
	g.c.Begin()
	TEXT("dropout"+g.Name, NOSPLIT, "func(dst, src *float32, n int, scale float32, key, next, first, threshold uint32)")
	Doc("dropout" + g.Name + " is dst = hash(first+i) >= threshold ? scale*src : 0.")
	Pragma("noescape")
	scale, key, next, at, threshold := g.Param("scale"), g.Param("key"), g.Param("next"), g.Param("first"), g.Param("threshold")
	g.c.HoldWord(g.Target, hashA)
	g.c.HoldWord(g.Target, hashB)
	step := g.Vec()
	VBROADCASTSS(g.c.WordOp(uint32(g.W)).(Mem), step)
	VPADDD(g.lanes, at, at)
	shift := func(h vec, by uint64) {
		t := g.Vec()
		VPSRLD(Imm(by), h, t)
		g.xor(t, h)
	}
	mix := func(h vec) {
		shift(h, 16)
		VPMULLD(g.c.WordOp(hashA), h, h)
		shift(h, 15)
		VPMULLD(g.c.WordOp(hashB), h, h)
		shift(h, 16)
	}
	g.loop([]string{"dst", "src"}, func(p []Mem, mask simd.Mask) {
		h, x := g.Vec(), g.Vec()
		VPADDD(key, at, h)
		VPADDD(step, at, at)
		mix(h)
		g.xor(next, h)
		mix(h)
		g.Load(p[1], x, mask)
		VMULPS(scale, x, x)
		if g.Wide() {
			k := K()
			const notLess = 5
			VPCMPUD(Imm(notLess), threshold, h, k)
			VMOVAPS_Z(x, k, x)
		} else {
			t := g.Vec()
			VPMAXUD(threshold, h, t)
			VPCMPEQD(t, h, h)
			VANDPS(h, x, x)
		}
		g.Store(x, p[0], mask)
	})
}

// xor is h ^= x.
func (g gen) xor(x, h vec) {
	if g.Wide() {
		VPXORD(x, h, h)
	} else {
		VPXOR(x, h, h)
	}
}

// bySign returns neg in the lanes where x has its sign bit set and pos elsewhere.
func (g gen) bySign(x, neg, pos vec) vec {
	out := g.Vec()
	if g.Wide() {
		k := K()
		VPMOVD2M(x, k)
		VBLENDMPS(neg, pos, k, out)
	} else {
		VBLENDVPS(x, neg, pos, out)
	}
	return out
}

func main() {
	ConstraintExpr("amd64,!purego")
	masks := simd.MaskTable("laneMask")
	c := simd.NewConsts(slices.Concat(expConsts, tanhConsts, geluConsts, []float32{float32(math.Inf(-1))}), []uint32{signBit, absMask, 127, hashA, hashB, 8, 16})
	lanes := GLOBL("lanes", RODATA|NOPTR)
	for i := range 16 {
		DATA(4*i, U32(uint32(i)))
	}
	for _, t := range []simd.Target{simd.AVX2, simd.AVX512} {
		g := gen{t, c, masks, lanes}
		g.arithmetic()
		g.functions()
		g.gradients()
		g.dropout()
		g.reductions()
	}
	Generate()
}
