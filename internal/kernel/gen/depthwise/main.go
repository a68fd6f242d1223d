// Command depthwise generates the depthwise convolution leaves of package kernel for
// AVX2 and AVX-512.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"kerasgo/internal/kernel/gen/simd"
)

const (
	forwardSig = "func(dst, x, w *float32, taps *int, ntaps, npix, ch, xs, ys int, bias, add *float32, lo, hi float32, acc int)"
	filterSig  = "func(dw, x, dy *float32, npix, ch, xs, ys int)"
)

type gen struct {
	simd.Target
	masks Mem
}

// channels emits the loop over channels: body for two vectors, one, and a part of
// one. c holds the byte offset of the first channel of the body.
func (g gen) channels(body func(label string, nv int, mask simd.Mask, c reg.GPVirtual)) {
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

// pitch loads a stride parameter in bytes.
func pitch(name string) reg.GPVirtual {
	p := simd.Pointer(name)
	SHLQ(Imm(2), p)
	return p
}

// at is base + i*pitch + vector j, for i < 4.
func (g gen) at(base, ld, ld3 reg.GPVirtual, i, j int) Mem {
	m := Mem{Base: base, Disp: 4 * g.W * j}
	switch i {
	case 1, 2:
		m.Index, m.Scale = ld, uint8(i)
	case 3:
		m.Index, m.Scale = ld3, 1
	}
	return m
}

// fma adds x*m to acc.
func (g gen) fma(m Mem, mask simd.Mask, x, acc reg.VecVirtual) {
	if mask == (simd.Mask{}) {
		VFMADD231PS(m, x, acc)
		return
	}
	t := g.Vec()
	g.Load(m, t, mask)
	VFMADD231PS(t, x, acc)
}

// add adds m to acc.
func (g gen) add(m Mem, mask simd.Mask, acc reg.VecVirtual) {
	t := g.Vec()
	g.Load(m, t, mask)
	VADDPS(t, acc, acc)
}

func (g gen) forward() {
	name := "depthwise" + g.Name
	TEXT(name, NOSPLIT, forwardSig)
	Doc(name + " is ISA.Depthwise.")
	g.channels(func(label string, nv int, mask simd.Mask, c reg.GPVirtual) {
		l := func(s string) string { return label + s }
		x, dst, n := simd.Pointer("x"), simd.Pointer("dst"), simd.Pointer("npix")
		ADDQ(c, x)
		ADDQ(c, dst)
		SUBQ(Imm(4), n)
		JL(LabelRef(l("Rest")))
		Label(l("Four"))
		g.pixels(l("Four"), 4, nv, mask, c, x, dst)
		SUBQ(Imm(4), n)
		JGE(LabelRef(l("Four")))
		Label(l("Rest"))
		ADDQ(Imm(4), n)
		JZ(LabelRef(l("Next")))
		Label(l("One"))
		g.pixels(l("One"), 1, nv, mask, c, x, dst)
		DECQ(n)
		JNZ(LabelRef(l("One")))
		Label(l("Next"))
	})
}

// pixels computes np pixels of nv vectors of channels and moves x and dst on.
func (g gen) pixels(label string, np, nv int, mask simd.Mask, c, x, dst reg.GPVirtual) {
	l := func(s string) string { return label + s }
	acc := make([][]reg.VecVirtual, np)
	for i := range acc {
		for range nv {
			v := g.Vec()
			g.Zero(v)
			acc[i] = append(acc[i], v)
		}
	}
	xs, xs3 := pitch("xs"), GP64()
	LEAQ(Mem{Base: xs, Index: xs, Scale: 2}, xs3)
	taps, count := simd.Pointer("taps"), simd.Pointer("ntaps")
	w := simd.Pointer("w")
	ADDQ(c, w)
	TESTQ(count, count)
	JZ(LabelRef(l("Sum")))
	Label(l("Tap"))
	xt, wt := GP64(), GP64()
	MOVQ(Mem{Base: taps}, xt)
	MOVQ(Mem{Base: taps, Disp: 8}, wt)
	LEAQ(Mem{Base: x, Index: xt, Scale: 4}, xt)
	LEAQ(Mem{Base: w, Index: wt, Scale: 4}, wt)
	for j := range nv {
		wv := g.Vec()
		g.Load(Mem{Base: wt, Disp: 4 * g.W * j}, wv, mask)
		for i := range acc {
			g.fma(g.at(xt, xs, xs3, i, j), mask, wv, acc[i][j])
		}
	}
	ADDQ(Imm(16), taps)
	DECQ(count)
	JNZ(LabelRef(l("Tap")))
	Label(l("Sum"))
	LEAQ(Mem{Base: x, Index: xs, Scale: uint8(np)}, x)

	ys, ys3 := pitch("ys"), GP64()
	LEAQ(Mem{Base: ys, Index: ys, Scale: 2}, ys3)
	each := func(f func(i, j int)) {
		for i := range acc {
			for j := range nv {
				f(i, j)
			}
		}
	}
	flag := simd.Pointer("acc")
	TESTQ(flag, flag)
	JZ(LabelRef(l("Bias")))
	each(func(i, j int) { g.add(g.at(dst, ys, ys3, i, j), mask, acc[i][j]) })
	Label(l("Bias"))
	bias := simd.Pointer("bias")
	TESTQ(bias, bias)
	JZ(LabelRef(l("Add")))
	ADDQ(c, bias)
	for j := range nv {
		t := g.Vec()
		g.Load(Mem{Base: bias, Disp: 4 * g.W * j}, t, mask)
		for i := range acc {
			VADDPS(t, acc[i][j], acc[i][j])
		}
	}
	Label(l("Add"))
	add := simd.Pointer("add")
	TESTQ(add, add)
	JZ(LabelRef(l("Store")))
	start := simd.Pointer("dst")
	SUBQ(start, add)
	ADDQ(dst, add)
	each(func(i, j int) { g.add(g.at(add, ys, ys3, i, j), mask, acc[i][j]) })
	Label(l("Store"))
	lo, hi := g.Param("lo"), g.Param("hi")
	each(func(i, j int) {
		simd.Clamp(acc[i][j], lo, hi)
		g.Store(acc[i][j], g.at(dst, ys, ys3, i, j), mask)
	})
	LEAQ(Mem{Base: dst, Index: ys, Scale: uint8(np)}, dst)
}

func (g gen) filter() {
	name := "depthwiseFilter" + g.Name
	TEXT(name, NOSPLIT, filterSig)
	Doc(fmt.Sprintf("%s is ISA.DepthwiseFilter.", name))
	g.channels(func(label string, nv int, mask simd.Mask, c reg.GPVirtual) {
		x, dy, n := simd.Pointer("x"), simd.Pointer("dy"), simd.Pointer("npix")
		ADDQ(c, x)
		ADDQ(c, dy)
		xs, ys := pitch("xs"), pitch("ys")
		acc := make([]reg.VecVirtual, nv)
		for j := range acc {
			acc[j] = g.Vec()
			g.Zero(acc[j])
		}
		TESTQ(n, n)
		JZ(LabelRef(label + "Sum"))
		Label(label + "Pixel")
		for j := range acc {
			v := g.Vec()
			g.Load(Mem{Base: x, Disp: 4 * g.W * j}, v, mask)
			g.fma(Mem{Base: dy, Disp: 4 * g.W * j}, mask, v, acc[j])
		}
		ADDQ(xs, x)
		ADDQ(ys, dy)
		DECQ(n)
		JNZ(LabelRef(label + "Pixel"))
		Label(label + "Sum")
		dw := simd.Pointer("dw")
		ADDQ(c, dw)
		for j, v := range acc {
			m := Mem{Base: dw, Disp: 4 * g.W * j}
			g.add(m, mask, v)
			g.Store(v, m, mask)
		}
	})
}

func main() {
	ConstraintExpr("amd64,!purego")
	masks := simd.MaskTable("depthwiseMask")
	for _, t := range []simd.Target{simd.AVX2, simd.AVX512} {
		g := gen{t, masks}
		g.forward()
		g.filter()
	}
	Generate()
}
