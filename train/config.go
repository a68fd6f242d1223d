package train

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"kerasgo/nn"
)

// Config is what Keras's compile() takes.
type Config struct {
	Optimizer Optimizer // nil: RMSprop, as in Keras
	// Loss is one for all outputs, or one for each; a zero Loss is none.
	Loss        []Loss
	LossWeights []float64 // none, or one for each loss
	// Metrics and Weighted (which sample weights apply to) are of each output; a single list is that of a sole output.
	Metrics, Weighted [][]Metric
}

// Compile gives m what fit() needs. What an earlier optimizer kept is dropped.
func Compile(m nn.Model, c Config) error {
	raw, err := c.Encode()
	if err != nil {
		return err
	}
	nn.SetTraining(m, &nn.TrainingState{Compile: raw})
	return nil
}

// fileConfig is Keras's compile_config, and the training_config of .h5 files, which names the optimizer otherwise.
type fileConfig struct {
	Optimizer       json.RawMessage `json:"optimizer,omitempty"`
	OptimizerConfig json.RawMessage `json:"optimizer_config,omitempty"`
	Loss            json.RawMessage `json:"loss"`
	LossWeights     json.RawMessage `json:"loss_weights"`
	Metrics         json.RawMessage `json:"metrics"`
	WeightedMetrics json.RawMessage `json:"weighted_metrics"`
}

// envelope is a serialized object.
type envelope struct {
	Module     string          `json:"module,omitempty"`
	Class      string          `json:"class_name"`
	Config     json.RawMessage `json:"config"`
	Registered *string         `json:"registered_name"`
}

// unsupported names what can't be trained.
func unsupported(key, format string, args ...any) error {
	return &nn.UnsupportedError{Where: nn.Where{Object: "compile config", Key: key}, Msg: fmt.Sprintf(format, args...)}
}

func malformed(key string, raw []byte) error {
	if len(raw) > 80 {
		raw = append(bytes.Clone(raw[:80]), "..."...)
	}
	return &nn.FormatError{Where: nn.Where{Object: "compile config", Key: key}, Msg: "bad value", Got: string(raw)}
}

func null(raw json.RawMessage) bool {
	return len(raw) == 0 || bytes.Equal(bytes.TrimSpace(raw), []byte("null"))
}

// ConfigOf is the compile config of a model; nil if it isn't compiled.
func ConfigOf(m nn.Model) (*Config, error) {
	if m.Training() == nil || null(m.Training().Compile) {
		return nil, nil
	}
	return DecodeConfig(m.Training().Compile, m.OutputNames())
}

// DecodeConfig reads Keras's compile_config of a model with these output names.
func DecodeConfig(raw json.RawMessage, outputs []string) (*Config, error) {
	var f fileConfig
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, malformed("", raw)
	}
	if f.Optimizer == nil {
		f.Optimizer = f.OptimizerConfig
	}
	c := &Config{}
	var err error
	if c.Optimizer, err = decodeOptimizer(f.Optimizer); err != nil {
		return nil, err
	}
	if err := spread(f.Loss, "loss", outputs, func(raw json.RawMessage) error {
		l, err := decodeLoss(raw)
		c.Loss = append(c.Loss, l)
		return err
	}); err != nil {
		return nil, err
	}
	if err := spread(f.LossWeights, "loss_weights", outputs, func(raw json.RawMessage) error {
		w := 1.0
		if !null(raw) && json.Unmarshal(raw, &w) != nil {
			return malformed("loss_weights", raw)
		}
		c.LossWeights = append(c.LossWeights, w)
		return nil
	}); err != nil {
		return nil, err
	}
	if c.Metrics, err = decodeMetrics(f.Metrics, "metrics", outputs); err != nil {
		return nil, err
	}
	c.Weighted, err = decodeMetrics(f.WeightedMetrics, "weighted_metrics", outputs)
	return c, err
}

