package kernel

import (
	"math"
	"unsafe"
)

// columns is the definition of the three column sums: term is one row's share.
func columns(dst *float32, n, ch, xs int, term func(at, c int) float32) {
	d := unsafe.Slice(dst, ch)
	for c := range d {
		s := float32(0)
		for i := range n {
			s += term(i*xs+c, c)
		}
		d[c] += s
	}
}

func genericColumnSum(dst, x *float32, n, ch, xs int) {
	columns(dst, n, ch, xs, func(at, _ int) float32 { return *offset(x, at) })
}

func genericColumnSquares(dst, x, mean *float32, n, ch, xs int) {
	columns(dst, n, ch, xs, func(at, c int) float32 {
		d := *offset(x, at) - *offset(mean, c)
		return float32(d * d)
	})
}

func genericColumnDots(dst, dy, x, mean *float32, n, ch, xs int) {
	columns(dst, n, ch, xs, func(at, c int) float32 {
		return float32(*offset(dy, at) * (*offset(x, at) - *offset(mean, c)))
	})
}

func genericNormGrad(dx, dy, x, mean, s, t, u *float32, n, ch, xs int) {
	for i := range n {
		for c := range ch {
			at := i*xs + c
			v := float32((*offset(x, at)-*offset(mean, c))**offset(t, c)) + *offset(u, c)
			v += float32(*offset(dy, at) * *offset(s, c))
			*offset(dx, at) += v
		}
	}
}

func genericMaxPool(dst, x *float32, taps *int, ntaps, n, ch, xs, ys int) {
	list := unsafe.Slice(taps, ntaps)
	for i := range n {
		for c := range ch {
			top := float32(-math.MaxFloat32)
			for _, tap := range list {
				if v := *offset(x, i*xs+tap+c); v > top {
					top = v
				}
			}
			*offset(dst, i*ys+c) = top
		}
	}
}

func genericMaxPoolGrad(dx, x, y, dy *float32, taps *int, ntaps, n, ch, xs, ys int) {
	list := unsafe.Slice(taps, ntaps)
	for i := range n {
		for c := range ch {
			to, top := list[0], math.Float32bits(*offset(y, i*ys+c))
			for _, tap := range list {
				if math.Float32bits(*offset(x, i*xs+tap+c)) == top {
					to = tap
					break
				}
			}
			*offset(dx, i*xs+to+c) += *offset(dy, i*ys+c)
		}
	}
}

// hash mixes a counter with two keys: lowbias32 (C. Wellons, hash-prospector), twice.
func hash(at, key, next uint32) uint32 { return mix(mix(at+key) ^ next) }

func mix(h uint32) uint32 {
	h ^= h >> 16
	h *= 0x7feb352d
	h ^= h >> 15
	h *= 0x846ca68b
	return h ^ h>>16
}

func genericDropout(dst, src *float32, n int, scale float32, key, next, first, threshold uint32) {
	d := unsafe.Slice(dst, n)
	for i, x := range unsafe.Slice(src, n) {
		if d[i] = 0; hash(first+uint32(i), key, next) >= threshold {
			d[i] = x * scale
		}
	}
}
