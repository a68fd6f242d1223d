package op

import (
	"fmt"
	"math"

	"kerasgo/nn/graph"
)

var inf = float32(math.Inf(1))

// Unary applies a function to each element of a float tensor. Fn is the name of a function in functions.
type Unary struct {
	Fn string
	// Args are the function's numbers: the slope of leaky_relu, the bounds of clip.
	Args [3]float32
}

// Infer implements graph.Op.
func (Unary) Infer(in []Spec) ([]Spec, error) { return in[:1:1], nil }

// InPlace implements graph.InPlacer.
func (Unary) InPlace() bool { return true }

// FLOPs implements graph.Coster: one an element, whatever the function.
func (Unary) FLOPs(in, _ []Spec) int64 { return int64(in[0].Shape.Size()) }

// Forward implements graph.Op.
func (o Unary) Forward(r *Run, in, out []*Tensor) { o.apply(r, out[0].F32, in[0].F32) }

func (o Unary) apply(_ *Run, y, x []float32) {
	if o.Fn == "" {
		return
	}
	f := function(o.Fn)
	if f.slice != nil {
		f.slice(y, x, o.Args)
		return
	}
	for i, v := range x {
		y[i] = f.f(v, o.Args)
	}
}

// Backward implements graph.Op.
func (o Unary) Backward(_ *Run, in, out, dout, din []*Tensor) {
	df := function(o.Fn).df
	for i, v := range in[0].F32 {
		din[0].F32[i] += dout[0].F32[i] * df(v, out[0].F32[i], o.Args)
	}
}

// pointwise is an element function, its derivative from input and output, and, where there is a fast one, the function of
// a whole slice (y may be x).
type pointwise struct {
	f     func(x float32, a [3]float32) float32
	df    func(x, y float32, a [3]float32) float32
	slice func(y, x []float32, a [3]float32)
}

// CanonicalActivation is Keras's name of an activation, aliases resolved; "" if there is none of that name.
func CanonicalActivation(name string) string {
	if name == "" || name == "linear" {
		return "linear"
	}
	switch name {
	case "swish":
		name = "silu"
	case "hard_swish":
		name = "hard_silu"
	}
	if _, err := Activation(name); err != nil {
		return ""
	}
	return name
}

// Activation is the operation of Keras's activation of that name, with Keras's defaults.
func Activation(name string) (graph.Op, error) {
	switch name {
	case "softmax":
		return Softmax{Axis: -1}, nil
	}
	if f := function(name); f.f == nil {
		return nil, fmt.Errorf("unknown activation %q", name)
	}
	return Unary{Fn: name}, nil
}
