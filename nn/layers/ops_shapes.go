package layers

import (
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

type axesConfig struct {
	Axis Axes `json:"axis"`
}

type axisConfig struct {
	Axis *int `json:"axis"`
}

// shapeOps move elements without changing them.
func shapeOps() map[string]func() nn.Layer {
	type newShape struct {
		Shape nn.Dims `json:"newshape"`
	}
	type toShape struct {
		Shape nn.Dims `json:"shape"`
	}
	type perm struct {
		Axes Axes `json:"axes"`
	}
	type move struct {
		Source      Axes `json:"source"`
		Destination Axes `json:"destination"`
	}
	type swap struct {
		First  int `json:"axis1"`
		Second int `json:"axis2"`
	}
	return map[string]func() nn.Layer{
		"Reshape": node(newShape{}, func(a *operands, c newShape) *nn.Value {
			to := dims(c.Shape)
			if unknown(to) > 1 {
				a.Failf("newshape can't hold more than one -1, found %v", to)
			}
			return a.Op(op.View{To: to}, a.x())
		}),
		"Ravel": plain(func(a *operands) *nn.Value { return a.Op(op.View{To: nn.Shape{-1}}, a.x()) }),
		"BroadcastTo": node(toShape{}, func(a *operands, c toShape) *nn.Value {
			return a.Op(op.BroadcastTo{To: dims(c.Shape)}, a.x())
		}),
		"Transpose": node(perm{}, func(a *operands, c perm) *nn.Value {
			x := a.x()
			order := make([]int, len(x.Shape))
			for i := range order {
				order[i] = len(order) - 1 - i
			}
			if c.Axes != nil {
				if len(c.Axes) != len(order) {
					a.Failf("axes %v don't fit an input of shape %v", []int(c.Axes), x.Shape)
				}
				for i, d := range c.Axes {
					order[i] = axisOf(a.Graph, d, len(order))
				}
			}
			return a.Op(op.Transpose{Perm: order}, x)
		}),
		"Moveaxis": node(move{}, func(a *operands, c move) *nn.Value { return moveAxes(a, c.Source, c.Destination) }),
		"Swapaxes": node(swap{}, func(a *operands, c swap) *nn.Value {
			x := a.x()
			rank := len(x.Shape)
			order := sequence(rank)
			i, j := axisOf(a.Graph, c.First, rank), axisOf(a.Graph, c.Second, rank)
			order[i], order[j] = order[j], order[i]
			return transpose(a.Graph, x, order...)
		}),
		"Squeeze": node(axesConfig{}, func(a *operands, c axesConfig) *nn.Value {
			x := a.x()
			for _, d := range slices.Backward(c.Axis.of(a.Graph, len(x.Shape))) {
				if c.Axis != nil || x.Shape[d] == 1 {
					x = regroup(a.Graph, x, d, 1)
				}
			}
			return x
		}),
		"ExpandDims": node(axesConfig{}, func(a *operands, c axesConfig) *nn.Value {
			x := a.x()
			for _, d := range c.Axis.of(a.Graph, len(x.Shape)+len(c.Axis)) {
				x = regroup(a.Graph, x, d, 0, 1)
			}
			return x
		}),
		"Flip": node(axesConfig{}, func(a *operands, c axesConfig) *nn.Value {
			x := a.x()
			return reversed(a.Graph, x, c.Axis.of(a.Graph, len(x.Shape)))
		}),
		"DepthToSpace": node(blockConfig{DataFormat: "channels_last"}, func(a *operands, c blockConfig) *nn.Value {
			x, n := toLast(a.Graph, c.DataFormat, a.x()), c.Size
			checkRank(a.Graph, x, 2)
			x = regroup(a.Graph, x, 3, 1, n, n, -1)
			x = transpose(a.Graph, x, 0, 1, 3, 2, 4, 5)
			return fromLast(a.Graph, c.DataFormat, regroup(a.Graph, regroup(a.Graph, x, 3, 2, -1), 1, 2, -1))
		}),
		"SpaceToDepth": node(blockConfig{DataFormat: "channels_last"}, func(a *operands, c blockConfig) *nn.Value {
			x, n := toLast(a.Graph, c.DataFormat, a.x()), c.Size
			checkRank(a.Graph, x, 2)
			x = regroup(a.Graph, regroup(a.Graph, x, 2, 1, -1, n), 1, 1, -1, n)
			x = transpose(a.Graph, x, 0, 1, 3, 2, 4, 5)
			return fromLast(a.Graph, c.DataFormat, regroup(a.Graph, x, 3, 3, -1))
		}),
	}
}

type blockConfig struct {
	Size       int    `json:"block_size"`
	DataFormat string `json:"data_format"`
}

// dims reads a shape in a config; null and -1 are unknown.
func dims(d nn.Dims) (s nn.Shape) {
	s = nn.Shape{}
	for _, n := range d {
		if n == nil || *n < 0 {
			s = append(s, graph.Unknown)
		} else {
			s = append(s, *n)
		}
	}
	return s
}

func unknown(s nn.Shape) (n int) {
	for _, d := range s {
		if d < 0 {
			n++
		}
	}
	return n
}

func sequence(n int) []int {
	s := make([]int, n)
	for i := range s {
		s[i] = i
	}
	return s
}

func moveAxes(a *operands, from, to Axes) *nn.Value {
	x := a.x()
	rank := len(x.Shape)
	if len(from) != len(to) {
		a.Failf("source and destination must be as many, found %v and %v", []int(from), []int(to))
	}
	order := slices.Repeat([]int{-1}, rank)
	used := make([]bool, rank)
	for i := range from {
		f, t := axisOf(a.Graph, from[i], rank), axisOf(a.Graph, to[i], rank)
		if used[f] || order[t] >= 0 {
			a.Failf("source and destination can't hold an axis twice, found %v and %v", []int(from), []int(to))
		}
		order[t], used[f] = f, true
	}
	next := 0
	for i, d := range order {
		if d >= 0 {
			continue
		}
		for used[next] {
			next++
		}
		order[i], used[next] = next, true
	}
	return transpose(a.Graph, x, order...)
}

// reversed turns axes around.
func reversed(g *nn.Graph, x *nn.Value, axes []int) *nn.Value {
	ranges := slices.Repeat([]op.Range{op.All()}, len(x.Shape))
	for _, d := range axes {
		ranges[d] = op.Range{Start: op.End, Stop: -op.End, Step: -1}
	}
	return g.Op(op.Slice{Ranges: ranges}, x)
}
