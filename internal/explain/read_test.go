package explain

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// printed is what a reader finds in the text.
type printed struct {
	tables   map[string]*grid
	captions []string
	formulas []string
	paras    []string
}

// grid is a table; used marks the cells that a check has looked at.
type grid struct {
	corner string
	cols   []string
	names  []string
	cells  [][]string
	used   [][]bool
}

var columns = regexp.MustCompile(` {2,}`)

// read takes text of great width apart.
func read(text string) (*printed, error) {
	p := &printed{tables: map[string]*grid{}}
	for _, block := range strings.Split(text, "\n\n") {
		lines := strings.Split(strings.Trim(block, "\n"), "\n")
		switch {
		case strings.HasPrefix(lines[0], "    ") && strings.ContainsAny(lines[0], "|>"):
		case strings.HasPrefix(lines[0], "    "):
			for _, line := range lines {
				p.formulas = append(p.formulas, strings.TrimSpace(line))
			}
		case len(lines) > 1 && strings.HasPrefix(lines[1], "=="):
		case len(lines) > 2 && columns.MatchString(lines[1]):
			head := columns.Split(lines[1], -1)
			g := &grid{corner: head[0], cols: head[1:]}
			for _, line := range lines[2:] {
				f := columns.Split(line, -1)
				if len(f) != len(head) {
					return nil, fmt.Errorf("%s: line %q has %d cells, the head %q %d", lines[0], line, len(f), lines[1], len(head))
				}
				g.names, g.cells, g.used = append(g.names, f[0]), append(g.cells, f[1:]), append(g.used, make([]bool, len(f)-1))
			}
			if p.tables[lines[0]] != nil {
				return nil, fmt.Errorf("two tables are named %q", lines[0])
			}
			p.tables[lines[0]], p.captions = g, append(p.captions, lines[0])
		default:
			p.paras = append(p.paras, strings.Join(lines, " "))
		}
	}
	return p, nil
}

// col is the number of a column, -1 if there is none.
func (g *grid) col(name string) int {
	for i, c := range g.cols {
		if c == name {
			return i
		}
	}
	return -1
}

func (g *grid) row(name string) int {
	for i, n := range g.names {
		if n == name {
			return i
		}
	}
	return -1
}

// at reads a cell; NaN if it isn't there or isn't a number.
func (g *grid) at(row, col string) float64 {
	r, c := g.row(row), g.col(col)
	if r < 0 || c < 0 {
		return math.NaN()
	}
	v, err := strconv.ParseFloat(g.cells[r][c], 64)
	if err != nil {
		return math.NaN()
	}
	return v
}

// numeral is a number as it stands in prose or a formula.
var numeral = regexp.MustCompile(`\d[\d,]*(\.\d+)?(e[-+]\d+)?`)

// calculate evaluates arithmetic as a reader would: + - × / ^ and sqrt, ln, exp of numbers.
func calculate(s string) (float64, bool) {
	s = regexp.MustCompile(`(\([^()]*\)|[\d.e-]+)\^(\d+)`).ReplaceAllString(strings.ReplaceAll(s, "×", "*"), "pow($1, $2)")
	e, err := parser.ParseExpr(s)
	if err != nil {
		return 0, false
	}
	return value(e)
}

func value(e ast.Expr) (float64, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		v, err := strconv.ParseFloat(e.Value, 64)
		return v, err == nil
	case *ast.ParenExpr:
		return value(e.X)
	case *ast.UnaryExpr:
		v, ok := value(e.X)
		return -v, ok && e.Op == token.SUB
	case *ast.CallExpr:
		f, ok := e.Fun.(*ast.Ident)
		if !ok {
			return 0, false
		}
		var in []float64
		for _, a := range e.Args {
			v, ok := value(a)
			if !ok {
				return 0, false
			}
			in = append(in, v)
		}
		switch {
		case f.Name == "pow" && len(in) == 2:
			return math.Pow(in[0], in[1]), true
		case len(in) != 1:
			return 0, false
		case f.Name == "sqrt":
			return math.Sqrt(in[0]), true
		case f.Name == "ln":
			return math.Log(in[0]), true
		case f.Name == "exp":
			return math.Exp(in[0]), true
		}
	case *ast.BinaryExpr:
		a, ok := value(e.X)
		b, ok2 := value(e.Y)
		if !ok || !ok2 {
			return 0, false
		}
		switch e.Op {
		case token.ADD:
			return a + b, true
		case token.SUB:
			return a - b, true
		case token.MUL:
			return a * b, true
		case token.QUO:
			return a / b, true
		}
	}
	return 0, false
}
