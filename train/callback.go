package train

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"kerasgo/nn"
)

// Callback is what a caller wants done at points of training; nil functions are skipped. An error ends training.
//
// All of Keras's callbacks have their place here but two: OrbaxCheckpoint, whose format is another library's (see
// [BackupAndRestore] and [ModelCheckpoint]), and RemoteMonitor, which sends logs over the network (an EpochEnd of four lines
// does that where it is wanted). LambdaCallback is this struct.
type Callback struct {
	TrainBegin, EpochBegin, BatchEnd, EpochEnd, TrainEnd func(*State) error

	// Save returns what the callback remembers, by names of its choice, for a [Checkpoint]; Load, called after TrainBegin, and
	// perhaps again after EpochBegin, takes it back. Both or none. Name tells the callback from others in a checkpoint.
	Name string
	Save func() (map[string]*nn.Tensor, error)
	Load func(map[string]*nn.Tensor) error

	backup *backup
}

// State is what a callback sees of training.
type State struct {
	Model         nn.Model
	Epoch, Epochs int // from 0
	Step, Steps   int // steps done in this epoch, and all of them
	// Logs are the epoch's means so far; at its end with validation. They last until the next step.
	Logs Logs

	trainer *Trainer
	stop    bool
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

func (m monitor) better(v, than float64) bool {
	if m.up {
		return v-m.delta > than
	}
	return v+m.delta < than
}

func (m monitor) value(s *State) (float64, error) {
	v, ok := s.Logs.Get(m.name)
	if !ok {
		return 0, fmt.Errorf("there is no %q to watch; there is %s", m.name, strings.Join(s.Logs.Names(), ", "))
	}
	return v, nil
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
	var best float64
	var have bool
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
		TrainBegin: func(*State) error {
			have, wait, weights = false, 0, nil
			return nil
		},
		EpochEnd: func(s *State) error {
			v, err := m.value(s)
			if err != nil || s.Epoch < e.StartFromEpoch {
				return err
			}
			if weights == nil {
				keep(s)
			}
			wait++
			if !have || m.better(v, best) {
				best, have = v, true
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
	}, nil
}

// ModelCheckpoint are the arguments of Keras's callback of that name. Save writes the model, keras.Save for one.
//
// Source: keras/src/callbacks/model_checkpoint.py
type ModelCheckpoint struct {
	Save         func(m nn.Model, path string) error
	Path         string // {epoch}, {epoch:02d} and names of logs, {val_loss:.2f}, stand for their values
	Monitor      string // "": val_loss
	Mode         string // min, max, or "" by the name
	SaveBestOnly bool
}

// Callback saves the model after each epoch, or after those that were the best so far.
func (c ModelCheckpoint) Callback() (Callback, error) {
	m, err := newMonitor(c.Monitor, c.Mode, 0)
	if err != nil {
		return Callback{}, err
	}
	if c.Save == nil {
		return Callback{}, fmt.Errorf("a ModelCheckpoint needs a function that saves")
	}
	var best float64
	var have bool
	return Callback{EpochEnd: func(s *State) error {
		if c.SaveBestOnly {
			v, err := m.value(s)
			if err != nil {
				return err
			}
			if have && !m.better(v, best) {
				return nil
			}
			best, have = v, true
		}
		path, err := expand(c.Path, s)
		if err != nil {
			return err
		}
		s.trainer.finish()
		return c.Save(s.Model, path)
	}}, nil
}

// formats are Python's for numbers, as far as Go's are the same.
var formats = regexp.MustCompile(`^0?[0-9]{0,2}(\.[0-9]{1,2})?[dfeg]?$`)

// expand puts values in the place of {name} and {name:format} of a path.
func expand(path string, s *State) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(path, "{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		field, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", fmt.Errorf("%q: a { without }", path)
		}
		name, format, _ := strings.Cut(field, ":")
		switch v, ok := s.Logs.Get(name); {
		case !formats.MatchString(format):
			return "", fmt.Errorf("%q: the format %q isn't one like 02d or .4f", field, format)
		case name == "epoch":
			fmt.Fprintf(&b, "%"+strings.TrimSuffix(format, "d")+"d", s.Epoch+1)
		case !ok:
			return "", fmt.Errorf("%q: there is no %q to put in the name; there is %s", field, name, strings.Join(s.Logs.Names(), ", "))
		case format == "":
			b.WriteString(strconv.FormatFloat(v, 'g', -1, 64))
		case strings.HasSuffix(format, "d"):
			return "", fmt.Errorf("%q: %s isn't a whole number", field, name)
		default:
			fmt.Fprintf(&b, "%"+format, v)
		}
		path = after
	}
}

// CSVLogger writes a line an epoch: its number, from 0, then the logs sorted by name, as Keras's callback does.
//
// Source: keras/src/callbacks/csv_logger.py
func CSVLogger(w io.Writer) Callback {
	var keys []string
	return Callback{EpochEnd: func(s *State) error {
		out := csv.NewWriter(w)
		out.UseCRLF = true
		if keys == nil {
			keys = slices.Sorted(slices.Values(s.Logs.Names()))
			if !slices.ContainsFunc(keys, func(k string) bool { return strings.HasPrefix(k, "val_") }) {
				for _, k := range slices.Clone(keys) {
					keys = append(keys, "val_"+k)
				}
			}
			if err := out.Write(append([]string{"epoch"}, keys...)); err != nil {
				return err
			}
		}
		line := []string{strconv.Itoa(s.Epoch)}
		for _, k := range keys {
			if v, ok := s.Logs.Get(k); ok {
				line = append(line, strconv.FormatFloat(v, 'g', -1, 64))
			} else {
				line = append(line, "NA")
			}
		}
		if err := out.Write(line); err != nil {
			return err
		}
		out.Flush()
		return out.Error()
	}}
}

// UntilLoss stops training after the first epoch whose loss is under a threshold.
func UntilLoss(threshold float64) Callback { return Until("loss", false, threshold) }

// Until stops training after the first epoch whose value of a name (loss, val_accuracy, ...) is under a threshold, or,
// where above is true, over it.
func Until(name string, above bool, threshold float64) Callback {
	m := monitor{name: name, up: above}
	return Callback{EpochEnd: func(s *State) error {
		v, err := m.value(s)
		if err == nil && m.better(v, threshold) {
			s.Stop()
		}
		return err
	}}
}
