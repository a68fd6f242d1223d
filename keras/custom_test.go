package keras_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kerasgo/data"
	"kerasgo/internal/testcheck"
	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

// pythonLambdas are what stands for the Python code in testdata/custom/lambdas.
func pythonLambdas(t *testing.T) keras.Options {
	t.Helper()
	var f layers.LambdaFlag
	for _, s := range []string{"scaled=divide(127.5)|subtract(1)", "squared=square", "<lambda>=softsign", "middle=index(1)", "final=index(-1)", "distance=subtract|abs"} {
		if err := f.Set(s); err != nil {
			t.Fatal(err)
		}
	}
	return keras.Options{Lambdas: f}
}

// TestCustomFiles opens what real Keras and tf-keras wrote of classes and functions that are Python's, writes it back in each
// form, and opens that.
func TestCustomFiles(t *testing.T) {
	for _, name := range []string{"antirectifier", "antirectifier_k2", "lambdas", "lambdas_k2"} {
		for _, ext := range []string{".keras", ".h5"} {
			t.Run(name+ext, func(t *testing.T) {
				o := myLib()
				if strings.HasPrefix(name, "lambdas") {
					o = pythonLambdas(t)
				}
				golden := "../testdata/custom/" + name + ".npz"
				m, err := keras.LoadOptions("../testdata/custom/"+name+ext, o)
				if err != nil {
					t.Fatal(err)
				}
				testcheck.File(t, golden, m)
				for _, to := range []string{".keras", ".h5"} {
					again := filepath.Join(t.TempDir(), "again"+to)
					if err := keras.Save(again, m); err != nil {
						t.Fatal(err)
					}
					b, err := keras.LoadOptions(again, o)
					if err != nil {
						t.Fatal(err)
					}
					testcheck.File(t, golden, b)
				}
			})
		}
	}
}

