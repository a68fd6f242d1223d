// Package graph holds what models become: values, nodes that apply operations, graphs; the Interpreter, which keeps every
// activation and runs the tape backward; and the Plan, an immutable inference graph with one memory arena for each
// runner. It knows no operation by name: those are in nn/op, and say here what executors may do with them.
package graph

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Op is a coarse operation: immutable, pure, shared by every run.
//
// An optional input is nil. What Backward must remember, Forward writes to an extra output that nobody reads; outputs that
// no one wants are nil in a Plan. Infer takes unknown dimensions (-1) at build and concrete ones at bind.
// Forward fills every element of out. Backward adds to din; a nil din isn't wanted, a nil dout is zero.
type Op interface {
	Infer(in []Spec) ([]Spec, error)
	Forward(r *Run, in, out []*Tensor)
	Backward(r *Run, in, out, dout, din []*Tensor)
}

// Optional abilities of an operation. Executors ask for them by type assertion.
type (
	// Viewer has an output 0 with the elements of input 0 in the same order: a Plan doesn't copy them.
	Viewer interface{ View() bool }
	// InPlacer may write output 0 where input 0 lies, when nobody else reads that.
	InPlacer interface{ InPlace() bool }
	// Packer can take constant inputs into itself, in the form its kernel wants. in holds nil where an input isn't
	// constant. drop marks the inputs that the packed operation no longer needs; a nil op means nothing to pack.
	Packer interface {
		Pack(in []*Tensor) (op Op, drop []bool)
	}
	// Coster counts floating-point operations, a multiply-add as two.
	Coster interface{ FLOPs(in, out []Spec) int64 }
)

// Value is an edge of the graph: the output of a node, or a source (input, weight or constant).
type Value struct {
	Spec
	ID     int
	Node   *Node
	Weight *Weight
	Const  *Tensor
}

// Node applies an operation.
type Node struct {
	Op      Op
	In, Out []*Value
	Path    string // of the layer that said so
}

// Update is state leaving the graph: after a step, the caller may commit Value to Weight.
type Update struct {
	Weight *Weight
	Value  *Value
}

// Weight is a handle to a variable. Graphs refer to it, so a layer applied twice, or traced twice, shares it.
type Weight struct {
	Spec
	Name      string  // within its layer: kernel
	Path      string  // Keras's variable path: dense_1/kernel
	State     bool    // never trained: moments, counters
	Trainable bool    // as of the last trace
	Data      *Tensor // nil until it is initialised or loaded

	// Init draws the first value.
	Init func(t *Tensor, rng *rand.Rand)
}

// Graph is a list of nodes in the order they were built, which is topological; reversed, it is the tape.
type Graph struct {
	Nodes   []*Node
	Inputs  []*Value
	Outputs []*Value
	Updates []Update
	Path    string // given to nodes that are added

	Values  []*Value // by ID
	weights map[*Weight]*Value

	inputGrads bool
}

// NewGraph returns an empty graph.
func NewGraph() *Graph { return &Graph{weights: map[*Weight]*Value{}} }

func (g *Graph) value(v Value) *Value {
	v.ID = len(g.Values)
	g.Values = append(g.Values, &v)
	return &v
}

// Input adds an input.
func (g *Graph) Input(s Spec) *Value {
	g.Inputs = append(g.Inputs, g.value(Value{Spec: s}))
	return g.Inputs[len(g.Inputs)-1]
}

// Const adds a constant.
func (g *Graph) Const(t *Tensor) *Value { return g.value(Value{Spec: t.Spec, Const: t}) }

// Weight is the value of a weight, one for each graph, so that the gradients of shared layers meet.
func (g *Graph) Weight(w *Weight) *Value {
	if g.weights[w] == nil {
		g.weights[w] = g.value(Value{Spec: w.Spec, Weight: w})
	}
	return g.weights[w]
}

// Weights lists the weights that the graph refers to, in the order they were first used.
func (g *Graph) Weights() (ws []*Weight) {
	for _, v := range g.Values {
		if v.Weight != nil {
			ws = append(ws, v.Weight)
		}
	}
	return ws
}

// Add appends an operation and returns its outputs.
func (g *Graph) Add(op Op, in ...*Value) ([]*Value, error) {
	specs, err := op.Infer(specsOf(in))
	if err == nil {
		err = countable(specs)
	}
	if err != nil {
		return nil, &OpError{g.Path, op, err}
	}
	n := &Node{Op: op, In: in, Path: g.Path}
	for _, s := range specs {
		n.Out = append(n.Out, g.value(Value{Spec: s, Node: n}))
	}
	g.Nodes = append(g.Nodes, n)
	return n.Out, nil
}

// maxElements bounds a tensor, so that sums of sizes can't overflow.
const maxElements = 1 << 40

