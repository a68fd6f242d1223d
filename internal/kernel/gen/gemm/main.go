// Command gemm generates the matrix tiles of package kernel for AVX2 and AVX-512.
package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	tileSig = "func(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, bias, add *float32, lo, hi float32, n, acc int)"
	rowSig  = "func(k int, a *float32, b *float32, ldb, panel int, c *float32, bias, add *float32, lo, hi float32, acc int)"
	unroll  = 4
)

// A target is a vector width. Both write the same arithmetic.
type target struct {
	name string
	w    int // floats in a vector
	mr   int // rows of the largest tile
}

var targets = []target{{"AVX2", 8, 6}, {"AVX512", 16, 14}}

func (t target) wide() bool { return t.w == 16 }

func (t target) vec() reg.VecVirtual {
	if t.wide() {
		return ZMM()
	}
	return YMM()
}

func (t target) zero(v reg.VecVirtual) {
	if t.wide() {
		VPXORD(v, v, v)
	} else {
		VXORPS(v, v, v)
	}
}

// A body is one path through a tile: how many vectors a row has and whether the
// last is partial.
type body struct {
	target
	label  string
	mr, nv int
	masked bool
	ones   Mem               // AVX2: table of ones and zeros
	n      reg.GPVirtual     // columns
	kmask  reg.OpmaskVirtual // AVX-512: mask of the last vector
	ymask  []reg.VecVirtual  // AVX2: masks, loaded by loadMasks
}

// prepareMask readies what partial needs, before the loop.
func (b *body) prepareMask() {
	if !b.masked || !b.wide() {
		return
	}
	bits, count := GP32(), GP64()
	MOVQ(b.n, count)
	SUBQ(Imm(uint64((b.nv-1)*b.w)), count)
	MOVL(I32(-1), bits)
	BZHIL(count.As32(), bits, bits)
	b.kmask = K()
	KMOVW(bits, b.kmask)
}

// maskTable is where AVX2's mask of the last vector lies: 8 ones, then 8 zeros.
func (b *body) maskTable() Mem {
	p, off := GP64(), GP64()
	LEAQ(b.ones, p)
	MOVQ(U32(uint32(b.nv*b.w)), off)
	SUBQ(b.n, off)
	return Mem{Base: p, Index: off, Scale: 4}
}

// load reads vector j of a row. ym is AVX2's mask register, nil where j is whole.
func (b *body) load(m Mem, j int, v reg.VecVirtual, ym reg.VecVirtual) {
	switch {
	case !b.partial(j):
		VMOVUPS(m, v)
	case b.wide():
		VMOVUPS_Z(m, b.kmask, v)
	default:
		VMASKMOVPS(m, ym, v)
	}
}

func (b *body) store(v reg.VecVirtual, m Mem, j int, ym reg.VecVirtual) {
	switch {
	case !b.partial(j):
		VMOVUPS(v, m)
	case b.wide():
		VMOVUPS(v, b.kmask, m)
	default:
		VMASKMOVPS(v, ym, m)
	}
}

func (b *body) partial(j int) bool { return b.masked && j == b.nv-1 }

// tile emits one tile function with its three paths: whole, partial second vector,
// partial single vector.
func (t target) tile(mr int, transposed bool, ones Mem) {
	name := fmt.Sprintf("tile%d%s", mr, t.name)
	kind := "A[i][k] = a[i*lda+k]"
	if transposed {
		name = fmt.Sprintf("tileT%d%s", mr, t.name)
		kind = "A[i][k] = a[k*lda+i]"
	}
	TEXT(name, NOSPLIT, tileSig)
	Doc(fmt.Sprintf("%s is a Tile of %d rows, %s.", name, mr, kind))
	n := Load(Param("n"), GP64()).(reg.GPVirtual)
	CMPQ(n, Imm(uint64(t.w)))
	JLE(LabelRef("single"))
	CMPQ(n, Imm(uint64(2*t.w)))
	JL(LabelRef("partial"))
	for _, b := range []*body{
		{label: "whole", nv: 2},
		{label: "partial", nv: 2, masked: true},
		{label: "single", nv: 1, masked: true},
	} {
		b.target, b.mr, b.n, b.ones = t, mr, n, ones
		b.emit(transposed)
	}
}

// rows addresses A: row i of a whole step at byte offset u of K.
type rows struct {
	base       []reg.GPVirtual
	ld, ld3    reg.GPVirtual
	transposed bool
}

