package op

import (
	"fmt"
	"math"

	"kerasgo/nn/graph"
)

// Typed runs an operation that is written for float32 on values of another dtype: on float16 and bfloat16, which lie in
// float32's storage, and rounds what comes out; on float64, and maximums on integers, with a plain loop of its own.
type Typed struct {
	Op graph.Op
	To graph.DType
}

// As is o for values of dtype d; ok is false where there is no such thing.
func As(o graph.Op, d graph.DType) (typed graph.Op, ok bool) {
	if moves(o) {
		return o, true
	}
	switch d {
	case graph.Float32:
		return o, true
	case graph.Float16, graph.BFloat16:
		return Typed{o, d}, true
	case graph.Float64:
		switch o.(type) {
		case Unary, Binary, Reduce, Cumulate:
			return o, true
		}
		return Typed{o, d}, wide(o)
	}
	p, pools := o.(Pool)
	return Typed{o, d}, pools && p.Max && d.Integer()
}

// moves says that an operation takes every dtype as it is: it copies elements, or says its output's dtype itself.
func moves(o graph.Op) bool {
	switch o.(type) {
	case Cast, View, Regroup, Transpose, BroadcastTo, Slice, Roll, Concat, Pad, Take, Where, Upsample, FoldTime, UnfoldTime, FillLike,
		ArgReduce, Gather, Steps, Unpack4, Fill, Zip, Plain, Counted:
		return true
	}
	return false
}

// Mixes says that an operation takes floats of several dtypes, or checks them itself.
func Mixes(o graph.Op) bool {
	switch o.(type) {
	case Typed, Unary, Binary, Reduce, Cumulate:
		return true
	}
	return moves(o)
}

// Infer implements graph.Op.
func (o Typed) Infer(in []Spec) ([]Spec, error) {
	as := make([]Spec, len(in))
	for i, s := range in {
		switch {
		case s.DType == o.To:
			s.DType = graph.Float32
		case s.DType.Float() && s.Shape != nil:
			return nil, fmt.Errorf("needs operands of one dtype, found %v and %v", o.To, s.DType)
		}
		as[i] = s
	}
	out, err := o.Op.Infer(as)
	typed := make([]Spec, len(out))
	for i, s := range out {
		if s.DType == graph.Float32 {
			s.DType = o.To
		}
		typed[i] = s
	}
	return typed, err
}

// FLOPs implements graph.Coster.
func (o Typed) FLOPs(in, out []Spec) int64 {
	if c, ok := o.Op.(graph.Coster); ok {
		return c.FLOPs(in, out)
	}
	return 0
}

// Pack implements graph.Packer.
func (o Typed) Pack(in []*Tensor) (graph.Op, []bool) {
	k, ok := o.Op.(graph.Packer)
	if !ok || o.To.Storage() != graph.StoreF32 {
		return nil, nil
	}
	packed, drop := k.Pack(in)
	if packed == nil {
		return nil, nil
	}
	return Typed{packed, o.To}, drop
}

// Forward implements graph.Op.
func (o Typed) Forward(r *Run, in, out []*Tensor) {
	if o.To.Storage() != graph.StoreF32 {
		forwardWide(o.Op, r, in, out)
		return
	}
	if u, ok := o.Op.(Unary); ok && u.halves(out[0].F32, in[0].F32, o.To) {
		return
	}
	o.Op.Forward(r, in, out)
	for _, t := range out {
		if t != nil {
			t.Round()
		}
	}
}

// Backward implements graph.Op: rounding passes gradients on as they are.
func (o Typed) Backward(r *Run, in, out, dout, din []*Tensor) {
	if o.To.Storage() == graph.StoreF32 {
		o.Op.Backward(r, in, out, dout, din)
	}
}

// decimal is the number of few digits that was written where a float32 was read: 0.001 isn't what float32 makes of it.
func decimal(v float32) float64 {
	x := float64(v)
	if x == 0 || x-x != 0 {
		return x
	}
	scale := math.Pow(10, 7-math.Floor(math.Log10(math.Abs(x))))
	return math.Round(x*scale) / scale
}
