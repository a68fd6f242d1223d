package train

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"kerasgo/nn"
)

// Optimizer is the config of one of Keras's optimizers, such as an *Adam. What it keeps of each weight lies with the model.
type Optimizer interface {
	common() *OptimizerConfig
	class() string
	// slots are what it keeps, in the order of Keras's variables. A weight's own come to update in this order.
	slots(vars []*variable) []slot
	// update makes a step of one stretch of a weight with the gradient g. q are its squares, or nil where they are just those
	// of g. s are its slots.
	update(w, g, q []float32, s [][]float32, at moment)
}

// moment is a step.
type moment struct {
	rate float32
	step int64     // from 1; with gradient accumulation, of updates
	all  []float32 // what the optimizer keeps that belongs to no weight
}

// slot is a variable of an optimizer.
type slot struct {
	of   *variable // nil: of no weight
	name string    // in full if the variable isn't named after the weight
	full bool
	spec nn.Spec
	fill float32 // what it starts from
	copy bool    // it starts from the weight
	idle bool    // Keras has it and doesn't use it
}

// grouped are slots of each weight's shape: Keras goes through the weights once for each group.
func grouped(vars []*variable, groups ...[]string) (list []slot) {
	for _, names := range groups {
		for _, v := range vars {
			for _, name := range names {
				list = append(list, slot{of: v, name: name, spec: v.weight.Spec})
			}
		}
	}
	return list
}

// wholesale is an optimizer that needs all of a weight at once: then update isn't called.
type wholesale interface {
	// scratch is how many numbers updateAll needs for v.
	scratch(v *variable) int
	updateAll(v *variable, s [][]float32, scratch []float32, at moment)
}

// beginner is an optimizer that does something once a step, before the weights.
type beginner interface{ begin(at moment) }

// checker is an optimizer with values that can't be.
type checker interface{ check() error }

// OptimizerConfig is what all optimizers have. Nil fields are None.
//
// Source: keras/src/optimizers/base_optimizer.py
type OptimizerConfig struct {
	Name           string   `json:"name"`
	LearningRate   float64  `json:"learning_rate"`
	Schedule       Schedule `json:"-"` // instead of LearningRate, which then says nothing
	WeightDecay    *float64 `json:"weight_decay"`
	ClipNorm       *float64 `json:"clipnorm"`        // of each gradient
	GlobalClipNorm *float64 `json:"global_clipnorm"` // of all gradients together
	ClipValue      *float64 `json:"clipvalue"`

	UseEMA                    bool     `json:"use_ema"`
	EMAMomentum               float64  `json:"ema_momentum"`
	EMAOverwriteFrequency     *int     `json:"ema_overwrite_frequency"`
	LossScaleFactor           *float64 `json:"loss_scale_factor"`
	GradientAccumulationSteps *int     `json:"gradient_accumulation_steps"`
}

func (c *OptimizerConfig) common() *OptimizerConfig { return c }

func newOptimizerConfig(name string, rate float64) OptimizerConfig {
	return OptimizerConfig{Name: name, LearningRate: rate, EMAMomentum: .99}
}

func badValue(key, msg string) error {
	return &nn.FormatError{Where: nn.Where{Object: "compile config", Key: key}, Msg: msg}
}

// check refuses what can't be.
//
// LossScaleFactor changes nothing in float32 but rounding, so nothing is scaled.
func (c *OptimizerConfig) check() error {
	switch {
	case c.Schedule == nil && (!(c.LearningRate >= 0) || math.IsInf(c.LearningRate, 0)):
		return badValue("learning_rate", "must be 0 or more")
	case c.UseEMA && !(c.EMAMomentum >= 0 && c.EMAMomentum <= 1):
		return badValue("ema_momentum", "must be from 0 to 1")
	case c.UseEMA && c.EMAOverwriteFrequency != nil && *c.EMAOverwriteFrequency < 0:
		return badValue("ema_overwrite_frequency", "must be 1 or more")
	case c.GradientAccumulationSteps != nil && (*c.GradientAccumulationSteps < 0 || *c.GradientAccumulationSteps == 1):
		return badValue("gradient_accumulation_steps", "must be 2 or more")
	case c.LossScaleFactor != nil && !(*c.LossScaleFactor > 0 && *c.LossScaleFactor <= math.MaxFloat32):
		return badValue("loss_scale_factor", "must be more than 0")
	}
	if c.Schedule != nil {
		if err := c.Schedule.check(); err != nil {
			return err
		}
	}
	clips := 0
	for _, p := range []*float64{c.ClipNorm, c.GlobalClipNorm, c.ClipValue} {
		if p != nil {
			clips++
		}
	}
	if clips > 1 {
		return badValue("clipnorm", "only one of clipnorm, clipvalue and global_clipnorm can be set")
	}
	return nil
}

// accumulates is over how many steps gradients are averaged.
func (c *OptimizerConfig) accumulates() int64 {
	if c.GradientAccumulationSteps == nil || *c.GradientAccumulationSteps < 2 {
		return 1
	}
	return int64(*c.GradientAccumulationSteps)
}

// overwrites is after how many steps averages become the weights; 0: only at the end.
func (c *OptimizerConfig) overwrites() int64 {
	if !c.UseEMA || c.EMAOverwriteFrequency == nil {
		return 0
	}
	return int64(*c.EMAOverwriteFrequency)
}