func newRows(mr int, transposed bool) *rows {
	a := Load(Param("a"), GP64()).(reg.GPVirtual)
	ld := Load(Param("lda"), GP64()).(reg.GPVirtual)
	SHLQ(Imm(2), ld)
	r := &rows{base: []reg.GPVirtual{a}, ld: ld, transposed: transposed}
	if transposed {
		r.ld3 = GP64()
		LEAQ(Mem{Base: ld, Index: ld, Scale: 2}, r.ld3)
		return r
	}
	// One base register serves three rows: +0, +ld, +2*ld.
	for i := 3; i < mr; i += 3 {
		next := GP64()
		LEAQ(Mem{Base: r.base[len(r.base)-1], Index: ld, Scale: 2}, next)
		ADDQ(ld, next)
		r.base = append(r.base, next)
	}
	return r
}

// at is A[i][u], u steps ahead in K.
func (r *rows) at(i, u int) Mem {
	if r.transposed {
		return pitched(r.base[0], r.ld, r.ld3, u, 4*i)
	}
	m := Mem{Base: r.base[i/3], Disp: 4 * u}
	if i%3 > 0 {
		m.Index, m.Scale = r.ld, uint8(i%3)
	}
	return m
}

func (r *rows) advance(steps int) {
	if r.transposed {
		step(r.base[0], r.ld, steps)
		return
	}
	for _, b := range r.base {
		ADDQ(Imm(uint64(4*steps)), b)
	}
}

// pitched is base + u*ld + disp for u < 4.
func pitched(base, ld, ld3 reg.GPVirtual, u, disp int) Mem {
	m := Mem{Base: base, Disp: disp}
	switch u {
	case 1, 2:
		m.Index, m.Scale = ld, uint8(u)
	case 3:
		m.Index, m.Scale = ld3, 1
	}
	return m
}

// step moves base on by 1 or 4 pitches.
func step(base, ld reg.GPVirtual, steps int) {
	if steps == 1 {
		ADDQ(ld, base)
	} else {
		LEAQ(Mem{Base: base, Index: ld, Scale: uint8(steps)}, base)
	}
}

func (b *body) emit(transposed bool) {
	l := func(s string) string { return b.label + s }
	Label(b.label)
	k := Load(Param("k"), GP64()).(reg.GPVirtual)
	a := newRows(b.mr, transposed)
	bp := Load(Param("b"), GP64()).(reg.GPVirtual)
	ldb := Load(Param("ldb"), GP64()).(reg.GPVirtual)
	SHLQ(Imm(2), ldb)
	ldb3 := GP64()
	LEAQ(Mem{Base: ldb, Index: ldb, Scale: 2}, ldb3)
	b.prepareMask()
	var table Mem
	if b.masked && !b.wide() {
		table = b.maskTable()
	}
	acc := make([][]reg.VecVirtual, b.mr)
	for i := range acc {
		for range b.nv {
			v := b.vec()
			b.zero(v)
			acc[i] = append(acc[i], v)
		}
	}
	one := func(u int) {
		bv := make([]reg.VecVirtual, b.nv)
		av := b.vec()
		for j := range bv {
			bv[j] = b.vec()
			if b.partial(j) && !b.wide() {
				VMOVUPS(table, av) // the mask borrows A's register
			}
			b.load(pitched(bp, ldb, ldb3, u, 4*b.w*j), j, bv[j], av)
		}
		for i := range b.mr {
			av := b.vec()
			VBROADCASTSS(a.at(i, u), av)
			for j := range bv {
				VFMADD231PS(bv[j], av, acc[i][j])
			}
		}
	}
	SUBQ(Imm(unroll), k)
	JL(LabelRef(l("Tail")))
	Label(l("Loop"))
	for u := range unroll {
		one(u)
	}
	a.advance(unroll)
	step(bp, ldb, unroll)
	SUBQ(Imm(unroll), k)
	JGE(LabelRef(l("Loop")))
	Label(l("Tail"))
	ADDQ(Imm(unroll), k)
	JZ(LabelRef(l("Sum")))
	Label(l("One"))
	one(0)
	a.advance(1)
	step(bp, ldb, 1)
	DECQ(k)
	JNZ(LabelRef(l("One")))
	Label(l("Sum"))
	b.finish(l, acc, table)
	VZEROUPPER()
	RET()
}

