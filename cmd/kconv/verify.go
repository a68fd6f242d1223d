package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"sort"
	"strings"

	"github.com/spf13/pflag"

	"kerasgo/internal/cli"
	"kerasgo/internal/npy"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// side is what one of the two to be compared computed.
type side struct {
	outputs []nn.Variable
	layers  []nn.Variable // in the order they were computed; name#1 is a second tensor, name@1 a second call
}

// report is verify's answer.
type report struct {
	Agrees    bool         `json:"agrees"`
	Tolerance float64      `json:"tolerance"`
	OfLayers  float64      `json:"layer_tolerance"`
	Outputs   []comparison `json:"outputs"`
	Layers    []comparison `json:"layers"`
	First     *string      `json:"first_to_diverge"` // null: none
	OnlyA     []string     `json:"only_in_model"`
	OnlyB     []string     `json:"only_in_reference"`
}

func verifyCommand(fs *pflag.FlagSet) func(context.Context, *cli.IO, []string) error {
	var f modelFlags
	f.add(fs)
	golden := fs.String("golden", "", "`REF.npz` that export_reference.py wrote in Python")
	input := fs.String("input", "", "`X.npz` or .npy with the inputs (default: random ones)")
	tolerance := fs.Float64("tolerance", 1e-5, "bound of max|a-b| / max|b|")
	ofLayers := fs.Float64("layer-tolerance", 1e-4, "the bound inside the model, where rounding hasn't averaged out yet")
	rows := fs.Int("rows", 2, "rows of random inputs")
	dim := fs.Int("dim", 16, "size of open dimensions of random inputs")
	seed := fs.Uint64("seed", 1, "of random inputs")
	format := fs.String("format", "table", "table or json")
	all := fs.Bool("all", false, "list every layer, not only those that are off")
	return func(ctx context.Context, o *cli.IO, args []string) error {
		switch {
		case *golden != "" && len(args) != 1, *golden == "" && len(args) != 2:
			return cli.Usagef("verify takes one model and --golden, or two models")
		case *golden != "" && *input != "":
			return cli.Usagef("--golden brings its own inputs")
		case *format != "table" && *format != "json":
			return cli.Usagef("unknown --format %q: table or json", *format)
		case !(*tolerance >= 0) || !(*ofLayers >= 0) || *rows < 1 || *dim < 1:
			return cli.Usagef("tolerances, --rows and --dim must be positive")
		}
		m, err := f.open(o, args[0])
		if err != nil {
			return err
		}
		var x []*nn.Tensor
		var want side
		switch {
		case *golden != "":
			x, want, err = readGolden(*golden, m)
		case *input != "":
			x, err = readInputs(*input, m)
		default:
			x, err = randomInputs(m, *rows, *dim, *seed)
		}
		if err != nil {
			return err
		}
		got, err := compute(ctx, m, x)
		if err != nil {
			return err
		}
		if *golden == "" {
			other, err := f.open(o, args[1])
			if err != nil {
				return err
			}
			if want, err = compute(ctx, other, x); err != nil {
				return err
			}
		}
		r := compare(got, want, *tolerance, *ofLayers)
		if *format == "json" {
			e := json.NewEncoder(o.Out)
			e.SetIndent("", "  ")
			e.SetEscapeHTML(false)
			err = e.Encode(r)
		} else {
			r.print(o, *all)
		}
		if err == nil && !r.Agrees {
			return cli.Exit(cli.No)
		}
		return err
	}
}

