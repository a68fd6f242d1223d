package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// AutoContrast stretches each image's values over the whole of ValueRange, in inference too: for each channel by itself, or, as
// Keras takes the same two axes for any data_format, with channels first for each column.
//
// Source: keras/src/layers/preprocessing/image_preprocessing/auto_contrast.py
type AutoContrast struct {
	ImageLayer
	ValueRange valueRange `json:"value_range"`
}

// NewAutoContrast makes an AutoContrast layer, for values from 0 to 255.
func NewAutoContrast() *AutoContrast {
	return &AutoContrast{imageLayer("AutoContrast"), valueRange{0, 255}}
}

// Build implements nn.Layer.
func (l *AutoContrast) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	original := float(g, images(g, c))
	low, high := l.ValueRange.of(g)
	x := rescale(g, original, low, high, 0, 255)
	least := g.Op(op.Reduce{Fn: "min", Axes: []int{1, 2}, Keep: true}, x)
	most := g.Op(op.Reduce{Fn: "max", Axes: []int{1, 2}, Keep: true}, x)
	scale := binary(g, "divide", g.ScalarOf(255, x.DType), binary(g, "subtract", most, least))
	offset := binary(g, "multiply", g.Op(op.Unary{Fn: "negative"}, least), scale)
	y := binary(g, "add", binary(g, "multiply", x, scale), offset)
	y = rescale(g, g.Op(op.Unary{Fn: "clip", Args: [3]float32{0, 255}}, y), 0, 255, low, high)
	flat := g.Op(op.Binary{Fn: "not_equal"}, y, y) // NaN: all values were the same
	return c.Keep(g.Op(op.Where{}, flat, original, y))
}

// rescale takes values from one range to another.
//
// Source: keras/src/layers/preprocessing/image_preprocessing/base_image_preprocessing_layer.py, _transform_value_range
func rescale(g *nn.Graph, x *nn.Value, low, high, newLow, newHigh float32) *nn.Value {
	if low == newLow && high == newHigh {
		return x
	}
	number := func(v float32) *nn.Value { return g.ScalarOf(float64(v), x.DType) }
	x = binary(g, "divide", binary(g, "subtract", x, number(low)), number(high-low))
	return g.Op(op.Unary{Fn: "scale_offset", Args: [3]float32{newHigh - newLow, newLow}}, x)
}
