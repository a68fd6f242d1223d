// Package nn holds Keras's models in Go: what a layer is, Sequential and Functional models, their summary, and Compile,
// which makes the Plan that inference runs. The layers themselves are in nn/layers, the arithmetic in nn/op.
package nn

import (
	"encoding/json"
	"iter"
	"math/rand/v2"
	"slices"

	"kerasgo/nn/graph"
)

// Tensor, Shape, Spec, DType and Weight are the graph's; they are named here so that users need only this package.
type (
	Tensor = graph.Tensor
	Shape  = graph.Shape
	Spec   = graph.Spec
	DType  = graph.DType
	Weight = graph.Weight
	Value  = graph.Value
)

// NewTensor makes a float32 tensor of zeros.
func NewTensor(dims ...int) *Tensor { return graph.NewTensor(dims...) }

// Layer is Keras's config as a struct that embeds Common, with JSON tags that are Keras's keys. Build says the layer in
// operations; its results carry their masks. Weight handles live in Common, so a layer that is called twice, or traced
// twice, is shared.
type Layer interface {
	Base() *Common
	Build(g *Graph, c Call) []Wire
}

// Common is what every layer has.
type Common struct {
	Name      string          `json:"name"`
	Trainable bool            `json:"trainable"`
	DType     json.RawMessage `json:"dtype"` // a name, or a DTypePolicy object; nil: float32

	Class string `json:"-"` // Keras's class name, as registered

	envelope object               // class_name, module, build_config, ...: verbatim
	extra    object               // config keys that don't change what is computed: verbatim
	read     map[string]readField // the config that was read; nil: made in Go
	weights  []*Weight
	children []Child
	adopted  map[Layer]bool // the children
}

// Child is a layer inside a layer, under Keras's attribute name: forward_layer, cell; "layers" in models.
type Child struct {
	Attr  string
	Layer Layer
}

// Base is how Layer reaches Common.
func (c *Common) Base() *Common { return c }

// Config is the value of a config key as the file had it, whether or not the layer knows the key; nil: the file had none,
// or the layer was made in Go. Training looks here for regularizers and constraints.
func (c *Common) Config(key string) json.RawMessage {
	if raw := c.extra[key]; raw != nil {
		return raw
	}
	return c.read[key].raw
}

// Configured says that the layer was read from a file, with a config of its own.
func (c *Common) Configured() bool { return c.read != nil }

// Children are the layers inside, in the order in which Keras tracks them. Known once the layer was built.
func (c *Common) Children() []Child { return c.children }

// Own are the weights that the layer itself holds, trained ones first, as Keras orders them. Known once it was built.
func (c *Common) Own() []*Weight {
	own := slices.Clone(c.weights)
	slices.SortStableFunc(own, func(a, b *Weight) int { return rank(a) - rank(b) })
	return own
}

func rank(w *Weight) int {
	if w.State {
		return 1
	}
	return 0
}

// Wire is what runs between layers: a value and its mask (nil: none). The mask isn't the value's own: two layers may
// return the same value, one keeping and one dropping the mask.
type Wire struct {
	*Value
	Mask *Value
}

// Call is one call of a layer as Keras recorded it.
type Call struct {
	Args []any          // Wire, *Tensor, []any, map[string]any, int, float64, string, bool, nil, Slice, Ellipsis
	Kw   map[string]any // initial_state, use_causal_mask, ...
}

// Slice is Python's slice object among a call's arguments; nil fields are None.
type Slice struct{ Start, Stop, Step any }

// Ins are the tensors among the positional arguments, flattened; of a dict, in the order of its sorted keys.
func (c Call) Ins() []Wire { return wiresIn(c.Args, nil) }

func wiresIn(a any, out []Wire) []Wire {
	switch a := a.(type) {
	case Wire:
		out = append(out, a)
	case []any:
		for _, e := range a {
			out = wiresIn(e, out)
		}
	case map[string]any:
		for _, k := range sortedKeys(a) {
			out = wiresIn(a[k], out)
		}
	}
	return out
}

// In is the first tensor.
func (c Call) In() Wire {
	if in := c.Ins(); len(in) > 0 {
		return in[0]
	}
	return Wire{}
}

// Arg is tensor argument i, by position or name, with the mask that a <name>_mask keyword may override.
func (c Call) Arg(i int, name string) (w Wire) {
	if i < len(c.Args) {
		w, _ = c.Args[i].(Wire)
	}
	if k, ok := c.Kw[name].(Wire); ok {
		w = k
	}
	if m, ok := c.Kw[name+"_mask"].(Wire); ok {
		w.Mask = m.Value
	}
	return w
}

