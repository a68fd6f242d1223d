package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// ZeroPadding is ZeroPadding1D, 2D, 3D: zeros before and after each spatial axis.
//
// Source: keras/src/layers/reshaping/zero_padding2d.py
type ZeroPadding struct {
	nn.Common
	Padding    Pairs  `json:"padding"`
	DataFormat string `json:"data_format"`

	rank int
}

func newZeroPadding(class string, by ...[2]int) *ZeroPadding {
	return &ZeroPadding{Common: base(class), Padding: by, DataFormat: "channels_last", rank: len(by)}
}

// NewZeroPadding2D makes a ZeroPadding2D layer that adds {top, bottom} and {left, right}.
func NewZeroPadding2D(height, width [2]int) *ZeroPadding {
	return newZeroPadding("ZeroPadding2D", height, width)
}

// NewZeroPadding3D makes a ZeroPadding3D layer.
func NewZeroPadding3D(a, b, c [2]int) *ZeroPadding { return newZeroPadding("ZeroPadding3D", a, b, c) }

// Build implements nn.Layer.
func (l *ZeroPadding) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In().Value
	checkRank(g, x, l.rank)
	by := l.Padding.of(g, "padding", l.rank)
	return nn.Drop(g.Op(op.Pad{By: alongSpatial(g, l.DataFormat, by, [2]int{})}, x))
}

// ZeroPadding1D puts Padding[0] zeros before and Padding[1] after the time axis. Its config says so flatly, unlike that
// of its siblings.
type ZeroPadding1D struct {
	nn.Common
	Padding    Tuple  `json:"padding"`
	DataFormat string `json:"data_format"`
}

// NewZeroPadding1D makes a ZeroPadding1D layer.
func NewZeroPadding1D(before, after int) *ZeroPadding1D {
	return &ZeroPadding1D{Common: base("ZeroPadding1D"), Padding: Tuple{before, after}, DataFormat: "channels_last"}
}

// Build implements nn.Layer.
func (l *ZeroPadding1D) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In().Value
	checkRank(g, x, 1)
	p := l.Padding.of(g, "padding", 2, 0)
	return nn.Drop(g.Op(op.Pad{By: alongSpatial(g, l.DataFormat, [][2]int{{p[0], p[1]}}, [2]int{})}, x))
}
