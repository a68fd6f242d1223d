package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// Masking masks the steps whose features all are MaskValue, and zeroes them.
//
// Source: keras/src/layers/core/masking.py
type Masking struct {
	nn.Common
	MaskValue float32 `json:"mask_value"`
}

// NewMasking makes a Masking layer.
func NewMasking(value float32) *Masking { return &Masking{base("Masking"), value} }

// Build implements nn.Layer.
func (l *Masking) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In().Value
	seen := float(g, x)
	differs := g.Op(op.Binary{Fn: "not_equal"}, seen, g.ScalarOf(float64(l.MaskValue), seen.DType))
	last := []int{len(x.Shape) - 1}
	column := g.Op(op.Reduce{Fn: "any", Axes: last, Keep: true}, differs)
	mask := g.Op(op.Reduce{Fn: "any", Axes: last}, differs)
	return []nn.Wire{{Value: g.Op(op.Where{}, column, x, g.ScalarOf(0, x.DType)), Mask: mask}}
}
