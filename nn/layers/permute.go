package layers

import "kerasgo/nn"

// Permute reorders all axes but the batch: axis i of the output is axis Dims[i-1] of the input, both from 1.
//
// Source: keras/src/layers/reshaping/permute.py
type Permute struct {
	nn.Common
	Dims []int `json:"dims"`
}

// NewPermute makes a Permute layer.
func NewPermute(dims ...int) *Permute { return &Permute{Common: base("Permute"), Dims: dims} }

// Build implements nn.Layer.
func (l *Permute) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In().Value
	if len(l.Dims) != len(x.Shape)-1 {
		g.Failf("dims has %d axes, the input %d beside the batch", len(l.Dims), len(x.Shape)-1)
	}
	return nn.Drop(transpose(g, x, append([]int{0}, l.Dims...)...))
}