// compute runs a model: the outputs as inference computes them, by the compiled plan, and every layer's by the interpreter.
func compute(ctx context.Context, m nn.Model, x []*nn.Tensor) (s side, err error) {
	fit := make([]*nn.Tensor, len(x))
	specs := m.InputSpecs()
	if len(x) != len(specs) {
		return s, cli.Usagef("model %q has %d inputs, found %d", m.Base().Name, len(specs), len(x))
	}
	for i, spec := range specs {
		if fit[i], err = nn.FitInput(spec, x[i]); err != nil {
			return s, err
		}
	}
	ys, err := m.Predict(ctx, fit...)
	if err != nil {
		return s, err
	}
	for i, name := range m.OutputNames() {
		s.outputs = append(s.outputs, nn.Variable{Name: name, Value: ys[i]})
	}
	g, _, err := nn.Trace(m, false)
	if err != nil {
		return s, err
	}
	run := graph.NewInterp(g.Graph, safeio.Defaults().MaxActivationBytes)
	if err := run.Forward(ctx, fit...); err != nil {
		return s, err
	}
	calls := map[string]int{}
	for _, c := range g.Calls {
		if _, input := c.Layer.(*nn.InputLayer); c.Depth == 0 || input {
			continue
		}
		n := calls[c.Path]
		calls[c.Path]++
		for i, w := range c.Out {
			name := c.Path
			if i > 0 {
				name += fmt.Sprintf("#%d", i)
			}
			if n > 0 {
				name += fmt.Sprintf("@%d", n)
			}
			s.layers = append(s.layers, nn.Variable{Name: name, Value: run.Value(w.Value)})
		}
	}
	return s, nil
}

// readGolden reads what scripts/export_reference.py wrote: the inputs, the outputs, and layers' outputs.
func readGolden(path string, m nn.Model) (x []*nn.Tensor, want side, err error) {
	a, err := npy.OpenArchive(path, safeio.Limits{})
	if err != nil {
		return nil, want, err
	}
	defer a.Close()
	read := func(name string) *nn.Tensor {
		if err != nil {
			return nil
		}
		var t *nn.Tensor
		t, err = a.Read(name)
		return t
	}
	for i, s := range m.InputSpecs() {
		name := fmt.Sprintf("x_%d", i)
		if !a.Has(name) {
			name = s.Name
		}
		x = append(x, read(name))
	}
	names := m.OutputNames()
	for i := 0; a.Has(fmt.Sprintf("y_%d", i)); i++ {
		name := fmt.Sprintf("output %d", i)
		if i < len(names) {
			name = names[i]
		}
		want.outputs = append(want.outputs, nn.Variable{Name: name, Value: read(fmt.Sprintf("y_%d", i))})
	}
	for _, name := range a.Names() {
		if layer, ok := strings.CutPrefix(name, "layer/"); ok {
			want.layers = append(want.layers, nn.Variable{Name: layer, Value: read(name)})
		}
	}
	if err == nil && len(want.outputs) == 0 {
		err = &safeio.FormatError{Msg: "not a reference: it holds no outputs", Want: "arrays y_0, ... as export_reference.py writes them"}
	}
	return x, want, safeio.At(err, safeio.Where{File: path})
}

// readInputs reads a model's inputs: by name, else the sole array, else x_0, x_1, ...
func readInputs(path string, m nn.Model) (x []*nn.Tensor, err error) {
	specs := m.InputSpecs()
	if strings.HasSuffix(strings.ToLower(path), ".npy") {
		t, err := npy.Open(path, safeio.Limits{})
		return []*nn.Tensor{t}, err
	}
	a, err := npy.OpenArchive(path, safeio.Limits{})
	if err != nil {
		return nil, err
	}
	defer a.Close()
	for i, s := range specs {
		name := s.Name
		if !a.Has(name) {
			if name = fmt.Sprintf("x_%d", i); !a.Has(name) && len(specs) == 1 && len(a.Names()) == 1 {
				name = a.Names()[0]
			}
		}
		if !a.Has(name) {
			return nil, cli.Usagef("%s holds no array for input %q: it holds %s", path, s.Name, strings.Join(a.Names(), ", "))
		}
		t, err := a.Read(name)
		if err != nil {
			return nil, safeio.At(err, safeio.Where{File: path})
		}
		x = append(x, t)
	}
	return x, nil
}

