package keras_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"kerasgo/internal/testcheck"
	"kerasgo/keras"
)

var updateFormats = flag.Bool("update-formats", false, "rewrite testdata/formats.json, which docs/support.md counts")

// TestFormats opens the model of every golden from the files that real Keras writes of it: .keras and .h5 by Keras 3, .h5 by
// tf-keras. KERASGO_PYTHON names a Python that has both. testdata/formats.json tells which files Keras can write.
func TestFormats(t *testing.T) {
	python := os.Getenv("KERASGO_PYTHON")
	if python == "" {
		t.Skip("KERASGO_PYTHON isn't set")
	}
	dir := os.Getenv("KERASGO_FORMATS") // files that are there already
	if dir == "" {
		dir = t.TempDir()
		if out, err := exec.Command(python, "../scripts/formats.py", dir).CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	goldens, err := filepath.Glob("../testdata/golden/*/*.npz")
	if err != nil || len(goldens) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	opened := map[string][3]bool{}
	for _, path := range goldens {
		class, name := filepath.Base(filepath.Dir(path)), strings.TrimSuffix(filepath.Base(path), ".npz")
		for i, ext := range []string{".keras", ".h5"} {
			file := filepath.Join(dir, class+","+name+ext)
			if _, err := os.Stat(file); err != nil {
				continue
			}
			m, err := keras.Load(file)
			if err != nil {
				t.Errorf("%s: %v", filepath.Base(file), err)
				continue
			}
			g, err := testcheck.ReadGolden(path)
			if err != nil {
				t.Fatal(err)
			}
			if a, b, err := testcheck.MeasureLoaded(g, m); err != nil || max(a, b) > g.Meta.Tolerance {
				t.Errorf("%s: off by %g of range, bound %g; %v", filepath.Base(file), max(a, b), g.Meta.Tolerance, err)
				continue
			}
			o := opened[class+"/"+name]
			if strings.HasSuffix(name, ".k2") {
				i = 2
			}
			o[i] = true
			opened[class+"/"+name] = o
		}
	}
	const record = "../testdata/formats.json"
	if *updateFormats {
		raw, err := json.Marshal(opened)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.ReplaceAll(string(raw), "],", "],\n") + "\n"
		if err := os.WriteFile(record, []byte(lines), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string][3]bool
	if err := json.Unmarshal(raw, &want); err != nil || !reflect.DeepEqual(opened, want) {
		t.Errorf("testdata/formats.json tells of %d goldens, %d were opened: go test ./keras -run TestFormats -update-formats (%v)", len(want), len(opened), err)
	}
}
