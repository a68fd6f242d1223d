package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// imageOps slide windows over images and resize them.
func imageOps() map[string]func() nn.Layer {
	type pool struct {
		PoolSize   Tuple  `json:"pool_size"`
		Strides    Tuple  `json:"strides"`
		Padding    string `json:"padding"`
		DataFormat string `json:"data_format"`
	}
	window := func(max bool) func() nn.Layer {
		return node(pool{Padding: "valid"}, func(a *operands, c pool) *nn.Value {
			x := a.tensor(0, "inputs")
			if len(x.Shape) < 3 {
				a.Failf("needs an input of three dimensions or more, found %v", x.Shape)
			}
			l := &Pooling{PoolSize: c.PoolSize, Strides: c.Strides, Padding: c.Padding, DataFormat: c.DataFormat, rank: len(x.Shape) - 2, max: max}
			return l.Build(a.Graph, nn.Wires(nn.Wire{Value: x}))[0].Value
		})
	}
	return map[string]func() nn.Layer{
		"MaxPool":     window(true),
		"AveragePool": window(false),
		"Resize":      node(resizeConfig{Interpolation: "bilinear"}, resize),
	}
}

type resizeConfig struct {
	Size          Tuple   `json:"size"`
	Interpolation string  `json:"interpolation"`
	Antialias     bool    `json:"antialias"`
	Crop          bool    `json:"crop_to_aspect_ratio"`
	Pad           bool    `json:"pad_to_aspect_ratio"`
	FillMode      string  `json:"fill_mode"`
	FillValue     float32 `json:"fill_value"` // of padding
	DataFormat    string  `json:"data_format"`
}

// resize is tf.image.resize: of one image, or of a batch of them.
func resize(a *operands, c resizeConfig) *nn.Value {
	size := c.Size.of(a.Graph, "size", 2, 1)
	o := op.Resample{To: [2]int(size), Method: c.Interpolation, Antialias: c.Antialias, Fill: c.FillValue}
	switch {
	case c.FillMode != "" && c.FillMode != "constant":
		a.Unsupportedf("fill_mode", "fill mode %q; Keras resizes with constant alone", c.FillMode)
	case c.Crop && c.Pad:
		a.Failf("crop_to_aspect_ratio and pad_to_aspect_ratio exclude each other")
	case c.Crop:
		o.Aspect = "crop"
	case c.Pad:
		o.Aspect = "pad"
	}
	x := a.tensor(0, "images")
	single := len(x.Shape) == 3
	if single {
		x = regroup(a.Graph, x, 0, 0, 1)
	}
	checkRank(a.Graph, x, 2)
	x = toLast(a.Graph, c.DataFormat, x)
	x = fromLast(a.Graph, c.DataFormat, resample(a.Graph, o, x))
	if single {
		return regroup(a.Graph, x, 0, 1)
	}
	return x
}
