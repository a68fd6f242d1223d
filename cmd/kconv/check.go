package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/pflag"

	"kerasgo/internal/cli"
	"kerasgo/keras"
	"kerasgo/nn"
)

// loadArchitecture reads a model without its weights.
func loadArchitecture(path string, o keras.Options) (nn.Model, error) {
	o.NoWeights = true
	return keras.LoadOptions(path, o)
}

// verdict is what check says of a layer.
type verdict struct {
	Layer  string `json:"layer"`
	Class  string `json:"class"`
	Status string `json:"status"` // exact or missing
	Why    string `json:"why,omitempty"`
}

func checkCommand(fs *pflag.FlagSet) func(context.Context, *cli.IO, []string) error {
	var f modelFlags
	fs.StringArrayVar(&f.ignore, "ignore-key", nil, "let an unknown config key pass: `CLASS.KEY`")
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
		v := verdict{Layer: n.Path, Class: n.Class, Status: "exact", Why: why[n.Name]}
		if v.Why != "" {
			v.Status = "missing"
		}
		rows = append(rows, v)
	}
	for _, u := range rest {
		rows = append(rows, verdict{u.Layer, u.Class, "missing", u.Msg})
	}
	return rows, nil
}

func printVerdicts(o *cli.IO, rows []verdict) {
	name, class, missing := 0, 0, 0
	for _, r := range rows {
		name, class = max(name, len(r.Layer)), max(class, len(r.Class))
		if r.Status == "missing" {
			missing++
		}
	}
	for _, r := range rows {
		fmt.Fprintf(o.Out, "%-8s %-*s  %-*s", r.Status, name, r.Layer, class, r.Class)
		if r.Why != "" {
			fmt.Fprintf(o.Out, "  %s", r.Why)
		}
		fmt.Fprintln(o.Out)
	}
	fmt.Fprintf(o.Out, "%d layers: %d exact, %d missing\n", len(rows), len(rows)-missing, missing)
}
