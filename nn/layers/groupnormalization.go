package layers

import (
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/op"
)

// GroupNormalization cuts the channels into Groups (-1: each channel is one) and normalises each over its channels and
// all positions, then scales and shifts every channel.
//
// Source: keras/src/layers/normalization/group_normalization.py
type GroupNormalization struct {
	nn.Common
	Groups           int            `json:"groups"`
	Axis             int            `json:"axis"`
	Epsilon          float32        `json:"epsilon"`
	Center           bool           `json:"center"`
	Scale            bool           `json:"scale"`
	BetaInitializer  nn.Initializer `json:"beta_initializer"`
	GammaInitializer nn.Initializer `json:"gamma_initializer"`
}

// NewGroupNormalization makes a GroupNormalization layer of the last axis; Keras's default is 32 groups.
func NewGroupNormalization(groups int) *GroupNormalization {
	return &GroupNormalization{Common: base("GroupNormalization"), Groups: groups, Axis: -1, Epsilon: 1e-3, Center: true, Scale: true}
}

// Build implements nn.Layer.
func (l *GroupNormalization) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := full(g, c.In().Value)
	rank := len(x.Shape)
	axis := axisOf(g, l.Axis, rank)
	n, groups := x.Shape[axis], l.Groups
	if groups == -1 {
		groups = n
	}
	if n < 0 || groups < 1 || n%groups != 0 {
		g.Failf("groups must divide the %d channels, found %d", n, l.Groups)
	}
	wide := slices.Repeat(nn.Shape{1}, rank+1)
	wide[axis], wide[axis+1] = groups, n/groups
	var gamma, beta *nn.Value
	if l.Scale {
		gamma = cast(g, g.Op(op.View{To: wide}, l.Variable(g, "gamma", l.GammaInitializer.Or(nn.Ones), n)), x.DType)
	}
	if l.Center {
		beta = cast(g, g.Op(op.View{To: wide}, l.Variable(g, "beta", l.BetaInitializer.Or(nn.Zeros), n)), x.DType)
	}
	var axes []int // all but the batch and the groups
	for d := 1; d <= rank; d++ {
		if d != axis {
			axes = append(axes, d)
		}
	}
	y := g.Op(op.Normalize{Axes: axes, Eps: l.Epsilon}, regroup(g, x, axis, 1, groups, n/groups), gamma, beta)
	return c.Keep(rounded(g, regroup(g, y, axis, 2, n), c.In().Value))
}

// KeepsInputs says that Keras doesn't convert the input.
func (l *GroupNormalization) KeepsInputs() {}
