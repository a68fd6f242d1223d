package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// AdaptivePooling is AdaptiveAveragePooling1D, 2D, 3D and AdaptiveMaxPooling1D, 2D, 3D: windows are chosen such that the
// output has OutputSize.
//
// Source: keras/src/layers/pooling/base_adaptive_pooling.py
type AdaptivePooling struct {
	nn.Common
	OutputSize Tuple  `json:"output_size"`
	DataFormat string `json:"data_format"`

	rank int
	max  bool
}

func newAdaptivePooling(class string, rank, size int, max bool) *AdaptivePooling {
	return &AdaptivePooling{Common: base(class), OutputSize: all(rank, size), DataFormat: "channels_last", rank: rank, max: max}
}

// NewAdaptiveAveragePooling1D makes an AdaptiveAveragePooling1D layer.
func NewAdaptiveAveragePooling1D(size int) *AdaptivePooling {
	return newAdaptivePooling("AdaptiveAveragePooling1D", 1, size, false)
}

// NewAdaptiveAveragePooling2D makes an AdaptiveAveragePooling2D layer with a square output.
func NewAdaptiveAveragePooling2D(size int) *AdaptivePooling {
	return newAdaptivePooling("AdaptiveAveragePooling2D", 2, size, false)
}

// NewAdaptiveAveragePooling3D makes an AdaptiveAveragePooling3D layer with a cubic output.
func NewAdaptiveAveragePooling3D(size int) *AdaptivePooling {
	return newAdaptivePooling("AdaptiveAveragePooling3D", 3, size, false)
}

// NewAdaptiveMaxPooling1D makes an AdaptiveMaxPooling1D layer.
func NewAdaptiveMaxPooling1D(size int) *AdaptivePooling {
	return newAdaptivePooling("AdaptiveMaxPooling1D", 1, size, true)
}

// NewAdaptiveMaxPooling2D makes an AdaptiveMaxPooling2D layer with a square output.
func NewAdaptiveMaxPooling2D(size int) *AdaptivePooling {
	return newAdaptivePooling("AdaptiveMaxPooling2D", 2, size, true)
}

// NewAdaptiveMaxPooling3D makes an AdaptiveMaxPooling3D layer with a cubic output.
func NewAdaptiveMaxPooling3D(size int) *AdaptivePooling {
	return newAdaptivePooling("AdaptiveMaxPooling3D", 3, size, true)
}

// Build implements nn.Layer.
func (l *AdaptivePooling) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In().Value
	checkRank(g, x, l.rank)
	y := toLast(g, l.DataFormat, x)
	for i, n := range l.OutputSize.of(g, "output_size", l.rank, 1) {
		y = g.Op(op.AdaptivePool{Axis: i + 1, To: n, Max: l.max}, y)
	}
	return nn.Drop(fromLast(g, l.DataFormat, y))
}
