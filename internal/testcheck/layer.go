package testcheck

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// GradientTolerance bounds gradients, relative to the largest of the weight's or input's; see design notes on numbers.
const GradientTolerance = 1e-4

// Layer runs every check on one golden that Keras 3 wrote.
func Layer(t *testing.T, r nn.Registry, path string) {
	t.Helper()
	g, err := ReadGolden(path)
	if err != nil {
		t.Fatal(err)
	}
	m := decode(t, r, g.Meta.Model)
	roundTrip(t, m, g.Meta.Model)
	in := g.inference(t, m)
	if g.Meta.Trains {
		training(t, g, decode(t, r, withoutRates(t, g)), in)
	}
}

// Model runs the checks of inference on one golden, whose model's JSON decode reads: that of another dialect than Keras 3's.
func Model(t *testing.T, path string, decode func(raw []byte) (nn.Model, error)) {
	t.Helper()
	g, err := ReadGolden(path)
	if err != nil {
		t.Fatal(err)
	}
	m, err := decode(g.Meta.Model)
	if err != nil {
		t.Fatal(err)
	}
	g.inference(t, m)
}

// File checks a model that was read with its weights against a golden of the whole file.
func File(t *testing.T, path string, m nn.Model) {
	t.Helper()
	g, err := ReadGolden(path)
	if err != nil {
		t.Fatal(err)
	}
	if g.Meta.Tolerance == 0 {
		g.Meta.Tolerance = 1e-5
	}
	in, err := g.Inputs(m)
	if err != nil {
		t.Fatal(err)
	}
	interpreter(t, g, m, in)
	plan(t, g, m, in)
}

// inference checks weights, outputs and masks, and returns the inputs.
func (g *Golden) inference(t *testing.T, m nn.Model) []*nn.Tensor {
	t.Helper()
	ws, err := g.SetWeights(m)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range ws {
		if w.Trainable != g.Meta.Weights[i].Trainable {
			t.Errorf("weight %s: trainable is %v, in Keras %v", w.Path, w.Trainable, g.Meta.Weights[i].Trainable)
		}
	}
	in, err := g.Inputs(m)
	if err != nil {
		t.Fatal(err)
	}
	interpreter(t, g, m, in)
	plan(t, g, m, in)
	return in
}

func decode(t *testing.T, r nn.Registry, raw json.RawMessage) nn.Model {
	t.Helper()
	d := nn.Decoder{Registry: r}
	l, err := d.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	m, ok := l.(nn.Model)
	if !ok {
		t.Fatalf("%T isn't a model", l)
	}
	return m
}

// roundTrip checks that writing what was read changes nothing.
func roundTrip(t *testing.T, m nn.Model, raw json.RawMessage) {
	t.Helper()
	out, err := nn.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("config changed:\nread  %s\nwrote %s", raw, out)
	}
}

func same(t *testing.T, what string, got, want *nn.Tensor, tolerance float64) {
	t.Helper()
	if got == nil || want == nil {
		t.Errorf("%s: found %v, Keras has %v", what, got != nil, want != nil)
		return
	}
	if off := Off(got, want); !(off <= tolerance) {
		t.Errorf("%s is off by %.2g of range (shape %v, Keras %v; bound %.0e)", what, off, got.Shape, want.Shape, tolerance)
	}
}

