package keras_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"kerasgo/internal/testcheck"
	"kerasgo/keras"
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
