package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// Dot multiplies two inputs, row by row of the batch, and sums over one axis of each; Normalize gives that axis Euclidean
// length one first.
//
// Source: keras/src/layers/merging/dot.py
type Dot struct {
	nn.Common
	Axes      Axes `json:"axes"`
	Normalize bool `json:"normalize"`
}

// NewDot makes a Dot layer over one axis of each input.
func NewDot(first, second int) *Dot { return &Dot{Common: base("Dot"), Axes: Axes{first, second}} }

// TakesList implements nn.Merger.
func (*Dot) TakesList() {}

// Build implements nn.Layer.
func (l *Dot) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	ins := c.Ins()
	if len(ins) != 2 {
		g.Failf("needs two inputs, found %d", len(ins))
	}
	x, y := ins[0].Value, ins[1].Value
	if len(x.Shape) < 2 || len(y.Shape) < 2 {
		g.Failf("needs inputs of two dimensions or more, found shapes %v and %v", x.Shape, y.Shape)
	}
	axes := l.Axes
	switch len(axes) {
	case 1:
		axes = Axes{axes[0], axes[0]}
	case 2:
	default:
		g.Failf("axes must be one number or two, found %v", l.Axes)
	}
	a, b := axisOf(g, axes[0], len(x.Shape)), axisOf(g, axes[1], len(y.Shape))
	if a == 0 || b == 0 {
		g.Failf("can't sum over the batch")
	}
	if l.Normalize {
		x = g.Op(op.Normalize{Kind: op.UnitNorm, Axes: []int{a}, Eps: 1e-7}, x, nil, nil)
		y = g.Op(op.Normalize{Kind: op.UnitNorm, Axes: []int{b}, Eps: 1e-7}, y, nil, nil)
	}
	return nn.Drop(batchDot(g, x, y, a, b))
}

// batchDot is Keras's batch_dot: sums of products over axis a of x and axis b of y, for each row of the batch.
func batchDot(g *nn.Graph, x, y *nn.Value, a, b int) *nn.Value {
	flatX, flatY := len(x.Shape) == 2, len(y.Shape) == 2
	if flatX {
		x, a = regroup(g, x, 1, 0, 1), 2
	}
	if flatY {
		y = regroup(g, y, 2, 0, 1)
	}
	o := op.MatMul{TransA: a == 1 && len(x.Shape) == 3, TransB: b == 2 && len(y.Shape) == 3}
	if !o.TransA {
		x = moveAxis(g, x, a, len(x.Shape)-1)
	}
	if !o.TransB {
		y = moveAxis(g, y, b, 1)
	}
	restX, restY := x.Shape[1:len(x.Shape)-1], y.Shape[2:]
	if len(restX) > 1 {
		x = regroup(g, x, 1, len(restX), -1)
	}
	if len(restY) > 1 {
		y = regroup(g, y, 2, len(restY), -1)
	}
	z := g.Op(o, x, y)
	if len(restY) > 1 {
		z = split(g, z, 2, restY)
	}
	if len(restX) > 1 {
		z = split(g, z, 1, restX)
	}
	switch {
	case flatX:
		return regroup(g, z, 1, 1)
	case flatY:
		return regroup(g, z, len(z.Shape)-1, 1)
	}
	return z
}

// moveAxis moves one axis; the others keep their order.
func moveAxis(g *nn.Graph, x *nn.Value, from, to int) *nn.Value {
	var perm []int
	for d := range x.Shape {
		if d != from {
			perm = append(perm, d)
		}
	}
	perm = append(perm[:to], append([]int{from}, perm[to:]...)...)
	return transpose(g, x, perm...)
}
