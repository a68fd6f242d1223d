package main

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/pflag"

	"kerasgo/internal/cli"
	"kerasgo/nn"
)

// layerInfo is a row of inspect's JSON and CSV.
type layerInfo struct {
	Name       string       `json:"name"` // path: inner/dense
	Class      string       `json:"class"`
	Output     string       `json:"output_shape"`
	Params     int          `json:"params"`
	Arithmetic string       `json:"arithmetic"`
	Trainable  bool         `json:"trainable"`
	Weights    []weightInfo `json:"weights,omitempty"`
}

type weightInfo struct {
	Path      string `json:"path"`
	Shape     []int  `json:"shape"`
	DType     string `json:"dtype"`
	Trainable bool   `json:"trainable"`
}

// modelInfo is inspect's JSON.
type modelInfo struct {
	Name         string      `json:"name"`
	Class        string      `json:"class"`
	Format       string      `json:"format"`
	KerasVersion string      `json:"keras_version"`
	Inputs       []ioInfo    `json:"inputs"`
	Outputs      []string    `json:"outputs"`
	Params       int         `json:"params"`
	Trainable    int         `json:"trainable_params"`
	Compiled     bool        `json:"compiled"`
	Layers       []layerInfo `json:"layers"`
}

type ioInfo struct {
	Name  string `json:"name"`
	Shape []*int `json:"shape"`
	DType string `json:"dtype"`
}

func inspectCommand(fs *pflag.FlagSet) func(context.Context, *cli.IO, []string) error {
	var f modelFlags
	fs.StringArrayVar(&f.ignore, "ignore-key", nil, "let an unknown config key pass: `CLASS.KEY`")
	format := fs.String("format", "table", "table, json or csv")
	weights := fs.Bool("weights", false, "list every weight")
	nested := fs.Bool("expand-nested", false, "list the layers of models inside")
	trainable := fs.Bool("trainable", false, "say which layers are trained")
	arithmetic := fs.Bool("arithmetic", false, "say how each count comes about: 784 x 128 + 128")
	return func(_ context.Context, o *cli.IO, args []string) error {
		if len(args) != 1 {
			return cli.Usagef("inspect takes one model")
		}
		if *format != "table" && *format != "json" && *format != "csv" {
			return cli.Usagef("unknown --format %q: table, json or csv", *format)
		}
		options := f.options(o, args[0])
		options.NoWeights = true
		m, err := loadArchitecture(args[0], options)
		if err != nil {
			return err
		}
		if *format == "table" {
			s, err := nn.Summary(m, nn.SummaryOptions{Columns: o.Columns(o.Out), ExpandNested: *nested, Trainable: *trainable, Arithmetic: *arithmetic})
			if err != nil {
				return err
			}
			if _, err = io.WriteString(o.Out, s); err == nil && *weights {
				err = weightTable(o.Out, m)
			}
			return err
		}
		info := describe(m, *nested, *weights)
		if *format == "json" {
			e := json.NewEncoder(o.Out)
			e.SetIndent("", "  ")
			e.SetEscapeHTML(false)
			return e.Encode(info)
		}
		return writeCSV(o.Out, info, *weights)
	}
}

func describe(m nn.Model, nested, weights bool) modelInfo {
	origin := nn.OriginOf(m)
	info := modelInfo{Name: m.Base().Name, Class: m.Base().Class, Format: origin.Form, KerasVersion: origin.KerasVersion,
		Outputs: m.OutputNames(), Params: nn.ParamCount(m), Compiled: m.Training() != nil, Layers: []layerInfo{}}
	for _, s := range m.InputSpecs() {
		in := ioInfo{Name: s.Name, DType: s.DType.String(), Shape: []*int{}}
		for _, d := range s.Shape {
			if d < 0 {
				in.Shape = append(in.Shape, nil)
			} else {
				in.Shape = append(in.Shape, &d)
			}
		}
		info.Inputs = append(info.Inputs, in)
	}
	for w := range nn.Weights(m) {
		if w.Trainable {
			info.Trainable += w.Shape.Size()
		}
	}
	shapes := nn.OutputShapes(m)
	var visit func(m nn.Model, prefix string)
	visit = func(m nn.Model, prefix string) {
		for _, l := range nn.Layers(m) {
			b := l.Base()
			row := layerInfo{Name: prefix + b.Name, Class: strings.TrimPrefix(b.Class, "ops."), Output: shapes[l], Params: nn.ParamCount(l),
				Arithmetic: nn.Arithmetic(l), Trainable: b.Trainable}
			inner, ok := l.(nn.Model)
			if weights && !(ok && nested) {
				row.Weights = weightsOf(l)
			}
			info.Layers = append(info.Layers, row)
			if ok && nested {
				visit(inner, prefix+b.Name+"/")
			}
		}
	}
	visit(m, "")
	return info
}

func weightsOf(l nn.Layer) (out []weightInfo) {
	for w := range nn.Weights(l) {
		out = append(out, weightInfo{w.Path, append([]int{}, w.Shape...), w.DType.String(), w.Trainable})
	}
	return out
}

func weightTable(w io.Writer, m nn.Model) error {
	width := 0
	for _, k := range weightsOf(m) {
		width = max(width, len(k.Path))
	}
	for _, k := range weightsOf(m) {
		note := ""
		if !k.Trainable {
			note = "  not trained"
		}
		if _, err := fmt.Fprintf(w, " %-*s  %s%v%s\n", width, k.Path, k.DType, nn.Shape(k.Shape), note); err != nil {
			return err
		}
	}
	return nil
}

func writeCSV(w io.Writer, info modelInfo, weights bool) error {
	c := csv.NewWriter(w)
	rows := [][]string{{"name", "class", "output_shape", "params", "arithmetic", "trainable"}}
	for _, l := range info.Layers {
		rows = append(rows, []string{l.Name, l.Class, l.Output, fmt.Sprint(l.Params), l.Arithmetic, fmt.Sprint(l.Trainable)})
	}
	if weights {
		rows = [][]string{{"layer", "path", "shape", "dtype", "trainable"}}
		for _, l := range info.Layers {
			for _, k := range l.Weights {
				rows = append(rows, []string{l.Name, k.Path, nn.Shape(k.Shape).String(), k.DType, fmt.Sprint(k.Trainable)})
			}
		}
	}
	if err := c.WriteAll(rows); err != nil {
		return err
	}
	return c.Error()
}
