package main

import (
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kerasgo/internal/cli"
	"kerasgo/internal/npy"
	"kerasgo/internal/safeio"
	"kerasgo/internal/testcheck"
)

// TestText gives a model of texts its input in every form; the answer is Keras's in all of them.
func TestText(t *testing.T) {
	const texts = "../../testdata/models/texts.keras"
	g, err := testcheck.ReadGolden("../../testdata/models/texts.npz")
	if err != nil {
		t.Fatal(err)
	}
	rows := g.Arrays["x_0"].Str
	dir := t.TempDir()
	asJSON, _ := json.Marshal(rows)
	lines := strings.Join(rows, "\r\n") + "\n"
	for name, data := range map[string]string{"x.json": string(asJSON), "x.txt": lines, "x.csv": `"` + strings.Join(rows, "\"\n\"") + `"`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write := func(w io.Writer) error { return npy.Write(w, g.Arrays["x_0"]) }
	if err := safeio.WriteFile(filepath.Join(dir, "x.npy"), false, write); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "y.npy")
	for _, from := range []string{"x.json", "x.txt", "x.csv", "x.npy", "-"} {
		t.Run(from, func(t *testing.T) {
			file, in := filepath.Join(dir, from), ""
			if from == "-" {
				file, in = from, lines
			}
			if code, _, errs := run(t, in, texts, file, "-o", out, "-f"); code != cli.OK {
				t.Fatalf("exit %d: %s", code, errs)
			}
			y, err := npy.Open(out, safeio.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			if off := testcheck.Off(y, g.Arrays["y_0"]); !(off < 1e-5) {
				t.Errorf("off by %g", off)
			}
		})
	}
}

// TestStringsOut: strings come out as arrays of them.
func TestStringsOut(t *testing.T) {
	g, err := testcheck.ReadGolden("../../testdata/models/lookups.npz")
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "y.npz")
	if code, _, errs := run(t, "", "../../testdata/models/lookups.keras", "../../testdata/models/lookups.npz", "-o", out); code != cli.OK {
		t.Fatalf("exit %d: %s", code, errs)
	}
	a, err := npy.OpenArchive(out, safeio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	strings := 0
	for i, name := range a.Names() {
		y, err := a.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		want := g.Arrays["y_"+string(rune('0'+i))]
		if off := testcheck.Off(y, want); !(off < 1e-5) {
			t.Errorf("%s is off by %g", name, off)
		}
		if y.Str != nil && slices.Equal(y.Str, want.Str) {
			strings++
		}
	}
	if strings != 1 {
		t.Errorf("%d arrays of strings", strings)
	}
}
