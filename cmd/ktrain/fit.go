package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"reflect"
	"strings"

	"github.com/spf13/pflag"

	"kerasgo/data"
	"kerasgo/internal/cli"
	"kerasgo/internal/safeio"
	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

// options are the flags of training.
type options struct {
	data, val, output, history, plot      string
	optimizer, loss, metrics, classWeight string
	earlyStopping, until, checkpoint, log string
	reduce                                string
	weights, preprocess, backup           string
	ignore, freeze                        []string
	lambdas                               layers.LambdaFlag
	epochs, batch, threads, verbose       int
	steps, valSteps, valFreq              int
	rate, split                           float64
	seed                                  uint64
	shuffle, force, resume                bool

	flags *pflag.FlagSet
	board board
	sets  dataFlags
	side  sidecar // of the trained model
}

func fitCommand(fs *pflag.FlagSet) func(context.Context, *cli.IO, []string) error {
	f := options{flags: fs}
	fs.StringVar(&f.data, "data", "", "`PATH` of an .npz, a .csv, TFRecord files (a pattern names several), idx files, or a folder with a folder of images, or of texts, for each class")
	f.sets.flags(fs)
	fs.IntVar(&f.epochs, "epochs", 1, "passes over the data")
	fs.IntVarP(&f.batch, "batch-size", "b", 32, "rows a step")
	fs.IntVar(&f.steps, "steps-per-epoch", 0, "end an epoch after so many batches; the next one goes on behind them (default: all)")
	fs.IntVar(&f.valSteps, "validation-steps", 0, "validate on the first so many batches (default: all)")
	fs.IntVar(&f.valFreq, "validation-freq", 1, "validate after each so many epochs")
	fs.BoolVar(&f.shuffle, "shuffle", true, "shuffle the rows before each epoch")
	fs.StringVarP(&f.output, "output", "o", "", "write the trained model to `FILE`: .keras, .h5, .weights.h5, .npz")
	fs.BoolVarP(&f.force, "force", "f", false, "overwrite what exists")
	fs.StringVar(&f.val, "val", "", "validation data: another `PATH`")
	fs.Float64Var(&f.split, "validation-split", 0, "validate on this part of the rows, the last ones")
	fs.StringVar(&f.optimizer, "optimizer", "", "adam, sgd or rmsprop (default: the model's own)")
	fs.Float64Var(&f.rate, "lr", 0, "learning rate (default: the optimizer's own)")
	fs.StringVar(&f.loss, "loss", "", "any of Keras's, such as mse, huber or sparse_categorical_crossentropy (default: the model's own)")
	fs.StringVar(&f.metrics, "metrics", "", "such as accuracy,mae (default: the model's own)")
	fs.StringVar(&f.classWeight, "class-weight", "", "how much classes count: `0=1,1=2`")
	fs.Uint64Var(&f.seed, "seed", 0, "of shuffling, dropout, and weights that have no values yet")
	fs.StringArrayVar(&f.freeze, "freeze", nil, "don't train layers whose names match `PATTERN` (may be repeated)")
	fs.StringVar(&f.earlyStopping, "early-stopping", "", "stop when `NAME:EPOCHS`, such as val_loss:5, has not improved for so long")
	fs.StringVar(&f.reduce, "reduce-lr", "", "multiply the learning rate by 0.1 when `NAME:EPOCHS`, such as val_loss:10, has not improved for so long")
	fs.StringVar(&f.until, "until", "", "stop after the first epoch with `NAME<NUMBER`, such as 'loss<0.05'")
	fs.StringVar(&f.checkpoint, "checkpoint", "", "save the model to `FILE` after each epoch with the best val_loss (or loss) so far")
	fs.BoolVar(&f.resume, "resume", false, "go on where a run that was interrupted or killed had got to, with the same bits as if it had not been")
	fs.StringVar(&f.backup, "backup", "epoch", "`WHEN` to save what --resume needs, in a folder beside the output: after each epoch, after so many steps (a number), or never")
	fs.StringVar(&f.history, "history", "", "write what each epoch ended with to `FILE`, as JSON")
	fs.StringVar(&f.log, "log-csv", "", "write a line an epoch to `FILE`")
	fs.StringVar(&f.plot, "plot", "", "draw the history to `FILE`, a .png or .svg")
	f.board.flags(fs)
	fs.StringVar(&f.preprocess, "preprocess", "auto", "of pixels: auto, none, scale, tf, torch, caffe or rescale=S,OFFSET")
	fs.StringVar(&f.weights, "weights", "", "`FILE` with the weights of an architecture .json")
	fs.StringArrayVar(&f.ignore, "ignore-key", nil, "let an unknown config key pass: `CLASS.KEY`")
	fs.Var(&f.lambdas, "lambda", "what a Lambda layer or a lost activation computes: `NAME=FUNCTION`, such as lambda_1=divide(255)")
	fs.IntVarP(&f.threads, "threads", "j", 0, "threads; 0: all processors")
	fs.IntVar(&f.verbose, "verbose", -1, "0: silent, 1: a bar, 2: a line an epoch (default: a bar on a terminal)")
	return func(ctx context.Context, o *cli.IO, args []string) error { return f.run(ctx, o, args) }
}

