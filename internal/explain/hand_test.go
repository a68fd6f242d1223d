package explain

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// hand recomputes what is printed from what else is printed, in plain float64: it knows nothing of the engine. Of the
// lesson it is only told the options, and for a network that isn't printed in full, nothing of the rest.
type hand struct {
	*printed
	o       Options
	errs    []string
	x       []float64
	ink     []int
	units   []int // those that are printed
	full    bool
	w, m, v [4]map[int]float64 // by number: the printed weights, and what Adam must remember of them
	t       int
}

func (h *hand) bad(format string, args ...any) { h.errs = append(h.errs, fmt.Sprintf(format, args...)) }

// checkByHand returns what is wrong with the text.
func checkByHand(text string, o Options) []string {
	p, err := read(text)
	if err != nil {
		return []string{err.Error()}
	}
	h := &hand{printed: p, o: o}
	h.picture()
	if len(h.errs) > 0 {
		return h.errs
	}
	h.start()
	for h.t = 1; h.t <= o.Steps && len(h.errs) == 0; h.t++ {
		h.step()
	}
	if h.full && len(h.errs) == 0 {
		h.again()
	}
	h.sums()
	h.everything()
	return h.errs
}

// want compares a printed cell with what comes out by hand; scale is the size of the terms that went into it.
func (h *hand) want(table, row, col string, want, scale float64) {
	g := h.tables[table]
	if g == nil {
		h.bad("there is no table %q", table)
		return
	}
	got := g.at(row, col)
	if !(math.Abs(got-want) <= 1e-5*max(scale, math.Abs(want))) {
		h.bad("%s: %s, %s is printed as %v, and is %.9g by hand", table, row, col, got, want)
		return
	}
	g.used[g.row(row)][g.col(col)] = true
}

func (h *hand) picture() {
	g := h.tables["Bytes"]
	if g == nil || len(g.names) != h.o.Size {
		h.bad("no table of %d lines of bytes", h.o.Size)
		return
	}
	for r := range g.names {
		for c, cell := range g.cells[r] {
			b, err := strconv.Atoi(cell)
			if err != nil || b < 0 || b > 255 {
				h.bad("%q is no byte", cell)
			}
			if b != 0 {
				h.ink = append(h.ink, r*h.o.Size+c)
			}
			h.x = append(h.x, float64(b)/255)
			g.used[r][c] = true
		}
	}
}

// start takes the first weights from the page: they are random, so there is nothing to compute but their limits.
func (h *hand) start() {
	n, u := h.o.Size*h.o.Size, h.o.Units
	in := h.tables["Hidden weights at the start"]
	if in == nil {
		h.bad("no first weights")
		return
	}
	for _, c := range in.cols {
		j, _ := strconv.Atoi(strings.TrimPrefix(c, "to h"))
		h.units = append(h.units, j)
	}
	h.full = len(h.units) == u
	for k := range h.w {
		h.w[k], h.m[k], h.v[k] = map[int]float64{}, map[int]float64{}, map[int]float64{}
	}
	for k, limit := range []float64{math.Sqrt(6 / float64(n+u)), 0, math.Sqrt(6 / float64(u+10)), 0} {
		h.each(k, "at the start", func(table, row, col string, i int) {
			w := h.tables[table].at(row, col)
			if !(math.Abs(w) <= limit) {
				h.bad("%s: %s, %s is %v, beyond %v", table, row, col, w, limit)
			}
			h.w[k][i] = w
			h.want(table, row, col, w, 1)
		})
	}
	layers := map[string][2]float64{fmt.Sprintf("Flatten(%d, %d)", h.o.Size, h.o.Size): {float64(n), 0},
		fmt.Sprintf("Dense(%d, relu)", u): {float64(u), float64(n*u + u)}, "Dense(10, softmax)": {10, float64(u*10 + 10)}}
	g := h.tables["Layers"]
	for i, name := range g.names {
		numbers := [4]string{}
		for k, cell := range g.cells[i] {
			numbers[k] = strings.ReplaceAll(cell, ",", "")
			g.used[i][k] = true
		}
		weights, ok := calculate(strings.ReplaceAll(numbers[1], "x", "*"))
		biases, _ := strconv.ParseFloat(numbers[2], 64)
		if want := layers[name]; numbers[0] != fmt.Sprint(want[0]) || numbers[3] != fmt.Sprint(want[1]) || !ok || weights+biases != want[1] {
			h.bad("layer %s: %q", name, numbers)
		}
	}
}

