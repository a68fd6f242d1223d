package imaging

import (
	"fmt"
	"math"
	"strings"
)

// Palette is how many colours a terminal shows.
type Palette uint8

// The palettes.
const (
	NoColors  Palette = iota // black and white, by half-blocks alone
	Colors256                // xterm's 256
	TrueColor                // 24 bits
)

// Thumbnail draws m with half-blocks, two pixels a character, in lines of cols
// characters that end with a reset of the colours. The lines are as many as
// the proportions ask for, 1 to maxLines; nil for an image that isn't one.
func Thumbnail(m *Image, cols, maxLines int, p Palette) []string {
	if m.check() != nil || cols <= 0 || maxLines <= 0 || cols > maxThumbnail || maxLines > maxThumbnail {
		return nil
	}
	lines := min(max(int(math.Round(float64(cols)*float64(m.H)/float64(m.W)/2)), 1), maxLines)
	if m.Deep != nil { // shown by the high byte, not cut off at 255
		shown := newImage(m.W, m.H, 1)
		for i, v := range m.Deep {
			shown.Pix[i] = uint8(v >> 8)
		}
		m = shown
	}
	m, err := Resize(m.Convert(RGB), cols, 2*lines, Box, Stretch)
	if err != nil {
		return nil
	}
	out := make([]string, lines)
	for y := range out {
		out[y] = m.textLine(y, p)
	}
	return out
}

const maxThumbnail = 1024

// textLine draws the pixel rows 2y and 2y+1.
func (m *Image) textLine(y int, p Palette) string {
	var b strings.Builder
	at := func(x, row int) [3]uint8 { return [3]uint8(m.Pix[((2*y+row)*m.W+x)*3:]) }
	if p == NoColors {
		for x := range m.W {
			i := 0
			for row, bit := range [2]int{2, 1} {
				if c := at(x, row); luma(c[0], c[1], c[2]) >= 128 {
					i |= bit
				}
			}
			b.WriteRune([]rune(" ▄▀█")[i])
		}
		return b.String()
	}
	code := func(c [3]uint8) string {
		if p == TrueColor {
			return fmt.Sprintf("2;%d;%d;%d", c[0], c[1], c[2])
		}
		return fmt.Sprintf("5;%d", xterm(c))
	}
	fg, bg := "", ""
	for x := range m.W {
		// The upper pixel is the character's colour, the lower its background.
		up, low := code(at(x, 0)), code(at(x, 1))
		if up != fg {
			b.WriteString("\x1b[38;" + up + "m")
		}
		if low != bg {
			b.WriteString("\x1b[48;" + low + "m")
		}
		fg, bg = up, low
		b.WriteString("▀")
	}
	b.WriteString("\x1b[0m")
	return b.String()
}

// xterm is the nearest of xterm's 6x6x6 cube and its 24 grays.
func xterm(c [3]uint8) int {
	levels := [6]int{0, 95, 135, 175, 215, 255}
	index, cube := 16, 0
	for k, weight := range [3]int{36, 6, 1} {
		best := 0
		for i, l := range levels {
			if d, e := l-int(c[k]), levels[best]-int(c[k]); d*d < e*e {
				best = i
			}
		}
		d := levels[best] - int(c[k])
		index, cube = index+weight*best, cube+d*d
	}
	sum := int(c[0]) + int(c[1]) + int(c[2])
	gray := min(max((sum/3-8+5)/10, 0), 23)
	dist := 0
	for _, v := range c {
		d := 8 + 10*gray - int(v)
		dist += d * d
	}
	if dist < cube {
		return 232 + gray
	}
	return index
}

// Bar draws a share from 0 to 1 as a bar of width characters, in eighths of a
// character; what is missing is spaces. NaN is empty.
func Bar(share float64, width int) string {
	width = min(max(width, 0), maxThumbnail)
	if !(share > 0) {
		share = 0
	}
	eighths := int(math.Round(min(share, 1) * float64(8*width)))
	var b strings.Builder
	b.WriteString(strings.Repeat("█", eighths/8))
	used := eighths / 8
	if rest := eighths % 8; rest != 0 {
		b.WriteRune([]rune(" ▏▎▍▌▋▊▉")[rest])
		used++
	}
	b.WriteString(strings.Repeat(" ", width-used))
	return b.String()
}
