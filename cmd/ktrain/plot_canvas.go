package main

import (
	"bytes"
	"fmt"
	"html"
	"image/color"
	"io"
	"math"
	"strings"

	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/vgimg"
)

// point is a place on a canvas, in points (1/72 inch) from the upper left corner.
type point struct{ x, y float64 }

// ink is a colour by its purpose, so that a canvas may have it look different in the dark.
type ink int

const (
	paper ink = iota
	gridInk
	textInk
	firstCurve // and the following: palette's
)

// palette tells curves apart, for the colour-blind too (Okabe and Ito's); the second is for a dark background.
var palette = [...][2]color.RGBA{
	{{0, 114, 178, 255}, {86, 180, 233, 255}}, {{213, 94, 0, 255}, {255, 140, 66, 255}}, {{0, 158, 115, 255}, {38, 196, 150, 255}},
	{{204, 121, 167, 255}, {232, 155, 200, 255}}, {{230, 159, 0, 255}, {240, 184, 60, 255}}, {{86, 180, 233, 255}, {150, 210, 250, 255}},
}

// curveInk is the ink of the nth curve.
func curveInk(n int) ink { return firstCurve + ink(n%len(palette)) }

// rgb is how an ink looks.
func (i ink) rgb(dark bool) color.RGBA {
	at := 0
	if dark {
		at = 1
	}
	switch i {
	case paper:
		return [...]color.RGBA{{255, 255, 255, 255}, {24, 26, 30, 255}}[at]
	case gridInk:
		return [...]color.RGBA{{222, 222, 222, 255}, {62, 66, 72, 255}}[at]
	case textInk:
		return [...]color.RGBA{{60, 60, 60, 255}, {208, 210, 214, 255}}[at]
	}
	return palette[int(i-firstCurve)%len(palette)][at]
}

// Sizes of text and lines.
const (
	fontSize  = 10.0
	thin      = 0.7
	thick     = 1.6
	dotRadius = 2.0
)

// canvas is what charts are drawn on.
type canvas interface {
	// line joins points; dashed ones are validation's.
	line(i ink, width float64, dashed bool, points ...point)
	// dot is a filled circle; a faint one lets through what is under it.
	dot(i ink, at point, radius float64, faint bool)
	// text is written on the baseline at; anchor is where in the text at is: 0 its begin, 1 its end.
	text(at point, anchor float64, s string)
	writeTo(w io.Writer) error
}

// typeface measures text, and draws it into pictures.
func typeface() (font.Face, error) {
	ttf, err := opentype.Parse(goregular.TTF)
	if err != nil {
		return font.Face{}, err
	}
	name := font.Font{Typeface: "Go"}
	return font.NewCache(font.Collection{{Font: name, Face: ttf}}).Lookup(name, vg.Length(fontSize)), nil
}

// newCanvas is a picture, or an SVG drawing for paths that end so.
func newCanvas(path string, width, height float64, face font.Face) canvas {
	if strings.HasSuffix(strings.ToLower(path), ".svg") {
		return &drawing{width: width, height: height}
	}
	p := &picture{vgimg.NewWith(vgimg.UseWH(vg.Length(width), vg.Length(height)), vgimg.UseDPI(110)), face, vg.Length(height)}
	p.SetColor(paper.rgb(false))
	p.Fill(vg.Rectangle{Max: vg.Point{X: vg.Length(width), Y: vg.Length(height)}}.Path())
	return p
}

// picture is a PNG. It stands on gonum/plot's canvas rather than on its Plot, which would put twelve fonts and four more
// file formats (six megabytes) into the program.
type picture struct {
	*vgimg.Canvas
	face   font.Face
	height vg.Length // gonum's y grows upwards
}

func (p *picture) at(q point) vg.Point {
	return vg.Point{X: vg.Length(q.x), Y: p.height - vg.Length(q.y)}
}

