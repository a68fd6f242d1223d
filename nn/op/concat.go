package op

import (
	"fmt"
	"slices"

	"kerasgo/nn/graph"
)

// Concat joins its inputs, of one dtype, along an axis.
type Concat struct{ Axis int }

// Infer implements graph.Op.
func (o Concat) Infer(in []Spec) ([]Spec, error) {
	if len(in) == 0 {
		return nil, fmt.Errorf("nothing to join")
	}
	first := in[0].Shape
	axis, err := Axis(o.Axis, len(first))
	if err != nil {
		return nil, err
	}
	out := slices.Clone(first)
	for _, s := range in[1:] {
		if s.DType != in[0].DType {
			return nil, fmt.Errorf("can't join %v and %v", in[0].DType, s.DType)
		}
		if len(s.Shape) != len(first) {
			return nil, fmt.Errorf("can't join shapes %v and %v", first, s.Shape)
		}
		for d, n := range s.Shape {
			switch {
			case d == axis && (n == graph.Unknown || out[d] == graph.Unknown):
				out[d] = graph.Unknown
			case d == axis:
				out[d] += n
			case out[d] == graph.Unknown:
				out[d] = n
			case n != out[d] && n != graph.Unknown:
				return nil, fmt.Errorf("can't join shapes %v and %v along axis %d", first, s.Shape, o.Axis)
			}
		}
	}
	return []Spec{{Shape: out, DType: in[0].DType}}, nil
}

// Forward implements graph.Op.
func (o Concat) Forward(_ *Run, in, out []*Tensor) {
	outer, n, step := lines(out[0].Shape, o.Axis)
	row, at := n*step, 0
	for _, x := range in {
		_, n, _ := lines(x.Shape, o.Axis)
		width := n * step
		switch x.DType.Storage() {
		case graph.StoreF32:
			copyColumns(out[0].F32[at:], x.F32, outer, row, width)
		case graph.StoreF64:
			copyColumns(out[0].F64[at:], x.F64, outer, row, width)
		case graph.StoreI32:
			copyColumns(out[0].I32[at:], x.I32, outer, row, width)
		case graph.StoreI64:
			copyColumns(out[0].I64[at:], x.I64, outer, row, width)
		case graph.StoreStr:
			copyColumns(out[0].Str[at:], x.Str, outer, row, width)
		}
		at += width
	}
}

// copyColumns copies rows of the given width to the beginnings of rows of y.
func copyColumns[T any](y, x []T, rows, row, width int) {
	if width == 0 {
		return
	}
	for i := range rows {
		copy(y[i*row:][:width], x[i*width:])
	}
}

// Backward implements graph.Op.
func (o Concat) Backward(_ *Run, in, out, dout, din []*Tensor) {
	outer, n, step := lines(out[0].Shape, o.Axis)
	row, at := n*step, 0
	for i, x := range in {
		_, n, _ := lines(x.Shape, o.Axis)
		width := n * step
		for b := 0; din[i] != nil && width > 0 && b < outer; b++ {
			add(din[i].F32[b*width:][:width], dout[0].F32[at+b*row:][:width])
		}
		at += width
	}
}
