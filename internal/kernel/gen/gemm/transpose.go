package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"kerasgo/internal/kernel/gen/simd"
)

// transpose emits the 8-row transposition; AVX-512 uses it too.
func transpose() {
	TEXT("transpose8AVX2", NOSPLIT, "func(dst *float32, ldd int, src *float32, lds, n int)")
	Doc("transpose8AVX2 is ISA.Transpose8.")
	Pragma("noescape")
	dst, src, n := simd.Pointer("dst"), simd.Pointer("src"), simd.Pointer("n")
	ldd, lds := simd.Pointer("ldd"), simd.Pointer("lds")
	SHLQ(Imm(2), ldd)
	SHLQ(Imm(2), lds)
	ldd3, lds3 := GP64(), GP64()
	LEAQ(Mem{Base: ldd, Index: ldd, Scale: 2}, ldd3)
	LEAQ(Mem{Base: lds, Index: lds, Scale: 2}, lds3)
	SHRQ(Imm(3), n)
	JZ(LabelRef("end"))
	Label("loop")
	low, high := GP64(), GP64()
	LEAQ(Mem{Base: src, Index: lds, Scale: 4}, low)
	var row, pair, quad, out [8]reg.VecVirtual
	for i := range row {
		base := src
		if i >= 4 {
			base = low
		}
		row[i] = YMM()
		VMOVUPS(pitched(base, lds, lds3, i%4, 0), row[i])
	}
	// Pairs: lanes of rows i and i+1 interleaved; then quads of four rows; then the
	// two halves of four columns each.
	for i := range pair {
		pair[i] = YMM()
		if a, b := row[i&^1], row[i|1]; i%2 == 0 {
			VUNPCKLPS(b, a, pair[i])
		} else {
			VUNPCKHPS(b, a, pair[i])
		}
	}
	for i := range quad {
		quad[i] = YMM()
		a, b := pair[i&^3+i%4/2], pair[i&^3+i%4/2+2]
		if i%2 == 0 {
			VSHUFPS(Imm(0x44), b, a, quad[i])
		} else {
			VSHUFPS(Imm(0xee), b, a, quad[i])
		}
	}
	for i := range out {
		out[i] = YMM()
		if i < 4 {
			VPERM2F128(Imm(0x20), quad[i+4], quad[i], out[i])
		} else {
			VPERM2F128(Imm(0x31), quad[i], quad[i-4], out[i])
		}
	}
	LEAQ(Mem{Base: dst, Index: ldd, Scale: 4}, high)
	for i, v := range out {
		base := dst
		if i >= 4 {
			base = high
		}
		VMOVUPS(v, pitched(base, ldd, ldd3, i%4, 0))
	}
	ADDQ(Imm(32), src)
	LEAQ(Mem{Base: dst, Index: ldd, Scale: 8}, dst)
	DECQ(n)
	JNZ(LabelRef("loop"))
	Label("end")
	VZEROUPPER()
	RET()
}
