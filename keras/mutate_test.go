package keras_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"kerasgo/internal/testcheck"
	"kerasgo/keras"
)

// TestMutatedConfigs puts wrong values into the config of every layer and operation, one at a time: each is an error that
// names things, or harmless; never a panic, never slow.
func TestMutatedConfigs(t *testing.T) {
	goldens, err := filepath.Glob("../testdata/golden/*/*.npz")
	if err != nil || len(goldens) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	values := []any{nil, true, -1.0, 0.0, 1.5, 1e9, 9.2e18, "", "channels_first", []any{}, []any{1.0, nil}, []any{-7.0, 1e12, 0.0}, map[string]any{}}
	for i, path := range goldens {
		g, err := testcheck.ReadGolden(path)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(1, uint64(i)))
		for range 6 {
			var tree any
			if err := json.Unmarshal(g.Meta.Model, &tree); err != nil {
				t.Fatal(err)
			}
			var leaves []leaf
			collect(tree, "", &leaves)
			l, v := leaves[rng.IntN(len(leaves))], values[rng.IntN(len(values))]
			l.set(v)
			raw, err := json.Marshal(tree)
			if err != nil {
				t.Fatal(err)
			}
			what := fmt.Sprintf("%s: %s = %v", path, l.path, v)
			func() {
				defer func() {
					if r := recover(); r != nil {
						t.Errorf("%s: panic: %v", what, r)
					}
				}()
				start := time.Now()
				if _, err := keras.FromJSON(raw); err != nil && !typed(err) {
					t.Errorf("%s: %T: %v", what, err, err)
				}
				if took := time.Since(start); took > 2*time.Second {
					t.Errorf("%s: took %v", what, took)
				}
			}()
		}
	}
}

// leaf is a place in a JSON tree.
type leaf struct {
	path string
	set  func(v any)
}

func collect(v any, path string, out *[]leaf) {
	switch v := v.(type) {
	case map[string]any:
		for _, k := range slices.Sorted(maps.Keys(v)) {
			*out = append(*out, leaf{path + "." + k, func(x any) { v[k] = x }})
			collect(v[k], path+"."+k, out)
		}
	case []any:
		for i := range v {
			*out = append(*out, leaf{fmt.Sprintf("%s[%d]", path, i), func(x any) { v[i] = x }})
			collect(v[i], fmt.Sprintf("%s[%d]", path, i), out)
		}
	}
}
