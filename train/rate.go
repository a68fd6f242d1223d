package train

import (
	"encoding/json"
	"fmt"
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// SetLearningRate changes the learning rate of a compiled model; what the optimizer keeps stays. A schedule can't be changed.
func SetLearningRate(m nn.Model, rate float64) error {
	t := m.Training()
	if t == nil || null(t.Compile) {
		return fmt.Errorf("model %q isn't compiled", m.Base().Name)
	}
	c, err := ConfigOf(m)
	if err != nil {
		return err
	}
	if s := c.Optimizer.common().Schedule; s != nil {
		return fmt.Errorf("the learning rate follows a schedule (%s) and can't be set", s.class())
	}
	vars, at := slices.Clone(t.Variables), 1
	if _, scaled := c.Optimizer.(*LossScaleOptimizer); scaled { // whose own variables come first
		at = 5
	}
	if len(vars) > at {
		vars[at].Value = graph.New(nn.Spec{Shape: nn.Shape{}})
		vars[at].Value.F32[0] = float32(rate)
	}
	nn.SetTraining(m, &nn.TrainingState{Compile: withRate(t.Compile, rate), Variables: vars})
	_, err = ConfigOf(m)
	return err
}

// withRate is a compile config with another learning rate, which Keras writes as it is, too.
func withRate(raw json.RawMessage, rate float64) json.RawMessage {
	number, err := json.Marshal(rate)
	if err != nil {
		return raw
	}
	for _, path := range [][]string{{"optimizer", "config"}, {"optimizer_config", "config"}} {
		inner := append(slices.Clone(path), "inner_optimizer", "config")
		if within(raw, inner) != nil {
			path = inner
		}
		if within(raw, path) != nil {
			raw = replaced(raw, append(path, "learning_rate"), pythonFloat(number))
		}
	}
	return raw
}

// within is the object at a path of keys; nil where there is none.
func within(raw json.RawMessage, path []string) (object map[string]json.RawMessage) {
	for i := 0; ; i++ {
		object = nil
		if json.Unmarshal(raw, &object) != nil || i == len(path) {
			return object
		}
		raw = object[path[i]]
	}
}

// replaced is raw with another value at a path.
func replaced(raw json.RawMessage, path []string, value json.RawMessage) json.RawMessage {
	object := within(raw, nil)
	if object == nil {
		return raw
	}
	if len(path) > 1 {
		value = replaced(object[path[0]], path[1:], value)
	}
	object[path[0]] = value
	out, err := json.Marshal(object)
	if err != nil {
		return raw
	}
	return out
}
