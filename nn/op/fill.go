package op

// Fill is a constant [batch, Dims...], with the batch of its input.
type Fill struct {
	noGrad
	Value float32
	Dims  Shape
}

// Infer implements graph.Op.
func (o Fill) Infer(in []Spec) ([]Spec, error) {
	return specs(f32(append(Shape{in[0].Shape[0]}, o.Dims...)...))
}

// Forward implements graph.Op.
func (o Fill) Forward(_ *Run, _, out []*Tensor) {
	for i := range out[0].F32 {
		out[0].F32[i] = o.Value
	}
}
