package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"kerasgo/internal/cli"
	"kerasgo/internal/safeio"
	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/nn/layers"
)

// modelFlags are what every subcommand takes to open a model.
type modelFlags struct {
	weights      string
	byName, skip bool
	ignore       []string
	lambdas      layers.LambdaFlag
}

func (f *modelFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.weights, "weights", "", "`FILE` with the weights of an architecture .json")
	fs.BoolVar(&f.byName, "by-name", false, "give the weights of --weights to the layers of the same name, and leave the others")
	fs.BoolVar(&f.skip, "skip-mismatch", false, "pass over weights of --weights whose number or shape differs, and say which")
	fs.StringArrayVar(&f.ignore, "ignore-key", nil, "let an unknown config key pass: `CLASS.KEY`")
	fs.Var(&f.lambdas, "lambda", "what a Lambda layer or a lost activation computes: `NAME=FUNCTION`, such as lambda_1=divide(255)")
}

// open reads a model; warnings go to stderr.
func (f *modelFlags) open(o *cli.IO, path string) (nn.Model, error) {
	if f.weights == "" && (f.byName || f.skip) {
		return nil, cli.Usagef("--by-name and --skip-mismatch need --weights")
	}
	return keras.LoadOptions(path, f.options(o, path))
}

func (f *modelFlags) options(o *cli.IO, path string) keras.Options {
	return keras.Options{Weights: f.weights, ByName: f.byName, SkipMismatch: f.skip, IgnoreKeys: f.ignore, Lambdas: f.lambdas, Warn: func(s string) { fmt.Fprintf(o.Err, "kconv: %s: %s\n", path, s) }}
}

// formats are what --to takes, and the extensions.
var formats = []struct{ name, ext, what string }{
	{"keras", ".keras", "Keras 3's archive: config, weights, compile config, optimizer state"},
	{"h5", ".h5 .hdf5", "legacy HDF5, as Keras 3 writes it; read: of Keras 2 and 3"},
	{"weights.h5", ".weights.h5", "weights alone; read with the architecture's .json"},
	{"json", ".json", "the architecture alone, as model.to_json() writes it"},
	{"npz", ".npz", "weights alone, one NumPy array a weight, named by its path"},
}

func formatNames() (names []string) {
	for _, f := range formats {
		names = append(names, f.name)
	}
	return names
}

func formatsCommand(*pflag.FlagSet) func(context.Context, *cli.IO, []string) error {
	return func(_ context.Context, o *cli.IO, args []string) error {
		if len(args) > 0 {
			return cli.Usagef("formats takes no arguments")
		}
		for _, f := range formats {
			fmt.Fprintf(o.Out, "%-11s %-13s read and written  %s\n", f.name, f.ext, f.what)
		}
		return nil
	}
}

func convertCommand(fs *pflag.FlagSet) func(context.Context, *cli.IO, []string) error {
	var f modelFlags
	f.add(fs)
	to := fs.String("to", "", "`FORMAT` to write: "+strings.Join(formatNames(), ", ")+" (default: by OUT's extension)")
	dialect := fs.Int("keras", 3, "write .h5 or .json in the words of Keras `2`, as tf-keras reads them, or of 3")
	force := fs.BoolP("force", "f", false, "overwrite OUT")
	return func(_ context.Context, o *cli.IO, args []string) error {
		if len(args) < 1 || len(args) > 2 {
			return cli.Usagef("give a model, and the file to write")
		}
		if *to != "" && !slices.Contains(formatNames(), *to) {
			return cli.Usagef("unknown format %q%s", *to, near(*to, formatNames()))
		}
		if *dialect != 2 && *dialect != 3 {
			return cli.Usagef("--keras must be 2 or 3, found %d", *dialect)
		}
		m, err := f.open(o, args[0])
		if errors.Is(err, keras.ErrWeightsAlone) && *to == "" && f.weights == "" {
			if done, err := weightsAlone(o, args, *force); done {
				return err
			}
		}
		if err != nil {
			return err
		}
		out, err := outPath(args, *to)
		if err != nil {
			return err
		}
		if err := write(o, out, m, keras.WriteOptions{Form: *to, Force: *force, Keras: *dialect}); err != nil {
			return err
		}
		if len(args) == 1 {
			fmt.Fprintln(o.Err, out)
		}
		return nil
	}
}

// outPath is where to write: beside the model under the format's extension where OUT isn't given.
func outPath(args []string, to string) (string, error) {
	if len(args) == 2 {
		if args[1] == "-" && to == "" {
			return "", cli.Usagef("standard output needs --to")
		}
		if to == "" && !slices.ContainsFunc(formats, func(f struct{ name, ext, what string }) bool {
			return slices.ContainsFunc(strings.Fields(f.ext), func(e string) bool { return strings.HasSuffix(strings.ToLower(args[1]), e) })
		}) {
			return "", cli.Usagef("the extension of %q names no format; give --to", args[1])
		}
		return args[1], nil
	}
	if to == "" {
		to = "keras"
	}
	return stem(args[0]) + "." + to, nil
}

func stem(path string) string {
	for _, ext := range []string{".weights.h5", ".hdf5", ".h5", ".keras", ".json", ".npz"} {
		if base := strings.TrimSuffix(path, ext); base != path && filepath.Base(base) != "." {
			return base
		}
	}
	return path
}

func write(o *cli.IO, out string, m nn.Model, w keras.WriteOptions) error {
	if out == "-" {
		return keras.WriteTo(o.Out, m, w)
	}
	return keras.SaveOptions(out, m, w)
}

// weightsAlone turns a file of weights without an architecture into .npz; done is false where it isn't one.
func weightsAlone(o *cli.IO, args []string, force bool) (done bool, err error) {
	out := stem(args[0]) + ".npz"
	if len(args) == 2 {
		out = args[1]
	}
	if !strings.HasSuffix(strings.ToLower(out), ".npz") {
		return false, nil
	}
	vars, err := keras.ReadWeights(args[0], keras.Options{})
	if err != nil || out == args[0] {
		return false, nil
	}
	err = safeio.WriteFile(out, force, func(w io.Writer) error { return keras.WriteArrays(w, vars) })
	if err == nil && len(args) == 1 {
		fmt.Fprintln(o.Err, out)
	}
	return true, err
}

func near(name string, from []string) string {
	if n := nn.Nearest(name, from); n != "" {
		return fmt.Sprintf(" (did you mean %q?)", n)
	}
	return ": " + strings.Join(from, ", ")
}
