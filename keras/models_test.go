package keras_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kerasgo/internal/testcheck"
	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

func TestMNIST(t *testing.T) {
	a, err := keras.Load("../testdata/mnist_cnn.h5")
	if err != nil {
		t.Fatal(err)
	}
	b, err := keras.Load("../testdata/mnist_cnn.keras")
	if err != nil {
		t.Fatal(err)
	}
	arch := filepath.Join(t.TempDir(), "arch.json")
	if err := keras.Save(arch, a); err != nil {
		t.Fatal(err)
	}
	c, err := keras.LoadOptions(arch, keras.Options{Weights: "../testdata/mnist_cnn.h5"})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := a.(*nn.Sequential); !ok {
		t.Errorf("a Sequential is a %T", a)
	}
	x := graph.NewTensor(2, 28, 28, 1)
	for i := range x.F32 {
		x.F32[i] = float32(i % 251)
	}
	want := predict(t, a, x)
	for _, m := range []nn.Model{b, c} {
		if off := testcheck.Off(predict(t, m, x), want); off > 0 {
			t.Errorf("the same model from another file is off by %g", off)
		}
	}
}

func predict(t *testing.T, m nn.Model, x ...*nn.Tensor) *nn.Tensor {
	t.Helper()
	ys, err := m.Predict(context.Background(), x...)
	if err != nil {
		t.Fatal(err)
	}
	return ys[0]
}

// TestModels loads whole files that Keras 3 and tf-keras wrote and compares every layer's output and the logits.
func TestModels(t *testing.T) {
	goldens, err := filepath.Glob("../testdata/models/*.npz")
	if err != nil || len(goldens) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, g := range goldens {
		for _, ext := range []string{".keras", ".h5"} {
			file := strings.TrimSuffix(g, ".npz") + ext
			if _, err := os.Stat(file); err != nil {
				continue
			}
			t.Run(filepath.Base(file), func(t *testing.T) {
				m, err := keras.Load(file)
				if err != nil {
					t.Fatal(err)
				}
				testcheck.File(t, g, m)
			})
		}
	}
}

// TestWeightFiles gives an architecture the weights of each layout.
func TestWeightFiles(t *testing.T) {
	for _, c := range []struct{ model, weights string }{
		{"mlp.json", "mlp.weights.h5"}, {"mlp.json", "mlp.h5"}, {"mlp.json", "mlp.keras"}, {"nested.json", "nested.weights.h5"},
		{"text.json", "text.weights.h5"}, {"mlp_k2.json", "mlp_k2.weights.h5"}, {"mlp_k2.json", "mlp_k2_weights.h5"},
		{"nested_k2.json", "nested_k2.weights.h5"},
	} {
		t.Run(c.weights, func(t *testing.T) {
			m, err := keras.LoadOptions("../testdata/models/"+c.model, keras.Options{Weights: "../testdata/models/" + c.weights})
			if err != nil {
				t.Fatal(err)
			}
			testcheck.File(t, "../testdata/models/"+strings.TrimSuffix(c.model, ".json")+".npz", m)
		})
	}
}
