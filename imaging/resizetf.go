package imaging

import (
	"fmt"
	"math"
)

// tap2 is where one output coordinate lies between two input coordinates.
// Outside the image, where padding is black, they are -1.
type tap2 struct {
	lo, hi int
	frac   float32 // weight of hi
}

// axisTF returns an axis's taps: a virtual line of size samples becomes out
// samples; coordinate 0 of the image is coordinate off of that line, the image
// holds n of it.
//
// Source: TensorFlow, core/kernels/image/resize_bilinear_op.cc and
// resize_nearest_neighbor_op.cc, half_pixel_centers=True, float32 throughout.
func axisTF(size, off, n, out int, f Filter) []tap2 {
	scale := float32(size) / float32(out)
	inside := func(i int) int {
		if i -= off; i >= 0 && i < n {
			return i
		}
		return -1
	}
	taps := make([]tap2, out)
	for i := range taps {
		if f == Nearest {
			at := min(int(math.Floor(float64((float32(i)+0.5)*scale))), size-1)
			taps[i] = tap2{inside(at), inside(at), 0}
			continue
		}
		at := float32((float32(i)+0.5)*scale) - 0.5
		floor := float32(math.Floor(float64(at)))
		taps[i] = tap2{
			inside(max(int(floor), 0)),
			inside(min(int(math.Ceil(float64(at))), size-1)),
			at - floor,
		}
	}
	return taps
}

// resizeTF writes m, resized to h x w, as float32 into dst. Crop and Pad are
// keras.ops.image.resize's crop_to_aspect_ratio and pad_to_aspect_ratio; the
// padding is never made, only looked up.
//
// Source: keras/src/backend/tensorflow/image.py, resize.
func resizeTF(dst []float32, m *Image, h, w int, f Filter, a Aspect) error {
	size := region{0, 0, m.W, m.H} // in the image's coordinates; may reach outside
	pw, ph := mulDivTF(m.H, w, h), mulDivTF(m.W, h, w)
	switch a {
	case Stretch:
	case Crop:
		cw, ch := max(min(m.W, pw), 1), max(min(m.H, ph), 1)
		size.X0, size.Y0 = (m.W-cw)/2, (m.H-ch)/2
		size.X1, size.Y1 = size.X0+cw, size.Y0+ch
	case Pad:
		// The same width on both sides: an odd pixel isn't padded at all.
		dx, dy := (max(m.W, pw)-m.W)/2, (max(m.H, ph)-m.H)/2
		size = region{-dx, -dy, m.W + dx, m.H + dy}
	default:
		return fmt.Errorf("imaging: %v isn't an aspect", a)
	}
	sw, sh := size.X1-size.X0, size.Y1-size.Y0
	if sw == w && sh == h {
		f = Nearest // TensorFlow leaves an image of the right size alone
	}
	xs := axisTF(sw, -size.X0, m.W, w, f)
	ys := axisTF(sh, -size.Y0, m.H, h, f)
	if m.Deep != nil {
		interpolate(dst, m.Deep, xs, ys, m.W, m.C)
	} else {
		interpolate(dst, m.Pix, xs, ys, m.W, m.C)
	}
	return nil
}

// mulDivTF is a*b/c as Keras computes it there, in float32.
func mulDivTF(a, b, c int) int { return int(float32(int64(a)*int64(b)) / float32(c)) }

func interpolate[T uint8 | uint16](dst []float32, src []T, xs, ys []tap2, width, c int) {
	for _, y := range ys {
		for _, x := range xs {
			for ch := range c {
				at := func(row, col int) float32 {
					if row < 0 || col < 0 {
						return 0
					}
					return float32(src[(row*width+col)*c+ch])
				}
				tl, tr := at(y.lo, x.lo), at(y.lo, x.hi)
				bl, br := at(y.hi, x.lo), at(y.hi, x.hi)
				top := tl + float32((tr-tl)*x.frac)
				bottom := bl + float32((br-bl)*x.frac)
				dst[ch] = top + float32((bottom-top)*y.frac)
			}
			dst = dst[c:]
		}
	}
}
