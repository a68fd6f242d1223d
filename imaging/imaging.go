// Package imaging turns image files into the numbers that a Keras model was
// trained on: it decodes PNG, JPEG, GIF, BMP, TIFF and WebP, converts colours
// and resizes exactly as Pillow does (keras.utils.load_img), or resizes as
// TensorFlow does (tf.image.resize, keras.ops.image.resize), and applies the
// preprocessing modes of keras.applications.
//
// [Open] or [Decode] reads an image; [Options.Fill] writes it as NHWC float32
// into a slice of the caller's. The zero [Options] is Keras's default: RGB,
// nearest-neighbour by Pillow's rule, values 0 to 255.
//
// # What is exact
//
// PNG, BMP, TIFF, GIF and lossless WebP give Pillow's pixels, bit for bit, and
// so does lossy WebP: its planes are upsampled and converted with libwebp's
// arithmetic. JPEG goes through the standard library's decoder, whose inverse
// DCT rounds otherwise than libjpeg-turbo's, by a level in a plane; upsampling
// and colour tables are libjpeg's, so what is left is at most three levels of a
// colour. EXIF orientation is ignored and a TIFF's obeyed, as Keras does.
//
// The resizers are bit-equal to Pillow 13's and, for the TensorFlow engine, to
// TensorFlow's float32.
package imaging

import "fmt"

// Image holds decoded pixels, interleaved, top row first. C is 1 (gray), 3
// (RGB) or 4 (RGB and straight alpha).
type Image struct {
	W, H, C int
	Pix     []uint8  // W*H*C samples, unless Deep is set
	Deep    []uint16 // W*H samples of a 16-bit gray image (Pillow's mode I;16); Pix is nil and C is 1
}

// newImage returns a black image.
func newImage(w, h, c int) *Image {
	return &Image{W: w, H: h, C: c, Pix: make([]uint8, w*h*c)}
}

// newLike returns a black image of another size with m's samples' type.
func newLike(m *Image, w, h int) *Image {
	if m.Deep != nil {
		return &Image{W: w, H: h, C: 1, Deep: make([]uint16, w*h)}
	}
	return newImage(w, h, m.C)
}

// check refuses an Image whose fields contradict each other.
func (m *Image) check() error {
	n := m.W * m.H
	switch {
	case m.W <= 0 || m.H <= 0 || m.W > maxSide || m.H > maxSide:
		return fmt.Errorf("imaging: an image can't be %d x %d", m.W, m.H)
	case m.Deep != nil && (m.C != 1 || len(m.Deep) != n):
		return fmt.Errorf("imaging: %d samples of 16 bits don't make a gray image of %d x %d", len(m.Deep), m.W, m.H)
	case m.Deep == nil && (m.C != 1 && m.C != 3 && m.C != 4 || len(m.Pix) != n*m.C):
		return fmt.Errorf("imaging: %d samples don't make an image of %d x %d x %d", len(m.Pix), m.W, m.H, m.C)
	}
	return nil
}

// maxSide bounds a side so that W*H*4 can't overflow an int of 64 bits, nor a
// coordinate Pillow's 32 bits.
const maxSide = 1<<28 - 1

// Color is the order and number of an output's channels.
type Color uint8

// The colour orders. Gray is Pillow's L: (19595 R + 38470 G + 7471 B + 32768) / 65536.
const (
	RGB  Color = iota // keras.utils.load_img's color_mode "rgb"
	BGR               // RGB's channels in reverse, as OpenCV reads images
	Gray              // color_mode "grayscale"
	RGBA              // color_mode "rgba"
)

var colorNames = [...]string{RGB: "rgb", BGR: "bgr", Gray: "gray", RGBA: "rgba"}

// String is the colour's name as flags spell it.
func (c Color) String() string { return nameOf(colorNames[:], int(c)) }

// ParseColor reads rgb, bgr, gray (also grayscale, grey, l) or rgba.
func ParseColor(s string) (Color, error) {
	switch s {
	case "grayscale", "grey", "l":
		return Gray, nil
	}
	i, err := parseName("colour", colorNames[:], s)
	return Color(i), err
}

// Channels is how many samples a pixel has: 1, 3 or 4.
func (c Color) Channels() int {
	switch c {
	case Gray:
		return 1
	case RGBA:
		return 4
	}
	return 3
}

// Convert returns m in another colour, as Pillow's Image.convert and
// keras.utils.load_img do: alpha is dropped, not blended; 16-bit gray stays as
// it is for Gray and is cut off at 255 otherwise. BGR gives an image whose
// first channel is blue. m itself is returned where nothing changes.
func (m *Image) Convert(c Color) *Image {
	n := m.W * m.H
	if c == Gray && m.C == 1 || c == RGB && m.C == 3 || c == RGBA && m.C == 4 {
		return m
	}
	out := newImage(m.W, m.H, c.Channels())
	first, last := 0, 2
	if c == BGR {
		first, last = 2, 0
	}
	for i := range n {
		var r, g, b uint8
		a := uint8(255)
		switch {
		case m.Deep != nil:
			r = uint8(min(m.Deep[i], 255))
			g, b = r, r
		case m.C == 1:
			r = m.Pix[i]
			g, b = r, r
		default:
			p := m.Pix[i*m.C:]
			r, g, b = p[0], p[1], p[2]
			if m.C == 4 {
				a = p[3]
			}
		}
		switch out.C {
		case 1:
			out.Pix[i] = luma(r, g, b)
		case 3:
			p := out.Pix[i*3 : i*3+3]
			p[first], p[1], p[last] = r, g, b
		case 4:
			p := out.Pix[i*4 : i*4+4]
			p[0], p[1], p[2], p[3] = r, g, b, a
		}
	}
	return out
}

// luma is Pillow's conversion of RGB to L: ITU-R 601-2 in 16 bits of fraction,
// rounded to nearest.
func luma(r, g, b uint8) uint8 {
	return uint8((uint32(r)*19595 + uint32(g)*38470 + uint32(b)*7471 + 0x8000) >> 16)
}
