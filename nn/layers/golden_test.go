package layers_test

import (
	"path/filepath"
	"strings"
	"testing"

	"kerasgo/internal/testcheck"
	"kerasgo/nn/layers"
)

// TestGoldens runs every golden that Keras 3 wrote; those of tf-keras are read through package keras, which knows its
// dialect.
func TestGoldens(t *testing.T) {
	files, err := filepath.Glob("../../testdata/golden/*/*.npz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, f := range files {
		class, name := filepath.Base(filepath.Dir(f)), strings.TrimSuffix(filepath.Base(f), ".npz")
		if strings.HasSuffix(name, ".k2") {
			continue
		}
		t.Run(class+"/"+name, func(t *testing.T) { testcheck.Layer(t, layers.Builtin(), f) })
	}
}
