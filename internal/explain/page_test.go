package explain

import (
	"bytes"
	"context"
	"encoding/xml"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"kerasgo/imaging"
)

// element is one of the page.
type element struct {
	name     string
	attr     map[string]string
	text     string
	children []*element
}

// parsePage reads the page as XML, which is stricter than HTML: everything is closed, quoted and escaped.
func parsePage(t *testing.T, raw []byte) *element {
	t.Helper()
	raw, ok := bytes.CutPrefix(raw, []byte("<!DOCTYPE html>\n"))
	if !ok {
		t.Fatal("no doctype")
	}
	top := &element{}
	stack := []*element{top}
	d := xml.NewDecoder(bytes.NewReader(raw))
	for {
		token, err := d.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		last := stack[len(stack)-1]
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name.Local, attr: map[string]string{}}
			for _, a := range token.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			last.children = append(last.children, e)
			stack = append(stack, e)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			last.text += string(token)
		}
	}
	return top
}

// all are the elements of a name, in the page's order.
func (e *element) all(name string) (out []*element) {
	for _, c := range e.children {
		if c.name == name {
			out = append(out, c)
		}
		out = append(out, c.all(name)...)
	}
	return out
}

func rendered(t *testing.T, l *Lesson) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := l.WriteHTML(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestPage holds the page to the text: the same tables, formulas and paragraphs, and in pictures no other numbers.
func TestPage(t *testing.T) {
	for _, change := range []func(*Options){func(*Options) {}, func(o *Options) { o.Steps = 2 }, func(o *Options) { o.Size, o.Units = 28, 128 }} {
		o := standard()
		change(&o)
		l := lesson(t, o)
		p, err := read(told(t, l, wide))
		if err != nil {
			t.Fatal(err)
		}
		page := parsePage(t, rendered(t, l))
		tables := page.all("table")
		if len(tables) != len(p.captions) {
			t.Fatalf("%d tables, the text has %d", len(tables), len(p.captions))
		}
		for i, table := range tables {
			g := p.tables[p.captions[i]]
			if c := table.all("caption"); len(c) != 1 || c[0].text != p.captions[i] {
				t.Fatalf("table %d isn't %s", i, p.captions[i])
			}
			lines := table.all("tr")
			want := [][]string{append([]string{g.corner}, g.cols...)}
			for r, name := range g.names {
				want = append(want, append([]string{name}, g.cells[r]...))
			}
			if len(lines) != len(want) {
				t.Fatalf("%s has %d lines, in the text %d", p.captions[i], len(lines), len(want))
			}
			for r, line := range lines {
				var got []string
				for _, cell := range line.children {
					got = append(got, cell.text)
				}
				if strings.Join(got, "|") != strings.Join(want[r], "|") {
					t.Errorf("%s: %q, in the text %q", p.captions[i], got, want[r])
				}
			}
		}
		var formulas, paras []string
		for _, ul := range page.all("ul") {
			for _, li := range ul.all("li") {
				formulas = append(formulas, li.text)
			}
		}
		for _, e := range page.all("p") {
			paras = append(paras, e.text)
		}
		if strings.Join(formulas, "\n") != strings.Join(p.formulas, "\n") {
			t.Error("formulas differ")
		}
		if got, want := strings.Join(paras, "\n"), strings.Join(p.paras[1:], "\n"); got != want { // the first is the title
			t.Errorf("paragraphs differ:\n%s\n\n%s", got, want)
		}
		h := hand{printed: p}
		known := h.numbers()
		for _, svg := range page.all("svg") {
			for _, e := range svg.all("text") {
				if strings.Contains(e.text, ".") && !known[e.text] && !rounded(known, e.text) {
					t.Errorf("a picture shows %q, which is in no table", e.text)
				}
			}
		}
	}
}

// rounded says whether a short number in a picture is a printed one, rounded, or the loss to reach.
func rounded(known map[string]bool, short string) bool {
	if short == "loss 0.05" {
		return true
	}
	for n := range known {
		if v, ok := calculate(n); ok {
			if s, ok := calculate(short); ok && utf8.RuneCountInString(short) >= 4 && abs(v-s) <= .0051 && (len(short) < 5 || abs(v-s) <= .00051) {
				return true
			}
		}
	}
	return false
}

func abs(v float64) float64 { return max(v, -v) }

// TestPageStandsAlone looks for what a page in a file must do without, and for what readers without a mouse or without
// eyes need.
func TestPageStandsAlone(t *testing.T) {
	raw := rendered(t, lesson(t, standard()))
	for _, no := range []string{"http:", "https:", "src=", "<script", "<link", "@import", "url(", "NaN", "Inf"} {
		if bytes.Contains(raw, []byte(no)) {
			t.Errorf("the page holds %q", no)
		}
	}
	if !bytes.Contains(raw, []byte("prefers-color-scheme: dark")) {
		t.Error("no dark colours")
	}
	page := parsePage(t, raw)
	ids := map[string]int{}
	for _, name := range []string{"section", "main"} {
		for _, e := range page.all(name) {
			ids[e.attr["id"]]++
		}
	}
	for id, n := range ids {
		if n != 1 || id == "" {
			t.Errorf("%d elements have the id %q", n, id)
		}
	}
	links := page.all("a")
	if len(links) != len(ids) {
		t.Errorf("%d links to %d places", len(links), len(ids))
	}
	for _, a := range links {
		if ids[strings.TrimPrefix(a.attr["href"], "#")] != 1 {
			t.Errorf("the link %q leads nowhere", a.attr["href"])
		}
	}
	for _, svg := range page.all("svg") {
		if svg.attr["role"] != "img" || svg.attr["aria-label"] == "" {
			t.Error("a picture without words")
		}
	}
	if n := len(page.all("svg")); n != 6 {
		t.Errorf("%d pictures", n)
	}
	for _, s := range page.all("section") {
		if d := s.children; len(d) != 1 || d[0].name != "details" || d[0].children[0].name != "summary" || len(d[0].all("h2")) != 1 {
			t.Errorf("section %s can't be folded", s.attr["id"])
		}
	}
	for _, th := range page.all("th") {
		if th.attr["scope"] == "" {
			t.Fatal("a table's head without scope")
		}
	}
	if h := page.all("html"); len(h) != 1 || h[0].attr["lang"] != "en" {
		t.Error("the page's language isn't told")
	}
}

// TestTextFits looks at the text in a terminal of 80 columns.
func TestTextFits(t *testing.T) {
	l := lesson(t, standard())
	text := told(t, l, TextOptions{Columns: 80})
	for _, line := range strings.Split(text, "\n") {
		if n := utf8.RuneCountInString(line); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if strings.Contains(text, "\x1b") || strings.Contains(text, "continued") {
		t.Error("colours nobody asked for, or a table that doesn't fit")
	}
	narrow := told(t, l, TextOptions{Columns: 50})
	if !strings.Contains(narrow, "Pixels times weights, step 1, continued\n") {
		t.Error("a wide table isn't broken up")
	}
	bright := told(t, l, TextOptions{Columns: 80, Color: true})
	if !strings.Contains(bright, "\x1b[1;36mThe picture\x1b[0m") || len(strip(bright)) != len(text) || strip(bright) != text {
		t.Error("colours change more than colours")
	}
	if told(t, lesson(t, standard()), TextOptions{Columns: 80}) != text {
		t.Error("the same seed tells another story")
	}
}

func strip(s string) string {
	for _, code := range []string{"1;36", "1", "2", "0"} {
		s = strings.ReplaceAll(s, "\x1b["+code+"m", "")
	}
	return s
}

// TestRefused are options and pictures that can't be explained.
func TestRefused(t *testing.T) {
	black := &imaging.Image{W: 28, H: 28, C: 1, Pix: make([]byte, 28*28)}
	for want, change := range map[string]func(*Options){
		"the digit must be 0 to 9, found 10":                  func(o *Options) { o.Digit = 10 },
		"the picture must be 1 to 28 pixels wide, found 29":   func(o *Options) { o.Size = 29 },
		"the hidden layer must have 1 to 1024 units, found 0": func(o *Options) { o.Units = 0 },
		"the learning rate must be above 0, found -1":         func(o *Options) { o.Rate = -1 },
		"the loss to reach must be 0 or more, found -0.5":     func(o *Options) { o.Until = -.5 },
		"the most steps must be 1 to 100000, found 0":         func(o *Options) { o.Most = 0 },
		"no more than the most steps, found 3":                func(o *Options) { o.Most, o.Steps = 2, 3 },
		"the picture is black":                                func(o *Options) { o.Picture = black },
		"the loss is NaN at step 2/2":                         func(o *Options) { o.Rate = 1e38 },
	} {
		o := standard()
		change(&o)
		if _, err := New(context.Background(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, expected %q", err, want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := New(ctx, standard()); err == nil {
		t.Error("goes on though nobody waits")
	}
}

// TestDigits learns each digit, of the pictures that come along.
func TestDigits(t *testing.T) {
	for d := range classes {
		o := standard()
		o.Digit, o.Units = d, 16
		if l := lesson(t, o); !l.reached || len(l.ink) < 5 {
			t.Errorf("%d isn't learnt in %d steps", d, len(l.losses)-1)
		}
	}
}
