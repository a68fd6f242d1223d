package gemm

import (
	"fmt"
	"math"
	"sync"
	"unsafe"

	"kerasgo/internal/kernel"
)

// packing says what a block does to its part of B before the tiles read it.
type packing int

const (
	packNone       packing = iota // B is read in place
	packCopied                    // B[k][n] is copied to panels
	packTransposed                // B[n][k] is transposed to panels
)

// maxColumns is how many columns of B are worked on at a time: with KC rows they
// stay in the second-level cache.
const maxColumns = 992

// A job is one product, split into mBlocks x nBlocks tasks.
type job struct {
	isa              *kernel.ISA
	m, n, k          int
	a                []float32
	lda              int
	at               bool // A is given as [k][m]
	b                []float32
	ldb, panel       int // pitch of B's rows, distance between panels
	pack             packing
	c                []float32
	ldc              int
	e                Epilogue
	mBlocks, nBlocks int
}

// scratch is one task's working memory.
type scratch struct {
	a []float32 // rows of A copied to a better pitch
	b []float32 // packed columns of B
}

var (
	jobs      = sync.Pool{New: func() any { return new(job) }}
	scratches = sync.Pool{New: func() any { return new(scratch) }}
)

// grow returns s with n floats of any value.
func grow(s []float32, n int) []float32 {
	if cap(s) < n {
		return make([]float32, n)
	}
	return s[:n]
}

// Do computes block i of the job.
func (j *job) Do(_, i int) {
	mr, panels := j.isa.MR, ceilDiv(j.n, j.isa.NR)
	rowTiles := ceilDiv(j.m, mr)
	bm, bn := i/j.nBlocks, i%j.nBlocks
	s := scratches.Get().(*scratch)
	j.block(s, min(j.m, bm*rowTiles/j.mBlocks*mr), min(j.m, (bm+1)*rowTiles/j.mBlocks*mr),
		bn*panels/j.nBlocks, (bn+1)*panels/j.nBlocks)
	scratches.Put(s)
}

// block computes rows [m0, m1) of panels [p0, p1).
func (j *job) block(s *scratch, m0, m1, p0, p1 int) {
	nr := j.isa.NR
	step := max(1, maxColumns/nr)
	for q := p0; q < p1; q += step {
		qEnd := min(p1, q+step)
		for k0 := 0; k0 == 0 || k0 < j.k; k0 += kernel.KC {
			kc := min(kernel.KC, j.k-k0)
			j.strip(s, m0, m1, q, qEnd, k0, kc)
		}
	}
}

// strip adds K terms [k0, k0+kc) to rows [m0, m1) of panels [p0, p1), and finishes
// the outputs if these are the last terms.
func (j *job) strip(s *scratch, m0, m1, p0, p1, k0, kc int) {
	nr := j.isa.NR
	b, ldb, panel := j.b, j.ldb, j.panel
	switch {
	case kc == 0:
		b = nil
	case j.pack == packNone:
		b = b[p0*panel+k0*ldb:]
	default:
		cols := min(j.n, p1*nr) - p0*nr
		s.b = grow(s.b, (p1-p0)*nr*kc)
		if j.pack == packCopied {
			packPanels(s.b, nr, kc, cols, b[k0*ldb+p0*nr:], ldb)
		} else {
			PackPanelsT(j.isa, s.b, kc*nr, kc, cols, b[p0*nr*ldb+k0:], ldb)
		}
		b, ldb, panel = s.b, nr, kc*nr
	}
	acc := 0
	if k0 > 0 || j.e.Accumulate {
		acc = 1
	}
	lo, hi := float32(math.Inf(-1)), float32(math.Inf(1))
	var bias, add []float32
	if k0+kc == j.k {
		bias, add = j.e.Bias, j.e.Add
		if j.e.Lo != 0 || j.e.Hi != 0 {
			lo, hi = j.e.Lo, j.e.Hi
		}
	}
	// Rows a multiple of 1 KiB apart fall into the same few sets of the first
	// cache; where they are read often, they are copied to another pitch.
	respace := !j.at && j.lda%256 == 0 && p1-p0 > 2 && m1-m0 >= j.isa.MR && kc > 0
	tiles := ceilDiv(m1-m0, j.isa.MR)
	for t := range tiles {
		// Even tiles: 4+3 rows rather than 6+1, since short tiles run at latency.
		i := m0 + (m1-m0)*t/tiles
		m := m0 + (m1-m0)*(t+1)/tiles - i
		a, lda := j.a, j.lda
		switch {
		case kc == 0:
			a = nil
		case j.at:
			a = a[k0*lda+i:]
		case respace:
			const pad = 16
			s.a = grow(s.a, j.isa.MR*(kernel.KC+pad))
			for r := range m {
				copy(s.a[r*(kernel.KC+pad):], a[(i+r)*lda+k0:(i+r)*lda+k0+kc])
			}
			a, lda = s.a, kernel.KC+pad
		default:
			a = a[i*lda+k0:]
		}
		tile := j.isa.Tile[m]
		if j.at {
			tile = j.isa.TileT[m]
		}
		p := p0
		if m == 1 && j.isa.Row != nil && (!j.at || lda == 1) {
			for ; p+kernel.RowPanels <= p1 && (p+kernel.RowPanels)*nr <= j.n; p += kernel.RowPanels {
				at := i*j.ldc + p*nr
				j.isa.Row(kc, unsafe.SliceData(a), ptr(b, (p-p0)*panel), ldb, panel, &j.c[at],
					ptr(bias, p*nr), ptr(add, at), lo, hi, acc)
			}
		}
		for ; p < p1; p++ {
			at := i*j.ldc + p*nr
			tile(kc, unsafe.SliceData(a), lda, ptr(b, (p-p0)*panel), ldb, &j.c[at], j.ldc,
				ptr(bias, p*nr), ptr(add, at), lo, hi, min(nr, j.n-p*nr), acc)
		}
	}
}

// ptr returns the address of s[i], nil for a nil s.
func ptr(s []float32, i int) *float32 {
	if s == nil {
		return nil
	}
	return &s[i]
}

// check panics unless every slice holds the matrix that the sizes and pitches say:
// the tiles don't look.
func (j *job) check() {
	if j.at {
		checkMatrix("A", j.k, j.m, len(j.a), j.lda)
	} else {
		checkMatrix("A", j.m, j.k, len(j.a), j.lda)
	}
	checkMatrix("C", j.m, j.n, len(j.c), j.ldc)
	if j.e.Add != nil {
		checkMatrix("Add", j.m, j.n, len(j.e.Add), j.ldc)
	}
	if j.e.Bias != nil && len(j.e.Bias) < j.n {
		panic(fmt.Sprintf("gemm: bias of %d for %d columns", len(j.e.Bias), j.n))
	}
}

// checkMatrix panics unless size floats hold rows x cols at pitch ld.
func checkMatrix(name string, rows, cols, size, ld int) {
	if rows < 0 || cols < 0 {
		panic(fmt.Sprintf("gemm: %s is %d x %d", name, rows, cols))
	}
	if rows == 0 || cols == 0 {
		return
	}
	if ld < cols && rows > 1 || (rows-1)*ld+cols > size {
		panic(fmt.Sprintf("gemm: %s is %d x %d at pitch %d, but holds %d", name, rows, cols, ld, size))
	}
}
