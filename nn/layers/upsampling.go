package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// UpSampling3D repeats the elements of each spatial axis.
//
// Source: keras/src/layers/reshaping/up_sampling3d.py
type UpSampling3D struct {
	nn.Common
	Size       Tuple  `json:"size"`
	DataFormat string `json:"data_format"`
}

// NewUpSampling3D makes an UpSampling3D layer.
func NewUpSampling3D(a, b, c int) *UpSampling3D {
	return &UpSampling3D{Common: base("UpSampling3D"), Size: Tuple{a, b, c}, DataFormat: "channels_last"}
}

// Build implements nn.Layer.
func (l *UpSampling3D) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In().Value
	checkRank(g, x, 3)
	by := l.Size.of(g, "size", 3, 1)
	return nn.Drop(g.Op(op.Upsample{By: alongSpatial(g, l.DataFormat, by, 1)}, x))
}

// UpSampling1D repeats each time step.
//
// Source: keras/src/layers/reshaping/up_sampling1d.py
type UpSampling1D struct {
	nn.Common
	Size int `json:"size"`
}

// NewUpSampling1D makes an UpSampling1D layer.
func NewUpSampling1D(size int) *UpSampling1D {
	return &UpSampling1D{Common: base("UpSampling1D"), Size: size}
}

// Build implements nn.Layer.
func (l *UpSampling1D) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In().Value
	checkRank(g, x, 1)
	by := Tuple{l.Size}.of(g, "size", 1, 1)
	return nn.Drop(g.Op(op.Upsample{By: []int{1, by[0], 1}}, x))
}

// UpSampling2D enlarges images by whole factors: by repeating rows and columns, or by interpolation.
//
// Source: keras/src/layers/reshaping/up_sampling2d.py
type UpSampling2D struct {
	nn.Common
	Size          Tuple  `json:"size"`
	DataFormat    string `json:"data_format"`
	Interpolation string `json:"interpolation"` // nearest, bilinear, bicubic, lanczos3, lanczos5
}

// NewUpSampling2D makes an UpSampling2D layer.
func NewUpSampling2D(height, width int, interpolation string) *UpSampling2D {
	return &UpSampling2D{Common: base("UpSampling2D"), Size: Tuple{height, width}, DataFormat: "channels_last",
		Interpolation: interpolation}
}

// Build implements nn.Layer.
func (l *UpSampling2D) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In().Value
	checkRank(g, x, 2)
	by := l.Size.of(g, "size", 2, 1)
	if l.Interpolation == "nearest" {
		return nn.Drop(g.Op(op.Upsample{By: alongSpatial(g, l.DataFormat, by, 1)}, x))
	}
	y := g.Op(op.Resize{By: [2]int(by), Method: l.Interpolation}, toLast(g, l.DataFormat, x))
	return nn.Drop(fromLast(g, l.DataFormat, y))
}
