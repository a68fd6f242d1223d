package keras_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kerasgo/internal/testcheck"
	"kerasgo/keras"
)

// TestWeightsThatDiffer loads weights by name, over mismatches and from shards, and computes what Keras does with them;
// scripts/weightfiles.py makes the files.
func TestWeightsThatDiffer(t *testing.T) {
	const dir = "../testdata/weights/"
	for _, c := range []struct {
		name, weights string
		o             keras.Options
		told          []string
	}{
		{"byname", "donor.h5", keras.Options{ByName: true}, nil},
		{"byname_skip", "donor.h5", keras.Options{ByName: true, SkipMismatch: true}, []string{`layer "c" (Dense): the number of weights is wrong`, `layer "b" (Dense): weight kernel has the wrong shape`, `weight bias has the wrong shape`}},
		{"skip", "donor.weights.h5", keras.Options{SkipMismatch: true}, []string{"weight kernel has the wrong shape: want (6, 3), found (6, 2)", "bias"}},
		{"sharded", "sharded.weights.json", keras.Options{}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var told []string
			c.o.Weights, c.o.Warn = dir+c.weights, func(s string) { told = append(told, s) }
			m, err := keras.LoadOptions(dir+c.name+".json", c.o)
			if err != nil {
				t.Fatal(err)
			}
			testcheck.File(t, dir+c.name+".npz", m)
			if len(told) != len(c.told) {
				t.Errorf("told %q", told)
			}
			for i := range min(len(told), len(c.told)) {
				if !strings.Contains(told[i], c.told[i]) {
					t.Errorf("told %q, want %q", told[i], c.told[i])
				}
			}
			if c.o.ByName || c.o.SkipMismatch {
				c.o.ByName, c.o.SkipMismatch = false, false
				if _, err := keras.LoadOptions(dir+c.name+".json", c.o); err == nil {
					t.Error("the weights were loaded though they don't fit")
				}
			}
		})
	}
}

// TestBadShards breaks the index of sharded weights.
func TestBadShards(t *testing.T) {
	dir := t.TempDir()
	arch, err := os.ReadFile("../testdata/weights/sharded.json")
	if err != nil {
		t.Fatal(err)
	}
	model := filepath.Join(dir, "arch.json")
	if err := os.WriteFile(model, arch, 0o666); err != nil {
		t.Fatal(err)
	}
	for index, want := range map[string]string{
		`{"weight_map": {"/layers/dense/vars": "../x.weights.h5"}}`: "beside the index",
		`{"weight_map": {"/layers/dense/vars": [3]}}`:               "beside the index",
		`{"weight_map": {}}`: "no shard",
		`{"weight_map": {"/layers/dense/vars": "gone.weights.h5"}}`: "no such file",
		`{"weight_map": 3`: "broken JSON",
	} {
		file := filepath.Join(dir, "w.weights.json")
		if err := os.WriteFile(file, []byte(index), 0o666); err != nil {
			t.Fatal(err)
		}
		if _, err := keras.LoadOptions(model, keras.Options{Weights: file}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v; want %q", index, err, want)
		}
	}
}
