package layers

import (
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/op"
)

// lora is a low-rank addition to a kernel, which is frozen: kernel + Alpha/Rank · a·b.
//
// Source: keras/src/layers/core/dense.py, enable_lora
type lora struct {
	Rank  *int     `json:"lora_rank"`
	Alpha *float32 `json:"lora_alpha"`
}

func (l *lora) factor() float32 {
	if l.Alpha == nil {
		return 1
	}
	return *l.Alpha / float32(*l.Rank)
}

// adapted declares a and b for a kernel, a of the kernel's shape but for the last axis, and returns what the layer computes with.
func (l *lora) adapted(g *nn.Graph, c *nn.Common, name string, kernel *nn.Value) *nn.Value {
	if l.Rank == nil {
		return computed(g, kernel)
	}
	if *l.Rank <= 0 {
		g.Failf("lora_rank must be positive, found %d", *l.Rank)
	}
	kernel.Weight.Trainable = false
	s := kernel.Shape
	// Keras keeps a and b in float32 always.
	a := full(g, c.Variable(g, "lora_"+name+"_a", nn.Zeros, append(slices.Clone(s[:len(s)-1]), *l.Rank)...))
	b := full(g, c.Variable(g, "lora_"+name+"_b", nn.Zeros, *l.Rank, s.Last()))
	var sum int
	if sum = len(s) - 1; sum > 0 {
		a = g.Op(op.View{To: nn.Shape{s[:sum].Size(), *l.Rank}}, a)
	}
	add := g.Op(op.Binary{Fn: "multiply"}, g.Op(op.MatMul{}, a, b), g.ScalarOf(float64(l.factor()), a.DType))
	if sum != 1 {
		add = g.Op(op.View{To: s}, add)
	}
	return computed(g, binary(g, "add", kernel, cast(g, add, kernel.DType)))
}

// merged is the kernel as Keras writes it: with the addition.
func (l *lora) merged(c *nn.Common, name string, w *nn.Weight) *nn.Tensor {
	if l.Rank == nil || w.Name != name {
		return w.Data
	}
	own := map[string]*nn.Tensor{}
	for _, o := range c.Own() {
		own[o.Name] = o.Data
	}
	a, b := own["lora_"+name+"_a"], own["lora_"+name+"_b"]
	if a == nil || b == nil {
		return w.Data
	}
	y, n, r := w.Data.Clone(), b.Shape.Last(), *l.Rank
	for i := range y.F32 {
		var sum float64
		for k := range r {
			sum += float64(a.F32[i/n*r+k]) * float64(b.F32[k*n+i%n])
		}
		y.F32[i] += l.factor() * float32(sum)
	}
	return y
}
