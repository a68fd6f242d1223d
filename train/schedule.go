package train

import (
	"encoding/json"
	"maps"
	"math"
	"slices"

	"kerasgo/nn"
)

// Schedule is a learning rate that changes as training goes on: a *CosineDecay, *CosineDecayRestarts, *ExponentialDecay,
// *InverseTimeDecay, *PiecewiseConstantDecay or *PolynomialDecay. The zero values of numbers that Keras has defaults for
// aren't those defaults.
//
// Source: keras/src/optimizers/schedules/learning_rate_schedule.py
type Schedule interface {
	// Rate is the learning rate after so many steps, from 0.
	Rate(step int64) float32
	class() string
	check() error
}

// ExponentialDecay is InitialLearningRate · DecayRate^(step / DecaySteps).
type ExponentialDecay struct {
	InitialLearningRate float64 `json:"initial_learning_rate"`
	DecaySteps          float64 `json:"decay_steps"`
	DecayRate           float64 `json:"decay_rate"`
	Staircase           bool    `json:"staircase"` // whole numbers of DecaySteps
	Name                string  `json:"name"`
}

func (*ExponentialDecay) class() string  { return "ExponentialDecay" }
func (s *ExponentialDecay) check() error { return positive("decay_steps", s.DecaySteps) }

// Rate implements Schedule.
func (s *ExponentialDecay) Rate(step int64) float32 {
	p := float32(step) / float32(s.DecaySteps)
	if s.Staircase {
		p = floor(p)
	}
	return float32(s.InitialLearningRate) * pow(float32(s.DecayRate), p)
}

// InverseTimeDecay is InitialLearningRate / (1 + DecayRate · step / DecaySteps).
type InverseTimeDecay struct {
	InitialLearningRate float64 `json:"initial_learning_rate"`
	DecaySteps          float64 `json:"decay_steps"`
	DecayRate           float64 `json:"decay_rate"`
	Staircase           bool    `json:"staircase"` // whole numbers of DecaySteps
	Name                string  `json:"name"`
}

func (*InverseTimeDecay) class() string  { return "InverseTimeDecay" }
func (s *InverseTimeDecay) check() error { return positive("decay_steps", s.DecaySteps) }

// Rate implements Schedule.
func (s *InverseTimeDecay) Rate(step int64) float32 {
	p := float32(step) / float32(s.DecaySteps)
	if s.Staircase {
		p = floor(p)
	}
	return float32(s.InitialLearningRate) / (1 + float32(float32(s.DecayRate)*p))
}

// PiecewiseConstantDecay is Values[i] up to the step Boundaries[i], and the last of the values after them.
type PiecewiseConstantDecay struct {
	Boundaries []float64 `json:"boundaries"`
	Values     []float64 `json:"values"` // one more
	Name       string    `json:"name"`
}

func (*PiecewiseConstantDecay) class() string { return "PiecewiseConstantDecay" }

func (s *PiecewiseConstantDecay) check() error {
	if len(s.Boundaries) == 0 || len(s.Values) != len(s.Boundaries)+1 {
		return badValue("boundaries", "there must be one, and one less than values")
	}
	for i, b := range s.Boundaries[1:] {
		if !(b > s.Boundaries[i]) {
			return badValue("boundaries", "must rise")
		}
	}
	return nil
}

// Rate implements Schedule.
func (s *PiecewiseConstantDecay) Rate(step int64) float32 {
	for i, b := range s.Boundaries {
		if step <= int64(b) {
			return float32(s.Values[i])
		}
	}
	return float32(s.Values[len(s.Values)-1])
}

// PolynomialDecay goes from InitialLearningRate to EndLearningRate in DecaySteps, as (1 - step/DecaySteps)^Power.
type PolynomialDecay struct {
	InitialLearningRate float64 `json:"initial_learning_rate"`
	DecaySteps          float64 `json:"decay_steps"`
	EndLearningRate     float64 `json:"end_learning_rate"`
	Power               float64 `json:"power"`
	Cycle               bool    `json:"cycle"` // it goes on beyond DecaySteps, with twice as many, and so on
	Name                string  `json:"name"`
}

func (*PolynomialDecay) class() string  { return "PolynomialDecay" }
func (s *PolynomialDecay) check() error { return positive("decay_steps", s.DecaySteps) }

// Rate implements Schedule.
func (s *PolynomialDecay) Rate(step int64) float32 {
	at, steps := float32(step), float32(s.DecaySteps)
	if s.Cycle {
		if step > 0 {
			steps *= float32(math.Ceil(float64(at / steps)))
		}
	} else {
		at = min(at, steps)
	}
	from, to := float32(s.InitialLearningRate), float32(s.EndLearningRate)
	return float32((from-to)*pow(1-at/steps, float32(s.Power))) + to
}

// CosineDecay rises to WarmupTarget in WarmupSteps, if there is one, then falls by half a cosine to Alpha of that (of
// InitialLearningRate without a target) in DecaySteps.
type CosineDecay struct {
	InitialLearningRate float64  `json:"initial_learning_rate"`
	DecaySteps          float64  `json:"decay_steps"`
	Alpha               float64  `json:"alpha"`
	Name                string   `json:"name"`
	WarmupTarget        *float64 `json:"warmup_target"` // nil: no warm-up
	WarmupSteps         float64  `json:"warmup_steps"`
}

func (*CosineDecay) class() string  { return "CosineDecay" }
func (s *CosineDecay) check() error { return positive("decay_steps", s.DecaySteps) }