func (p *picture) line(i ink, width float64, dashed bool, points ...point) {
	var path vg.Path
	for k, q := range points {
		if k == 0 {
			path.Move(p.at(q))
		} else {
			path.Line(p.at(q))
		}
	}
	p.SetColor(i.rgb(false))
	p.SetLineWidth(vg.Points(width))
	if dashed {
		p.SetLineDash([]vg.Length{5, 3}, 0)
	}
	p.Stroke(path)
	p.SetLineDash(nil, 0)
}

func (p *picture) dot(i ink, at point, radius float64, faint bool) {
	c := i.rgb(false)
	if faint {
		c = color.RGBA{c.R/2 + 127, c.G/2 + 127, c.B/2 + 127, 255}
	}
	p.SetColor(c)
	q, r := p.at(at), vg.Length(radius)
	var path vg.Path
	path.Move(vg.Point{X: q.X + r, Y: q.Y})
	path.Arc(q, r, 0, 2*math.Pi)
	path.Close()
	p.Fill(path)
}

func (p *picture) text(at point, anchor float64, s string) {
	q := p.at(at)
	p.SetColor(textInk.rgb(false))
	p.FillString(p.face, vg.Point{X: q.X - vg.Length(anchor)*p.face.Width(s), Y: q.Y}, s)
}

func (p *picture) writeTo(w io.Writer) error {
	_, err := vgimg.PngCanvas{Canvas: p.Canvas}.WriteTo(w)
	return err
}

// drawing is an SVG file that follows the reader's choice of light and dark.
type drawing struct {
	width, height float64
	body          bytes.Buffer
}

func (d *drawing) line(i ink, width float64, dashed bool, points ...point) {
	if len(points) == 0 {
		return
	}
	fmt.Fprintf(&d.body, `<polyline class="s%d" stroke-width="%g"`, i, width)
	if dashed {
		d.body.WriteString(` stroke-dasharray="5 3"`)
	}
	d.body.WriteString(` points="`)
	for k, p := range points {
		if k > 0 {
			d.body.WriteByte(' ')
		}
		fmt.Fprintf(&d.body, "%.2f,%.2f", p.x, p.y)
	}
	d.body.WriteString("\"/>\n")
}

func (d *drawing) dot(i ink, at point, radius float64, faint bool) {
	opacity := ""
	if faint {
		opacity = ` opacity="0.5"`
	}
	fmt.Fprintf(&d.body, "<circle class=\"f%d\" cx=\"%.2f\" cy=\"%.2f\" r=\"%.2f\"%s/>\n", i, at.x, at.y, radius, opacity)
}

func (d *drawing) text(at point, anchor float64, s string) {
	where := ""
	if anchor == 1 {
		where = ` text-anchor="end"`
	} else if anchor > 0 {
		where = ` text-anchor="middle"`
	}
	fmt.Fprintf(&d.body, "<text x=\"%.2f\" y=\"%.2f\"%s>%s</text>\n", at.x, at.y, where, html.EscapeString(strings.ToValidUTF8(s, "\uFFFD")))
}

// style is the drawing's colours, by day or by night.
func style(w io.Writer, dark bool) {
	for i := paper; i < firstCurve+ink(len(palette)); i++ {
		c := i.rgb(dark)
		fmt.Fprintf(w, ".f%d{fill:#%02x%02x%02x}.s%d{stroke:#%02x%02x%02x;fill:none}", i, c.R, c.G, c.B, i, c.R, c.G, c.B)
	}
	c := textInk.rgb(dark)
	fmt.Fprintf(w, "text{fill:#%02x%02x%02x}", c.R, c.G, c.B)
}

func (d *drawing) writeTo(w io.Writer) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %g %g\" width=\"%gpt\" height=\"%gpt\" font-family=\"sans-serif\" font-size=\"%g\">\n<style>",
		d.width, d.height, d.width, d.height, fontSize)
	style(&b, false)
	b.WriteString("\n@media (prefers-color-scheme: dark){")
	style(&b, true)
	fmt.Fprintf(&b, "}</style>\n<rect class=\"f%d\" width=\"100%%\" height=\"100%%\"/>\n", paper)
	b.Write(d.body.Bytes())
	b.WriteString("</svg>\n")
	_, err := w.Write(b.Bytes())
	return err
}
