package op

import "math"

// Dropout zeroes elements with probability Rate and scales the rest by 1/(1-Rate). Its stream is a function of the seed,
// the layer's path, the call's index and the step; Backward draws it again.
type Dropout struct {
	Rate float32
	Path string
	Call int
	// Noise is the shape of the mask that is drawn, broadcast over x (1: shared along that axis); nil: x's own.
	Noise Shape
}

// Infer implements graph.Op.
func (Dropout) Infer(in []Spec) ([]Spec, error) { return in[:1:1], nil }

// Forward implements graph.Op.
func (o Dropout) Forward(r *Run, in, out []*Tensor) {
	out[0].Zero()
	o.scaled(r, in[0].Shape, in[0].F32, out[0].F32)
}

// Backward implements graph.Op.
func (o Dropout) Backward(r *Run, in, _, dout, din []*Tensor) {
	o.scaled(r, in[0].Shape, dout[0].F32, din[0].F32)
}

// scaled adds to y what is left of x.
func (o Dropout) scaled(r *Run, s Shape, x, y []float32) {
	rng := r.Stream(o.Path, o.Call)
	threshold, scale := uint32(math.Round(float64(o.Rate)*(1<<32-1))), 1/(1-o.Rate)
	if o.Noise == nil {
		for i, v := range x {
			if rng.Uint32() >= threshold {
				y[i] += v * scale
			}
		}
		return
	}
	noise := make(Shape, len(s))
	for i, d := range s {
		if noise[i] = 1; o.Noise[i] != 1 {
			noise[i] = d
		}
	}
	keep := make([]float32, noise.Size())
	for i := range keep {
		if rng.Uint32() >= threshold {
			keep[i] = scale
		}
	}
	l := newNest(s, s, noise)
	l.each(func(i, k, _ int) { y[i] += x[i] * keep[k] })
}
