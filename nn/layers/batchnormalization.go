package layers

import (
	"encoding/json"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// BatchNormalization normalises each channel by the batch's moments while training, else by moving moments.
//
// Source: keras/src/layers/normalization/batch_normalization.py
type BatchNormalization struct {
	nn.Common
	Axis     int     `json:"axis"`
	Momentum float32 `json:"momentum"`
	Epsilon  float32 `json:"epsilon"`
	Center   bool    `json:"center"`
	Scale    bool    `json:"scale"`
	Renorm   bool    `json:"renorm"`

	RenormClipping json.RawMessage `json:"renorm_clipping"`

	BetaInitializer           nn.Initializer `json:"beta_initializer"`
	GammaInitializer          nn.Initializer `json:"gamma_initializer"`
	MovingMeanInitializer     nn.Initializer `json:"moving_mean_initializer"`
	MovingVarianceInitializer nn.Initializer `json:"moving_variance_initializer"`
}

// NewBatchNormalization makes a BatchNormalization layer of the last axis.
func NewBatchNormalization() *BatchNormalization {
	return &BatchNormalization{Common: base("BatchNormalization"), Axis: -1, Momentum: .99, Epsilon: 1e-3, Center: true, Scale: true}
}

// Build implements nn.Layer. A frozen layer infers, as in Keras.
func (l *BatchNormalization) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x, train := c.In(), g.Training && g.Trainable()
	axis, err := op.Axis(l.Axis, len(x.Shape))
	if err != nil {
		g.Failf("%v", err)
	}
	if l.Renorm && train {
		g.Unsupportedf("renorm", "batch renormalization can't be trained with; in inference it changes nothing")
	}
	n := x.Shape[axis]
	var gamma, beta, mask *nn.Value
	if l.Scale {
		gamma = l.Variable(g, "gamma", l.GammaInitializer.Or(nn.Ones), n)
	}
	if l.Center {
		beta = l.Variable(g, "beta", l.BetaInitializer.Or(nn.Zeros), n)
	}
	mean := l.State(g, "moving_mean", l.MovingMeanInitializer.Or(nn.Zeros), graph.F32(n))
	variance := l.State(g, "moving_variance", l.MovingVarianceInitializer.Or(nn.Ones), graph.F32(n))
	if l.Renorm { // Keras 2 keeps them for training
		l.State(g, "moving_stddev", nn.Ones, graph.F32(n))
		l.State(g, "renorm_mean", nn.Zeros, graph.F32(n))
		l.State(g, "renorm_stddev", nn.Ones, graph.F32(n))
	}
	if train {
		mask = x.Mask
	}
	in := full(g, x.Value) // as Keras does, since halves overflow
	wide := func(v *nn.Value) *nn.Value {
		if v == nil {
			return nil
		}
		return cast(g, v, in.DType)
	}
	out := g.Ops(op.BatchNorm{Axis: axis, Eps: l.Epsilon, Momentum: l.Momentum, Train: train}, in, wide(gamma), wide(beta),
		wide(g.State(mean)), wide(g.State(variance)), mask)
	if train {
		g.Updates = append(g.Updates, graph.Update{Weight: mean, Value: out[1]}, graph.Update{Weight: variance, Value: out[2]})
	}
	return c.Keep(computed(g, out[0]))
}
