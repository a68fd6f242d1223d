package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// Dropout zeroes elements with probability Rate while training, and scales the rest by 1/(1-Rate).
//
// Source: keras/src/layers/regularization/dropout.py
type Dropout struct {
	nn.Common
	Rate       float32 `json:"rate"`
	NoiseShape nn.Dims `json:"noise_shape"` // 1: shared along that axis
}

// NewDropout makes a Dropout layer.
func NewDropout(rate float32) *Dropout { return &Dropout{Common: base("Dropout"), Rate: rate} }

// Build implements nn.Layer.
func (l *Dropout) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	return dropout(g, c, l.Rate, noiseShape(g, l.NoiseShape, c.In().Shape))
}

func dropout(g *nn.Graph, c nn.Call, rate float32, noise nn.Shape) []nn.Wire {
	x := c.In().Value
	if !(rate >= 0 && rate <= 1) {
		g.Failf("rate must be between 0 and 1, found %v", rate)
	}
	if !g.Training || rate == 0 {
		return c.Keep(x)
	}
	return c.Keep(g.Op(op.Dropout{Rate: rate, Path: g.Path, Call: g.CallIndex(), Noise: noise}, x))
}
