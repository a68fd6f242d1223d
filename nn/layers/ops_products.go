package layers

import (
	"slices"
	"strings"

	"kerasgo/nn"
	"kerasgo/nn/op"
)

// productOps multiply matrices.
func productOps() map[string]func() nn.Layer {
	type einsumConfig struct {
		Subscripts string `json:"subscripts"`
	}
	type tensordot struct {
		Axes any `json:"axes"`
	}
	return map[string]func() nn.Layer{
		"Matmul": plain(func(a *operands) *nn.Value {
			x, y := a.pair(0, "x1", "x2")
			flatX, flatY := len(x.Shape) == 1, len(y.Shape) == 1
			if flatX {
				x = regroup(a.Graph, x, 0, 0, 1)
			}
			if flatY {
				y = regroup(a.Graph, y, 1, 0, 1)
			}
			z := a.Op(op.MatMul{}, x, y)
			if flatY {
				z = regroup(a.Graph, z, len(z.Shape)-1, 1)
			}
			if flatX {
				z = regroup(a.Graph, z, len(z.Shape)-1, 1)
			}
			return z
		}),
		"Dot": plain(func(a *operands) *nn.Value {
			x, y := a.pair(0, "x1", "x2")
			switch rank := len(y.Shape); {
			case len(x.Shape) == 0 || rank == 0:
				return binary(a.Graph, "multiply", x, y)
			default:
				return contract(a, x, y, []int{len(x.Shape) - 1}, []int{max(0, rank-2)})
			}
		}),
		"Inner": plain(func(a *operands) *nn.Value {
			x, y := a.pair(0, "x1", "x2")
			if len(x.Shape) == 0 || len(y.Shape) == 0 {
				return binary(a.Graph, "multiply", x, y)
			}
			return contract(a, x, y, []int{len(x.Shape) - 1}, []int{len(y.Shape) - 1})
		}),
		"Tensordot": node(tensordot{2.0}, func(a *operands, c tensordot) *nn.Value {
			x, y := a.pair(0, "x1", "x2")
			var from, to []int
			switch axes := c.Axes.(type) {
			case float64:
				for i := range int(axes) {
					from, to = append(from, len(x.Shape)-int(axes)+i), append(to, i)
				}
			case []any:
				if len(axes) != 2 {
					a.Failf("axes must be two lists, found %v", axes)
				}
				from, to = axesOf(a, axes[0], len(x.Shape)), axesOf(a, axes[1], len(y.Shape))
			}
			return contract(a, x, y, from, to)
		}),
		"Einsum": node(einsumConfig{}, func(a *operands, c einsumConfig) *nn.Value {
			var xs []*nn.Value
			for i := range a.call.Args {
				xs = append(xs, a.tensor(i, "operands"))
			}
			return einsum(a.Graph, c.Subscripts, xs...)
		}),
	}
}

// axesOf reads one axis or a list of them, resolved.
func axesOf(a *operands, v any, rank int) (axes []int) {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, e := range list {
		n, ok := e.(float64)
		if !ok {
			a.Failf("axes must be numbers, found %v", v)
		}
		axes = append(axes, axisOf(a.Graph, int(n), rank))
	}
	return axes
}

