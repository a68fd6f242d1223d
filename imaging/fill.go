package imaging

import "fmt"

// Fill converts, resizes and preprocesses m into dst, which holds H*W*C
// float32 as [Options.Shape] says, rows first and channels last: one image of
// an NHWC batch.
func (o Options) Fill(dst []float32, m *Image) error {
	if err := o.Check(); err != nil {
		return err
	}
	if err := m.check(); err != nil {
		return err
	}
	h, w, c := o.Shape(m)
	if len(dst) != h*w*c {
		return fmt.Errorf("imaging: %d values for an image of %dx%dx%d", len(dst), h, w, c)
	}
	// Colours are reversed at the end: nothing before depends on their order.
	conv := o.Color
	if conv == BGR {
		conv = RGB
	}
	m = m.Convert(conv)
	if o.Engine == TF {
		if err := resizeTF(dst, m, h, w, o.Filter, o.Aspect); err != nil {
			return err
		}
	} else {
		r, err := Resize(m, w, h, o.Filter, o.Aspect)
		if err != nil {
			return err
		}
		if r.Deep != nil {
			widen(dst, r.Deep)
		} else {
			widen(dst, r.Pix)
		}
	}
	o.Preprocess.apply(dst, o.Color)
	return nil
}

func widen[T uint8 | uint16](dst []float32, src []T) {
	for i, v := range src {
		dst[i] = float32(v)
	}
}

// apply preprocesses RGB (or gray, or RGBA) samples in place and leaves them
// in the order that c, or the Caffe mode, asks for. Each step rounds to
// float32, as NumPy's in-place arithmetic does.
func (p Preprocess) apply(x []float32, c Color) {
	switch p.Mode {
	case Scale:
		for i, v := range x {
			x[i] = v / 255
		}
	case TFMode:
		for i, v := range x {
			x[i] = float32(v/127.5) - 1
		}
	case Rescale:
		for i, v := range x {
			x[i] = float32(v*p.Scale) + p.Offset
		}
	case Torch:
		mean := [3]float32{0.485, 0.456, 0.406}
		std := [3]float32{0.229, 0.224, 0.225}
		for i := 0; i+3 <= len(x); i += 3 {
			for k := range 3 {
				x[i+k] = (float32(x[i+k]/255) - mean[k]) / std[k]
			}
		}
	case Caffe:
		mean := [3]float32{123.68, 116.779, 103.939}
		for i := 0; i+3 <= len(x); i += 3 {
			for k := range 3 {
				x[i+k] -= mean[k]
			}
		}
	}
	if c == BGR || p.Mode == Caffe {
		for i := 0; i+3 <= len(x); i += 3 {
			x[i], x[i+2] = x[i+2], x[i]
		}
	}
}
