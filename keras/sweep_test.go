package keras_test

import (
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kerasgo/internal/testcheck"
	"kerasgo/keras"
)

// TestSweep holds a folder of files that scripts/layer_sweep.py or scripts/zoo.py made to what Keras answered:
//
//	KERASGO_SWEEP=FOLDER go test ./keras -run TestSweep
func TestSweep(t *testing.T) {
	dir := os.Getenv("KERASGO_SWEEP")
	if dir == "" {
		t.Skip("KERASGO_SWEEP names no folder")
	}
	sweep(t, dir)
}

// TestZooKeras has real Keras make a few dozen models that no golden holds, and opens them. KERASGO_PYTHON names a Python that has it.
func TestZooKeras(t *testing.T) {
	python := os.Getenv("KERASGO_PYTHON")
	if python == "" {
		t.Skip("KERASGO_PYTHON isn't set")
	}
	dir := t.TempDir()
	if out, err := exec.Command(python, "../scripts/zoo.py", dir, "--seed", "1").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	sweep(t, dir)
}

// sweep opens every model of a folder and compares its outputs; what failed is told by class.
func sweep(t *testing.T, dir string) {
	t.Helper()
	goldens, err := filepath.Glob(filepath.Join(dir, "*.npz"))
	if err != nil || len(goldens) == 0 {
		t.Fatalf("no models in %s: %v", dir, err)
	}
	files, failed, worst := 0, map[string]int{}, 0.0
	for _, path := range goldens {
		g, err := testcheck.ReadGolden(path)
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
			continue
		}
		for _, ext := range []string{".keras", ".h5"} {
			file := strings.TrimSuffix(path, ".npz") + ext
			if _, err := os.Stat(file); err != nil {
				continue
			}
			files++
			off, err := examine(file, g)
			worst = max(worst, off)
			if err != nil {
				t.Errorf("%s: %v", filepath.Base(file), err)
				class, _, _ := strings.Cut(filepath.Base(file), "_")
				failed[class]++
			}
		}
	}
	for _, class := range slices.Sorted(maps.Keys(failed)) {
		t.Logf("%-40s %d failed", class, failed[class])
	}
	t.Logf("%d files of %d models, largest error %.2g", files, len(goldens), worst)
}

// examine opens one file, predicts, and says how far it is off.
func examine(file string, g *testcheck.Golden) (worst float64, err error) {
	m, err := keras.Load(file)
	if err != nil {
		return 0, err
	}
	x, err := g.Inputs(m)
	if err != nil {
		return 0, err
	}
	ys, err := m.Predict(context.Background(), x...)
	if err != nil {
		return 0, err
	}
	for i, y := range ys {
		want := g.Arrays[fmt.Sprintf("y_%d", i)]
		switch {
		case want == nil:
			return worst, fmt.Errorf("it has %d outputs, Keras's has %d", len(ys), i)
		case !slices.Equal(y.Shape, want.Shape):
			return worst, fmt.Errorf("output %d is %v, Keras's is %v", i, y.Shape, want.Shape)
		case y.DType.Storage() != want.DType.Storage():
			return worst, fmt.Errorf("output %d is %v, Keras's is %v", i, y.DType, want.DType)
		}
		off := testcheck.Off(y, want)
		worst = max(worst, off)
		if !(off <= g.Meta.Tolerance) {
			return worst, fmt.Errorf("output %d is off by %.3g", i, off)
		}
	}
	return worst, nil
}
