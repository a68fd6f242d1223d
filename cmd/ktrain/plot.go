package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"kerasgo/internal/cli"
	"kerasgo/internal/safeio"
	"kerasgo/train"
)

// run is what one training ended its epochs with.
type run struct {
	name   string
	epochs []float64 // from 1
	values map[string][]float64
}

func plotCommand(fs *pflag.FlagSet) func(context.Context, *cli.IO, []string) error {
	output := fs.StringP("output", "o", "history.png", "draw to `FILE`: .png, or .svg, which is light or dark as its reader")
	force := fs.BoolP("force", "f", false, "overwrite what exists")
	only := fs.StringSlice("only", nil, "draw these `NAMES` alone, and their validation, such as loss,accuracy")
	return func(_ context.Context, _ *cli.IO, args []string) error {
		if len(args) == 0 {
			return cli.Usagef("plot takes histories: H.json of --history, log.csv of --log-csv")
		}
		if err := plottable(*output); err != nil {
			return err
		}
		if err := free(*force, *output); err != nil {
			return err
		}
		var runs []run
		for _, path := range args {
			r, err := readRun(path)
			if err != nil {
				return err
			}
			runs = append(runs, r)
		}
		nameRuns(runs, args)
		panels := panelsOf(runs, *only)
		if len(panels) == 0 {
			return cli.Usagef("there is nothing to draw: the histories hold none of %q", *only)
		}
		return figure(*output, *force, panels)
	}
}

// plottable refuses files that aren't named as what can be drawn.
func plottable(path string) error {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".png", ".svg":
		return nil
	}
	return cli.Usagef("a plot is a .png or an .svg, not %q", path)
}

// plotHistory draws losses and what else was measured, a panel each, over the epochs.
func plotHistory(path string, force bool, h *train.History) error {
	r := run{values: h.Values}
	for _, e := range h.Epochs {
		r.epochs = append(r.epochs, float64(e+1))
	}
	return figure(path, force, panelsOf([]run{r}, nil))
}

// panelsOf makes a panel of each quantity: the loss first, then by name. Runs differ by colour; validation is dashed.
func panelsOf(runs []run, only []string) (panels []panel) {
	bases := map[string]bool{}
	for _, r := range runs {
		for name := range r.values {
			if base := strings.TrimPrefix(name, "val_"); len(only) == 0 || slices.Contains(only, base) || slices.Contains(only, name) {
				bases[base] = true
			}
		}
	}
	names := slices.Sorted(maps.Keys(bases))
	if i := slices.Index(names, "loss"); i > 0 {
		names = append([]string{"loss"}, slices.Delete(names, i, i+1)...)
	}
	for _, base := range names {
		p := panel{}
		for i, r := range runs {
			for k, name := range []string{base, "val_" + base} {
				values, ok := r.values[name]
				if !ok {
					continue
				}
				c := curve{name: strings.TrimSpace(r.name + " " + name), ink: curveInk(i), dashed: k == 1}
				if len(runs) == 1 {
					c.ink = curveInk(k)
				}
				for e, v := range values {
					c.add(r.epochs[e], v)
				}
				p.curves = append(p.curves, c)
			}
		}
		panels = append(panels, p)
	}
	return panels
}

// nameRuns calls runs by their files, with folders where names are the same; a single run needs no name.
func nameRuns(runs []run, paths []string) {
	if len(runs) == 1 {
		return
	}
	seen := map[string]int{}
	for i, path := range paths {
		runs[i].name = strings.TrimSuffix(filepath.Base(path), filepath.Ext(path))
		seen[runs[i].name]++
	}
	for i, path := range paths {
		if seen[runs[i].name] > 1 {
			runs[i].name = path
		}
	}
}

// readRun reads a history: a JSON object of lists, or a table with an epoch column.
func readRun(path string) (run, error) {
	f, _, err := safeio.OpenRegular(path, safeio.Limits{})
	if err != nil {
		return run{}, err
	}
	defer f.Close()
	raw, err := safeio.ReadAll(f, safeio.Defaults().MaxJSONBytes)
	if err != nil {
		return run{}, safeio.At(err, safeio.Where{File: path})
	}
	return parseRun(path, raw)
}

func parseRun(path string, raw []byte) (run, error) {
	if strings.HasPrefix(strings.TrimLeft(string(raw), " \t\r\n"), "{") {
		return readHistory(path, raw)
	}
	return readLog(path, raw)
}

func badRun(path, object, msg string, err error) error {
	return &safeio.FormatError{Where: safeio.Where{File: path, Object: object}, Msg: msg, Err: err}
}

// readHistory reads {"loss": [...], ...}, where null is what isn't a number.
func readHistory(path string, raw []byte) (r run, err error) {
	var values map[string][]*float64
	if err := json.Unmarshal(raw, &values); err != nil {
		return r, badRun(path, "", "isn't a history", err)
	}
	r.values = map[string][]float64{}
	for name, list := range values {
		out := make([]float64, len(list))
		for i, v := range list {
			if out[i] = math.NaN(); v != nil {
				out[i] = *v
			}
		}
		r.values[name] = out
		for len(r.epochs) < len(out) {
			r.epochs = append(r.epochs, float64(len(r.epochs)+1))
		}
	}
	return r, nil
}

// mostEpochs is the highest number of an epoch.
const mostEpochs = 1e9

// readLog reads what CSVLogger wrote: an epoch from 0 in each line, and values; NA and nothing are none.
func readLog(path string, raw []byte) (r run, err error) {
	in := csv.NewReader(bytes.NewReader(raw))
	lines, err := in.ReadAll()
	if err != nil {
		return r, badRun(path, "", "isn't a table", err)
	}
	if len(lines) == 0 || lines[0][0] != "epoch" {
		return r, badRun(path, "", "is neither a history in JSON nor a log whose first column is epoch", nil)
	}
	r.values = map[string][]float64{}
	for k, name := range lines[0][1:] {
		if slices.Contains(lines[0][:k+1], name) {
			return r, badRun(path, "column "+name, "is there twice", nil)
		}
	}
	for i, line := range lines[1:] {
		for k, cell := range line {
			v, err := strconv.ParseFloat(strings.TrimSpace(cell), 64)
			if err != nil {
				if cell != "NA" && cell != "" {
					return r, badRun(path, "line "+strconv.Itoa(i+2)+", column "+lines[0][k], "isn't a number", err)
				}
				v = math.NaN()
			}
			if k == 0 {
				if !(v == math.Trunc(v)) || v < 0 || v > mostEpochs {
					return r, badRun(path, "line "+strconv.Itoa(i+2), "isn't of an epoch: "+strconv.Quote(cell), nil)
				}
				r.epochs = append(r.epochs, v+1)
			} else {
				r.values[lines[0][k]] = append(r.values[lines[0][k]], v)
			}
		}
	}
	for name, list := range r.values { // a log without validation has columns of it, all NA
		if !slices.ContainsFunc(list, func(v float64) bool { return !math.IsNaN(v) }) {
			delete(r.values, name)
		}
	}
	return r, nil
}