// countable refuses shapes whose known dimensions make more elements than any tensor has.
func countable(specs []Spec) error {
	for _, s := range specs {
		if !s.Shape.countable() {
			return fmt.Errorf("the output %v is too large", s)
		}
	}
	return nil
}

func (s Shape) countable() bool {
	n := 1
	for _, d := range s {
		switch {
		case d < Unknown || d > maxElements:
			return false
		case d > 0:
			if n *= d; n > maxElements {
				return false
			}
		}
	}
	return true
}

// Bytes is what a tensor of a concrete spec takes in memory; a *LimitError if that is more than most, if that is above 0.
func (s Spec) Bytes(most int64) (int64, error) {
	size := map[Storage]int64{StoreF32: 4, StoreF64: 8, StoreI32: 4, StoreI64: 8, StoreStr: 16}[s.DType.Storage()]
	if !s.Shape.Known() || !s.Shape.countable() {
		return 0, fmt.Errorf("no tensor %v can be made", s.Shape)
	}
	n := int64(s.Shape.Size()) * size
	if most > 0 && n > most {
		return n, &LimitError{n, most}
	}
	return n, nil
}

// OpError is an operation that doesn't take its inputs, at build or when concrete shapes are bound.
type OpError struct {
	Path string // of the layer
	Op   Op
	Err  error
}

func (e *OpError) Error() string {
	if e.Path == "" {
		return fmt.Sprintf("%T: %v", e.Op, e.Err)
	}
	return fmt.Sprintf("%s: %v", e.Path, e.Err)
}

func (e *OpError) Unwrap() error { return e.Err }

func specsOf(in []*Value) []Spec {
	specs := make([]Spec, len(in))
	for i, v := range in {
		if v != nil {
			specs[i] = v.Spec
		}
	}
	return specs
}

// ShapeError is an input that doesn't fit the model.
type ShapeError struct {
	Input     string
	Want, Got Spec
}

func (e *ShapeError) Error() string {
	return fmt.Sprintf("%s: expected %v, found %v", e.Input, e.Want, e.Got)
}

// resolve runs the shape rules for concrete inputs, giving the spec of each value by ID; sizes are what Measurers found, in
// order.
func (g *Graph) resolve(in []*Tensor, sizes []int) ([]Spec, error) {
	if len(in) != len(g.Inputs) {
		return nil, fmt.Errorf("the model has %d inputs, found %d", len(g.Inputs), len(in))
	}
	specs := make([]Spec, len(g.Values))
	for i, v := range g.Values {
		specs[i] = v.Spec
	}
	for i, v := range g.Inputs {
		if !fits(in[i].Shape, v.Shape) || in[i].DType != v.DType {
			return nil, &ShapeError{fmt.Sprintf("input %d", i), v.Spec, in[i].Spec}
		}
		specs[v.ID].Shape = slices.Clone(in[i].Shape)
	}
	for _, n := range g.Nodes {
		ins := make([]Spec, len(n.In))
		for i, v := range n.In {
			if v != nil {
				ins[i] = specs[v.ID]
			}
		}
		outs, err := n.Op.Infer(ins)
		if err == nil {
			err = countable(outs)
		}
		if err != nil {
			return nil, &OpError{n.Path, n.Op, err}
		}
		if _, ok := n.Op.(Measurer); ok && len(sizes) > 0 {
			outs[0], sizes = outs[0].ending(sizes[0]), sizes[1:]
		}
		for i, v := range n.Out {
			if !outs[i].Shape.Known() {
				return nil, &OpError{n.Path, n.Op, fmt.Errorf("output shape %v isn't decided by the inputs", outs[i].Shape)}
			}
			specs[v.ID] = outs[i]
		}
	}
	return specs, nil
}

func fits(concrete, declared Shape) bool {
	if len(concrete) != len(declared) {
		return false
	}
	for i, d := range declared {
		if d != Unknown && d != concrete[i] {
			return false
		}
	}
	return true
}

// FLOPs sums what the operations say they cost for concrete inputs.
func (g *Graph) FLOPs(in []*Tensor) (int64, error) {
	x := exec{g: g}
	if err := x.measure(in); err != nil {
		return 0, err
	}
	specs, err := g.resolve(in, x.probe.sizes)
	if err != nil {
		return 0, err
	}
	var sum int64
	for _, n := range g.Nodes {
		if c, ok := n.Op.(Coster); ok {
			sum += c.FLOPs(pickSpecs(specs, n.In), pickSpecs(specs, n.Out))
		}
	}
	return sum, nil
}

func pickSpecs(table []Spec, vs []*Value) []Spec {
	out := make([]Spec, len(vs))
	for i, v := range vs {
		if v != nil {
			out[i] = table[v.ID]
		}
	}
	return out
}

// WantInputGrads makes interpreters find the gradients of float inputs, too.
func (g *Graph) WantInputGrads() { g.inputGrads = true }
