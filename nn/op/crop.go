package op

import "fmt"

// Crop takes a part of Size, height and width, of images [batch, height, width, channels]: the middle one, where an odd
// number of rows or columns is left over the smaller part of them before it. A second input, [1, 2] in [0, 1), moves it: 0 is
// the first place that it can be at, and just below 1 the last.
type Crop struct{ Size [2]int }

// Infer implements graph.Op.
func (o Crop) Infer(in []Spec) ([]Spec, error) {
	x := in[0].Shape
	if len(x) != 4 || o.Size[0] < 1 || o.Size[1] < 1 {
		return nil, fmt.Errorf("can't crop images of shape %v to %v", x, o.Size)
	}
	for d, n := range o.Size {
		if x[d+1] >= 0 && x[d+1] < n {
			return nil, fmt.Errorf("images of shape %v are smaller than %v", x, o.Size)
		}
	}
	return []Spec{{Shape: Shape{x[0], o.Size[0], o.Size[1], x[3]}, DType: in[0].DType}}, nil
}

// pad is the crop, of these images, as a Pad that takes away.
func (o Crop) pad(in []*Tensor) Pad {
	by := [][2]int{{}, {}, {}, {}}
	for d, n := range o.Size {
		left := in[0].Shape[d+1] - n
		start := left / 2
		if len(in) > 1 {
			start = max(min(int(in[1].F32[d]*float32(left+1)), left), 0)
		}
		by[d+1] = [2]int{-start, start - left}
	}
	return Pad{By: by}
}

// Forward implements graph.Op.
func (o Crop) Forward(r *Run, in, out []*Tensor) { o.pad(in).Forward(r, in, out) }

// Backward implements graph.Op: no gradient of the place.
func (o Crop) Backward(r *Run, in, out, dout, din []*Tensor) {
	if din[0] != nil {
		o.pad(in).Backward(r, in, out, dout, din)
	}
}