// spread calls each with the value, or with the values of a list or (in the outputs' order) of a dict by output name.
func spread(raw json.RawMessage, key string, outputs []string, each func(json.RawMessage) error) error {
	if null(raw) {
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		for _, r := range list {
			if err := each(r); err != nil {
				return err
			}
		}
		return nil
	}
	var dict map[string]json.RawMessage
	if json.Unmarshal(raw, &dict) == nil && dict["class_name"] == nil {
		for name := range dict {
			if !slices.Contains(outputs, name) {
				return &nn.FormatError{Where: nn.Where{Object: "compile config", Key: key},
					Msg: fmt.Sprintf("names the output %q, the model has %q", name, outputs)}
			}
		}
		for _, name := range outputs {
			r := dict[name]
			if r == nil {
				r = json.RawMessage("null")
			}
			if err := each(r); err != nil {
				return err
			}
		}
		return nil
	}
	return each(raw)
}

// decodeMetrics reads a flat list (of a sole output), a list of lists, or a dict by output name.
func decodeMetrics(raw json.RawMessage, key string, outputs []string) (sets [][]Metric, err error) {
	if null(raw) {
		return nil, nil
	}
	one := func(raw json.RawMessage) (set []Metric, err error) {
		err = spread(raw, key, nil, func(r json.RawMessage) error {
			if null(r) {
				return nil
			}
			m, err := decodeMetric(r, key)
			set = append(set, m)
			return err
		})
		return set, err
	}
	if len(outputs) == 1 {
		var flat []json.RawMessage
		var flatten func(raw json.RawMessage) error
		flatten = func(raw json.RawMessage) error {
			return spread(raw, key, outputs, func(r json.RawMessage) error {
				if r = bytes.TrimSpace(r); len(r) > 0 && r[0] == '[' {
					return flatten(r)
				}
				flat = append(flat, r)
				return nil
			})
		}
		if err := flatten(raw); err != nil {
			return nil, err
		}
		var set []Metric
		for _, r := range flat {
			ms, err := one(r)
			if err != nil {
				return nil, err
			}
			set = append(set, ms...)
		}
		return [][]Metric{set}, nil
	}
	err = spread(raw, key, outputs, func(r json.RawMessage) error {
		set, err := one(r)
		sets = append(sets, set)
		return err
	})
	if err == nil && len(sets) != len(outputs) {
		return nil, &nn.FormatError{Where: nn.Where{Object: "compile config", Key: key}, Msg: "needs a list for each output",
			Want: fmt.Sprint(len(outputs)), Got: fmt.Sprint(len(sets))}
	}
	return sets, err
}

// Encode writes Keras's compile_config.
func (c *Config) Encode() (json.RawMessage, error) {
	opt := c.Optimizer
	if opt == nil {
		opt = NewRMSprop()
	}
	rawOpt, err := encodeOptimizer(opt)
	if err != nil {
		return nil, err
	}
	losses := make([]json.RawMessage, len(c.Loss))
	for i, l := range c.Loss {
		if losses[i], err = l.encode(); err != nil {
			return nil, err
		}
	}
	var loss, metrics, weighted, weights any
	switch len(losses) {
	case 0:
	case 1:
		loss = losses[0]
	default:
		loss = losses
	}
	metrics, weighted = encodeMetrics(c.Metrics), encodeMetrics(c.Weighted)
	if len(c.LossWeights) > 0 {
		weights = c.LossWeights
	}
	return json.Marshal(map[string]any{"optimizer": rawOpt, "loss": loss, "loss_weights": weights, "metrics": metrics,
		"weighted_metrics": weighted, "run_eagerly": false, "steps_per_execution": 1, "jit_compile": false})
}

func encodeMetrics(sets [][]Metric) any {
	lists := make([][]any, len(sets))
	for i, set := range sets {
		lists[i] = []any{}
		for _, m := range set {
			lists[i] = append(lists[i], m.encode())
		}
	}
	switch len(lists) {
	case 0:
		return nil
	case 1:
		return lists[0]
	}
	return lists
}

// named splits a serialized function or object: its name or class, and its config.
func named(raw json.RawMessage, key string) (name string, config json.RawMessage, err error) {
	if json.Unmarshal(raw, &name) == nil {
		return name, nil, nil
	}
	var e envelope
	if json.Unmarshal(raw, &e) != nil || e.Class == "" {
		return "", nil, malformed(key, raw)
	}
	if e.Class == "function" { // {"class_name": "function", "config": "mse"}
		return name, nil, json.Unmarshal(e.Config, &name)
	}
	return strings.TrimPrefix(e.Class, "Custom>"), e.Config, nil
}
