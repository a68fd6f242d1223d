package imaging

import (
	"fmt"
	"image"
	"image/color"

	"kerasgo/internal/safeio"
)

// fromImage takes the samples of a decoded image as the file holds them: 16
// bits a colour lose their low byte and 16-bit gray stays, as in Pillow.
func fromImage(img image.Image) (*Image, error) {
	b := img.Bounds()
	w, h := b.Dx(), b.Dy()
	switch s := img.(type) {
	case *image.Gray:
		m := newImage(w, h, 1)
		for y := range h {
			copy(m.Pix[y*w:(y+1)*w], s.Pix[y*s.Stride:])
		}
		return m, nil
	case *image.Gray16:
		m := &Image{W: w, H: h, C: 1, Deep: make([]uint16, w*h)}
		for y := range h {
			for x := range w {
				p := s.Pix[y*s.Stride+2*x:]
				m.Deep[y*w+x] = uint16(p[0])<<8 | uint16(p[1])
			}
		}
		return m, nil
	case *image.Paletted:
		return fromPaletted(s), nil
	case *image.RGBA:
		return fromSamples(w, h, s.Pix, s.Stride, 1, s.Opaque()), nil
	case *image.NRGBA:
		return fromSamples(w, h, s.Pix, s.Stride, 1, s.Opaque()), nil
	case *image.RGBA64:
		return fromSamples(w, h, s.Pix, s.Stride, 2, s.Opaque()), nil
	case *image.NRGBA64:
		return fromSamples(w, h, s.Pix, s.Stride, 2, s.Opaque()), nil
	case *image.YCbCr:
		return fromJPEGPlanes(s), nil
	case *image.CMYK:
		return fromCMYK(s), nil
	}
	return nil, &safeio.UnsupportedError{Msg: fmt.Sprintf("pixels of type %T", img)}
}

// fromSamples takes the first byte of every sample of step bytes, without the
// alpha channel where it says nothing.
func fromSamples(w, h int, pix []byte, stride, step int, opaque bool) *Image {
	c := 4
	if opaque {
		c = 3
	}
	m := newImage(w, h, c)
	d := m.Pix
	for y := range h {
		row := pix[y*stride:]
		for x := range w {
			p := row[x*4*step:]
			for k := range c {
				d[k] = p[k*step]
			}
			d = d[c:]
		}
	}
	return m
}

// fromPaletted looks colours up. A palette's entry is taken as it is written:
// the hidden colour of a transparent one too.
func fromPaletted(s *image.Paletted) *Image {
	w, h := s.Rect.Dx(), s.Rect.Dy()
	var table [256][4]uint8
	c := 3
	for i := range table {
		table[i][3] = 255
		if i < len(s.Palette) {
			table[i] = straight(s.Palette[i])
			if table[i][3] != 255 {
				c = 4
			}
		}
	}
	m := newImage(w, h, c)
	d := m.Pix
	for y := range h {
		for _, v := range s.Pix[y*s.Stride:][:w] {
			copy(d[:c], table[v][:])
			d = d[c:]
		}
	}
	return m
}

// straight is a palette entry's bytes.
func straight(c color.Color) [4]uint8 {
	switch v := c.(type) {
	case color.NRGBA:
		return [4]uint8{v.R, v.G, v.B, v.A}
	case color.RGBA:
		return [4]uint8{v.R, v.G, v.B, v.A}
	}
	r, g, b, a := c.RGBA()
	return [4]uint8{uint8(r >> 8), uint8(g >> 8), uint8(b >> 8), uint8(a >> 8)}
}

// fromCMYK is Pillow's conversion of CMYK to RGB.
//
// Source: Pillow, src/libImaging/Convert.c, cmyk2rgb.
func fromCMYK(s *image.CMYK) *Image {
	w, h := s.Rect.Dx(), s.Rect.Dy()
	m := newImage(w, h, 3)
	for y := range h {
		for x := range w {
			p := s.Pix[y*s.Stride+4*x:]
			white := 255 - p[3]
			for k := range 3 {
				m.Pix[(y*w+x)*3+k] = white - mulDiv255(p[k], white)
			}
		}
	}
	return m
}

// fromPNG refuses the one combination whose meaning the decoder loses.
func fromPNG(data []byte, img image.Image) (*Image, error) {
	// IHDR is first: length 4, type 4, width 4, height 4, bit depth, colour type.
	const depth, colorType = 8 + 8 + 8, 8 + 8 + 8 + 1
	if _, ok := img.(*image.NRGBA64); ok && data[depth] == 16 && data[colorType] == 0 {
		return nil, &safeio.UnsupportedError{Msg: "PNG: 16-bit gray with a transparent level"}
	}
	return fromImage(img)
}

// fromWebP converts a lossy image as libwebp does; lossless ones hold RGB.
func fromWebP(img image.Image) (*Image, error) {
	switch s := img.(type) {
	case *image.YCbCr:
		return fromWebPPlanes(s, nil, 0), nil
	case *image.NYCbCrA:
		return fromWebPPlanes(&s.YCbCr, s.A, s.AStride), nil
	}
	return fromImage(img)
}

// fromTIFF undoes associated alpha and turns the image as its orientation tag
// says: of all formats Pillow does that for TIFF only.
func fromTIFF(data []byte, img image.Image) (*Image, error) {
	m, err := fromImage(img)
	if err != nil {
		return nil, err
	}
	switch img.(type) {
	case *image.RGBA, *image.RGBA64:
		if m.C == 4 {
			for i := 0; i < len(m.Pix); i += 4 {
				if m.Pix[i+3] == 0 {
					clear(m.Pix[i : i+3])
				}
			}
			unpremultiply(m)
		}
	}
	return m.Orient(tiffOrientation(data)), nil
}

// tiffOrientation finds tag 274 of the first directory; 1 is upright.
func tiffOrientation(data []byte) int {
	u16 := func(at int64) int {
		if !safeio.Within(at, 2, int64(len(data))) {
			return 0
		}
		if data[0] == 'I' {
			return int(data[at]) | int(data[at+1])<<8
		}
		return int(data[at])<<8 | int(data[at+1])
	}
	dir := int64(u16(4))<<16 | int64(u16(6))
	if data[0] == 'I' {
		dir = int64(u16(6))<<16 | int64(u16(4))
	}
	for i := range int64(u16(dir)) {
		if entry := dir + 2 + 12*i; u16(entry) == 274 {
			return u16(entry + 8)
		}
	}
	return 1
}

// Orient returns m turned upright by a TIFF or EXIF orientation, 2 to 8; any
// other value, and 1, returns m itself.
func (m *Image) Orient(o int) *Image {
	if o < 2 || o > 8 {
		return m
	}
	w, h := m.W, m.H
	if o >= 5 {
		w, h = h, w
	}
	out := newLike(m, w, h)
	for y := range h {
		for x := range w {
			sx, sy := x, y
			if o >= 5 {
				sx, sy = y, x
			}
			switch o {
			case 2, 3, 7, 8:
				sx = m.W - 1 - sx
			}
			switch o {
			case 3, 4, 6, 7:
				sy = m.H - 1 - sy
			}
			if m.Deep != nil {
				out.Deep[y*w+x] = m.Deep[sy*m.W+sx]
			} else {
				copy(out.Pix[(y*w+x)*m.C:][:m.C], m.Pix[(sy*m.W+sx)*m.C:])
			}
		}
	}
	return out
}
