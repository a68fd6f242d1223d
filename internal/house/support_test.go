package house

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"kerasgo/internal/testcheck"
	"kerasgo/keras"
)

// support is what the goldens prove of a class.
type support struct {
	keras3, keras2 int      // configurations
	versions       []string // of Keras and tf-keras
	errors         [2]float64
	formats        [3]int // .keras and .h5 of Keras 3, .h5 of tf-keras
	alone          int    // the least number of classes in a golden that the errors are of
}

// containers hold layers and compute nothing themselves.
var containers = []string{"Functional", "InputLayer", "Sequential"}

// measured runs every golden and tells what it proves: of the class that it was made for, and of those inside that have
// few goldens of their own.
func measured(t *testing.T) map[string]*support {
	t.Helper()
	var formats map[string][3]bool
	if err := json.Unmarshal(read(t, "testdata/formats.json"), &formats); err != nil {
		t.Fatal(err)
	}
	paths := files(t, func(p string) bool { return strings.HasPrefix(p, "testdata/golden/") && strings.HasSuffix(p, ".npz") })
	own := map[string]int{}
	for _, p := range paths {
		own[filepath.Base(filepath.Dir(p))]++
	}
	out := map[string]*support{}
	var mutex sync.Mutex
	var wait sync.WaitGroup
	next := make(chan string)
	for range 4 {
		wait.Go(func() {
			for p := range next {
				g, err := testcheck.ReadGolden(filepath.Join(root, p))
				if err != nil {
					t.Error(err)
					continue
				}
				m, err := keras.FromJSON(g.Meta.Model)
				var off [2]float64
				if err == nil {
					off[0], off[1], err = testcheck.Measure(g, m)
				}
				if err != nil {
					t.Errorf("%s: %v", p, err)
					continue
				}
				var model any
				found := map[string]bool{}
				if json.Unmarshal(g.Meta.Model, &model) == nil {
					classesIn(model, found)
				}
				mutex.Lock()
				for class := range found {
					among := len(found)
					if dir := filepath.Base(filepath.Dir(p)); class == dir {
						among = 1
					} else if own[class] >= 3 {
						continue
					}
					s := out[class]
					if s == nil {
						s = &support{}
						out[class] = s
					}
					s.add(g, among, off, formats[strings.TrimSuffix(strings.TrimPrefix(p, "testdata/golden/"), ".npz")])
				}
				mutex.Unlock()
			}
		})
	}
	for _, p := range paths {
		next <- p
	}
	close(next)
	wait.Wait()
	return out
}

func (s *support) add(g *testcheck.Golden, classes int, off [2]float64, formats [3]bool) {
	name := "Keras "
	if g.Meta.Framework == "tf_keras" {
		name = "tf-keras "
		s.keras2++
	} else {
		s.keras3++
	}
	if v := name + g.Meta.Keras; !slices.Contains(s.versions, v) {
		s.versions = append(s.versions, v)
		slices.Sort(s.versions)
	}
	if g.Meta.Tolerance <= 1e-5 && (s.alone == 0 || classes <= s.alone) {
		if classes < s.alone {
			s.errors = [2]float64{}
		}
		s.alone = classes
		for i, e := range off {
			s.errors[i] = max(s.errors[i], e)
		}
	}
	for i, ok := range formats {
		if ok {
			s.formats[i]++
		}
	}
}

// roundedUp is 1, 2 or 5 times a power of ten, with room for machines that sum in another order.
func roundedUp(v float64) string {
	if v == 0 {
		return "0"
	}
	v *= 1.5
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, k := range []float64{1, 2, 5, 10} {
		if v <= k*power {
			return strconv.FormatFloat(k*power, 'e', 0, 64)
		}
	}
	return ""
}

// stated are the errors that docs/support.md states, by class.
func stated(text string) map[string][2]string {
	out := map[string][2]string{}
	for line := range strings.Lines(text) {
		if cells := strings.Split(line, "|"); len(cells) > 5 && strings.HasPrefix(cells[1], " `") {
			n := len(cells)
			out[strings.Trim(cells[1], " `")] = [2]string{strings.TrimSpace(cells[n-3]), strings.TrimSpace(cells[n-2])}
		}
	}
	return out
}