// each names the cells of group k of the weights in the tables of hidden and output weights.
func (h *hand) each(k int, when string, visit func(table, row, col string, i int)) {
	hidden, output := "Hidden weights "+when, "Output weights "+when
	if name, found := strings.CutPrefix(when, "|"); found {
		hidden, output = strings.ReplaceAll(name, "*", "hidden"), strings.ReplaceAll(name, "*", "output")
	}
	for _, j := range h.units {
		switch k {
		case 0:
			for _, i := range h.ink {
				visit(hidden, fmt.Sprintf("x%d", i), fmt.Sprintf("to h%d", j), i*h.o.Units+j)
			}
		case 1:
			visit(hidden, "bias", fmt.Sprintf("to h%d", j), j)
		case 2:
			for c := range 10 {
				visit(output, fmt.Sprint(c), fmt.Sprintf("from h%d", j), j*10+c)
			}
		}
	}
	if k == 3 {
		for c := range 10 {
			visit(output, fmt.Sprint(c), "bias", c)
		}
	}
}

// forward runs the printed network. It needs all of it.
func (h *hand) forward() (z, a, s, p []float64, loss float64) {
	u := h.o.Units
	for j := range u {
		sum := h.w[1][j]
		for _, i := range h.ink {
			sum += h.x[i] * h.w[0][i*u+j]
		}
		z, a = append(z, sum), append(a, max(sum, 0))
	}
	for c := range 10 {
		sum := h.w[3][c]
		for j := range u {
			sum += a[j] * h.w[2][j*10+c]
		}
		s = append(s, sum)
	}
	p, loss = softmax(s, h.o.Digit)
	return z, a, s, p, loss
}

func softmax(s []float64, digit int) (p []float64, loss float64) {
	top, sum := slices.Max(s), 0.0
	for _, v := range s {
		sum += math.Exp(v - top)
	}
	for _, v := range s {
		p = append(p, math.Exp(v-top)/sum)
	}
	return p, -math.Log(p[digit])
}

func (h *hand) of(name string) string { return fmt.Sprintf("%s, step %d", name, h.t) }

// step checks all tables of a step, and moves the weights on.
func (h *hand) step() {
	u, d := h.o.Units, h.o.Digit
	z, a := map[int]float64{}, map[int]float64{}
	in := h.of("Pixels times weights")
	for _, i := range h.ink {
		h.want(in, fmt.Sprintf("x%d", i), "x", h.x[i], 0)
	}
	for _, j := range h.units {
		col, scale := fmt.Sprintf("h%d", j), 0.0
		for _, i := range h.ink {
			p := h.x[i] * h.w[0][i*u+j]
			h.want(in, fmt.Sprintf("x%d", i), col, p, .01)
			z[j], scale = z[j]+p, max(scale, math.Abs(p))
		}
		h.want(in, "bias", col, h.w[1][j], 0)
		z[j] += h.w[1][j]
		a[j] = max(z[j], 0)
		h.want(in, "z = sum", col, z[j], scale)
		h.want(in, "h = relu", col, a[j], scale)
	}
	s := h.scores(a)
	p, _ := softmax(s, d)
	h.softmax(s, p)
	ds := slices.Clone(p)
	ds[d]--
	for c := range 10 {
		row, target := fmt.Sprint(c), 0.0
		if c == d {
			target = 1
		}
		h.want(h.of("Gradient of the scores"), row, "p", p[c], 0)
		h.want(h.of("Gradient of the scores"), row, "target", target, 0)
		h.want(h.of("Gradient of the scores"), row, "d = p - target", ds[c], 1)
	}
	var grad [4]map[int]float64
	for k := range grad {
		grad[k] = map[int]float64{}
	}
	back := h.of("Back through the output weights")
	for _, j := range h.units {
		col, sum, scale, open := fmt.Sprintf("h%d", j), 0.0, 0.0, 0.0
		for c := range 10 {
			part := ds[c] * h.w[2][j*10+c]
			h.want(back, fmt.Sprint(c), col, part, math.Abs(h.w[2][j*10+c]))
			sum, scale = sum+part, max(scale, math.Abs(part))
			grad[2][j*10+c] = a[j] * ds[c]
		}
		h.want(back, "sum: gradient of h", col, sum, scale)
		if z[j] > 0 {
			open = 1
		}
		h.want(back, "relu let it through", col, open, 0)
		h.want(back, "gradient of z", col, sum*open, scale)
		grad[1][j] = sum * open
		for _, i := range h.ink {
			grad[0][i*u+j] = h.x[i] * sum * open
		}
	}
	for c := range 10 {
		grad[3][c] = ds[c]
	}
	for k := range grad {
		h.each(k, "|Gradients of the * weights, step "+fmt.Sprint(h.t), func(table, row, col string, i int) { h.want(table, row, col, grad[k][i], .1) })
		h.each(k, "|Numeric check of the * weights, step "+fmt.Sprint(h.t), func(table, row, col string, i int) { h.numeric(table, row, col, k, i, grad[k][i]) })
	}
	h.adam(grad)
	h.after(s, p)
}

