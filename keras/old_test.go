package keras_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kerasgo/internal/testcheck"
	"kerasgo/keras"
)

// TestOldKeras loads what genuine Keras 1.2.2, 2.0.8, 2.2.4 and 2.15 wrote, and computes what they did; scripts/oldkeras.sh
// makes the files.
func TestOldKeras(t *testing.T) {
	goldens, err := filepath.Glob("../testdata/old/*.npz")
	if err != nil || len(goldens) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, g := range goldens {
		stem := strings.TrimSuffix(g, ".npz")
		for _, c := range []struct{ model, weights string }{
			{".h5", ""}, {".keras", ""}, {".json", ".weights.h5"}, {".json", ".old.h5"},
		} {
			file, o := stem+c.model, keras.Options{}
			if _, err := os.Stat(file); err != nil {
				continue
			}
			if c.weights != "" {
				o.Weights = stem + c.weights
				if _, err := os.Stat(o.Weights); err != nil {
					continue
				}
			}
			t.Run(filepath.Base(stem+c.model+c.weights), func(t *testing.T) {
				m, err := keras.LoadOptions(file, o)
				if why := refused(filepath.Base(stem)); why != "" {
					if err == nil || !strings.Contains(err.Error(), why) {
						t.Fatalf("got error %v, want one with %q", err, why)
					}
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				testcheck.File(t, g, m)
			})
		}
	}
}

// refused is what the error says for models that aren't supported.
func refused(name string) string {
	for part, why := range map[string]string{
		"k1_2_highway": "unknown layer", "k1_2_deconvolution_wide": "output_shape", "k1_2_merge_cos": `mode "cos" isn't supported`, "k2_15_shapes": `TensorFlow function "compat.v1.shape"`,
		"k2_15_time_major": "time_major",
	} {
		if strings.HasPrefix(name, part) {
			return why
		}
	}
	return ""
}