// rateAt is the learning rate of a schedule.
func (c *OptimizerConfig) rateAt(iteration int64, otherwise float32) float32 {
	if c.Schedule == nil {
		return otherwise
	}
	return c.Schedule.Rate(iteration)
}

// optimizers makes each optimizer with Keras's defaults; the class in lower case names it.
func optimizers() map[string]func() Optimizer {
	return map[string]func() Optimizer{
		"adadelta":          func() Optimizer { return NewAdadelta() },
		"adafactor":         func() Optimizer { return NewAdafactor() },
		"adagrad":           func() Optimizer { return NewAdagrad() },
		"adam":              func() Optimizer { return NewAdam() },
		"adamw":             func() Optimizer { return NewAdamW() },
		"adamax":            func() Optimizer { return NewAdamax() },
		"ftrl":              func() Optimizer { return NewFtrl() },
		"lamb":              func() Optimizer { return NewLamb() },
		"lion":              func() Optimizer { return NewLion() },
		"muon":              func() Optimizer { return NewMuon() },
		"nadam":             func() Optimizer { return NewNadam() },
		"rmsprop":           func() Optimizer { return NewRMSprop() },
		"sgd":               func() Optimizer { return NewSGD() },
		"schedulefreeadamw": func() Optimizer { return NewScheduleFreeAdamW() },
	}
}

// ParseOptimizer makes an optimizer with Keras's defaults. Its name is Keras's class in any case, such as adam or RMSprop.
func ParseOptimizer(name string) (Optimizer, error) {
	all := optimizers()
	lower := strings.ToLower(name)
	if lower == "rms_prop" {
		lower = "rmsprop"
	}
	if make := all[lower]; make != nil {
		return make(), nil
	}
	switch lower {
	case "lossscaleoptimizer", "multioptimizer":
		return nil, unsupported("optimizer", "%q needs others inside it, and can't be made by name alone", name)
	}
	return nil, unsupported("optimizer", "the optimizer %q is not supported%s", name, near(name, slices.Sorted(maps.Keys(all))))
}

// legacyKeys are of Keras 2 and of Keras's wrappers, and change nothing at the values given.
var legacyKeys = map[string]string{"is_legacy_optimizer": "false", "jit_compile": "", "decay": "0", "initial_decay": "0"}

func decodeOptimizer(raw json.RawMessage) (Optimizer, error) {
	if null(raw) {
		return NewRMSprop(), nil
	}
	name, config, err := named(raw, "optimizer")
	if err != nil {
		return nil, err
	}
	if name == "LossScaleOptimizer" && config != nil {
		return decodeLossScale(config)
	}
	o, err := ParseOptimizer(name)
	if err != nil || config == nil {
		return o, err
	}
	var keys map[string]json.RawMessage
	if json.Unmarshal(config, &keys) != nil {
		return nil, malformed("optimizer", config)
	}
	if rate := bytes.TrimSpace(keys["learning_rate"]); len(rate) > 0 && rate[0] == '{' {
		if o.common().Schedule, err = decodeSchedule(rate); err != nil {
			return nil, err
		}
		delete(keys, "learning_rate")
	}
	known, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(known, &fields); err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		value := string(bytes.TrimSpace(keys[key]))
		harmless, legacy := legacyKeys[key]
		if _, ok := fields[key]; !ok && value != "null" && value != "false" && !(legacy && (harmless == "" || value == harmless || value == harmless+".0")) {
			return nil, unsupported(key, "the optimizer's key isn't known, with value %s", value)
		}
	}
	if v := string(bytes.TrimSpace(keys["weight_decay"])); v == "0" || v == "0.0" { // Keras 2 writes zero for none
		delete(keys, "weight_decay")
	}
	if config, err = json.Marshal(keys); err != nil {
		return nil, err
	}
	if json.Unmarshal(config, o) != nil {
		return nil, malformed("optimizer", config)
	}
	return o, checkOptimizer(o)
}

func checkOptimizer(o Optimizer) error {
	if o, ok := o.(*LossScaleOptimizer); ok {
		return o.check()
	}
	if err := o.common().check(); err != nil {
		return err
	}
	if c, ok := o.(checker); ok {
		return c.check()
	}
	return nil
}

func encodeOptimizer(o Optimizer) (json.RawMessage, error) {
	if o, ok := o.(*LossScaleOptimizer); ok {
		return o.encode()
	}
	if err := checkOptimizer(o); err != nil {
		return nil, err
	}
	raw, err := json.Marshal(o)
	if err != nil {
		return nil, err
	}
	var config map[string]json.RawMessage
	if err := json.Unmarshal(raw, &config); err != nil {
		return nil, err
	}
	for key, v := range config {
		switch key {
		case "ema_overwrite_frequency", "gradient_accumulation_steps", "ns_steps", "warmup_steps": // an int in Keras, too
		default:
			config[key] = pythonFloat(v)
		}
	}
	if s := o.common().Schedule; s != nil {
		if config["learning_rate"], err = encodeSchedule(s); err != nil {
			return nil, err
		}
	}
	return json.Marshal(map[string]any{"module": "keras.optimizers", "class_name": o.class(), "config": config, "registered_name": nil})
}

// pythonFloat gives a whole number a fraction: Keras refuses an int for a learning rate or a momentum.
func pythonFloat(v json.RawMessage) json.RawMessage {
	if _, err := strconv.Atoi(string(v)); err == nil {
		return append(bytes.Clone(v), ".0"...)
	}
	return v
}
