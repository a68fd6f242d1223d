package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/graph"
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
	switch {
	case c.Antialias:
		a.Unsupportedf("antialias", "antialiasing is not supported")
	case c.Crop || c.Pad:
		a.Unsupportedf("crop_to_aspect_ratio", "cropping and padding to an aspect ratio are not supported")
	}
	size := c.Size.of(a.Graph, "size", 2, 1)
	x := a.tensor(0, "images")
	single := len(x.Shape) == 3
	if single {
		x = regroup(a.Graph, x, 0, 0, 1)
	}
	checkRank(a.Graph, x, 2)
	x = toLast(a.Graph, c.DataFormat, x)
	if c.Interpolation == "nearest" {
		for d, m := range size {
			x = a.Op(op.Take{Axis: d + 1}, x, a.Const(nearest(a, x.Shape[d+1], m)))
		}
	} else {
		x = a.Op(op.Resize{To: [2]int(size), Method: c.Interpolation}, x)
	}
	x = fromLast(a.Graph, c.DataFormat, x)
	if single {
		return regroup(a.Graph, x, 0, 1)
	}
	return x
}

// nearest are the rows, or columns, of n that m are made of: TensorFlow's, with half-pixel centres.
func nearest(a *operands, n, m int) *nn.Tensor {
	if n < 1 {
		a.Unsupportedf("interpolation", "nearest needs images of a known size")
	}
	ids := graph.New(nn.Spec{Shape: nn.Shape{m}, DType: graph.Int32})
	scale := float32(n) / float32(m)
	for k := range ids.I32 {
		ids.I32[k] = int32(min(int((float32(k)+.5)*scale), n-1))
	}
	return ids
}
