package graph

import (
	"context"
	"slices"
)

// Interp is the Interpreter: it keeps every activation, and finds gradients by the reversed node list. Buffers live as
// long as the input shapes are among the last few. Not for use by several goroutines at once.
type Interp struct {
	exec
	roots []*Value
}

// NewInterp makes an interpreter whose gradients start at roots; without roots it only runs forward. maxBytes limits
// what it allocates (0: no limit).
func NewInterp(g *Graph, maxBytes int64, roots ...*Value) *Interp {
	return &Interp{exec: exec{g: g, maxBytes: maxBytes}, roots: roots}
}

// Graph is what it runs.
func (r *Interp) Graph() *Graph { return r.g }

// Value is what v held in the last run.
func (r *Interp) Value(v *Value) *Tensor { return r.cur.val[v.ID] }

// Grad is the gradient of the roots with respect to v, nil if it isn't wanted.
func (r *Interp) Grad(v *Value) *Tensor {
	if v.ID >= len(r.cur.grad) { // gradients weren't asked for, or v came after
		return nil
	}
	return r.cur.grad[v.ID]
}

// Forward runs the graph.
func (r *Interp) Forward(ctx context.Context, in ...*Tensor) error {
	if err := r.measure(in); err != nil {
		return err
	}
	if !r.find(in) {
		if err := r.bind(in, r.keep); err != nil {
			return err
		}
		if len(r.roots) > 0 {
			b := r.cur
			b.grad = make([]*Tensor, len(b.val))
			for i, wanted := range r.g.wanted(r.roots) {
				if wanted {
					b.grad[i] = New(b.val[i].Spec)
				}
			}
			for i, n := range r.g.Nodes {
				b.frames[i].dout, b.frames[i].din = pick(b.grad, n.Out), pick(b.grad, n.In)
			}
		}
	}
	return r.forward(ctx, in)
}

// keep gives every value room of its own.
func (r *Interp) keep(specs []Spec) ([]*Tensor, error) {
	var bytes int64
	for i, v := range r.g.Values {
		if v.Node != nil {
			bytes += int64(specs[i].Shape.Size()) * elementBytes(specs[i].DType)
		}
	}
	if len(r.roots) > 0 {
		bytes *= 2
	}
	if err := r.limit(bytes); err != nil {
		return nil, err
	}
	val := make([]*Tensor, len(specs))
	for i, v := range r.g.Values {
		if v.Node != nil {
			val[i] = New(specs[i])
		}
	}
	return val, nil
}

// wanted marks the floats that lie between something trainable (or an input, where those are asked for) and a root.
func (g *Graph) wanted(roots []*Value) []bool {
	below, above := make([]bool, len(g.Values)), make([]bool, len(g.Values))
	for _, v := range g.Values {
		below[v.ID] = v.Weight != nil && v.Weight.Trainable || g.inputGrads && v.Node == nil && v.Weight == nil && v.Const == nil
		for i := 0; v.Node != nil && i < len(v.Node.In); i++ {
			if in := v.Node.In[i]; in != nil && below[in.ID] {
				below[v.ID] = true
			}
		}
		below[v.ID] = below[v.ID] && v.DType.Float()
	}
	for _, v := range roots {
		above[v.ID] = true
	}
	for _, n := range slices.Backward(g.Nodes) {
		if !slices.ContainsFunc(n.Out, func(v *Value) bool { return above[v.ID] }) {
			continue
		}
		for _, v := range n.In {
			if v != nil {
				above[v.ID] = true
			}
		}
	}
	for i := range below {
		below[i] = below[i] && above[i]
	}
	return below
}

// Backward runs the tape from roots of gradient one.
func (r *Interp) Backward() {
	r.ZeroGrad()
	for _, v := range r.roots {
		if d := r.Grad(v); d != nil {
			for i := range d.F32 {
				d.F32[i] = 1
			}
		}
	}
	r.Pull()
}

// ZeroGrad clears all gradients; the caller may then seed the roots, and nothing else, before Pull.
func (r *Interp) ZeroGrad() {
	b := r.cur
	if b.stale == nil {
		b.stale = make([]bool, len(b.grad))
	}
	for i, t := range b.grad {
		if t == nil {
			continue
		}
		v := r.g.Values[i]
		if b.stale[i] = v.Node != nil && !slices.Contains(r.roots, v); !b.stale[i] {
			t.Zero()
		}
	}
}

// Pull runs the tape from the gradients as they are. What nodes make is cleared only where nothing sets it, just before it
// is used: most of it is set by its last reader.
func (r *Interp) Pull() {
	b := r.cur
	for i, n := range slices.Backward(r.g.Nodes) {
		f := &b.frames[i]
		if !anyOf(f.dout) || !anyOf(f.din) {
			continue
		}
		for _, v := range n.Out {
			b.clear(v)
		}
		if r.fresh = len(n.In) > 0 && b.sets(n); r.fresh {
			b.stale[n.In[0].ID] = false
		}
		for _, v := range n.In {
			b.clear(v)
		}
		r.used = 0
		n.Op.Backward(&r.Run, f.in, f.out, f.dout, f.din)
	}
	r.fresh = false
	for _, v := range r.g.Values {
		b.clear(v)
	}
}

// sets says that a node's operation may set the gradient of its first input.
func (b *binding) sets(n *Node) bool {
	v := n.In[0]
	if v == nil || !b.stale[v.ID] || slices.Contains(n.In[1:], v) {
		return false
	}
	_, ok := n.Op.(Setter)
	return ok
}

// clear zeroes the gradient of v, or of nil, if it holds what another step left.
func (b *binding) clear(v *Value) {
	if v != nil && v.ID < len(b.stale) && b.stale[v.ID] {
		b.stale[v.ID] = false
		b.grad[v.ID].Zero()
	}
}

func anyOf(ts []*Tensor) bool {
	for _, t := range ts {
		if t != nil {
			return true
		}
	}
	return false
}

// Commit stores the state that the last run returned.
func (r *Interp) Commit() {
	for _, u := range r.g.Updates {
		u.Weight.Data.CopyFrom(r.Value(u.Value))
	}
}
