package imaging

import "image"

// fromJPEGPlanes upsamples the colour planes and converts to RGB as
// libjpeg-turbo does by default, which Pillow uses: triangle filters, 16 bits
// of fraction. The standard library repeats samples instead.
func fromJPEGPlanes(s *image.YCbCr) *Image {
	w, h := s.Rect.Dx(), s.Rect.Dy()
	m := newImage(w, h, 3)
	hs, vs := 1, 1
	switch s.SubsampleRatio {
	case image.YCbCrSubsampleRatio422:
		hs = 2
	case image.YCbCrSubsampleRatio420:
		hs, vs = 2, 2
	case image.YCbCrSubsampleRatio440:
		vs = 2
	case image.YCbCrSubsampleRatio411:
		hs = 4
	case image.YCbCrSubsampleRatio410:
		hs, vs = 4, 2
	}
	cb := upsampler{plane: s.Cb, stride: s.CStride, hs: hs, vs: vs, w: (w + hs - 1) / hs, h: (h + vs - 1) / vs}
	cr := cb
	cr.plane = s.Cr
	u, v := make([]uint8, cb.w*hs), make([]uint8, cb.w*hs)
	cb.sums, cr.sums = make([]int32, cb.w), make([]int32, cb.w)
	for y := range h {
		cb.row(u, y)
		cr.row(v, y)
		line := s.Y[y*s.YStride:]
		d := m.Pix[y*w*3:]
		for x := range w {
			r, g, b := jpegRGB(int32(line[x]), int32(u[x])-128, int32(v[x])-128)
			d[x*3], d[x*3+1], d[x*3+2] = r, g, b
		}
	}
	return m
}

// jpegRGB converts a pixel; cb and cr are centred on 0.
//
// Source: libjpeg-turbo, jdcolor.c, build_ycc_rgb_table and ycc_rgb_convert.
func jpegRGB(y, cb, cr int32) (r, g, b uint8) {
	const (
		half  = 1 << 15
		fixR  = 91881  // 1.40200
		fixB  = 116130 // 1.77200
		fixGR = 46802  // 0.71414
		fixGB = 22554  // 0.34414
	)
	return clamp8(y + (fixR*cr+half)>>16),
		clamp8(y + (-fixGB*cb+half-fixGR*cr)>>16),
		clamp8(y + (fixB*cb+half)>>16)
}

func clamp8(v int32) uint8 { return uint8(min(max(v, 0), 255)) }

// upsampler widens a colour plane of w x h samples by hs and vs.
//
// Source: libjpeg-turbo, jdsample.c.
type upsampler struct {
	plane        []uint8
	stride       int
	w, h, hs, vs int
	sums         []int32
}

// row writes line y of the full-size plane, w*hs samples.
func (u *upsampler) row(dst []uint8, y int) {
	at := y / u.vs
	near := u.plane[at*u.stride:][:u.w]
	fancy := u.w > 2 // libjpeg repeats samples of narrower planes
	switch {
	case u.hs == 1 && u.vs == 1:
		copy(dst, near)
	case u.hs == 1 && u.vs == 2:
		far, bias := u.neighbour(y), int32(1+y&1)
		for i, v := range near {
			dst[i] = uint8((3*int32(v) + int32(far[i]) + bias) >> 2)
		}
	case u.hs == 2 && u.vs == 1 && fancy:
		for i, v := range near {
			u.sums[i] = int32(v)
		}
		triangle(dst, u.sums, 1, 2, 2)
	case u.hs == 2 && u.vs == 2 && fancy:
		far := u.neighbour(y)
		for i, v := range near {
			u.sums[i] = 3*int32(v) + int32(far[i])
		}
		triangle(dst, u.sums, 8, 7, 4)
	default:
		for i, v := range near {
			for k := range u.hs {
				dst[i*u.hs+k] = v
			}
		}
	}
}

// neighbour is the plane's line on the other side of y than its own; at the
// edge it is the same line.
func (u *upsampler) neighbour(y int) []uint8 {
	at := y/2 - 1
	if y&1 == 1 {
		at = y/2 + 1
	}
	at = min(max(at, 0), u.h-1)
	return u.plane[at*u.stride:][:u.w]
}

// triangle doubles a line: three parts of the nearer sample, one of the
// farther; left and right halves round differently, so that errors cancel.
func triangle(dst []uint8, s []int32, left, right int32, shift uint) {
	last := len(s) - 1
	for i, v := range s {
		before, after := v, v
		if i > 0 {
			before = s[i-1]
		}
		if i < last {
			after = s[i+1]
		}
		dst[2*i] = uint8((3*v + before + left) >> shift)
		dst[2*i+1] = uint8((3*v + after + right) >> shift)
	}
}

// fromWebPPlanes upsamples and converts a lossy WebP's planes, which are
// studio range, as libwebp does; the standard package treats them as a JPEG's.
//
// Source: libwebp, src/dsp/upsampling.c and src/dsp/yuv.h.
func fromWebPPlanes(s *image.YCbCr, alpha []byte, alphaStride int) *Image {
	w, h := s.Rect.Dx(), s.Rect.Dy()
	c := 3
	if alpha != nil {
		c = 4
	}
	m := newImage(w, h, c)
	cw, chh := (w+1)/2, (h+1)/2
	for y := range h {
		near := y / 2
		far := min(max(near-1+y&1*2, 0), chh-1)
		for x := range w {
			// The colour at a pixel: 9, 3, 3 and 1 parts of the four nearest
			// samples, those outside the image repeated.
			nx := x / 2
			fx := min(max(nx-1+x&1*2, 0), cw-1)
			at := func(plane []byte) int32 {
				return webpBlend(
					int32(plane[near*s.CStride+nx]), int32(plane[near*s.CStride+fx]),
					int32(plane[far*s.CStride+nx]), int32(plane[far*s.CStride+fx]), fx == nx)
			}
			d := m.Pix[(y*w+x)*c:]
			d[0], d[1], d[2] = webpRGB(int32(s.Y[y*s.YStride+x]), at(s.Cb), at(s.Cr))
			if c == 4 {
				d[3] = alpha[y*alphaStride+x]
			}
		}
	}
	return m
}

// webpBlend weighs the nearest sample nn, its neighbours in the row (nf) and
// in the column (fn), and the one across (ff), in libwebp's two roundings.
func webpBlend(nn, nf, fn, ff int32, edge bool) int32 {
	if edge {
		return (3*nn + fn + 2) >> 2
	}
	diagonal := (nn + nf + fn + ff + 8 + 2*(nf+fn)) >> 3
	return (diagonal + nn) >> 1
}

// webpRGB converts a pixel of studio-range YUV in 14 bits of fraction.
func webpRGB(y, u, v int32) (r, g, b uint8) {
	hi := func(v, coeff int32) int32 { return v * coeff >> 8 }
	l := hi(y, 19077)
	return clamp8((l + hi(v, 26149) - 14234) >> 6),
		clamp8((l - hi(u, 6419) - hi(v, 13320) + 8708) >> 6),
		clamp8((l + hi(u, 33050) - 17685) >> 6)
}
