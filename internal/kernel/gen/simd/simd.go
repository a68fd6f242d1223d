// Package simd hides the vector width from the kernel generators: AVX2 and
// AVX-512 are written by the same code, so they do the same arithmetic.
package simd

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// A Target is a vector extension.
type Target struct {
	Name string
	W    int // floats in a vector
}

// The two targets.
var (
	AVX2   = Target{"AVX2", 8}
	AVX512 = Target{"AVX512", 16}
)

// Wide reports whether vectors are 512 bits.
func (t Target) Wide() bool { return t.W == 16 }

// Vec returns a new vector register.
func (t Target) Vec() reg.VecVirtual {
	if t.Wide() {
		return ZMM()
	}
	return YMM()
}

// Zero clears v.
func (t Target) Zero(v reg.VecVirtual) {
	if t.Wide() {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
}

// Param broadcasts a float32 parameter.
func (t Target) Param(name string) reg.VecVirtual {
	addr, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	v := t.Vec()
	VBROADCASTSS(addr.Addr, v)
	return v
}

// Pointer loads an integer or pointer parameter.
func Pointer(name string) reg.GPVirtual { return Load(Param(name), GP64()).(reg.GPVirtual) }

// Clamp limits v to [lo, hi] and keeps a NaN in v: MAXPS and MINPS return their
// second source, which Go writes first, if either is NaN.
func Clamp(v, lo, hi reg.VecVirtual) {
	VMAXPS(v, lo, v)
	VMINPS(v, hi, v)
}

// MaskTable emits 16 words of ones followed by 16 of zeros: read at (16-n)*4 it is
// the mask of n leading lanes.
func MaskTable(name string) Mem {
	m := GLOBL(name, RODATA|NOPTR)
	for i := range 32 {
		bits := uint32(0)
		if i < 16 {
			bits = math.MaxUint32
		}
		DATA(4*i, U32(bits))
	}
	return m
}

// A Mask selects the leading lanes of a vector. The zero Mask selects all.
type Mask struct {
	K reg.OpmaskVirtual // AVX-512
	Y reg.VecVirtual    // AVX2
}

func (m Mask) all() bool { return m.K == nil && m.Y == nil }

// Leading returns a mask of n lanes, 0 <= n <= W, for n in a register.
func (t Target) Leading(table Mem, n reg.GPVirtual) Mask {
	if t.Wide() {
		bits := GP32()
		MOVL(I32(-1), bits)
		BZHIL(n.As32(), bits, bits)
		k := K()
		KMOVW(bits, k)
		return Mask{K: k}
	}
	m := Mask{Y: YMM()}
	VMOVUPS(TableAt(table, n, 0), m.Y)
	return m
}

// LeadingPair returns the masks of n lanes spread over two 8-lane vectors.
func LeadingPair(table Mem, n reg.GPVirtual) [2]Mask {
	m := [2]Mask{{Y: YMM()}, {Y: YMM()}}
	VMOVUPS(TableAt(table, n, 0), m[0].Y)
	VMOVUPS(TableAt(table, n, 32), m[1].Y)
	return m
}

// TableAt is where the mask of n leading lanes lies, from lane disp/4 on.
func TableAt(table Mem, n reg.GPVirtual, disp int) Mem {
	p, off := GP64(), GP64()
	LEAQ(table, p)
	MOVQ(U32(16), off)
	SUBQ(n, off)
	return Mem{Base: p, Index: off, Scale: 4, Disp: disp}
}

// Load reads v; lanes outside the mask become zero and their memory isn't touched.
func (t Target) Load(m Mem, v reg.VecVirtual, mask Mask) {
	switch {
	case mask.all():
		VMOVUPS(m, v)
	case t.Wide():
		VMOVUPS_Z(m, mask.K, v)
	default:
		VMASKMOVPS(m, mask.Y, v)
	}
}

// Store writes the lanes of v inside the mask.
func (t Target) Store(v reg.VecVirtual, m Mem, mask Mask) {
	switch {
	case mask.all():
		VMOVUPS(v, m)
	case t.Wide():
		VMOVUPS(v, mask.K, m)
	default:
		VMASKMOVPS(v, mask.Y, m)
	}
}

// Consts hands out float and integer constants.
type Consts struct {
	mem  map[uint32]Mem
	held map[uint32]reg.VecVirtual
}

// NewConsts emits every constant that functions of this file use; each is a whole
// 32-byte vector, so that AVX2 can use it as a memory operand.
func NewConsts(floats []float32, words []uint32) *Consts {
	c := &Consts{mem: map[uint32]Mem{}}
	for _, f := range floats {
		words = append(words, math.Float32bits(f))
	}
	for _, w := range words {
		if _, dup := c.mem[w]; dup {
			continue
		}
		c.mem[w] = GLOBL(fmt.Sprintf("const%08x", w), RODATA|NOPTR)
		for i := range 8 {
			DATA(4*i, U32(w))
		}
	}
	return c
}

// Begin forgets the registers of the previous function.
func (c *Consts) Begin() { c.held = map[uint32]reg.VecVirtual{} }

// Hold broadcasts floats to registers for the rest of the function where there are
// enough of them (AVX-512). Call it before the loop.
func (c *Consts) Hold(t Target, floats ...float32) {
	for _, f := range floats {
		c.HoldWord(t, math.Float32bits(f))
	}
}

// HoldWord is Hold for an integer.
func (c *Consts) HoldWord(t Target, w uint32) {
	if !t.Wide() || c.held[w] != nil {
		return
	}
	v := t.Vec()
	VBROADCASTSS(c.at(w), v)
	c.held[w] = v
}

// Op returns f as an operand that may be memory.
func (c *Consts) Op(f float32) Op { return c.WordOp(math.Float32bits(f)) }

// WordOp is Op for an integer.
func (c *Consts) WordOp(w uint32) Op {
	if v := c.held[w]; v != nil {
		return v
	}
	return c.at(w)
}

// Reg returns f in a register that must not be changed.
func (c *Consts) Reg(t Target, f float32) reg.VecVirtual {
	w := math.Float32bits(f)
	if v := c.held[w]; v != nil {
		return v
	}
	v := t.Vec()
	VBROADCASTSS(c.at(w), v)
	return v
}

func (c *Consts) at(w uint32) Mem {
	m, ok := c.mem[w]
	if !ok {
		panic(fmt.Sprintf("constant %#08x was not declared", w))
	}
	return m
}
