package keras_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kerasgo/internal/testcheck"
	"kerasgo/keras"
)

// TestTFJS loads layers-models of TensorFlow.js, plain and quantized; scripts/tfjsfiles.py makes them.
func TestTFJS(t *testing.T) {
	goldens, err := filepath.Glob("../testdata/tfjs/*.npz")
	if err != nil || len(goldens) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, g := range goldens {
		file := strings.TrimSuffix(g, ".npz") + ".json"
		t.Run(filepath.Base(file), func(t *testing.T) {
			m, err := keras.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			testcheck.File(t, g, m)
		})
	}
}

// TestBadTFJS breaks a model.json and its files.
func TestBadTFJS(t *testing.T) {
	raw, err := os.ReadFile("../testdata/tfjs/cnn.json")
	if err != nil {
		t.Fatal(err)
	}
	bin, err := os.ReadFile("../testdata/tfjs/cnn-group1-shard1of1.bin")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, old, new, want string }{
		{"leaves the folder", `"cnn-group1-shard1of1.bin"`, `"../cnn-group1-shard1of1.bin"`, "beside model.json"},
		{"gone", `"cnn-group1-shard1of1.bin"`, `"gone.bin"`, "no such file"},
		{"twice", `["cnn-group1-shard1of1.bin"]`, `["cnn-group1-shard1of1.bin", "cnn-group1-shard1of1.bin"]`, "more than the weights"},
		{"short", `"shape": [3, 3, 2, 3]`, `"shape": [3, 3, 2, 30000000]`, "too short"},
		{"overflows", `"shape": [3, 3, 2, 3]`, `"shape": [4611686018427387904, 4611686018427387904]`, "too short"},
		{"negative", `"shape": [3, 3, 2, 3]`, `"shape": [3, -3, 2, -3]`, "too short"},
		{"another shape", `"shape": [3, 3, 2, 3]`, `"shape": [2, 3, 3, 3]`, "wrong shape: want (3, 3, 2, 3), found (2, 3, 3, 3)"},
		{"type", `"dtype": "float32"}`, `"dtype": "complex64"}`, "complex64"},
		{"graph", `"layers-model"`, `"graph-model"`, "graph-model"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			text := strings.Replace(string(raw), c.old, c.new, 1)
			if text == string(raw) {
				t.Fatal("nothing was changed")
			}
			if err := os.WriteFile(filepath.Join(dir, "cnn-group1-shard1of1.bin"), bin, 0o666); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "model.json")
			if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
			if _, err := keras.Load(file); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v; want %q", err, c.want)
			}
		})
	}
}
