package train

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// LossScaleOptimizer keeps gradients from vanishing in float16: it scales the loss, and the gradients back. Where one isn't
// finite, it leaves the step out and halves the scale; after DynamicGrowthSteps steps without it doubles it. Here gradients
// are float32, which a power of two scales without a trace, so nothing is scaled; steps are left out where what Keras
// computes would overflow.
//
// Source: keras/src/optimizers/loss_scale_optimizer.py
type LossScaleOptimizer struct {
	Inner              Optimizer
	Name               string
	InitialScale       float64
	DynamicGrowthSteps int
}

// NewLossScaleOptimizer wraps an optimizer, with Keras's defaults.
func NewLossScaleOptimizer(inner Optimizer) *LossScaleOptimizer {
	return &LossScaleOptimizer{Inner: inner, Name: "loss_scale_optimizer", InitialScale: 1 << 15, DynamicGrowthSteps: 2000}
}

func (o *LossScaleOptimizer) common() *OptimizerConfig { return o.Inner.common() }

func (*LossScaleOptimizer) class() string { return "LossScaleOptimizer" }

func (o *LossScaleOptimizer) slots(vars []*variable) []slot { return o.Inner.slots(vars) }

func (o *LossScaleOptimizer) update(w, g, q []float32, s [][]float32, at moment) {
	o.Inner.update(w, g, q, s, at)
}

func (o *LossScaleOptimizer) check() error {
	if _, nested := o.Inner.(*LossScaleOptimizer); nested || o.Inner == nil {
		return badValue("inner_optimizer", "must be an optimizer that doesn't scale the loss")
	}
	if !(o.InitialScale > 0 && o.InitialScale <= math.MaxFloat32) {
		return badValue("initial_scale", "must be more than 0")
	}
	return checkOptimizer(o.Inner)
}

func decodeLossScale(config json.RawMessage) (Optimizer, error) {
	o := NewLossScaleOptimizer(nil)
	c := struct {
		Name         *string         `json:"name"`
		Inner        json.RawMessage `json:"inner_optimizer"`
		InitialScale *float64        `json:"initial_scale"`
		GrowthSteps  *int            `json:"dynamic_growth_steps"`
		Dynamic      *bool           `json:"dynamic"` // of Keras 2
	}{}
	var keys map[string]json.RawMessage
	if json.Unmarshal(config, &c) != nil || json.Unmarshal(config, &keys) != nil || null(c.Inner) {
		return nil, malformed("inner_optimizer", config)
	}
	if c.Dynamic != nil && !*c.Dynamic {
		return nil, unsupported("dynamic", "a LossScaleOptimizer that isn't dynamic is not supported")
	}
	defaults := newOptimizerConfig("", 0)
	inert, err := json.Marshal(defaults)
	if err != nil {
		return nil, err
	}
	var harmless map[string]json.RawMessage
	if err := json.Unmarshal(inert, &harmless); err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		switch key {
		case "name", "inner_optimizer", "initial_scale", "dynamic_growth_steps", "dynamic", "learning_rate":
			continue
		}
		if v := bytes.TrimSpace(keys[key]); !null(v) && !bytes.Equal(v, harmless[key]) {
			return nil, unsupported(key, "a LossScaleOptimizer with this key, of value %s, is not supported", v)
		}
	}
	if o.Inner, err = decodeOptimizer(c.Inner); err != nil {
		return nil, err
	}
	o.Inner.common().LossScaleFactor = nil
	if c.Name != nil {
		o.Name = *c.Name
	}
	if c.InitialScale != nil {
		o.InitialScale = *c.InitialScale
	}
	if c.GrowthSteps != nil {
		o.DynamicGrowthSteps = *c.GrowthSteps
	}
	return o, o.check()
}

func (o *LossScaleOptimizer) encode() (json.RawMessage, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	inner, err := encodeOptimizer(o.Inner)
	if err != nil {
		return nil, err
	}
	scale, err := json.Marshal(o.InitialScale)
	if err != nil {
		return nil, err
	}
	config := map[string]any{"name": o.Name, "inner_optimizer": inner, "initial_scale": json.RawMessage(pythonFloat(scale)),
		"dynamic_growth_steps": o.DynamicGrowthSteps}
	return json.Marshal(map[string]any{"module": "keras.optimizers", "class_name": o.class(), "config": config, "registered_name": nil})
}

// lossScale is what a LossScaleOptimizer keeps.
type lossScale struct {
	growth int64
	steps  *nn.Tensor // int64: since the scale changed
	scale  *nn.Tensor // float32
}

// newLossScale lists its variables: an iteration and a learning rate that it doesn't use come first.
func newLossScale(o *LossScaleOptimizer) (*lossScale, []nn.Variable) {
	scalar := func(d graph.DType) *nn.Tensor { return graph.New(nn.Spec{Shape: nn.Shape{}, DType: d}) }
	l := &lossScale{growth: int64(o.DynamicGrowthSteps), steps: scalar(graph.Int64), scale: scalar(graph.Float32)}
	l.scale.F32[0] = float32(o.InitialScale)
	return l, []nn.Variable{{Name: "iteration", Value: scalar(graph.Int64)}, {Name: "learning_rate", Value: scalar(graph.Float32)},
		{Name: "step_counter", Value: l.steps}, {Name: "dynamic_scale", Value: l.scale}}
}

// finite tells whether the step can be made, and changes the scale.
func (l *lossScale) finite(vars []*variable) bool {
	scale := l.scale.F32[0]
	for _, v := range vars {
		if v.grad == nil {
			continue
		}
		for _, g := range v.grad.F32 {
			if g *= scale; g-g != 0 {
				l.steps.I64[0] = 0
				l.scale.F32[0] *= .5
				return false
			}
		}
	}
	if l.steps.I64[0]++; l.steps.I64[0] == l.growth {
		l.steps.I64[0] = 0
		l.scale.F32[0] *= 2
	}
	return true
}
