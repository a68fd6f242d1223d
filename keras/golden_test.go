package keras_test

import (
	"path/filepath"
	"strings"
	"testing"

	"kerasgo/internal/testcheck"
	"kerasgo/keras"
)

// TestKeras2Goldens runs the goldens that tf-keras wrote: their configs are Keras 2's.
func TestKeras2Goldens(t *testing.T) {
	files, err := filepath.Glob("../testdata/golden/*/*.k2.npz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, f := range files {
		name := filepath.Base(filepath.Dir(f)) + "/" + strings.TrimSuffix(filepath.Base(f), ".k2.npz")
		t.Run(name, func(t *testing.T) { testcheck.Model(t, f, keras.FromJSON) })
	}
}
