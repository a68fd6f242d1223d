package layers

import (
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// Softmax is exp(x) / sum(exp(x)) over Axis; positions that the mask drops get zero.
//
// Source: keras/src/layers/activations/softmax.py
type Softmax struct {
	nn.Common
	Axis Axes `json:"axis"`
}

// NewSoftmax makes a Softmax layer of the last axis.
func NewSoftmax() *Softmax { return &Softmax{Common: base("Softmax"), Axis: Axes{-1}} }

// Build implements nn.Layer.
func (l *Softmax) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x, mask := c.In().Value, c.In().Mask
	if mask != nil {
		if mask.DType != graph.Bool {
			mask = binary(g, "greater", mask, g.ScalarOf(.5, mask.DType))
		}
		x = g.Op(op.Where{}, mask, x, g.ScalarOf(-1e9, x.DType))
	}
	y := softmax(g, op.Softmax{Axis: -1}, x, l.Axis)
	if mask != nil {
		y = g.Op(op.Where{}, mask, y, g.ScalarOf(0, y.DType))
	}
	return c.Keep(y)
}

// softmax applies an operation of the last axis to several axes as if they were one.
func softmax(g *nn.Graph, o graph.Op, x *nn.Value, axis Axes) *nn.Value {
	rank := len(x.Shape)
	axes := axis.of(g, rank)
	if len(axes) == 0 {
		g.Failf("axis must name an axis")
	}
	if len(axes) == 1 {
		switch o.(type) {
		case op.Softmax:
			return g.Op(op.Softmax{Axis: axes[0]}, x)
		case op.LogSoftmax:
			return g.Op(op.LogSoftmax{Axis: axes[0]}, x)
		}
	}
	var perm []int
	for d := range rank {
		if !slices.Contains(axes, d) {
			perm = append(perm, d)
		}
	}
	perm = append(perm, axes...)
	x = transpose(g, x, perm...)
	last := rank - len(axes)
	sizes := x.Shape[last:]
	y := g.Op(o, regroup(g, x, last, len(axes), -1))
	y = split(g, y, last, sizes)
	back := make([]int, rank)
	for i, d := range perm {
		back[d] = i
	}
	return transpose(g, y, back...)
}
