// Command gemm generates the matrix tiles of package kernel for AVX2 and AVX-512.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"

	"kerasgo/internal/kernel/gen/simd"
)

const (
	tileSig = "func(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, bias, add *float32, lo, hi float32, n, acc int)"
	rowSig  = "func(k int, a *float32, b *float32, ldb, panel int, c *float32, bias, add *float32, lo, hi float32, acc int)"
	unroll  = 4
)

// A target is a vector extension with its tile.
type target struct {
	simd.Target
	mr int // rows of the largest tile
}

var targets = []target{{simd.AVX2, 6}, {simd.AVX512, 14}}

// A body is one path through a tile: how many vectors a row has and whether the
// last is partial.
type body struct {
	target
	label  string
	mr, nv int
	masked bool
	table  Mem           // of masks
	n      reg.GPVirtual // columns
}

// mask returns the lanes of vector j that exist, given the mask of the last vector.
func (b *body) mask(j int, last simd.Mask) simd.Mask {
	if b.masked && j == b.nv-1 {
		return last
	}
	return simd.Mask{}
}

// lastLanes is the number of columns in the last vector.
func (b *body) lastLanes() reg.GPVirtual {
	n := GP64()
	MOVQ(b.n, n)
	SUBQ(Imm(uint64((b.nv-1)*b.W)), n)
	return n
}

