package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"kerasgo/internal/kernel/gen/simd"
)

// partials is how many running results a reduction keeps: element i goes to
// partial i mod 16, whatever the vector width.
const partials = 16

// reduce emits name(pointers... *float32, n int, scalars... float32) float32. The
// step gets the memory operands of one vector, its partials and the lanes that exist.
func (g gen) reduce(name, doc, params string, pointers []string, start float32, setup func() func(at []Mem, acc vec, mask simd.Mask), join func(x, into vec)) {
	g.c.Begin()
	TEXT(name+g.Name, NOSPLIT, "func("+params+") float32")
	Doc(name + g.Name + " " + doc)
	Pragma("noescape")
	n, i := simd.Pointer("n"), GP64()
	XORQ(i, i)
	var base []reg.GPVirtual
	for _, p := range pointers {
		base = append(base, simd.Pointer(p))
	}
	acc := make([]vec, partials/g.W)
	for v := range acc {
		acc[v] = g.Vec()
		if start == 0 {
			g.Zero(acc[v])
		} else {
			VMOVAPS(g.c.Reg(g.Target, start), acc[v])
		}
	}
	step := setup()
	all := func(masks []simd.Mask) {
		for v := range acc {
			var at []Mem
			for _, b := range base {
				at = append(at, Mem{Base: b, Index: i, Scale: 4, Disp: 4 * g.W * v})
			}
			step(at, acc[v], masks[v])
		}
	}
	SUBQ(Imm(partials), n)
	JL(LabelRef("partial"))
	Label("loop")
	all(make([]simd.Mask, len(acc)))
	ADDQ(Imm(partials), i)
	SUBQ(Imm(partials), n)
	JGE(LabelRef("loop"))
	Label("partial")
	ADDQ(Imm(partials), n)
	JZ(LabelRef("tree"))
	if g.Wide() {
		all([]simd.Mask{g.Leading(g.masks, n)})
	} else {
		m := simd.LeadingPair(g.masks, n)
		all(m[:])
	}
	Label("tree")
	half := YMM()
	if g.Wide() {
		VEXTRACTF64X4(Imm(1), acc[0], half)
	} else {
		half = acc[1]
	}
	y := acc[0].AsY()
	join(half, y.(vec))
	x, q := acc[0].AsX(), XMM()
	VEXTRACTF128(Imm(1), y, q)
	join(q, x.(vec))
	VPERMILPS(Imm(0x4e), x, q) // lanes 2 3 0 1
	join(q, x.(vec))
	VPERMILPS(Imm(0xb1), x, q) // lanes 1 0 3 2
	join(q, x.(vec))
	Store(x, ReturnIndex(0))
	VZEROUPPER()
	RET()
}

func (g gen) reductions() {
	add := func(x, into vec) { VADDPS(x, into, into) }
	load := func(at Mem, mask simd.Mask) vec {
		v := g.Vec()
		g.Load(at, v, mask)
		return v
	}
	g.reduce("sum", "is the sum of src.", "src *float32, n int", []string{"src"}, 0, func() func(at []Mem, acc vec, mask simd.Mask) {
		return func(at []Mem, acc vec, mask simd.Mask) { VADDPS(load(at[0], mask), acc, acc) }
	}, add)
	g.reduce("dot", "is the sum of a*b.", "a, b *float32, n int", []string{"a", "b"}, 0, func() func(at []Mem, acc vec, mask simd.Mask) {
		return func(at []Mem, acc vec, mask simd.Mask) {
			VFMADD231PS(load(at[0], mask), load(at[1], mask), acc)
		}
	}, add)
	g.reduce("squares", "is the sum of (src-mean)^2.", "src *float32, n int, mean float32", []string{"src"}, 0, func() func(at []Mem, acc vec, mask simd.Mask) {
		mean := g.Param("mean")
		return func(at []Mem, acc vec, mask simd.Mask) {
			d := load(at[0], mask)
			VSUBPS(mean, d, d)
			g.clear(d, mask)
			VFMADD231PS(d, d, acc)
		}
	}, add)
	g.reduce("max", "is the largest of src, which NaNs may hide; n > 0.", "src *float32, n int", []string{"src"}, float32(math.Inf(-1)),
		func() func(at []Mem, acc vec, mask simd.Mask) {
			return func(at []Mem, acc vec, mask simd.Mask) {
				v := load(at[0], mask)
				switch {
				case mask.K != nil:
					VMAXPS(v, acc, mask.K, acc)
				case mask.Y != nil:
					VMAXPS(v, acc, v)
					VBLENDVPS(mask.Y, v, acc, acc)
				default:
					VMAXPS(v, acc, acc)
				}
			}
		}, func(x, into vec) { VMAXPS(x, into, into) })
	g.reduce("expSum", "is dst = e^(src-max) and the sum of dst.", "dst, src *float32, n int, max float32", []string{"dst", "src"}, 0,
		func() func(at []Mem, acc vec, mask simd.Mask) {
			g.holdExp()
			top := g.Param("max")
			return func(at []Mem, acc vec, mask simd.Mask) {
				x := load(at[1], mask)
				VSUBPS(top, x, x)
				e := g.exp(x)
				g.Store(e, at[0], mask)
				g.clear(e, mask)
				VADDPS(e, acc, acc)
			}
		}, add)
}

// clear zeroes the lanes of v outside the mask.
func (g gen) clear(v vec, mask simd.Mask) {
	switch {
	case mask.K != nil:
		VMOVAPS_Z(v, mask.K, v)
	case mask.Y != nil:
		VANDPS(mask.Y, v, v)
	}
}