func interpreter(t *testing.T, g *Golden, m nn.Model, in []*nn.Tensor) {
	t.Helper()
	tr, outs, err := nn.Trace(m, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := agrees(outs); err != nil {
		t.Error(err)
	}
	run := graph.NewInterp(tr.Graph, 0)
	if err := run.Forward(context.Background(), in...); err != nil {
		t.Fatal(err)
	}
	for i, o := range outs {
		if want := g.Meta.DTypes; len(want) == len(outs) && o.DType.String() != want[i] {
			t.Errorf("output %d is of %v, in Keras of %s", i, o.DType, want[i])
		}
		same(t, fmt.Sprintf("Interpreter: output %d", i), run.Value(o.Value), g.Arrays[fmt.Sprintf("y_%d", i)], g.Meta.Tolerance)
		mask := g.Arrays[fmt.Sprintf("mask_%d", i)]
		switch {
		case mask == nil && o.Mask == nil:
		case mask == nil || o.Mask == nil:
			t.Errorf("output %d: has a mask: %v, in Keras: %v", i, o.Mask != nil, mask != nil)
		default:
			same(t, fmt.Sprintf("mask %d", i), run.Value(o.Mask), mask, 0)
		}
	}
	if want := g.Arrays["y_"+fmt.Sprint(len(outs))]; want != nil {
		t.Errorf("Keras has more than %d outputs", len(outs))
	}
	eachLayer(g, tr, func(name string, got *nn.Value, want *nn.Tensor) {
		same(t, "Interpreter: "+name, run.Value(got), want, g.Meta.Tolerance)
	}, func(name string) { t.Errorf("%s: no layer makes it", name) })
}

// agrees checks that every output is there.
func agrees(outs []nn.Wire) error {
	for i, o := range outs {
		if o.Value == nil {
			return fmt.Errorf("output %d is nothing", i)
		}
	}
	return nil
}

// eachLayer pairs the golden's layer outputs with values of the graph; layer_<path>#<output>@<call>.
func eachLayer(g *Golden, tr *nn.Graph, found func(name string, got *nn.Value, want *nn.Tensor), missing func(name string)) {
	have := map[string]*nn.Value{}
	calls := map[string]int{}
	for _, c := range tr.Calls {
		if c.Depth == 0 {
			continue
		}
		n := calls[c.Path]
		calls[c.Path]++
		for i, o := range c.Out {
			key := "layer_" + c.Path
			if i > 0 {
				key += fmt.Sprintf("#%d", i)
			}
			if n > 0 {
				key += fmt.Sprintf("@%d", n)
			}
			have[key] = o.Value
		}
	}
	for name, want := range g.Arrays {
		if !strings.HasPrefix(name, "layer_") {
			continue
		}
		if v := have[name]; v != nil {
			found(name, v, want)
		} else {
			missing(name)
		}
	}
}

func plan(t *testing.T, g *Golden, m nn.Model, in []*nn.Tensor) {
	t.Helper()
	p, err := nn.Compile(m, nn.CompileOptions{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	run := p.Runner()
	defer run.Close()
	for pass := range 2 { // the second finds a used arena
		outs, err := run.Run(context.Background(), in...)
		if err != nil {
			t.Fatal(err)
		}
		for i, y := range outs {
			same(t, fmt.Sprintf("Plan, run %d: output %d", pass, i), y, g.Arrays[fmt.Sprintf("y_%d", i)], g.Meta.Tolerance)
		}
	}
	if n := testing.AllocsPerRun(5, func() { _, _ = run.Run(context.Background(), in...) }); n > 0 && !race {
		t.Errorf("Plan: %v allocations a run", n)
	}
	rows := in[0].Shape[0]
	fixed := slices.ContainsFunc(m.InputSpecs(), func(s nn.InputSpec) bool { return s.Shape[0] > 0 })
	uneven := slices.ContainsFunc(in, func(x *nn.Tensor) bool { return x.Shape[0] != rows }) // not rows of one batch
	if rows > 1 && !fixed && !uneven {
		one := make([]*nn.Tensor, len(in)) // another batch size, and no state from the one before
		for i, x := range in {
			one[i] = x.Rows(0, 1)
		}
		outs, err := run.Run(context.Background(), one...)
		if err != nil {
			t.Fatal(err)
		}
		for i, y := range outs {
			if want := g.Arrays[fmt.Sprintf("y_%d", i)]; len(want.Shape) > 0 && want.Shape[0] == rows {
				first := want.Rows(0, 1)
				top := math.Max(peak(want), 1e-30) / math.Max(peak(first), 1e-30)
				same(t, fmt.Sprintf("Plan, one row: output %d", i), y, first, g.Meta.Tolerance*top)
			}
		}
	}
}

// withoutRates is the model with the rates that the training pass set to zero.
func withoutRates(t *testing.T, g *Golden) json.RawMessage {
	t.Helper()
	var v any
	if err := json.Unmarshal(g.Meta.Model, &v); err != nil {
		t.Fatal(err)
	}
	var visit func(v any)
	visit = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				visit(e)
			}
		case map[string]any:
			if c, ok := v["config"].(map[string]any); ok {
				name, _ := c["name"].(string)
				class, _ := v["class_name"].(string)
				cell := nn.SnakeCase(class) + "_cell" // a recurrent layer keeps its rates in its cell
				if slices.Contains(g.Meta.Zeroed, name) || slices.Contains(g.Meta.Zeroed, cell) {
					for _, k := range []string{"rate", "dropout", "recurrent_dropout", "stddev"} {
						if _, ok := c[k]; ok {
							c[k] = 0.0
						}
					}
				}
			}
			for _, e := range v {
				visit(e)
			}
		}
	}
	visit(v)
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func training(t *testing.T, g *Golden, m nn.Model, in []*nn.Tensor) {
	t.Helper()
	ws, err := g.SetWeights(m)
	if err != nil {
		t.Fatal(err)
	}
	tr, outs, err := nn.Trace(m, true)
	if err != nil {
		t.Fatal(err)
	}
	tr.WantInputGrads()
	var roots []*nn.Value
	for _, o := range outs {
		roots = append(roots, o.Value)
	}
	run := graph.NewInterp(tr.Graph, 0, roots...)
	for pass := range 2 { // the second finds used buffers
		if err := run.Forward(context.Background(), in...); err != nil {
			t.Fatal(err)
		}
		run.ZeroGrad()
		for i, o := range outs {
			y, target := run.Value(o.Value), g.Arrays[fmt.Sprintf("t_%d", i)]
			if target == nil && !y.DType.Float() { // indices have no target
				continue
			}
			same(t, fmt.Sprintf("training: output %d", i), y, g.Arrays[fmt.Sprintf("train_%d", i)], g.Meta.Tolerance)
			if dy := run.Grad(o.Value); dy != nil {
				for k, v := range y.F32 {
					dy.F32[k] += 2 * (v - target.F32[k]) / float32(y.Len())
				}
			}
		}
		run.Pull()
		if pass == 0 {
			continue
		}
		var top float64
		for name, a := range g.Arrays {
			if strings.HasPrefix(name, "dw_") || strings.HasPrefix(name, "dx_") {
				top = max(top, peak(a))
			}
		}
		gradient := func(what string, got, want *nn.Tensor) {
			if want == nil {
				return
			}
			if got == nil {
				if peak(want) > 0 {
					t.Errorf("gradient of %s is missing", what)
				}
				return
			}
			if peak(want) < 1e-6*top { // a bias before BatchNorm has no true gradient
				if peak(got) > 3e-6*top {
					t.Errorf("gradient of %s should be rounding noise, found %g", what, peak(got))
				}
				return
			}
			same(t, "gradient of "+what, got, want, GradientTolerance)
		}
		for i, w := range ws {
			gradient(w.Path, run.Grad(tr.Weight(w)), g.Arrays[fmt.Sprintf("dw_%d", i)])
		}
		for i, v := range tr.Inputs {
			if v.DType.Float() {
				gradient(fmt.Sprintf("input %d", i), run.Grad(v), g.Arrays[fmt.Sprintf("dx_%d", i)])
			}
		}
	}
	run.Commit()
	for i, w := range ws {
		if want := g.Arrays[fmt.Sprintf("after_%d", i)]; want != nil {
			same(t, "state "+w.Path, w.Data, want, g.Meta.Tolerance)
		}
	}
}

func peak(t *nn.Tensor) (top float64) {
	for _, v := range floats(t) {
		top = max(top, math.Abs(v))
	}
	return top
}