// TestSupport compares docs/support.md, and what kconv check says of accuracy, with the registry and with what running every
// golden shows. -update raises errors that are stated and lowers none, so that it can be run with each KERASGO_ISA in turn; delete
// the page to begin anew.
func TestSupport(t *testing.T) {
	const doc, table = "docs/support.md", "cmd/kconv/errors.txt"
	all := measured(t)
	var old map[string][2]string
	if raw, err := os.ReadFile(filepath.Join(root, doc)); err == nil {
		old = stated(string(raw))
	}
	classes, operations := registered()
	var layers, nodes, errors strings.Builder
	row := func(b *strings.Builder, key, name string) {
		s := all[key]
		if s == nil {
			t.Errorf("no golden runs %s", key)
			return
		}
		if slices.Contains(containers, key) { // what is measured is what they hold
			s.errors = [2]float64{}
		}
		said := [2]string{roundedUp(s.errors[0]), roundedUp(s.errors[1])}
		if was, ok := old[name]; ok {
			for i, e := range s.errors {
				switch bound, err := strconv.ParseFloat(was[i], 64); {
				case err == nil && e <= bound:
					said[i] = was[i] // perhaps of a machine with other vectors
				case !*update:
					t.Errorf("%s is off by %.2g, %s says %s", key, e, doc, was[i])
				}
			}
		}
		fmt.Fprintf(b, "| `%s` | %d | %d | %d | %d | %d | %s | %s | %s |\n", name, s.keras3, s.keras2, s.formats[0], s.formats[1], s.formats[2],
			strings.Join(s.versions, ", "), said[0], said[1])
		worst := said[0]
		a, _ := strconv.ParseFloat(said[0], 64)
		if b, _ := strconv.ParseFloat(said[1], 64); b > a {
			worst = said[1]
		}
		fmt.Fprintf(&errors, "%s %s\n", key, worst)
	}
	for _, c := range classes {
		row(&layers, c, c)
	}
	for _, o := range operations {
		row(&nodes, "ops."+o, "ops."+o)
	}
	const head = "| %s | Keras 3 | tf-keras | `.keras` | Keras 3 `.h5` | tf-keras `.h5` | written by | Interpreter | Plan |\n|---|---|---|---|---|---|---|---|---|\n"
	text := fmt.Sprintf(`# What is supported, and how it is known

Made by `+"`go test ./internal/house -run TestSupport -update`"+` from the registry of layers and from running every golden; the test fails where this page isn't
what it would write. The configurations are models that real Keras made and ran: how many by Keras 3, how many by tf-keras. The formats say how many of
them were written by Keras itself as files of that kind, opened here and found to give the same outputs (`+"`scripts/formats.py`"+`; Keras's own writers refuse
some, and of those that differ by nothing but random seeds one is enough). The errors are the largest of any output in max|a-b| / max|b|, rounded up, where the class stands
most alone, with assembly and without; those of half precision, which docs/numbers.md tells of, aren't among them. 0 is bit for bit.

Configurations of genuine Keras 1.2, 2.0, 2.2 and 2.15 are files in `+"`testdata/old`"+`; whole models in `+"`testdata/models`"+`.

## %d layers

`+head+"%s\n## %d operation nodes\n\n"+head+"%s", len(classes), "layer", layers.String(), len(operations), "operation", nodes.String())
	for path, want := range map[string]string{doc: text, table: errors.String()} {
		if *update {
			if err := os.WriteFile(filepath.Join(root, path), []byte(want), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		if string(read(t, path)) != want {
			t.Errorf("%s isn't what the registry and the goldens say: go test ./internal/house -run TestSupport -update", path)
		}
	}
}

// TestThreeConfigurations requires three configurations of each layer, that of the two frameworks counted once.
func TestThreeConfigurations(t *testing.T) {
	seen := map[string]map[string]bool{}
	for _, file := range files(t, func(p string) bool { return strings.HasPrefix(p, "testdata/golden/") && strings.HasSuffix(p, ".npz") }) {
		found := map[string]bool{}
		var meta struct{ Model any }
		if json.Unmarshal(goldenMeta(t, file), &meta) == nil {
			classesIn(meta.Model, found)
		}
		for class := range found {
			if seen[class] == nil {
				seen[class] = map[string]bool{}
			}
			seen[class][strings.TrimSuffix(strings.TrimSuffix(file, ".npz"), ".k2")] = true
		}
	}
	classes, _ := registered()
	for _, c := range classes {
		if len(seen[c]) < 3 {
			t.Errorf("%s has %d configurations among the goldens, three are wanted", c, len(seen[c]))
		}
	}
}
