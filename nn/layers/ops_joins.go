package layers

import (
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// cut takes [from, to) of one axis.
//
//go:noinline
func cut(g *nn.Graph, x *nn.Value, axis, from, to int) *nn.Value {
	ranges := slices.Repeat([]op.Range{op.All()}, len(x.Shape))
	ranges[axis] = op.Range{Start: from, Stop: to, Step: 1}
	return g.Op(op.Slice{Ranges: ranges}, x)
}

// joinOps join, cut and repeat.
func joinOps() map[string]func() nn.Layer {
	type axis struct {
		Axis int `json:"axis"`
	}
	type unstack struct {
		Num  *int `json:"num"`
		Axis int  `json:"axis"`
	}
	type splits struct {
		At   any `json:"indices_or_sections"`
		Axis int `json:"axis"`
	}
	type repeats struct {
		Repeats any  `json:"repeats"`
		Axis    *int `json:"axis"`
	}
	type tile struct {
		Repeats Axes `json:"repeats"`
	}
	type shift struct {
		Shift Axes `json:"shift"`
		Axis  Axes `json:"axis"`
	}
	return map[string]func() nn.Layer{
		"Concatenate": node(axis{-1}, func(a *operands, c axis) *nn.Value { return a.Op(op.Concat{Axis: c.Axis}, a.list(0, "xs")...) }),
		"Stack": node(axis{}, func(a *operands, c axis) *nn.Value {
			xs := a.list(0, "x")
			d := axisOf(a.Graph, c.Axis, len(xs[0].Shape)+1)
			for i, x := range xs {
				xs[i] = regroup(a.Graph, x, min(d, len(x.Shape)), 0, 1)
			}
			return a.Op(op.Concat{Axis: d}, xs...)
		}),
		"Unstack": nodes(unstack{}, func(a *operands, c unstack) (ys []*nn.Value) {
			x := a.x()
			d := axisOf(a.Graph, c.Axis, len(x.Shape))
			if x.Shape[d] < 0 {
				a.Failf("axis %d must have a known size, found shape %v", c.Axis, x.Shape)
			}
			if x.Shape[d] > maxParts {
				a.Failf("can't unstack an axis of %d, into more than %d parts", x.Shape[d], maxParts)
			}
			for i := range x.Shape[d] {
				ys = append(ys, regroup(a.Graph, cut(a.Graph, x, d, i, i+1), d, 1))
			}
			return ys
		}),
		"Split": nodes(splits{}, func(a *operands, c splits) (ys []*nn.Value) {
			x := a.x()
			d := axisOf(a.Graph, c.Axis, len(x.Shape))
			from := 0
			for _, to := range splitPoints(a, c.At, x.Shape[d]) {
				ys = append(ys, cut(a.Graph, x, d, from, to))
				from = to
			}
			return append(ys, cut(a.Graph, x, d, from, op.End))
		}),
		"Repeat": node(repeats{}, func(a *operands, c repeats) *nn.Value {
			x, d := a.ravelled(a.x(), c.Axis)
			n, ok := c.Repeats.(float64)
			if !ok || n < 1 || n > maxExtent {
				a.Unsupportedf("repeats", "repeats must be one positive number, found %v", c.Repeats)
			}
			by := all(len(x.Shape), 1)
			by[d] = int(n)
			return a.Op(op.Upsample{By: by}, x)
		}),
		"Tile": node(tile{}, func(a *operands, c tile) *nn.Value {
			x := a.x()
			by := slices.Clone(c.Repeats)
			for len(by) < len(x.Shape) {
				by = append(Axes{1}, by...)
			}
			if more := len(by) - len(x.Shape); more > 0 {
				x = regroup(a.Graph, x, 0, 0, all(more, 1)...)
			}
			for d, n := range by {
				if n < 1 || n > maxExtent {
					a.Failf("repeats must be positive, found %v", []int(c.Repeats))
				}
				if n > 1 { // a new axis of n before d, then both as one
					to := slices.Repeat(nn.Shape{graph.Unknown}, len(x.Shape)+1)
					to[d] = n
					x = a.Op(op.BroadcastTo{To: to}, regroup(a.Graph, x, d, 0, 1))
					x = regroup(a.Graph, x, d, 2, -1)
				}
			}
			return x
		}),
		"Roll": node(shift{}, func(a *operands, c shift) *nn.Value {
			x := a.x()
			if c.Axis == nil {
				if len(c.Shift) != 1 || !x.Shape.Known() {
					a.Failf("shift without axis needs one number and a known shape")
				}
				return a.Op(op.View{To: x.Shape}, roll(a, a.Op(op.View{To: nn.Shape{-1}}, x), 0, c.Shift[0]))
			}
			for i, d := range c.Axis {
				if len(c.Shift) != 1 && len(c.Shift) != len(c.Axis) {
					a.Failf("shift and axis must be as many, found %v and %v", []int(c.Shift), []int(c.Axis))
				}
				x = roll(a, x, axisOf(a.Graph, d, len(x.Shape)), c.Shift[min(i, len(c.Shift)-1)])
			}
			return x
		}),
		"Pad": node(padConfig{Mode: "constant"}, pad),
	}
}

// splitPoints are the inner bounds of the parts that an axis of n elements is cut into.
func splitPoints(a *operands, at any, n int) (points []int) {
	switch at := at.(type) {
	case float64:
		parts := int(at)
		if parts < 1 || parts > maxParts || n < 0 || n%parts != 0 {
			a.Failf("can't cut an axis of %d into %v equal parts", n, at)
		}
		for i := 1; i < parts; i++ {
			points = append(points, i*n/parts)
		}
		return points
	case []any:
		for _, e := range at {
			f, ok := e.(float64)
			if !ok {
				a.Failf("indices_or_sections must hold numbers, found %v", at)
			}
			points = append(points, int(f))
		}
		return points
	}
	a.Failf("indices_or_sections must be a number or a list, found %v", at)
	return nil
}

// maxParts bounds the outputs of one operation.
const maxParts = 1 << 14

func roll(a *operands, x *nn.Value, axis, by int) *nn.Value {
	return a.Op(op.Roll{Axis: axis, By: by}, x)
}

type padConfig struct {
	Width Pairs  `json:"pad_width"`
	Mode  string `json:"mode"`
}

func pad(a *operands, c padConfig) *nn.Value {
	x := a.x()
	by := c.Width
	if len(by) == 1 {
		by = slices.Repeat(by, len(x.Shape))
	}
	for _, p := range by {
		if p[0] < 0 || p[1] < 0 || p[0] > maxExtent || p[1] > maxExtent {
			a.Failf("pad_width must be between 0 and %d, found %v", maxExtent, c.Width)
		}
	}
	switch c.Mode {
	case "constant":
		v := a.arg(1, "constant_values")
		n, ok := nn.NumberOf(v)
		if v == nil || ok && n == 0 {
			return a.Op(op.Pad{By: by}, x)
		}
		if !ok {
			a.Failf("constant_values must be a number")
		}
		inside := a.Op(op.Pad{By: by}, allTrue(a.Graph, x))
		return a.Op(op.Where{}, inside, a.Op(op.Pad{By: by}, x), a.number(n, x.DType))
	case "reflect", "symmetric":
		if len(by) != len(x.Shape) {
			a.Failf("pad_width must have %d pairs, found %d", len(x.Shape), len(by))
		}
		edge := 0 // whether the edge itself isn't repeated
		if c.Mode == "reflect" {
			edge = 1
		}
		for d, p := range by {
			x = mirror(a, x, d, p[0], p[1], edge)
		}
		return x
	}
	a.Unsupportedf("mode", "mode %q isn't known", c.Mode)
	return nil
}

// mirror puts the reflection of what is inside before and behind an axis.
func mirror(a *operands, x *nn.Value, axis, before, after, edge int) *nn.Value {
	n := x.Shape[axis]
	if n >= 0 && max(before, after) > n-edge {
		a.Failf("can't reflect %d and %d elements of an axis of %d", before, after, n)
	}
	parts := []*nn.Value{x}
	if before > 0 {
		parts = append([]*nn.Value{reversed(a.Graph, cut(a.Graph, x, axis, edge, before+edge), []int{axis})}, parts...)
	}
	if after > 0 {
		to := op.End
		if edge > 0 {
			to = -edge
		}
		parts = append(parts, reversed(a.Graph, cut(a.Graph, x, axis, -after-edge, to), []int{axis}))
	}
	if len(parts) == 1 {
		return x
	}
	return a.Op(op.Concat{Axis: axis}, parts...)
}
