package train

import (
	"fmt"
	"math"
	"strings"

	"kerasgo/internal/safeio"
	"kerasgo/nn"
)

// Callback is what a caller wants done at points of training; nil functions are skipped. An error ends training.
//
// All of Keras's callbacks have their place here but two: OrbaxCheckpoint, whose format is another library's (see
// [BackupAndRestore] and [ModelCheckpoint]), and RemoteMonitor, which sends logs over the network (an EpochEnd of four lines
// does that where it is wanted). LambdaCallback is this struct.
type Callback struct {
	TrainBegin, EpochBegin, BatchEnd, EpochEnd, TrainEnd func(*State) error
	TestBegin, TestEnd                                   func(*State) error // around each validation

	// Save returns what the callback remembers, by names of its choice, for a [Checkpoint]; Load, called after TrainBegin, and
	// perhaps again after EpochBegin, takes it back. Both or none. Name tells the callback from others in a checkpoint.
	Name string
	Save func() (map[string]*nn.Tensor, error)
	Load func(*State, map[string]*nn.Tensor) error

	backup *backup
}

// State is what a callback sees of training.
type State struct {
	Model         nn.Model
	Epoch, Epochs int // from 0
	Step, Steps   int // steps done in this epoch, and all of them
	// Logs are the epoch's means so far; at its end with validation. They last until the next step.
	Logs Logs

	trainer    *Trainer
	stop       bool
	unmeasured bool // validation waits for a later epoch
}

// Stop ends training after this step or epoch.
func (s *State) Stop() { s.stop = true }

// LearningRate is the optimizer's; of a schedule that of the last step.
func (s *State) LearningRate() float64 { return float64(s.trainer.rate.F32[0]) }

// SetLearningRate changes it from the next step on. A schedule goes its own way.
func (s *State) SetLearningRate(v float64) { s.trainer.rate.F32[0] = float32(v) }

// monitor judges whether a value is better than another.
type monitor struct {
	name  string
	up    bool
	delta float64
}

// newMonitor is Keras's: mode "min", "max", or "" for the metric's own direction.
//
// Source: keras/src/callbacks/monitor_callback.py
func newMonitor(name, mode string, delta float64) (monitor, error) {
	if name == "" {
		name = "val_loss"
	}
	m := monitor{name: name, delta: math.Abs(delta)}
	switch mode {
	case "max":
		m.up = true
	case "min":
	case "", "auto":
		base := strings.TrimPrefix(name, "val_")
		m.up = rising(base)
	default:
		return m, fmt.Errorf("mode must be auto, min or max, found %q", mode)
	}
	return m, nil
}

// rising tells by its name whether more of a metric is better.
func rising(name string) bool {
	for _, end := range [...]string{"accuracy", "acc", "auc", "precision", "recall", "f1_score", "fbeta_score", "iou", "io_u", "r2_score",
		"correlation", "cosine_similarity", "precision_at_recall", "recall_at_precision", "sensitivity_at_specificity", "specificity_at_sensitivity"} {
		if strings.HasSuffix(strings.ToLower(name), end) {
			return true
		}
	}
	return false
}

// better compares as Keras does, whose operations turn both sides into float32.
func (m monitor) better(v, than float64) bool {
	if m.up {
		return float32(v-m.delta) > float32(than)
	}
	return float32(v+m.delta) < float32(than)
}

// value is what is watched; there is false after an epoch that validation doesn't follow, which nothing can be said of.
func (m monitor) value(s *State) (v float64, there bool, err error) {
	v, there = s.Logs.Get(m.name)
	if !there && !(s.unmeasured && strings.HasPrefix(m.name, "val_")) {
		return 0, false, fmt.Errorf("there is no %q to watch; there is %s", m.name, strings.Join(s.Logs.Names(), ", "))
	}
	return v, there, nil
}

// EarlyStopping are the arguments of Keras's callback of that name.
//
// Source: keras/src/callbacks/early_stopping.py
type EarlyStopping struct {
	Monitor            string // "": val_loss
	MinDelta           float64
	Patience           int      // epochs without improvement
	Mode               string   // min, max, or "" by the name
	Baseline           *float64 // nil: none
	RestoreBestWeights bool
	StartFromEpoch     int
}

