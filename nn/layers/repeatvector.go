package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// RepeatVector repeats its input: [batch, features] to [batch, N, features].
//
// Source: keras/src/layers/reshaping/repeat_vector.py
type RepeatVector struct {
	nn.Common
	N int `json:"n"`
}

// NewRepeatVector makes a RepeatVector layer.
func NewRepeatVector(n int) *RepeatVector { return &RepeatVector{base("RepeatVector"), n} }

// Build implements nn.Layer.
func (l *RepeatVector) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In().Value
	if len(x.Shape) != 2 || l.N < 0 {
		g.Failf("needs [batch, features] and n of 0 or more, found %v and %d", x.Shape, l.N)
	}
	row := g.Op(op.View{Lead: 1, To: nn.Shape{1, -1}}, x)
	zeros := cast(g, g.Op(op.Fill{Dims: nn.Shape{l.N, x.Shape[1]}}, x), x.DType)
	return nn.Drop(g.Op(op.Binary{Fn: "add"}, zeros, row))
}
