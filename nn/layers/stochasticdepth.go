package layers

import "kerasgo/nn"

// StochasticDepth drops whole rows of a batch with probability DropPathRate while training, and scales the rest by
// 1/(1-DropPathRate). keras.applications' ConvNeXt brings it.
//
// Source: keras/src/applications/convnext.py
type StochasticDepth struct {
	nn.Common
	DropPathRate float32 `json:"drop_path_rate"`
}

// NewStochasticDepth makes a StochasticDepth layer.
func NewStochasticDepth(rate float32) *StochasticDepth {
	return &StochasticDepth{Common: base("StochasticDepth"), DropPathRate: rate}
}

// Build implements nn.Layer.
func (l *StochasticDepth) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	noise := make(nn.Shape, len(c.In().Shape))
	for i := range noise {
		noise[i] = 1
	}
	if len(noise) > 0 {
		noise[0] = -1 // each row for itself
	}
	return dropout(g, c, l.DropPathRate, noise)
}