// Callback stops training when the value has stopped getting better.
func (e EarlyStopping) Callback() (Callback, error) {
	m, err := newMonitor(e.Monitor, e.Mode, e.MinDelta)
	if err != nil {
		return Callback{}, err
	}
	var best record
	var wait int
	var weights []*nn.Tensor
	keep := func(s *State) {
		if e.RestoreBestWeights {
			weights = weights[:0]
			for w := range nn.Weights(s.Model) {
				weights = append(weights, w.Data.Clone())
			}
		}
	}
	return Callback{
		Name: fmt.Sprintf("EarlyStopping(%s, patience %d)", m.name, e.Patience),
		TrainBegin: func(*State) error {
			best, wait, weights = record{}, 0, nil
			return nil
		},
		EpochEnd: func(s *State) error {
			v, there, err := m.value(s)
			if err != nil || !there || s.Epoch < e.StartFromEpoch {
				return err
			}
			if weights == nil {
				keep(s)
			}
			wait++
			if !best.have || m.better(v, best.value) {
				best = record{v, true}
				keep(s)
				if e.Baseline == nil || m.better(v, *e.Baseline) {
					wait = 0
				}
				return nil
			}
			if wait >= e.Patience && s.Epoch > 0 {
				s.Stop()
			}
			return nil
		},
		TrainEnd: func(s *State) error {
			if weights == nil {
				return nil
			}
			i := 0
			for w := range nn.Weights(s.Model) {
				w.Data.CopyFrom(weights[i])
				i++
			}
			nn.WeightsChanged(s.Model)
			return nil
		},
		Save: func() (map[string]*nn.Tensor, error) {
			memory := best.save(float64(wait))
			for i, w := range weights {
				memory[fmt.Sprintf("weight_%d", i)] = w
			}
			return memory, nil
		},
		Load: func(s *State, memory map[string]*nn.Tensor) error {
			var err error
			if best, err = loadRecord(memory, &wait); err != nil || memory["weight_0"] == nil {
				weights = nil
				return err
			}
			keep(s)
			for i, w := range weights {
				saved := memory[fmt.Sprintf("weight_%d", i)]
				if saved == nil || !saved.Shape.Equal(w.Shape) || saved.DType.Storage() != w.DType.Storage() {
					return &safeio.FormatError{Msg: fmt.Sprintf("the best weight %d doesn't fit", i), Want: w.Spec.String()}
				}
				w.CopyFrom(saved)
			}
			return nil
		},
	}, nil
}

// record is the best value so far.
type record struct {
	value float64
	have  bool
}

// save is the record and some counters, as a callback remembers them.
func (r record) save(counters ...float64) map[string]*nn.Tensor {
	have := 0.0
	if r.have {
		have = 1
	}
	return map[string]*nn.Tensor{"state": list(append([]float64{r.value, have}, counters...)...)}
}

// loadRecord takes back what save returned.
func loadRecord(memory map[string]*nn.Tensor, counters ...*int) (r record, err error) {
	t := memory["state"]
	if t == nil || len(t.F64) != 2+len(counters) {
		return r, &safeio.FormatError{Msg: "no such state of this callback"}
	}
	for i, c := range counters {
		if v := t.F64[2+i]; v >= 0 && v < 1<<53 {
			*c = int(v)
		}
	}
	return record{t.F64[0], t.F64[1] != 0}, nil
}

// UntilLoss stops training after the first epoch whose loss is under a threshold.
func UntilLoss(threshold float64) Callback { return Until("loss", false, threshold) }

// Until stops training after the first epoch whose value of a name (loss, val_accuracy, ...) is under a threshold, or,
// where above is true, over it.
func Until(name string, above bool, threshold float64) Callback {
	m := monitor{name: name, up: above}
	return Callback{EpochEnd: func(s *State) error {
		v, there, err := m.value(s)
		if err == nil && there && m.better(v, threshold) {
			s.Stop()
		}
		return err
	}}
}

// TerminateOnNaN stops training after the first step whose loss is NaN or infinite. Without it Fit ends with a [NaNError] there;
// with it and Options.AllowNaN, training ends as if it were complete, with that step in the history, as in Keras.
//
// Source: keras/src/callbacks/terminate_on_nan.py
func TerminateOnNaN() Callback {
	return Callback{BatchEnd: func(s *State) error {
		if v, ok := s.Logs.Get("loss"); ok && v-v != 0 {
			s.Stop()
		}
		return nil
	}}
}
