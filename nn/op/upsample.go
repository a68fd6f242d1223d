package op

import (
	"fmt"

	"kerasgo/nn/graph"
)

// Upsample repeats every element By[axis] times along each axis: the nearest neighbour of an enlarged image.
type Upsample struct{ By []int }

// Infer implements graph.Op.
func (o Upsample) Infer(in []Spec) ([]Spec, error) {
	y, err := enlarge(in[0].Shape, o.By)
	if err == nil && in[0].DType.Storage() == graph.StoreStr {
		err = fmt.Errorf("can't upsample %v", in[0])
	}
	return []Spec{{Shape: y, DType: in[0].DType}}, err
}

// enlarge multiplies the axes of a shape.
func enlarge(x Shape, by []int) (Shape, error) {
	if len(x) != len(by) {
		return nil, fmt.Errorf("needs an input of %d dimensions, found shape %v", len(by), x)
	}
	y := make(Shape, len(x))
	for i, n := range x {
		if by[i] < 1 || by[i] > maxElements {
			return nil, fmt.Errorf("can't enlarge an axis %d times", by[i])
		}
		y[i] = n
		if n > maxElements/by[i] {
			return nil, fmt.Errorf("shape %v is too large to enlarge %v times", x, by)
		}
		if n != graph.Unknown {
			y[i] *= by[i]
		}
	}
	return y, bounded(y)
}

// Forward implements graph.Op.
func (o Upsample) Forward(_ *Run, in, out []*Tensor) {
	x, y := in[0], out[0]
	switch x.DType.Storage() {
	case graph.StoreF32:
		repeat(o.By, y.F32, x.F32, x.Shape)
	case graph.StoreF64:
		repeat(o.By, y.F64, x.F64, x.Shape)
	case graph.StoreI32:
		repeat(o.By, y.I32, x.I32, x.Shape)
	case graph.StoreI64:
		repeat(o.By, y.I64, x.I64, x.Shape)
	}
}

// repeat makes each slab of x once and copies it; the innermost axes that aren't repeated are copied as one.
func repeat[T number](by []int, y, x []T, shape Shape) {
	if len(x) == 0 || allOne(by) {
		copy(y, x)
		return
	}
	dx, dy := len(x)/shape[0], len(y)/shape[0] // dy: of all repeats
	one := dy / by[0]
	for i := range shape[0] {
		to := y[i*dy:][:dy]
		repeat(by[1:], to[:one], x[i*dx:][:dx], shape[1:])
		for k := 1; k < by[0]; k++ {
			copy(to[k*one:], to[:one])
		}
	}
}

func allOne(by []int) bool {
	for _, n := range by {
		if n != 1 {
			return false
		}
	}
	return true
}

// Backward implements graph.Op.
func (o Upsample) Backward(_ *Run, in, _, dout, din []*Tensor) {
	gather(o.By, din[0].F32, dout[0].F32, in[0].Shape)
}

// gather adds all repeats of each element to it.
func gather(by []int, dx, dy []float32, shape Shape) {
	if len(dx) == 0 || allOne(by) {
		add(dx, dy[:len(dx)])
		return
	}
	nx := len(dx) / shape[0]
	ny := len(dy) / (shape[0] * by[0])
	for i := range shape[0] * by[0] {
		gather(by[1:], dx[i/by[0]*nx:][:nx], dy[i*ny:][:ny], shape[1:])
	}
}

// Resize enlarges the images of [batch, height, width, channels] by whole factors, with a kernel that is centred on half pixels, as
// tf.image.resize does. Resample takes them to any size.
type Resize struct {
	By     [2]int // of height and width
	Method string // bilinear, bicubic, lanczos3, lanczos5
}

// Infer implements graph.Op.
func (o Resize) Infer(in []Spec) ([]Spec, error) {
	if err := needFloat32(in[0]); err != nil {
		return nil, err
	}
	if taps(o.Method) == 0 {
		return nil, fmt.Errorf("there is no interpolation %q", o.Method)
	}
	y, err := enlarge(in[0].Shape, []int{1, o.By[0], o.By[1], 1})
	return []Spec{{Shape: y, DType: in[0].DType}}, err
}

// FLOPs implements graph.Coster.
func (o Resize) FLOPs(_, out []Spec) int64 {
	return 4 * int64(taps(o.Method)) * int64(out[0].Shape.Size())
}

// Forward implements graph.Op: rows first, into room as high as x, then columns.
func (o Resize) Forward(r *Run, in, out []*Tensor) {
	if len(out[0].F32) == 0 {
		return
	}
	x, y := in[0].Shape, out[0].Shape
	l := newLoop(resizeRow)
	l.x, l.y, l.z = in[0].F32, r.Dirty(x[0]*x[1]*y[2]*x[3]), o.weights(r, x[2], y[2])
	l.n = [4]int{x[2], y[2], x[3], taps(o.Method)}
	wide := l.y
	l.run(r, x[0]*x[1], len(in[0].F32)*l.n[3])
	l = newLoop(resizeColumn)
	l.x, l.y, l.z = wide, out[0].F32, o.weights(r, x[1], y[1])
	l.n = [4]int{x[1], y[1], y[2] * y[3], taps(o.Method)}
	l.run(r, x[0]*y[1], len(out[0].F32)*l.n[3])
}

// Backward implements graph.Op: the transpose of both steps.
func (o Resize) Backward(r *Run, in, out, dout, din []*Tensor) {
	if len(out[0].F32) == 0 {
		return
	}
	x, y := in[0].Shape, out[0].Shape
	n, row := taps(o.Method), y[2]*y[3]
	wide := r.Scratch(x[0] * x[1] * row)
	weights := o.weights(r, x[1], y[1])
	for i := range x[0] * y[1] {
		image, k := wide[i/y[1]*x[1]*row:][:x[1]*row], i%y[1]
		spread(image, dout[0].F32[i*row:][:row], firstTap(k, x[1], y[1], n), weights[k*n:][:n])
	}
	weights = o.weights(r, x[2], y[2])
	c := x[3]
	for i := range x[0] * x[1] {
		from, to := wide[i*row:][:row], din[0].F32[i*x[2]*c:][:x[2]*c]
		for k := range y[2] {
			spread(to, from[k*c:][:c], firstTap(k, x[2], y[2], n), weights[k*n:][:n])
		}
	}
}
