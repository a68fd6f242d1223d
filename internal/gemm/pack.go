package gemm

import "kerasgo/internal/kernel"

// Packed is a matrix B[K][N] stored as the tiles read it: panels of NR columns,
// each [K][NR], the last padded with zeros. It is immutable and may be shared.
type Packed struct {
	K, N int
	isa  *kernel.ISA
	data []float32
}

// PackedSize returns the number of floats that Pack allocates for a B[k][n].
func PackedSize(k, n int) int { return ceilDiv(n, kernel.Best().NR) * kernel.Best().NR * k }

// Pack packs B[k][n].
func Pack(k, n int, b []float32, ldb int) *Packed { return PackFor(kernel.Best(), k, n, b, ldb) }

// PackT packs B given transposed, as [n][k].
func PackT(k, n int, b []float32, ldb int) *Packed {
	checkMatrix("B", n, k, len(b), ldb)
	p := newPacked(kernel.Best(), k, n)
	PackPanelsT(p.isa, p.data, k*p.isa.NR, k, n, b, ldb)
	return p
}

// PackFor packs B[k][n] for the tiles of isa.
func PackFor(isa *kernel.ISA, k, n int, b []float32, ldb int) *Packed {
	checkMatrix("B", k, n, len(b), ldb)
	p := newPacked(isa, k, n)
	packPanels(p.data, isa.NR, k, n, b, ldb)
	return p
}

// Repack is Pack in the memory of p, or of nil, which isn't to be used any more.
func Repack(p *Packed, k, n int, b []float32, ldb int) *Packed {
	checkMatrix("B", k, n, len(b), ldb)
	p = renew(p, k, n)
	packPanels(p.data, p.isa.NR, k, n, b, ldb)
	return p
}

// RepackT is PackT in the memory of p, as Repack.
func RepackT(p *Packed, k, n int, b []float32, ldb int) *Packed {
	checkMatrix("B", n, k, len(b), ldb)
	p = renew(p, k, n)
	PackPanelsT(p.isa, p.data, k*p.isa.NR, k, n, b, ldb)
	return p
}

// renew makes room for panels of a B[k][n] where p has its own, if there is enough.
func renew(p *Packed, k, n int) *Packed {
	isa := kernel.Best()
	size := ceilDiv(n, isa.NR) * isa.NR * k
	if p == nil || cap(p.data) < size {
		return newPacked(isa, k, n)
	}
	*p = Packed{K: k, N: n, isa: isa, data: p.data[:size]}
	return p
}

func newPacked(isa *kernel.ISA, k, n int) *Packed {
	return &Packed{K: k, N: n, isa: isa, data: make([]float32, ceilDiv(n, isa.NR)*isa.NR*k)}
}

// Panels returns the panels and the implementation whose tiles read them. Panel i
// starts at i*K*NR.
func (p *Packed) Panels() (*kernel.ISA, []float32) { return p.isa, p.data }

// packPanels copies b[k][n] to panels of nr columns.
func packPanels(dst []float32, nr, k, n int, b []float32, ldb int) {
	for j := 0; j < n && k > 0; j += nr {
		w := min(nr, n-j)
		for t := range k {
			row := dst[:nr]
			copy(row, b[t*ldb+j:t*ldb+j+w])
			clear(row[w:])
			dst = dst[nr:]
		}
	}
}

// PackPanelsT copies the transpose of b[n][k] to panels of NR columns, stride floats
// apart.
func PackPanelsT(isa *kernel.ISA, dst []float32, stride, k, n int, b []float32, ldb int) {
	nr := isa.NR
	for j := 0; j < n && k > 0; j += nr {
		w := min(nr, n-j)
		panel := dst[j/nr*stride:][:k*nr]
		if w < nr {
			clear(panel)
		}
		i := 0
		for ; i+8 <= w; i += 8 {
			rows := b[(j+i)*ldb:][:7*ldb+k]
			isa.Transpose8(&panel[i], nr, &rows[0], ldb, k)
			for t := k &^ 7; t < k; t++ {
				d := panel[t*nr+i:][:8]
				for r := range d {
					d[r] = rows[r*ldb+t]
				}
			}
		}
		for ; i < w; i++ {
			for t, v := range b[(j+i)*ldb:][:k] {
				panel[t*nr+i] = v
			}
		}
	}
}
