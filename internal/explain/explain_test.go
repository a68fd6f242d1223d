package explain

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
)

// standard are the options that ktrain explain has by itself.
func standard() Options {
	return Options{Digit: 7, Size: 7, Units: 4, Seed: 5, Rate: .001, Until: .05, Most: 10_000, Steps: 1}
}

func lesson(t testing.TB, o Options) *Lesson {
	t.Helper()
	l, err := New(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func told(t testing.TB, l *Lesson, o TextOptions) string {
	t.Helper()
	var b strings.Builder
	if err := l.WriteText(&b, o); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// wide is room for every table.
var wide = TextOptions{Columns: 1 << 20}

// TestByHand recomputes every printed number from the others.
func TestByHand(t *testing.T) {
	cases := map[string]func(*Options){
		"standard":   func(*Options) {},
		"five steps": func(o *Options) { o.Steps, o.Digit, o.Units, o.Seed = 5, 3, 6, 1 },
		"odd size":   func(o *Options) { o.Size, o.Units, o.Rate, o.Until = 9, 3, .01, .5 },
		"silent":     func(o *Options) { o.Seed = 0 },
		"one unit":   func(o *Options) { o.Units, o.Size, o.Most, o.Seed = 1, 4, 20, 2 },
		"first":      func(o *Options) { o.Size, o.Units, o.Steps = 28, 128, 2 },
	}
	if !testing.Short() {
		cases["first, all of it"] = func(o *Options) { o.Size, o.Units, o.All = 28, 24, true }
	}
	for name, change := range cases {
		t.Run(name, func(t *testing.T) {
			o := standard()
			change(&o)
			for _, e := range checkByHand(told(t, lesson(t, o), wide), o) {
				t.Error(e)
			}
		})
	}
}

// again goes on from the printed weights to the end, and compares the losses on the way.
func (h *hand) again() {
	u, d := h.o.Units, h.o.Digit
	g := h.tables["Loss"]
	last, err := strconv.Atoi(g.names[len(g.names)-1])
	if err != nil || last > h.o.Most {
		h.bad("the last step is %q", g.names[len(g.names)-1])
		return
	}
	losses := map[int]float64{}
	for t := h.o.Steps; t <= last; t++ { // so many steps are made
		z, a, _, p, loss := h.forward()
		losses[t] = loss
		var grad [4]map[int]float64
		for k := range grad {
			grad[k] = map[int]float64{}
		}
		for c := range 10 {
			grad[3][c] = p[c]
		}
		grad[3][d]--
		for j := range u {
			var dh float64
			for c := range 10 {
				dh += grad[3][c] * h.w[2][j*10+c]
				grad[2][j*10+c] = a[j] * grad[3][c]
			}
			if z[j] <= 0 {
				dh = 0
			}
			grad[1][j] = dh
			for _, i := range h.ink {
				grad[0][i*u+j] = h.x[i] * dh
			}
		}
		n := float64(t + 1)
		rate := h.o.Rate * math.Sqrt(1-math.Pow(.999, n)) / (1 - math.Pow(.9, n))
		for k := range grad {
			for i, v := range grad[k] {
				h.m[k][i] = .9*h.m[k][i] + .1*v
				h.v[k][i] = .999*h.v[k][i] + .001*v*v
				h.w[k][i] -= rate * h.m[k][i] / (math.Sqrt(h.v[k][i]) + 1e-7)
			}
		}
	}
	for i, name := range g.names {
		t, _ := strconv.Atoi(name)
		want, ok := losses[t]
		if !ok { // told in full
			want, _ = h.printedLoss(t)
		}
		if got := g.at(name, "loss"); !(math.Abs(got-want) <= 1e-3*want) {
			h.bad("the loss after %s steps is printed as %v, by hand %v", name, got, want)
		}
		h.want("Loss", name, g.cols[1], math.Exp(-g.at(name, "loss")), 0)
		g.used[i][0] = true
	}
	if reached := losses[last] < h.o.Until; !reached && last < h.o.Most {
		h.bad("training stops after %d steps at %v", last, losses[last])
	}
	if before, ok := losses[last-1]; ok && before < h.o.Until*.999 {
		h.bad("the loss is %v a step before the last", before)
	}
}

// printedLoss is the loss of a step that is told, before it is made.
func (h *hand) printedLoss(made int) (float64, bool) {
	p := h.tables[fmt.Sprintf("Softmax, step %d", made+1)]
	if p == nil {
		return math.NaN(), false
	}
	return -math.Log(p.at(fmt.Sprint(h.o.Digit), "p = exp / sum")), true
}

// sums evaluates the arithmetic in all formulas.
func (h *hand) sums() {
	known := h.numbers()
	for _, f := range h.formulas {
		parts := strings.Split(f, " = ")
		result := parts[len(parts)-1]
		got, err := strconv.ParseFloat(result, 64)
		if err != nil {
			continue // an equation without numbers
		}
		arithmetic := parts[len(parts)-2]
		switch want, ok := calculate(arithmetic); {
		case strings.HasPrefix(f, "loss with the weight at "): // the next formula is made of it
		case ok:
			var terms float64 // how large what was added up is
			if strings.Contains(arithmetic, " - ") {
				terms = 1e-5
				for _, n := range numeral.FindAllString(arithmetic, -1) {
					v, _ := strconv.ParseFloat(n, 64)
					terms = max(terms, math.Abs(v))
				}
			}
			if strings.HasPrefix(f, "numeric gradient") {
				terms = 1e-2
			}
			if !(math.Abs(got-want) <= 1e-5*max(math.Abs(want), terms*.2)) {
				h.bad("%s: that is %.9g", f, want)
			}
		case !known[result]:
			h.bad("%s: the number is nowhere else", f)
		}
	}
}

// numbers are those that tables and formulas hold.
func (h *hand) numbers() map[string]bool {
	known := map[string]bool{}
	for _, g := range h.tables {
		for _, line := range g.cells {
			for _, c := range line {
				known[strings.TrimPrefix(c, "-")] = true
				known[c] = true
			}
		}
	}
	return known
}

// everything requires that each cell was compared, and that prose tells no number with a point that isn't in a table, a
// formula or the options.
func (h *hand) everything() {
	if len(h.errs) > 0 {
		return
	}
	known := h.numbers()
	for _, f := range h.formulas {
		for _, n := range numeral.FindAllString(f, -1) {
			known[n] = true
		}
	}
	for _, n := range []string{"2.302585", "0.0000001", "1e-06", fmt.Sprint(h.o.Until), fmt.Sprint(nudge)} {
		known[n] = true
	}
	for _, name := range h.captions {
		g := h.tables[name]
		for r := range g.cells {
			for c, cell := range g.cells[r] {
				if !g.used[r][c] && cell != "." && (h.full || name != "Loss") {
					h.bad("%s: nobody checked %s, %s", name, g.names[r], g.cols[c])
				}
			}
		}
	}
	for _, p := range h.paras {
		for _, n := range numeral.FindAllString(p, -1) {
			if strings.Contains(n, ".") && !known[n] {
				h.bad("%q: %s is nowhere else", p, n)
			}
		}
	}
}

// TestHandNotices changes numbers, one at a time: each must be noticed.
func TestHandNotices(t *testing.T) {
	o := standard()
	text := told(t, lesson(t, o), wide)
	if errs := checkByHand(text, o); len(errs) > 0 {
		t.Fatal(errs[0])
	}
	at, tried := numeral.FindAllStringIndex(text, -1), 0
	for k, span := range at {
		n := text[span[0]:span[1]]
		if k%7 != 0 || !strings.Contains(n, ".") || strings.HasPrefix(n, "0.0000") || n == "0.999" || n == "0.001" {
			continue
		}
		point := strings.IndexByte(n, '.')
		first := point + 1
		for n[first] == '0' && first < len(n)-1 {
			first++
		}
		at := first // of small numbers the first digit, of others the third that counts
		if v, _ := strconv.ParseFloat(n, 64); v >= .1 || strings.Contains(n, "e") {
			at += 2
		}
		if at >= len(n) || n[at] < '0' || n[at] > '9' {
			continue // a constant
		}
		changed := n[:at] + string('0'+(n[at]-'0'+5)%10) + n[at+1:]
		if errs := checkByHand(text[:span[0]]+changed+text[span[1]:], o); len(errs) == 0 {
			line := text[strings.LastIndexByte(text[:span[0]], '\n')+1:]
			t.Errorf("%s instead of %s passes in %q", changed, n, line[:min(len(line), 120)])
		}
		tried++
	}
	if tried < 80 {
		t.Errorf("only %d numbers were tried", tried)
	}
}