// finish emits the epilogue: accumulate, bias, add, clamp, store.
func (b *body) finish(l func(string) string, acc [][]reg.VecVirtual, table Mem) {
	var ym reg.VecVirtual
	if b.masked && !b.wide() {
		ym = b.vec()
		VMOVUPS(table, ym)
	}
	ldc := Load(Param("ldc"), GP64()).(reg.GPVirtual)
	SHLQ(Imm(2), ldc)
	each := func(p reg.GPVirtual, f func(i, j int, m Mem)) {
		for i := range acc {
			for j := range acc[i] {
				f(i, j, Mem{Base: p, Disp: 4 * b.w * j})
			}
			if i+1 < len(acc) {
				ADDQ(ldc, p)
			}
		}
	}
	addFrom := func(i, j int, m Mem) {
		if b.partial(j) {
			t := b.vec()
			b.load(m, j, t, ym)
			VADDPS(acc[i][j], t, acc[i][j])
		} else {
			VADDPS(m, acc[i][j], acc[i][j])
		}
	}
	flag := Load(Param("acc"), GP64())
	TESTQ(flag, flag)
	JZ(LabelRef(l("Bias")))
	each(Load(Param("c"), GP64()).(reg.GPVirtual), addFrom)

	Label(l("Bias"))
	bias := Load(Param("bias"), GP64()).(reg.GPVirtual)
	TESTQ(bias, bias)
	JZ(LabelRef(l("Add")))
	for j := range b.nv {
		t := b.vec()
		b.load(Mem{Base: bias, Disp: 4 * b.w * j}, j, t, ym)
		for i := range acc {
			VADDPS(t, acc[i][j], acc[i][j])
		}
	}

	Label(l("Add"))
	add := Load(Param("add"), GP64()).(reg.GPVirtual)
	TESTQ(add, add)
	JZ(LabelRef(l("Store")))
	each(add, addFrom)

	Label(l("Store"))
	lo, hi := b.broadcastParam("lo"), b.broadcastParam("hi")
	each(Load(Param("c"), GP64()).(reg.GPVirtual), func(i, j int, m Mem) {
		clamp(acc[i][j], lo, hi)
		b.store(acc[i][j], m, j, ym)
	})
}

func (t target) broadcastParam(name string) reg.VecVirtual {
	addr, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	v := t.vec()
	VBROADCASTSS(addr.Addr, v)
	return v
}

// clamp keeps a NaN in v: MAXPS and MINPS return their second source, Go's first
// operand, if either is NaN.
func clamp(v, lo, hi reg.VecVirtual) {
	VMAXPS(v, lo, v)
	VMINPS(v, hi, v)
}

// row emits the one-row kernel over four panels.
func (t target) row() {
	const panels, nv = 4, 2
	name := "row" + t.name
	TEXT(name, NOSPLIT, rowSig)
	Doc(name + " is a Row.")
	k := Load(Param("k"), GP64()).(reg.GPVirtual)
	a := Load(Param("a"), GP64()).(reg.GPVirtual)
	b := Load(Param("b"), GP64()).(reg.GPVirtual)
	ldb := Load(Param("ldb"), GP64()).(reg.GPVirtual)
	panel := Load(Param("panel"), GP64()).(reg.GPVirtual)
	SHLQ(Imm(2), ldb)
	SHLQ(Imm(2), panel)
	panel3 := GP64()
	LEAQ(Mem{Base: panel, Index: panel, Scale: 2}, panel3)
	var acc []reg.VecVirtual
	for range panels * nv {
		v := t.vec()
		t.zero(v)
		acc = append(acc, v)
	}
	TESTQ(k, k)
	JZ(LabelRef("sum"))
	Label("loop")
	av := t.vec()
	VBROADCASTSS(Mem{Base: a}, av)
	for i, v := range acc {
		VFMADD231PS(pitched(b, panel, panel3, i/nv, 4*t.w*(i%nv)), av, v)
	}
	ADDQ(Imm(4), a)
	ADDQ(ldb, b)
	DECQ(k)
	JNZ(LabelRef("loop"))
	Label("sum")
	c := Load(Param("c"), GP64()).(reg.GPVirtual)
	addAll := func(p reg.GPVirtual) {
		for i, v := range acc {
			VADDPS(Mem{Base: p, Disp: 4 * t.w * i}, v, v)
		}
	}
	flag := Load(Param("acc"), GP64())
	TESTQ(flag, flag)
	JZ(LabelRef("bias"))
	addAll(c)
	for _, s := range [][2]string{{"bias", "add"}, {"add", "store"}} {
		Label(s[0])
		p := Load(Param(s[0]), GP64()).(reg.GPVirtual)
		TESTQ(p, p)
		JZ(LabelRef(s[1]))
		addAll(p)
	}
	Label("store")
	lo, hi := t.broadcastParam("lo"), t.broadcastParam("hi")
	for i, v := range acc {
		clamp(v, lo, hi)
		VMOVUPS(v, Mem{Base: c, Disp: 4 * t.w * i})
	}
	VZEROUPPER()
	RET()
}

func main() {
	ConstraintExpr("amd64,!purego")
	ones := GLOBL("tileMask", RODATA|NOPTR)
	for i := range 16 {
		bits := uint32(0)
		if i < 8 {
			bits = math.MaxUint32
		}
		DATA(4*i, U32(bits))
	}
	for _, t := range targets {
		for m := 1; m <= t.mr; m++ {
			t.tile(m, false, ones)
			t.tile(m, true, ones)
		}
		t.row()
	}
	Generate()
}