// scores are by hand where all is printed; else one is, and the others are taken from the table of softmax.
func (h *hand) scores(a map[int]float64) (s []float64) {
	if h.full {
		name := h.of("Hidden values times weights")
		for c := range 10 {
			row, sum, scale := fmt.Sprint(c), h.w[3][c], 0.0
			for _, j := range h.units {
				p := a[j] * h.w[2][j*10+c]
				h.want(name, row, fmt.Sprintf("h%d", j), p, .1)
				sum, scale = sum+p, max(scale, math.Abs(p))
			}
			h.want(name, row, "bias", h.w[3][c], 0)
			h.want(name, row, "score", sum, max(scale, .1))
			s = append(s, sum)
		}
		return s
	}
	for c := range 10 {
		s = append(s, h.tables[h.of("Softmax")].at(fmt.Sprint(c), "score"))
	}
	name := h.of(fmt.Sprintf("The score of %d", h.o.Digit))
	weight, sum := fmt.Sprintf("weight to %d", h.o.Digit), h.w[3][h.o.Digit]
	g := h.tables[name]
	for _, row := range g.names {
		if unit, ok := strings.CutPrefix(row, "h"); ok {
			j, _ := strconv.Atoi(unit)
			hj, w := g.at(row, "h"), g.at(row, weight)
			if known, ok := a[j]; ok {
				hj, w = known, h.w[2][j*10+h.o.Digit]
			}
			h.want(name, row, "h", hj, .1)
			h.want(name, row, weight, w, 0)
			h.want(name, row, "product", hj*w, .1)
			sum += hj * w
		}
	}
	h.want(name, "bias", "product", h.w[3][h.o.Digit], 0)
	h.want(name, "score", "product", sum, .1)
	return s
}

func (h *hand) softmax(s, p []float64) {
	name, top, sum := h.of("Softmax"), slices.Max(s), 0.0
	for c, v := range s {
		row, e := fmt.Sprint(c), math.Exp(v-top)
		sum += e
		h.want(name, row, "score", v, .1)
		h.want(name, row, "score - max", v-top, .1)
		h.want(name, row, "exp", e, 0)
		h.want(name, row, "p = exp / sum", p[c], 0)
	}
	h.want(name, "sum", "exp", sum, 0)
	h.want(name, "sum", "p = exp / sum", 1, 0)
}

