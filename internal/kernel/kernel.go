// Package kernel holds the leaves of the compute engine: matrix tiles and
// elementwise loops over float32, in plain Go (generic.go, the contract and the
// reference) and in generated assembly for AVX2 and AVX-512.
//
// Leaves take pointers and trust their arguments; the packages above (gemm,
// conv, vec) check every length first.
//
// # The canonical sum
//
// Every sum of products along K is a chain of fused multiply-adds that starts at
// zero and is at most KC terms long; the chains of one output are added in
// order. SIMD lanes run along N, never along K. Results therefore do not depend
// on the tile's size, and AVX2 and AVX-512 agree bit for bit. The generic tier
// rounds the product too and agrees to 1e-6 of the range.
package kernel

//go:generate go -C gen run ./gemm -out ../gemm_amd64.s -stubs ../gemm_amd64.go -pkg kernel
//go:generate go -C gen run ./depthwise -out ../depthwise_amd64.s -stubs ../depthwise_amd64.go -pkg kernel
//go:generate go -C gen run ./columns -out ../columns_amd64.s -stubs ../columns_amd64.go -pkg kernel
//go:generate go -C gen run ./vec -out ../vec_amd64.s -stubs ../vec_amd64.go -pkg kernel

// KC is the longest chain of multiply-adds that is summed before it is added to
// the total.
const KC = 256

// MaxNR is the largest ISA.NR, MaxMR the largest ISA.MR.
const (
	MaxNR = 32
	MaxMR = 14
)

// A Tile computes m rows (which m is fixed by its place in ISA.Tile) by n columns
// of C, 1 <= n <= NR:
//
//	s = sum over k of A[i][k] * B[k][j]     one chain from zero
//	if acc != 0 { s = C[i][j] + s }
//	if bias != nil { s += bias[j] }
//	if add != nil { s += add[i][j] }
//	C[i][j] = min(max(s, lo), hi)           NaN stays NaN
//
// A[i][k] is a[i*lda+k] in ISA.Tile and a[k*lda+i] in ISA.TileT; B[k][j] is
// b[k*ldb+j]; C[i][j] is c[i*ldc+j]; add has C's pitch. Strides count floats.
// Columns beyond n are neither read nor written. k may be 0.
type Tile func(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, bias, add *float32, lo, hi float32, n, acc int)

// A Row computes one row of RowPanels*NR columns, as Tile does with A[0][k] = a[k].
// Panel p of B starts at b[p*panel].
type Row func(k int, a *float32, b *float32, ldb, panel int, c *float32, bias, add *float32, lo, hi float32, acc int)

// RowPanels is how many panels a Row spans: enough chains to hide the latency of
// a multiply-add.
const RowPanels = 4

// An ISA is one implementation of the leaves. It is immutable.
type ISA struct {
	Name  string
	MR    int    // rows of the largest tile
	NR    int    // columns of a tile, the width of a packed panel
	Tile  []Tile // by row count, 1..MR; [0] is nil
	TileT []Tile // the same with A given transposed
	Row   Row    // nil if one-row tiles serve as well

	// Transpose8 transposes n/8 blocks of 8 rows by 8 columns: dst[t*ldd+i] =
	// src[i*lds+t] for i < 8 and t < n - n%8.
	Transpose8 func(dst *float32, ldd int, src *float32, lds, n int)

	// Depthwise computes npix pixels of ch channels, xs floats apart in x and ys in
	// dst and add:
	//
	//	s = sum over t of x[p*xs+taps[2t]+c] * w[taps[2t+1]+c]   one chain
	//
	// and then acc, bias, add, lo and hi as in Tile.
	Depthwise func(dst, x, w *float32, taps *int, ntaps, npix, ch, xs, ys int, bias, add *float32, lo, hi float32, acc int)
	// DepthwiseFilter adds to dw[c] the sum over pixels of x[p*xs+c] * dy[p*ys+c].
	DepthwiseFilter func(dw, x, dy *float32, npix, ch, xs, ys int)

	// Each column sum adds to dst[c], for ch channels, a sum over n rows that are xs floats apart, one chain from
	// zero: of x, of (x-mean)^2, of dy*(x-mean).
	ColumnSum     func(dst, x *float32, n, ch, xs int)
	ColumnSquares func(dst, x, mean *float32, n, ch, xs int)
	ColumnDots    func(dst, dy, x, mean *float32, n, ch, xs int)
	// NormGrad adds to the n rows of dx (x-mean)*t + u + dy*s; mean, s, t and u have a value a channel.
	NormGrad func(dx, dy, x, mean, s, t, u *float32, n, ch, xs int)
	// MaxPool makes n pixels of ch channels, ys floats apart, of windows xs floats apart: the largest of
	// x[p*xs+taps[t]+c], or -MaxFloat32. It passes over NaN. MaxPoolGrad adds dy to dx at the first tap that has the
	// bits of y, or at the first of all; there must be one.
	MaxPool     func(dst, x *float32, taps *int, ntaps, n, ch, xs, ys int)
	MaxPoolGrad func(dx, x, y, dy *float32, taps *int, ntaps, n, ch, xs, ys int)

	Vec
}

