package layers

import (
	"math/rand/v2"
	"slices"
	"strings"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// EinsumDense is act(einsum(Equation, x, kernel) + bias). The equation is "X,K->Y", "...X,K->...Y" or "X...,K->Y...";
// OutputShape names the sizes of Y's letters but the first (null: the input's), or all of them after an ellipsis; BiasAxes
// the letters of Y that the bias has.
//
// Source: keras/src/layers/core/einsum_dense.py
type EinsumDense struct {
	nn.Common
	Equation          string         `json:"equation"`
	OutputShape       nn.Dims        `json:"output_shape"`
	BiasAxes          *string        `json:"bias_axes"`
	Activation        nn.Activation  `json:"activation"`
	KernelInitializer nn.Initializer `json:"kernel_initializer"`
	BiasInitializer   nn.Initializer `json:"bias_initializer"`
	lora
	quantizing
}

// NewEinsumDense makes an EinsumDense layer; an outputShape of -1 is the input's, biasAxes "" means no bias.
func NewEinsumDense(equation string, outputShape []int, biasAxes string) *EinsumDense {
	l := &EinsumDense{Common: base("EinsumDense"), Equation: equation}
	for _, n := range outputShape {
		if n < 0 {
			l.OutputShape = append(l.OutputShape, nil)
		} else {
			l.OutputShape = append(l.OutputShape, &n)
		}
	}
	if biasAxes != "" {
		l.BiasAxes = &biasAxes
	}
	return l
}

// einsumTerm is an equation with letters in the place of its ellipsis.
type einsumTerm struct {
	x, kernel, y string
	bias         string // y's letters from the first that the bias has
}

// equation reads the layer's equation for an input of the given rank.
func (l *EinsumDense) equation(g *nn.Graph, rank int) einsumTerm {
	in, out, ok := strings.Cut(strings.ReplaceAll(l.Equation, " ", ""), "->")
	x, kernel, ok1 := strings.Cut(in, ",")
	left := strings.HasPrefix(x, "...") && strings.HasPrefix(out, "...")
	right := strings.HasSuffix(x, "...") && strings.HasSuffix(out, "...") && !left
	bare := einsumTerm{x: strings.Trim(x, "."), kernel: kernel, y: strings.Trim(out, ".")}
	if !ok || !ok1 || strings.Contains(bare.x+bare.kernel+bare.y, ".") || (strings.Contains(x+out, ".") && !left && !right) {
		g.Failf("equation %q isn't of the form X,K->Y, ...X,K->...Y or X...,K->Y...", l.Equation)
	}
	for _, term := range []string{bare.x, bare.kernel, bare.y} {
		for i := range term {
			if !strings.Contains(letters, term[i:i+1]) || strings.Count(term, term[i:i+1]) > 1 {
				g.Failf("equation %q has %q where a letter of its own must stand", l.Equation, term[i:i+1])
			}
		}
	}
	elided := rank - len(bare.x)
	if elided < 0 || elided > 0 && !left && !right {
		g.Failf("equation %q doesn't fit an input of %d dimensions", l.Equation, rank)
	}
	fill := ""
	for i := 0; len(fill) < elided && i < len(letters); i++ {
		if s := letters[i : i+1]; !strings.Contains(bare.x+bare.kernel+bare.y, s) {
			fill += s
		}
	}
	if len(fill) < elided {
		g.Failf("equation %q leaves no letters for %d dimensions", l.Equation, elided)
	}
	t := bare
	if left {
		t.x, t.y = fill+bare.x, fill+bare.y
	} else {
		t.x, t.y = bare.x+fill, bare.y+fill
	}
	if l.BiasAxes != nil {
		first := len(t.y)
		for i := range *l.BiasAxes {
			at := strings.IndexByte(bare.y, (*l.BiasAxes)[i])
			if at < 0 {
				g.Failf("bias axis %q isn't in the output %q", (*l.BiasAxes)[i:i+1], bare.y)
			}
			if left {
				at += len(fill)
			}
			first = min(first, at)
		}
		t.bias = t.y[first:]
	}
	return t
}

// sizes finds the size of each letter: those of x, and those that OutputShape names.
func (l *EinsumDense) sizes(g *nn.Graph, t einsumTerm, x nn.Shape) map[byte]int {
	size := map[byte]int{}
	for i, d := range x {
		size[t.x[i]] = d
	}
	var named []byte // the letters that OutputShape goes through: all but the batch's and those of an ellipsis
	elided := strings.Contains(l.Equation, "...")
	for i := range t.y {
		own := strings.IndexByte(strings.SplitN(l.Equation, "->", 2)[1], t.y[i]) >= 0
		if i == 0 && (own || !elided) || elided && !own {
			continue
		}
		named = append(named, t.y[i])
	}
	if len(named) != len(l.OutputShape) {
		g.Failf("output_shape names %d dimensions, equation %q needs %d", len(l.OutputShape), l.Equation, len(named))
	}
	for i, d := range l.OutputShape {
		if d == nil {
			continue
		}
		if was, ok := size[named[i]]; ok && was != *d && was != graph.Unknown {
			g.Failf("dimension %q is %d in the input and %d in output_shape", named[i:i+1], was, *d)
		}
		if *d < 0 {
			g.Failf("output_shape can't hold %d", *d)
		}
		size[named[i]] = *d
	}
	return size
}

func shapeOf(size map[byte]int, term string) nn.Shape {
	s := nn.Shape{}
	for i := range term {
		d, ok := size[term[i]]
		if !ok {
			d = graph.Unknown
		}
		s = append(s, d)
	}
	return s
}

// Build implements nn.Layer.
func (l *EinsumDense) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In().Value
	t := l.equation(g, len(x.Shape))
	size := l.sizes(g, t, x.Shape)
	var batch, summed, right string
	for i := range t.kernel {
		s := t.kernel[i : i+1]
		switch inX, inY := strings.Contains(t.x, s), strings.Contains(t.y, s); {
		case inX && inY:
			batch += s
		case inX:
			summed += s
		case inY:
			right += s
		default:
			g.Failf("dimension %q of the kernel in equation %q is in neither input nor output", s, l.Equation)
		}
	}
	shape := shapeOf(size, t.kernel)
	if g.Policy().Mode != "" {
		return l.buildQuantized(g, c, t, size)
	}
	kernel := l.Variable(g, "kernel", projectionInit(l.KernelInitializer, shapeOf(size, batch+summed).Size(), shapeOf(size, right).Size()), shape...)
	bias := l.bias(g, t, size)
	kernel = l.adapted(g, &l.Common, "kernel", kernel)
	var left string // of x, without what the kernel sums
	for i := range t.x {
		if s := t.x[i : i+1]; !strings.Contains(t.kernel, s) && strings.Contains(t.y, s) {
			left += s
		}
	}
	if batch != "" || len(left)+len(summed) != len(t.x) {
		y := einsum(g, t.x+","+t.kernel+"->"+t.y, float(g, x), kernel)
		return c.Keep(g.Activate(l.Activation, l.plus(g, y, bias)))
	}
	x = arrange(g, float(g, x), t.x, left+summed)
	kernel = arrange(g, kernel, t.kernel, summed+right)
	o := op.Project{Sum: len(summed)}
	if t.y == left+right && bias != nil && slices.Equal(bias.Shape, shapeOf(size, right)) {
		return c.Keep(g.Activate(l.Activation, g.Op(o, x, kernel, bias)))
	}
	y := arrange(g, g.Op(o, x, kernel, nil), left+right, t.y)
	return c.Keep(g.Activate(l.Activation, l.plus(g, y, bias)))
}

