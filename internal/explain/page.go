package explain

import (
	"math"
	"strconv"
	"strings"
)

// page is what is told, before it becomes text or HTML; both show the same strings.
type page struct {
	title    string
	sections []*section
}

// section is a chapter, or with a step, a part of that step.
type section struct {
	id, title string
	step      int // 0: of no step
	blocks    []any
}

// What a section holds: paragraphs, formulas, tables, figures.
type (
	para    string
	formula []string // lines "name = symbols = arithmetic = number": the arithmetic gives the number
	table   struct {
		caption string
		corner  string // above the rows' names
		cols    []string
		rows    []row
		heat    bool // colours by value, where there are colours
	}
	row struct {
		name  string
		cells []string
		sum   bool // set off from those above
	}
	figure struct {
		alt  string
		text []string // for the terminal; none: it isn't shown there
		svg  string
	}
)

func (p *page) section(id, title string, step int) *section {
	s := &section{id: id, title: title, step: step}
	p.sections = append(p.sections, s)
	return s
}

func (s *section) add(blocks ...any) { s.blocks = append(s.blocks, blocks...) }

func (t *table) row(name string, cells ...string) {
	t.rows = append(t.rows, row{name: name, cells: cells})
}

func (t *table) total(name string, cells ...string) {
	t.rows = append(t.rows, row{name, cells, true})
}

// digitsShown is the number of significant digits that are printed.
const digitsShown = 7

// num prints seven significant digits.
func num[F float32 | float64](v F) string {
	f := float64(v)
	a := math.Abs(f)
	switch {
	case f == 0:
		return "0"
	case a < 1e-4 || a >= 1e7 || f-f != 0:
		return strconv.FormatFloat(f, 'e', digitsShown-1, 64)
	}
	exact := strconv.FormatFloat(f, 'e', digitsShown-1, 64) // rounded first: 0.99999999 is 1.000000
	e, _ := strconv.Atoi(exact[strings.IndexByte(exact, 'e')+1:])
	return strconv.FormatFloat(f, 'f', digitsShown-1-e, 64)
}

// fine prints nine decimals, for losses whose difference counts.
func fine(v float64) string { return strconv.FormatFloat(v, 'f', 9, 64) }

// bracket puts negative numbers in brackets, for products and differences.
func bracket[F float32 | float64](v F) string {
	if v < 0 {
		return "(" + num(v) + ")"
	}
	return num(v)
}

func count(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}
