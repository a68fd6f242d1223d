package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// RandomContrast draws each image's values towards the mean of its channel, or away from it, while training.
//
// Source: keras/src/layers/preprocessing/image_preprocessing/random_contrast.py
type RandomContrast struct {
	ImageLayer
	Factor     Factor     `json:"factor"` // {a, b}: from 1-a to 1+b; one number is {0, b}, in a file of Keras 2 {b, b}
	ValueRange valueRange `json:"value_range"`
}

// NewRandomContrast makes a RandomContrast layer, for values from 0 to 255, of contrasts from 1-lower to 1+upper.
func NewRandomContrast(lower, upper float32) *RandomContrast {
	return &RandomContrast{imageLayer("RandomContrast"), Factor{lower, upper}, valueRange{0, 255}}
}

// Build implements nn.Layer.
func (l *RandomContrast) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := images(g, c)
	if !g.Training {
		if g.Keras2 {
			x = float(g, x)
		}
		return c.Keep(x)
	}
	x = float(g, x)
	low, high := l.Factor.of(g, "factor", 0)
	return c.Keep(l.adjust(g, x, uniform(g, x, false, [2]float32{1 - low, 1 + high})))
}

// adjust changes the contrast of each image by its factor, [batch, 1].
func (l *RandomContrast) adjust(g *nn.Graph, x, factor *nn.Value) *nn.Value {
	low, high := l.ValueRange.of(g)
	height, width := 1, 2
	if channelsFirst(g, l.DataFormat) {
		height, width = 2, 3
	}
	mean := g.Op(op.Reduce{Fn: "mean", Axes: []int{width}, Keep: true}, g.Op(op.Reduce{Fn: "mean", Axes: []int{height}, Keep: true}, x))
	y := binary(g, "add", binary(g, "multiply", binary(g, "subtract", x, mean), cast(g, eachImage(g, factor), x.DType)), mean)
	return g.Op(op.Unary{Fn: "clip", Args: [3]float32{low, high}}, y)
}

// RandomBrightness adds its own number to each image's values while training.
//
// Source: keras/src/layers/preprocessing/image_preprocessing/random_brightness.py
type RandomBrightness struct {
	ImageLayer
	Factor     Factor     `json:"factor"` // parts of ValueRange
	ValueRange valueRange `json:"value_range"`
}

// NewRandomBrightness makes a RandomBrightness layer, for values from 0 to 255, of up to factor of them either way.
func NewRandomBrightness(factor float32) *RandomBrightness {
	return &RandomBrightness{imageLayer("RandomBrightness"), Factor{factor}, valueRange{0, 255}}
}

// Build implements nn.Layer.
func (l *RandomBrightness) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := images(g, c)
	if g.Keras2 {
		x = float(g, x)
	}
	if !g.Training {
		return c.Keep(x)
	}
	low, high := l.Factor.of(g, "factor", -1)
	return c.Keep(l.adjust(g, x, uniform(g, x, false, [2]float32{low, high})))
}

// adjust adds to each image its part of the values' range, [batch, 1], as a number of the image's dtype.
func (l *RandomBrightness) adjust(g *nn.Graph, x, part *nn.Value) *nn.Value {
	low, high := l.ValueRange.of(g)
	delta := cast(g, binary(g, "multiply", eachImage(g, part), g.Scalar(high-low)), x.DType)
	return g.Op(op.Unary{Fn: "clip", Args: [3]float32{low, high}}, binary(g, "add", x, delta))
}
