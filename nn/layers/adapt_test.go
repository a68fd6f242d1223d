package layers_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kerasgo/internal/testcheck"
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
)

// TestAdapt holds what layers learn to what Keras's learn: vocabularies and their order equal, numbers close.
func TestAdapt(t *testing.T) {
	files, err := filepath.Glob("../../testdata/adapt/*.npz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".npz"), func(t *testing.T) {
			g, err := testcheck.ReadGolden(file)
			if err != nil {
				t.Fatal(err)
			}
			d := nn.Decoder{Registry: layers.Builtin()}
			l, err := d.Decode(g.Meta.Model)
			if err != nil {
				t.Fatal(err)
			}
			var batches []*nn.Tensor
			for i := 0; g.Arrays[fmt.Sprintf("x_%d", i)] != nil; i++ {
				batches = append(batches, g.Arrays[fmt.Sprintf("x_%d", i)])
			}
			if d, ok := l.(*layers.Discretization); ok {
				d.BinBoundaries = nil // those that Keras learned
			}
			a := l.(layers.Adapter)
			for range 2 { // the second begins anew
				if err := a.Adapt(batches...); err != nil {
					t.Fatal(err)
				}
			}
			learned(t, g, l)
		})
	}
}

func learned(t *testing.T, g *testcheck.Golden, l nn.Layer) {
	equal := func(terms []string) {
		if want := g.Arrays["terms"].Str; !slices.Equal(terms, want) {
			t.Errorf("terms %q, Keras has %q", terms, want)
		}
	}
	near := func(name string, v ...float32) {
		if off := testcheck.Off(graph.FromF32(v, g.Arrays[name].Shape...), g.Arrays[name]); !(off <= g.Meta.Tolerance) {
			t.Errorf("%s is off by %g: %v, Keras has %v", name, off, v, g.Arrays[name].F32)
		}
	}
	if k, ok := l.(nn.Keeper); ok && g.Arrays["idf"] != nil {
		near("idf", k.Kept().Arrays[0].Value.F32...)
	}
	switch l := l.(type) {
	case *layers.StringLookup:
		equal(l.Terms())
	case *layers.TextVectorization:
		equal(l.Terms())
	case *layers.IntegerLookup:
		if got, want := l.Terms(), g.Arrays["terms"].I64; !slices.Equal(got, want) {
			t.Errorf("terms %v, Keras has %v", got, want)
		}
	case *layers.Discretization:
		var b []float32
		for _, v := range l.BinBoundaries {
			b = append(b, float32(v))
		}
		near("boundaries", b...)
	case *layers.Normalization:
		m, err := nn.NewSequential(nn.NewInput(g.Arrays["x_0"].Shape[1:]...), l)
		if err != nil {
			t.Fatal(err)
		}
		if err := nn.InitWeights(m, 1); err != nil {
			t.Fatal(err)
		}
		for w := range nn.Weights(m) {
			if w.Name != "count" {
				near(w.Name, w.Data.F32...)
			}
		}
	}
}

// TestAdaptRefusals: what can't be learned says so.
func TestAdaptRefusals(t *testing.T) {
	text := &nn.Tensor{Spec: nn.Spec{Shape: nn.Shape{1}, DType: graph.String}, Str: []string{"a"}}
	for want, err := range map[string]error{
		"given its vocabulary": layers.NewStringLookup("a").Adapt(text),
		"takes strings":        layers.NewStringLookup().Adapt(nn.NewTensor(2)),
		"num_bins":             layers.NewDiscretization(1).Adapt(nn.NewTensor(2)),
		"takes numbers":        layers.NewNormalization().Adapt(text),
		"no rows":              layers.NewNormalization().Adapt(),
		"must be strings":      layers.NewTextVectorization().Adapt(nn.NewTensor(2)),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