// A Vec is the elementwise loops and reductions. All take n >= 0 elements; dst may
// be one of the sources but not overlap them otherwise.
//
// Reductions keep 16 partial results, element i going to partial i mod 16, and
// join them as a tree: i with i+8, then i+4, i+2, i+1.
type Vec struct {
	Add, Sub, Mul func(dst, a, b *float32, n int)
	Larger        func(dst, a, b *float32, n int)                // dst = a > b ? a : b, so b where either is NaN
	Scale         func(dst, src *float32, n int, s float32)      // dst = s*src
	Axpy          func(dst, src *float32, n int, s float32)      // dst += s*src
	Clamp         func(dst, src *float32, n int, lo, hi float32) // NaN kept
	Leaky         func(dst, src *float32, n int, s float32)      // s*src where src < 0
	Exp           func(dst, src *float32, n int)
	Sigmoid       func(dst, src *float32, n int)
	Silu          func(dst, src *float32, n int)
	Tanh          func(dst, src *float32, n int)
	Erf           func(dst, src *float32, n int)
	Gelu          func(dst, src *float32, n int)                   // src/2 * (1+erf(src/sqrt 2))
	GeluTanh      func(dst, src *float32, n int)                   // src/2 * (1+tanh(sqrt(2/pi)*(src+0.044715*src^3)))
	ReluGrad      func(dst, dy, y *float32, n int)                 // dst += dy where y > 0
	SigmoidGrad   func(dst, dy, y *float32, n int)                 // dst += dy*y*(1-y)
	TanhGrad      func(dst, dy, y *float32, n int)                 // dst += dy*(1-y*y)
	ClampGrad     func(dst, dy, y *float32, n int, lo, hi float32) // dst += dy where lo < y < hi
	MulAdd        func(dst, a, b *float32, n int)                  // dst += a*b

	// Normalize is dst = (src-mean)*inv*gamma + beta.
	Normalize func(dst, src, gamma, beta *float32, n int, mean, inv float32)
	// Adam is m += (g-m)*c1; v += (g*g-v)*c2; w -= m*alpha/(sqrt(v)+eps).
	Adam func(w, m, v, g *float32, n int, c1, c2, alpha, eps float32)
	// AdamSquares is Adam with q in place of g*g.
	AdamSquares func(w, m, v, g, q *float32, n int, c1, c2, alpha, eps float32)
	// Dropout is dst = scale*src where a hash of first+i and the keys is threshold or more, else 0.
	Dropout func(dst, src *float32, n int, scale float32, key, next, first, threshold uint32)

	Sum     func(src *float32, n int) float32
	Dot     func(a, b *float32, n int) float32
	Squares func(src *float32, n int, mean float32) float32 // sum of (src-mean)^2
	Max     func(src *float32, n int) float32               // NaN may be passed over; -Inf for n = 0
	// ExpSum is dst = e^(src-max); it returns the sum of dst.
	ExpSum func(dst, src *float32, n int, max float32) float32
}
