package keras_test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// chain is a Functional model of n layers, each on the one before, listed back to front.
func chain(n int) string {
	var layers []string
	for i := range n {
		name, before := fmt.Sprintf("d%d", i), fmt.Sprintf("d%d", i-1)
		if i == 0 {
			before = "in"
		}
		if i == n-1 {
			name = "a"
		}
		layers = append(layers, fmt.Sprintf(`{"module": "keras.layers", "class_name": "Activation", "config": {"name": %q, "activation": "relu"}, "name": %q, "inbound_nodes": [%s]}`,
			name, name, node(before)))
	}
	slices.Reverse(layers)
	return functional(layers...)
}

// TestBackwardOrder: time doesn't grow with the square of a model's layers, in whatever order the file lists them.
func TestBackwardOrder(t *testing.T) {
	start := time.Now()
	m, err := keras.FromJSON([]byte(chain(15000)))
	if err != nil {
		t.Fatal(err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	g, _, err := nn.Trace(m, false)
	if err != nil || len(g.Nodes) != 15000 {
		t.Errorf("%v, %d nodes", err, len(g.Nodes))
	}
}

// TestBombs: small files that ask for calls without end, and long names, end soon with a line that isn't long.
func TestBombs(t *testing.T) {
	twice := fmt.Sprintf(dense, "a", "a", node("in"))
	for range 30 {
		inner := functional(twice)
		twice = strings.TrimSuffix(inner, "}") + `, "name": "m", "inbound_nodes": [` + node("in") + "," + node("m") + `]}`
		twice = strings.ReplaceAll(twice, `[["a", 0, 0]]`, `[["m", 2, 0]]`)
	}
	for name, c := range map[string]struct{ raw, want string }{
		"models called twice by models called twice": {strings.Replace(functional(twice), `[["a", 0, 0]]`, `[["m", 2, 0]]`, 1), ""},
		"a long cycle":     {strings.Replace(chain(1000), `["in", 0, 0]}}], "kwargs"`, `["d998", 0, 0]}}], "kwargs"`, 1), "and 990 more"},
		"a long name":      {functional(fmt.Sprintf(dense, strings.Repeat("n", 1<<20), strings.Repeat("n", 1<<20), node("in"))), ""},
		"an odd dtype":     {strings.Replace(functional(fmt.Sprintf(dense, "a", "a", node("in"))), `"dtype": "float32"`, `"dtype": "complex64"`, 1), "complex64"},
		"a value of lines": {strings.Replace(functional(fmt.Sprintf(dense, "a", "a", node("in"))), `"units": 2`, "\"units\": {\n\"a\":\n[1, 2]}", 1), `bad value {"a":[1,2]}`},
		"an odd name":      {strings.Replace(functional(fmt.Sprintf(dense, "a", "a", node("in"))), `"units": 2`, `"units": "\u009b31m\u202e"`, 1), "units"},
	} {
		start := time.Now()
		_, err := keras.FromJSON([]byte(c.raw))
		if err == nil || !typed(err) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %.300v", name, err)
			continue
		}
		if s := err.Error(); len(s) > 4096 || strings.ContainsAny(s, "\n\u009b\u202e") {
			t.Errorf("%s: %d bytes: %.300q", name, len(s), s)
		}
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("%s: took %v", name, took)
		}
	}
}

// FuzzCompile takes architectures all the way: weights, a plan, a run on zeros. Small ones only; what a file may ask for
// without holding it is bounded elsewhere.
func FuzzCompile(f *testing.F) {
	for _, name := range []string{"mlp.json", "mlp_k2.json", "nested.json", "nested_k2.json", "text.json"} {
		data, err := os.ReadFile("../testdata/models/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(chain(20)))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := keras.FromJSON(data)
		if err != nil {
			return
		}
		elements := 0
		for w := range nn.Weights(m) {
			n := w.Shape.Size()
			if elements += n; n > 1<<20 || elements > 1<<20 {
				return
			}
		}
		if err := nn.InitWeights(m, 1); err != nil {
			t.Fatal(err)
		}
		p, err := nn.Compile(m, nn.CompileOptions{Threads: 1, MaxBytes: 1 << 24})
		if err != nil {
			t.Fatalf("what can be declared can't be compiled: %v", err)
		}
		run := p.Runner()
		defer run.Close()
		var x []*nn.Tensor
		for _, s := range p.Inputs() {
			spec := nn.Spec{Shape: slices.Clone(s.Shape), DType: s.DType}
			for i, d := range spec.Shape {
				if d < 0 {
					spec.Shape[i] = 2
				}
			}
			if _, err := spec.Bytes(1 << 20); err != nil {
				return
			}
			x = append(x, graph.New(spec))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		_, _ = run.Run(ctx, x...) // shapes of two may not fit
	})
}
