package main

import (
	"image/color"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"

	"kerasgo/internal/safeio"
	"kerasgo/train"
)

// plotHistory draws losses and what else was measured, a curve each, over the epochs. It stands on gonum/plot's canvas
// rather than on its Plot, which would put twelve fonts and four more file formats (six megabytes) into the program.
func plotHistory(path string, force bool, h *train.History) error {
	c, err := newChart(h)
	if err != nil {
		return err
	}
	c.axes()
	for i, curve := range c.curves {
		c.line(curve, i)
		c.legend(curve, i)
	}
	return safeio.WriteFile(path, force, func(w io.Writer) error {
		_, err := vgimg.PngCanvas{Canvas: c.Canvas}.WriteTo(w)
		return err
	})
}

// palette tells curves apart, for the colour-blind too (Okabe and Ito's).
var palette = [...]color.RGBA{{0, 114, 178, 255}, {213, 94, 0, 255}, {0, 158, 115, 255}, {204, 121, 167, 255}, {230, 159, 0, 255},
	{86, 180, 233, 255}}

// The chart's size and margins.
const (
	chartWidth, chartHeight            = 7 * vg.Inch, 4 * vg.Inch
	leftMargin, bottomMargin           = .7 * vg.Inch, .55 * vg.Inch
	rightMargin, topMargin             = .25 * vg.Inch, .3 * vg.Inch
	fontSize                 vg.Length = 10
	wantTicks                          = 6
)

// curve is one name of the history; points that aren't numbers are left out.
type curve struct {
	name string
	x, y []float64
}

// chart maps epochs and values to a canvas.
type chart struct {
	*vgimg.Canvas
	face         font.Face
	curves       []curve
	x0, x1       float64
	y0, y1, step float64
}

func newChart(h *train.History) (*chart, error) {
	ttf, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return nil, err
	}
	name := font.Font{Typeface: "Go"}
	c := &chart{Canvas: vgimg.NewWith(vgimg.UseWH(chartWidth, chartHeight), vgimg.UseDPI(110)),
		face: font.NewCache(font.Collection{{Font: name, Face: ttf}}).Lookup(name, fontSize),
		x0:   math.Inf(1), x1: math.Inf(-1), y0: math.Inf(1), y1: math.Inf(-1)}
	for _, name := range slices.Sorted(maps.Keys(h.Values)) {
		cv := curve{name: name}
		for k, v := range h.Values[name] {
			if v-v == 0 {
				cv.x, cv.y = append(cv.x, float64(h.Epochs[k]+1)), append(cv.y, v)
				c.x0, c.x1 = min(c.x0, cv.x[len(cv.x)-1]), max(c.x1, cv.x[len(cv.x)-1])
				c.y0, c.y1 = min(c.y0, v), max(c.y1, v)
			}
		}
		c.curves = append(c.curves, cv)
	}
	if c.x0 > c.x1 {
		c.x0, c.x1, c.y0, c.y1 = 0, 1, 0, 1
	}
	if c.x0 == c.x1 {
		c.x0, c.x1 = c.x0-.5, c.x1+.5
	}
	if c.y0 == c.y1 {
		c.y0, c.y1 = c.y0-.5, c.y1+.5
	}
	c.step = niceStep((c.y1 - c.y0) / wantTicks)
	c.y0, c.y1 = math.Floor(c.y0/c.step)*c.step, math.Ceil(c.y1/c.step)*c.step
	return c, nil
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

func (c *chart) at(x, y float64) vg.Point {
	return vg.Point{X: leftMargin + vg.Length((x-c.x0)/(c.x1-c.x0))*(chartWidth-leftMargin-rightMargin),
		Y: bottomMargin + vg.Length((y-c.y0)/(c.y1-c.y0))*(chartHeight-bottomMargin-topMargin)}
}

func (c *chart) stroke(points ...vg.Point) {
	var p vg.Path
	p.Move(points[0])
	for _, q := range points[1:] {
		p.Line(q)
	}
	c.Stroke(p)
}

// axes draws the grid, its numbers and what they mean.
func (c *chart) axes() {
	c.SetColor(color.White)
	c.Fill(vg.Rectangle{Max: vg.Point{X: chartWidth, Y: chartHeight}}.Path())
	label := func(text string, at vg.Point, right vg.Length) {
		c.SetColor(color.RGBA{60, 60, 60, 255})
		c.FillString(c.face, vg.Point{X: at.X - right*c.face.Width(text), Y: at.Y}, text)
	}
	grid := func(a, b vg.Point) {
		c.SetColor(color.RGBA{222, 222, 222, 255})
		c.SetLineWidth(vg.Points(.7))
		c.stroke(a, b)
	}
	for i := 0; ; i++ {
		y := c.y0 + float64(i)*c.step
		if y > c.y1+c.step/2 {
			break
		}
		grid(c.at(c.x0, y), c.at(c.x1, y))
		label(strconv.FormatFloat(y, 'f', max(0, -int(math.Floor(math.Log10(c.step)+1e-9))), 64), c.at(c.x0, y).Add(vg.Point{X: -6, Y: -fontSize / 3}), 1)
	}
	step := max(1, math.Round(niceStep((c.x1-c.x0)/10)))
	for x := math.Ceil(c.x0/step) * step; x <= c.x1; x += step {
		grid(c.at(x, c.y0), c.at(x, c.y1))
		label(strconv.Itoa(int(x)), c.at(x, c.y0).Add(vg.Point{Y: -fontSize - 5}), .5)
	}
	label("epoch", c.at((c.x0+c.x1)/2, c.y0).Add(vg.Point{Y: -2*fontSize - 10}), .5)
}

// pen chooses a curve's colour, and dashes for validation.
func (c *chart) pen(cv curve, i int) {
	c.SetColor(palette[i%len(palette)])
	c.SetLineWidth(vg.Points(1.6))
	if strings.HasPrefix(cv.name, "val_") {
		c.SetLineDash([]vg.Length{5, 3}, 0)
	}
}

func (c *chart) line(cv curve, i int) {
	if len(cv.x) == 0 {
		return
	}
	points := make([]vg.Point, len(cv.x))
	for k := range points {
		points[k] = c.at(cv.x[k], cv.y[k])
	}
	c.pen(cv, i)
	c.stroke(points...)
	c.SetLineDash(nil, 0)
	for _, p := range points {
		var dot vg.Path
		dot.Move(vg.Point{X: p.X + 2, Y: p.Y})
		dot.Arc(p, 2, 0, 2*math.Pi)
		dot.Close()
		c.Fill(dot)
	}
}

// legend names a curve above the chart, side by side with the others.
func (c *chart) legend(cv curve, i int) {
	const sample = 22
	at := vg.Point{X: leftMargin, Y: chartHeight - topMargin + 7}
	for _, before := range c.curves[:i] {
		at.X += sample + c.face.Width(before.name) + 18
	}
	c.pen(cv, i)
	c.stroke(at.Add(vg.Point{Y: fontSize / 3}), at.Add(vg.Point{X: sample - 4, Y: fontSize / 3}))
	c.SetLineDash(nil, 0)
	c.SetColor(color.RGBA{60, 60, 60, 255})
	c.FillString(c.face, at.Add(vg.Point{X: sample}), cv.name)
}
