package train

import (
	"context"
	"encoding/json"
	"fmt"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// LossAndGradient runs a loss alone on predictions p, or on what an activation makes of them.
func LossAndGradient(loss json.RawMessage, activation string, p, y, weight, mask *nn.Tensor) (float64, *nn.Tensor, error) {
	l, err := decodeLoss(loss)
	if err != nil {
		return 0, nil, err
	}
	g := graph.NewGraph()
	in := g.Input(p.Spec)
	g.WantInputGrads()
	w := nn.Wire{Value: in}
	run := []*nn.Tensor{p}
	if mask != nil {
		w.Mask = g.Input(mask.Spec)
		run = append(run, mask)
	}
	if activation != "" {
		a, err := op.Activation(activation)
		if err != nil {
			return 0, nil, err
		}
		out, err := g.Add(a, in)
		if err != nil {
			return 0, nil, err
		}
		w.Value = out[0]
	}
	o := newOutput("y", w)
	o.loss = l
	o.resolve(y.Shape)
	it := graph.NewInterp(g, 0, o.root(y.Shape))
	if err := it.Forward(context.Background(), run...); err != nil {
		return 0, nil, err
	}
	it.ZeroGrad()
	value, err := o.measure(it, y, weight, nil, true)
	if err != nil {
		return 0, nil, err
	}
	it.Pull()
	return value, it.Grad(in), nil
}

// DecodeSchedule reads a schedule as Keras writes it.
func DecodeSchedule(raw json.RawMessage) (Schedule, error) { return decodeSchedule(raw) }

// LossRoundTrip reads a loss, writes it, and tells whether it reads the same again.
func LossRoundTrip(raw json.RawMessage) error {
	first, err := decodeLoss(raw)
	if err != nil {
		return err
	}
	written, err := first.encode()
	if err != nil {
		return err
	}
	second, err := decodeLoss(written)
	if err != nil {
		return err
	}
	again, err := second.encode()
	if err != nil {
		return err
	}
	if string(again) != string(written) || first.Name != second.Name {
		return fmt.Errorf("%s became %s, then %s", raw, written, again)
	}
	return nil
}

// MetricOf feeds a metric with batches of predictions, targets and (where given) weights, twice with a reset between.
func MetricOf(raw json.RawMessage, p, y, weight []*nn.Tensor) (name string, v float64, list []float64, err error) {
	m, err := decodeMetric(raw, "metrics")
	if err != nil {
		return "", 0, nil, err
	}
	o := &output{name: "y", lossWeight: 1, weighted: []tracked{{Metric: m}}}
	for range 2 {
		o.weighted[0].mean = mean{}
		for i := range p {
			g := graph.NewGraph()
			o.value = g.Input(p[i].Spec)
			o.resolve(y[i].Shape)
			it := graph.NewInterp(g, 0)
			if err := it.Forward(context.Background(), p[i]); err != nil {
				return "", 0, nil, err
			}
			rows := make([]int, p[i].Shape[0])
			if _, err := o.measure(it, y[i], weight[i], rows, false); err != nil {
				return "", 0, nil, err
			}
		}
	}
	return m.Name, o.weighted[0].mean.value(), o.weighted[0].mean.values(), nil
}

// Buckets is what a histogram holds.
func Buckets(t *nn.Tensor) [bucketCount][3]float64 { return buckets(t) }