func (f *options) run(ctx context.Context, o *cli.IO, args []string) error {
	switch {
	case len(args) != 1:
		return cli.Usagef("needs one model; see ktrain --help")
	case f.data == "":
		return cli.Usagef("needs --data")
	case f.output == "" && f.checkpoint == "":
		return cli.Usagef("say where to write the trained model: -o FILE")
	case f.epochs < 1 || f.batch < 1 || f.threads < 0:
		return cli.Usagef("--epochs and --batch-size must be 1 or more, --threads 0 or more")
	case f.steps < 0 || f.valSteps < 0 || f.valFreq < 1:
		return cli.Usagef("--steps-per-epoch and --validation-steps must be 0 or more, --validation-freq 1 or more")
	case f.split < 0 || f.split >= 1:
		return cli.Usagef("--validation-split must be from 0 to 1, found %v", f.split)
	case f.rate < 0:
		return cli.Usagef("--lr must be more than 0, found %v", f.rate)
	}
	fit := train.Options{Epochs: f.epochs, BatchSize: f.batch, NoShuffle: !f.shuffle, Seed: f.seed, ValidationSplit: f.split,
		StepsPerEpoch: f.steps, ValidationSteps: f.valSteps, ValidationFreq: f.valFreq,
		Threads: f.threads, MaxBytes: safeio.Defaults().MaxActivationBytes}
	var err error
	if fit.ClassWeight, err = parseClassWeight(f.classWeight); err != nil {
		return err
	}
	var done func()
	if fit.Callbacks, done, err = progress(o, f.verbose); err != nil {
		return err
	}
	defer done()
	boards, err := f.board.callbacks()
	if err != nil {
		return err
	}
	fit.Callbacks = append(fit.Callbacks, boards...)
	if f.plot != "" {
		if err := plottable(f.plot); err != nil {
			return err
		}
	}
	if err := files(f.outputs()...); err != nil {
		return err
	}
	b, err := f.openBackup(o)
	if err != nil {
		return err
	}
	f.force = f.force || b.from != nil || b.begun // what is there is of the run that goes on
	if err := free(f.force, f.outputs()...); err != nil {
		return err
	}
	m, err := keras.LoadOptions(args[0], keras.Options{Weights: f.weights, IgnoreKeys: f.ignore, Lambdas: f.lambdas})
	if err != nil {
		return err
	}
	if err := f.compile(m); err != nil {
		return err
	}
	if err := nn.InitWeights(m, f.seed); err != nil {
		return err
	}
	src, err := f.open(ctx, o, m, args[0], &fit)
	if err != nil {
		return err
	}
	if err := f.callbacks(&fit); err != nil {
		return err
	}
	if err := b.begin(f, m, &fit); err != nil {
		return err
	}
	h, err := train.Fit(ctx, m, src, fit)
	stopped := errors.Is(err, context.Canceled)
	if err != nil && !stopped {
		var nan *train.NaNError
		if errors.As(err, &nan) { // it would come again
			err = errors.Join(err, b.Remove())
		}
		return mismatch(err)
	}
	if err := f.save(m, h); err != nil {
		return err
	}
	if stopped {
		return b.interrupted(len(h.Epochs), f.flags, args[0])
	}
	return b.end(f.outputs()...)
}

