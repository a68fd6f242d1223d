package imaging

import (
	"fmt"
	"math"
)

// region is a part of an image in pixels: [X0, X1) by [Y0, Y1).
type region struct{ X0, Y0, X1, Y1 int }

// Resize returns m in another size by Pillow's arithmetic, bit for bit. m
// itself is returned where nothing changes.
//
// With Crop the largest centred part of the target's proportions is taken, as
// keras.utils.load_img does (the filter still sees the pixels around it); with
// Pad the whole image is fitted in and centred on black (transparent, where
// there is alpha), as PIL.ImageOps.pad does.
func Resize(m *Image, w, h int, f Filter, a Aspect) (*Image, error) {
	if err := m.check(); err != nil {
		return nil, err
	}
	if w <= 0 || h <= 0 || w > maxSide || h > maxSide || int64(w)*int64(h) > maxTarget {
		return nil, fmt.Errorf("imaging: can't resize to %d x %d", w, h)
	}
	if int(f) >= len(filterNames) {
		return nil, fmt.Errorf("imaging: %v isn't a filter", f)
	}
	box := region{0, 0, m.W, m.H}
	switch a {
	case Crop:
		if m.W == w && m.H == h {
			return m, nil
		}
		// A side may come to nothing; Pillow then repeats what lies there.
		cw, ch := min(m.W, mulDiv(m.H, w, h)), min(m.H, mulDiv(m.W, h, w))
		box.X0, box.Y0 = (m.W-cw)/2, (m.H-ch)/2
		box.X1, box.Y1 = box.X0+cw, box.Y0+ch
	case Pad:
		fw, fh := contain(m.W, m.H, w, h)
		if fw == 0 || fh == 0 {
			return newLike(m, w, h), nil // thinner than half a pixel
		}
		r := resizeBox(m, fw, fh, f, box)
		if fw == w && fh == h {
			return r, nil
		}
		return paste(r, w, h), nil
	case Stretch:
	default:
		return nil, fmt.Errorf("imaging: %v isn't an aspect", a)
	}
	return resizeBox(m, w, h, f, box), nil
}

// mulDiv is a*b/c of positive ints below 2^28, whatever an int's size.
func mulDiv(a, b, c int) int { return int(int64(a) * int64(b) / int64(c)) }

// contain is the size of a w x h image fitted into tw x th.
//
// Source: PIL/ImageOps.py, contain.
func contain(w, h, tw, th int) (int, int) {
	ratio, target := float64(w)/float64(h), float64(tw)/float64(th)
	switch {
	case ratio > target:
		return tw, int(math.RoundToEven(float64(h) / float64(w) * float64(tw)))
	case ratio < target:
		return int(math.RoundToEven(ratio * float64(th))), th
	}
	return tw, th
}

// paste centres m, which fills one side, on a black image of w x h.
//
// Source: PIL/ImageOps.py, pad.
func paste(m *Image, w, h int) *Image {
	out := newLike(m, w, h)
	x, y := 0, 0
	if m.W != w {
		x = int(math.RoundToEven(float64(w-m.W) * 0.5))
	} else {
		y = int(math.RoundToEven(float64(h-m.H) * 0.5))
	}
	for row := range min(m.H, h-y) {
		n := min(m.W, w-x)
		if m.Deep != nil {
			copy(out.Deep[(row+y)*w+x:][:n], m.Deep[row*m.W:])
		} else {
			copy(out.Pix[((row+y)*w+x)*m.C:][:n*m.C], m.Pix[row*m.W*m.C:])
		}
	}
	return out
}

// resizeBox resizes part of m.
func resizeBox(m *Image, w, h int, f Filter, box region) *Image {
	if m.W == w && m.H == h && box == (region{0, 0, w, h}) {
		return m
	}
	switch {
	case f == Nearest && m.Deep != nil:
		out := newLike(m, w, h)
		pickPixels(out.Deep, m.Deep, multiplied(w, box.X0, box.X1, m.W), multiplied(h, box.Y0, box.Y1, m.H), m.W, 1)
		return out
	case f == Nearest:
		out := newLike(m, w, h)
		pickPixels(out.Pix, m.Pix, accumulated(w, box.X0, box.X1, m.W), accumulated(h, box.Y0, box.Y1, m.H), m.W, m.C)
		return out
	case m.C == 4:
		// Colours are weighted by their alpha, so that hidden ones don't bleed.
		return unpremultiply(resample(premultiply(m), w, h, f, box))
	}
	return resample(m, w, h, f, box)
}

// accumulated is the source coordinate of each output coordinate, summed in
// float64 step by step; -1 where rounding leaves the image.
//
// Source: Pillow, src/libImaging/Geometry.c, ImagingScaleAffine.
func accumulated(out, from, to, size int) []int {
	step := float64(float32(to)-float32(from)) / float64(out)
	x := float64(from) + float64(step*0.5)
	at := make([]int, out)
	for i := range at {
		at[i] = coord(x, size)
		x += step
	}
	return at
}

// multiplied is [accumulated] without the sum: Pillow takes another way for
// 16-bit images.
//
// Source: Pillow, src/libImaging/Geometry.c, ImagingGenericTransform.
func multiplied(out, from, to, size int) []int {
	step := float64(float32(to)-float32(from)) / float64(out)
	at := make([]int, out)
	for i := range at {
		at[i] = coord(float64(step*(float64(i)+0.5))+float64(from), size)
	}
	return at
}

func coord(x float64, size int) int {
	if i := int(x); x >= 0 && i < size {
		return i
	}
	return -1
}

// pickPixels copies pixels of c samples; what lies outside stays 0.
func pickPixels[T uint8 | uint16](dst, src []T, xs, ys []int, width, c int) {
	for y, sy := range ys {
		if sy < 0 {
			continue
		}
		row := src[sy*width*c:]
		out := dst[y*len(xs)*c:]
		for x, sx := range xs {
			if sx >= 0 {
				copy(out[x*c:x*c+c], row[sx*c:])
			}
		}
	}
}

// mulDiv255 is a*b/255, rounded.
func mulDiv255(a, b uint8) uint8 {
	t := uint32(a)*uint32(b) + 128
	return uint8((t>>8 + t) >> 8)
}

func premultiply(m *Image) *Image {
	out := newImage(m.W, m.H, 4)
	for i := 0; i < len(m.Pix); i += 4 {
		s, d := m.Pix[i:i+4], out.Pix[i:i+4]
		for k := range 3 {
			d[k] = mulDiv255(s[k], s[3])
		}
		d[3] = s[3]
	}
	return out
}

// unpremultiply works in place.
func unpremultiply(m *Image) *Image {
	for i := 0; i < len(m.Pix); i += 4 {
		p := m.Pix[i : i+4]
		if a := uint32(p[3]); a != 0 && a != 255 {
			for k := range 3 {
				p[k] = uint8(min(255*uint32(p[k])/a, 255))
			}
		}
	}
	return m
}
