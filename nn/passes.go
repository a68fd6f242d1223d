package nn

import (
	"math"
	"slices"

	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// pass is one step of the compiler. The list below is the whole of it.
type pass struct {
	name string
	rule graph.Rule
}

// passes, in order; budget bounds the elements of new constants.
func passes(budget int) []pass {
	return []pass{
		{"drop identities", dropIdentity},
		{"compute what weights alone decide", foldConstants(budget)},
		{"fold batch normalization into the linear operation before it", foldBatchNorm},
		{"fuse additions into the operation before them", fuseAdd},
		{"fuse activations into the operation before them", fuseActivation},
		{"pack weights as kernels want them", packWeights},
		{"drop what no output needs", nil},
	}
}

func optimise(g *graph.Graph, plain bool) *graph.Graph {
	weights := g.Weights()
	budget := 0
	for _, w := range weights {
		budget += 4 * w.Shape.Size()
	}
	for _, p := range passes(budget) {
		if !plain || p.rule == nil {
			g = graph.Rewrite(g, p.rule)
		}
	}
	g.Snapshot(weights)
	return g
}

func dropIdentity(_ *graph.Rewriter, n *graph.Node, in []*Value) []*Value {
	if v, ok := n.Op.(graph.Viewer); ok && v.View() && slices.Equal(n.In[0].Shape, n.Out[0].Shape) && n.In[0].Shape.Known() {
		return in[:1]
	}
	if v, ok := n.Op.(op.View); ok && len(n.In[0].Shape) == v.Lead+len(v.To) && slices.Equal(n.In[0].Shape[v.Lead:], v.To) &&
		v.To.Known() {
		return in[:1]
	}
	return nil
}

// foldConstants computes what weights alone decide, as long as it takes no more than budget elements in all: weights in
// another dtype than they are kept in, quantized ones, additions to kernels.
func foldConstants(budget int) graph.Rule {
	return func(p *graph.Rewriter, n *graph.Node, in []*Value) []*Value {
		switch n.Op.(type) {
		case op.Cast, op.Unpack4, op.Binary, op.MatMul, op.View, op.Gather:
		default:
			return nil
		}
		consts := make([]*Tensor, len(in))
		specs := make([]Spec, len(in))
		for i, v := range in {
			if consts[i] = constOf(v); consts[i] == nil {
				return nil
			}
			specs[i] = consts[i].Spec
		}
		out, err := n.Op.Infer(specs)
		if err != nil || !out[0].Shape.Known() || out[0].Shape.Size() > budget {
			return nil
		}
		var run graph.Run
		y := graph.New(out[0])
		if n.Op.Forward(&run, consts, []*Tensor{y}); run.Err() != nil {
			return nil // as it will be when it runs
		}
		budget -= y.Len()
		return []*Value{p.Const(y)}
	}
}

// producer is the node that makes in[0] for n alone, in the new graph.
func producer(p *graph.Rewriter, n *graph.Node, in []*Value) *graph.Node {
	if in[0] == nil || p.Uses(n.In[0]) != 1 {
		return nil
	}
	return in[0].Node
}

// foldBatchNorm turns y = bn(linear(x, kernel, bias)) into one linear operation.
func foldBatchNorm(p *graph.Rewriter, n *graph.Node, in []*Value) []*Value {
	bn, ok := n.Op.(op.BatchNorm)
	if !ok || bn.Train {
		return nil
	}
	m := producer(p, n, in)
	if m == nil {
		return nil
	}
	linear, ok := m.Op.(op.Linear)
	if !ok || len(m.In) != 3 || m.In[1] == nil || m.In[1].Const == nil || m.In[2] != nil && m.In[2].Const == nil {
		return nil
	}
	if a, err := op.Axis(bn.Axis, len(n.In[0].Shape)); err != nil || a != len(n.In[0].Shape)-1 {
		return nil
	}
	gamma, beta, mean, variance := constOf(in[1]), constOf(in[2]), constOf(in[3]), constOf(in[4])
	if mean == nil || variance == nil || in[1] != nil && gamma == nil || in[2] != nil && beta == nil {
		return nil
	}
	scale, shift := make([]float64, mean.Len()), make([]float64, mean.Len())
	for c := range scale {
		scale[c] = 1 / math.Sqrt(float64(variance.F32[c])+float64(bn.Eps))
		if gamma != nil {
			scale[c] *= float64(gamma.F32[c])
		}
		shift[c] = -float64(mean.F32[c]) * scale[c]
		if beta != nil {
			shift[c] += float64(beta.F32[c])
		}
	}
	k, b, ok := linear.Scaled(m.In[1].Const, constOf(m.In[2]), scale, shift)
	if !ok {
		return nil
	}
	ins := slices.Clone(m.In)
	ins[1], ins[2] = p.Const(k), p.Const(b)
	return p.Emit(n.Path, m.Op, ins...)
}

func constOf(v *Value) *Tensor {
	if v == nil {
		return nil
	}
	return v.Const
}

// fuseAdd lets the operation that makes one operand of an addition add the other: residual connections.
func fuseAdd(p *graph.Rewriter, n *graph.Node, in []*Value) []*Value {
	b, ok := n.Op.(op.Binary)
	if !ok || b.Fn != "add" || !sameShape(n.In[0].Shape, n.In[1].Shape) || n.In[0] == n.In[1] {
		return nil
	}
	for i := range 2 {
		m := in[i].Node
		if p.Uses(n.In[i]) != 1 || m == nil || len(m.In) != 3 {
			continue
		}
		a, ok := m.Op.(op.Adder)
		if !ok {
			continue
		}
		if fused, ok := a.FuseAdd(); ok {
			return p.Emit(n.Path, fused, append(slices.Clone(m.In), in[1-i])...)
		}
	}
	return nil
}

// sameShape says that two shapes are the same in every run: only the first dimension, the batch, may be unknown.
func sameShape(a, b Shape) bool { return len(a) > 1 && slices.Equal(a, b) && a[1:].Known() }

// fuseActivation lets the operation before an activation apply it.
func fuseActivation(p *graph.Rewriter, n *graph.Node, in []*Value) []*Value {
	u, ok := n.Op.(op.Unary)
	if !ok {
		return nil
	}
	m := producer(p, n, in)
	if m == nil {
		return nil
	}
	f, ok := m.Op.(op.Fuser)
	if !ok {
		return nil
	}
	fused, ok := f.Fuse(u)
	if !ok {
		return nil
	}
	return p.Emit(n.Path, fused, m.In...)
}

// packWeights lets operations take their constants in, so that the model's own copy isn't kept.
func packWeights(p *graph.Rewriter, n *graph.Node, in []*Value) []*Value {
	k, ok := n.Op.(graph.Packer)
	if !ok {
		return nil
	}
	consts := make([]*Tensor, len(in))
	for i, v := range in {
		consts[i] = constOf(v)
	}
	packed, drop := k.Pack(consts)
	if packed == nil {
		return nil
	}
	for i, d := range drop {
		if d {
			in[i] = nil
		}
	}
	return p.Emit(n.Path, packed, in...)
}
