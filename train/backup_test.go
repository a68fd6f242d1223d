package train_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"kerasgo/data"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

// job is a training with all that a checkpoint must remember.
type job struct {
	t      *testing.T
	dir    string
	model  nn.Model
	backup train.BackupAndRestore
	opts   train.Options
	stop   func(*train.State) error // after each step
	end    func(*train.State) error // after training
	test   func(*train.State) error // before each validation
	swap   bool                     // of moving averages
	saved  []string                 // by ModelCheckpoint
	stream bool                     // the rows come one after another, through a window
}

func newJob(t *testing.T, opt train.Optimizer) *job {
	t.Helper()
	j := &job{t: t, dir: t.TempDir()}
	j.backup = train.BackupAndRestore{Dir: filepath.Join(j.dir, "backup"), Of: map[string]string{"the data": "points"}}
	j.fresh(opt)
	return j
}

// fresh is the model as a new process would make it.
func (j *job) fresh(opt train.Optimizer) {
	j.t.Helper()
	j.model = network(j.t, opt, layers.NewDropout(.3), layers.NewBatchNormalization())
	loss, err := train.ParseLoss("categorical_crossentropy")
	if err != nil {
		j.t.Fatal(err)
	}
	var metrics []train.Metric
	for _, name := range []string{"accuracy", "AUC", "Precision", "RootMeanSquaredError", "R2Score"} {
		m, err := train.ParseMetric(name)
		if err != nil {
			j.t.Fatal(err)
		}
		metrics = append(metrics, m)
	}
	several, err := train.MetricFrom([]byte(`{"class_name": "Recall", "config": {"name": "recall", "thresholds": [0.2, 0.4, 0.8]}}`))
	if err != nil {
		j.t.Fatal(err)
	}
	metrics = append(metrics, several)
	if err := train.Compile(j.model, train.Config{Optimizer: opt, Loss: []train.Loss{loss}, Metrics: [][]train.Metric{metrics}}); err != nil {
		j.t.Fatal(err)
	}
	j.opts = train.Options{Epochs: 5, BatchSize: 16, Seed: 8, ValidationSplit: .25, Threads: 2}
}

// callbacks are made anew for each Fit, as a new process would.
func (j *job) callbacks() (list []train.Callback) {
	j.t.Helper()
	add := func(c train.Callback, err error) {
		j.t.Helper()
		if err != nil {
			j.t.Fatal(err)
		}
		list = append(list, c)
	}
	if j.backup.Dir != "" {
		add(j.backup.Callback()) // the first: its place doesn't matter
	}
	delta := .02
	add(train.EarlyStopping{Monitor: "val_loss", MinDelta: .05, Patience: 2, RestoreBestWeights: true}.Callback())
	add(train.ReduceLROnPlateau{Monitor: "loss", Factor: .5, Patience: 1, MinDelta: &delta, Cooldown: 1}.Callback())
	add(train.LearningRateScheduler(func(epoch int, rate float64) float64 { return rate * .9 }), nil)
	add(train.CSVLogger{Path: filepath.Join(j.dir, "log.csv")}.Callback())
	add(train.ModelCheckpoint{Path: "{epoch}", SaveBestOnly: true, Save: func(_ nn.Model, path string) error {
		j.saved = append(j.saved, path)
		return nil
	}}.Callback())
	add(train.Callback{BatchEnd: j.stop, TrainEnd: j.end, TestBegin: j.test}, nil)
	if j.swap {
		add(train.SwapEMAWeights{OnEpoch: true}.Callback(), nil)
	}
	return list
}

func (j *job) fit(ctx context.Context) (*train.History, error) {
	j.opts.Callbacks = j.callbacks()
	return train.Fit(ctx, j.model, j.data(), j.opts)
}

func (j *job) data() data.Source {
	all := data.OneHot(points(60), 3)
	if !j.stream {
		return all
	}
	j.opts.ValidationSplit, j.opts.Validation = 0, all
	return data.FromSeq(45, 10, func() iter.Seq2[*data.Batch, error] {
		return func(yield func(*data.Batch, error) bool) {
			var b data.Batch
			for i := range 45 {
				if err := all.Read(&b, []int{i}); !yield(&b, err) {
					return
				}
			}
		}
	})
}

// result is all that training leaves.
type result struct {
	bits    []float32
	compile string
	history string
	epochs  []int
	log     string
}

func (j *job) result(h *train.History) (r result) {
	j.t.Helper()
	r.bits = weights(j.model)
	for _, v := range j.model.Training().Variables {
		r.bits = append(append(r.bits, v.Value.F32...), float32(len(v.Value.I64)))
		for _, n := range v.Value.I64 {
			r.bits = append(r.bits, float32(n))
		}
	}
	r.compile = string(j.model.Training().Compile)
	raw, err := json.Marshal(h)
	if err != nil {
		j.t.Fatal(err)
	}
	log, err := os.ReadFile(filepath.Join(j.dir, "log.csv"))
	if err != nil {
		j.t.Fatal(err)
	}
	r.history, r.epochs, r.log = string(raw), h.Epochs, string(log)
	return r
}

