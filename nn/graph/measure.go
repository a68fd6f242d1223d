package graph

import "slices"

// Measurer has an output 0 whose last dimension the data decides, not the shapes of its inputs: words padded to the longest
// row. Infer leaves it Unknown; executors ask before they find room, and remember a binding by the answer too.
type Measurer interface {
	Measure(r *Run, in []*Tensor) int
}

// probe measures the nodes whose shapes data decides.
type probe struct {
	nodes []*Node // of the graph; nil: not looked for yet
	sizes []int   // what was measured, in their order
	args  []*Tensor
	have  map[*Value]*Tensor // what else had to be computed
}

// measure finds the sizes that the data of in decides. What such nodes need of others is computed for this alone; most
// read an input.
func (x *exec) measure(in []*Tensor) error {
	p := &x.probe
	if p.nodes == nil {
		p.nodes = []*Node{}
		for _, n := range x.g.Nodes {
			if _, ok := n.Op.(Measurer); ok {
				p.nodes = append(p.nodes, n)
			}
		}
	}
	p.sizes, p.have = p.sizes[:0], nil
	if len(p.nodes) == 0 || len(in) != len(x.g.Inputs) {
		return nil
	}
	for i, v := range x.g.Inputs {
		if !fits(in[i].Shape, v.Shape) || in[i].DType != v.DType {
			return nil // resolve says so
		}
	}
	for _, n := range p.nodes {
		p.args = p.args[:0]
		for _, v := range n.In {
			t, err := x.evaluate(v, in)
			if err != nil {
				return err
			}
			p.args = append(p.args, t)
		}
		x.used = 0
		p.sizes = append(p.sizes, n.Op.(Measurer).Measure(&x.Run, p.args))
	}
	return nil
}

// evaluate computes a value before there is room for it.
func (x *exec) evaluate(v *Value, in []*Tensor) (*Tensor, error) {
	switch {
	case v == nil:
		return nil, nil
	case v.Const != nil:
		return v.Const, nil
	case v.Weight != nil:
		return v.Weight.Data, nil
	case v.Node == nil:
		return in[slices.Index(x.g.Inputs, v)], nil
	case x.probe.have[v] != nil:
		return x.probe.have[v], nil
	}
	n := v.Node
	args, specs := make([]*Tensor, len(n.In)), make([]Spec, len(n.In))
	for i, a := range n.In {
		t, err := x.evaluate(a, in)
		if err != nil {
			return nil, err
		}
		if args[i] = t; t != nil {
			specs[i] = t.Spec
		}
	}
	made, err := n.Op.Infer(specs)
	if m, ok := n.Op.(Measurer); ok && err == nil {
		made[0] = made[0].ending(m.Measure(&x.Run, args))
	}
	if err == nil {
		err = countable(made)
	}
	if err != nil {
		return nil, &OpError{n.Path, n.Op, err}
	}
	outs := make([]*Tensor, len(made))
	for i, s := range made {
		if _, err := s.Bytes(x.maxBytes); err != nil {
			return nil, err
		}
		outs[i] = New(s)
	}
	x.used, x.err = 0, nil
	n.Op.Forward(&x.Run, args, outs)
	if x.err != nil {
		return nil, &OpError{n.Path, n.Op, x.err}
	}
	if x.probe.have == nil {
		x.probe.have = map[*Value]*Tensor{}
	}
	for i, o := range n.Out {
		x.probe.have[o] = outs[i]
	}
	return x.probe.have[v], nil
}

// ending is s with another last dimension.
func (s Spec) ending(n int) Spec { return Spec{s.Shape.With(1, n), s.DType} }
