package layers

import (
	"math"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// Resizing makes images of another size. Integers stay integers: what was interpolated is rounded.
//
// Source: keras/src/layers/preprocessing/image_preprocessing/resizing.py
type Resizing struct {
	ImageLayer
	Height            int     `json:"height"`
	Width             int     `json:"width"`
	Interpolation     string  `json:"interpolation"` // nearest, bilinear, bicubic, lanczos3, lanczos5, area
	CropToAspectRatio bool    `json:"crop_to_aspect_ratio"`
	PadToAspectRatio  bool    `json:"pad_to_aspect_ratio"`
	FillMode          string  `json:"fill_mode"`
	FillValue         float32 `json:"fill_value"`
	Antialias         bool    `json:"antialias"`
}

// NewResizing makes a Resizing layer, bilinear.
func NewResizing(height, width int) *Resizing {
	return &Resizing{ImageLayer: imageLayer("Resizing"), Height: height, Width: width, Interpolation: "bilinear", FillMode: "constant"}
}

// Build implements nn.Layer.
func (l *Resizing) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := images(g, c)
	size := Tuple{l.Height, l.Width}.of(g, "height and width", 2, 1)
	o := op.Resample{To: [2]int(size), Method: l.Interpolation, Antialias: l.Antialias, Fill: l.FillValue}
	switch {
	case l.FillMode != "constant":
		g.Unsupportedf("fill_mode", "fill mode %q; Keras resizes with constant alone", l.FillMode)
	case l.CropToAspectRatio && l.PadToAspectRatio:
		g.Failf("crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other")
	case l.CropToAspectRatio:
		o.Aspect = "crop"
	case l.PadToAspectRatio:
		o.Aspect = "pad"
	}
	if g.Keras2 {
		x = float(g, x)
	}
	return c.Keep(fromLast(g, l.DataFormat, resample(g, o, toLast(g, l.DataFormat, x))))
}

// resample resizes images, channels last, in their own dtype.
func resample(g *nn.Graph, o op.Resample, x *nn.Value) *nn.Value {
	if x.DType.Float() || o.Method == "nearest" {
		return g.Op(o, x)
	}
	y := g.Op(op.Unary{Fn: "round"}, g.Op(o, cast(g, x, graph.Float32)))
	low, high := limits(x.DType)
	return cast(g, g.Op(op.Unary{Fn: "clip", Args: [3]float32{low, high}}, y), x.DType)
}

// limits are the lowest and the highest value of an integer type that a float32 can be cut to.
//
// Source: keras/src/ops/core.py, _saturate_cast
func limits(d nn.DType) (low, high float32) {
	under := math.Nextafter32
	switch d {
	case graph.Int8:
		return math.MinInt8, math.MaxInt8
	case graph.Uint8:
		return 0, math.MaxUint8
	case graph.Int16:
		return math.MinInt16, math.MaxInt16
	case graph.Uint16:
		return 0, math.MaxUint16
	case graph.Int32:
		return math.MinInt32, under(1<<31, 0)
	case graph.Uint32:
		return 0, under(1<<32, 0)
	case graph.Bool:
		return 0, 1
	}
	return math.MinInt64, under(1<<63, 0)
}

// RandomSize is Keras 2's RandomHeight and RandomWidth: in training, images of another height or width, which Keras 3 no longer
// knows. In inference they pass.
//
// Source: tf_keras/src/layers/preprocessing/image_preprocessing.py
type RandomSize struct {
	nn.Common
	Factor        Factor `json:"factor"`
	Interpolation string `json:"interpolation"`
}

func newRandomSize(class string) *RandomSize {
	return &RandomSize{base(class), Factor{0}, "bilinear"}
}

// Build implements nn.Layer.
func (l *RandomSize) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := images(g, c)
	if g.Training {
		g.Unsupportedf("", "it can't be trained with: images of a size that is drawn have no shape")
	}
	return c.Keep(x)
}
