package train_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"kerasgo/data"
	"kerasgo/imaging"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

// network is a compiled two-layer classifier with drawn weights.
func network(t testing.TB, opt train.Optimizer, extra ...nn.Layer) nn.Model {
	t.Helper()
	m, err := nn.NewSequential(append([]nn.Layer{nn.NewInput(6), layers.NewDense(9, "relu")}, append(extra, layers.NewDense(3, "softmax"))...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.InitWeights(m, 3); err != nil {
		t.Fatal(err)
	}
	compile(t, m, opt)
	return m
}

func compile(t testing.TB, m nn.Model, opt train.Optimizer) {
	t.Helper()
	loss, err := train.ParseLoss("sparse_categorical_crossentropy")
	if err != nil {
		t.Fatal(err)
	}
	accuracy, err := train.ParseMetric("accuracy")
	if err != nil {
		t.Fatal(err)
	}
	if err := train.Compile(m, train.Config{Optimizer: opt, Loss: []train.Loss{loss}, Metrics: [][]train.Metric{{accuracy}}}); err != nil {
		t.Fatal(err)
	}
}

// points are rows of three classes that a line can part.
func points(n int) *data.Arrays {
	rng := graph.Stream(5, "points", 0, 0)
	x, y := graph.NewTensor(n, 6), graph.New(nn.Spec{Shape: nn.Shape{n}, DType: graph.Int32})
	for i := range n {
		y.I32[i] = int32(rng.IntN(3))
		for k := range 6 {
			x.F32[i*6+k] = float32(rng.NormFloat64())
		}
		x.F32[i*6+int(y.I32[i])] += 2
	}
	return &data.Arrays{X: []*nn.Tensor{x}, Y: []*nn.Tensor{y}}
}

func weights(m nn.Model) (out []float32) {
	for w := range nn.Weights(m) {
		out = append(out, w.Data.F32...)
	}
	return out
}

func TestSameSeedSameBits(t *testing.T) {
	var first []float32
	for _, threads := range []int{1, 2, 5} {
		m := network(t, train.NewAdam(), layers.NewDropout(.3))
		h, err := train.Fit(context.Background(), m, points(200), train.Options{Epochs: 9, Seed: 11, Threads: threads, ValidationSplit: .25})
		if err != nil || h.Last("loss") >= h.Values["loss"][0] || len(h.Values["val_accuracy"]) != 9 {
			t.Fatalf("%v %v", h, err)
		}
		if w := weights(m); first == nil {
			first = w
		} else if !slices.Equal(first, w) {
			t.Errorf("%d threads give other bits", threads)
		}
	}
	m := network(t, train.NewAdam(), layers.NewDropout(.3))
	if _, err := train.Fit(context.Background(), m, points(200), train.Options{Epochs: 9, Seed: 12, ValidationSplit: .25}); err != nil || slices.Equal(first, weights(m)) {
		t.Errorf("another seed gives the same bits: %v", err)
	}
}

func TestFrozen(t *testing.T) {
	m := network(t, train.NewSGD(), layers.NewBatchNormalization())
	for _, l := range nn.Layers(m)[1:3] {
		l.Base().Trainable = false
	}
	before := weights(m)
	if _, err := train.Fit(context.Background(), m, points(64), train.Options{}); err != nil {
		t.Fatal(err)
	}
	after := weights(m)
	frozen := 6*9 + 9 + 4*9 // dense and batch normalization, its moments too
	if !slices.Equal(before[:frozen], after[:frozen]) || slices.Equal(before[frozen:], after[frozen:]) {
		t.Error("frozen weights changed, or the others didn't")
	}
	if n := len(m.Training().Variables); n != 2 {
		t.Errorf("%d optimizer variables", n)
	}
}

func TestCancelFinishesTheBatch(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	m := network(t, train.NewAdam())
	steps := 0
	h, err := train.Fit(ctx, m, points(320), train.Options{Epochs: 5, Callbacks: []train.Callback{{BatchEnd: func(s *train.State) error {
		if steps++; s.Epoch == 1 && s.Step == 4 {
			cancel()
		}
		return nil
	}}}})
	if !errors.Is(err, context.Canceled) || len(h.Epochs) != 1 || steps != 14 || m.Training().Variables[0].Value.I64[0] != 14 {
		t.Errorf("%v after %d epochs and %d steps, iteration %v", err, len(h.Epochs), steps, m.Training().Variables[0].Value.I64)
	}
}

func TestNaN(t *testing.T) {
	m := network(t, train.NewSGD())
	src := points(64)
	src.X[0].F32[40*6] = float32(math.Inf(1)) // a source of the caller's own may hold anything
	_, err := train.Fit(context.Background(), m, src, train.Options{Epochs: 2, NoShuffle: true})
	var nan *train.NaNError
	if !errors.As(err, &nan) || nan.Step != 2 || nan.Epoch != 1 || nan.Steps != 2 || !strings.Contains(err.Error(), "step 2/2 of epoch 1") {
		t.Errorf("%v", err)
	}
	for _, w := range weights(m) {
		if w != w {
			t.Fatal("the weights took the NaN")
		}
	}
}

func TestBadData(t *testing.T) {
	ctx := context.Background()
	label := points(64)
	label.Y[0].I32[50] = 3
	nan := points(64)
	nan.Y[0] = graph.NewTensor(64)
	nan.Y[0].F32[9] = float32(math.NaN())
	short := points(64)
	short.Y = nil
	wide := points(64)
	wide.Y[0] = graph.NewTensor(64, 2)
	weighted := points(64)
	weighted.Weight = []*nn.Tensor{graph.NewTensor(64)}
	for want, c := range map[string]struct {
		src data.Source
		o   train.Options
	}{
		"row 50 is 3, expected a class from 0 to 2": {label, train.Options{}},
		"row 9 is NaN":                                    {nan, train.Options{}},
		"1 outputs, the data 0 targets":                   {short, train.Options{}},
		"target of output \"dense_1\": expected":          {wide, train.Options{}},
		"class weights and sample weights can't be given": {weighted, train.Options{ClassWeight: map[int]float64{0: 2}}},
		"there are no rows":                               {points(0), train.Options{}},
		"64 rows can't be split":                          {points(64), train.Options{ValidationSplit: 2}},
		"expected float32(None, 6), found float32(32, 5)": {&data.Arrays{X: []*nn.Tensor{graph.NewTensor(64, 5)}, Y: points(64).Y}, train.Options{}},
	} {
		_, err := train.Fit(ctx, network(t, nil), c.src, c.o)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	m := network(t, nil)
	nn.SetTraining(m, nil)
	if _, err := train.Fit(ctx, m, points(64), train.Options{}); err == nil || !strings.Contains(err.Error(), "isn't compiled") {
		t.Errorf("not compiled: %v", err)
	}
}

func TestClassWeights(t *testing.T) {
	ctx, src := context.Background(), points(50)
	byClass, bySample := network(t, train.NewAdam()), network(t, train.NewAdam())
	o := train.Options{Epochs: 2, ClassWeight: map[int]float64{1: 3}}
	if _, err := train.Fit(ctx, byClass, src, o); err != nil {
		t.Fatal(err)
	}
	src.Weight = []*nn.Tensor{graph.NewTensor(50)}
	for i, c := range src.Y[0].I32 {
		src.Weight[0].F32[i] = 1
		if c == 1 {
			src.Weight[0].F32[i] = 3
		}
	}
	o.ClassWeight = nil
	if _, err := train.Fit(ctx, bySample, src, o); err != nil || !slices.Equal(weights(byClass), weights(bySample)) {
		t.Errorf("class weights aren't the sample weights that they stand for: %v", err)
	}
}

func TestCallbacks(t *testing.T) {
	ctx, src := context.Background(), points(96)
	log := filepath.Join(t.TempDir(), "log.csv")
	csv, err := train.CSVLogger{Path: log}.Callback()
	if err != nil {
		t.Fatal(err)
	}
	var saved []string
	stop, err := train.EarlyStopping{Monitor: "loss", Mode: "max", Patience: 1, RestoreBestWeights: true}.Callback()
	if err != nil {
		t.Fatal(err)
	}
	keep, err := train.ModelCheckpoint{Path: "m-{epoch:02d}-{loss:.1f}.keras", Monitor: "loss", SaveBestOnly: true,
		Save: func(_ nn.Model, path string) error { saved = append(saved, path); return nil }}.Callback()
	if err != nil {
		t.Fatal(err)
	}
	m := network(t, train.NewAdam())
	var first []float32
	h, err := train.Fit(ctx, m, src, train.Options{Epochs: 9, Callbacks: []train.Callback{stop, keep, csv, {EpochEnd: func(s *train.State) error {
		if s.Epoch == 0 {
			first = weights(m)
		}
		return nil
	}}}})
	if err != nil || len(h.Epochs) != 2 || !slices.Equal(first, weights(m)) {
		t.Errorf("early stopping: %v epochs, %v", h.Epochs, err)
	}
	if len(saved) != 2 || !strings.HasPrefix(saved[1], "m-02-") {
		t.Errorf("checkpoints: %q", saved)
	}
	raw, err := os.ReadFile(log)
	lines := strings.Split(string(raw), "\r\n")
	if err != nil || len(lines) != 4 || lines[0] != "epoch,accuracy,loss,val_accuracy,val_loss" || !strings.HasPrefix(lines[2], "1,") || !strings.HasSuffix(lines[2], ",NA,NA") {
		t.Errorf("CSV: %q", lines)
	}
	h, err = train.Fit(ctx, network(t, train.NewAdam()), src, train.Options{Epochs: 500, Callbacks: []train.Callback{train.UntilLoss(.3)}})
	if n := len(h.Epochs); err != nil || n == 500 || n < 2 || h.Last("loss") >= .3 || h.Values["loss"][n-2] < .3 {
		t.Errorf("until: %d epochs, loss %v, %v", n, h.Last("loss"), err)
	}
	if _, err = train.Fit(ctx, network(t, nil), src, train.Options{Callbacks: []train.Callback{train.Until("val_loss", false, 1)}}); err == nil || !strings.Contains(err.Error(), "accuracy, loss") {
		t.Errorf("a name that isn't there: %v", err)
	}
	for _, path := range []string{"{epoch", "{nothing}", "{loss:s}", "{loss:d}", "{loss:99999999d}"} {
		c, err := train.ModelCheckpoint{Path: path, Save: func(nn.Model, string) error { return nil }}.Callback()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := train.Fit(ctx, network(t, nil), src, train.Options{Callbacks: []train.Callback{c}}); err == nil {
			t.Errorf("%s: no error", path)
		}
	}
	m = network(t, train.NewAdam())
	if _, err = train.Fit(ctx, m, src, train.Options{Callbacks: []train.Callback{{EpochEnd: func(s *train.State) error {
		s.SetLearningRate(s.LearningRate() / 4)
		return nil
	}}}}); err != nil {
		t.Fatal(err)
	}
	c, err := train.ConfigOf(m)
	if err != nil || math.Abs(c.Optimizer.(*train.Adam).LearningRate-.00025) > 1e-9 {
		t.Errorf("learning rate of the config: %+v %v", c.Optimizer, err)
	}
	if err := train.SetLearningRate(m, 2); err != nil || m.Training().Variables[1].Value.F32[0] != 2 ||
		!bytes.Contains(m.Training().Compile, []byte(`"learning_rate":2.0,`)) {
		t.Errorf("SetLearningRate: %v\n%s", err, m.Training().Compile)
	}
	compile(t, m, train.NewSGD())
	if !bytes.Contains(m.Training().Compile, []byte(`"momentum":0.0,`)) { // Keras takes no int here
		t.Errorf("%s", m.Training().Compile)
	}
}

// TestConfigs reads every compile config that Keras wrote here, and writes it again with nothing lost.
func TestConfigs(t *testing.T) {
	for _, file := range parityFiles(t) {
		var p parity
		p.arrays = readMeta(t, file, &p)
		m, _ := p.model(t)
		c, err := train.ConfigOf(m)
		if err != nil {
			t.Fatal(err)
		}
		raw, err := c.Encode()
		if err != nil {
			t.Fatal(err)
		}
		again, err := train.DecodeConfig(raw, m.OutputNames())
		if err != nil || !reflect.DeepEqual(c.Optimizer, again.Optimizer) || !reflect.DeepEqual(c.Loss, again.Loss) {
			t.Errorf("%s: %v\n%s\n%s", p.Case, err, p.Compile, raw)
		}
		var got, want map[string]any
		if json.Unmarshal(raw, &got) != nil || json.Unmarshal(p.Compile, &want) != nil {
			t.Fatal("not JSON")
		}
		if o, ok := want["optimizer"].(map[string]any); ok && !reflect.DeepEqual(got["optimizer"], o) {
			t.Errorf("%s: optimizer\nread  %v\nwrote %v", p.Case, o, got["optimizer"])
		}
	}
}

func TestRefusedConfigs(t *testing.T) {
	for config, key := range map[string]string{
		`{"optimizer": "wolf"}`: "optimizer",
		`{"optimizer": {"class_name": "LossScaleOptimizer", "config": {"inner_optimizer": {"class_name": "Wolf"}}}}`:                                                              "optimizer",
		`{"optimizer": {"class_name": "MultiOptimizer", "config": {}}}`:                                                                                                           "optimizer",
		`{"optimizer": {"class_name": "SGD", "config": {"learning_rate": {"class_name": "Mine", "config": {}}}}}`:                                                                 "learning_rate",
		`{"optimizer": {"class_name": "SGD", "config": {"learning_rate": {"class_name": "CosineDecay", "config": {"initial_learning_rate": 1.0, "decay_steps": 3, "beta": 2}}}}}`: "learning_rate",
		`{"optimizer": {"class_name": "Muon", "config": {"exclude_layers": ["(?=a)"]}}}`:                                                                                          "exclude_layers",
		`{"optimizer": {"class_name": "SGD", "config": {"wobble": 3}}}`:                                                                                                           "wobble",
		`{"loss": "hubris"}`: "loss",
		`{"loss": {"class_name": "CategoricalFocalCrossentropy", "config": {"alpha": [0.1, 0.2]}}}`: "alpha",
		`{"loss": {"class_name": "MeanSquaredError", "config": {"reduction": "none"}}}`:             "reduction",
		`{"loss": "mse", "metrics": ["IoU"]}`:                                                       "num_classes",
	} {
		_, err := train.DecodeConfig([]byte(config), []string{"y"})
		var u *nn.UnsupportedError
		if !errors.As(err, &u) || u.Key != key {
			t.Errorf("%s: %v", config, err)
		}
	}
	for _, config := range []string{`{"optimizer": {"class_name": "Lion", "config": {"beta_1": 0}}}`, `{"optimizer": {"class_name": "Ftrl", "config": {"learning_rate_power": 1}}}`,
		`{"optimizer": {"class_name": "Adam", "config": {"gradient_accumulation_steps": 1}}}`, `{"optimizer": {"class_name": "Adam", "config": {"use_ema": true, "ema_momentum": 2}}}`,
		`{"optimizer": {"class_name": "Adam", "config": {"loss_scale_factor": -1}}}`, `{"optimizer": {"class_name": "AdamW", "config": {"weight_decay": null}}}`,
		`{"optimizer": {"class_name": "SGD", "config": {"learning_rate": {"class_name": "CosineDecay", "config": {"initial_learning_rate": 0, "decay_steps": 3}}}}}`,
		`{"optimizer": {"class_name": "SGD", "config": {"learning_rate": {"class_name": "CosineDecay", "config": {"initial_learning_rate": 0.1}}}}}`,
		`{"optimizer": {"class_name": "SGD", "config": {"learning_rate": {"class_name": "PiecewiseConstantDecay", "config": {"boundaries": [3, 2], "values": [1.0, 2.0, 3.0]}}}}}`,
		`[]`, `{"loss": 3}`, `{"loss": {"a": "mse"}}`, `{"optimizer": {"class_name": "Adam", "config": {"beta_1": "x"}}}`,
		`{"optimizer": {"class_name": "Adam", "config": {"learning_rate": -1}}}`, `{"optimizer": {"class_name": "Adam", "config": {"clipnorm": 1, "clipvalue": 1}}}`,
		`{"loss": "mse", "loss_weights": ["x"]}`, `{"loss": {"class_name": "BinaryCrossentropy", "config": {"label_smoothing": 7}}}`} {
		_, err := train.DecodeConfig([]byte(config), []string{"y"})
		var f *nn.FormatError
		if !errors.As(err, &f) {
			t.Errorf("%s: %v", config, err)
		}
	}
	// Keras 2's, as its .h5 files have it.
	c, err := train.DecodeConfig([]byte(`{"loss": "sparse_categorical_crossentropy", "metrics": [[{"class_name": "MeanMetricWrapper", "config": {"name": "accuracy",
		"dtype": "float32", "fn": "sparse_categorical_accuracy"}}]], "weighted_metrics": null, "loss_weights": null, "optimizer_config": {"class_name": "Custom>Adam",
		"config": {"name": "Adam", "weight_decay": 0.0, "clipnorm": null, "jit_compile": true, "is_legacy_optimizer": false, "learning_rate": 0.002}}}`), []string{"y"})
	if err != nil || c.Optimizer.(*train.Adam).LearningRate != .002 || len(c.Metrics) != 1 || c.Metrics[0][0].Name != "accuracy" ||
		c.Metrics[0][0].Fn != "sparse_categorical_accuracy" || c.Optimizer.(*train.Adam).WeightDecay != nil {
		t.Errorf("%+v %v", c, err)
	}
}

func TestConstraintRefused(t *testing.T) {
	d := nn.Decoder{Registry: layers.Builtin()}
	l, err := d.Decode([]byte(`{"class_name": "Sequential", "config": {"name": "m", "layers": [
		{"class_name": "InputLayer", "config": {"batch_shape": [null, 2], "name": "i"}},
		{"class_name": "Dense", "config": {"name": "d", "units": 3, "kernel_constraint": {"class_name": "Mine", "config": {}}}}]}}`))
	if err != nil {
		t.Fatal(err)
	}
	m := l.(nn.Model)
	if err := nn.InitWeights(m, 0); err != nil {
		t.Fatal(err)
	}
	compile(t, m, nil)
	_, err = train.NewTrainer(m, train.Options{})
	var u *nn.UnsupportedError
	if !errors.As(err, &u) || u.Key != "kernel_constraint" || u.Layer != "d" {
		t.Errorf("%v", err)
	}
}

func TestEvaluate(t *testing.T) {
	m, src := network(t, train.NewAdam()), points(70)
	logs, err := train.Evaluate(context.Background(), m, src, train.EvaluateOptions{BatchSize: 32})
	if err != nil || m.Training().Variables != nil {
		t.Fatalf("%v %v", err, m.Training().Variables)
	}
	out, err := m.Predict(context.Background(), src.X...)
	if err != nil {
		t.Fatal(err)
	}
	var loss, right float64
	for i, c := range src.Y[0].I32 {
		p := out[0].F32[i*3:][:3]
		loss -= math.Log(float64(p[c])) / 70
		if p[c] == slices.Max(p) {
			right++
		}
	}
	if got, _ := logs.Get("loss"); math.Abs(got-loss) > 1e-6 {
		t.Errorf("loss %v, by hand %v", got, loss)
	}
	if got, _ := logs.Get("accuracy"); math.Abs(got-right/70) > 1e-12 {
		t.Errorf("accuracy %v, by hand %v", got, right/70)
	}
}

// TestMNIST trains the network of Keras's first lesson from five seeds: its mean test accuracy lies within the range of
// five of Keras's own runs.
func TestMNIST(t *testing.T) {
	if testing.Short() || raceEnabled {
		t.Skip("ten epochs, five times")
	}
	dir, err := data.MNISTFolder("", os.Getenv)
	if err != nil {
		t.Skip(err)
	}
	raw, err := os.ReadFile(filepath.FromSlash("../testdata/seed_mnist.json"))
	if err != nil {
		t.Fatal(err)
	}
	var want struct{ Min, Max float64 }
	if err := json.Unmarshal(raw, &want); err != nil || want.Min < .9 {
		t.Fatal(want, err)
	}
	rows, test, err := data.OpenMNIST(dir, imaging.Preprocess{Mode: imaging.Scale}, safeio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var accuracy [5]float64
	t.Run("seeds", func(t *testing.T) {
		for seed := range accuracy {
			t.Run("", func(t *testing.T) {
				t.Parallel()
				m, err := nn.NewSequential(nn.NewInput(28, 28), layers.NewFlatten(), layers.NewDense(128, "relu"), layers.NewDense(10, "softmax"))
				if err != nil {
					t.Fatal(err)
				}
				if err := nn.InitWeights(m, uint64(seed)); err != nil {
					t.Fatal(err)
				}
				compile(t, m, train.NewAdam())
				if _, err := train.Fit(context.Background(), m, rows, train.Options{Epochs: 10, Seed: uint64(seed), Threads: 1}); err != nil {
					t.Fatal(err)
				}
				logs, err := train.Evaluate(context.Background(), m, test, train.EvaluateOptions{BatchSize: 500, Threads: 1})
				if err != nil {
					t.Fatal(err)
				}
				accuracy[seed], _ = logs.Get("accuracy")
			})
		}
	})
	var mean float64
	for _, a := range accuracy {
		mean += a / float64(len(accuracy))
	}
	t.Logf("test accuracies %v, mean %.4f; Keras's from %v to %v", accuracy, mean, want.Min, want.Max)
	if !(mean >= want.Min && mean <= want.Max) {
		t.Error("the mean is outside Keras's range")
	}
}