// randomInputs draws normal numbers; of integers, zeros and ones, which every Embedding takes.
func randomInputs(m nn.Model, rows, dim int, seed uint64) (x []*nn.Tensor, err error) {
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, s := range m.InputSpecs() {
		spec := nn.Spec{Shape: append(nn.Shape{}, s.Shape...), DType: s.DType}
		for i, d := range spec.Shape {
			if d < 0 && i == 0 {
				spec.Shape[i] = rows
			} else if d < 0 {
				spec.Shape[i] = dim
			}
		}
		if _, err := spec.Bytes(safeio.Defaults().MaxActivationBytes); err != nil {
			return nil, fmt.Errorf("input %q, %v: %w", s.Name, spec, err)
		}
		t := graph.New(spec)
		for i := range t.F32 {
			t.F32[i] = float32(rng.NormFloat64())
		}
		for i := range t.F64 {
			t.F64[i] = rng.NormFloat64()
		}
		for i := range t.I32 {
			t.I32[i] = rng.Int32N(2)
		}
		for i := range t.I64 {
			t.I64[i] = rng.Int64N(2)
		}
		x = append(x, t)
	}
	return x, nil
}

// compare judges outputs by position and layers by name.
func compare(got, want side, tolerance, ofLayers float64) report {
	r := report{Agrees: len(got.outputs) == len(want.outputs), Tolerance: tolerance, OfLayers: ofLayers, Outputs: []comparison{}, Layers: []comparison{}, OnlyA: []string{}, OnlyB: []string{}}
	for i, y := range got.outputs {
		if i < len(want.outputs) {
			c := measure(y.Name, y.Value, want.outputs[i].Value, tolerance)
			r.Agrees = r.Agrees && c.Agrees
			r.Outputs = append(r.Outputs, c)
		}
	}
	theirs := map[string]*nn.Tensor{}
	for _, l := range want.layers {
		theirs[l.Name] = l.Value
	}
	for _, l := range got.layers {
		t := theirs[l.Name]
		if t == nil {
			r.OnlyA = append(r.OnlyA, l.Name)
			continue
		}
		delete(theirs, l.Name)
		c := measure(l.Name, l.Value, t, ofLayers)
		r.Agrees = r.Agrees && c.Agrees
		if !c.Agrees && r.First == nil {
			r.First = &c.Name
		}
		r.Layers = append(r.Layers, c)
	}
	for name := range theirs {
		r.OnlyB = append(r.OnlyB, name)
	}
	sort.Strings(r.OnlyB)
	return r
}

func (r report) print(o *cli.IO, all bool) {
	width := len("layer")
	for _, c := range append(append([]comparison{}, r.Outputs...), r.Layers...) {
		width = max(width, len(c.Name))
	}
	line := func(kind string, c comparison) {
		mark := "ok "
		if !c.Agrees {
			mark = "OFF"
		}
		fmt.Fprintf(o.Out, "%s  %-6s  %-*s  %s\n", mark, kind, width, c.Name, c.text())
	}
	fmt.Fprintf(o.Out, "     %-6s  %-*s  %10s  %10s  %12s\n", "", width, "", "max abs", "relative", "cosine")
	hidden := 0
	for _, c := range r.Layers {
		if all || !c.Agrees {
			line("layer", c)
		} else {
			hidden++
		}
	}
	for _, c := range r.Outputs {
		line("output", c)
	}
	if hidden > 0 {
		fmt.Fprintf(o.Out, "%d layers agree (--all lists them)\n", hidden)
	}
	if len(r.OnlyA) > 0 {
		fmt.Fprintf(o.Out, "%d layers have nothing to be compared with: %s\n", len(r.OnlyA), few(r.OnlyA))
	}
	if len(r.OnlyB) > 0 {
		fmt.Fprintf(o.Out, "%d layers of the reference aren't in the model: %s\n", len(r.OnlyB), few(r.OnlyB))
	}
	switch {
	case r.Agrees:
		fmt.Fprintf(o.Out, "agrees: every output within %.0e of range, every layer within %.0e\n", r.Tolerance, r.OfLayers)
	case r.First != nil:
		fmt.Fprintf(o.Out, "differs: the first layer to diverge is %s\n", *r.First)
	default:
		fmt.Fprintln(o.Out, "differs")
	}
}

func few(names []string) string {
	if len(names) > 5 {
		return strings.Join(names[:5], ", ") + ", ..."
	}
	return strings.Join(names, ", ")
}
