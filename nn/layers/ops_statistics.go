package layers

import (
	"math"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// statisticsOps are quantiles, counts, and reductions that leave NaN out.
func statisticsOps() map[string]func() nn.Layer {
	type quantile struct {
		Axis   Axes   `json:"axis"`
		Method string `json:"method"`
		Keep   bool   `json:"keepdims"`
	}
	type counts struct {
		Weights any  `json:"weights"`
		Least   int  `json:"minlength"`
		Sparse  bool `json:"sparse"`
	}
	type side struct {
		Side string `json:"side"`
	}
	type trapezoid struct {
		X    any     `json:"x"`
		DX   float64 `json:"dx"`
		Axis int     `json:"axis"`
	}
	type partition struct {
		Kth  int  `json:"kth"`
		Axis *int `json:"axis"`
	}
	at := func(scale float64, skip, idle bool) func() nn.Layer {
		return node(quantile{Method: "linear"}, func(a *operands, c quantile) *nn.Value {
			if idle { // as in Keras, whose node forgets the method
				c.Method = "linear"
			}
			q := a.tensor(1, "q")
			q = a.bin("multiply", cast(a.Graph, q, graph.Float64), a.number(scale, graph.Float64))
			return quantiles(a, float(a.Graph, a.x()), q, c.Axis, c.Method, c.Keep, skip)
		})
	}
	middle := func(skip bool) func() nn.Layer {
		return node(reduceConfig{}, func(a *operands, c reduceConfig) *nn.Value {
			return quantiles(a, float(a.Graph, a.x()), a.number(.5, graph.Float64), c.Axis, "linear", c.Keep, skip)
		})
	}
	count := func(values, edges *nn.Value, a *operands, fn string) *nn.Value { // how many edges are below, or not above, each
		d := common(a.Graph, values.DType, edges.DType)
		values = regroup(a.Graph, cast(a.Graph, values, d), len(values.Shape), 0, 1)
		below := a.Op(op.Binary{Fn: fn}, cast(a.Graph, edges, d), values)
		return a.Op(op.Reduce{Fn: "sum", Axes: []int{len(values.Shape) - 1}}, cast(a.Graph, below, graph.Int32))
	}
	return map[string]func() nn.Layer{
		"Quantile": at(1, false, true), "Percentile": at(.01, false, false), "Nanquantile": at(1, true, false), "Nanpercentile": at(.01, true, false),
		"Median": middle(false), "Nanmedian": middle(true),
		"Ptp": node(reduceConfig{}, func(a *operands, c reduceConfig) *nn.Value {
			return a.bin("subtract", reduce(a, "max", a.x(), c.Axis, c.Keep), reduce(a, "min", a.x(), c.Axis, c.Keep))
		}),
		"CountNonzero": node(axesConfig{}, func(a *operands, c axesConfig) *nn.Value {
			x := a.x()
			return reduce(a, "sum", cast(a.Graph, a.Op(op.Binary{Fn: "not_equal"}, x, a.like(x, 0)), graph.Int32), c.Axis, false)
		}),
		"Average": node(axisConfig{}, func(a *operands, c axisConfig) *nn.Value {
			x := float(a.Graph, a.x())
			var axes Axes
			if c.Axis != nil {
				axes = Axes{*c.Axis}
			}
			if a.arg(1, "weights") == nil {
				return reduce(a, "mean", x, axes, false)
			}
			w := float(a.Graph, a.tensor(1, "weights"))
			if axes != nil && len(w.Shape) == 1 && len(x.Shape) > 1 {
				w = regroup(a.Graph, w, 1, 0, all(len(x.Shape)-1-axisOf(a.Graph, axes[0], len(x.Shape)), 1)...)
				return a.bin("divide", reduce(a, "sum", a.bin("multiply", x, w), axes, false), reduce(a, "sum", w, nil, false))
			}
			return a.bin("divide", reduce(a, "sum", a.bin("multiply", x, w), axes, false), reduce(a, "sum", w, axes, false))
		}),
		"Bincount": node(counts{}, func(a *operands, c counts) *nn.Value {
			if c.Sparse {
				a.Unsupportedf("sparse", "sparse tensors are not supported")
			}
			if c.Least < 0 || c.Least > maxExtent {
				a.Failf("minlength can't be %d", c.Least)
			}
			x := a.x()
			weights := c.Weights
			if weights == nil {
				return a.Op(op.Bincount(c.Least, false), x)
			}
			b := operands{a.Graph, nn.Call{Args: []any{weights}}}
			w := b.tensor(0, "weights")
			return a.Op(op.Bincount(c.Least, true), x, cast(a.Graph, w, common(a.Graph, w.DType, x.DType)))
		}),
		"Digitize": plain(func(a *operands) *nn.Value { return count(a.x(), a.tensor(1, "bins"), a, "less_equal") }),
		"SearchSorted": node(side{"left"}, func(a *operands, c side) *nn.Value {
			fn := map[string]string{"left": "less", "right": "less_equal"}[c.Side]
			if fn == "" {
				a.Failf("unknown side %q", c.Side)
			}
			return count(a.tensor(1, "values"), a.tensor(0, "sorted_sequence"), a, fn)
		}),
		"Nonzero": nodes(none{}, func(a *operands, _ none) (ys []*nn.Value) {
			x := a.x()
			y := a.Op(op.Nonzero(), x)
			for d := range x.Shape {
				ys = append(ys, regroup(a.Graph, cut(a.Graph, y, 0, d, d+1), 0, 1))
			}
			return ys
		}),
		"Trapezoid": node(trapezoid{DX: 1, Axis: -1}, func(a *operands, c trapezoid) *nn.Value {
			y := a.toEnd(float(a.Graph, a.tensor(0, "y")), c.Axis)
			last := len(y.Shape) - 1
			mean := a.bin("multiply", a.bin("add", cut(a.Graph, y, last, 1, op.End), cut(a.Graph, y, last, 0, -1)), a.like(y, .5))
			by := a.like(y, c.DX)
			if c.X != nil {
				b := operands{a.Graph, nn.Call{Args: []any{c.X}}}
				x := cast(a.Graph, b.tensor(0, "x"), y.DType)
				if len(x.Shape) == 0 {
					a.Failf("x must have an axis, found a number")
				}
				if len(x.Shape) > 1 {
					x = a.toEnd(x, c.Axis)
				}
				by = a.bin("subtract", cut(a.Graph, x, len(x.Shape)-1, 1, op.End), cut(a.Graph, x, len(x.Shape)-1, 0, -1))
			}
			return a.Op(op.Reduce{Fn: "sum", Axes: []int{last}}, a.bin("multiply", mean, by))
		}),
		"Argpartition": node(partition{}, func(a *operands, c partition) *nn.Value {
			x, d := a.ravelled(cast(a.Graph, a.x(), graph.Int32), c.Axis)
			if len(x.Shape) != 1 || d != 0 {
				a.Unsupportedf("axis", "only of one axis, found shape %v", x.Shape)
			}
			n := a.fixedSize(x, 0)
			kth := max(0, min(c.Kth, n-1))
			low := a.Ops(op.Sort{Axis: 0, K: kth + 1, Descending: true}, a.unary("negative", x))[1]
			if kth == n-1 {
				return low
			}
			taken := a.Op(op.Reduce{Fn: "max", Axes: []int{0}}, a.Op(op.OneHot{Classes: n, Axis: -1}, low))
			rest := a.where(cast(a.Graph, taken, graph.Bool), a.like(x, 0), x)
			return a.Op(op.Concat{}, low, a.Ops(op.Sort{Axis: 0, K: n - kth - 1, Descending: true}, rest)[1])
		}),
	}
}

// quantiles are those of x along axes, at the fractions q, whose axis (if any) comes first.
func quantiles(a *operands, x, q *nn.Value, axis Axes, method string, keep, skip bool) *nn.Value {
	rank := len(x.Shape)
	axes := axis.of(a.Graph, rank)
	rest := others(rank, axes...)
	y := transpose(a.Graph, x, append(rest, axes...)...)
	y = regroup(a.Graph, y, len(rest), len(axes), -1)
	o, err := op.Quantile(method, skip)
	if err != nil {
		a.Failf("%v", err)
	}
	one := len(q.Shape) == 0
	if len(q.Shape) > 1 {
		a.Unsupportedf("q", "fractions of shape %v are not supported", q.Shape)
	}
	y = a.plain(o, y, a.Op(op.View{To: nn.Shape{-1}}, q))[0]
	if keep {
		for _, d := range axes {
			y = regroup(a.Graph, y, d, 0, 1)
		}
	}
	last := len(y.Shape) - 1
	if one {
		return regroup(a.Graph, y, last, 1)
	}
	return transpose(a.Graph, y, append([]int{last}, sequence(last)...)...)
}

// nanOps leave NaN out; what holds nothing else is NaN.
func nanOps() map[string]func() nn.Layer {
	type cumulated struct {
		Axis  *int   `json:"axis"`
		DType string `json:"dtype"`
	}
	without := func(a *operands, x *nn.Value, n float64) *nn.Value {
		if !x.DType.Float() {
			return x
		}
		return a.where(a.isNaN(x), a.like(x, n), x)
	}
	counted := func(a *operands, x *nn.Value, axis Axes, keep bool) *nn.Value { // how many aren't NaN
		return reduce(a, "sum", cast(a.Graph, a.Op(op.Binary{Fn: "equal"}, x, x), x.DType), axis, keep)
	}
	mean := func(a *operands, x *nn.Value, axis Axes, keep bool) *nn.Value {
		return a.bin("divide", reduce(a, "sum", without(a, x, 0), axis, keep), counted(a, x, axis, keep))
	}
	variance := func(a *operands, c reduceConfig) *nn.Value {
		x := float(a.Graph, a.x())
		centered := a.where(a.isNaN(x), a.like(x, 0), a.bin("subtract", x, mean(a, x, c.Axis, true)))
		return a.bin("divide", reduce(a, "sum", a.unary("square", centered), c.Axis, c.Keep), counted(a, x, c.Axis, c.Keep))
	}
	extreme := func(fn string, sign int) func() nn.Layer {
		return node(reduceConfig{}, func(a *operands, c reduceConfig) *nn.Value {
			x := a.x()
			y := reduce(a, fn, without(a, x, math.Inf(sign)), c.Axis, c.Keep)
			if !x.DType.Float() {
				return y
			}
			return a.where(reduce(a, "all", a.isNaN(x), c.Axis, c.Keep), a.like(y, math.NaN()), y)
		})
	}
	argument := func(least bool, sign int) func() nn.Layer {
		type config struct {
			Axis *int `json:"axis"`
			Keep bool `json:"keepdims"`
		}
		return node(config{}, func(a *operands, c config) *nn.Value {
			whole := a.x()
			x, d := a.ravelled(whole, c.Axis)
			y := a.Op(op.ArgReduce{Axis: d, Min: least, Keep: c.Keep && c.Axis != nil}, without(a, x, math.Inf(sign)))
			if x.DType.Float() {
				y = a.where(a.Op(op.Reduce{Fn: "all", Axes: []int{d}, Keep: c.Keep && c.Axis != nil}, a.isNaN(x)), a.number(-1, graph.Int32), y)
			}
			if c.Keep && c.Axis == nil {
				return regroup(a.Graph, y, 0, 0, all(len(whole.Shape), 1)...)
			}
			return y
		})
	}
	total := func(fn string, neutral float64) func() nn.Layer {
		return node(reduceConfig{}, func(a *operands, c reduceConfig) *nn.Value {
			x := a.x()
			return reduce(a, fn, cast(a.Graph, without(a, x, neutral), summed(x.DType)), c.Axis, c.Keep)
		})
	}
	cumulate := func(product bool, neutral float64) func() nn.Layer {
		return node(cumulated{}, func(a *operands, c cumulated) *nn.Value {
			x, d := a.ravelled(a.x(), c.Axis)
			return a.Op(op.Cumulate{Axis: d, Product: product}, cast(a.Graph, without(a, x, neutral), a.dtypeOf(c.DType, summed(x.DType))))
		})
	}
	return map[string]func() nn.Layer{
		"Nansum": total("sum", 0), "Nanprod": total("prod", 1), "Nancumsum": cumulate(false, 0), "Nancumprod": cumulate(true, 1),
		"Nanmax": extreme("max", -1), "Nanmin": extreme("min", 1), "Nanargmax": argument(false, -1), "Nanargmin": argument(true, 1),
		"Nanmean": node(reduceConfig{}, func(a *operands, c reduceConfig) *nn.Value { return mean(a, float(a.Graph, a.x()), c.Axis, c.Keep) }),
		"Nanvar":  node(reduceConfig{}, variance),
		"Nanstd":  node(reduceConfig{}, func(a *operands, c reduceConfig) *nn.Value { return a.unary("sqrt", variance(a, c)) }),
	}
}
