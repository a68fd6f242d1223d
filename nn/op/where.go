package op

import (
	"fmt"

	"kerasgo/nn/graph"
)

// Where takes the second operand where the first, a bool, is true, and the third elsewhere; all are broadcast.
type Where struct{}

// Infer implements graph.Op.
func (Where) Infer(in []Spec) ([]Spec, error) {
	if in[0].DType != graph.Bool || in[1].DType != in[2].DType || in[1].DType == graph.String {
		return nil, fmt.Errorf("needs a bool and two of one dtype, found %v, %v and %v", in[0].DType, in[1].DType, in[2].DType)
	}
	s, err := Broadcast(in[1].Shape, in[2].Shape)
	if err == nil {
		s, err = Broadcast(in[0].Shape, s)
	}
	if err == nil {
		err = checkRank(s)
	}
	return []Spec{{Shape: s, DType: in[1].DType}}, err
}

// Forward implements graph.Op.
func (Where) Forward(_ *Run, in, out []*Tensor) {
	l := newNest(out[0].Shape, in[0].Shape, in[1].Shape, in[2].Shape)
	c := in[0].I32
	switch in[1].DType.Storage() {
	case graph.StoreF32:
		pick(&l, out[0].F32, c, in[1].F32, in[2].F32)
	case graph.StoreF64:
		pick(&l, out[0].F64, c, in[1].F64, in[2].F64)
	case graph.StoreI32:
		pick(&l, out[0].I32, c, in[1].I32, in[2].I32)
	case graph.StoreI64:
		pick(&l, out[0].I64, c, in[1].I64, in[2].I64)
	}
}

func pick[T any](l *nest, y []T, c []int32, a, b []T) {
	k := 0 // the nest visits the output in order
	l.each(func(i, ia, ib int) {
		if c[i] != 0 {
			y[k] = a[ia]
		} else {
			y[k] = b[ib]
		}
		k++
	})
}

// Backward implements graph.Op.
func (Where) Backward(_ *Run, in, out, dout, din []*Tensor) {
	l := newNest(out[0].Shape, in[0].Shape, in[1].Shape, in[2].Shape)
	k, c, dy := 0, in[0].I32, dout[0].F32
	l.each(func(i, a, b int) {
		switch {
		case c[i] != 0 && din[1] != nil:
			din[1].F32[a] += dy[k]
		case c[i] == 0 && din[2] != nil:
			din[2].F32[b] += dy[k]
		}
		k++
	})
}
