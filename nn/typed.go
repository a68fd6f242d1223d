package nn

import (
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// computes is the dtype of the floats that an operation takes, if they aren't all float32.
func computes(in []*Value) DType {
	for _, v := range in {
		if v != nil && v.DType.Float() {
			return v.DType
		}
	}
	if len(in) > 0 && in[0] != nil && in[0].DType.Integer() {
		return in[0].DType
	}
	return graph.Float32
}

// blamed is the dtype for which an operation refuses what it would take of float32; nil if that isn't why.
func blamed(o graph.Op, in []*Value) *DType {
	var found *DType
	specs := make([]Spec, len(in))
	for i, v := range in {
		if v == nil {
			continue
		}
		specs[i] = v.Spec
		if d := v.DType; d != graph.Float32 && d != graph.Bool {
			specs[i].DType = graph.Float32
			if found == nil {
				found = &d
			}
		}
	}
	if found == nil {
		return nil
	}
	if t, ok := o.(op.Typed); ok {
		o = t.Op
	}
	if _, err := o.Infer(specs); err != nil {
		return nil
	}
	return found
}

// typed adds an operation on values of another dtype than float32. Of 16 bits, an operation that does several things is taken
// apart, as each of them rounds.
func (g *Graph) typed(o graph.Op, d DType, in []*Value) []*Value {
	if d == graph.Float16 || d == graph.BFloat16 {
		switch u := o.(type) {
		case op.Dense, op.Project, op.Conv, op.ConvTranspose:
			if in[2] != nil {
				y := g.Op(o, in[0], in[1], nil)
				return g.Ops(op.Binary{Fn: "add"}, y, in[2])
			}
		case op.LogSoftmax:
			return []*Value{g.logSoftmax(u, in[0])}
		case op.Normalize:
			if u.Kind == op.UnitNorm {
				return []*Value{g.unit(u, in[0])}
			}
		}
	}
	if r, ok := o.(op.Resize); ok && d == graph.Float64 && r.Method != "nearest" { // TensorFlow's resizes in float32
		return []*Value{g.Op(op.Cast{To: d}, g.Op(r, g.Op(op.Cast{To: graph.Float32}, in[0])))}
	}
	t, ok := op.As(o, d)
	if !ok {
		if d.Integer() { // what takes integers says so itself
			return g.add(o, in...)
		}
		g.Unsupportedf("dtype", "%v is not supported here", d)
	}
	return g.add(t, in...)
}

// logSoftmax is that of 16-bit values.
//
// Source: tensorflow/core/kernels/softmax_op_functor.h
func (g *Graph) logSoftmax(o op.LogSoftmax, x *Value) *Value {
	axis, err := op.Axis(o.Axis, len(x.Shape))
	if err != nil {
		g.Failf("%v", err)
	}
	over := func(fn string, x *Value) *Value { return g.Op(op.Reduce{Fn: fn, Axes: []int{axis}, Keep: true}, x) }
	shifted := g.Op(op.Binary{Fn: "subtract"}, x, over("max", x))
	sum := over("sum", g.Op(op.Unary{Fn: "exponential"}, shifted))
	return g.Op(op.Binary{Fn: "subtract"}, shifted, g.Op(op.Unary{Fn: "log"}, sum))
}

// unit is Euclidean normalization of 16-bit values.
//
// Source: keras/src/ops/nn.py, normalize
func (g *Graph) unit(o op.Normalize, x *Value) *Value {
	sum := g.Op(op.Reduce{Fn: "sum", Axes: o.Axes, Keep: true}, g.Op(op.Unary{Fn: "square"}, x))
	inv := g.Op(op.Binary{Fn: "minimum"}, g.Op(op.Unary{Fn: "rsqrt"}, sum), g.ScalarOf(1/float64(o.Eps), x.DType))
	return g.Op(op.Binary{Fn: "multiply"}, x, inv)
}

// checksDTypes says that an operation can be given any dtype.
func checksDTypes(o graph.Op) bool { return op.Mixes(o) }
