package keras_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"kerasgo/keras"
	"kerasgo/nn"
)

// TestSummary compares with what Keras prints; scripts/summaries.py says what a golden's name means.
func TestSummary(t *testing.T) {
	files, err := filepath.Glob("../testdata/summary/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".txt")
		t.Run(name, func(t *testing.T) {
			want, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			model, options, _ := strings.Cut(name, ".")
			columns, err := strconv.Atoi(strings.TrimRight(options, "nt"))
			if err != nil {
				t.Fatal(err)
			}
			got, err := nn.Summary(summarised(t, model), nn.SummaryOptions{Columns: columns,
				ExpandNested: strings.Contains(options, "n"), Trainable: strings.Contains(options, "t")})
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%s\nKeras\n%s", got, want)
			}
		})
	}
}

func summarised(t *testing.T, name string) nn.Model {
	t.Helper()
	base := "../testdata/summary/" + name
	if _, err := os.Stat(base + ".keras"); err == nil {
		m, err := keras.Load(base + ".keras")
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	raw, err := os.ReadFile(base + ".json")
	if err != nil {
		t.Fatal(err)
	}
	m, err := keras.FromJSON(raw)
	if err != nil && m == nil {
		t.Fatal(err)
	}
	return m
}
