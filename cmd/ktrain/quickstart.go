package main

import (
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/pflag"

	"kerasgo/data"
	"kerasgo/imaging"
	"kerasgo/internal/cli"
	"kerasgo/internal/safeio"
	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

// quickstart are its flags.
type quickstart struct {
	epochs, batch, threads, verbose int
	seed                            uint64
	data, output, until             string
	force                           bool
}

func quickstartCommand(fs *pflag.FlagSet) func(context.Context, *cli.IO, []string) error {
	var q quickstart
	fs.IntVar(&q.epochs, "epochs", 10, "passes over the 60,000 digits")
	fs.IntVarP(&q.batch, "batch-size", "b", 32, "rows a step")
	fs.Uint64Var(&q.seed, "seed", 0, "of the first weights and of shuffling")
	fs.StringVar(&q.data, "data", "", "`FOLDER` with MNIST's idx files (default: KERASGO_MNIST, or Go's module cache)")
	fs.StringVarP(&q.output, "output", "o", "model.keras", "write the model to `FILE`; history.png and digits/ go beside it")
	fs.BoolVarP(&q.force, "force", "f", false, "overwrite what exists")
	fs.StringVar(&q.until, "until", "", "stop after the first epoch with `NAME<NUMBER`, such as 'loss<0.05'")
	fs.IntVarP(&q.threads, "threads", "j", 0, "threads; 0: all processors")
	fs.IntVar(&q.verbose, "verbose", -1, "0: silent, 1: a bar, 2: a line an epoch (default: a bar on a terminal)")
	return func(ctx context.Context, o *cli.IO, args []string) error { return q.run(ctx, o, args) }
}

func (q *quickstart) run(ctx context.Context, o *cli.IO, args []string) error {
	if len(args) > 0 {
		return cli.Usagef("quickstart takes no arguments, found %q", args)
	}
	if q.epochs < 1 || q.batch < 1 || q.threads < 0 {
		return cli.Usagef("--epochs and --batch-size must be 1 or more, --threads 0 or more")
	}
	opts := train.Options{Epochs: q.epochs, BatchSize: q.batch, Seed: q.seed, Threads: q.threads}
	var err error
	var done func()
	if opts.Callbacks, done, err = progress(o, q.verbose); err != nil {
		return err
	}
	defer done()
	if q.until != "" {
		c, err := parseUntil(q.until)
		if err != nil {
			return err
		}
		opts.Callbacks = append(opts.Callbacks, c)
	}
	history, digits := filepath.Join(filepath.Dir(q.output), "history.png"), filepath.Join(filepath.Dir(q.output), "digits")
	if err := free(q.force, q.output, sidecarPath(q.output), history, digits); err != nil {
		return err
	}
	dir, err := data.MNISTFolder(q.data, o.Env)
	if err != nil {
		return err
	}
	rows, test, err := data.OpenMNIST(dir, imaging.Preprocess{Mode: imaging.Scale}, safeio.Limits{})
	if err != nil {
		return err
	}
	m, err := digitReader(q.seed)
	if err != nil {
		return err
	}
	text, err := nn.Summary(m, nn.SummaryOptions{})
	if err != nil {
		return err
	}
	fmt.Fprint(o.Out, text)
	h, err := train.Fit(ctx, m, rows, opts)
	stopped := errors.Is(err, context.Canceled)
	if err != nil && !stopped {
		return err
	}
	if err := keras.SaveOptions(q.output, m, keras.WriteOptions{Force: q.force}); err != nil {
		return err
	}
	if err := writeJSON(sidecarPath(q.output), q.force, sidecar{Preprocess: "scale", Color: "gray", Labels: digitNames()}); err != nil {
		return err
	}
	if stopped {
		return &cli.Error{Code: cli.Interrupted, Err: fmt.Errorf("interrupted after %d epochs; what was learnt is in %s", len(h.Epochs), q.output)}
	}
	logs, err := train.Evaluate(ctx, m, test, train.EvaluateOptions{BatchSize: 500, Threads: q.threads})
	if err != nil {
		return err
	}
	accuracy, _ := logs.Get("accuracy")
	loss, _ := logs.Get("loss")
	if err := plotHistory(history, q.force, h); err != nil {
		return err
	}
	if err := saveDigits(digits, q.force, test); err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "\nTest accuracy %.4f, loss %.4f: of 10,000 digits it had never seen, %.0f are read right.\n", accuracy, loss, accuracy*1e4)
	fmt.Fprintf(o.Out, "Saved %s (Keras opens it, too), %s, %s%c.\n\nNext:\n", q.output, history, digits, filepath.Separator)
	fmt.Fprintf(o.Out, "  kinfer %[1]s %[2]s\n  kconv inspect %[1]s\n  ktrain %[1]s --data '%[3]s' --epochs 1 -o %[4]s\n", q.output, digits, dir,
		filepath.Join(filepath.Dir(q.output), "longer.keras"))
	return nil
}

// digitReader is the network that Keras's first lesson builds: Flatten, Dense(128, relu), Dense(10, softmax).
func digitReader(seed uint64) (nn.Model, error) {
	return classifier(seed, []int{28, 28}, layers.NewFlatten(), layers.NewDense(128, "relu"), layers.NewDense(10, "softmax"))
}

func digitNames() (names []string) {
	for d := range 10 {
		names = append(names, fmt.Sprint(d))
	}
	return names
}

// saveDigits writes the first of each digit among the test images as a PNG: 7_000.png is a seven, image 0.
func saveDigits(dir string, force bool, test *data.Pixels) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	for d := range 10 {
		for i := range test.Len() {
			if test.Label(i) != d {
				continue
			}
			pic := test.Image(i)
			gray := &image.Gray{Pix: pic.Pix, Stride: pic.W, Rect: image.Rect(0, 0, pic.W, pic.H)}
			path := filepath.Join(dir, fmt.Sprintf("%d_%03d.png", d, i))
			if err := safeio.WriteFile(path, force, func(w io.Writer) error { return png.Encode(w, gray) }); err != nil {
				return err
			}
			break
		}
	}
	return nil
}