// Rate implements Schedule.
func (s *CosineDecay) Rate(step int64) float32 {
	at, steps, from := float32(step), float32(s.DecaySteps), float32(s.InitialLearningRate)
	if s.WarmupTarget != nil {
		warm, target := float32(s.WarmupSteps), float32(*s.WarmupTarget)
		if at < warm {
			return float32((target-from)*(at/warm)) + from
		}
		at, from = min(at, steps+warm)-warm, target
	}
	fall := .5 * (1 + cos(float32(math.Pi)*(min(at, steps)/steps)))
	return from * (float32(float32(1-s.Alpha)*fall) + float32(s.Alpha))
}

// CosineDecayRestarts falls by half a cosine again and again: the first time in FirstDecaySteps, then each time in TMul times
// as many, from MMul times as high.
type CosineDecayRestarts struct {
	InitialLearningRate float64 `json:"initial_learning_rate"`
	FirstDecaySteps     float64 `json:"first_decay_steps"`
	TMul                float64 `json:"t_mul"`
	MMul                float64 `json:"m_mul"`
	Alpha               float64 `json:"alpha"`
	Name                string  `json:"name"`
}

func (*CosineDecayRestarts) class() string { return "CosineDecayRestarts" }

func (s *CosineDecayRestarts) check() error {
	if !(s.TMul > 0) {
		return badValue("t_mul", "must be more than 0")
	}
	return positive("first_decay_steps", s.FirstDecaySteps)
}

// Rate implements Schedule.
func (s *CosineDecayRestarts) Rate(step int64) float32 {
	t, alpha := float32(s.TMul), float32(s.Alpha)
	done := float32(step) / float32(s.FirstDecaySteps)
	restarts := floor(done)
	if t == 1 {
		done -= restarts
	} else {
		restarts = floor(ln(1-float32(done*(1-t))) / ln(t))
		before := (1 - pow(t, restarts)) / (1 - t)
		done = (done - before) / pow(t, restarts)
	}
	fall := float32(.5*pow(float32(s.MMul), restarts)) * (1 + cos(float32(math.Pi)*done))
	return float32(s.InitialLearningRate) * (float32((1-alpha)*fall) + alpha)
}

func floor(v float32) float32 { return float32(math.Floor(float64(v))) }
func cos(v float32) float32   { return float32(math.Cos(float64(v))) }
func ln(v float32) float32    { return float32(math.Log(float64(v))) }

func positive(key string, v float64) error {
	if !(v > 0) {
		return badValue(key, "must be more than 0")
	}
	return nil
}

// schedules makes each schedule with Keras's defaults.
func schedules() map[string]Schedule {
	return map[string]Schedule{
		"CosineDecay":            &CosineDecay{Name: "CosineDecay"},
		"CosineDecayRestarts":    &CosineDecayRestarts{TMul: 2, MMul: 1, Name: "SGDRDecay"},
		"ExponentialDecay":       &ExponentialDecay{Name: "ExponentialDecay"},
		"InverseTimeDecay":       &InverseTimeDecay{Name: "InverseTimeDecay"},
		"PiecewiseConstantDecay": &PiecewiseConstantDecay{Name: "PiecewiseConstant"},
		"PolynomialDecay":        &PolynomialDecay{EndLearningRate: 1e-4, Power: 1, Name: "PolynomialDecay"},
	}
}

func decodeSchedule(raw json.RawMessage) (Schedule, error) {
	name, config, err := named(raw, "learning_rate")
	if err != nil {
		return nil, err
	}
	s := schedules()[name]
	if s == nil {
		return nil, unsupported("learning_rate", "the schedule %q is not supported%s", name, near(name, slices.Sorted(maps.Keys(schedules()))))
	}
	var given, known map[string]json.RawMessage
	if json.Unmarshal(config, &given) != nil || json.Unmarshal(config, s) != nil {
		return nil, malformed("learning_rate", config)
	}
	fields, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(fields, &known); err != nil {
		return nil, err
	}
	for _, key := range slices.Sorted(maps.Keys(given)) {
		if known[key] == nil && !null(given[key]) {
			return nil, unsupported("learning_rate", "the key %q of %s isn't known", key, name)
		}
	}
	// Keras computes in the type of the rate that it starts from: an int makes all of it whole numbers.
	if v := given["initial_learning_rate"]; v != nil && string(pythonFloat(v)) != string(v) {
		return nil, &nn.FormatError{Where: nn.Where{Object: "compile config", Key: "initial_learning_rate"},
			Msg: "must be written as a float, Keras would compute the schedule in whole numbers", Got: string(v)}
	}
	return s, s.check()
}

// encodeSchedule writes rates as floats and steps as they are.
func encodeSchedule(s Schedule) (json.RawMessage, error) {
	raw, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	var config map[string]json.RawMessage
	if err := json.Unmarshal(raw, &config); err != nil {
		return nil, err
	}
	for key, v := range config {
		switch key {
		case "decay_steps", "first_decay_steps", "warmup_steps", "boundaries":
		case "values":
			var list []json.RawMessage
			if err := json.Unmarshal(v, &list); err != nil {
				return nil, err
			}
			for i := range list {
				list[i] = pythonFloat(list[i])
			}
			if config[key], err = json.Marshal(list); err != nil {
				return nil, err
			}
		default:
			config[key] = pythonFloat(v)
		}
	}
	return json.Marshal(map[string]any{"module": "keras.optimizers.schedules", "class_name": s.class(), "config": config, "registered_name": nil})
}
