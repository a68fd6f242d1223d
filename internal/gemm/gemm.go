// Package gemm multiplies float32 matrices.
//
// All matrices are row-major with a pitch in floats (lda, ldb, ldc). Every entry
// point computes C = clamp(A*B + bias + add) in one pass over C. Results are the
// canonical sum of internal/kernel: bit-identical whatever the number of rows,
// the threads and the assembly tier, and whether B was packed or not.
package gemm

import (
	"kerasgo/internal/kernel"
	"kerasgo/internal/par"
)

// An Epilogue is what happens to each sum before it is stored, in this order.
// The zero value stores it as it is.
type Epilogue struct {
	Accumulate bool      // start from C rather than zero
	Bias       []float32 // if not nil, n values added to every row
	Add        []float32 // if not nil, added elementwise; laid out like C, must not overlap it
	Lo, Hi     float32   // clamp limits; both zero means no clamp. NaN stays NaN
}

// Mul computes C[m][n] = A[m][k] * B for a packed B, which fixes k and n.
func Mul(p *par.Pool, m int, a []float32, lda int, b *Packed, c []float32, ldc int, e Epilogue) {
	run(p, job{isa: b.isa, m: m, n: b.N, k: b.K, a: a, lda: lda, b: b.data, ldb: b.isa.NR,
		panel: b.K * b.isa.NR, c: c, ldc: ldc, e: e})
}

// MulT is Mul for A given transposed, as [k][m].
func MulT(p *par.Pool, m int, a []float32, lda int, b *Packed, c []float32, ldc int, e Epilogue) {
	run(p, job{isa: b.isa, m: m, n: b.N, k: b.K, a: a, lda: lda, at: true, b: b.data, ldb: b.isa.NR,
		panel: b.K * b.isa.NR, c: c, ldc: ldc, e: e})
}

// NN computes C[m][n] = A * B with A[m][k] and B[k][n].
func NN(p *par.Pool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, e Epilogue) {
	nn(kernel.Best(), p, m, n, k, a, lda, b, ldb, c, ldc, e)
}

// NT computes C[m][n] = A * Bᵀ with A[m][k] and B[n][k].
func NT(p *par.Pool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, e Epilogue) {
	nt(kernel.Best(), p, m, n, k, a, lda, b, ldb, c, ldc, e)
}

// TN computes C[m][n] = Aᵀ * B with A[k][m] and B[k][n].
func TN(p *par.Pool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, e Epilogue) {
	tn(kernel.Best(), p, m, n, k, a, lda, b, ldb, c, ldc, e)
}

func nn(isa *kernel.ISA, p *par.Pool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, e Epilogue) {
	checkMatrix("B", k, n, len(b), ldb)
	run(p, job{isa: isa, m: m, n: n, k: k, a: a, lda: lda, b: b, ldb: ldb, panel: isa.NR,
		pack: packFor(m, n, k, ldb), c: c, ldc: ldc, e: e})
}

func nt(isa *kernel.ISA, p *par.Pool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, e Epilogue) {
	checkMatrix("B", n, k, len(b), ldb)
	run(p, job{isa: isa, m: m, n: n, k: k, a: a, lda: lda, b: b, ldb: ldb, pack: packTransposed, c: c, ldc: ldc, e: e})
}

func tn(isa *kernel.ISA, p *par.Pool, m, n, k int, a []float32, lda int, b []float32, ldb int, c []float32, ldc int, e Epilogue) {
	checkMatrix("B", k, n, len(b), ldb)
	run(p, job{isa: isa, m: m, n: n, k: k, a: a, lda: lda, at: true, b: b, ldb: ldb, panel: isa.NR,
		pack: packFor(m, n, k, ldb), c: c, ldc: ldc, e: e})
}

// packFor decides whether an unpacked B is copied to panels first. That costs a
// pass over B, which only many rows repay; below that the tiles read B in place.
func packFor(m, n, k, ldb int) packing {
	const fewRows, smallB = 96, 16 << 10
	if m <= fewRows || n*min(k, kernel.KC) <= smallB && ldb <= 2*n {
		return packNone
	}
	return packCopied
}

// parallelWork is the number of multiply-adds below which a product stays on the
// caller's thread: waking another costs some microseconds.
const parallelWork = 6 << 20

// parallelRow is the same for a single row, which is as fast as memory delivers B.
const parallelRow = 1 << 20

// run checks the operands, splits C into blocks and computes them.
func run(p *par.Pool, j job) {
	if j.m == 0 || j.n == 0 {
		return
	}
	j.check()
	rowTiles, panels := ceilDiv(j.m, j.isa.MR), ceilDiv(j.n, j.isa.NR)
	mBlocks, nBlocks := 1, 1
	threads := p.Threads()
	switch work := j.m * j.n * max(j.k, 1); {
	case threads == 1:
	case j.m == 1 && work >= parallelRow:
		nBlocks = max(1, min(threads, panels/kernel.RowPanels))
	case work >= parallelWork:
		mBlocks, nBlocks = grid(4*threads, rowTiles, panels, j.pack != packNone)
	}
	if mBlocks*nBlocks == 1 {
		s := scratches.Get().(*scratch)
		j.block(s, 0, j.m, 0, panels)
		scratches.Put(s)
		return
	}
	t := jobs.Get().(*job)
	*t = j
	t.mBlocks, t.nBlocks = mBlocks, nBlocks
	p.Run(mBlocks*nBlocks, t)
	*t = job{}
	jobs.Put(t)
}

// grid splits rowTiles x panels into about want blocks. Where each block packs its
// own part of B, columns are split first, so that little is packed twice.
func grid(want, rowTiles, panels int, packs bool) (mBlocks, nBlocks int) {
	if packs {
		nBlocks = max(1, min(want, panels/2))
		return max(1, min(ceilDiv(want, nBlocks), rowTiles/8)), nBlocks
	}
	mBlocks = max(1, min(want, rowTiles/2))
	return mBlocks, max(1, min(ceilDiv(want, mBlocks), panels))
}

func ceilDiv(a, b int) int { return (a + b - 1) / b }