// compile applies the flags to the model's own compile config, and freezes layers.
func (f *options) compile(m nn.Model) error {
	frozen, err := freeze(m, f.freeze)
	if err != nil {
		return err
	}
	c, err := train.ConfigOf(m)
	if err != nil && (f.loss == "" || f.optimizer == "") {
		return err
	}
	if c == nil {
		if f.loss == "" {
			return cli.Usagef("the model isn't compiled; give --loss, and perhaps --optimizer and --metrics")
		}
		c = &train.Config{}
	}
	anew := frozen
	if f.optimizer != "" {
		if c.Optimizer, err = train.ParseOptimizer(f.optimizer); err != nil {
			return err
		}
		anew = true
	}
	if f.loss != "" {
		l, err := train.ParseLoss(f.loss)
		if err != nil {
			return err
		}
		c.Loss, c.LossWeights, anew = []train.Loss{l}, nil, true
	}
	if f.metrics != "" {
		set, err := parseMetrics(f.metrics)
		if err != nil {
			return err
		}
		c.Metrics, c.Weighted, anew = nil, nil, true
		for range m.OutputNames() {
			c.Metrics = append(c.Metrics, set)
		}
	}
	if anew { // Keras starts the optimizer anew whenever it compiles
		if err := train.Compile(m, *c); err != nil {
			return err
		}
	}
	if f.rate > 0 {
		return train.SetLearningRate(m, f.rate)
	}
	return nil
}

// freeze makes layers whose names match a pattern untrainable, inside other layers, too.
func freeze(m nn.Model, patterns []string) (any bool, err error) {
	for _, p := range patterns {
		found := false
		var names []string
		var visit func(m nn.Model) error
		visit = func(m nn.Model) error {
			for _, l := range nn.Layers(m) {
				ok, err := path.Match(p, l.Base().Name)
				if err != nil {
					return cli.Usagef("--freeze %q: %v", p, err)
				}
				if ok {
					l.Base().Trainable, found = false, true
				}
				names = append(names, l.Base().Name)
				if inner, ok := l.(nn.Model); ok {
					if err := visit(inner); err != nil {
						return err
					}
				}
			}
			return nil
		}
		if err := visit(m); err != nil {
			return false, err
		}
		if !found {
			hint := ""
			if n := nn.Nearest(p, names); n != "" {
				hint = fmt.Sprintf(" (did you mean %q?)", n)
			}
			return false, cli.Usagef("--freeze %q matches no layer%s", p, hint)
		}
	}
	return len(patterns) > 0, nil
}

// open opens the data in the form that the model and its loss want.
func (f *options) open(ctx context.Context, o *cli.IO, m nn.Model, model string, fit *train.Options) (data.Source, error) {
	open, err := f.sets.options(m, model, f.preprocess, f.seed)
	if err != nil {
		return nil, err
	}
	set, err := openSet(ctx, f.data, open, m)
	if err != nil {
		return nil, err
	}
	if set.Classes != nil {
		fmt.Fprintf(o.Err, "classes: %q\n", set.Classes)
	}
	if f.side, err = beside(model, set.Classes, open.Image); err != nil {
		return nil, err
	}
	if err := f.freeSide(); err != nil {
		return nil, err
	}
	if f.split == 0 {
		fit.Validation = set.Val
	}
	if f.val != "" {
		if f.split > 0 {
			return nil, cli.Usagef("give --val or --validation-split, not both")
		}
		v, err := openSet(ctx, f.val, open, m)
		if err != nil {
			return nil, err
		}
		fit.Validation = v.Train
	}
	return set.Train, nil
}