func optimizersOfTest() map[string]func() train.Optimizer {
	return map[string]func() train.Optimizer{
		"adam with averages": func() train.Optimizer {
			o := train.NewAdam()
			every := 3
			o.UseEMA, o.EMAOverwriteFrequency, o.LearningRate = true, &every, .05
			return o
		},
		"nadam":   func() train.Optimizer { return train.NewNadam() },
		"scaling": func() train.Optimizer { return train.NewLossScaleOptimizer(train.NewRMSprop()) },
		"sgd that accumulates": func() train.Optimizer {
			o := train.NewSGD()
			n, norm := 2, .5
			o.GradientAccumulationSteps, o.GlobalClipNorm, o.Momentum = &n, &norm, .9
			return o
		},
	}
}

// TestStopAndGoOn interrupts training after each of its steps in turn, goes on in what could be another process, and ends with
// the same bits.
func TestStopAndGoOn(t *testing.T) {
	for name, opt := range optimizersOfTest() {
		whole := newJob(t, opt())
		whole.stream, whole.swap = name == "nadam", name == "adam with averages"
		h, err := whole.fit(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		want := whole.result(h)
		if _, err := os.Stat(whole.backup.Dir); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: the backup of a training that is complete stays: %v", name, err)
		}
		for at := 1; at <= 4*len(h.Epochs); at++ { // three steps and a validation each
			j := newJob(t, opt())
			j.stream, j.swap = whole.stream, whole.swap
			ctx, cancel := context.WithCancel(context.Background())
			n := 0
			j.stop = func(*train.State) error {
				if n++; n == at {
					cancel()
				}
				return nil
			}
			j.test = j.stop
			if _, err := j.fit(ctx); !errors.Is(err, context.Canceled) {
				t.Fatalf("%s: step %d: %v", name, at, err)
			}
			c, err := j.backup.Latest()
			if err != nil || c.Epoch() != (at-1)/4 || c.Step() != min((at-1)%4+1, 3) {
				t.Fatalf("%s: step %d: %v", name, at, err)
			}
			j.fresh(opt())
			j.stop, j.test = nil, nil
			if at%2 == 0 {
				j.opts.Resume = c
			}
			h, err := j.fit(context.Background())
			if err != nil {
				t.Fatalf("%s: step %d: %v", name, at, err)
			}
			if got := j.result(h); !reflect.DeepEqual(got, want) {
				t.Errorf("%s: interrupted after step %d:\n%s\n%s\nwant\n%s\n%s", name, at, got.history, got.log, want.history, want.log)
			}
			if last := whole.saved[len(whole.saved)-1]; j.saved[len(j.saved)-1] != last {
				t.Errorf("%s: step %d: the best was %q, is %q", name, at, whole.saved, j.saved)
			}
		}
	}
}

// errPower is a plug that was pulled.
var errPower = errors.New("power")

