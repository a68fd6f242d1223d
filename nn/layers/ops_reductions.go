package layers

import (
	"math"
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// reduceConfig is what reductions have in their config.
type reduceConfig struct {
	Axis    Axes     `json:"axis"`
	Keep    bool     `json:"keepdims"`
	Initial *float64 `json:"initial"`
	DType   string   `json:"dtype"`
}

// reductionOps sum up along axes.
func reductionOps() map[string]func() nn.Layer {
	simple := func(fn string, prepare func(a *operands, c reduceConfig, x *nn.Value) *nn.Value) func() nn.Layer {
		return node(reduceConfig{}, func(a *operands, c reduceConfig) *nn.Value {
			y := reduce(a, fn, prepare(a, c, a.x()), c.Axis, c.Keep)
			if c.Initial != nil {
				y = binary(a.Graph, map[string]string{"max": "maximum", "min": "minimum"}[fn], y, a.number(*c.Initial, y.DType))
			}
			return y
		})
	}
	same := func(_ *operands, _ reduceConfig, x *nn.Value) *nn.Value { return x }
	wide := func(a *operands, c reduceConfig, x *nn.Value) *nn.Value {
		return cast(a.Graph, x, a.dtypeOf(c.DType, summed(x.DType)))
	}
	truth := func(a *operands, _ reduceConfig, x *nn.Value) *nn.Value { return cast(a.Graph, x, graph.Bool) }
	type norm struct {
		Ord  any  `json:"ord"`
		Axis Axes `json:"axis"`
		Keep bool `json:"keepdims"`
	}
	type normalize struct {
		Axis    Axes     `json:"axis"`
		Order   any      `json:"order"`
		Epsilon *float32 `json:"epsilon"`
	}
	table := map[string]func() nn.Layer{
		"Sum": simple("sum", wide), "Prod": simple("prod", wide), "Max": simple("max", same), "Min": simple("min", same),
		"Any": simple("any", truth), "All": simple("all", truth),
		"Mean": simple("mean", func(a *operands, _ reduceConfig, x *nn.Value) *nn.Value { return float(a.Graph, x) }),
		"Var":  node(reduceConfig{}, func(a *operands, c reduceConfig) *nn.Value { return variance(a, c) }),
		"Std":  node(reduceConfig{}, func(a *operands, c reduceConfig) *nn.Value { return a.unary("sqrt", variance(a, c)) }),
		"Logsumexp": node(reduceConfig{}, func(a *operands, c reduceConfig) *nn.Value {
			x := float(a.Graph, a.x())
			top := a.unary("stop_gradient", reduce(a, "max", x, c.Axis, true))
			sum := reduce(a, "sum", a.unary("exp", binary(a.Graph, "subtract", x, top)), c.Axis, true)
			y := binary(a.Graph, "add", a.unary("log", sum), top)
			if c.Keep {
				return y
			}
			return reduce(a, "sum", y, c.Axis, false) // of one element each
		}),
		"Norm": node(norm{}, func(a *operands, c norm) *nn.Value {
			x := float(a.Graph, a.x())
			order, isNumber := c.Ord.(float64)
			switch euclidean := a.unary; {
			case c.Ord == nil, c.Ord == "fro" && len(c.Axis) != 1, isNumber && order == 2 && len(c.Axis) == 1:
				return euclidean("sqrt", reduce(a, "sum", euclidean("square", x), c.Axis, c.Keep))
			case isNumber && order == 1 && len(c.Axis) == 1:
				return reduce(a, "sum", a.unary("absolute", x), c.Axis, c.Keep)
			case len(c.Axis) == 1 && (c.Ord == "inf" || isNumber && math.IsInf(order, 1)):
				return reduce(a, "max", a.unary("absolute", x), c.Axis, c.Keep)
			}
			a.Unsupportedf("ord", "norm of order %v over axis %v is not supported", c.Ord, []int(c.Axis))
			return nil
		}),
		"Normalize": node(normalize{Axis: Axes{-1}, Order: 2.0}, func(a *operands, c normalize) *nn.Value {
			if order, ok := c.Order.(float64); !ok || order != 2 {
				a.Unsupportedf("order", "only order 2 is supported, found %v", c.Order)
			}
			x, eps := float(a.Graph, a.x()), float32(epsilon)
			if c.Epsilon != nil {
				eps = *c.Epsilon
			}
			return a.Op(op.Normalize{Kind: op.UnitNorm, Axes: c.Axis.of(a.Graph, len(x.Shape)), Eps: eps}, x, nil, nil)
		}),
		"LayerNorm": normNode(op.CenterNorm),
		"RMSNorm":   normNode(op.RMSNorm),
	}
	table["Amax"], table["Amin"] = table["Max"], table["Min"]
	return table
}

// reduce applies a reduction; axis None is every axis.
//
//go:noinline
func reduce(a *operands, fn string, x *nn.Value, axis Axes, keep bool) *nn.Value {
	return a.Op(op.Reduce{Fn: fn, Axes: axis.of(a.Graph, len(x.Shape)), Keep: keep}, x)
}

func variance(a *operands, c reduceConfig) *nn.Value {
	x := float(a.Graph, a.x())
	d := binary(a.Graph, "subtract", x, reduce(a, "mean", x, c.Axis, true))
	return reduce(a, "mean", a.unary("square", d), c.Axis, c.Keep)
}

// normNode is a normalization as an operation: x, then gamma and beta (or scale) as tensors.
func normNode(kind op.NormKind) func() nn.Layer {
	type config struct {
		Axis       Axes     `json:"axis"`
		Epsilon    *float32 `json:"epsilon"`
		RMSScaling bool     `json:"rms_scaling"`
	}
	return node(config{Axis: Axes{-1}}, func(a *operands, c config) *nn.Value {
		x := a.x()
		o := op.Normalize{Kind: kind, Axes: c.Axis.of(a.Graph, len(x.Shape)), Eps: epsilon}
		if c.Epsilon != nil {
			o.Eps = *c.Epsilon
		}
		if c.RMSScaling {
			o.Kind = op.ScaleNorm
		}
		var parameters [2]*nn.Value
		for i, name := range [...]string{"gamma", "beta"} {
			if kind == op.RMSNorm {
				name = "scale"
			}
			if a.arg(i+1, name) == nil || i > 0 && kind == op.RMSNorm {
				continue
			}
			p := a.tensor(i+1, name)
			if kind == op.CenterNorm && len(p.Shape) != len(x.Shape) {
				wide := slices.Repeat(nn.Shape{1}, len(x.Shape))
				for _, d := range o.Axes {
					wide[d] = x.Shape[d]
				}
				p = a.Op(op.View{To: wide}, p)
			}
			parameters[i] = p
		}
		return a.Op(o, x, parameters[0], parameters[1])
	})
}
