package layers

import (
	"slices"
	"sort"

	"kerasgo/nn"
	"kerasgo/nn/op"
)

// LayerNormalization normalises each example over Axis, then scales and shifts it.
//
// Source: keras/src/layers/normalization/layer_normalization.py
type LayerNormalization struct {
	nn.Common
	Axis             Axes           `json:"axis"`
	Epsilon          float32        `json:"epsilon"`
	Center           bool           `json:"center"`
	Scale            bool           `json:"scale"`
	RMSScaling       bool           `json:"rms_scaling"`
	BetaInitializer  nn.Initializer `json:"beta_initializer"`
	GammaInitializer nn.Initializer `json:"gamma_initializer"`
}

// NewLayerNormalization makes a LayerNormalization layer of the last axis.
func NewLayerNormalization() *LayerNormalization {
	return &LayerNormalization{Common: base("LayerNormalization"), Axis: Axes{-1}, Epsilon: 1e-3, Center: true, Scale: true}
}

// Build implements nn.Layer.
func (l *LayerNormalization) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := full(g, c.In().Value)
	shape, wide, axes := parameterShape(g, x, l.Axis)
	var gamma, beta *nn.Value
	if l.Scale || l.RMSScaling {
		gamma = cast(g, g.Op(op.View{To: wide}, l.Variable(g, "gamma", l.GammaInitializer.Or(nn.Ones), shape...)), x.DType)
	}
	if l.Center && !l.RMSScaling {
		beta = cast(g, g.Op(op.View{To: wide}, l.Variable(g, "beta", l.BetaInitializer.Or(nn.Zeros), shape...)), x.DType)
	}
	kind := op.CenterNorm
	if l.RMSScaling {
		kind = op.ScaleNorm
	}
	y := g.Op(op.Normalize{Kind: kind, Axes: axes, Eps: l.Epsilon}, x, gamma, beta)
	return c.Keep(rounded(g, y, c.In().Value))
}

// KeepsInputs says that Keras doesn't convert the input.
func (l *LayerNormalization) KeepsInputs() {}

// rounded is y, which was computed in full, in x's dtype (of integers, too), then in the layer's.
func rounded(g *nn.Graph, y, x *nn.Value) *nn.Value {
	return computed(g, cast(g, y, x.DType))
}

// parameterShape is the shape of weights over axes, as Keras declares it (in the order of the axes as they are written),
// and with the other axes of size 1; and the axes, resolved.
func parameterShape(g *nn.Graph, x *nn.Value, axis Axes) (shape, wide nn.Shape, axes []int) {
	rank := len(x.Shape)
	if len(axis) == 0 {
		g.Failf("axis must name an axis")
	}
	axes = axis.of(g, rank)
	wide = slices.Repeat(nn.Shape{1}, rank)
	ordered := slices.Clone(axis)
	sort.Slice(ordered, func(i, j int) bool { return ordered[i] < ordered[j] })
	for _, a := range ordered {
		d := x.Shape[axisOf(g, a, rank)]
		if d < 0 {
			g.Failf("axis %d of the input must have a known size, found shape %v", a, x.Shape)
		}
		shape, wide[axisOf(g, a, rank)] = append(shape, d), d
	}
	return shape, wide, axes
}

// RMSNormalization divides each example by its root mean square over Axis, then scales it.
//
// Source: keras/src/layers/normalization/rms_normalization.py
type RMSNormalization struct {
	nn.Common
	Axis    Axes    `json:"axis"`
	Epsilon float32 `json:"epsilon"`
}

// NewRMSNormalization makes an RMSNormalization layer of the last axis.
func NewRMSNormalization() *RMSNormalization {
	return &RMSNormalization{Common: base("RMSNormalization"), Axis: Axes{-1}, Epsilon: 1e-6}
}

// Build implements nn.Layer. The scale is broadcast from the last axis, as in Keras, whatever Axis is.
func (l *RMSNormalization) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := full(g, c.In().Value)
	shape, _, axes := parameterShape(g, x, l.Axis)
	scale := full(g, l.Weight(g, "scale", nn.Ones, shape...))
	y := g.Op(op.Normalize{Kind: op.RMSNorm, Axes: axes, Eps: l.Epsilon}, x, scale, nil)
	return nn.Drop(cast(g, y, c.In().DType))
}

// UnitNormalization gives each example Euclidean length one over Axis.
//
// Source: keras/src/layers/normalization/unit_normalization.py
type UnitNormalization struct {
	nn.Common
	Axis Axes `json:"axis"`
}

// NewUnitNormalization makes a UnitNormalization layer of the last axis.
func NewUnitNormalization() *UnitNormalization {
	return &UnitNormalization{Common: base("UnitNormalization"), Axis: Axes{-1}}
}

// Build implements nn.Layer.
func (l *UnitNormalization) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In().Value
	return c.Keep(g.Op(op.Normalize{Kind: op.UnitNorm, Axes: l.Axis.of(g, len(x.Shape)), Eps: 1e-12}, x, nil, nil))
}
