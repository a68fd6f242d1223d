package imaging

import (
	"image"
	"image/color"

	"kerasgo/internal/safeio"
)

// gifFrame is what image/gif doesn't keep of a file's first frame.
type gifFrame struct {
	palette     []byte // RGB triples; nil where the file has none
	transparent int    // index, -1 where there is none
}

// readGIFFrame walks the blocks up to the first image. The stream was decoded
// once already, so a malformed one only means a frame without extras.
func readGIFFrame(data []byte) gifFrame {
	f := gifFrame{transparent: -1}
	at := 13
	table := func(flags byte) []byte {
		if flags&0x80 == 0 {
			return nil
		}
		n := 3 << (flags&7 + 1)
		if at+n > len(data) {
			return nil
		}
		at += n
		return data[at-n : at]
	}
	if len(data) < at {
		return f
	}
	f.palette = table(data[10])
	for at < len(data) {
		switch data[at] {
		case 0x21: // extension: label, then blocks of a length byte and data
			if at+6 < len(data) && data[at+1] == 0xf9 && data[at+2] == 4 {
				f.transparent = -1
				if data[at+3]&1 != 0 {
					f.transparent = int(data[at+6])
				}
			}
			at += 2
			for at < len(data) && data[at] != 0 {
				at += 1 + int(data[at])
			}
			at++
		case 0x2c: // image: left, top, width, height, flags
			if at+10 > len(data) {
				return f
			}
			flags := data[at+9]
			at += 10
			if local := table(flags); local != nil {
				f.palette = local
			}
			return f
		default:
			return f
		}
	}
	return f
}

// fromGIF lays the first frame on the file's canvas, as Pillow does: what the
// frame leaves free has the transparent index, or 0. The palette comes from the
// file because image/gif blackens its transparent entry.
//
// Source: PIL/GifImagePlugin.py, load_prepare.
func fromGIF(data []byte, img image.Image, cfg image.Config) (*Image, error) {
	frame, ok := img.(*image.Paletted)
	if !ok {
		return nil, &safeio.UnsupportedError{Msg: "GIF: no palette"}
	}
	meta := readGIFFrame(data)
	canvas := image.NewPaletted(image.Rect(0, 0, cfg.Width, cfg.Height), nil)
	if n := len(meta.palette) / 3; n > 0 {
		for i := range n {
			p := meta.palette[3*i:]
			c := color.NRGBA{R: p[0], G: p[1], B: p[2], A: 255}
			if i == meta.transparent {
				c.A = 0
			}
			canvas.Palette = append(canvas.Palette, c)
		}
	} else {
		canvas.Palette = frame.Palette
	}
	if meta.transparent > 0 {
		for i := range canvas.Pix {
			canvas.Pix[i] = uint8(meta.transparent)
		}
	}
	r := frame.Rect.Intersect(canvas.Rect)
	for y := r.Min.Y; y < r.Max.Y; y++ {
		copy(canvas.Pix[canvas.PixOffset(r.Min.X, y):canvas.PixOffset(r.Min.X, y)+r.Dx()], frame.Pix[frame.PixOffset(r.Min.X, y):])
	}
	return fromPaletted(canvas), nil
}
