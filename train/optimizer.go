package train

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"

	"kerasgo/internal/vec"
	"kerasgo/nn"
)

// Optimizer is the config of one of Keras's optimizers: an *Adam, *SGD or *RMSprop. What it keeps of each weight lies
// with the model.
type Optimizer interface {
	common() *OptimizerConfig
	class() string
	// slots are the names of what it keeps of each weight, in groups: Keras goes through the weights once for each group.
	slots() [][]string
	// update makes a step of one stretch of a weight. s are its slots in the order of slots(); step counts from 1.
	update(w, g []float32, s [][]float32, rate float32, step int64)
}

// OptimizerConfig is what all optimizers have. Nil fields are None.
//
// Source: keras/src/optimizers/base_optimizer.py
type OptimizerConfig struct {
	Name           string   `json:"name"`
	LearningRate   float64  `json:"learning_rate"`
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

// check refuses what isn't supported and what can't be.
func (c *OptimizerConfig) check() error {
	switch {
	case c.UseEMA:
		return unsupported("use_ema", "moving averages of weights are not supported")
	case c.LossScaleFactor != nil:
		return unsupported("loss_scale_factor", "loss scaling is not supported")
	case c.GradientAccumulationSteps != nil:
		return unsupported("gradient_accumulation_steps", "gradient accumulation is not supported")
	case !(c.LearningRate >= 0) || math.IsInf(c.LearningRate, 0):
		return &nn.FormatError{Where: nn.Where{Object: "compile config", Key: "learning_rate"}, Msg: "must be 0 or more"}
	}
	clips := 0
	for _, p := range []*float64{c.ClipNorm, c.GlobalClipNorm, c.ClipValue} {
		if p != nil {
			clips++
		}
	}
	if clips > 1 {
		return &nn.FormatError{Where: nn.Where{Object: "compile config", Key: "clipnorm"},
			Msg: "only one of clipnorm, clipvalue and global_clipnorm can be set"}
	}
	return nil
}

// ParseOptimizer makes an optimizer, with Keras's defaults, of its name: adam, sgd, rmsprop or the class's.
func ParseOptimizer(name string) (Optimizer, error) {
	switch name {
	case "adam", "Adam":
		return NewAdam(), nil
	case "sgd", "SGD":
		return NewSGD(), nil
	case "rmsprop", "RMSprop", "rms_prop":
		return NewRMSprop(), nil
	}
	return nil, unsupported("optimizer", "the optimizer %q is not supported%s", name, near(name, []string{"adam", "sgd", "rmsprop"}))
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
	o, err := ParseOptimizer(name)
	if err != nil || config == nil {
		return o, err
	}
	var keys map[string]json.RawMessage
	if json.Unmarshal(config, &keys) != nil {
		return nil, malformed("optimizer", config)
	}
	if rate := bytes.TrimSpace(keys["learning_rate"]); len(rate) > 0 && rate[0] == '{' {
		return nil, unsupported("learning_rate", "learning rate schedules are not supported")
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
	return o, o.common().check()
}

func encodeOptimizer(o Optimizer) (json.RawMessage, error) {
	if err := o.common().check(); err != nil {
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
		if key != "ema_overwrite_frequency" {
			config[key] = pythonFloat(v)
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

// Adam is Keras's Adam.
//
// Source: keras/src/optimizers/adam.py; Kingma et al., 2014, arXiv:1412.6980
type Adam struct {
	OptimizerConfig
	Beta1   float64 `json:"beta_1"`
	Beta2   float64 `json:"beta_2"`
	Epsilon float64 `json:"epsilon"`
	AMSGrad bool    `json:"amsgrad"`
}

// NewAdam makes an Adam with Keras's defaults.
func NewAdam() *Adam {
	return &Adam{OptimizerConfig: newOptimizerConfig("adam", .001), Beta1: .9, Beta2: .999, Epsilon: 1e-7}
}

func (*Adam) class() string { return "Adam" }

func (o *Adam) slots() [][]string {
	s := [][]string{{"momentum", "velocity"}}
	if o.AMSGrad {
		s = append(s, []string{"velocity_hat"})
	}
	return s
}

func (o *Adam) update(w, g []float32, s [][]float32, rate float32, step int64) {
	power := func(beta float64) float32 { return float32(math.Pow(float64(float32(beta)), float64(step))) }
	alpha := rate * float32(math.Sqrt(float64(1-power(o.Beta2)))) / (1 - power(o.Beta1))
	m, v, eps := s[0], s[1], float32(o.Epsilon)
	if !o.AMSGrad {
		vec.Adam(w, m, v, g, alpha, o.Beta1, o.Beta2, eps)
		return
	}
	c1, c2, top := float32(1-o.Beta1), float32(1-o.Beta2), s[2]
	for i, d := range g {
		m[i] += float32((d - m[i]) * c1)
		v[i] += float32((float32(d*d) - v[i]) * c2)
		top[i] = max(top[i], v[i])
		w[i] -= m[i] * alpha / (sqrt(top[i]) + eps)
	}
}

func sqrt(v float32) float32 { return float32(math.Sqrt(float64(v))) }

// SGD is gradient descent, with momentum or without.
//
// Source: keras/src/optimizers/sgd.py
type SGD struct {
	OptimizerConfig
	Momentum float64 `json:"momentum"`
	Nesterov bool    `json:"nesterov"`
}

// NewSGD makes an SGD with Keras's defaults.
func NewSGD() *SGD { return &SGD{OptimizerConfig: newOptimizerConfig("sgd", .01)} }

func (*SGD) class() string { return "SGD" }

func (o *SGD) slots() [][]string {
	if o.Momentum == 0 {
		return nil
	}
	return [][]string{{"momentum"}}
}

func (o *SGD) update(w, g []float32, s [][]float32, rate float32, _ int64) {
	if o.Momentum == 0 {
		vec.SGD(w, g, rate)
		return
	}
	vec.Momentum(w, s[0], g, rate, float32(o.Momentum), o.Nesterov)
}

// RMSprop divides the gradient by the root of its mean square.
//
// Source: keras/src/optimizers/rmsprop.py
type RMSprop struct {
	OptimizerConfig
	Rho      float64 `json:"rho"`
	Momentum float64 `json:"momentum"`
	Epsilon  float64 `json:"epsilon"`
	Centered bool    `json:"centered"`
}

// NewRMSprop makes an RMSprop with Keras's defaults.
func NewRMSprop() *RMSprop {
	return &RMSprop{OptimizerConfig: newOptimizerConfig("rm_sprop", .001), Rho: .9, Epsilon: 1e-7}
}

func (*RMSprop) class() string { return "RMSprop" }

func (o *RMSprop) slots() [][]string {
	s := [][]string{{"velocity"}}
	if o.Momentum > 0 {
		s = append(s, []string{"momentum"})
	}
	if o.Centered {
		s = append(s, []string{"average_gradient"})
	}
	return s
}

func (o *RMSprop) update(w, g []float32, s [][]float32, rate float32, _ int64) {
	rho, rest, eps, momentum := float32(o.Rho), float32(1-o.Rho), float32(o.Epsilon), float32(o.Momentum)
	v := s[0]
	var moved, average []float32
	if o.Momentum > 0 {
		moved = s[1]
	}
	if o.Centered {
		average = s[len(s)-1]
	}
	for i, d := range g {
		v[i] = float32(rho*v[i]) + float32(rest*float32(d*d))
		root := v[i] + eps
		if average != nil {
			average[i] = float32(rho*average[i]) + float32(rest*d)
			root = v[i] - float32(average[i]*average[i]) + eps
		}
		by := rate * d / sqrt(root)
		if moved != nil {
			moved[i] = float32(momentum*moved[i]) + by
			by = moved[i]
		}
		w[i] -= by
	}
}
