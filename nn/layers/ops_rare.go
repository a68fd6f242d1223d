package layers

import (
	"math"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// bin applies a function of two operands in their common dtype.
//
//go:noinline
func (a *operands) bin(fn string, x, y *nn.Value) *nn.Value { return binary(a.Graph, fn, x, y) }

// like is a number in x's dtype.
//
//go:noinline
func (a *operands) like(x *nn.Value, n float64) *nn.Value { return a.number(n, x.DType) }

// where picks of x and y, which are of one dtype.
//
//go:noinline
func (a *operands) where(condition, x, y *nn.Value) *nn.Value {
	return a.Op(op.Where{}, condition, x, y)
}

// isNaN is true where x isn't a number.
//
//go:noinline
func (a *operands) isNaN(x *nn.Value) *nn.Value { return a.Op(op.Binary{Fn: "not_equal"}, x, x) }

// floats are two operands as floats.
func (a *operands) floats(first, second string) (x, y *nn.Value) {
	x, y = a.pair(0, first, second)
	return float(a.Graph, x), float(a.Graph, y)
}

// zip applies a rarer function of two operands, which training must have a gradient of.
func (a *operands) zip(fn string, x, y *nn.Value) *nn.Value {
	o := op.Zip{Fn: fn}
	if a.Training && !o.Differentiable() {
		a.Unsupportedf("training", "%s has no gradient", fn)
	}
	return a.Op(o, x, y)
}

// plain adds an operation on whole arrays, which training must have a gradient of.
func (a *operands) plain(o op.Plain, xs ...*nn.Value) []*nn.Value {
	if a.Training && !o.Differentiable() {
		for _, x := range xs {
			if x.DType.Float() {
				a.Unsupportedf("training", "%v has no gradient here", o)
			}
		}
	}
	return a.Ops(o, xs...)
}

// rareOps are element functions that few models use.
func rareOps() map[string]func() nn.Layer {
	type saturate struct {
		DType string `json:"dtype"`
	}
	type convert struct {
		DType  string `json:"dtype"`
		Sparse *bool  `json:"sparse"`
		Ragged *bool  `json:"ragged"`
	}
	type replace struct {
		NaN float64  `json:"nan"`
		Pos *float64 `json:"posinf"`
		Neg *float64 `json:"neginf"`
	}
	type view struct {
		DType *string `json:"dtype"`
	}
	same := plain(func(a *operands) *nn.Value { return a.x() })
	truth := func(value float64) func() nn.Layer {
		return plain(func(a *operands) *nn.Value { return a.Op(op.FillLike{Value: value, DType: graph.Bool}, a.x()) })
	}
	infinite := func(sign int) func() nn.Layer {
		return plain(func(a *operands) *nn.Value {
			x := float(a.Graph, a.x())
			return a.Op(op.Binary{Fn: "equal"}, x, a.like(x, math.Inf(sign)))
		})
	}
	table := map[string]func() nn.Layer{
		"Conj": same, "Conjugate": same, "Real": same, "Isreal": truth(1),
		"Imag": plain(func(a *operands) *nn.Value { x := a.x(); return a.Op(op.FillLike{DType: x.DType}, x) }),
		"EmptyLike": node(dtypeConfig{}, func(a *operands, c dtypeConfig) *nn.Value {
			x := a.x()
			return a.Op(op.FillLike{DType: a.dtypeOf(c.DType, x.DType)}, x)
		}),
		"Fabs":     plain(func(a *operands) *nn.Value { return a.unary("absolute", float(a.Graph, a.x())) }),
		"Isposinf": infinite(1), "Isneginf": infinite(-1),
		"Signbit": plain(func(a *operands) *nn.Value {
			x := a.x()
			if x.DType.Float() {
				return a.Ops(op.Signbit(), x)[0]
			}
			return a.Op(op.Binary{Fn: "less"}, x, a.like(x, 0))
		}),
		"Angle": plain(func(a *operands) *nn.Value { // of a real number: π where it is negative
			x := float(a.Graph, a.x())
			return a.where(a.Op(op.Binary{Fn: "less"}, x, a.like(x, 0)), a.like(x, math.Pi), a.like(x, 0))
		}),
		"NanToNum": node(replace{}, func(a *operands, c replace) *nn.Value {
			x := a.x()
			if !x.DType.Float() {
				return x
			}
			top := largest(x.DType)
			low := -top
			if c.Pos != nil {
				top = *c.Pos
			}
			if c.Neg != nil {
				low = *c.Neg
			}
			x = a.where(a.isNaN(x), a.like(x, c.NaN), x)
			x = a.where(a.Op(op.Binary{Fn: "equal"}, x, a.like(x, math.Inf(1))), a.like(x, top), x)
			return a.where(a.Op(op.Binary{Fn: "equal"}, x, a.like(x, math.Inf(-1))), a.like(x, low), x)
		}),
		"SaturateCast": node(saturate{}, func(a *operands, c saturate) *nn.Value {
			x := a.x()
			return saturated(a, x, a.dtypeOf(c.DType, x.DType))
		}),
		"ConvertToTensor": node(convert{}, func(a *operands, c convert) *nn.Value {
			if c.Sparse != nil && *c.Sparse || c.Ragged != nil && *c.Ragged {
				a.Unsupportedf("sparse", "sparse and ragged tensors are not supported")
			}
			x := a.x()
			return cast(a.Graph, x, a.dtypeOf(c.DType, x.DType))
		}),
		"View": node(view{}, func(a *operands, c view) *nn.Value {
			x := a.x()
			if c.DType != nil && *c.DType != x.DType.String() {
				a.Unsupportedf("dtype", "the bits of %v as %s are not supported", x.DType, *c.DType)
			}
			return x
		}),
		"Size": plain(func(a *operands) *nn.Value {
			x := a.x()
			return a.Op(op.Reduce{Fn: "sum", Axes: sequence(len(x.Shape))}, a.Op(op.FillLike{Value: 1, DType: graph.Int32}, x))
		}),
		"BitwiseInvert": plain(invert), "BitwiseNot": plain(invert),
	}
	for _, class := range []string{"Erfc", "I0", "Sinc"} {
		table[class] = plain(func(a *operands) *nn.Value { return a.unary(nn.SnakeCase(class), float(a.Graph, a.x())) })
	}
	return table
}

// invert turns every bit of an integer over, or a bool.
func invert(a *operands) *nn.Value {
	x := a.x()
	if x.DType == graph.Bool {
		return a.Op(op.Binary{Fn: "equal"}, x, a.like(x, 0))
	}
	return a.Op(op.Binary{Fn: "subtract"}, a.like(x, -1), x)
}

// largest is the greatest finite number of a dtype.
func largest(d nn.DType) float64 {
	switch d {
	case graph.Float64:
		return math.MaxFloat64
	case graph.Float16:
		return 65504
	case graph.BFloat16:
		return 0x1.FEp127
	case graph.Float32:
		return math.MaxFloat32
	}
	_, high := extent(d)
	return high
}

// extent are the bounds of an integer dtype.
func extent(d nn.DType) (low, high float64) {
	bits := map[nn.DType]int{graph.Int8: 8, graph.Uint8: 8, graph.Int16: 16, graph.Uint16: 16, graph.Int32: 32, graph.Uint32: 32, graph.Int64: 64}[d]
	switch d {
	case graph.Uint8, graph.Uint16, graph.Uint32:
		return 0, math.Ldexp(1, bits) - 1
	case graph.Bool:
		return 0, 1
	}
	return -math.Ldexp(1, bits-1), math.Ldexp(1, bits-1) - 1
}

// saturated casts; what an integer type can't hold becomes its bound.
//
// Source: keras/src/ops/core.py, saturate_cast
func saturated(a *operands, x *nn.Value, d nn.DType) *nn.Value {
	if d.Float() {
		if x.DType.Float() && largest(d) < largest(x.DType) {
			x = a.bin("minimum", a.bin("maximum", x, a.like(x, -largest(d))), a.like(x, largest(d)))
		}
		return cast(a.Graph, x, d)
	}
	low, high := extent(d)
	if x.DType.Float() {
		return cast(a.Graph, a.bin("minimum", a.bin("maximum", x, a.like(x, low)), a.like(x, high)), d)
	}
	from, to := extent(x.DType)
	if low > from {
		x = a.bin("maximum", x, a.like(x, low))
	}
	if high < to {
		x = a.bin("minimum", x, a.like(x, high))
	}
	return cast(a.Graph, x, d)
}
