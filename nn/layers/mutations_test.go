package layers_test

import (
	"slices"
	"strings"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// Mistakes in weights.

type named = []*nn.Weight

// on changes the weights of a name; "" stands for all.
func on(name string, f func(t *nn.Tensor)) func(named) {
	return func(ws named) {
		for _, w := range ws {
			if name == "" || w.Name == name {
				f(w.Data)
			}
		}
	}
}

// exchange swaps the values of weights of two names, in each layer.
func exchange(a, b string) func(named) {
	return func(ws named) {
		for i, w := range ws {
			for _, v := range ws[i+1:] {
				if w.Name == a && v.Name == b && strings.TrimSuffix(w.Path, a) == strings.TrimSuffix(v.Path, b) {
					w.Data, v.Data = v.Data, w.Data
				}
			}
		}
	}
}

func swapDirections(ws named) {
	for i, w := range ws[:len(ws)/2] {
		v := ws[len(ws)/2+i]
		w.Data, v.Data = v.Data, w.Data
	}
}

// rearranged fills t with its elements in another order.
func rearranged(t *nn.Tensor, from func(i int) int) {
	was := slices.Clone(t.F32)
	for i := range t.F32 {
		t.F32[i] = was[from(i)]
	}
}

// turned reads blocks of a x b elements as b x a, transposed, from an offset on every stride.
func turned(t *nn.Tensor, a, b int) {
	n := a * b
	rearranged(t, func(i int) int { return i/n*n + i%n%b*a + i%n/b })
}

// transposed keeps the shape but has the values of the transpose, as from a file that stores kernels the other way round.
func transposed(t *nn.Tensor) { turned(t, t.Shape[0], t.Shape[1]) }

func transposedTail(t *nn.Tensor) {
	last := len(t.Shape) - 1
	turned(t, t.Shape[last-1], t.Shape[last])
}

func spatialTransposed(t *nn.Tensor) {
	h, w, n := t.Shape[0], t.Shape[1], t.Shape[2]*t.Shape[3]
	rearranged(t, func(i int) int {
		p := i / n
		return (p%w*h+p/w)*n + i%n
	})
}

func flipped(t *nn.Tensor) {
	n := t.Shape[2] * t.Shape[3]
	spatial := t.Shape[0] * t.Shape[1]
	rearranged(t, func(i int) int { return (spatial-1-i/n)*n + i%n })
}

func interleaved(groups int) func(t *nn.Tensor) {
	return func(t *nn.Tensor) {
		n := t.Shape.Last()
		rearranged(t, func(i int) int { return i/n*n + i%n%groups*(n/groups) + i%n/groups })
	}
}

func rolled(t *nn.Tensor) {
	rearranged(t, func(i int) int { return (i + t.Shape.Last()) % t.Len() })
}

// gates swaps two of n blocks of columns.
func gates(n, a, b int) func(t *nn.Tensor) {
	return func(t *nn.Tensor) {
		width := t.Shape.Last()
		u := width / n
		rearranged(t, func(i int) int {
			switch i % width / u {
			case a:
				return i + (b-a)*u
			case b:
				return i - (b-a)*u
			}
			return i
		})
	}
}

func rowsSwapped(t *nn.Tensor) {
	rearranged(t, func(i int) int { return (i + t.Len()/2) % t.Len() })
}

// Mistakes in operations.

// edit maps a node and its inputs to outputs that replace its own; nil keeps the node.
type edit = graph.Rule

// replace changes the operation of every node of a kind.
func replace[O graph.Op](f func(o O) graph.Op) edit {
	return func(p *graph.Rewriter, n *graph.Node, in []*nn.Value) []*nn.Value {
		if o, ok := n.Op.(O); ok {
			return p.Emit(n.Path, f(o), in...)
		}
		return nil
	}
}

// without drops input i.
func without[O graph.Op](i int) edit {
	return func(p *graph.Rewriter, n *graph.Node, in []*nn.Value) []*nn.Value {
		if o, ok := n.Op.(O); ok && in[i] != nil {
			in[i] = nil
			return p.Emit(n.Path, o, in...)
		}
		return nil
	}
}

func swapped[O graph.Op](i, j int) edit {
	return func(p *graph.Rewriter, n *graph.Node, in []*nn.Value) []*nn.Value {
		if o, ok := n.Op.(O); ok {
			in[i], in[j] = in[j], in[i]
			return p.Emit(n.Path, o, in...)
		}
		return nil
	}
}

// shifted has the larger half of the padding first, of axes of n elements.
func shifted(w op.Window, n ...int) op.Window {
	w.Pad = nil
	for i, size := range w.Size {
		out := (n[i] + w.Strides[i] - 1) / w.Strides[i]
		total := max((out-1)*w.Strides[i]+size-n[i], 0)
		low := total - total/2
		if total%2 == 0 && total > 0 {
			low++
		}
		w.Pad = append(w.Pad, [2]int{low, total - low})
	}
	w.Same = false
	return w
}

// countingPadding pads with zeros that then count, as PyTorch's mean does.
func countingPadding(p *graph.Rewriter, n *graph.Node, in []*nn.Value) []*nn.Value {
	o, ok := n.Op.(op.Pool)
	if !ok {
		return nil
	}
	by := make([][2]int, len(in[0].Shape))
	for i, size := range o.Size {
		x, stride := n.In[0].Shape[i+1], o.Strides[i]
		total := max(((x+stride-1)/stride-1)*stride+size-x, 0)
		by[i+1] = [2]int{total / 2, total - total/2}
	}
	o.Same = false
	padded := p.Emit(n.Path, op.Pad{By: by}, in[0])
	return p.Emit(n.Path, o, padded...)
}

// untransposed keeps the elements in their order but gives them the shape of the transpose.
func untransposed(p *graph.Rewriter, n *graph.Node, in []*nn.Value) []*nn.Value {
	if _, ok := n.Op.(op.Transpose); !ok {
		return nil
	}
	return p.Emit(n.Path, op.View{Lead: 1, To: n.Out[0].Shape[1:]}, in...)
}

// tanhGelu is the gelu that Keras has under approximate=True.
func tanhGelu(p *graph.Rewriter, n *graph.Node, in []*nn.Value) []*nn.Value {
	if u, ok := n.Op.(op.Unary); !ok || u.Fn != "gelu" {
		return nil
	}
	return p.Emit(n.Path, op.Unary{Fn: "gelu_tanh"}, in...)
}

// batchMoments normalises as while training.
func batchMoments(p *graph.Rewriter, n *graph.Node, in []*nn.Value) []*nn.Value {
	o, ok := n.Op.(op.BatchNorm)
	if !ok {
		return nil
	}
	o.Train = true
	return p.Emit(n.Path, o, in...)[:1]
}
