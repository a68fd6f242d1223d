package layers

import (
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// partOps are the rarer ways to join and cut, and ranges of numbers.
func partOps() map[string]func() nn.Layer {
	type sections struct {
		At any `json:"indices_or_sections"`
	}
	type arraySplit struct {
		Sections int `json:"indices_or_sections"`
		Axis     int `json:"axis"`
	}
	type diff struct {
		N    int `json:"n"`
		Axis int `json:"axis"`
	}
	type indexing struct {
		Indexing string `json:"indexing"`
	}
	type shape struct {
		Shape nn.Dims `json:"shape"`
		DType string  `json:"dtype"`
	}
	type unravel struct {
		Shape Axes `json:"shape"`
	}
	splitAt := func(axis int) func() nn.Layer {
		return nodes(sections{}, func(a *operands, c sections) (ys []*nn.Value) {
			x := a.x()
			d := axis
			if axis == 1 && len(x.Shape) == 1 {
				d = 0
			}
			d = axisOf(a.Graph, d, len(x.Shape))
			from := 0
			for _, to := range splitPoints(a, c.At, x.Shape[d]) {
				ys = append(ys, cut(a.Graph, x, d, from, to))
				from = to
			}
			return append(ys, cut(a.Graph, x, d, from, op.End))
		})
	}
	flip := func(axis int) func() nn.Layer {
		return plain(func(a *operands) *nn.Value {
			x := a.x()
			return reversed(a.Graph, x, []int{axisOf(a.Graph, axis, len(x.Shape))})
		})
	}
	stack := func(least, axis int) func() nn.Layer {
		return plain(func(a *operands) *nn.Value {
			xs := a.list(0, "xs")
			for i, x := range xs {
				if len(x.Shape) == 0 {
					x = regroup(a.Graph, x, 0, 0, 1)
				}
				if len(x.Shape) == 1 && least > 2 { // [n] is one row
					x = regroup(a.Graph, x, 0, 0, 1)
				}
				if len(x.Shape) == 2 && least > 2 {
					x = regroup(a.Graph, x, 2, 0, 1)
				}
				xs[i] = x
			}
			return a.Op(op.Concat{Axis: min(axis, len(xs[0].Shape)-1)}, xs...)
		})
	}
	return map[string]func() nn.Layer{
		"Hsplit": splitAt(1), "Vsplit": splitAt(0), "Dsplit": splitAt(2),
		"Fliplr": flip(1), "Flipud": flip(0),
		"Hstack": stack(1, 1), "Vstack": stack(1, 0), "Dstack": stack(3, 2),
		"Append": node(axisConfig{}, func(a *operands, c axisConfig) *nn.Value {
			x, y := a.pair(0, "x1", "x2")
			if c.Axis == nil {
				flat := op.View{To: nn.Shape{-1}}
				return a.Op(op.Concat{}, a.Op(flat, x), a.Op(flat, y))
			}
			return a.Op(op.Concat{Axis: *c.Axis}, x, y)
		}),
		"ArraySplit": nodes(arraySplit{}, func(a *operands, c arraySplit) (ys []*nn.Value) {
			x := a.x()
			d := axisOf(a.Graph, c.Axis, len(x.Shape))
			n := a.fixedSize(x, d)
			if c.Sections < 1 || c.Sections > maxParts {
				a.Failf("can't cut an axis of %d into %d parts", n, c.Sections)
			}
			from := 0
			for i := range c.Sections {
				to := from + n/c.Sections
				if i < n%c.Sections {
					to++
				}
				ys = append(ys, cut(a.Graph, x, d, from, to))
				from = to
			}
			return ys
		}),
		"Diff": node(diff{1, -1}, func(a *operands, c diff) *nn.Value {
			x := a.tensor(0, "a")
			if c.N < 0 || c.N > 1000 {
				a.Failf("n can't be %d", c.N)
			}
			d := axisOf(a.Graph, c.Axis, len(x.Shape))
			fn := "subtract"
			if x.DType == graph.Bool {
				fn = "not_equal"
			}
			for range c.N {
				x = a.bin(fn, cut(a.Graph, x, d, 1, op.End), cut(a.Graph, x, d, 0, -1))
			}
			return x
		}),
		"Meshgrid": nodes(indexing{"xy"}, func(a *operands, c indexing) (ys []*nn.Value) {
			n := len(a.call.Args)
			if n < 1 || n > 8 || c.Indexing != "xy" && c.Indexing != "ij" {
				a.Failf("can't make a grid of %d axes, indexing %q", n, c.Indexing)
			}
			var to nn.Shape
			for i := range n {
				x := a.Op(op.View{To: nn.Shape{-1}}, a.tensor(i, "x"))
				to, ys = append(to, x.Shape[0]), append(ys, x)
			}
			swap := c.Indexing == "xy" && n > 1
			if swap {
				to[0], to[1] = to[1], to[0]
			}
			var ones *nn.Value // of the whole grid's shape
			for i, x := range ys {
				d := i
				if swap && i < 2 {
					d = 1 - i
				}
				x = regroup(a.Graph, regroup(a.Graph, x, 1, 0, all(n-1-d, 1)...), 0, 0, all(d, 1)...)
				ys[i] = x
				if one := a.Op(op.FillLike{Value: 1, DType: x.DType}, x); ones == nil {
					ones = one
				} else {
					ones = a.bin("multiply", ones, cast(a.Graph, one, ones.DType))
				}
			}
			for i, x := range ys {
				ys[i] = a.bin("multiply", x, cast(a.Graph, ones, x.DType))
			}
			return ys
		}),
		"Full": node(shape{}, func(a *operands, c shape) *nn.Value {
			x := a.tensor(0, "fill_value")
			return a.Op(op.BroadcastTo{To: dims(c.Shape)}, cast(a.Graph, x, a.dtypeOf(c.DType, x.DType)))
		}),
		"UnravelIndex": nodes(unravel{}, func(a *operands, c unravel) []*nn.Value {
			x := a.tensor(0, "indices")
			ys := make([]*nn.Value, len(c.Shape))
			order := slices.Clone(c.Shape)
			if len(x.Shape) == 1 { // of several axes, Keras takes the first dimension for the last
				slices.Reverse(order)
			}
			for i, n := range order {
				if n < 1 {
					a.Failf("shape must be positive, found %v", []int(c.Shape))
				}
				by := a.like(x, float64(n))
				ys[len(ys)-1-i] = a.bin("mod", x, by)
				x = a.bin("floor_divide", x, by)
			}
			return ys
		}),
		"Linspace":  node(spaceConfig{Num: 50, Endpoint: true, Base: 10}, evenly),
		"Logspace":  node(spaceConfig{Num: 50, Endpoint: true, Base: 10}, logspace),
		"Geomspace": node(spaceConfig{Num: 50, Endpoint: true, Base: 10}, geomspace),
	}
}

type spaceConfig struct {
	Num      int     `json:"num"`
	Endpoint bool    `json:"endpoint"`
	Step     bool    `json:"retstep"`
	Base     float64 `json:"base"`
	DType    string  `json:"dtype"`
	Axis     int     `json:"axis"`
}

// space are num numbers from start to stop along a new axis.
func space(a *operands, c spaceConfig, start, stop *nn.Value) *nn.Value {
	if c.Num < 1 || c.Num > maxExtent {
		a.Failf("num can't be %d", c.Num)
	}
	parts := c.Num
	if c.Endpoint {
		parts = max(1, c.Num-1)
	}
	step := a.bin("divide", a.bin("subtract", stop, start), a.like(start, float64(parts)))
	wide := a.bin("add", start, a.Op(op.FillLike{DType: start.DType}, step))
	rank := len(wide.Shape)
	d := axisOf(a.Graph, c.Axis, rank+1)
	count := cast(a.Graph, a.ids(c.Num, func(i int) int { return i }), start.DType)
	count = regroup(a.Graph, count, 1, 0, all(rank-d, 1)...)
	return a.bin("add", regroup(a.Graph, wide, d, 0, 1), a.bin("multiply", count, regroup(a.Graph, step, d, 0, 1)))
}

// ends are the arguments start and stop.
func (a *operands) ends(c spaceConfig) (start, stop *nn.Value, to nn.DType) {
	start, stop = a.floats("start", "stop")
	to = a.dtypeOf(c.DType, start.DType)
	if to.Float() {
		start, stop = cast(a.Graph, start, to), cast(a.Graph, stop, to)
	}
	return start, stop, to
}

// finished is what the numbers of a range become: integers are cut downwards.
func finished(a *operands, y *nn.Value, to nn.DType) *nn.Value {
	if !to.Float() {
		y = a.unary("floor", y)
	}
	return cast(a.Graph, y, to)
}

func evenly(a *operands, c spaceConfig) *nn.Value {
	start, stop, to := a.ends(c)
	if c.Step {
		a.Unsupportedf("retstep", "Keras's own nodes can't return the step")
	}
	return finished(a, space(a, c, start, stop), to)
}

func logspace(a *operands, c spaceConfig) *nn.Value {
	start, stop, to := a.ends(c)
	y := space(a, c, start, stop)
	y = finished(a, y, to)
	return cast(a.Graph, a.bin("power", a.like(y, c.Base), y), to)
}

func geomspace(a *operands, c spaceConfig) *nn.Value {
	start, stop, to := a.ends(c)
	log := func(x *nn.Value) *nn.Value { return a.unary("log10", a.unary("absolute", x)) }
	y := space(a, c, log(start), log(stop))
	y = a.bin("power", a.like(y, 10), y)
	sign := regroup(a.Graph, a.unary("sign", start), axisOf(a.Graph, c.Axis, len(start.Shape)+1), 0, 1)
	return finished(a, a.bin("multiply", y, sign), to)
}

// toEnd moves an axis to the end.
func (a *operands) toEnd(x *nn.Value, axis int) *nn.Value {
	rank := len(x.Shape)
	d := axisOf(a.Graph, axis, rank)
	order := slices.Delete(sequence(rank), d, d+1)
	return transpose(a.Graph, x, append(order, d)...)
}
