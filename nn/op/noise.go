package op

import (
	"math"
	"slices"
)

// Noise is what the noise layers do while training; each draw is a function of the seed, the path, the call and the step,
// and Backward draws it again.
type Noise struct {
	Kind NoiseKind
	// Rate is the standard deviation of GaussianNoise, the drop rate of the others.
	Rate float32
	Path string
	Call int
	// Shape is the shape of what is drawn by AlphaDropout, broadcast over x (1: shared along that axis); nil: x's own.
	Shape Shape
}

// NoiseKind says what Noise does.
type NoiseKind int

// The kinds.
const (
	// AddNormal adds normal noise of mean 0 and standard deviation Rate: GaussianNoise.
	AddNormal NoiseKind = iota
	// TimesNormal multiplies by normal noise of mean 1 and standard deviation sqrt(Rate/(1-Rate)): GaussianDropout.
	TimesNormal
	// Alpha puts SELU's lowest value in with probability Rate, then restores mean and variance: AlphaDropout.
	Alpha
)

// Infer implements graph.Op.
func (Noise) Infer(in []Spec) ([]Spec, error) { return in[:1:1], nil }

// Forward implements graph.Op.
func (o Noise) Forward(r *Run, in, out []*Tensor) {
	x, y := in[0].F32, out[0].F32
	rng := r.Stream(o.Path, o.Call)
	switch o.Kind {
	case AddNormal:
		for i, v := range x {
			y[i] = v + o.Rate*float32(rng.NormFloat64())
		}
	case TimesNormal:
		stddev := o.stddev()
		for i, v := range x {
			y[i] = v * float32(1+stddev*rng.NormFloat64())
		}
	case Alpha:
		a, b, low := o.affine()
		keep := o.keep(r, in[0].Shape)
		l := newNest(in[0].Shape, in[0].Shape, o.drawn(in[0].Shape))
		l.each(func(i, k, _ int) { y[i] = a*(x[i]*keep[k]+low*(1-keep[k])) + b })
	}
}

// Backward implements graph.Op.
func (o Noise) Backward(r *Run, in, _, dout, din []*Tensor) {
	dy, dx := dout[0].F32, din[0].F32
	switch o.Kind {
	case AddNormal:
		add(dx, dy)
	case TimesNormal:
		rng, stddev := r.Stream(o.Path, o.Call), o.stddev()
		for i, d := range dy {
			dx[i] += d * float32(1+stddev*rng.NormFloat64())
		}
	case Alpha:
		a, _, _ := o.affine()
		keep := o.keep(r, in[0].Shape)
		l := newNest(in[0].Shape, in[0].Shape, o.drawn(in[0].Shape))
		l.each(func(i, k, _ int) { dx[i] += a * keep[k] * dy[i] })
	}
}

func (o Noise) stddev() float64 { return math.Sqrt(float64(o.Rate) / (1 - float64(o.Rate))) }

// affine is AlphaDropout's: a·x + b, and the value of dropped elements.
//
// Source: keras/src/layers/regularization/alpha_dropout.py
func (o Noise) affine() (a, b, low float32) {
	const alpha, scale = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
	rate := float64(o.Rate)
	f := 1 / math.Sqrt((1-rate)*(1+rate*alpha*scale*alpha*scale))
	return float32(f), float32(f * alpha * scale * rate), -alpha * scale
}

// drawn is the concrete shape of what is drawn for x.
func (o Noise) drawn(x Shape) Shape {
	s := slices.Clone(x)
	for i, d := range o.Shape {
		if d == 1 {
			s[i] = 1
		}
	}
	return s
}

// keep draws one for what stays, zero for what is dropped.
func (o Noise) keep(r *Run, x Shape) []float32 {
	rng, keep := r.Stream(o.Path, o.Call), r.Dirty(o.drawn(x).Size())
	for i := range keep {
		keep[i] = float32(when(rng.Float32() >= o.Rate))
	}
	return keep
}