// contract sums products over pairs of axes; what is left of x comes before what is left of y.
func contract(a *operands, x, y *nn.Value, from, to []int) *nn.Value {
	if len(from) != len(to) || len(x.Shape)+len(y.Shape) > len(letters) {
		a.Failf("can't sum over axes %v of shape %v and %v of shape %v", from, x.Shape, to, y.Shape)
	}
	left := []byte(letters[:len(x.Shape)])
	right := []byte(letters[len(x.Shape):][:len(y.Shape)])
	for i := range from {
		if from[i] < 0 || from[i] >= len(left) || to[i] < 0 || to[i] >= len(right) {
			a.Failf("can't sum over axes %v of shape %v and %v of shape %v", from, x.Shape, to, y.Shape)
		}
		right[to[i]] = left[from[i]]
	}
	var out []byte
	for _, l := range append(slices.Clone(left), right...) {
		if !(slices.Contains(left, l) && slices.Contains(right, l)) {
			out = append(out, l)
		}
	}
	return einsum(a.Graph, string(left)+","+string(right)+"->"+string(out), x, y)
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// einsum sums products over letters, as numpy.einsum does, for one operand or two that repeat no letter: two become a
// matrix product, the letters being those of the batch, of x alone, summed, and of y alone.
func einsum(g *nn.Graph, subscripts string, xs ...*nn.Value) *nn.Value {
	terms, out := einsumTerms(g, strings.ReplaceAll(subscripts, " ", ""), xs)
	for i, x := range xs { // letters of one operand alone that aren't wanted
		var sum []int
		rest := []byte{}
		for d := range terms[i] {
			l := terms[i][d]
			if strings.IndexByte(out, l) < 0 && (len(xs) == 1 || strings.IndexByte(terms[1-i], l) < 0) {
				sum = append(sum, d)
			} else {
				rest = append(rest, l)
			}
		}
		if len(sum) > 0 {
			xs[i], terms[i] = g.Op(op.Reduce{Fn: "sum", Axes: sum}, x), string(rest)
		}
	}
	if len(xs) == 1 {
		return arrange(g, xs[0], terms[0], out)
	}
	var batch, left, summed, right string
	for _, l := range terms[0] {
		inY, inOut := strings.ContainsRune(terms[1], l), strings.ContainsRune(out, l)
		switch {
		case inY && inOut:
			batch += string(l)
		case inY:
			summed += string(l)
		default:
			left += string(l)
		}
	}
	for _, l := range terms[1] {
		if !strings.ContainsRune(terms[0], l) {
			right += string(l)
		}
	}
	x := arrange(g, xs[0], terms[0], batch+left+summed)
	y := arrange(g, xs[1], terms[1], batch+summed+right)
	n := len(batch)
	rows, columns := x.Shape[n:n+len(left)], y.Shape[n+len(summed):]
	x = regroup(g, regroup(g, x, n+len(left), len(summed), merged(summed)), n, len(left), merged(left))
	y = regroup(g, regroup(g, y, n+len(summed), len(right), merged(right)), n, len(summed), merged(summed))
	z := g.Op(op.MatMul{}, x, y)
	z = regroup(g, regroup(g, z, n+1, 1, columns...), n, 1, rows...)
	return arrange(g, z, batch+left+right, out)
}

// merged is what axes become when they are merged to one: a new axis of 1 if there are none.
func merged(letters string) int {
	if letters == "" {
		return 1
	}
	return -1
}

// arrange transposes from the order of some letters to another order of them.
func arrange(g *nn.Graph, x *nn.Value, from, to string) *nn.Value {
	perm := make([]int, len(to))
	for i := range to {
		perm[i] = strings.IndexByte(from, to[i])
	}
	if len(from) != len(to) || slices.Contains(perm, -1) {
		g.Failf("einsum can't make %q of %q", to, from)
	}
	return transpose(g, x, perm...)
}

// einsumTerms splits subscripts, putting upper-case letters in the place of an ellipsis and saying an implied output.
func einsumTerms(g *nn.Graph, subscripts string, xs []*nn.Value) (terms []string, out string) {
	in, out, explicit := strings.Cut(subscripts, "->")
	terms = strings.Split(in, ",")
	if len(terms) != len(xs) || len(xs) < 1 || len(xs) > 2 {
		g.Failf("einsum %q needs one or two operands, as many as it names, found %d", subscripts, len(xs))
	}
	rest := ""
	for i, t := range terms {
		before, after, dots := strings.Cut(t, "...")
		missing := len(xs[i].Shape) - len(before) - len(after)
		if missing < 0 || !dots && missing > 0 || missing > 10 {
			g.Failf("einsum %q doesn't fit shape %v", subscripts, xs[i].Shape)
		}
		if dots {
			fill := "ABCDEFGHIJ"[10-missing:]
			terms[i] = before + fill + after
			if len(fill) > len(rest) {
				rest = fill
			}
		}
		for k := range terms[i] {
			if strings.Count(terms[i], terms[i][k:k+1]) > 1 {
				g.Unsupportedf("subscripts", "einsum %q repeats a letter in one operand", subscripts)
			}
		}
	}
	if !explicit {
		all := strings.Join(terms, "")
		for l := byte('A'); l <= 'z'; l++ {
			if strings.Count(all, string(l)) == 1 && strings.IndexByte(rest, l) < 0 {
				out += string(l)
			}
		}
		out = rest + out
	}
	return terms, strings.Replace(out, "...", rest, 1)
}