// TestDiesAndGoesOn: training that dies at a step without saving, with backups after epochs and after every two steps.
func TestDiesAndGoesOn(t *testing.T) {
	opt := optimizersOfTest()["adam with averages"]
	whole := newJob(t, opt())
	h, err := whole.fit(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want := whole.result(h)
	for _, every := range []int{0, 2} {
		for _, at := range []int{0, 1, 2, 4, 6, 3 * len(h.Epochs)} {
			j := newJob(t, opt())
			j.backup.EverySteps = every
			n := 0
			j.stop = func(*train.State) error {
				if n++; n == at {
					return errPower
				}
				return nil
			}
			if at == 0 { // after EarlyStopping's last word
				j.end = func(*train.State) error { return errPower }
			}
			if _, err := j.fit(context.Background()); !errors.Is(err, errPower) {
				t.Fatal(err)
			}
			log, err := os.OpenFile(filepath.Join(j.dir, "log.csv"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o666)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = log.WriteString("3,0.123") // half a line
			log.Close()
			j.fresh(opt())
			j.stop, j.end = nil, nil
			h, err := j.fit(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if got := j.result(h); !reflect.DeepEqual(got, want) {
				t.Errorf("every %d, died after step %d:\n%s\n%q\nwant\n%s\n%q", every, at, got.history, got.log, want.history, want.log)
			}
		}
	}
}

// disk fails at its nth operation, at a write as a full one does.
type disk struct{ n, at int }

var errFull = errors.New("no space left on device")

func (d *disk) step() error {
	if d.n++; d.n == d.at {
		return errFull
	}
	return nil
}

// write is safeio.WriteFile's way, which has tests of its own: a temporary file, sync, rename.
func (d *disk) write(path string, _ bool, write func(io.Writer) error) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".x*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if err := write(&shortWriter{f, d}); err != nil {
		return err
	}
	if err := errors.Join(d.step(), f.Sync(), d.step()); err != nil { // sync, rename
		return err
	}
	return os.Rename(f.Name(), path)
}

type shortWriter struct {
	w io.Writer
	d *disk
}

func (s *shortWriter) Write(b []byte) (int, error) {
	if err := s.d.step(); err != nil {
		n, _ := s.w.Write(b[:len(b)/2])
		return n, err
	}
	return s.w.Write(b)
}

// TestFullDisk fails the disk at many places: training ends with that error, the backup before is whole, and training goes on.
func TestFullDisk(t *testing.T) {
	opt := optimizersOfTest()["nadam"]
	whole := newJob(t, opt())
	d := &disk{}
	whole.backup = train.OnDisk(whole.backup, d.write)
	h, err := whole.fit(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want := whole.result(h)
	one := d.n / len(h.Epochs) // operations of one backup, about
	for at := one + one/2; at < d.n; at += 1 + one/7 {
		j := newJob(t, opt())
		j.backup = train.OnDisk(j.backup, (&disk{at: at}).write)
		if _, err := j.fit(context.Background()); !errors.Is(err, errFull) {
			t.Fatalf("operation %d: %v", at, err)
		}
		if _, err := j.backup.Latest(); err != nil {
			t.Fatalf("operation %d: the old backup: %v", at, err)
		}
		j.fresh(opt())
		j.backup = train.OnDisk(j.backup, safeio.WriteFile)
		h, err := j.fit(context.Background())
		if err != nil {
			t.Fatalf("operation %d: %v", at, err)
		}
		if got := j.result(h); !reflect.DeepEqual(got, want) {
			t.Errorf("operation %d: %s\nwant %s", at, got.history, want.history)
		}
	}
}

// interrupted leaves a backup in the middle of the second epoch.
func interrupted(t *testing.T) *job {
	t.Helper()
	j := newJob(t, train.NewAdam())
	ctx, cancel := context.WithCancel(context.Background())
	j.stop = func(s *train.State) error {
		if s.Epoch == 1 {
			cancel()
		}
		return nil
	}
	if _, err := j.fit(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	j.fresh(train.NewAdam())
	j.stop = nil
	return j
}

// TestOtherTraining: a checkpoint of another model, other data or other options is refused, by name.
func TestOtherTraining(t *testing.T) {
	j := interrupted(t)
	for want, change := range map[string]func(){
		"the batch size was 16, is now 8":                      func() { j.opts.BatchSize = 8 },
		"the seed was 8, is now 9":                             func() { j.opts.Seed = 9 },
		"shuffling was true, is now false":                     func() { j.opts.NoShuffle = true },
		"the number of rows was 45, is now 48":                 func() { j.opts.ValidationSplit = .2 },
		"the class weights was nothing, is now 1=2":            func() { j.opts.ClassWeight = map[int]float64{1: 2} },
		"the data was points, is now lines":                    func() { j.backup.Of = map[string]string{"the data": "lines"} },
		"the learning rate was 0.001, is now 0.5":              func() { o := train.NewAdam(); o.LearningRate = .5; j.recompile(o) },
		"the compile config's optimizer was":                   func() { j.recompile(train.NewRMSprop()) },
		"layer 1 was Dense \"dense\" with config":              func() { nn.Layers(j.model)[1].Base().Trainable = false },
		"the list of weights without decay was [], is now [\"": func() { j.opts.NoWeightDecay = []string{"bias"} },
	} {
		j.fresh(train.NewAdam())
		of := j.backup.Of
		change()
		before := weights(j.model)
		_, err := j.fit(context.Background())
		var m *train.MismatchError
		if !errors.As(err, &m) || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q: %v", want, err)
		}
		if !reflect.DeepEqual(before, weights(j.model)) {
			t.Errorf("%s: and the weights are changed", want)
		}
		j.backup.Of = of
	}
	j.fresh(train.NewAdam())
	list := j.callbacks()
	j.opts.Callbacks = append(list[:1], list[2:]...)
	if _, err := train.Fit(context.Background(), j.model, data.OneHot(points(60), 3), j.opts); err == nil || !strings.Contains(err.Error(), `the list of callbacks was ["EarlyStopping(val_loss, patience 2)"`) {
		t.Errorf("other callbacks: %v", err)
	}
}

func (j *job) recompile(o train.Optimizer) {
	j.t.Helper()
	c, err := train.ConfigOf(j.model)
	if err != nil {
		j.t.Fatal(err)
	}
	c.Optimizer = o
	if err := train.Compile(j.model, *c); err != nil {
		j.t.Fatal(err)
	}
}

// TestSameProcess calls Fit again on the model that was interrupted, as Keras's example of BackupAndRestore does: its learning
// rate isn't what it was compiled with any more.
func TestSameProcess(t *testing.T) {
	whole := newJob(t, train.NewAdam())
	h, err := whole.fit(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	j := interrupted(t)
	j.fresh(train.NewAdam())
	ctx, cancel := context.WithCancel(context.Background())
	j.stop = func(s *train.State) error {
		if s.Epoch == 2 {
			cancel()
		}
		return nil
	}
	if _, err := j.fit(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	j.stop = nil
	again, err := j.fit(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	want, got := whole.result(h), j.result(again)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s\nwant %s", got.history, want.history)
	}
}
