package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// Pooling is MaxPooling1D, 2D, 3D and AveragePooling1D, 2D, 3D: the maximum or the mean of each channel under a window.
//
// Source: keras/src/layers/pooling/base_pooling.py
type Pooling struct {
	nn.Common
	PoolSize   Tuple  `json:"pool_size"`
	Strides    Tuple  `json:"strides"` // nil: PoolSize
	Padding    string `json:"padding"`
	DataFormat string `json:"data_format"`

	rank int
	max  bool
}

func newPooling(class string, rank, size int, max bool) *Pooling {
	return &Pooling{Common: base(class), PoolSize: all(rank, size), Strides: all(rank, size), Padding: "valid",
		DataFormat: "channels_last", rank: rank, max: max}
}

// NewMaxPooling1D makes a MaxPooling1D layer.
func NewMaxPooling1D(size int) *Pooling { return newPooling("MaxPooling1D", 1, size, true) }

// NewMaxPooling2D makes a MaxPooling2D layer with a square window.
func NewMaxPooling2D(size int) *Pooling { return newPooling("MaxPooling2D", 2, size, true) }

// NewMaxPooling3D makes a MaxPooling3D layer with a cubic window.
func NewMaxPooling3D(size int) *Pooling { return newPooling("MaxPooling3D", 3, size, true) }

// NewAveragePooling1D makes an AveragePooling1D layer.
func NewAveragePooling1D(size int) *Pooling { return newPooling("AveragePooling1D", 1, size, false) }

// NewAveragePooling2D makes an AveragePooling2D layer with a square window.
func NewAveragePooling2D(size int) *Pooling { return newPooling("AveragePooling2D", 2, size, false) }

// NewAveragePooling3D makes an AveragePooling3D layer with a cubic window.
func NewAveragePooling3D(size int) *Pooling { return newPooling("AveragePooling3D", 3, size, false) }

// Build implements nn.Layer.
func (l *Pooling) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In().Value
	checkRank(g, x, l.rank)
	w := op.Window{Size: l.PoolSize.of(g, "pool_size", l.rank, 1), Same: padding(g, l.Padding)}
	w.Strides = w.Size
	if l.Strides != nil {
		w.Strides = l.Strides.of(g, "strides", l.rank, 1)
	}
	y := g.Op(op.Pool{Window: w, Max: l.max}, toLast(g, l.DataFormat, x))
	return nn.Drop(fromLast(g, l.DataFormat, y))
}
