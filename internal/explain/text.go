package explain

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"kerasgo/imaging"
)

// TextOptions say how text looks.
type TextOptions struct {
	Columns int  // of the terminal; what is wider is broken up
	Color   bool // headings and sums stand out
}

// text writes with them.
type text struct {
	*bufio.Writer
	TextOptions
}

// WriteText tells the lesson as plain text.
func (l *Lesson) WriteText(w io.Writer, o TextOptions) error {
	o.Columns = max(o.Columns, 40)
	t := &text{bufio.NewWriter(w), o}
	p := l.tell()
	fmt.Fprintf(t, "%s\n", t.styled("1", p.title))
	for _, s := range p.sections {
		t.section(s)
	}
	return t.Flush()
}

func (t *text) styled(code, s string) string {
	if !t.Color {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (t *text) section(s *section) {
	fmt.Fprintf(t, "\n%s\n%s\n", t.styled("1;36", s.title), strings.Repeat("=", utf8.RuneCountInString(s.title)))
	for _, b := range s.blocks {
		switch b := b.(type) {
		case para:
			fmt.Fprintln(t)
			for _, line := range wrap(string(b), min(t.Columns, 100)) {
				fmt.Fprintln(t, line)
			}
		case formula:
			fmt.Fprintln(t)
			for _, line := range b {
				for i, part := range broken(line, t.Columns-4) {
					fmt.Fprintf(t, "    %s%s\n", strings.Repeat(" ", min(i, 1)*4), part)
				}
			}
		case table:
			t.table(b)
		case figure:
			if len(b.text) > 0 {
				fmt.Fprintf(t, "\n    %s\n", strings.Join(b.text, "\n    "))
			}
		}
	}
}

// table prints as many columns side by side as there is room for, then the others below.
func (t *text) table(b table) {
	names, widths := utf8.RuneCountInString(b.corner), make([]int, len(b.cols))
	for _, r := range b.rows {
		names = max(names, utf8.RuneCountInString(r.name))
	}
	for i, c := range b.cols {
		widths[i] = utf8.RuneCountInString(c)
		for _, r := range b.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(r.cells[i]))
		}
	}
	for from := 0; from < len(b.cols); {
		to, room := from, t.Columns-names
		for to < len(b.cols) && (to == from || room >= widths[to]+2) {
			room -= widths[to] + 2
			to++
		}
		caption := b.caption
		if from > 0 {
			caption += ", continued"
		}
		fmt.Fprintf(t, "\n%s\n", t.styled("1", caption))
		t.line(row{name: b.corner, cells: b.cols}, names, widths, from, to, "2")
		for _, r := range b.rows {
			style := ""
			if r.sum {
				style = "1"
			}
			t.line(r, names, widths, from, to, style)
		}
		from = to
	}
}

func (t *text) line(r row, names int, widths []int, from, to int, style string) {
	s := pad(r.name, names, false)
	for i := from; i < to; i++ {
		s += "  " + pad(r.cells[i], widths[i], true)
	}
	if style != "" {
		s = t.styled(style, s)
	}
	fmt.Fprintln(t, s)
}

func pad(s string, width int, right bool) string {
	space := strings.Repeat(" ", max(width-utf8.RuneCountInString(s), 0))
	if right {
		return space + s
	}
	return s + space
}

// wrap breaks a paragraph into lines.
func wrap(s string, width int) (lines []string) {
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// broken breaks a formula before its equals signs, where it is too long.
func broken(s string, width int) (lines []string) {
	line := ""
	for i, part := range strings.Split(s, " = ") {
		if i > 0 {
			part = "= " + part
		}
		if line != "" && utf8.RuneCountInString(line)+1+utf8.RuneCountInString(part) > width {
			lines, line = append(lines, line), ""
			width -= 4
		}
		line = strings.TrimPrefix(line+" "+part, " ")
	}
	return append(lines, line)
}

// shades are from black to white.
var shades = [...]string{"  ", "░░", "▒▒", "▓▓", "██"}

// blocks draws a gray picture, two characters a pixel.
func blocks(m *imaging.Image) (lines []string) {
	for y := range m.H {
		var b strings.Builder
		for x := range m.W {
			v := int(m.Pix[y*m.W+x])
			b.WriteString(shades[(v*(len(shades)-1)+254)/255])
		}
		lines = append(lines, "|"+b.String()+"|")
	}
	return lines
}

// plotCurve draws the losses with half-blocks.
func (l *Lesson) plotCurve() (lines []string) {
	const width, height = 60, 12
	top := 0.0
	for _, v := range l.losses {
		top = max(top, v)
	}
	grid := make([][]rune, height)
	for y := range grid {
		grid[y] = []rune(strings.Repeat(" ", width))
	}
	last := len(l.losses) - 1
	for x := range width {
		v := l.losses[int(math.Round(float64(x)*float64(last)/(width-1)))]
		y := int(math.Round((1 - v/top) * (2*height - 1)))
		grid[y/2][x] = []rune{'▀', '▄'}[y%2]
	}
	for y, line := range grid {
		label := strings.Repeat(" ", 9)
		switch y {
		case 0:
			label = pad(num(top), 9, true)
		case height - 1:
			label = pad("0", 9, true)
		}
		lines = append(lines, label+" |"+strings.TrimRight(string(line), " "))
	}
	steps := count(last)
	return append(lines, strings.Repeat(" ", 10)+"+"+strings.Repeat("-", width),
		strings.Repeat(" ", 11)+"0"+pad(steps+" steps", width-1, true))
}
