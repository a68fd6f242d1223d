package main

import (
	"io"
	"math"
	"strconv"

	"gonum.org/v1/plot/font"

	"kerasgo/internal/safeio"
)

// curve is a row of points under a name.
type curve struct {
	name   string
	x, y   []float64
	ink    ink
	dashed bool
}

// add appends a point, unless it isn't a number that a scale can reach.
func (c *curve) add(x, y float64) {
	if math.Abs(y) < 1e300 {
		c.x, c.y = append(c.x, x), append(c.y, y)
	}
}

// panel is one chart of a figure.
type panel struct{ curves []curve }

// A panel's size and margins, and what a legend's line takes.
const (
	panelWidth, panelHeight  = 7 * 72.0, 4 * 72.0
	leftMargin, bottomMargin = 50.0, 40.0
	rightMargin, topMargin   = 18.0, 26.0
	legendLine, sampleWidth  = 15.0, 22.0
	wantTicks                = 6
)

// figure draws panels, two a row, into a file: a PNG, or an SVG.
func figure(path string, force bool, panels []panel) error {
	face, err := typeface()
	if err != nil {
		return err
	}
	columns := min(max(len(panels), 1), 2)
	heights := make([]float64, (len(panels)+columns-1)/columns) // of rows: legends may need several lines
	total := 0.0
	for i, p := range panels {
		row := i / columns
		if h := panelHeight + float64(len(legendLines(p, face))-1)*legendLine; h > heights[row] {
			total += h - heights[row]
			heights[row] = h
		}
	}
	c := newCanvas(path, float64(columns)*panelWidth, max(total, 1), face)
	top := 0.0
	for i, p := range panels {
		if i > 0 && i%columns == 0 {
			top += heights[i/columns-1]
		}
		drawPanel(c, p, point{float64(i%columns) * panelWidth, top}, heights[i/columns], face)
	}
	return safeio.WriteFile(path, force, func(w io.Writer) error { return c.writeTo(w) })
}

// legendLines breaks a panel's names into lines: the curves of each.
func legendLines(p panel, face font.Face) (lines [][]int) {
	lines = [][]int{nil}
	x := leftMargin
	for i, cv := range p.curves {
		w := sampleWidth + float64(face.Width(cv.name)) + 18
		if x+w > panelWidth && len(lines[len(lines)-1]) > 0 {
			lines, x = append(lines, nil), leftMargin
		}
		lines[len(lines)-1] = append(lines[len(lines)-1], i)
		x += w
	}
	return lines
}

// axis maps values to a stretch of the canvas, which may run backwards.
type axis struct {
	low, high, step float64
	from, to        float64
}

func (a axis) at(v float64) float64 { return a.from + (v-a.low)/(a.high-a.low)*(a.to-a.from) }

// newAxis spans values and rounds its ends to whole steps.
func newAxis(values []float64, from, to float64) axis {
	a := axis{low: math.Inf(1), high: math.Inf(-1), from: from, to: to}
	for _, v := range values {
		a.low, a.high = min(a.low, v), max(a.high, v)
	}
	if a.low > a.high {
		a.low, a.high = 0, 1
	}
	if a.low == a.high {
		room := max(math.Abs(a.low)*.1, .5)
		if a.low != 0 && math.Abs(a.low) < .5 {
			room = math.Abs(a.low) / 2
		}
		a.low, a.high = a.low-room, a.high+room
	}
	a.step = niceStep((a.high - a.low) / wantTicks)
	a.low, a.high = math.Floor(a.low/a.step)*a.step, math.Ceil(a.high/a.step)*a.step
	return a
}

// ticks are the whole steps of an axis.
func (a axis) ticks() (ticks []float64) {
	for i := 0; i <= 4*wantTicks; i++ {
		v := a.low + float64(i)*a.step
		if v > a.high+a.step/2 {
			break
		}
		ticks = append(ticks, v)
	}
	return ticks
}

// label writes a tick with the digits that its step asks for.
func (a axis) label(v float64) string {
	if a.step < 1e-4 || a.step >= 1e6 {
		digits := math.Log10(max(math.Abs(a.low), math.Abs(a.high))/a.step) + 2
		return strconv.FormatFloat(math.Round(v/a.step)*a.step, 'g', int(min(digits, 15)), 64)
	}
	return strconv.FormatFloat(v, 'f', max(0, -int(math.Floor(math.Log10(a.step)+1e-9))), 64)
}

// niceStep is the next of 1, 2 and 5 times a power of ten.
func niceStep(v float64) float64 {
	p := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*p >= v {
			return m * p
		}
	}
	return 10 * p
}

// drawPanel draws curves over epochs.
func drawPanel(c canvas, p panel, at point, height float64, face font.Face) {
	lines := legendLines(p, face)
	var xs, ys []float64
	for _, cv := range p.curves {
		xs, ys = append(xs, cv.x...), append(ys, cv.y...)
	}
	top := at.y + topMargin + float64(len(lines)-1)*legendLine
	y := newAxis(ys, at.y+height-bottomMargin, top)
	x := newAxis(xs, at.x+leftMargin, at.x+panelWidth-rightMargin)
	if len(xs) > 0 { // epochs are whole, and fill the width
		low, high := xs[0], xs[0]
		for _, v := range xs {
			low, high = min(low, v), max(high, v)
		}
		if low < high {
			x.low, x.high = low, high
		}
	}
	for _, v := range y.ticks() {
		c.line(gridInk, thin, false, point{x.from, y.at(v)}, point{x.to, y.at(v)})
		c.text(point{x.from - 6, y.at(v) + fontSize/3}, 1, y.label(v))
	}
	step := max(1, math.Round(niceStep((x.high-x.low)/10)))
	for v := math.Ceil(x.low/step) * step; v <= x.high; v += step {
		c.line(gridInk, thin, false, point{x.at(v), y.from}, point{x.at(v), y.to})
		c.text(point{x.at(v), y.from + fontSize + 4}, .5, strconv.Itoa(int(v)))
	}
	c.text(point{(x.from + x.to) / 2, y.from + 2*fontSize + 8}, .5, "epoch")
	for _, cv := range p.curves {
		points := make([]point, len(cv.x))
		for k := range points {
			points[k] = point{x.at(cv.x[k]), y.at(cv.y[k])}
		}
		if len(points) > 1 {
			c.line(cv.ink, thick, cv.dashed, points...)
		}
		if len(points) <= 50 {
			for _, q := range points {
				c.dot(cv.ink, q, dotRadius, false)
			}
		}
	}
	for k, line := range lines {
		q := point{at.x + leftMargin, at.y + 14 + float64(k)*legendLine}
		for _, i := range line {
			cv := p.curves[i]
			c.line(cv.ink, thick, cv.dashed, point{q.x, q.y - fontSize/3}, point{q.x + sampleWidth - 4, q.y - fontSize/3})
			c.text(point{q.x + sampleWidth, q.y}, 0, cv.name)
			q.x += sampleWidth + float64(face.Width(cv.name)) + 18
		}
	}
}
