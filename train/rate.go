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
	vars := slices.Clone(t.Variables)
	if len(vars) > 1 {
		vars[1].Value = graph.New(nn.Spec{Shape: nn.Shape{}})
		vars[1].Value.F32[0] = float32(rate)
	}
	nn.SetTraining(m, &nn.TrainingState{Compile: withRate(t.Compile, rate), Variables: vars})
	_, err = ConfigOf(m)
	return err
}

// withRate is a compile config with another learning rate, which Keras writes as it is, too.
func withRate(raw json.RawMessage, rate float64) json.RawMessage {
	var all, opt, config map[string]json.RawMessage
	if json.Unmarshal(raw, &all) != nil {
		return raw
	}
	for _, key := range []string{"optimizer", "optimizer_config"} {
		if all[key] == nil || json.Unmarshal(all[key], &opt) != nil || json.Unmarshal(opt["config"], &config) != nil || config == nil {
			continue
		}
		number, err := json.Marshal(rate)
		if err != nil {
			return raw
		}
		config["learning_rate"] = pythonFloat(number)
		if opt["config"], err = json.Marshal(config); err != nil {
			return raw
		}
		if all[key], err = json.Marshal(opt); err != nil {
			return raw
		}
	}
	if out, err := json.Marshal(all); err == nil {
		return out
	}
	return raw
}
