package op

import (
	"fmt"

	"kerasgo/nn/graph"
)

// Encode makes vectors of Depth numbers (float32 or int64, as To says) of int64 ids.
//
// "one_hot" is a vector for each id: [...] to [..., Depth]; a last axis of one is dropped first, where there is another.
// "multi_hot" (1 where an id is present) and "count" (how often it is, or with input 1 the sum of its weights) are a vector
// for each row: [n, k] to [n, Depth]; [n] is one row. Of rank 3 and more, axis 1 is the row's, as Keras has it.
//
// An id of Depth or more leaves no trace. A negative one leaves none in "one_hot" and is an error elsewhere.
//
// Source: keras/src/utils/numerical_utils.py, encode_categorical_inputs
type Encode struct {
	noGrad
	Mode  string
	Depth int
	To    graph.DType
}

// rows is the shape of ids without a last axis of one, if the mode drops it.
func (o Encode) rows(s Shape) Shape {
	if o.Mode == "one_hot" && len(s) > 1 && s.Last() == 1 {
		return s[:len(s)-1]
	}
	return s
}

// Infer implements graph.Op.
func (o Encode) Infer(in []Spec) ([]Spec, error) {
	if in[0].DType != graph.Int64 {
		return nil, fmt.Errorf("ids must be int64, found %v", in[0].DType)
	}
	s := o.rows(in[0].Shape)
	switch {
	case len(s) == 0:
		return nil, fmt.Errorf("ids need an axis")
	case o.Mode == "one_hot":
		s = s.With(0, o.Depth)
	case len(s) < 3:
		s = s.With(1, o.Depth)
	default:
		s = append(append(Shape{s[0]}, s[2:]...), o.Depth)
	}
	if len(in) > 1 && (in[1].DType != graph.Float32 || len(in[1].Shape) != len(in[0].Shape)) {
		return nil, fmt.Errorf("count_weights must have the shape of the ids, %v, found %v", in[0].Shape, in[1])
	}
	return specs(Spec{Shape: s, DType: o.To})
}

// Forward implements graph.Op.
func (o Encode) Forward(r *Run, in, out []*Tensor) {
	out[0].Zero()
	s := o.rows(in[0].Shape)
	if len(in) > 1 && !in[1].Shape.Equal(in[0].Shape) {
		r.Fail("count_weights must have the shape of the ids, %v, found %v", in[0].Shape, in[1].Shape)
		return
	}
	// Ids [outer, steps, inner]: the row of an id is (outer, inner).
	outer, steps, inner := 1, len(in[0].I64), 1
	switch {
	case o.Mode == "one_hot":
		outer, steps = steps, 1
	case len(s) == 2:
		outer, steps = s[0], s[1]
	case len(s) > 2:
		outer, steps, inner = s[0], s[1], s[2:].Size()
	}
	for a := range outer {
		for b := range steps {
			for c := range inner {
				at := (a*steps+b)*inner + c
				id := in[0].I64[at]
				if id < 0 && o.Mode != "one_hot" && len(s) < 3 {
					r.Fail("id %d at position %d is negative", id, at)
					return
				}
				if id < 0 || id >= int64(o.Depth) {
					continue
				}
				weight := float32(1)
				if len(in) > 1 {
					weight = in[1].F32[at]
				}
				o.mark(out[0], (a*inner+c)*o.Depth+int(id), weight)
			}
		}
	}
}

// mark counts an id at a position of the output.
func (o Encode) mark(y *Tensor, at int, weight float32) {
	switch {
	case y.I64 != nil && o.Mode == "count":
		y.I64[at] += int64(weight)
	case y.I64 != nil:
		y.I64[at] = 1
	case o.Mode == "count":
		y.F32[at] += weight
	default:
		y.F32[at] = 1
	}
}
