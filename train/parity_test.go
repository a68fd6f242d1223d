package train_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kerasgo/data"
	"kerasgo/internal/npy"
	"kerasgo/internal/safeio"
	"kerasgo/internal/testcheck"
	"kerasgo/nn"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

// parity is a model that real Keras trained; scripts/parity.py says what is in it.
type parity struct {
	Case    string          `json:"case"`
	Model   json.RawMessage `json:"model"`
	Compile json.RawMessage `json:"compile"`
	Weights []struct {
		Path  string `json:"path"`
		Shape []int  `json:"shape"`
	} `json:"weights"`
	Optimizer []string `json:"optimizer"`
	Fit       struct {
		BatchSize       int                `json:"batch_size"`
		Epochs          int                `json:"epochs"`
		ValidationSplit float64            `json:"validation_split"`
		ClassWeight     map[string]float64 `json:"class_weight"`
		SwapEMA         *bool              `json:"swap_ema"`
		Steps           int                `json:"steps_per_epoch"`
		ValSteps        int                `json:"validation_steps"`
		ValBatch        int                `json:"validation_batch_size"`
		ValFreq         any                `json:"validation_freq"`
	} `json:"fit"`
	History    map[string][]float64 `json:"history"`
	HistoryXLA map[string][]float64 `json:"history_xla"`
	Spread     []float64            `json:"spread"`

	arrays map[string]*nn.Tensor
}

