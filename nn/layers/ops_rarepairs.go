package layers

import (
	"math"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// rarePairOps are the rarer functions of two tensors' elements.
func rarePairOps() map[string]func() nn.Layer {
	type allClose struct {
		RTol     float64 `json:"rtol"`
		ATol     float64 `json:"atol"`
		EqualNaN bool    `json:"equal_nan"`
	}
	type isClose struct {
		EqualNaN bool `json:"equal_nan"`
	}
	type isIn struct {
		Unique bool `json:"assume_unique"`
		Invert bool `json:"invert"`
	}
	table := map[string]func() nn.Layer{
		"AllClose": node(allClose{RTol: 1e-5, ATol: 1e-8}, func(a *operands, c allClose) *nn.Value {
			x, y := a.pair(0, "x1", "x2")
			return reduce(a, "all", near(a, x, y, c.RTol, c.ATol, c.EqualNaN), nil, false)
		}),
		"Isclose": node(isClose{}, func(a *operands, c isClose) *nn.Value {
			x, y := a.pair(0, "x1", "x2")
			tolerance := [2]float64{1e-5, 1e-8}
			for i, name := range []string{"rtol", "atol"} {
				if v := a.arg(2+i, name); v != nil {
					n, ok := nn.NumberOf(v)
					if !ok {
						a.Unsupportedf(name, "must be a number, found %T", v)
					}
					tolerance[i] = n
				}
			}
			return near(a, x, y, tolerance[0], tolerance[1], c.EqualNaN)
		}),
		"IsIn": node(isIn{}, func(a *operands, c isIn) *nn.Value {
			x, y := a.pair(0, "x1", "x2")
			rank := len(x.Shape)
			same := a.Op(op.Binary{Fn: "equal"}, regroup(a.Graph, x, rank, 0, 1), a.Op(op.View{To: nn.Shape{-1}}, y))
			found := a.Op(op.Reduce{Fn: "any", Axes: []int{rank}}, same)
			if c.Invert {
				return a.Op(op.Binary{Fn: "equal"}, found, a.number(0, graph.Bool))
			}
			return found
		}),
		"Ldexp": plain(func(a *operands) *nn.Value {
			x, by := float(a.Graph, a.tensor(0, "x1")), a.tensor(1, "x2")
			if !by.DType.Integer() {
				a.Failf("the exponent must be an integer, found %v", by.DType)
			}
			y := a.bin("multiply", x, a.unary("exp2", cast(a.Graph, by, x.DType)))
			odd := a.bin("logical_or", a.Op(op.Binary{Fn: "equal"}, a.unary("absolute", x), a.like(x, math.Inf(1))),
				a.Op(op.Binary{Fn: "equal"}, x, a.like(x, 0)))
			return a.where(odd, x, y)
		}),
		"Select": plain(func(a *operands) *nn.Value {
			conditions, ok := a.arg(0, "condlist").([]any)
			choices, also := a.arg(1, "choicelist").([]any)
			if !ok || !also || len(conditions) != len(choices) || len(choices) == 0 {
				a.Failf("condlist and choicelist must be lists as long as each other")
			}
			b := operands{a.Graph, nn.Call{Args: choices}}
			y := b.tensor(0, "choicelist")
			xs, d := []*nn.Value{}, y.DType
			for i := range choices {
				xs = append(xs, b.tensor(i, "choicelist"))
				d = common(a.Graph, d, xs[i].DType)
			}
			y = a.number(0, d)
			if v := a.arg(2, "default"); v != nil {
				if n, number := nn.NumberOf(v); number {
					y = a.number(n, d)
				} else {
					y = cast(a.Graph, a.tensor(2, "default"), d)
				}
			}
			for i := len(xs) - 1; i >= 0; i-- {
				y = a.where(cast(a.Graph, a.array(conditions[i], "condlist"), graph.Bool), cast(a.Graph, xs[i], d), y)
			}
			return y
		}),
	}
	for class, fn := range map[string]string{"BitwiseAnd": "bitwise_and", "BitwiseOr": "bitwise_or", "BitwiseXor": "bitwise_xor",
		"BitwiseLeftShift": "left_shift", "LeftShift": "left_shift", "BitwiseRightShift": "right_shift", "RightShift": "right_shift"} {
		table[class] = plain(func(a *operands) *nn.Value { x, y := a.pair(0, "x", "y"); return a.zip(fn, x, y) })
	}
	for class, fn := range map[string]string{"Gcd": "gcd", "Lcm": "lcm", "Fmod": "fmod"} {
		table[class] = plain(func(a *operands) *nn.Value { x, y := a.pair(0, "x1", "x2"); return a.zip(fn, x, y) })
	}
	for class, fn := range map[string]string{"Fmax": "maximum", "Fmin": "minimum"} {
		table[class] = plain(func(a *operands) *nn.Value {
			x, y := a.pair(0, "x1", "x2")
			if x.DType.Float() {
				return a.zip(nn.SnakeCase(class), x, y)
			}
			return a.bin(fn, x, y)
		})
	}
	for class, fn := range map[string]string{"Hypot": "hypot", "Heaviside": "heaviside", "Logaddexp2": "logaddexp2"} {
		table[class] = plain(func(a *operands) *nn.Value { x, y := a.floats("x1", "x2"); return a.zip(fn, x, y) })
	}
	table["Nextafter"] = plain(func(a *operands) *nn.Value { // Keras takes the step in float64, and forgets it
		x, y := a.floats("x1", "x2")
		d := x.DType
		return cast(a.Graph, a.zip("nextafter", cast(a.Graph, x, graph.Float64), cast(a.Graph, y, graph.Float64)), d)
	})
	return table
}

// near says which elements differ by less than the tolerance; integers must be equal.
func near(a *operands, x, y *nn.Value, rtol, atol float64, equalNaN bool) *nn.Value {
	if !x.DType.Float() {
		return a.Op(op.Binary{Fn: "equal"}, x, y)
	}
	bound := a.bin("add", a.bin("multiply", a.unary("absolute", y), a.like(y, rtol)), a.like(y, atol))
	close := a.Op(op.Binary{Fn: "less_equal"}, a.unary("absolute", a.bin("subtract", x, y)), bound)
	if equalNaN {
		return a.bin("logical_or", close, a.bin("logical_and", a.isNaN(x), a.isNaN(y)))
	}
	return close
}