// numeric makes the central difference anew, where the whole network is printed, and compares it with the gradient.
func (h *hand) numeric(table, row, col string, k, i int, slope float64) {
	g := h.tables[table]
	if g == nil || g.row(row) < 0 || g.col(col) < 0 {
		h.bad("%s has no %s, %s", table, row, col)
		return
	}
	g.used[g.row(row)][g.col(col)] = true
	got := g.cells[g.row(row)][g.col(col)]
	if !h.full {
		if v, err := strconv.ParseFloat(got, 64); got != "corner" && (err != nil || math.Abs(v-slope) > 2e-5) {
			h.bad("%s: %s, %s is %s, the gradient %v", table, row, col, got, slope)
		}
		return
	}
	kept := h.w[k][i]
	h.w[k][i] = kept + .01
	za, _, _, _, up := h.forward()
	h.w[k][i] = kept - .01
	zb, _, _, _, down := h.forward()
	h.w[k][i] = kept
	corner := false
	for j := range za {
		corner = corner || (za[j] > 0) != (zb[j] > 0)
	}
	if v, err := strconv.ParseFloat(got, 64); corner != (got == "corner") || !corner && (err != nil || math.Abs(v-(up-down)/.02) > 2e-5 || math.Abs(v-slope) > 1e-4) {
		h.bad("%s: %s, %s is %s, by hand %v, the gradient %v", table, row, col, got, (up-down)/.02, slope)
	}
}

// adam moves all printed weights, and compares them and the four that are spelled out.
func (h *hand) adam(grad [4]map[int]float64) {
	n := float64(h.t)
	rate := h.o.Rate * math.Sqrt(1-math.Pow(.999, n)) / (1 - math.Pow(.9, n))
	old := h.w
	for k := range h.w {
		h.w[k] = map[int]float64{}
		for i, w := range old[k] {
			h.m[k][i] = .9*h.m[k][i] + .1*grad[k][i]
			h.v[k][i] = .999*h.v[k][i] + .001*grad[k][i]*grad[k][i]
			h.w[k][i] = w - rate*h.m[k][i]/(math.Sqrt(h.v[k][i])+1e-7)
		}
		h.each(k, fmt.Sprintf("after step %d", h.t), func(table, row, col string, i int) { h.want(table, row, col, h.w[k][i], .1) })
	}
	g := h.tables[h.of("Adam")]
	for _, col := range g.cols {
		k, i := h.weight(col)
		if _, ok := old[k][i]; !ok {
			h.bad("no printed weight is %q", col)
			continue
		}
		gr := grad[k][i]
		before := func(now, decay, add float64) float64 { return (now - add) / decay }
		for row, v := range map[string]float64{"weight": old[k][i], "g, its gradient": gr, "m": h.m[k][i], "v": h.v[k][i], "weight after": h.w[k][i],
			"m before": before(h.m[k][i], .9, .1*gr), "v before": before(h.v[k][i], .999, .001*gr*gr), "step": rate * h.m[k][i] / (math.Sqrt(h.v[k][i]) + 1e-7)} {
			scale := map[string]float64{"m before": .1, "v before": 1e-4, "weight": .1, "weight after": .1}[row]
			h.want(h.of("Adam"), row, col, v, scale)
		}
	}
}

// weight finds the weight that a column names: "x18 to h0", "h0 to 7", "bias of 7".
func (h *hand) weight(name string) (k, i int) {
	var a, b int
	if n, _ := fmt.Sscanf(name, "x%d to h%d", &a, &b); n == 2 {
		return 0, a*h.o.Units + b
	}
	if n, _ := fmt.Sscanf(name, "h%d to %d", &a, &b); n == 2 {
		return 2, a*10 + b
	}
	if n, _ := fmt.Sscanf(name, "bias of %d", &a); n == 1 {
		return 3, a
	}
	return 0, -1
}

func (h *hand) after(_, before []float64) {
	name := h.of("Scores after")
	g := h.tables[name]
	var s []float64
	for c := range 10 {
		s = append(s, g.at(fmt.Sprint(c), "score"))
	}
	if h.full {
		_, _, s, _, _ = h.forward()
	}
	p, _ := softmax(s, h.o.Digit)
	for c := range 10 {
		h.want(name, fmt.Sprint(c), "score", s[c], .1)
		h.want(name, fmt.Sprint(c), "p", p[c], 0)
		h.want(name, fmt.Sprint(c), "p before", before[c], 0)
	}
}
