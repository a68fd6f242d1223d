package layers

import (
	"encoding/json"
	"math"
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// epsilon is Keras's: the least standard deviation that Normalization divides by.
const epsilon = 1e-7

// Normalization is (x - mean) / max(sqrt(variance), 1e-7), with one mean for each position along Axis (none: one for
// all); Invert is the way back. Mean and variance are in the config or, learned by adapt, among the weights.
//
// Source: keras/src/layers/preprocessing/normalization.py
type Normalization struct {
	nn.Common
	Axis     Axes  `json:"axis"`
	Invert   bool  `json:"invert"`
	Mean     Array `json:"mean"`
	Variance Array `json:"variance"`

	learned [2][]float32 // by Adapt before there were weights: mean, variance
}

// NewNormalization makes a Normalization layer of the last axis, whose mean and variance are weights.
func NewNormalization() *Normalization {
	return &Normalization{Common: base("Normalization"), Axis: Axes{-1}}
}

// Build implements nn.Layer.
func (l *Normalization) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := float(g, c.In().Value)
	keep := []int{}
	if l.Axis != nil {
		keep = l.Axis.of(g, len(x.Shape))
	}
	wide, shape := slices.Repeat(nn.Shape{1}, len(x.Shape)), nn.Shape{}
	for _, a := range keep {
		if x.Shape[a] < 0 {
			g.Failf("axis %d of the input must have a known size, found shape %v", a, x.Shape)
		}
		wide[a], shape = x.Shape[a], append(shape, x.Shape[a])
	}
	var mean, deviation *nn.Value
	if l.Mean.Values != nil || l.Variance.Values != nil {
		mean, deviation = g.Const(l.given(g, "mean", l.Mean, keep, wide)), g.Const(deviations(l.given(g, "variance", l.Variance, keep, wide)))
	} else {
		mean = g.Graph.Weight(l.State(g, "mean", l.first(0, nn.Zeros), nn.Spec{Shape: shape}))
		variance := g.Graph.Weight(l.State(g, "variance", l.first(1, nn.Ones), nn.Spec{Shape: shape}))
		l.State(g, "count", nn.Zeros, nn.Spec{Shape: nn.Shape{}, DType: graph.Int32})
		mean = g.Op(op.View{To: wide}, mean)
		deviation = g.Op(op.View{To: wide}, g.Op(op.Binary{Fn: "maximum"}, g.Op(op.Unary{Fn: "sqrt"}, variance), g.ScalarOf(float64(epsilon), variance.DType)))
	}
	if l.Invert {
		return c.Keep(binary(g, "add", mean, binary(g, "multiply", x, deviation)))
	}
	return c.Keep(binary(g, "divide", binary(g, "subtract", x, mean), deviation))
}

// given spreads a config's numbers over the kept axes: a number, or an array whose axes are the last of the kept ones.
func (l *Normalization) given(g *nn.Graph, key string, a Array, keep []int, wide nn.Shape) *nn.Tensor {
	if len(a.Values) == 0 || len(a.Shape) > len(keep) {
		g.Failf("%s must have at most the %d axes that axis names, and be there", key, len(keep))
	}
	shape := slices.Repeat(nn.Shape{1}, len(wide))
	for i, d := range a.Shape {
		at := keep[len(keep)-len(a.Shape)+i]
		if d != wide[at] && d != 1 {
			g.Failf("%s has shape %v, the input needs %v", key, a.Shape, wide)
		}
		shape[at] = d
	}
	return graph.FromF32(slices.Clone(a.Values), shape...)
}

func deviations(variance *nn.Tensor) *nn.Tensor {
	for i, v := range variance.F32 {
		variance.F32[i] = max(float32(math.Sqrt(float64(v))), epsilon)
	}
	return variance
}

// Array is a number, or nested lists of numbers, in a config; nil Values: null.
type Array struct {
	Shape  nn.Shape
	Values []float32
}

// UnmarshalJSON reads null, a number or nested lists.
func (a *Array) UnmarshalJSON(raw []byte) error {
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	if *a = (Array{}); v == nil {
		return nil
	}
	t, err := nn.ArrayOf(v)
	if err != nil {
		return err
	}
	a.Shape, a.Values = t.Shape, t.F32
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (a Array) MarshalJSON() ([]byte, error) {
	if a.Values == nil {
		return []byte("null"), nil
	}
	v, _ := a.nested(a.Shape, a.Values)
	return json.Marshal(v)
}

func (a Array) nested(s nn.Shape, v []float32) (any, []float32) {
	if len(s) == 0 {
		return v[0], v[1:]
	}
	out := []any{}
	for range s[0] {
		var e any
		e, v = a.nested(s[1:], v)
		out = append(out, e)
	}
	return out, v
}
