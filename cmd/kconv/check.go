package main

import (
	"context"
	_ "embed" // errors.txt
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"kerasgo/internal/cli"
	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/train"
)

// loadArchitecture reads a model without its weights.
func loadArchitecture(path string, o keras.Options) (nn.Model, error) {
	o.NoWeights = true
	return keras.LoadOptions(path, o)
}

// The verdicts. Exact is bit for bit Keras's in every golden; within tolerance is max|a-b| / max|b| of at most 1e-5.
const (
	exact     = "exact"
	tolerable = "within tolerance"
	lacking   = "missing"
)

// verdict is what check says of a layer, or of what the model was compiled with.
type verdict struct {
	Layer  string `json:"layer"`
	Class  string `json:"class"`
	Status string `json:"status"`
	Why    string `json:"why,omitempty"`
}

// errorsText is the largest error that any golden shows of each class, from the test that writes docs/support.md.
//
//go:embed errors.txt
var errorsText string

// accuracy is the verdict on a class that is supported.
func accuracy(class string) (status, why string) {
	for line := range strings.Lines(errorsText) {
		if name, off, _ := strings.Cut(strings.TrimSpace(line), " "); name == class {
			if off == "0" {
				return exact, ""
			}
			return tolerable, "at most " + off + " of range"
		}
	}
	return tolerable, "not measured" // a function of the caller's own
}

func checkCommand(fs *pflag.FlagSet) func(context.Context, *cli.IO, []string) error {
	var f modelFlags
	fs.StringArrayVar(&f.ignore, "ignore-key", nil, "let an unknown config key pass: `CLASS.KEY`")
	fs.Var(&f.lambdas, "lambda", "what a Lambda layer or a lost activation computes: `NAME=FUNCTION`, such as lambda_1=divide(255)")
	format := fs.String("format", "table", "table or json")
	return func(_ context.Context, o *cli.IO, args []string) error {
		if len(args) != 1 {
			return cli.Usagef("check takes one model")
		}
		if *format != "table" && *format != "json" {
			return cli.Usagef("unknown --format %q: table or json", *format)
		}
		m, err := loadArchitecture(args[0], f.options(o, args[0]))
		var missing keras.UnsupportedErrors
		var one *keras.UnsupportedError
		switch {
		case errors.As(err, &missing):
		case errors.As(err, &one):
			missing = keras.UnsupportedErrors{one}
		case err != nil:
			return err
		}
		rows, err := verdicts(args[0], m, missing, f.options(o, args[0]))
		if err != nil {
			return err
		}
		if *format == "json" {
			e := json.NewEncoder(o.Out)
			e.SetIndent("", "  ")
			if err := e.Encode(rows); err != nil {
				return err
			}
		} else {
			printVerdicts(o, rows)
		}
		if len(missing) > 0 {
			return cli.Exit(cli.Unsupported)
		}
		return nil
	}
}

// verdicts lists the layers of the model, or of what the file says where it can't be one.
func verdicts(path string, m nn.Model, missing keras.UnsupportedErrors, o keras.Options) ([]verdict, error) {
	why := map[string]string{}
	var rest []*keras.UnsupportedError
	names, err := keras.LayerNames(path, o)
	if err != nil && m == nil && len(missing) == 0 {
		return nil, err
	}
	for _, u := range missing {
		reason := u.Msg
		if u.Key != "" {
			reason = fmt.Sprintf("%s: %s", u.Key, u.Msg)
		}
		if !slices.ContainsFunc(names, func(n keras.LayerName) bool { return n.Name == u.Layer }) {
			rest = append(rest, u)
		} else if why[u.Layer] != "" {
			why[u.Layer] += "; " + reason
		} else {
			why[u.Layer] = reason
		}
	}
	rows := []verdict{}
	for _, n := range names {
		v := verdict{Layer: n.Path, Class: strings.TrimPrefix(n.Class, "ops."), Status: lacking, Why: why[n.Name]}
		if v.Why == "" {
			v.Status, v.Why = accuracy(n.Class)
		}
		rows = append(rows, v)
	}
	for _, u := range rest {
		rows = append(rows, verdict{u.Layer, u.Class, lacking, u.Msg})
	}
	return append(rows, compiled(m)...), nil
}

// compiled says of the compile config what training can take from the file; inference needs none of it.
func compiled(m nn.Model) (rows []verdict) {
	if m == nil || m.Training() == nil {
		return nil
	}
	var config map[string]json.RawMessage
	if json.Unmarshal(m.Training().Compile, &config) != nil {
		return nil
	}
	for _, key := range []string{"optimizer", "loss", "metrics", "weighted_metrics"} {
		if raw := string(config[key]); raw == "" || raw == "null" || raw == "[]" {
			continue
		}
		part, _ := json.Marshal(map[string]json.RawMessage{key: config[key]}) // what was read can be written
		v := verdict{Layer: "(compiled)", Class: key, Status: tolerable, Why: "histories to 1e-3"}
		if _, err := train.DecodeConfig(part, m.OutputNames()); err != nil {
			v.Status, v.Why = lacking, fmt.Sprintf("for training alone: %v", err)
		}
		rows = append(rows, v)
	}
	return rows
}

func printVerdicts(o *cli.IO, rows []verdict) {
	status, name, class := 0, 0, 0
	count := map[string]int{}
	for _, r := range rows {
		status, name, class = max(status, len(r.Status)), max(name, len(r.Layer)), max(class, len(r.Class))
		if r.Layer != "(compiled)" {
			count[r.Status]++
		}
	}
	for _, r := range rows {
		line := fmt.Sprintf("%-*s  %-*s  %-*s  %s", status, r.Status, name, r.Layer, class, r.Class, r.Why)
		fmt.Fprintln(o.Out, strings.TrimRight(line, " "))
	}
	fmt.Fprintf(o.Out, "%d layers: %d exact, %d within tolerance, %d missing\n", count[exact]+count[tolerable]+count[lacking], count[exact], count[tolerable], count[lacking])
}