// bias declares the bias, if there is one: of the output's last axes, those that it doesn't have of size 1.
func (l *EinsumDense) bias(g *nn.Graph, t einsumTerm, size map[byte]int) *nn.Value {
	if l.BiasAxes == nil {
		return nil
	}
	dims := shapeOf(size, t.bias)
	for i := range t.bias {
		if !strings.Contains(*l.BiasAxes, t.bias[i:i+1]) {
			dims[i] = 1
		}
	}
	return l.Weight(g, "bias", l.BiasInitializer.Or(nn.Zeros), dims...)
}

// buildQuantized is the layer with a kernel of int8, whose scale has the output's axes.
//
// Source: keras/src/layers/core/einsum_dense.py, _int8_call
func (l *EinsumDense) buildQuantized(g *nn.Graph, c nn.Call, t einsumTerm, size map[byte]int) []nn.Wire {
	p := g.Policy()
	if p.Mode != "int8" || l.Rank != nil {
		g.Unsupportedf("dtype", "kernels of %s with lora_rank %v are not supported", p.Mode, l.Rank)
	}
	kernel := fixed(g, &l.Common, "kernel", graph.Int8, nn.Zeros, shapeOf(size, t.kernel)...)
	scales := shapeOf(size, t.y)
	for i := range t.y {
		if !strings.Contains(t.kernel, t.y[i:i+1]) {
			scales[i] = 1
		}
	}
	scale := fixed(g, &l.Common, "kernel_scale", graph.Float32, nn.Ones, scales...)
	bias := l.bias(g, t, size)
	x := float(g, c.In().Value)
	equation := t.x + "," + t.kernel + "->" + t.y
	if !l.quantizesInputs(g) {
		y := binary(g, "divide", einsum(g, equation, x, computed(g, kernel)), scale)
		return c.Keep(g.Activate(l.Activation, l.plus(g, y, bias)))
	}
	var axes []int
	kept := ""
	for i := range t.x {
		if s := t.x[i : i+1]; strings.Contains(t.y, s) {
			kept += s
		} else {
			axes = append(axes, i)
		}
	}
	q, inputs := quantizeInputs(g, x, axes...)
	y := computed(g, einsum(g, equation, q, cast(g, kernel, graph.Float32)))
	inputs = g.Op(op.Reduce{Fn: "max", Axes: axes}, inputs) // of size 1: drops them
	ordered := ""
	for i := range t.y {
		if s := t.y[i : i+1]; strings.Contains(kept, s) {
			ordered += s
		}
	}
	inputs = arrange(g, inputs, kept, ordered)
	for i := range t.y {
		if !strings.Contains(kept, t.y[i:i+1]) {
			inputs = regroup(g, inputs, i, 0, 1)
		}
	}
	y = binary(g, "divide", y, binary(g, "multiply", inputs, scale))
	return c.Keep(g.Activate(l.Activation, l.plus(g, y, bias)))
}

// SavedOrder implements nn.Saver.
func (l *EinsumDense) SavedOrder() []string { return savedOrder("kernel") }

// SavedData implements nn.Saver.
func (l *EinsumDense) SavedData(w *nn.Weight) *nn.Tensor { return l.merged(&l.Common, "kernel", w) }

func (*EinsumDense) plus(g *nn.Graph, y, bias *nn.Value) *nn.Value {
	if bias == nil {
		return y
	}
	return binary(g, "add", y, bias)
}

// projectionInit draws a kernel of several axes as if it were a matrix, which is how Keras counts what goes in and out.
func projectionInit(i nn.Initializer, in, out int) nn.Init {
	draw := i.Or(nn.GlorotUniform)
	return func(t *nn.Tensor, rng *rand.Rand) { draw(t.Reshaped(in, out), rng) }
}
