package data

import (
	"fmt"
	"math"

	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// ToCategorical turns classes into rows of zeros and a one, float32: the shape of x, without a last dimension of one, and
// classes behind it. classes 0 is the largest class and one. Unlike Keras, which counts a negative class from the end, one
// that isn't there is an error.
//
// Source: keras/src/utils/numerical_utils.py, to_categorical
func ToCategorical(x *nn.Tensor, classes int) (*nn.Tensor, error) {
	shape := append(nn.Shape{}, x.Shape...)
	if len(shape) > 1 && shape.Last() == 1 {
		shape = shape[:len(shape)-1]
	}
	top := -1
	for i := range x.Len() {
		v := math.Trunc(number(x, i))
		if !(v >= 0 && v < 1<<31) || classes > 0 && v >= float64(classes) {
			return nil, &safeio.FormatError{Msg: fmt.Sprintf("element %d", i), Want: "a class", Got: fmt.Sprint(v)}
		}
		top = max(top, int(v))
	}
	if classes == 0 {
		classes = top + 1
	}
	if n, ok := safeio.ProductInts(x.Len(), classes); !ok || classes < 0 || n > 1<<40 {
		return nil, fmt.Errorf("%d rows of %d classes", x.Len(), classes)
	}
	out := graph.NewTensor(append(shape, classes)...)
	for i := range x.Len() {
		out.F32[i*classes+int(number(x, i))] = 1
	}
	return out, nil
}

// Normalize divides x by its norm of the given order (2: Euclidean; 1; math.Inf(1): the largest; any other above 0) along an
// axis, which counts from the end if it is negative. Where the norm is 0, x stays. Floats keep their type, integers become
// float64. A vector becomes a matrix of one row, as in Keras. Axis 0 is the first axis, as Keras documents it, though Keras
// takes it for the last.
//
// Source: keras/src/utils/numerical_utils.py, normalize
func Normalize(x *nn.Tensor, axis int, order float64) (*nn.Tensor, error) {
	if axis < 0 {
		axis += len(x.Shape)
	}
	if axis < 0 || axis >= len(x.Shape) || !(order > 0) || x.DType == graph.String {
		return nil, fmt.Errorf("can't normalize %v by order %v", x.Spec, order)
	}
	d := x.DType
	if !d.Float() {
		d = graph.Float64
	}
	out := graph.New(nn.Spec{Shape: append(nn.Shape{}, x.Shape...), DType: d})
	inner, n := x.Shape[axis+1:].Size(), x.Shape[axis]
	for first := range x.Len() / max(n, 1) {
		at := first/inner*inner*n + first%inner
		norm := 0.0
		for k := range n {
			v := math.Abs(number(x, at+k*inner))
			switch {
			case math.IsInf(order, 1):
				norm = math.Max(norm, v)
			default:
				norm += math.Pow(v, order)
			}
		}
		if !math.IsInf(order, 1) {
			norm = math.Pow(norm, 1/order)
		}
		if norm == 0 {
			norm = 1
		}
		for k := range n {
			i := at + k*inner
			if d == graph.Float64 {
				out.F64[i] = number(x, i) / norm
			} else {
				out.F32[i] = float32(number(x, i) / norm)
			}
		}
	}
	if len(x.Shape) == 1 {
		out = out.Reshaped(1, n)
	}
	return out, nil
}