// Keep returns y with the first input's mask.
func (c Call) Keep(y *Value) []Wire { return []Wire{{y, c.In().Mask}} }

// Drop returns values without a mask.
func Drop(ys ...*Value) (out []Wire) {
	for _, y := range ys {
		out = append(out, Wire{Value: y})
	}
	return out
}

// Wires makes a Call of tensors.
func Wires(in ...Wire) (c Call) {
	for _, w := range in {
		c.Args = append(c.Args, w)
	}
	return c
}

// Init draws a weight's first value. The tensor's shape tells fan-in and fan-out.
type Init = func(t *Tensor, rng *rand.Rand)

// Weight declares a weight on first use (so in Keras's order) and returns its value in g, in the dtype that the layer computes
// in.
func (c *Common) Weight(g *Graph, name string, init Init, shape ...int) *Value {
	return g.castFloat(c.Variable(g, name, init, shape...), g.Policy().Compute)
}

// Variable is Weight in the dtype that it is kept in: Keras's autocast=False.
func (c *Common) Variable(g *Graph, name string, init Init, shape ...int) *Value {
	return g.Graph.Weight(c.declare(g, name, false, init, Spec{Shape: shape, DType: g.Policy().Variable}))
}

// State declares a weight that isn't trained: moments, seeds. One of float32 is kept in the dtype of the layer's variables.
func (c *Common) State(g *Graph, name string, init Init, spec Spec) *Weight {
	if spec.DType == graph.Float32 {
		spec.DType = g.Policy().Variable
	}
	return c.declare(g, name, true, init, spec)
}

func (c *Common) declare(g *Graph, name string, state bool, init Init, spec Spec) *Weight {
	trainable := !state && g.Trainable()
	for _, w := range c.weights {
		if w.Name == name {
			if !w.Shape.Equal(spec.Shape) {
				g.Failf("weight %s has shape %v, these inputs need %v", name, w.Shape, spec.Shape)
			}
			w.Trainable = trainable
			return w
		}
	}
	if !spec.Shape.Known() {
		g.Failf("weight %s needs a known shape, found %v", name, spec.Shape)
	}
	for _, d := range spec.Shape {
		if d < 0 || d > 1<<31 {
			g.Failf("weight %s can't have shape %v", name, spec.Shape)
		}
	}
	w := &Weight{Spec: spec, Name: name, Path: g.weightPath(name), State: state, Trainable: trainable, Init: init}
	c.weights = append(c.weights, w)
	return w
}

// Saver is a layer that Keras writes other than as its weights in order.
//
// Source: keras/src/layers/core/dense.py, variable_serialization_spec
type Saver interface {
	// SavedOrder are the names of its own weights in their order in a file. Others aren't written, and are zero once read.
	SavedOrder() []string
	// SavedData is what is written for a weight.
	SavedData(w *Weight) *Tensor
}

// Share makes another layer's weight one of this layer's own, too: Keras writes it in both places.
func (c *Common) Share(w *Weight) {
	if !slices.Contains(c.weights, w) {
		c.weights = append(c.weights, w)
	}
}

// Adopt makes layers inside known, under an attribute name, in Keras's order.
func (c *Common) Adopt(attr string, layers ...Layer) {
	for _, l := range layers {
		if !c.adopted[l] {
			if c.adopted == nil {
				c.adopted = map[Layer]bool{}
			}
			c.adopted[l] = true
			c.children = append(c.children, Child{attr, l})
		}
	}
}

// Sub returns the sublayer under an attribute name, making it on first use. The parent's own trainable flag rules it.
func Sub[T Layer](c *Common, attr, name string, create func() T) T {
	for _, k := range c.children {
		if k.Attr == attr {
			return k.Layer.(T)
		}
	}
	l := create()
	b := l.Base()
	b.Name, b.Trainable = name, true
	c.Adopt(attr, l)
	return l
}

// Weights yields a layer's weights in Keras's order, each once: its own trained ones, its own others, its children's.
func Weights(l Layer) iter.Seq[*Weight] {
	return func(yield func(*Weight) bool) { yieldWeights(l, map[*Weight]bool{}, yield) }
}

func yieldWeights(l Layer, seen map[*Weight]bool, yield func(*Weight) bool) bool {
	for _, w := range l.Base().Own() {
		if !seen[w] && !yield(w) {
			return false
		}
		seen[w] = true
	}
	for _, k := range l.Base().children {
		if !yieldWeights(k.Layer, seen, yield) {
			return false
		}
	}
	return true
}
