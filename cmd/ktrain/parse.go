package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"kerasgo/internal/cli"
	"kerasgo/internal/safeio"
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

// looks is the callback that shows progress: verbose 0 none, 1 a bar, 2 a line an epoch, -1 what fits.
func looks(o *cli.IO, verbose int) ([]train.Callback, error) {
	switch verbose {
	case -1:
		return []train.Callback{train.ProgbarLogger(o.Err, train.Progress{Bar: o.Terminal(o.Err), Plain: !o.Color(o.Err)})}, nil
	case 0:
		return nil, nil
	case 1, 2:
		return []train.Callback{train.ProgbarLogger(o.Err, train.Progress{Bar: verbose == 1, Plain: !o.Color(o.Err)})}, nil
	}
	return nil, cli.Usagef("--verbose is 0, 1 or 2, not %d", verbose)
}
