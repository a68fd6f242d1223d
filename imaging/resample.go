package imaging

import "math"

// precision is the number of fraction bits of a weight: 8 bits are the
// sample's, two are for sums above 1 and below 0.
const precision = 32 - 8 - 2

// kernel is a filter's curve and the distance at which it ends.
type kernel struct {
	at      func(x float64) float64
	support float64
}

// kernelOf returns Pillow's curve of a filter. Products are converted before
// they are added, so that no machine fuses them.
//
// Source: Pillow, src/libImaging/Resample.c.
func kernelOf(f Filter) kernel {
	switch f {
	case Box:
		return kernel{func(x float64) float64 {
			if x > -0.5 && x <= 0.5 {
				return 1
			}
			return 0
		}, 0.5}
	case Hamming:
		return kernel{func(x float64) float64 {
			x = math.Abs(x)
			switch {
			case x == 0:
				return 1
			case x >= 1:
				return 0
			}
			x *= math.Pi
			// Pillow's two constants are single precision.
			return math.Sin(x) / x * (float64(float32(0.54)) + float64(float64(float32(0.46))*math.Cos(x)))
		}, 1}
	case Bicubic:
		return kernel{func(x float64) float64 {
			const a = -0.5
			x = math.Abs(x)
			switch {
			case x < 1:
				return float64((float64((a+2.0)*x)-(a+3.0))*x*x) + 1
			case x < 2:
				return (float64((float64((x-5)*x)+8)*x) - 4) * a
			}
			return 0
		}, 2}
	case Lanczos:
		sinc := func(x float64) float64 {
			if x == 0 {
				return 1
			}
			x *= math.Pi
			return math.Sin(x) / x
		}
		return kernel{func(x float64) float64 {
			if x < -3 || x >= 3 {
				return 0
			}
			return sinc(x) * sinc(x/3)
		}, 3}
	}
	return kernel{func(x float64) float64 { return max(1-math.Abs(x), 0) }, 1} // Bilinear
}

// taps is one output coordinate's share of the input: w[0] weighs sample from.
type taps struct {
	from int
	w    []float64
}

// plan returns the taps of one axis: size samples, of which [from, to) becomes
// out samples. When it shrinks, the curve is widened by the same factor.
//
// Source: Pillow, src/libImaging/Resample.c, precompute_coeffs.
func (k kernel) plan(size, from, to, out int) []taps {
	scale := float64(float32(to)-float32(from)) / float64(out)
	wide := max(scale, 1)
	support := k.support * wide
	inv := 1 / wide
	all := make([]taps, out)
	for i := range all {
		center := float64(from) + float64((float64(i)+0.5)*scale)
		lo := max(int(center-support+0.5), 0)
		hi := min(int(center+support+0.5), size)
		w := make([]float64, max(hi-lo, 0))
		sum := 0.0
		for j := range w {
			w[j] = k.at((float64(j+lo) - center + 0.5) * inv)
			sum += w[j]
		}
		if sum != 0 {
			for j := range w {
				w[j] /= sum
			}
		}
		all[i] = taps{lo, w}
	}
	return all
}

// fixed rounds weights to fixed point, halves away from zero.
func fixed(w []float64) []int32 {
	k := make([]int32, len(w))
	for i, v := range w {
		if v < 0 {
			k[i] = int32(-0.5 + float64(v*(1<<precision)))
		} else {
			k[i] = int32(0.5 + float64(v*(1<<precision)))
		}
	}
	return k
}

// resample resizes with a filter, one axis after the other, rounding between.
// The horizontal pass is first, except where the height loses more than twice
// the pixels that the width does: then the vertical one leaves it less to do.
//
// Source: Pillow 13, src/libImaging/Resample.c, ImagingResampleInner; the
// order, which shows in the rounding, was measured over random sizes.
func resample(m *Image, w, h int, f Filter, box region) *Image {
	k := kernelOf(f)
	horizontal := func(m *Image) *Image {
		if w == m.W && box.X0 == 0 && box.X1 == w {
			return m
		}
		return acrossRows(m, k.plan(m.W, box.X0, box.X1, w))
	}
	vertical := func(m *Image) *Image {
		if h == m.H && box.Y0 == 0 && box.Y1 == h {
			return m
		}
		return downColumns(m, k.plan(m.H, box.Y0, box.Y1, h))
	}
	if h < m.H && m.H-h > 2*(m.W-w) {
		return horizontal(vertical(m))
	}
	return vertical(horizontal(m))
}

// acrossRows is the horizontal pass.
func acrossRows(m *Image, plan []taps) *Image {
	w, c := len(plan), m.C
	out := newLike(m, w, m.H)
	if m.Deep != nil {
		for y := range m.H {
			for x, t := range plan {
				out.Deep[y*w+x] = dot16(m.Deep[y*m.W+t.from:], t.w, 1)
			}
		}
		return out
	}
	weights := make([][]int32, w)
	for x, t := range plan {
		weights[x] = fixed(t.w)
	}
	const half = int32(1 << (precision - 1))
	for y := range m.H {
		row := m.Pix[y*m.W*c : (y+1)*m.W*c]
		dst := out.Pix[y*w*c : (y+1)*w*c]
		for x, k := range weights {
			src := row[plan[x].from*c:]
			d := dst[x*c : x*c+c]
			if c == 3 {
				s0, s1, s2 := half, half, half
				for i, kv := range k {
					p := src[i*3 : i*3+3]
					s0 += int32(p[0]) * kv
					s1 += int32(p[1]) * kv
					s2 += int32(p[2]) * kv
				}
				d[0], d[1], d[2] = clip8(s0), clip8(s1), clip8(s2)
				continue
			}
			for ch := range d {
				s := half
				for i, kv := range k {
					s += int32(src[i*c+ch]) * kv
				}
				d[ch] = clip8(s)
			}
		}
	}
	return out
}

// downColumns is the vertical pass: a whole row of sums at a time.
func downColumns(m *Image, plan []taps) *Image {
	n := m.W * m.C
	out := newLike(m, m.W, len(plan))
	sums := make([]int32, n)
	for y, t := range plan {
		if m.Deep != nil {
			for x := range m.W {
				out.Deep[y*m.W+x] = dot16(m.Deep[t.from*m.W+x:], t.w, m.W)
			}
			continue
		}
		for i := range sums {
			sums[i] = 1 << (precision - 1)
		}
		for j, kv := range fixed(t.w) {
			for i, v := range m.Pix[(t.from+j)*n : (t.from+j+1)*n] {
				sums[i] += int32(v) * kv
			}
		}
		for i, s := range sums {
			out.Pix[y*n+i] = clip8(s)
		}
	}
	return out
}

// clip8 drops the fraction and saturates.
func clip8(v int32) uint8 {
	return uint8(min(max(v>>precision, 0), 255))
}

// dot16 is a weighted sum of 16-bit samples, stride apart, in float64, rounded
// and saturated.
func dot16(src []uint16, w []float64, stride int) uint16 {
	s := 0.0
	for i, k := range w {
		s += float64(float64(src[i*stride]) * k)
	}
	if s >= 0 {
		s += 0.5
	} else {
		s -= 0.5
	}
	return uint16(min(max(int(s), 0), 65535))
}
