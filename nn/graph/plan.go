package graph

import (
	"context"
	"slices"

	"kerasgo/internal/par"
)

// Rule is one pass over a graph: it maps a node and its new inputs to the outputs that replace its own; nil keeps the node.
type Rule func(p *Rewriter, n *Node, in []*Value) []*Value

// Rewriter copies what the outputs need of one graph to another, by a Rule.
type Rewriter struct {
	*Graph
	uses map[*Value]int // in the old graph
}

// Uses counts the readers of v, a value of the old graph; being an output counts as one.
func (p *Rewriter) Uses(v *Value) int { return p.uses[v] }

// Emit adds an operation whose inputs are known to fit.
func (p *Rewriter) Emit(path string, op Op, in ...*Value) []*Value {
	p.Path = path
	out, err := p.Add(op, in...)
	if err != nil {
		panic(err) // a pass broke a graph that was sound
	}
	return out
}

// Rewrite copies old, which isn't changed. Weights become constants that share the weights' data; a nil rule only drops
// what no output needs.
func Rewrite(old *Graph, f Rule) *Graph {
	p := &Rewriter{NewGraph(), map[*Value]int{}}
	for _, v := range old.Outputs {
		p.uses[v]++
	}
	for _, n := range slices.Backward(old.Nodes) {
		if p.needs(n) {
			for _, v := range n.In {
				if v != nil {
					p.uses[v]++
				}
			}
		}
	}
	moved := map[*Value]*Value{}
	for _, v := range old.Inputs {
		moved[v] = p.Input(v.Spec)
	}
	for _, v := range old.Values {
		switch {
		case p.uses[v] == 0:
		case v.Weight != nil:
			moved[v] = p.Const(v.Weight.Data)
		case v.Const != nil:
			moved[v] = p.Const(v.Const)
		}
	}
	for _, n := range old.Nodes {
		if !p.needs(n) {
			continue
		}
		in := make([]*Value, len(n.In))
		for i, v := range n.In {
			if v != nil {
				in[i] = moved[v]
			}
		}
		var out []*Value
		if f != nil {
			out = f(p, n, in)
		}
		if out == nil {
			out = p.Emit(n.Path, n.Op, in...)
		}
		for i, v := range out {
			moved[n.Out[i]] = v
		}
	}
	for _, v := range old.Outputs {
		p.Outputs = append(p.Outputs, moved[v])
	}
	return p.Graph
}

func (p *Rewriter) needs(n *Node) bool {
	return slices.ContainsFunc(n.Out, func(v *Value) bool { return p.uses[v] > 0 })
}

// Snapshot gives constants that share a weight's data copies of their own.
func (g *Graph) Snapshot(weights []*Weight) {
	shared := map[*Tensor]bool{}
	for _, w := range weights {
		shared[w.Data] = true
	}
	for _, v := range g.Values {
		if v.Const != nil && shared[v.Const] {
			v.Const = v.Const.Clone()
		}
	}
}

// Plan is an immutable inference graph; goroutines share it, each with its own Runner.
type Plan struct {
	g        *Graph
	maxBytes int64
}

// NewPlan wraps a graph that refers to no weights. maxBytes limits what a runner allocates (0: no limit).
func NewPlan(g *Graph, maxBytes int64) *Plan { return &Plan{g, maxBytes} }

// Graph is what it runs.
func (p *Plan) Graph() *Graph { return p.g }

// Runner makes a runner that computes with pool (nil: one thread).
func (p *Plan) Runner(pool *par.Pool) *Runner {
	return &Runner{exec: exec{Run: Run{Pool: pool}, g: p.g, maxBytes: p.maxBytes}}
}

// Runner runs a plan in an arena of its own. Not for use by several goroutines at once.
type Runner struct {
	exec
	out []*Tensor
}

// Run runs the plan. The results are the runner's own and last until the next call. Once the shapes of in were seen, a
// run allocates nothing.
func (r *Runner) Run(ctx context.Context, in ...*Tensor) ([]*Tensor, error) {
	if err := r.measure(in); err != nil {
		return nil, err
	}
	if !r.find(in) {
		var aliases []viewOf
		err := r.bind(in, func(specs []Spec) (val []*Tensor, err error) {
			val, aliases, err = r.arena(specs)
			return val, err
		})
		if err != nil {
			return nil, err
		}
		b := r.cur
		for _, a := range aliases {
			b.alias = append(b.alias, alias{b.val[a.view], b.val[a.source]})
		}
		for i, n := range r.g.Nodes {
			if v, ok := n.Op.(Viewer); ok && v.View() {
				b.frames[i].out = nil // nothing to compute
			}
		}
	}
	if err := r.forward(ctx, in); err != nil {
		return nil, err
	}
	r.out = r.out[:0]
	for _, v := range r.g.Outputs {
		r.out = append(r.out, r.cur.val[v.ID])
	}
	return r.out, nil
}
