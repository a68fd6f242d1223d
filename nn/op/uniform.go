package op

import "fmt"

// Uniform draws numbers in [Low[i], High[i]) for each row of its input (Once: one row for all of them): [batch, len(Low)],
// float32. The stream is a function of the seed, the layer's path, the call's index and the step, and row by row, so neither
// the batch size nor threads change what a row gets.
type Uniform struct {
	noGrad
	Low, High []float32
	Once      bool
	Path      string
	Call      int
}

// Infer implements graph.Op.
func (o Uniform) Infer(in []Spec) ([]Spec, error) {
	if len(o.Low) != len(o.High) || len(in[0].Shape) == 0 {
		return nil, fmt.Errorf("can't draw %d to %d numbers for shape %v", len(o.Low), len(o.High), in[0].Shape)
	}
	rows := in[0].Shape[0]
	if o.Once {
		rows = 1
	}
	return specs(f32(rows, len(o.Low)))
}

// Forward implements graph.Op.
func (o Uniform) Forward(r *Run, _, out []*Tensor) {
	rng, n := r.Stream(o.Path, o.Call), len(o.Low)
	for i := range out[0].F32 {
		low, high := o.Low[i%n], o.High[i%n]
		out[0].F32[i] = low + float32((high-low)*rng.Float32())
	}
}