func readMeta(t *testing.T, path string, meta any) map[string]*nn.Tensor {
	t.Helper()
	a, err := npy.OpenArchive(path, safeio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	arrays := map[string]*nn.Tensor{}
	for _, name := range a.Names() {
		if arrays[name], err = a.Read(name); err != nil {
			t.Fatal(err)
		}
	}
	raw := make([]byte, arrays["meta"].Len())
	for i, v := range arrays["meta"].I32 {
		raw[i] = byte(v)
	}
	if err := json.Unmarshal(raw, meta); err != nil {
		t.Fatal(err)
	}
	return arrays
}

func (p *parity) list(prefix string) (out []*nn.Tensor) {
	for i := 0; p.arrays[fmt.Sprintf("%s_%d", prefix, i)] != nil; i++ {
		out = append(out, p.arrays[fmt.Sprintf("%s_%d", prefix, i)])
	}
	return out
}

// model decodes the model and gives it the weights that Keras started from.
func (p *parity) model(t *testing.T) (nn.Model, []*nn.Weight) {
	t.Helper()
	d := nn.Decoder{Registry: layers.Builtin()}
	l, err := d.Decode(p.Model)
	if err != nil {
		t.Fatal(err)
	}
	m := l.(nn.Model)
	if err := nn.Declare(m); err != nil {
		t.Fatal(err)
	}
	var ws []*nn.Weight
	for w := range nn.Weights(m) {
		if !strings.Contains(w.Name, "seed_generator") {
			ws = append(ws, w)
		}
	}
	if len(ws) != len(p.Weights) {
		t.Fatalf("%d weights, Keras has %d", len(ws), len(p.Weights))
	}
	for i, w := range ws {
		w.Data = p.arrays[fmt.Sprintf("w_%d", i)].Clone()
		if !w.Data.Shape.Equal(w.Shape) || !strings.HasSuffix(p.Weights[i].Path, w.Name) {
			t.Fatalf("weight %d is %s %v, Keras has %s %v", i, w.Path, w.Shape, p.Weights[i].Path, w.Data.Shape)
		}
	}
	nn.SetTraining(m, &nn.TrainingState{Compile: p.Compile})
	return m, ws
}

func (p *parity) options() train.Options {
	o := train.Options{Epochs: p.Fit.Epochs, BatchSize: p.Fit.BatchSize, ValidationSplit: p.Fit.ValidationSplit, NoShuffle: true, Threads: 1}
	o.StepsPerEpoch, o.ValidationSteps, o.ValidationBatchSize = p.Fit.Steps, p.Fit.ValSteps, p.Fit.ValBatch
	switch v := p.Fit.ValFreq.(type) {
	case float64:
		o.ValidationFreq = int(v)
	case []any:
		for _, e := range v {
			o.ValidationEpochs = append(o.ValidationEpochs, int(e.(float64)))
		}
	}
	if p.Case == "option_excluded" {
		o.NoWeightDecay = []string{"bias"}
	}
	if p.Fit.SwapEMA != nil {
		o.Callbacks = []train.Callback{train.SwapEMAWeights{OnEpoch: *p.Fit.SwapEMA}.Callback()}
	}
	for k, v := range p.Fit.ClassWeight {
		if o.ClassWeight == nil {
			o.ClassWeight = map[int]float64{}
		}
		n, _ := strconv.Atoi(k)
		o.ClassWeight[n] = v
	}
	return o
}

func parityFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../testdata/parity/*.npz")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d parity cases: %v", len(files), err)
	}
	return slices.DeleteFunc(files, func(f string) bool { return filepath.Base(f) == "losses.npz" })
}

// TestParity trains from the same weights on the same rows as Keras did, and must end where Keras ended: weights within
// 1e-4 of their range, or three times what two runs of Keras differ by; history within 1e-4; optimizer state, too.
func TestParity(t *testing.T) {
	for _, file := range parityFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".npz"), func(t *testing.T) {
			var p parity
			p.arrays = readMeta(t, file, &p)
			m, ws := p.model(t)
			src := &data.Arrays{X: p.list("x"), Y: p.list("t"), Weight: p.list("sw")}
			h, err := train.Fit(context.Background(), m, src, p.options())
			if err != nil {
				t.Fatal(err)
			}
			compareHistory(t, h, &p)
			for i, w := range ws {
				bound := max(1e-4, 3*p.Spread[i])
				if off := testcheck.Off(w.Data, p.arrays[fmt.Sprintf("after_%d", i)]); !(off <= bound) {
					t.Errorf("weight %s is off by %.2g of range (bound %.2g)", w.Path, off, bound)
				}
			}
			compareState(t, m, &p)
			outs, err := m.Predict(context.Background(), src.X...)
			if err != nil {
				t.Fatal(err)
			}
			for i, y := range outs {
				if off := testcheck.Off(y, p.arrays[fmt.Sprintf("y_%d", i)]); !(off <= 1e-4) {
					t.Errorf("output %d is off by %.2g of range", i, off)
				}
			}
		})
	}
}

func compareHistory(t *testing.T, h *train.History, p *parity) {
	t.Helper()
	if len(h.Values) != len(p.History) {
		t.Errorf("history has %v, Keras %v", h.Values, p.History)
	}
	for name, want := range p.History {
		got := h.Values[name]
		if len(got) != len(want) {
			t.Errorf("history has %d values of %q, Keras %d", len(got), name, len(want))
			continue
		}
		for e := range want {
			spread := math.Abs(want[e] - p.HistoryXLA[name][e])
			if !(math.Abs(got[e]-want[e]) <= max(1e-4*max(1, math.Abs(want[e])), 3*spread)) {
				t.Errorf("epoch %d: %s is %v, in Keras %v", e, name, got[e], want[e])
			}
		}
	}
}

// compareState checks the optimizer's variables: names, order and values.
func compareState(t *testing.T, m nn.Model, p *parity) {
	t.Helper()
	vars := m.Training().Variables
	if len(vars) != len(p.Optimizer) {
		t.Fatalf("%d optimizer variables, Keras has %d", len(vars), len(p.Optimizer))
	}
	for i, v := range vars {
		name := p.Optimizer[i][strings.LastIndex(p.Optimizer[i], "/")+1:] // most are in the optimizer's name scope
		if _, ok := m.(*nn.Sequential); ok {
			name = strings.TrimPrefix(name, m.Base().Name+"_")
		}
		if v.Name != name {
			t.Errorf("optimizer variable %d is %s, in Keras %s", i, v.Name, name)
		}
		if off := testcheck.Off(v.Value, p.arrays[fmt.Sprintf("o_%d", i)]); !(off <= 1e-3) {
			t.Errorf("%s is off by %.2g of range", v.Name, off)
		}
	}
}

// TestSchedules compares the first rates of each schedule with Keras's.
func TestSchedules(t *testing.T) {
	raw, err := os.ReadFile(filepath.FromSlash("../testdata/parity/schedules.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases []struct {
			Schedule json.RawMessage `json:"schedule"`
			Rates    []float64       `json:"rates"`
		} `json:"cases"`
	}
	if err := json.Unmarshal(raw, &file); err != nil || len(file.Cases) < 10 {
		t.Fatal(len(file.Cases), err)
	}
	for _, c := range file.Cases {
		s, err := train.DecodeSchedule(c.Schedule)
		if err != nil {
			t.Fatal(err)
		}
		for step, want := range c.Rates {
			if got := float64(s.Rate(int64(step))); !(math.Abs(got-want) <= 1e-6*slices.Max(c.Rates)) {
				t.Errorf("%s: step %d has %v, in Keras %v", c.Schedule, step, got, want)
			}
		}
	}
}

// TestResume trains an epoch, hands model and optimizer over as a file would, and must end on the same bits as without.
func TestResume(t *testing.T) {
	for _, file := range parityFiles(t) {
		var p parity
		p.arrays = readMeta(t, file, &p)
		if p.Fit.ValidationSplit > 0 || strings.Contains(string(p.Compile), `"use_ema": true`) { // Fit ends on the averages
			continue
		}
		t.Run(p.Case, func(t *testing.T) {
			src := &data.Arrays{X: p.list("x"), Y: p.list("t"), Weight: p.list("sw")}
			o := p.options()
			o.NoShuffle, o.Seed = false, 7
			whole, want := p.model(t)
			if _, err := train.Fit(context.Background(), whole, src, o); err != nil {
				t.Fatal(err)
			}
			first, half := p.model(t)
			o.Epochs = 1
			if _, err := train.Fit(context.Background(), first, src, o); err != nil {
				t.Fatal(err)
			}
			second, got := p.model(t)
			for i, w := range got {
				w.Data = half[i].Data.Clone()
			}
			state := &nn.TrainingState{Compile: first.Training().Compile}
			for _, v := range first.Training().Variables {
				state.Variables = append(state.Variables, nn.Variable{Name: v.Name, Value: v.Value.Clone()})
			}
			nn.SetTraining(second, state)
			o.Epochs, o.InitialEpoch, o.Threads = p.Fit.Epochs, 1, 3
			if _, err := train.Fit(context.Background(), second, src, o); err != nil {
				t.Fatal(err)
			}
			for i, w := range got {
				if !slices.Equal(w.Data.F32, want[i].Data.F32) {
					t.Errorf("weight %s has other bits", w.Path)
				}
			}
		})
	}
}

// TestLosses compares each loss and its gradient with Keras's, by way of a model that is nothing but the loss.
func TestLosses(t *testing.T) {
	var meta struct {
		Cases []struct {
			Loss       json.RawMessage `json:"loss"`
			Activation string          `json:"activation"`
			Value      float64         `json:"value"`
		} `json:"cases"`
	}
	arrays := readMeta(t, "../testdata/parity/losses.npz", &meta)
	if len(meta.Cases) < 20 {
		t.Fatalf("%d cases", len(meta.Cases))
	}
	for i, c := range meta.Cases {
		at := func(name string) *nn.Tensor { return arrays[fmt.Sprintf("%s_%d", name, i)] }
		t.Run(fmt.Sprintf("%d", i), func(t *testing.T) {
			value, gradient, err := train.LossAndGradient(c.Loss, c.Activation, at("p"), at("t"), at("sw"), at("m"))
			if err != nil {
				t.Fatalf("%s: %v", c.Loss, err)
			}
			if !(math.Abs(value-c.Value) <= 1e-5*max(1e-2, math.Abs(c.Value))) {
				t.Errorf("%s after %q is %v, in Keras %v", c.Loss, c.Activation, value, c.Value)
			}
			if off := testcheck.Off(gradient, at("g")); !(off <= 1e-5) {
				t.Errorf("%s after %q: the gradient is off by %.2g of range", c.Loss, c.Activation, off)
			}
		})
	}
}
