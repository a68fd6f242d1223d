package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// GaussianNoise adds normal noise while training.
//
// Source: keras/src/layers/regularization/gaussian_noise.py
type GaussianNoise struct {
	nn.Common
	Stddev float32 `json:"stddev"`
}

// NewGaussianNoise makes a GaussianNoise layer.
func NewGaussianNoise(stddev float32) *GaussianNoise {
	return &GaussianNoise{Common: base("GaussianNoise"), Stddev: stddev}
}

// Build implements nn.Layer.
func (l *GaussianNoise) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	return noisy(g, c, op.Noise{Kind: op.AddNormal, Rate: l.Stddev}, "stddev", 1)
}

// GaussianDropout multiplies by normal noise of mean one while training, with the standard deviation that dropout of Rate
// would have.
//
// Source: keras/src/layers/regularization/gaussian_dropout.py
type GaussianDropout struct {
	nn.Common
	Rate float32 `json:"rate"`
}

// NewGaussianDropout makes a GaussianDropout layer.
func NewGaussianDropout(rate float32) *GaussianDropout {
	return &GaussianDropout{Common: base("GaussianDropout"), Rate: rate}
}

// Build implements nn.Layer.
func (l *GaussianDropout) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	return noisy(g, c, op.Noise{Kind: op.TimesNormal, Rate: l.Rate}, "rate", 1)
}

// AlphaDropout drops elements to SELU's lowest value while training, then restores mean and variance.
//
// Source: keras/src/layers/regularization/alpha_dropout.py
type AlphaDropout struct {
	nn.Common
	Rate       float32 `json:"rate"`
	NoiseShape nn.Dims `json:"noise_shape"`
}

// NewAlphaDropout makes an AlphaDropout layer.
func NewAlphaDropout(rate float32) *AlphaDropout {
	return &AlphaDropout{Common: base("AlphaDropout"), Rate: rate}
}

// Build implements nn.Layer.
func (l *AlphaDropout) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	return noisy(g, c, op.Noise{Kind: op.Alpha, Rate: l.Rate, Shape: noiseShape(g, l.NoiseShape, c.In().Shape)}, "rate", 1)
}

// noisy adds o while training, unless its rate is zero.
func noisy(g *nn.Graph, c nn.Call, o op.Noise, key string, most float32) []nn.Wire {
	x := c.In().Value
	if !(o.Rate >= 0 && o.Rate <= most) {
		g.Failf("%s must be between 0 and %v, found %v", key, most, o.Rate)
	}
	if !g.Training || o.Rate == 0 {
		return c.Keep(x)
	}
	o.Path, o.Call = g.Path, g.CallIndex()
	return c.Keep(g.Op(o, x))
}

// noiseShape reads noise_shape: null follows the input.
func noiseShape(g *nn.Graph, dims nn.Dims, x nn.Shape) (s nn.Shape) {
	if dims != nil && len(dims) != len(x) {
		g.Failf("noise_shape has %d dimensions, the input %d", len(dims), len(x))
	}
	for i, d := range dims {
		switch {
		case d == nil:
			s = append(s, -1)
		case *d == 1 || *d == x[i] || x[i] < 0 && *d > 0:
			s = append(s, *d)
		default:
			g.Failf("noise_shape %d doesn't fit the input's shape %v", *d, x)
		}
	}
	return s
}

// SpatialDropout drops whole feature maps while training: SpatialDropout1D, 2D and 3D.
//
// Source: keras/src/layers/regularization/spatial_dropout.py
type SpatialDropout struct {
	nn.Common
	Rate float32 `json:"rate"`
	rank int     // spatial axes
}

// NewSpatialDropout1D makes a SpatialDropout1D layer, for [batch, steps, channels].
func NewSpatialDropout1D(rate float32) *SpatialDropout {
	return &SpatialDropout{base("SpatialDropout1D"), rate, 1}
}

// Build implements nn.Layer.
func (l *SpatialDropout) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	return l.drop(g, c, "channels_last")
}

func (l *SpatialDropout) drop(g *nn.Graph, c nn.Call, format string) []nn.Wire {
	x := c.In().Value
	checkRank(g, x, l.rank)
	spatial := make([]int, l.rank)
	for i := range spatial {
		spatial[i] = 1
	}
	return dropout(g, c, l.Rate, alongSpatial(g, format, spatial, -1))
}

// SpatialDropoutND is SpatialDropout2D or 3D, whose channels may come first.
type SpatialDropoutND struct {
	SpatialDropout
	DataFormat string `json:"data_format"`
}

// NewSpatialDropout2D makes a SpatialDropout2D layer, for images.
func NewSpatialDropout2D(rate float32) *SpatialDropoutND {
	return &SpatialDropoutND{SpatialDropout{base("SpatialDropout2D"), rate, 2}, "channels_last"}
}

// NewSpatialDropout3D makes a SpatialDropout3D layer, for volumes.
func NewSpatialDropout3D(rate float32) *SpatialDropoutND {
	return &SpatialDropoutND{SpatialDropout{base("SpatialDropout3D"), rate, 3}, "channels_last"}
}

// Build implements nn.Layer.
func (l *SpatialDropoutND) Build(g *nn.Graph, c nn.Call) []nn.Wire { return l.drop(g, c, l.DataFormat) }
