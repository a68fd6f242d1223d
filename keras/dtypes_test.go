package keras_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"kerasgo/internal/testcheck"
	"kerasgo/keras"
	"kerasgo/nn"
)

// TestDTypesSurvive writes what isn't float32 in every form, reads it again, and asks for the same numbers and dtypes.
func TestDTypesSurvive(t *testing.T) {
	files, _ := filepath.Glob("../testdata/models/dtypes_*.keras")
	if len(files) < 10 {
		t.Fatalf("%d files", len(files))
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".keras")
		t.Run(name, func(t *testing.T) {
			m, err := keras.Load(file)
			if err != nil {
				t.Fatal(err)
			}
			g, err := testcheck.ReadGolden(strings.TrimSuffix(file, ".keras") + ".npz")
			if err != nil {
				t.Fatal(err)
			}
			x, err := g.Inputs(m)
			if err != nil {
				t.Fatal(err)
			}
			want, err := m.Predict(context.Background(), x...)
			if err != nil {
				t.Fatal(err)
			}
			before, err := keras.Weights(m)
			if err != nil {
				t.Fatal(err)
			}
			for _, ext := range []string{".keras", ".h5", ".weights.h5"} {
				path := filepath.Join(t.TempDir(), "m"+ext)
				if err := keras.Save(path, m); err != nil {
					t.Errorf("%s: %v", ext, err)
					continue
				}
				load := keras.Options{}
				if ext == ".weights.h5" {
					load.Weights, path = path, filepath.Join(filepath.Dir(path), "m.json")
					if err := keras.Save(path, m); err != nil {
						t.Fatal(err)
					}
				}
				again, err := keras.LoadOptions(path, load)
				if err != nil {
					t.Errorf("%s: %v", ext, err)
					continue
				}
				after, err := keras.Weights(again)
				if err != nil || len(after) != len(before) {
					t.Fatalf("%s: %d weights, %v", ext, len(after), err)
				}
				for i, w := range after {
					if w.Value.DType != before[i].Value.DType {
						t.Errorf("%s: %s became %v", ext, w.Name, w.Value.DType)
					}
				}
				got, err := again.Predict(context.Background(), x...)
				if err != nil {
					t.Fatal(err)
				}
				for i, y := range got {
					if off := testcheck.Off(y, want[i]); off > 0 || y.DType != want[i].DType {
						t.Errorf("%s: output %d is off by %g (%v, was %v)", ext, i, off, y.DType, want[i].DType)
					}
				}
			}
		})
	}
}

// TestDTypesRefused asks for refusals that name the layer and the key.
func TestDTypesRefused(t *testing.T) {
	layer := func(class, keys, dtype string) string {
		return `{"class_name": "Sequential", "module": "keras", "registered_name": null, "config": {"name": "m", "layers": [
			{"class_name": "InputLayer", "module": "keras.layers", "registered_name": null, "config": {"batch_shape": [null, 8, 8, 3], "dtype": "float32", "name": "in"}},
			{"class_name": "` + class + `", "module": "keras.layers", "registered_name": null, "config": {"name": "odd", ` + keys + `, "dtype": ` + dtype + `}}]}}`
	}
	quantized := func(mode string) string {
		return `{"module": "keras.dtype_policies", "class_name": "QuantizedDTypePolicy", "config": {"mode": "` + mode + `", "source_name": "float32"}, "registered_name": null}`
	}
	for _, c := range []struct{ name, json, want string }{
		{"convolution of int8", layer("Conv2D", `"filters": 2, "kernel_size": [3, 3]`, quantized("int8")), "quantized as int8"},
		{"gptq", layer("Dense", `"units": 2`, quantized("gptq")), "gptq"},
		{"awq", layer("Dense", `"units": 2`, quantized("awq")), "awq"},
		{"float8", layer("Dense", `"units": 2`, quantized("float8")), "float8"},
		{"empty blocks", layer("Dense", `"units": 2`, quantized("int4/0")), "int4/0"},
		{"no such policy", layer("Dense", `"units": 2`, `"mixed_float12"`), "mixed_float12"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := keras.FromJSON([]byte(c.json))
			var list keras.UnsupportedErrors
			if !errors.As(err, &list) || len(list) != 1 || list[0].Layer != "odd" || list[0].Key != "dtype" || !strings.Contains(err.Error(), c.want) {
				t.Errorf("refused as %v", err)
			}
		})
	}
}

// TestDTypesTrain: what isn't float32 isn't trained, and says so.
func TestDTypesTrain(t *testing.T) {
	for _, name := range []string{"mixed_float16", "float64", "int8"} {
		m, err := keras.Load("../testdata/models/dtypes_" + name + ".keras")
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = nn.Trace(m, true)
		var u *nn.UnsupportedError
		var list nn.UnsupportedErrors
		if !errors.As(err, &u) && !errors.As(err, &list) || !strings.Contains(err.Error(), "training") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
