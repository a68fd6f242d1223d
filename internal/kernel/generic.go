package kernel

import "unsafe"

// Generic tile: small enough for the accumulators to stay in the first cache lines.
const (
	genericMR = 4
	genericNR = 16
)

// newGeneric returns the plain Go implementation. Products are rounded before
// they are added (float32(a*b) + c), since a compiler may otherwise fuse them on
// one architecture and not on another.
func newGeneric() *ISA {
	isa := &ISA{Name: "generic", MR: genericMR, NR: genericNR, Tile: []Tile{nil}, TileT: []Tile{nil},
		Transpose8: genericTranspose8, Depthwise: genericDepthwise, DepthwiseFilter: genericDepthwiseFilter,
		ColumnSum: genericColumnSum, ColumnSquares: genericColumnSquares, ColumnDots: genericColumnDots, NormGrad: genericNormGrad,
		MaxPool: genericMaxPool, MaxPoolGrad: genericMaxPoolGrad, Vec: newGenericVec()}
	for m := 1; m <= genericMR; m++ {
		isa.Tile = append(isa.Tile, func(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, bias, add *float32, lo, hi float32, n, acc int) {
			genericTile(m, k, a, lda, 1, b, ldb, c, ldc, bias, add, lo, hi, n, acc)
		})
		isa.TileT = append(isa.TileT, func(k int, a *float32, lda int, b *float32, ldb int, c *float32, ldc int, bias, add *float32, lo, hi float32, n, acc int) {
			genericTile(m, k, a, 1, lda, b, ldb, c, ldc, bias, add, lo, hi, n, acc)
		})
	}
	return isa
}

// genericTile is the definition of Tile, with A[i][k] = a[i*rs+k*ks].
func genericTile(m, k int, a *float32, rs, ks int, b *float32, ldb int, c *float32, ldc int, bias, add *float32, lo, hi float32, n, acc int) {
	var sum [genericMR][genericNR]float32
	if m == genericMR && n == genericNR {
		genericProducts(&sum, k, a, rs, ks, b, ldb)
	} else if k > 0 {
		av := unsafe.Slice(a, (m-1)*rs+(k-1)*ks+1)
		bv := unsafe.Slice(b, (k-1)*ldb+n)
		for t := range k {
			row := bv[t*ldb : t*ldb+n]
			for i := range m {
				x := av[i*rs+t*ks]
				s := sum[i][:len(row)]
				for j, y := range row {
					s[j] += float32(x * y)
				}
			}
		}
	}
	cv := unsafe.Slice(c, (m-1)*ldc+n)
	for i := range m {
		row := cv[i*ldc : i*ldc+n]
		for j := range row {
			s := sum[i][j]
			if acc != 0 {
				s = row[j] + s
			}
			if bias != nil {
				s += unsafe.Slice(bias, n)[j]
			}
			if add != nil {
				s += unsafe.Slice(add, i*ldc+n)[i*ldc+j]
			}
			row[j] = Clamp(s, lo, hi)
		}
	}
}

// genericProducts is the sum of a whole tile, four columns at a time.
func genericProducts(sum *[genericMR][genericNR]float32, k int, a *float32, rs, ks int, b *float32, ldb int) {
	for j := 0; j < genericNR; j += 4 {
		var p, q, r, s [4]float32
		for t := range k {
			w, x, y, z := *offset(a, t*ks), *offset(a, rs+t*ks), *offset(a, 2*rs+t*ks), *offset(a, 3*rs+t*ks)
			v := (*[4]float32)(unsafe.Pointer(offset(b, t*ldb+j)))
			p[0], p[1], p[2], p[3] = p[0]+float32(w*v[0]), p[1]+float32(w*v[1]), p[2]+float32(w*v[2]), p[3]+float32(w*v[3])
			q[0], q[1], q[2], q[3] = q[0]+float32(x*v[0]), q[1]+float32(x*v[1]), q[2]+float32(x*v[2]), q[3]+float32(x*v[3])
			r[0], r[1], r[2], r[3] = r[0]+float32(y*v[0]), r[1]+float32(y*v[1]), r[2]+float32(y*v[2]), r[3]+float32(y*v[3])
			s[0], s[1], s[2], s[3] = s[0]+float32(z*v[0]), s[1]+float32(z*v[1]), s[2]+float32(z*v[2]), s[3]+float32(z*v[3])
		}
		*(*[4]float32)(sum[0][j:]), *(*[4]float32)(sum[1][j:]) = p, q
		*(*[4]float32)(sum[2][j:]), *(*[4]float32)(sum[3][j:]) = r, s
	}
}

// Clamp limits x to [lo, hi]. NaN passes.
func Clamp(x, lo, hi float32) float32 {
	if x < lo {
		x = lo
	}
	if x > hi {
		x = hi
	}
	return x
}

func genericTranspose8(dst *float32, ldd int, src *float32, lds, n int) {
	for t := range n &^ 7 {
		d := (*[8]float32)(unsafe.Pointer(offset(dst, t*ldd)))
		for i := range d {
			d[i] = *offset(src, i*lds+t)
		}
	}
}
