package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// Cropping is Cropping2D and 3D: it takes elements away before and after each spatial axis.
//
// Source: keras/src/layers/reshaping/cropping2d.py
type Cropping struct {
	nn.Common
	Cropping   Pairs  `json:"cropping"`
	DataFormat string `json:"data_format"`

	rank int
}

func newCropping(class string, by ...[2]int) *Cropping {
	return &Cropping{Common: base(class), Cropping: by, DataFormat: "channels_last", rank: len(by)}
}

// NewCropping2D makes a Cropping2D layer that takes {top, bottom} and {left, right} away.
func NewCropping2D(height, width [2]int) *Cropping {
	return newCropping("Cropping2D", height, width)
}

// NewCropping3D makes a Cropping3D layer.
func NewCropping3D(a, b, c [2]int) *Cropping { return newCropping("Cropping3D", a, b, c) }

// Build implements nn.Layer.
func (l *Cropping) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In().Value
	checkRank(g, x, l.rank)
	return nn.Drop(g.Op(op.Pad{By: alongSpatial(g, l.DataFormat, negated(l.Cropping.of(g, "cropping", l.rank)), [2]int{})}, x))
}

func negated(by Pairs) (minus Pairs) {
	for _, b := range by {
		minus = append(minus, [2]int{-b[0], -b[1]})
	}
	return minus
}

// Cropping1D takes Cropping[0] steps away before and Cropping[1] after the time axis.
//
// Source: keras/src/layers/reshaping/cropping1d.py
type Cropping1D struct {
	nn.Common
	Cropping Tuple `json:"cropping"`
}

// NewCropping1D makes a Cropping1D layer.
func NewCropping1D(before, after int) *Cropping1D {
	return &Cropping1D{Common: base("Cropping1D"), Cropping: Tuple{before, after}}
}

// Build implements nn.Layer.
func (l *Cropping1D) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In().Value
	checkRank(g, x, 1)
	by := l.Cropping.of(g, "cropping", 2, 0)
	return nn.Drop(g.Op(op.Pad{By: [][2]int{{}, {-by[0], -by[1]}, {}}}, x))
}
