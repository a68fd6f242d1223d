package explain

import (
	"bufio"
	_ "embed"
	"fmt"
	"html"
	"io"
	"math"
	"strconv"
	"strings"
)

//go:embed page.css
var style string

// web writes HTML that is XML, too.
type web struct{ *bufio.Writer }

// WriteHTML tells the lesson as one web page that needs nothing from elsewhere.
func (l *Lesson) WriteHTML(w io.Writer) error {
	t := web{bufio.NewWriter(w)}
	p := l.tell()
	fmt.Fprintf(t, `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<title>%[1]s</title>
<style>
%[2]s</style>
</head>
<body>
<a class="skip" href="#main">To the lesson</a>
<header><h1>%[1]s</h1></header>
<nav aria-label="Contents"><ol>
`, html.EscapeString(p.title), style)
	for _, s := range p.sections {
		fmt.Fprintf(t, "<li><a href=\"#%s\">%s</a></li>\n", s.id, html.EscapeString(s.title))
	}
	fmt.Fprint(t, "</ol></nav>\n<main id=\"main\">\n")
	for _, s := range p.sections {
		t.section(s)
	}
	fmt.Fprint(t, "</main>\n</body>\n</html>\n")
	return t.Flush()
}

// section is one that can be folded.
func (t web) section(s *section) {
	fmt.Fprintf(t, "<section id=\"%s\">\n<details open=\"open\">\n<summary><h2>%s</h2></summary>\n", s.id, html.EscapeString(s.title))
	for _, b := range s.blocks {
		switch b := b.(type) {
		case para:
			fmt.Fprintf(t, "<p>%s</p>\n", html.EscapeString(string(b)))
		case formula:
			fmt.Fprint(t, "<ul class=\"formula\">\n")
			for _, line := range b {
				fmt.Fprintf(t, "<li>%s</li>\n", html.EscapeString(line))
			}
			fmt.Fprint(t, "</ul>\n")
		case table:
			t.table(b)
		case figure:
			if b.svg != "" {
				fmt.Fprintf(t, "<figure>\n%s<figcaption>%s</figcaption>\n</figure>\n", b.svg, html.EscapeString(b.alt))
			}
		}
	}
	fmt.Fprint(t, "</details>\n</section>\n")
}

func (t web) table(b table) {
	caption := html.EscapeString(b.caption)
	fmt.Fprintf(t, "<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"%s\">\n<table>\n<caption>%s</caption>\n<thead><tr><th scope=\"col\">%s</th>",
		caption, caption, html.EscapeString(b.corner))
	for _, c := range b.cols {
		fmt.Fprintf(t, "<th scope=\"col\">%s</th>", html.EscapeString(c))
	}
	fmt.Fprint(t, "</tr></thead>\n<tbody>\n")
	var top float64
	for _, r := range b.rows {
		for _, c := range r.cells {
			if v, err := strconv.ParseFloat(c, 64); err == nil {
				top = max(top, math.Abs(v))
			}
		}
	}
	for _, r := range b.rows {
		class := ""
		if r.sum {
			class = ` class="sum"`
		}
		fmt.Fprintf(t, "<tr%s><th scope=\"row\">%s</th>", class, html.EscapeString(r.name))
		for _, c := range r.cells {
			heat := ""
			if v, err := strconv.ParseFloat(c, 64); err == nil && b.heat && v != 0 {
				heat = fmt.Sprintf(` class="%s" style="--a:%.0f%%"`, side(v), 70*math.Abs(v)/top)
			}
			fmt.Fprintf(t, "<td%s>%s</td>", heat, html.EscapeString(c))
		}
		fmt.Fprint(t, "</tr>\n")
	}
	fmt.Fprint(t, "</tbody>\n</table>\n</div>\n")
}

// side is the CSS class of numbers above and below 0.
func side[F float32 | float64](v F) string {
	if v < 0 {
		return "neg"
	}
	return "pos"
}

// drawing collects an SVG.
type drawing struct{ strings.Builder }

// newDrawing starts one; alt is what a screen reader says.
func newDrawing(width, height int, alt string) *drawing {
	d := &drawing{}
	fmt.Fprintf(d, "<svg role=\"img\" viewBox=\"0 0 %d %d\" width=\"%d\" aria-label=\"%s\">\n", width, height, width, html.EscapeString(alt))
	return d
}

func (d *drawing) end() string { return d.String() + "</svg>\n" }

func (d *drawing) f(format string, args ...any) { fmt.Fprintf(&d.Builder, format+"\n", args...) }

// text writes centred ("middle"), or from ("start") or up to ("end") x.
func (d *drawing) text(x, y float64, anchor, s string) {
	d.f(`<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>`, x, y, anchor, html.EscapeString(s))
}
