package train_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"kerasgo/nn"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

// told is testdata/callbacks/callbacks.json, by scripts/callbacks.py.
type told struct {
	Runs []struct {
		Callback  string
		Arguments struct {
			Monitor, Mode, Filepath string
			Patience, Cooldown      int
			MinDelta                *float64 `json:"min_delta"`
			Factor                  float64
			MinLR                   float64 `json:"min_lr"`
			Baseline                *float64
			Restore                 bool     `json:"restore_best_weights"`
			From                    int      `json:"start_from_epoch"`
			BestOnly                bool     `json:"save_best_only"`
			WeightsOnly             bool     `json:"save_weights_only"`
			Freq                    int      `json:"save_freq"`
			Threshold               *float64 `json:"initial_value_threshold"`
		}
		Values  []float64
		Epochs  int
		Rates   []float64
		Saved   []string
		Weights float32
	}
	Tables []struct {
		Separator string
		Before    *string
		Logs      []map[string]string
		Text      string
	}
	Paths []struct {
		Path         string
		Epoch, Batch int
		Logs         map[string]float64
		Want         *string
	}
}

func toldByKeras(t *testing.T) (k told) {
	t.Helper()
	raw, err := os.ReadFile(filepath.FromSlash("../testdata/callbacks/callbacks.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &k); err != nil {
		t.Fatal(err)
	}
	if len(k.Runs) < 80 || len(k.Tables) < 12 || len(k.Paths) < 50 {
		t.Fatal("too few cases")
	}
	return k
}

// one is a model of one weight, whose learning rate is 0.01.
func one(t *testing.T) nn.Model {
	t.Helper()
	d := layers.NewDense(1, "")
	d.UseBias = false
	m, err := nn.NewSequential(nn.NewInput(1), d)
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.InitWeights(m, 1); err != nil {
		t.Fatal(err)
	}
	compile(t, m, train.NewSGD())
	return m
}

// TestCallbacksAsKeras tells callbacks of losses, epoch by epoch, and has them stop, save, restore and set learning rates
// exactly as Keras's do.
func TestCallbacksAsKeras(t *testing.T) {
	for _, k := range toldByKeras(t).Runs {
		m := one(t)
		s, err := train.NewState(m)
		if err != nil {
			t.Fatal(err)
		}
		a, dir := k.Arguments, t.TempDir()
		var saved []string
		var c train.Callback
		switch k.Callback {
		case "EarlyStopping":
			e := train.EarlyStopping{Monitor: a.Monitor, Patience: a.Patience, Mode: a.Mode, Baseline: a.Baseline, RestoreBestWeights: a.Restore, StartFromEpoch: a.From}
			if a.MinDelta != nil {
				e.MinDelta = *a.MinDelta
			}
			c, err = e.Callback()
		case "ReduceLROnPlateau":
			c, err = train.ReduceLROnPlateau{Monitor: a.Monitor, Factor: a.Factor, Patience: a.Patience, Mode: a.Mode, MinDelta: a.MinDelta, Cooldown: a.Cooldown, MinLR: a.MinLR}.Callback()
		case "ModelCheckpoint":
			c, err = train.ModelCheckpoint{Path: filepath.Join(dir, a.Filepath), Monitor: a.Monitor, Mode: a.Mode, SaveBestOnly: a.BestOnly, SaveWeightsOnly: a.WeightsOnly,
				EverySteps: a.Freq, Threshold: a.Threshold, Save: func(_ nn.Model, path string) error {
					rel, err := filepath.Rel(dir, path)
					saved = append(saved, filepath.ToSlash(rel))
					return err
				}}.Callback()
		case "LearningRateScheduler":
			c = train.LearningRateScheduler(func(epoch int, rate float64) float64 {
				if epoch%2 == 1 {
					return rate * .7
				}
				return rate
			})
		default:
			t.Fatalf("%q", k.Callback)
		}
		if err != nil {
			t.Fatal(err)
		}
		call := func(hook func(*train.State) error) {
			t.Helper()
			if hook == nil {
				return
			}
			if err := hook(s); err != nil {
				t.Fatalf("%s %+v: %v", k.Callback, a, err)
			}
		}
		var rates []float64
		call(c.TrainBegin)
		epochs := 0
		for ; epochs < len(k.Values) && !s.Stopped(); epochs++ {
			s.Epoch, s.Step, s.Logs = epochs, 0, nil
			call(c.EpochBegin)
			v := k.Values[epochs]
			for b := range 5 {
				s.Step, s.Logs = b+1, train.Logs{{Name: "accuracy", Value: 1 - v}, {Name: "loss", Value: v + float64(b)/100}}
				call(c.BatchEnd)
			}
			for w := range nn.Weights(m) {
				w.Data.F32[0] = float32(epochs)
			}
			s.Logs = train.Logs{{Name: "accuracy", Value: 1 - v}, {Name: "loss", Value: v}, {Name: "val_accuracy", Value: 1 - v/2}, {Name: "val_loss", Value: v / 2}}
			call(c.EpochEnd)
			if r, ok := s.Logs.Get("learning_rate"); ok {
				rates = append(rates, r)
			}
		}
		call(c.TrainEnd)
		if epochs != k.Epochs || !reflect.DeepEqual(rates, k.Rates) || strings.Join(saved, " ") != strings.Join(k.Saved, " ") || weights(m)[0] != k.Weights {
			t.Errorf("%s %+v of %v:\n%d epochs, rates %v, saved %q, weights of epoch %v\nKeras:\n%d, %v, %q, %v", k.Callback, a, k.Values,
				epochs, rates, saved, weights(m)[0], k.Epochs, k.Rates, k.Saved, k.Weights)
		}
	}
}

// TestCSVAsKeras writes the same bytes.
func TestCSVAsKeras(t *testing.T) {
	for _, k := range toldByKeras(t).Tables {
		path := filepath.Join(t.TempDir(), "log.csv")
		if k.Before != nil {
			if err := os.WriteFile(path, []byte(*k.Before), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		c, err := train.CSVLogger{Path: path, Separator: rune(k.Separator[0]), Append: k.Before != nil}.Callback()
		if err != nil {
			t.Fatal(err)
		}
		s, err := train.NewState(one(t))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.TrainBegin(s); err != nil {
			t.Fatal(err)
		}
		for i, l := range k.Logs {
			s.Epoch, s.Logs = i, nil
			for name, text := range l {
				v, err := strconv.ParseFloat(text, 64)
				if err != nil {
					t.Fatal(err)
				}
				s.Logs = append(s.Logs, train.Log{Name: name, Value: v})
			}
			if err := c.EpochEnd(s); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.TrainEnd(s); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil || string(got) != k.Text {
			t.Errorf("%q %v\nKeras: %q", got, err, k.Text)
		}
	}
}

// TestPathsAsKeras: the names of ModelCheckpoint's files are those of Python's str.format.
func TestPathsAsKeras(t *testing.T) {
	for _, k := range toldByKeras(t).Paths {
		var logs train.Logs
		for name, v := range k.Logs {
			logs = append(logs, train.Log{Name: name, Value: v})
		}
		got, err := train.ExpandPath(k.Path, k.Epoch, k.Batch, logs)
		switch {
		case k.Want == nil && err == nil:
			t.Errorf("%q becomes %q, and is an error in Python", k.Path, got)
		case k.Want != nil && (err != nil || got != *k.Want):
			t.Errorf("%q becomes %q, %v; in Python %q", k.Path, got, err, *k.Want)
		}
	}
	for _, v := range []float64{0, 1, -1.5, .1, 1e-4, 9.99e-5, 1e15, 1e16, 123456789, math.MaxFloat64} {
		if back, err := strconv.ParseFloat(train.PythonRepr(v), 64); err != nil || back != v {
			t.Errorf("%v becomes %s", v, train.PythonRepr(v))
		}
	}
}