// tile emits one tile function with its three paths: whole, partial second vector,
// partial single vector.
func (t target) tile(mr int, transposed bool, masks Mem) {
	name := fmt.Sprintf("tile%d%s", mr, t.Name)
	kind := "A[i][k] = a[i*lda+k]"
	if transposed {
		name = fmt.Sprintf("tileT%d%s", mr, t.Name)
		kind = "A[i][k] = a[k*lda+i]"
	}
	TEXT(name, NOSPLIT, tileSig)
	Doc(fmt.Sprintf("%s is a Tile of %d rows, %s.", name, mr, kind))
	n := simd.Pointer("n")
	CMPQ(n, Imm(uint64(t.W)))
	JLE(LabelRef("single"))
	CMPQ(n, Imm(uint64(2*t.W)))
	JL(LabelRef("partial"))
	for _, b := range []*body{
		{label: "whole", nv: 2},
		{label: "partial", nv: 2, masked: true},
		{label: "single", nv: 1, masked: true},
	} {
		b.target, b.mr, b.n, b.table = t, mr, n, masks
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
	a := simd.Pointer("a")
	ld := simd.Pointer("lda")
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
	k := simd.Pointer("k")
	a := newRows(b.mr, transposed)
	bp := simd.Pointer("b")
	ldb := simd.Pointer("ldb")
	SHLQ(Imm(2), ldb)
	ldb3 := GP64()
	LEAQ(Mem{Base: ldb, Index: ldb, Scale: 2}, ldb3)
	var last simd.Mask // AVX-512 keeps it throughout, AVX2 lacks the registers
	var table Mem
	switch {
	case b.masked && b.Wide():
		last = b.Leading(b.table, b.lastLanes())
	case b.masked:
		table = simd.TableAt(b.table, b.lastLanes(), 0)
	}
	acc := make([][]reg.VecVirtual, b.mr)
	for i := range acc {
		for range b.nv {
			v := b.Vec()
			b.Zero(v)
			acc[i] = append(acc[i], v)
		}
	}
	one := func(u int) {
		bv := make([]reg.VecVirtual, b.nv)
		av := b.Vec()
		for j := range bv {
			bv[j] = b.Vec()
			mask := b.mask(j, last)
			if b.masked && !b.Wide() && j == b.nv-1 {
				VMOVUPS(table, av) // the mask borrows A's register
				mask.Y = av
			}
			b.Load(pitched(bp, ldb, ldb3, u, 4*b.W*j), bv[j], mask)
		}
		for i := range b.mr {
			av := b.Vec()
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
	b.finish(l, acc, table, last)
	VZEROUPPER()
	RET()
}

// finish emits the epilogue: accumulate, bias, add, clamp, store.
func (b *body) finish(l func(string) string, acc [][]reg.VecVirtual, table Mem, last simd.Mask) {
	if b.masked && !b.Wide() {
		last.Y = b.Vec()
		VMOVUPS(table, last.Y)
	}
	ldc := simd.Pointer("ldc")
	SHLQ(Imm(2), ldc)
	each := func(p reg.GPVirtual, f func(i, j int, m Mem)) {
		for i := range acc {
			for j := range acc[i] {
				f(i, j, Mem{Base: p, Disp: 4 * b.W * j})
			}
			if i+1 < len(acc) {
				ADDQ(ldc, p)
			}
		}
	}
	addFrom := func(i, j int, m Mem) {
		if mask := b.mask(j, last); mask != (simd.Mask{}) {
			t := b.Vec()
			b.Load(m, t, mask)
			VADDPS(acc[i][j], t, acc[i][j])
		} else {
			VADDPS(m, acc[i][j], acc[i][j])
		}
	}
	flag := simd.Pointer("acc")
	TESTQ(flag, flag)
	JZ(LabelRef(l("Bias")))
	each(simd.Pointer("c"), addFrom)

	Label(l("Bias"))
	bias := simd.Pointer("bias")
	TESTQ(bias, bias)
	JZ(LabelRef(l("Add")))
	for j := range b.nv {
		t := b.Vec()
		b.Load(Mem{Base: bias, Disp: 4 * b.W * j}, t, b.mask(j, last))
		for i := range acc {
			VADDPS(t, acc[i][j], acc[i][j])
		}
	}

	Label(l("Add"))
	add := simd.Pointer("add")
	TESTQ(add, add)
	JZ(LabelRef(l("Store")))
	each(add, addFrom)

	Label(l("Store"))
	lo, hi := b.Param("lo"), b.Param("hi")
	each(simd.Pointer("c"), func(i, j int, m Mem) {
		simd.Clamp(acc[i][j], lo, hi)
		b.Store(acc[i][j], m, b.mask(j, last))
	})
}

// row emits the one-row kernel over four panels.
func (t target) row() {
	const panels, nv = 4, 2
	name := "row" + t.Name
	TEXT(name, NOSPLIT, rowSig)
	Doc(name + " is a Row.")
	k := simd.Pointer("k")
	a := simd.Pointer("a")
	b := simd.Pointer("b")
	ldb := simd.Pointer("ldb")
	panel := simd.Pointer("panel")
	SHLQ(Imm(2), ldb)
	SHLQ(Imm(2), panel)
	panel3 := GP64()
	LEAQ(Mem{Base: panel, Index: panel, Scale: 2}, panel3)
	var acc []reg.VecVirtual
	for range panels * nv {
		v := t.Vec()
		t.Zero(v)
		acc = append(acc, v)
	}
	TESTQ(k, k)
	JZ(LabelRef("sum"))
	Label("loop")
	av := t.Vec()
	VBROADCASTSS(Mem{Base: a}, av)
	for i, v := range acc {
		VFMADD231PS(pitched(b, panel, panel3, i/nv, 4*t.W*(i%nv)), av, v)
	}
	ADDQ(Imm(4), a)
	ADDQ(ldb, b)
	DECQ(k)
	JNZ(LabelRef("loop"))
	Label("sum")
	c := simd.Pointer("c")
	addAll := func(p reg.GPVirtual) {
		for i, v := range acc {
			VADDPS(Mem{Base: p, Disp: 4 * t.W * i}, v, v)
		}
	}
	flag := simd.Pointer("acc")
	TESTQ(flag, flag)
	JZ(LabelRef("bias"))
	addAll(c)
	for _, s := range [][2]string{{"bias", "add"}, {"add", "store"}} {
		Label(s[0])
		p := simd.Pointer(s[0])
		TESTQ(p, p)
		JZ(LabelRef(s[1]))
		addAll(p)
	}
	Label("store")
	lo, hi := t.Param("lo"), t.Param("hi")
	for i, v := range acc {
		simd.Clamp(v, lo, hi)
		VMOVUPS(v, Mem{Base: c, Disp: 4 * t.W * i})
	}
	VZEROUPPER()
	RET()
}

func main() {
	ConstraintExpr("amd64,!purego")
	masks := simd.MaskTable("tileMask")
	for _, t := range targets {
		for m := 1; m <= t.mr; m++ {
			t.tile(m, false, masks)
			t.tile(m, true, masks)
		}
		t.row()
	}
	transpose()
	Generate()
}
