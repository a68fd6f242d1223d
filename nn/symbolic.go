package nn

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
)

// Symbol is a tensor of a functional model in the making: Keras's KerasTensor.
type Symbol struct {
	layer        Layer
	node, tensor int
	from         []*Symbol // inputs of the call
}

// Input starts a functional model: the symbol of an InputLayer without the batch dimension.
func Input(dims ...int) *Symbol { return InputOf(NewInput(dims...)) }

// InputOf is the symbol of an InputLayer.
func InputOf(l *InputLayer) *Symbol { return &Symbol{layer: l} }

// Builder records the calls of a functional model.
type Builder struct{ calls map[Layer]int }

// NewBuilder starts a functional model.
func NewBuilder() *Builder { return &Builder{map[Layer]int{}} }

// Call records that l is called with in and returns its first output. A layer that is called twice is shared.
func (b *Builder) Call(l Layer, in ...*Symbol) *Symbol { return b.Outputs(l, 1, in...)[0] }

// Outputs is Call for a layer with n outputs.
func (b *Builder) Outputs(l Layer, n int, in ...*Symbol) []*Symbol {
	node := b.calls[l]
	b.calls[l]++
	out := make([]*Symbol, n)
	for i := range out {
		out[i] = &Symbol{layer: l, node: node, tensor: i, from: in}
	}
	return out
}

// NewFunctional makes the model between symbols, names its layers as Keras does and declares its weights, which
// InitWeights draws.
func NewFunctional(inputs, outputs []*Symbol) (*Functional, error) {
	m := &Functional{Common: Common{Name: "functional", Trainable: true, Class: "Functional"}}
	calls := map[Layer][]*Symbol{} // by node
	var visit func(s *Symbol)
	seen := map[*Symbol]bool{}
	visit = func(s *Symbol) {
		if seen[s] {
			return
		}
		seen[s] = true
		for _, f := range s.from {
			visit(f)
		}
		if calls[s.layer] == nil {
			m.Layers = append(m.Layers, s.layer)
		}
		if !slices.ContainsFunc(calls[s.layer], func(c *Symbol) bool { return c.node == s.node }) {
			calls[s.layer] = append(calls[s.layer], s)
		}
	}
	for _, s := range append(slices.Clone(inputs), outputs...) {
		visit(s)
	}
	nameLayers(m.Layers)
	renumber := map[Layer]map[int]int{} // calls that don't lead to an output aren't part of the model
	m.nodes = make([][]inbound, len(m.Layers))
	for _, l := range m.Layers {
		slices.SortFunc(calls[l], func(a, b *Symbol) int { return a.node - b.node })
		renumber[l] = map[int]int{}
		for i, c := range calls[l] {
			renumber[l][c.node] = i
		}
	}
	ref := func(s *Symbol) Ref { return Ref{s.layer.Base().Name, renumber[s.layer][s.node], s.tensor} }
	for i, l := range m.Layers {
		if _, input := l.(*InputLayer); input {
			continue
		}
		for _, c := range calls[l] {
			args := make([]any, len(c.from))
			for k, f := range c.from {
				args[k] = ref(f)
			}
			if len(args) > 1 && takesList(l) {
				args = []any{args}
			}
			m.nodes[i] = append(m.nodes[i], inbound{args, map[string]any{}})
		}
	}
	for _, s := range inputs {
		m.Inputs.Refs = append(m.Inputs.Refs, ref(s))
	}
	for _, s := range outputs {
		r := ref(s)
		r.Node += firstCall(s.layer)
		m.Outputs.Refs = append(m.Outputs.Refs, r)
	}
	if names := m.duplicateNames(); names != nil {
		return nil, fmt.Errorf("layers must have names of their own, found twice: %q", names)
	}
	return m, Declare(m)
}

func (m *Functional) duplicateNames() (twice []string) {
	seen := map[string]bool{}
	for _, l := range m.Layers {
		if n := l.Base().Name; seen[n] {
			twice = append(twice, n)
		} else {
			seen[n] = true
		}
	}
	return twice
}

// Merger is a layer whose several inputs are one list argument in Keras: Add, Concatenate.
type Merger interface{ TakesList() }

func takesList(l Layer) bool {
	_, ok := l.(Merger)
	return ok
}

// encodeExtra gives the layers of a model made in Go their names and inbound nodes.
func (m *Functional) encodeExtra(config object) error {
	if err := m.parse(); err != nil {
		return err
	}
	items := make([]json.RawMessage, len(m.Layers))
	specs := m.tensorSpecs()
	for i, l := range m.Layers {
		raw, err := Encode(l)
		if err != nil {
			return err
		}
		var env object
		if err := json.Unmarshal(raw, &env); err != nil {
			return err
		}
		if env["name"] == nil {
			env["name"] = quote(l.Base().Name)
		}
		if raw := env["inbound_nodes"]; raw == nil || bytes.Contains(raw, []byte(`"keras_history"`)) && !bytes.Contains(raw, []byte(`"shape"`)) {
			calls := []any{}
			for _, n := range m.nodes[i] {
				calls = append(calls, map[string]any{"args": tensorJSON(n.args, specs), "kwargs": tensorJSON(n.kwargs, specs)})
			}
			if env["inbound_nodes"], err = marshal(calls); err != nil {
				return err
			}
		}
		if items[i], err = marshal(env); err != nil {
			return err
		}
	}
	raw, err := marshal(items)
	config["layers"] = raw
	return err
}

// tensorSpecs finds the shape of every tensor in the model, which Keras writes beside each reference.
func (m *Functional) tensorSpecs() map[Ref]Spec {
	specs := map[Ref]Spec{}
	g, _, err := Trace(m, false)
	if err != nil {
		return specs
	}
	for _, c := range g.Calls {
		if c.Depth == 1 {
			for i, w := range c.Out {
				specs[Ref{c.Layer.Base().Name, c.Index, i}] = w.Spec
			}
		}
	}
	return specs
}

// tensorJSON is the inverse of tensorRefs.
func tensorJSON(a any, specs map[Ref]Spec) any {
	switch a := a.(type) {
	case Ref:
		s := specs[a]
		dims := []any{}
		for _, d := range s.Shape {
			if d < 0 {
				dims = append(dims, nil)
			} else {
				dims = append(dims, d)
			}
		}
		return map[string]any{"class_name": "__keras_tensor__", "config": map[string]any{
			"shape": dims, "dtype": s.DType.String(), "keras_history": []any{a.Layer, a.Node, a.Tensor}}}
	case []any:
		out := make([]any, len(a))
		for i, e := range a {
			out[i] = tensorJSON(e, specs)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(a))
		for k, e := range a {
			out[k] = tensorJSON(e, specs)
		}
		return out
	case Slice:
		return map[string]any{"class_name": "__slice__", "config": map[string]any{
			"start": tensorJSON(a.Start, specs), "stop": tensorJSON(a.Stop, specs), "step": tensorJSON(a.Step, specs)}}
	case Ellipsis:
		return map[string]any{"class_name": "__ellipsis__", "config": map[string]any{}}
	}
	return a
}
