package nn

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"kerasgo/nn/graph"
)

// Graph is a graph while layers build it: it knows which layer is being built, and whether for training.
type Graph struct {
	*graph.Graph
	Training bool
	Keras2   bool        // the model's config was Keras 2's, whose merging layers treat masks differently
	Calls    []LayerCall // every call of every layer, in the order they ended

	stack    []Layer
	calls    map[Layer]int
	unmasked map[*Value]bool
}

// LayerCall is one call of a layer in a traced graph.
type LayerCall struct {
	Path  string // names from the model's layer down: inner/dense
	Layer Layer
	Index int // of the call, from 0
	Depth int // 0: the model, 1: its layers
	In    []Wire
	Out   []Wire
}

// Failf abandons the build; Trace returns it as a *BuildError. It is the one use of panic for bad input.
func (g *Graph) Failf(format string, args ...any) {
	panic(g.failure(fmt.Errorf(format, args...)))
}

// Unsupportedf abandons the build: the config is valid, but this key's value isn't supported.
func (g *Graph) Unsupportedf(key, format string, args ...any) {
	panic(g.failure(&UnsupportedError{Where: Where{Layer: g.Layer().Base().Name, Class: g.Layer().Base().Class, Key: key},
		Msg: fmt.Sprintf(format, args...)}))
}

func (g *Graph) failure(err error) *BuildError {
	e := &BuildError{Path: g.Path, Msg: err.Error(), Err: err}
	if len(g.stack) > 0 {
		e.Class = g.Layer().Base().Class
	}
	return e
}

// Layer is the layer being built.
func (g *Graph) Layer() Layer { return g.stack[len(g.stack)-1] }

// CallIndex counts the earlier calls of the layer being built: with the path, it names a random stream.
func (g *Graph) CallIndex() int { return g.calls[g.Layer()] }

// Trainable says that neither the layer being built nor one around it is frozen.
func (g *Graph) Trainable() bool {
	return !slices.ContainsFunc(g.stack, func(l Layer) bool { return !l.Base().Trainable })
}

// Op adds an operation and returns its first output.
//
//go:noinline
func (g *Graph) Op(op graph.Op, in ...*Value) *Value { return g.Ops(op, in...)[0] }

// Ops adds an operation and returns its outputs. What is said of float32 is made to compute in the dtype of its inputs, rounded
// where Keras rounds.
func (g *Graph) Ops(op graph.Op, in ...*Value) []*Value {
	if d := computes(in); d != graph.Float32 {
		return g.typed(op, d, in)
	}
	return g.add(op, in...)
}

func (g *Graph) add(op graph.Op, in ...*Value) []*Value {
	if len(g.Nodes) >= maxOperations {
		g.Failf("the model takes more than %d operations", maxOperations)
	}
	for _, v := range in {
		if v != nil && v.DType.Float() && v.DType != graph.Float32 && !checksDTypes(op) {
			g.Unsupportedf("dtype", "floats of several dtypes meet, one of them %v", v.DType)
		}
	}
	out, err := g.Add(op, in...)
	if err != nil {
		var o *graph.OpError
		if errors.As(err, &o) {
			err = o.Err
		}
		if d := blamed(op, in); d != nil {
			g.Unsupportedf("dtype", "not for %v: %v", d, err)
		}
		panic(g.failure(err))
	}
	return out
}

// Scalar adds a constant number.
func (g *Graph) Scalar(v float32) *Value { return g.Const(graph.FromF32([]float32{v})) }

// ScalarOf adds a constant number of a dtype.
func (g *Graph) ScalarOf(v float64, d DType) *Value {
	t, wide := graph.New(Spec{Shape: Shape{}, DType: d}), graph.New(Spec{Shape: Shape{}, DType: graph.Float64})
	wide.F64[0] = v
	graph.Cast(t, wide)
	return g.Const(t)
}

// maxDepth bounds layers inside layers: the stack can't be recovered once it overflows.
const maxDepth = 64

// maxOperations bounds a graph: a config of a few bytes may ask for any number (Unstack an axis of 2^60).
const maxOperations = 1 << 18

// maxCalls bounds the calls of layers in one graph: models that call models twice, which call models twice, would never
// end.
const maxCalls = 100_000

