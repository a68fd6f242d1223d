package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"kerasgo/internal/cli"
	"kerasgo/internal/safeio"
	"kerasgo/keras"
	"kerasgo/train"
)

// parseClassWeight reads 0=1,1=2.
func parseClassWeight(s string) (map[int]float64, error) {
	if s == "" {
		return nil, nil
	}
	out := map[int]float64{}
	for _, pair := range strings.Split(s, ",") {
		class, weight, _ := strings.Cut(pair, "=")
		c, err := strconv.Atoi(strings.TrimSpace(class))
		w, err2 := strconv.ParseFloat(strings.TrimSpace(weight), 64)
		if err != nil || err2 != nil || c < 0 || !(w >= 0) || w-w != 0 {
			return nil, cli.Usagef("--class-weight is CLASS=WEIGHT,..., such as 0=1,1=2.5, not %q", pair)
		}
		out[c] = w
	}
	return out, nil
}

// parseEarlyStopping reads val_loss:5.
func parseEarlyStopping(s string) (train.EarlyStopping, error) {
	name, patience, given := strings.Cut(s, ":")
	e := train.EarlyStopping{Monitor: name}
	if given {
		n, err := strconv.Atoi(patience)
		if err != nil || n < 0 {
			return e, cli.Usagef("--early-stopping is NAME:EPOCHS, such as val_loss:5, not %q", s)
		}
		e.Patience = n
	}
	return e, nil
}

// parseReduce reads val_loss:10.
func parseReduce(s string) (train.ReduceLROnPlateau, error) {
	name, patience, given := strings.Cut(s, ":")
	r := train.ReduceLROnPlateau{Monitor: name}
	if given {
		n, err := strconv.Atoi(patience)
		if err != nil || n < 1 {
			return r, cli.Usagef("--reduce-lr is NAME:EPOCHS, such as val_loss:10, not %q", s)
		}
		r.Patience = n
	}
	return r, nil
}

// parseUntil reads loss<0.05 or val_accuracy>0.98.
func parseUntil(s string) (train.Callback, error) {
	at := strings.IndexAny(s, "<>")
	if at > 0 {
		if v, err := strconv.ParseFloat(strings.TrimSpace(s[at+1:]), 64); err == nil && v-v == 0 {
			return train.Until(strings.TrimSpace(s[:at]), s[at] == '>', v), nil
		}
	}
	return train.Callback{}, cli.Usagef("--until is NAME<NUMBER, such as 'loss<0.05', not %q", s)
}

func parseMetrics(s string) (set []train.Metric, err error) {
	for _, name := range strings.Split(s, ",") {
		m, err := train.ParseMetric(strings.TrimSpace(name))
		if err != nil {
			return nil, err
		}
		set = append(set, m)
	}
	return set, nil
}

// files refuses paths that exist and aren't regular files.
func files(paths ...string) error {
	for _, p := range paths {
		if info, err := os.Stat(p); err == nil && !info.Mode().IsRegular() {
			return &safeio.FormatError{Where: safeio.Where{File: p}, Msg: "can't be written to: not a regular file"}
		}
	}
	return nil
}

// free refuses paths that exist, unless force is given, and those whose folder isn't there.
func free(force bool, paths ...string) error {
	for _, p := range paths {
		if p == "" {
			continue
		}
		if info, err := os.Stat(filepath.Dir(p)); err != nil {
			return err
		} else if !info.IsDir() {
			return fmt.Errorf("%s isn't a folder", filepath.Dir(p))
		}
		if force {
			continue
		}
		if _, err := os.Lstat(p); err == nil {
			return fmt.Errorf("%s: %w", p, safeio.ErrExists)
		}
	}
	return nil
}

// progress are the callbacks that show it: verbose 0 none, 1 a bar, 2 a line an epoch, -1 what fits. On a terminal, curves
// are under the bar; done takes them away, however training ended.
func progress(o *cli.IO, verbose int) (callbacks []train.Callback, done func(), err error) {
	done = func() {}
	if verbose == 0 {
		return nil, done, nil
	}
	if verbose < -1 || verbose > 2 {
		return nil, done, cli.Usagef("--verbose is 0, 1 or 2, not %d", verbose)
	}
	terminal, plain := o.Terminal(o.Err), !o.Color(o.Err)
	bar := verbose == 1 || verbose == -1 && terminal
	callbacks = []train.Callback{train.ProgbarLogger(o.Err, train.Progress{Bar: bar, Plain: plain})}
	if bar && terminal {
		l := &live{w: o.Err, columns: o.Columns(o.Err), plain: plain}
		callbacks, done = l.around(callbacks), l.end
	}
	return callbacks, done, nil
}

// board are the flags of TensorBoard's files.
type board struct {
	dir, update string
	histograms  int
}

func (b *board) flags(fs *pflag.FlagSet) {
	fs.StringVar(&b.dir, "tensorboard", "", "write curves for TensorBoard to `FOLDER`: train/ and validation/")
	fs.StringVar(&b.update, "update-freq", "epoch", "of these curves: epoch, batch, or each `N` batches")
	fs.IntVar(&b.histograms, "histogram-freq", 0, "draw for TensorBoard how the weights are distributed, each `N` epochs; 0: never")
}

// callbacks are what the flags ask for, if they do.
func (b *board) callbacks() ([]train.Callback, error) {
	every, err := strconv.Atoi(b.update)
	switch {
	case b.update == "epoch":
		every = 0
	case b.update == "batch":
		every = 1
	case err != nil || every < 1:
		return nil, cli.Usagef("--update-freq is epoch, batch or a number of batches, not %q", b.update)
	}
	switch {
	case b.histograms < 0:
		return nil, cli.Usagef("--histogram-freq must be 0 or more, found %d", b.histograms)
	case b.dir == "" && (b.histograms > 0 || b.update != "epoch"):
		return nil, cli.Usagef("--update-freq and --histogram-freq need --tensorboard FOLDER")
	case b.dir == "":
		return nil, nil
	}
	c, err := train.TensorBoard{LogDir: b.dir, UpdateFreq: every, HistogramFreq: b.histograms, WriteStepsPerSecond: true, WriteGraph: keras.ToJSON}.Callback()
	return []train.Callback{c}, err
}
