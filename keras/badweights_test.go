package keras_test

import (
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"kerasgo/internal/npy"
	"kerasgo/internal/safeio"
	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// TestBadValues gives a model weights that hold NaN, and integers where floats belong.
func TestBadValues(t *testing.T) {
	dir := t.TempDir()
	bad := small(t)
	for w := range nn.Weights(bad) {
		w.Data.F32[w.Data.Len()-1] = float32(math.NaN())
	}
	for _, ext := range []string{".weights.h5", ".h5", ".npz", ".keras"} {
		path := filepath.Join(dir, "nan"+ext)
		if err := keras.Save(path, bad); err != nil {
			t.Fatal(err)
		}
		if err := keras.LoadWeights(small(t), path, keras.Options{}); !typed(err) || !strings.Contains(err.Error(), "NaN") {
			t.Errorf("NaN in %s: %v", ext, err)
		}
	}
	path := filepath.Join(dir, "whole.npz")
	err := safeio.WriteFile(path, false, func(w io.Writer) error {
		z := npy.NewWriter(w)
		for x := range nn.Weights(bad) {
			if err := z.Write(x.Path, graph.New(nn.Spec{Shape: x.Shape, DType: graph.Int32})); err != nil {
				return err
			}
		}
		return z.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := keras.LoadWeights(small(t), path, keras.Options{}); !typed(err) || !strings.Contains(err.Error(), "int32") {
		t.Errorf("integers in an archive: %v", err)
	}
}