// TestCustomTrains fits the model with the layer of MyLib, which has no gradient of its own, from the optimizer's state in the file.
func TestCustomTrains(t *testing.T) {
	m, err := keras.LoadOptions("../testdata/custom/antirectifier.keras", myLib())
	if err != nil {
		t.Fatal(err)
	}
	x, y := nn.NewTensor(12, 6), nn.NewTensor(12, 1)
	for i := range x.F32 {
		x.F32[i] = float32(i*i%7) - 3
	}
	for i := range y.F32 {
		y.F32[i] = float32(i % 4)
	}
	src, err := data.NewArrays(x, y)
	if err != nil {
		t.Fatal(err)
	}
	kernel := kernelOf(t, m)
	was := kernel.Data.Clone()
	h, err := train.Fit(t.Context(), m, src, train.Options{Epochs: 30, BatchSize: 4, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	losses := h.Values["loss"]
	if first, last := losses[0], losses[len(losses)-1]; !(last < 0.9*first) {
		t.Errorf("loss went from %g to %g", first, last)
	}
	if testcheck.Off(kernel.Data, was) == 0 {
		t.Error("the custom layer's kernel didn't move")
	}
}

func kernelOf(t *testing.T, m nn.Model) *nn.Weight {
	t.Helper()
	for w := range nn.Weights(m) {
		if w.Path == "anti/kernel" {
			return w
		}
	}
	t.Fatal("no anti/kernel")
	return nil
}

// TestCustomRefused: without the caller's help all of it is refused at once, by name; help for what isn't there is an error.
func TestCustomRefused(t *testing.T) {
	for _, c := range []struct {
		file string
		o    keras.Options
		want []string
	}{
		{"antirectifier.keras", keras.Options{}, []string{`"first"`, `"MyLib>squash"`, `"anti"`, `custom layer "MyLib>Antirectifier"`}},
		{"antirectifier_k2.h5", keras.Options{}, []string{`"MyLib>squash"`, `custom layer "MyLib>Antirectifier"`}},
		{"lambdas.keras", keras.Options{}, []string{`"scaled" (Lambda)`, `"squared" (Lambda)`, `"dense"`, `"<lambda>"`, `"middle" (Lambda)`, `"distance" (Lambda)`}},
		{"lambdas_k2.h5", keras.Options{}, []string{`"scaled" (Lambda)`, `"squared" (Lambda)`, `"dense"`, `"<lambda>"`}},
		{"antirectifier.h5", keras.Options{Layers: myLib().Layers, Lambdas: map[string]nn.Function{"MyLib>squash": squash, "squish": squash}}, []string{`"squish"`}},
	} {
		_, err := keras.LoadOptions("../testdata/custom/"+c.file, c.o)
		var one *keras.UnsupportedError
		if !errors.As(err, &one) {
			t.Errorf("%s: %v", c.file, err)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("%s: %v; want %s in it", c.file, err, w)
			}
		}
	}
	// A custom class with the name of one of Keras's is never taken for it, registered or not.
	for _, says := range []string{`"module": "mine", "registered_name": "Mine>ReLU"`, `"module": "__main__", "registered_name": "ReLU"`} {
		_, err := keras.FromJSON([]byte(`{"class_name": "Sequential", "config": {"name": "m", "layers": [
			{"class_name": "InputLayer", "config": {"name": "in", "batch_shape": [null, 3]}}, {"class_name": "ReLU", ` + says + `, "config": {"name": "r"}}]}}`))
		if err == nil || !strings.Contains(err.Error(), "custom layer") {
			t.Errorf("%s: %v", says, err)
		}
	}
}

// TestCustomCompiled: a loss and an optimizer of one's own are told of, and are no obstacle.
func TestCustomCompiled(t *testing.T) {
	var said []string
	path := filepath.Join(t.TempDir(), "m.json")
	if err := os.WriteFile(path, []byte(`{"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [
		{"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [null, 2], "name": "in"}}]},
		"compile_config": {"optimizer": {"class_name": "Odd", "config": {}, "registered_name": "Mine>Odd"}, "metrics": ["mae"],
		"loss": [{"class_name": "function", "config": "Mine>strange", "registered_name": "Mine>strange"}]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := keras.LoadOptions(path, keras.Options{Warn: func(s string) { said = append(said, s) }})
	if err != nil {
		t.Fatal(err)
	}
	if all := strings.Join(said, "\n"); len(said) != 2 || !strings.Contains(all, `"Mine>Odd"`) || !strings.Contains(all, `"Mine>strange"`) {
		t.Errorf("said %q", said)
	}
	if err := train.Compile(m, train.Config{}); err != nil { // another in its place
		t.Fatal(err)
	}
}

// TestCustomByLayer: an activation's key may name the layer, where two have lost theirs.
func TestCustomByLayer(t *testing.T) {
	o := pythonLambdas(t)
	o.Lambdas["dense.activation"] = o.Lambdas["<lambda>"]
	delete(o.Lambdas, "<lambda>")
	m, err := keras.LoadOptions("../testdata/custom/lambdas.h5", o)
	if err != nil {
		t.Fatal(err)
	}
	testcheck.File(t, "../testdata/custom/lambdas.npz", m)
}

// TestCustomBackToKeras lets real Keras open what was written back, with its own classes: KERASGO_PYTHON names a Python that
// has it. (Keras can't open its own files whose activations are lambdas.)
func TestCustomBackToKeras(t *testing.T) {
	python := os.Getenv("KERASGO_PYTHON")
	if python == "" {
		t.Skip("KERASGO_PYTHON isn't set")
	}
	dir := t.TempDir()
	for _, ext := range []string{".keras", ".h5"} {
		m, err := keras.LoadOptions("../testdata/custom/antirectifier"+ext, myLib())
		if err != nil {
			t.Fatal(err)
		}
		for _, to := range []string{".keras", ".h5"} {
			if err := keras.Save(filepath.Join(dir, strings.TrimPrefix(ext, ".")+to), m); err != nil {
				t.Fatal(err)
			}
		}
	}
	out, err := exec.Command(python, "../scripts/customs.py", dir).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
