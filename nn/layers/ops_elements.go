package layers

import (
	"math"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// elementOps are functions of one tensor's elements.
func elementOps() map[string]func() nn.Layer {
	table := map[string]func() nn.Layer{
		"Copy": plain(func(a *operands) *nn.Value { return a.x() }),
		"LogicalNot": plain(func(a *operands) *nn.Value {
			return a.Op(op.Binary{Fn: "equal"}, cast(a.Graph, a.x(), graph.Bool), a.number(0, graph.Bool))
		}),
		"Isnan": plain(func(a *operands) *nn.Value { return a.Op(op.Binary{Fn: "not_equal"}, a.x(), a.x()) }),
		"Isinf": plain(func(a *operands) *nn.Value {
			x := float(a.Graph, a.x())
			return a.Op(op.Binary{Fn: "equal"}, a.unary("absolute", x), a.number(math.Inf(1), x.DType))
		}),
		"Isfinite": plain(func(a *operands) *nn.Value {
			x := float(a.Graph, a.x())
			return a.Op(op.Binary{Fn: "less"}, a.unary("absolute", x), a.number(math.Inf(1), x.DType))
		}),
		"Round": node(struct {
			Decimals int `json:"decimals"`
		}{}, func(a *operands, c struct {
			Decimals int `json:"decimals"`
		}) *nn.Value {
			if c.Decimals == 0 {
				return a.unary("round", a.x())
			}
			x := float(a.Graph, a.x())
			by := a.number(math.Pow(10, float64(c.Decimals)), x.DType)
			return binary(a.Graph, "divide", a.unary("round", binary(a.Graph, "multiply", x, by)), by)
		}),
		"Clip": node(clipConfig{}, func(a *operands, c clipConfig) *nn.Value {
			lo, hi := float32(math.Inf(-1)), float32(math.Inf(1))
			if c.Min != nil {
				lo = *c.Min
			}
			if c.Max != nil {
				hi = *c.Max
			}
			return a.unary("clip", a.x(), lo, hi)
		}),
		"Cast": node(dtypeConfig{}, func(a *operands, c dtypeConfig) *nn.Value {
			x := a.x()
			return cast(a.Graph, x, a.dtypeOf(c.DType, x.DType))
		}),
		"ZerosLike": node(dtypeConfig{}, func(a *operands, c dtypeConfig) *nn.Value {
			x := a.x()
			return a.Op(op.FillLike{DType: a.dtypeOf(c.DType, x.DType)}, x)
		}),
		"OnesLike": node(dtypeConfig{}, func(a *operands, c dtypeConfig) *nn.Value {
			x := a.x()
			return a.Op(op.FillLike{Value: 1, DType: a.dtypeOf(c.DType, x.DType)}, x)
		}),
		"FullLike": node(dtypeConfig{}, func(a *operands, c dtypeConfig) *nn.Value {
			x := a.x()
			n, ok := nn.NumberOf(a.arg(1, "fill_value"))
			if !ok {
				a.Failf("fill_value must be a number")
			}
			return a.Op(op.FillLike{Value: n, DType: a.dtypeOf(c.DType, x.DType)}, x)
		}),
	}
	for _, kept := range []string{"Absolute", "Negative", "Square", "Sign", "Trunc", "StopGradient"} { // integers stay so
		table[kept] = plain(func(a *operands) *nn.Value { return a.unary(nn.SnakeCase(kept), a.x()) })
	}
	table["Abs"] = table["Absolute"]
	for _, class := range []string{"Sqrt", "Rsqrt", "Cbrt", "Reciprocal", "Exp", "Exp2", "Expm1", "Log", "Log1p", "Log2", "Log10", "Erf",
		"Erfinv", "Deg2rad", "Rad2deg", "Floor", "Ceil", "Sin", "Cos", "Tan", "Arcsin", "Arccos", "Arctan", "Sinh", "Cosh", "Arcsinh",
		"Arccosh", "Arctanh", "Tanh"} {
		table[class] = plain(func(a *operands) *nn.Value { return a.unary(nn.SnakeCase(class), float(a.Graph, a.x())) })
	}
	return table
}

type clipConfig struct {
	Min *float32 `json:"x_min"`
	Max *float32 `json:"x_max"`
}

type dtypeConfig struct {
	DType string `json:"dtype"`
}

// binaryOps are functions of two tensors' elements.
func binaryOps() map[string]func() nn.Layer {
	table := map[string]func() nn.Layer{
		"Where": plain(func(a *operands) *nn.Value {
			condition := cast(a.Graph, a.tensor(0, "condition"), graph.Bool)
			x, y := a.pair(1, "x1", "x2")
			return a.Op(op.Where{}, condition, x, y)
		}),
		"DivideNoNan": plain(func(a *operands) *nn.Value {
			x, y := a.pair(0, "x1", "x2")
			x, y = float(a.Graph, x), float(a.Graph, y)
			zero := a.Op(op.Binary{Fn: "equal"}, y, a.number(0, y.DType))
			y = a.Op(op.Where{}, zero, a.number(1, y.DType), y)
			return a.Op(op.Where{}, zero, a.number(0, y.DType), a.Op(op.Binary{Fn: "divide"}, x, y))
		}),
	}
	for class, fn := range map[string]string{"Add": "add", "Subtract": "subtract", "Multiply": "multiply", "FloorDivide": "floor_divide",
		"Mod": "mod", "Power": "power", "Maximum": "maximum", "Minimum": "minimum", "Equal": "equal", "NotEqual": "not_equal", "Less": "less",
		"LessEqual": "less_equal", "Greater": "greater", "GreaterEqual": "greater_equal"} {
		table[class] = plain(func(a *operands) *nn.Value {
			x, y := a.pair(0, "x1", "x2")
			return a.Op(op.Binary{Fn: fn}, x, y)
		})
	}
	for class, fn := range map[string]string{"TrueDivide": "divide", "Divide": "divide", "Arctan2": "arctan2", "Logaddexp": "logaddexp"} {
		table[class] = plain(func(a *operands) *nn.Value {
			x, y := a.pair(0, "x1", "x2")
			return a.Op(op.Binary{Fn: fn}, float(a.Graph, x), float(a.Graph, y))
		})
	}
	for class, fn := range map[string]string{"LogicalAnd": "logical_and", "LogicalOr": "logical_or", "LogicalXor": "logical_xor"} {
		table[class] = plain(func(a *operands) *nn.Value {
			x, y := cast(a.Graph, a.tensor(0, "x1"), graph.Bool), cast(a.Graph, a.tensor(1, "x2"), graph.Bool)
			return a.Op(op.Binary{Fn: fn}, x, y)
		})
	}
	return table
}

// activationOps are keras.ops' activations.
//
// Source: keras/src/ops/nn.py
func activationOps() map[string]func() nn.Layer {
	type axis struct {
		Axis Axes `json:"axis"`
	}
	type alpha struct {
		Alpha float32 `json:"alpha"`
	}
	type threshold struct {
		Threshold float32 `json:"threshold"`
	}
	type slope struct {
		Slope float32 `json:"negative_slope"`
	}
	type twoThresholds struct {
		Threshold float32 `json:"threshold"`
		Default   float32 `json:"default_value"`
	}
	type approximate struct {
		Approximate bool `json:"approximate"`
	}
	type square struct {
		B float32 `json:"b"`
	}
	table := map[string]func() nn.Layer{
		"Celu":       node(alpha{1}, func(a *operands, c alpha) *nn.Value { return a.unary("celu", a.x(), c.Alpha) }),
		"Elu":        node(alpha{1}, func(a *operands, c alpha) *nn.Value { return a.unary("elu", a.x(), c.Alpha) }),
		"HardShrink": node(threshold{.5}, func(a *operands, c threshold) *nn.Value { return a.unary("hard_shrink", a.x(), c.Threshold) }),
		"SoftShrink": node(threshold{.5}, func(a *operands, c threshold) *nn.Value { return a.unary("soft_shrink", a.x(), c.Threshold) }),
		"LeakyRelu":  node(slope{.2}, func(a *operands, c slope) *nn.Value { return a.unary("leaky_relu", a.x(), c.Slope) }),
		"Squareplus": node(square{4}, func(a *operands, c square) *nn.Value { return a.unary("squareplus", a.x(), c.B) }),
		"Threshold": node(twoThresholds{}, func(a *operands, c twoThresholds) *nn.Value {
			return a.unary("threshold", a.x(), c.Threshold, c.Default)
		}),
		"Gelu": node(approximate{true}, func(a *operands, c approximate) *nn.Value {
			if c.Approximate {
				return a.unary("gelu_tanh", a.x())
			}
			return a.unary("gelu", a.x())
		}),
		"Softmax": node(axis{Axes{-1}}, func(a *operands, c axis) *nn.Value {
			return softmax(a.Graph, op.Softmax{Axis: -1}, float(a.Graph, a.x()), c.Axis)
		}),
		"LogSoftmax": node(axis{Axes{-1}}, func(a *operands, c axis) *nn.Value {
			return softmax(a.Graph, op.LogSoftmax{Axis: -1}, float(a.Graph, a.x()), c.Axis)
		}),
		"Sparsemax": node(axis{Axes{-1}}, func(a *operands, c axis) *nn.Value {
			return a.Op(op.Sparsemax{Axis: one(a.Graph, c.Axis)}, a.x())
		}),
		"Glu": node(axis{Axes{-1}}, func(a *operands, c axis) *nn.Value { return a.Op(op.GLU{Axis: one(a.Graph, c.Axis)}, a.x()) }),
	}
	for _, class := range []string{"HardSigmoid", "HardSilu", "HardTanh", "LogSigmoid", "Relu", "Relu6", "Selu", "Sigmoid", "Silu",
		"Softplus", "Softsign", "SparsePlus", "SparseSigmoid", "TanhShrink"} {
		table[class] = plain(func(a *operands) *nn.Value { return a.unary(nn.SnakeCase(class), a.x()) })
	}
	return table
}

// one is the only axis of an operation that takes no more.
func one(g *nn.Graph, axes Axes) int {
	if len(axes) != 1 {
		g.Failf("axis must be one number, found %v", []int(axes))
	}
	return axes[0]
}
