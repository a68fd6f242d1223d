package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"

	"github.com/spf13/pflag"

	"kerasgo/internal/cli"
	"kerasgo/keras"
	"kerasgo/nn"
)

// difference is one thing that differs; null: not there.
type difference struct {
	Where string `json:"where"` // layer dense: units
	A     any    `json:"a"`
	B     any    `json:"b"`
}

func diffCommand(fs *pflag.FlagSet) func(context.Context, *cli.IO, []string) error {
	var f modelFlags
	fs.StringArrayVar(&f.ignore, "ignore-key", nil, "let an unknown config key pass: `CLASS.KEY`")
	weights := fs.Bool("weights", false, "compare the weights' values too")
	atol := fs.Float64("atol", 0, "weights may differ by this much")
	format := fs.String("format", "table", "table or json")
	return func(_ context.Context, o *cli.IO, args []string) error {
		switch {
		case len(args) != 2:
			return cli.Usagef("diff takes two models")
		case *format != "table" && *format != "json":
			return cli.Usagef("unknown --format %q: table or json", *format)
		case !(*atol >= 0):
			return cli.Usagef("--atol can't be negative")
		}
		var models [2]nn.Model
		for i, path := range args {
			options := f.options(o, path)
			options.NoWeights = !*weights
			var err error
			if models[i], err = keras.LoadOptions(path, options); err != nil {
				return err
			}
		}
		list, err := diffConfigs(models[0], models[1])
		if err != nil {
			return err
		}
		if *weights {
			list = append(list, diffWeights(models[0], models[1], *atol)...)
		}
		if *format == "json" {
			e := json.NewEncoder(o.Out)
			e.SetIndent("", "  ")
			e.SetEscapeHTML(false)
			if err := e.Encode(map[string]any{"equal": len(list) == 0, "differences": append([]difference{}, list...)}); err != nil {
				return err
			}
		} else {
			for _, d := range list {
				fmt.Fprintf(o.Out, "%s: %s | %s\n", d.Where, show(d.A), show(d.B))
			}
		}
		if len(list) > 0 {
			return cli.Exit(cli.No)
		}
		return nil
	}
}

func show(v any) string {
	if v == nil {
		return "-"
	}
	if s, ok := v.(string); ok {
		return s
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	if len(raw) > 100 {
		raw = append(raw[:100:100], "..."...)
	}
	return string(raw)
}

// silent are keys that say how a file was written, not what the model is.
var silent = []string{"module", "registered_name", "build_config", "shared_object_id", "build_input_shape", "compile_config"}

func diffConfigs(a, b nn.Model) (list []difference, err error) {
	var trees [2]any
	for i, m := range []nn.Model{a, b} {
		raw, err := keras.ToJSON(m)
		if err != nil {
			return nil, err
		}
		// Bare NaN and Infinity don't matter here: they fail in both or are named by the error.
		if err := json.Unmarshal(raw, &trees[i]); err != nil {
			return nil, err
		}
	}
	diffTree("", trees[0], trees[1], &list)
	return list, nil
}

// diffTree compares JSON; layers are paired by name.
func diffTree(where string, a, b any, list *[]difference) {
	join := func(key string) string {
		if where == "" {
			return key
		}
		return where + "." + key
	}
	x, isObject := a.(map[string]any)
	y, both := b.(map[string]any)
	if isObject && both {
		keys := map[string]bool{}
		for k := range x {
			keys[k] = true
		}
		for k := range y {
			keys[k] = true
		}
		for _, k := range slices.Sorted(maps.Keys(keys)) {
			switch {
			case slices.Contains(silent, k):
			case k == "layers":
				diffLayers(x[k], y[k], where, list)
			case k == "config":
				diffTree(where, x[k], y[k], list)
			default:
				diffTree(join(k), x[k], y[k], list)
			}
		}
		return
	}
	if policyName(a) != policyName(b) || policyName(a) == "" && !reflect.DeepEqual(a, b) {
		*list = append(*list, difference{where, a, b})
	}
}

// policyName is the name of a dtype or its policy, which say the same.
func policyName(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	if m, ok := v.(map[string]any); ok && m["class_name"] == "DTypePolicy" {
		config, _ := m["config"].(map[string]any)
		s, _ := config["name"].(string)
		return s
	}
	return ""
}

func diffLayers(a, b any, where string, list *[]difference) {
	x, y := byName(a), byName(b)
	names := slices.Clone(x.names)
	for _, n := range y.names {
		if x.layers[n] == nil {
			names = append(names, n)
		}
	}
	for _, n := range names {
		at := "layer " + n
		if where != "" {
			at = where + "/" + n
		}
		l, r := x.layers[n], y.layers[n]
		if l == nil || r == nil {
			*list = append(*list, difference{at, class(l), class(r)})
			continue
		}
		diffTree(at, l, r, list)
	}
}

type named struct {
	names  []string
	layers map[string]map[string]any
}

func byName(v any) named {
	out := named{layers: map[string]map[string]any{}}
	items, _ := v.([]any)
	for _, item := range items {
		l, _ := item.(map[string]any)
		config, _ := l["config"].(map[string]any)
		name, _ := config["name"].(string)
		out.names = append(out.names, name)
		out.layers[name] = l
	}
	return out
}

func class(l map[string]any) any {
	if l == nil {
		return nil
	}
	return l["class_name"]
}

// diffWeights compares the weights by path.
func diffWeights(a, b nn.Model, atol float64) (list []difference) {
	theirs := map[string]*nn.Weight{}
	var order []string
	for w := range nn.Weights(b) {
		theirs[w.Path] = w
		order = append(order, w.Path)
	}
	for w := range nn.Weights(a) {
		v := theirs[w.Path]
		delete(theirs, w.Path)
		at := "weight " + w.Path
		switch {
		case v == nil:
			list = append(list, difference{at, w.Spec.String(), nil})
		case !w.Shape.Equal(v.Shape):
			list = append(list, difference{at, w.Spec.String(), v.Spec.String()})
		case w.Data == nil || v.Data == nil: // the seed of a random generator
		default:
			if c := measure(w.Path, w.Data, v.Data, 0); c.MaxAbs == nil || *c.MaxAbs > atol {
				list = append(list, difference{at, w.Spec.String(), fmt.Sprintf("off by %s", show(c.MaxAbs))})
			}
		}
	}
	for _, path := range order {
		if v := theirs[path]; v != nil {
			list = append(list, difference{"weight " + path, nil, v.Spec.String()})
		}
	}
	return list
}
