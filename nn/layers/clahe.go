package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// ContrastLimitedAdaptiveHistogramEqualization equalizes each channel of each image by the histograms of the tiles around an
// element, in inference too.
//
// Source: keras/src/layers/preprocessing/image_preprocessing/clahe.py
type ContrastLimitedAdaptiveHistogramEqualization struct {
	ImageLayer
	ValueRange   valueRange `json:"value_range"`
	ClipLimit    float64    `json:"clip_limit"` // times the mean of a histogram; 0: none
	TileGridSize Tuple      `json:"tile_grid_size"`
}

// NewContrastLimitedAdaptiveHistogramEqualization makes the layer, for values from 0 to 255, with a limit of 4 and 8 by 8 tiles.
func NewContrastLimitedAdaptiveHistogramEqualization() *ContrastLimitedAdaptiveHistogramEqualization {
	return &ContrastLimitedAdaptiveHistogramEqualization{ImageLayer: imageLayer("ContrastLimitedAdaptiveHistogramEqualization"),
		ValueRange: valueRange{0, 255}, ClipLimit: 4, TileGridSize: Tuple{8, 8}}
}

// Build implements nn.Layer.
func (l *ContrastLimitedAdaptiveHistogramEqualization) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := images(g, c)
	if len(l.ValueRange) != 2 {
		g.Failf("value_range must be two numbers, found %v", []float32(l.ValueRange))
	}
	low, high := l.ValueRange[0], l.ValueRange[1]
	y := rescale(g, cast(g, toLast(g, l.DataFormat, x), graph.Float32), low, high, 0, 255)
	y = g.Op(op.AdaptiveEqualize{Tiles: [2]int(l.TileGridSize.of(g, "tile_grid_size", 2, 1)), Limit: l.ClipLimit}, y)
	return c.Keep(fromLast(g, l.DataFormat, cast(g, rescale(g, y, 0, 255, low, high), x.DType)))
}
