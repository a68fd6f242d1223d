package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// GlobalPooling is GlobalMaxPooling1D, 2D, 3D and GlobalAveragePooling1D, 2D, 3D: the maximum or the mean of each channel
// over all spatial axes. GlobalAveragePooling1D leaves out the steps that are masked.
//
// Source: keras/src/layers/pooling/base_global_pooling.py
type GlobalPooling struct {
	nn.Common
	DataFormat string `json:"data_format"`
	KeepDims   bool   `json:"keepdims"`

	rank int
	max  bool
}

func newGlobalPooling(class string, rank int, max bool) *GlobalPooling {
	return &GlobalPooling{Common: base(class), DataFormat: "channels_last", rank: rank, max: max}
}

// NewGlobalMaxPooling1D makes a GlobalMaxPooling1D layer.
func NewGlobalMaxPooling1D() *GlobalPooling { return newGlobalPooling("GlobalMaxPooling1D", 1, true) }

// NewGlobalMaxPooling2D makes a GlobalMaxPooling2D layer.
func NewGlobalMaxPooling2D() *GlobalPooling { return newGlobalPooling("GlobalMaxPooling2D", 2, true) }

// NewGlobalMaxPooling3D makes a GlobalMaxPooling3D layer.
func NewGlobalMaxPooling3D() *GlobalPooling { return newGlobalPooling("GlobalMaxPooling3D", 3, true) }

// NewGlobalAveragePooling1D makes a GlobalAveragePooling1D layer.
func NewGlobalAveragePooling1D() *GlobalPooling {
	return newGlobalPooling("GlobalAveragePooling1D", 1, false)
}

// NewGlobalAveragePooling2D makes a GlobalAveragePooling2D layer.
func NewGlobalAveragePooling2D() *GlobalPooling {
	return newGlobalPooling("GlobalAveragePooling2D", 2, false)
}

// NewGlobalAveragePooling3D makes a GlobalAveragePooling3D layer.
func NewGlobalAveragePooling3D() *GlobalPooling {
	return newGlobalPooling("GlobalAveragePooling3D", 3, false)
}

// Build implements nn.Layer.
func (l *GlobalPooling) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In()
	checkRank(g, x.Value, l.rank)
	o := op.GlobalPool{Max: l.max, ChannelsFirst: channelsFirst(g, l.DataFormat), KeepDims: l.KeepDims}
	if l.max && !x.DType.Float() {
		return nn.Drop(l.reduced(g, x.Value))
	}
	if l.max {
		return nn.Drop(g.Op(o, x.Value))
	}
	if l.rank > 1 {
		return nn.Drop(g.Op(o, float(g, x.Value)))
	}
	return nn.Drop(g.Op(o, float(g, x.Value), x.Mask))
}

// reduced is the maximum of integers, which keep their dtype.
func (l *GlobalPooling) reduced(g *nn.Graph, x *nn.Value) *nn.Value {
	first := 1
	if channelsFirst(g, l.DataFormat) {
		first = 2
	}
	var axes []int
	for a := range l.rank {
		axes = append(axes, first+a)
	}
	return g.Op(op.Reduce{Fn: "max", Axes: axes, Keep: l.KeepDims}, x)
}
