package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// Reshape gives all axes but the batch another shape; one dimension may be -1, the rest.
//
// Source: keras/src/layers/reshaping/reshape.py
type Reshape struct {
	nn.Common
	TargetShape nn.Dims `json:"target_shape"`
}

// NewReshape makes a Reshape layer.
func NewReshape(dims ...int) *Reshape {
	l := &Reshape{Common: base("Reshape")}
	for _, d := range dims {
		l.TargetShape = append(l.TargetShape, &d)
	}
	return l
}

// Build implements nn.Layer.
func (l *Reshape) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	to, free := nn.Shape{}, 0
	for _, d := range l.TargetShape {
		n := graph.Unknown
		if d != nil {
			n = *d
		}
		switch {
		case n == graph.Unknown:
			free++
		case n < 0:
			g.Failf("target_shape can't hold %d", n)
		}
		to = append(to, n)
	}
	if free > 1 {
		g.Failf("target_shape can't hold more than one -1")
	}
	return nn.Drop(g.Op(op.View{Lead: 1, To: to}, c.In().Value))
}
