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
	NoiseShape []*int  `json:"noise_shape"`
}

// NewDropout makes a Dropout layer.
func NewDropout(rate float32) *Dropout { return &Dropout{Common: base("Dropout"), Rate: rate} }

// Build implements nn.Layer.
func (l *Dropout) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In().Value
	if l.Rate < 0 || l.Rate > 1 {
		g.Failf("rate must be between 0 and 1, found %v", l.Rate)
	}
	if !g.Training || l.Rate == 0 {
		return c.Keep(x)
	}
	o := op.Dropout{Rate: l.Rate, Path: g.Path, Call: g.CallIndex()}
	if l.NoiseShape != nil {
		if len(l.NoiseShape) != len(x.Shape) {
			g.Failf("noise_shape has %d dimensions, the input %d", len(l.NoiseShape), len(x.Shape))
		}
		for _, d := range l.NoiseShape {
			if d == nil {
				o.Noise = append(o.Noise, -1)
			} else {
				o.Noise = append(o.Noise, *d)
			}
		}
	}
	return c.Keep(g.Op(o, x))
}