// openSet opens a path, gives images the shape of the model's input, and makes classes one-hot where the loss wants that.
func openSet(ctx context.Context, path string, o data.OpenOptions, m nn.Model) (*data.Set, error) {
	set, err := data.Open(path, o)
	var unsupported *safeio.UnsupportedError
	if errors.As(err, &unsupported) { // the data, not the model: that has an exit code of its own
		return nil, &cli.Error{Code: cli.Broken, Err: err}
	}
	if err != nil {
		return nil, err
	}
	c, err := train.ConfigOf(m)
	if err != nil {
		return nil, err
	}
	for _, s := range []*data.Source{&set.Train, &set.Val} {
		if *s == nil {
			continue
		}
		if p, ok := (*s).(*data.Pixels); ok && len(m.InputSpecs()) == 1 {
			if row := m.InputSpecs()[0].Shape[1:]; row.Known() {
				if err := p.As(row...); err != nil {
					return nil, err
				}
			}
		}
		if err := oneHot(s, m, c); err != nil {
			return nil, err
		}
		if err := check(ctx, *s, m, c); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// callbacks adds what the flags ask for.
func (f *options) callbacks(fit *train.Options) error {
	if f.earlyStopping != "" {
		e, err := parseEarlyStopping(f.earlyStopping)
		if err != nil {
			return err
		}
		c, err := e.Callback()
		if err != nil {
			return err
		}
		fit.Callbacks = append(fit.Callbacks, c)
	}
	if f.reduce != "" {
		r, err := parseReduce(f.reduce)
		if err != nil {
			return err
		}
		c, err := r.Callback()
		if err != nil {
			return err
		}
		fit.Callbacks = append(fit.Callbacks, c)
	}
	if f.until != "" {
		c, err := parseUntil(f.until)
		if err != nil {
			return err
		}
		fit.Callbacks = append(fit.Callbacks, c)
	}
	if f.checkpoint != "" {
		watch := "loss"
		if fit.Validation != nil || fit.ValidationSplit > 0 {
			watch = "val_loss"
		}
		c, err := train.ModelCheckpoint{Path: f.checkpoint, Monitor: watch, SaveBestOnly: true, Save: func(m nn.Model, path string) error {
			return saveModel(path, m, true)
		}}.Callback()
		if err != nil {
			return err
		}
		fit.Callbacks = append(fit.Callbacks, c)
	}
	if f.log != "" {
		c, err := train.CSVLogger{Path: f.log}.Callback()
		if err != nil {
			return err
		}
		fit.Callbacks = append(fit.Callbacks, c)
	}
	return nil
}

// saveModel writes a model; to .h5 in the words of the Keras that the model came from, so that it goes on with it there.
func saveModel(path string, m nn.Model, force bool) error {
	o := keras.WriteOptions{Force: force}
	if lower := strings.ToLower(path); strings.HasSuffix(lower, ".h5") && !strings.HasSuffix(lower, ".weights.h5") || strings.HasSuffix(lower, ".hdf5") {
		o.Keras = keras.Dialect(m)
	}
	return keras.SaveOptions(path, m, o)
}

// sided are the models that are written with a sidecar.
func (f *options) sided() (models []string) {
	for _, model := range []string{f.output, f.checkpoint} {
		if model != "" && !f.side.empty() {
			models = append(models, model)
		}
	}
	return models
}

// freeSide refuses to write sidecars over others that say something else.
func (f *options) freeSide() error {
	for _, model := range f.sided() {
		if was, err := readSidecar(model); err == nil && reflect.DeepEqual(was, f.side) {
			continue
		}
		if err := free(f.force, sidecarPath(model)); err != nil {
			return err
		}
	}
	return nil
}

// save writes the model, what lies beside it, and its history.
func (f *options) save(m nn.Model, h *train.History) error {
	for _, model := range f.sided() {
		if err := writeJSON(sidecarPath(model), true, f.side); err != nil { // freeSide has said what may be there
			return err
		}
	}
	if f.output != "" {
		if err := saveModel(f.output, m, f.force); err != nil {
			return err
		}
	}
	if f.history != "" {
		if err := writeJSON(f.history, f.force, h); err != nil {
			return err
		}
	}
	if f.plot != "" {
		return plotHistory(f.plot, f.force, h)
	}
	return nil
}

func writeJSON(path string, force bool, v any) error {
	raw, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return safeio.WriteFile(path, force, func(w io.Writer) error {
		_, err := w.Write(append(raw, '\n'))
		return err
	})
}