// Apply builds a layer inside the layer being built. It is the only way down, so it knows paths, call indices and
// children.
func (g *Graph) Apply(l Layer, c Call) []Wire {
	if len(g.stack) >= maxDepth {
		g.Failf("layers are nested more than %d deep", maxDepth)
	}
	if len(g.Calls) >= maxCalls {
		g.Failf("the model makes more than %d calls of layers", maxCalls)
	}
	if slices.Contains(g.stack, l) {
		g.Failf("layer %q contains itself", l.Base().Name)
	}
	if len(g.stack) > 0 {
		g.stack[len(g.stack)-1].Base().Adopt("", l)
	}
	c = g.strip(c)
	if !isOperation(l.Base()) {
		c = firstByName(c)
	}
	if m, ok := c.Kw["mask"].(Wire); ok && len(c.Args) > 0 { // Keras 3 writes implicit masks as explicit keywords
		if x, ok := c.Args[0].(Wire); ok {
			x.Mask = m.Value
			c.Args = append([]any{x}, c.Args[1:]...)
		}
	}
	outer := g.Path
	g.stack = append(g.stack, l)
	g.Path = g.layerPath()
	if len(c.Ins()) == 0 && !strings.HasPrefix(l.Base().Class, "ops.") {
		g.Failf("is called without a tensor")
	}
	c = g.autocast(l, c)
	out := l.Build(g, c)
	g.Calls = append(g.Calls, LayerCall{g.Path, l, g.calls[l], len(g.stack) - 1, c.Ins(), out})
	g.stack, g.Path = g.stack[:len(g.stack)-1], outer
	g.calls[l]++
	return out
}

// firstByName puts the first argument in its place where a call gave it by name, as in attention(query=x, value=y).
//
// Source: keras/src/layers, the first parameter of each call.
func firstByName(c Call) Call {
	if len(c.Args) > 0 {
		return c
	}
	for _, name := range []string{"inputs", "query", "sequences", "sequence", "input", "data", "x", "images"} {
		if first, ok := c.Kw[name]; ok && len(wiresIn(first, nil)) > 0 {
			c.Args, c.Kw = []any{first}, maps.Clone(c.Kw)
			delete(c.Kw, name)
			return c
		}
	}
	return c
}

// Inside runs f as if l were being built, without a call of l: weights that f declares with l's Common get its path. A
// layer that runs its cell as one operation declares the cell's weights so.
func (g *Graph) Inside(l Layer, f func()) {
	outer := g.Path
	g.stack = append(g.stack, l)
	g.Path = g.layerPath()
	f()
	g.stack, g.Path = g.stack[:len(g.stack)-1], outer
}

// State is the value of a weight that isn't trained, as the calls before this one left it.
func (g *Graph) State(w *Weight) *Value {
	for _, u := range slices.Backward(g.Updates) {
		if u.Weight == w {
			return u.Value
		}
	}
	return g.Graph.Weight(w)
}

// layerPath joins the names of the layers being built, without the model itself.
func (g *Graph) layerPath() string {
	names := make([]string, 0, len(g.stack))
	for _, l := range g.stack[min(1, len(g.stack)):] {
		names = append(names, l.Base().Name)
	}
	return strings.Join(names, "/")
}

func (g *Graph) weightPath(name string) string {
	if g.Path == "" {
		return name
	}
	return g.Path + "/" + name
}

// Trace builds a model's graph; training chooses what Dropout and BatchNormalization say. Weights are declared, not drawn.
func Trace(m Model, training bool) (g *Graph, outs []Wire, err error) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case *BuildError:
			err = r
			if list := asUnsupported(r.Err); list != nil {
				err = list
			}
		default:
			panic(r)
		}
	}()
	g = &Graph{Graph: graph.NewGraph(), Training: training, Keras2: OriginOf(m).Translated, calls: map[Layer]int{}}
	specs := m.InputSpecs()
	if len(specs) == 0 {
		msg := fmt.Sprintf("model %q doesn't say the shape of its input", m.Base().Name)
		if f, ok := m.(*Functional); ok && len(f.Inputs.Refs) > 0 {
			msg += fmt.Sprintf(": %q isn't an InputLayer of it", f.Inputs.Refs[0].Layer)
		}
		g.Failf("%s", msg)
	}
	var ins []Wire
	for _, s := range specs {
		for _, d := range s.Shape {
			if d > 1<<31 {
				g.Failf("input %q can't have shape %v", s.Name, s.Shape)
			}
		}
		ins = append(ins, Wire{Value: g.Input(s.Spec)})
	}
	outs = g.Apply(m, Wires(ins...))
	for _, o := range outs {
		g.Outputs = append(g.Outputs, o.Value)
	}
	return g, outs, nil
}
