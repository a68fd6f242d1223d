package train

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"kerasgo/nn"
)

// ModelCheckpoint are the arguments of Keras's callback of that name. Save writes the model, keras.Save for one.
//
// Source: keras/src/callbacks/model_checkpoint.py
type ModelCheckpoint struct {
	Save func(m nn.Model, path string) error
	// Path may hold {epoch}, {epoch:02d}, {batch} and names of logs, {val_loss:.2f}, which stand for their values. Its folder is
	// made.
	Path         string
	Monitor      string // "": val_loss
	Mode         string // min, max, or "" by the name
	SaveBestOnly bool   // only where the value is better than all before
	// SaveWeightsOnly wants a Path that ends in .weights.h5, from which keras.Save sees what to write.
	SaveWeightsOnly bool
	// EverySteps is save_freq: 0 saves after each epoch, n after each n steps. Validation isn't known there.
	EverySteps int
	// Threshold is initial_value_threshold: what the first value must be better than; nil: nothing. Of SaveBestOnly.
	Threshold *float64
}

// Callback saves the model after each epoch or so many steps, or after those that were the best so far.
func (c ModelCheckpoint) Callback() (Callback, error) {
	m, err := newMonitor(c.Monitor, c.Mode, 0)
	switch {
	case err != nil:
		return Callback{}, err
	case c.Save == nil:
		return Callback{}, fmt.Errorf("a ModelCheckpoint needs a function that saves")
	case c.SaveWeightsOnly && !strings.HasSuffix(c.Path, ".weights.h5"):
		return Callback{}, fmt.Errorf("%q: the path of weights alone ends in .weights.h5", c.Path)
	case c.EverySteps < 0:
		return Callback{}, fmt.Errorf("a ModelCheckpoint saves after each epoch (0) or so many steps, not %d", c.EverySteps)
	}
	var best record
	if c.Threshold != nil {
		best = record{*c.Threshold, true}
	}
	since := 0
	save := func(s *State, batch int) error {
		if c.SaveBestOnly {
			v, there, err := m.value(s)
			if err != nil || !there { // an epoch that isn't measured isn't the best
				return err
			}
			if best.have && !m.better(v, best.value) {
				return nil
			}
			best = record{v, true}
		}
		path, err := expand(c.Path, s, batch)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
			return err
		}
		s.trainer.finish()
		return c.Save(s.Model, path)
	}
	k := Callback{
		Name: fmt.Sprintf("ModelCheckpoint(%s, best only: %v)", m.name, c.SaveBestOnly),
		Save: func() (map[string]*nn.Tensor, error) { return best.save(float64(since)), nil },
		Load: func(_ *State, memory map[string]*nn.Tensor) (err error) {
			best, err = loadRecord(memory, &since)
			return err
		},
	}
	if c.EverySteps == 0 {
		k.EpochEnd = func(s *State) error { return save(s, 0) }
		return k, nil
	}
	k.BatchEnd = func(s *State) error {
		if since++; since < c.EverySteps {
			return nil
		}
		since = 0
		return save(s, s.Step)
	}
	return k, nil
}

// formats are Python's for numbers, as far as Go's are the same.
var formats = regexp.MustCompile(`^0?[0-9]{0,2}(\.[0-9]{1,2})?[dfeg%]?$`)

// expand puts values in the place of {name} and {name:format} of a path, as Python's str.format does. batch is a number from 1;
// 0: none.
func expand(path string, s *State, batch int) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(path, "{")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		field, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", fmt.Errorf("%q: a { without }", path)
		}
		name, format, _ := strings.Cut(field, ":")
		v, ok := s.Logs.Get(name)
		switch {
		case !formats.MatchString(format):
			return "", fmt.Errorf("%q: the format %q isn't one like 02d or .4f", field, format)
		case name == "epoch":
			v, ok = float64(s.Epoch+1), true
		case name == "batch" && batch > 0:
			v, ok = float64(batch), true
		}
		if !ok {
			return "", fmt.Errorf("%q: there is no %q to put in the name; there is %s", field, name, strings.Join(s.Logs.Names(), ", "))
		}
		text, err := pythonFormat(v, format, name == "epoch" || name == "batch")
		if err != nil {
			return "", fmt.Errorf("%q: %w", field, err)
		}
		b.WriteString(text)
		path = after
	}
}

// pythonFormat is format(v, spec) of Python, for a spec that formats matches. whole is an int.
func pythonFormat(v float64, spec string, whole bool) (string, error) {
	verb := byte(0)
	if n := len(spec); n > 0 && (spec[n-1] < '0' || spec[n-1] > '9') {
		verb, spec = spec[n-1], spec[:n-1]
	}
	switch {
	case whole && (verb == 0 || verb == 'd'):
		if strings.Contains(spec, ".") {
			return "", fmt.Errorf("a whole number has no precision")
		}
		return fmt.Sprintf("%"+spec+"d", int(v)), nil
	case verb == 'd':
		return "", fmt.Errorf("it isn't a whole number")
	case verb == '%':
		width, precision, given := strings.Cut(spec, ".")
		if !given {
			precision = "6"
		}
		n, err := strconv.Atoi(precision)
		if err != nil {
			return "", err
		}
		return fmt.Sprintf("%"+width+"s", strconv.FormatFloat(v*100, 'f', n, 64)+"%"), nil
	case verb == 0 && !strings.Contains(spec, "."):
		return fmt.Sprintf("%"+spec+"s", pythonRepr(v)), nil
	case verb == 0 || verb == 'g' && strings.Contains(spec, "."):
		return fmt.Sprintf("%"+spec+"g", v), nil
	case verb == 'g':
		return fmt.Sprintf("%"+spec+".6g", v), nil
	}
	return fmt.Sprintf("%"+spec+string(verb), v), nil
}

// pythonRepr is repr(v) of Python: the shortest digits, with an exponent below 1e-4 and from 1e16 on.
func pythonRepr(v float64) string {
	switch {
	case math.IsNaN(v):
		return "nan"
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	}
	if a := math.Abs(v); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.FormatFloat(v, 'e', -1, 64)
	}
	s := strconv.FormatFloat(v, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	return s
}
