package npy

import (
	"errors"
	"fmt"
	"strconv"
)

// literal is a header's dictionary.
type literal struct {
	descr      string
	structured bool // descr is a list of fields
	fortran    bool
	shape      []int
}

// parseLiteral reads the Python dictionary {'descr': ..., 'fortran_order':
// ..., 'shape': ...} and nothing else: three keys in any order, each once.
func parseLiteral(text []byte) (literal, error) {
	p := &literalParser{s: text}
	var lit literal
	seen := map[string]bool{}
	p.want('{')
	for p.err == nil && !p.is('}') {
		key := p.quoted()
		p.want(':')
		if p.err == nil && seen[key] {
			p.fail(fmt.Sprintf("the key %q twice", key))
		}
		seen[key] = true
		switch key {
		case "descr":
			if p.peek() == '[' {
				// A structured type is refused; what is in it doesn't matter.
				return literal{structured: true}, nil
			}
			lit.descr = p.quoted()
		case "fortran_order":
			lit.fortran = p.boolean()
		case "shape":
			lit.shape = p.tuple()
		default:
			p.fail(fmt.Sprintf("the key %q", key))
		}
		if !p.is(',') {
			break
		}
	}
	if p.at == 0 || p.s[p.at-1] != '}' {
		p.want('}')
	}
	if p.space(); p.err == nil && p.at < len(p.s) {
		p.fail("text after the dictionary")
	}
	if p.err == nil && len(seen) != 3 {
		p.fail("a key is missing")
	}
	return lit, p.err
}

// literalParser stops at its first error.
type literalParser struct {
	s   []byte
	at  int
	err error
}

func (p *literalParser) fail(msg string) {
	if p.err == nil {
		p.err = fmt.Errorf("at byte %d: %s", p.at, msg)
	}
}

func (p *literalParser) space() {
	for p.at < len(p.s) && (p.s[p.at] == ' ' || p.s[p.at] == '\n' || p.s[p.at] == '\t') {
		p.at++
	}
}

// peek is the next byte that isn't space, 0 at the end.
func (p *literalParser) peek() byte {
	if p.space(); p.err == nil && p.at < len(p.s) {
		return p.s[p.at]
	}
	return 0
}

// is takes c if it is next.
func (p *literalParser) is(c byte) bool {
	if p.peek() != c {
		return false
	}
	p.at++
	return true
}

func (p *literalParser) want(c byte) {
	if p.err == nil && !p.is(c) {
		p.fail(fmt.Sprintf("want %q", c))
	}
}

// quoted reads a string without escapes.
func (p *literalParser) quoted() string {
	q := p.peek()
	if q != '\'' && q != '"' {
		p.fail("want a string")
		return ""
	}
	p.at++
	for i := p.at; i < len(p.s); i++ {
		switch p.s[i] {
		case q:
			v := string(p.s[p.at:i])
			p.at = i + 1
			return v
		case '\\', '\n':
			p.fail("an escape in a string")
			return ""
		}
	}
	p.fail("a string without an end")
	return ""
}

func (p *literalParser) boolean() bool {
	p.space()
	for _, v := range []string{"True", "False"} {
		if len(p.s)-p.at >= len(v) && string(p.s[p.at:p.at+len(v)]) == v {
			p.at += len(v)
			return v == "True"
		}
	}
	p.fail("want True or False")
	return false
}

// tuple reads (), (3,), (3, 4) or (3, 4,); Python 2's 3L too.
func (p *literalParser) tuple() []int {
	var dims []int
	p.want('(')
	for p.err == nil && !p.is(')') {
		p.space()
		from := p.at
		for p.at < len(p.s) && p.s[p.at] >= '0' && p.s[p.at] <= '9' {
			p.at++
		}
		d, err := strconv.Atoi(string(p.s[from:p.at]))
		if err != nil {
			if errors.Is(err, strconv.ErrRange) {
				p.fail("a dimension that is too large")
			} else {
				p.fail("want a dimension")
			}
			return nil
		}
		p.is('L')
		dims = append(dims, d)
		if !p.is(',') {
			if len(dims) == 1 {
				p.fail("want a tuple")
				return nil
			}
			p.want(')')
			return dims
		}
	}
	return dims
}
