package house

import (
	"archive/zip"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"kerasgo/nn/layers"
)

// aliases are registry keys that name a class a second time.
var aliases = []string{"Model"}

// registered are the classes of layers, and those of operation nodes without their prefix.
func registered() (classes, operations []string) {
	for _, key := range slices.Sorted(maps.Keys(layers.Builtin())) {
		if name, ok := strings.CutPrefix(key, "ops."); ok {
			operations = append(operations, name)
		} else if !slices.Contains(aliases, key) {
			classes = append(classes, key)
		}
	}
	return classes, operations
}

// TestReadmeLayers compares README's table of layers with the registry.
func TestReadmeLayers(t *testing.T) {
	_, table, ok := strings.Cut(string(read(t, "README.md")), "<!-- layers:")
	table, _, end := strings.Cut(table, "<!-- end -->")
	if !ok || !end {
		t.Fatal("README.md has no table of layers between its two comments")
	}
	var told []string
	for _, m := range regexp.MustCompile("`([A-Z][A-Za-z0-9]*)`").FindAllStringSubmatch(table, -1) {
		told = append(told, m[1])
	}
	classes, _ := registered()
	for _, c := range classes {
		if !slices.Contains(told, c) {
			t.Errorf("README.md doesn't tell of %s", c)
		}
	}
	for i, c := range told {
		if !slices.Contains(classes, c) {
			t.Errorf("README.md tells of %s, which isn't in the registry", c)
		}
		if slices.Contains(told[:i], c) {
			t.Errorf("README.md tells of %s twice", c)
		}
	}
}

// TestOperations compares docs/operations.md with the registry.
func TestOperations(t *testing.T) {
	_, operations := registered()
	var b strings.Builder
	fmt.Fprintf(&b, `# Operation nodes

A functional model may hold operations beside layers: what Python's operators, slices and `+"`keras.ops`"+` functions leave in the graph, and what masks
add to it. These %d are supported, under the class names that Keras gives them; in files of Keras 2, the TensorFlow functions that they stand for.

`, len(operations))
	for i, name := range operations {
		if i > 0 {
			b.WriteString(",\n")
		}
		fmt.Fprintf(&b, "`%s`", name)
	}
	b.WriteString(".\n")
	path := filepath.Join(root, "docs", "operations.md")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if string(read(t, "docs/operations.md")) != b.String() {
		t.Error("docs/operations.md isn't what the registry has: go test ./internal/house -run TestOperations -update")
	}
}

// TestEveryLayerHasGoldens requires, of each class in the registry, a golden of real Keras that runs it.
func TestEveryLayerHasGoldens(t *testing.T) {
	found := map[string]bool{}
	for _, file := range files(t, func(p string) bool { return strings.HasPrefix(p, "testdata/golden/") && strings.HasSuffix(p, ".npz") }) {
		var meta struct{ Model any }
		if err := json.Unmarshal(goldenMeta(t, file), &meta); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		classesIn(meta.Model, found)
	}
	classes, operations := registered()
	for _, c := range classes {
		if !found[c] {
			t.Errorf("no golden runs %s", c)
		}
	}
	var bare []string
	for _, o := range operations {
		if !found["ops."+o] {
			bare = append(bare, o)
		}
	}
	if len(bare) > 0 {
		t.Errorf("no golden runs these %d of %d operations: %s", len(bare), len(operations), strings.Join(bare, " "))
	}
}

// goldenMeta is the JSON in a golden's meta array.
func goldenMeta(t *testing.T, file string) []byte {
	t.Helper()
	z, err := zip.OpenReader(filepath.Join(root, file))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	f, err := z.Open("meta.npy")
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	defer f.Close()
	raw, err := io.ReadAll(f)
	if err != nil || len(raw) < 10 {
		t.Fatalf("%s: %d bytes of meta: %v", file, len(raw), err)
	}
	return raw[10+int(binary.LittleEndian.Uint16(raw[8:])):]
}

// classesIn collects class names under v; operations get their prefix.
func classesIn(v any, found map[string]bool) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			classesIn(e, found)
		}
	case map[string]any:
		if class, ok := v["class_name"].(string); ok {
			if module, _ := v["module"].(string); strings.Contains(module, ".ops") {
				class = "ops." + class
			}
			found[class] = true
		}
		for _, e := range v {
			classesIn(e, found)
		}
	}
}
