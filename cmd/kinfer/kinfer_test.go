package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kerasgo/imaging"
	"kerasgo/internal/cli"
	"kerasgo/internal/npy"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

const (
	model  = "../../testdata/mnist_cnn.h5"
	digits = "../../testdata/digits"
)

// run runs kinfer in this process.
func run(t *testing.T, in string, args ...string) (code int, out, err string) {
	t.Helper()
	var o, e bytes.Buffer
	code = program().Run(context.Background(), &cli.IO{In: strings.NewReader(in), Out: &o, Err: &e, Env: func(string) string { return "" }}, args)
	return code, o.String(), e.String()
}

func digitFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(digits + "/*.png")
	if err != nil || len(files) < 10 {
		t.Fatalf("digits: %d files, %v", len(files), err)
	}
	return files
}

// label is the digit that a file's name tells.
func label(file string) string { return filepath.Base(file)[:1] }

func TestDigits(t *testing.T) {
	for _, m := range []string{model, "../../testdata/mnist_cnn.keras"} {
		code, out, errs := run(t, "", m, digits, "-k", "1")
		if code != cli.OK {
			t.Fatalf("exit %d: %s", code, errs)
		}
		lines := strings.Split(strings.TrimSpace(out), "\n")
		files := digitFiles(t)
		if len(lines) != len(files) {
			t.Fatalf("%d lines for %d images:\n%s", len(lines), len(files), out)
		}
		for i, line := range lines {
			if f := strings.Fields(line); filepath.Base(f[0]) != filepath.Base(files[i]) || f[1] != label(files[i]) {
				t.Errorf("%s is read as %s", files[i], f[1])
			}
		}
		if !strings.Contains(errs, "rescaling") {
			t.Errorf("stderr doesn't say who preprocesses: %q", errs)
		}
	}
}

func TestFormats(t *testing.T) {
	png := digitFiles(t)[0]
	_, out, _ := run(t, "", model, png, "--format", "json", "-k", "2", "-l", "mnist")
	var rows []struct {
		File string
		Top  []struct {
			Class int
			Label string
			Score float64
		}
	}
	if err := json.Unmarshal([]byte(out), &rows); err != nil || len(rows) != 1 || len(rows[0].Top) != 2 || rows[0].Top[0].Label != label(png) ||
		rows[0].Top[0].Score <= rows[0].Top[1].Score {
		t.Errorf("json: %v, %s", err, out)
	}
	if _, out, _ = run(t, "", model, png, png, "--format", "jsonl"); strings.Count(out, "\n") != 2 || !strings.HasPrefix(out, `{"file":`) {
		t.Errorf("jsonl: %q", out)
	}
	if _, out, _ = run(t, "", model, png, "--format", "csv", "-k", "1"); !strings.HasPrefix(out, "file,rank,class,label,score\n") {
		t.Errorf("csv: %q", out)
	}
	if _, out, _ = run(t, "", model, png, "--format", "tsv", "-k", "1"); !strings.HasPrefix(out, "file\trank\t") {
		t.Errorf("tsv: %q", out)
	}
	if code, _, _ := run(t, "", model, png, "--format", "xml"); code != cli.Usage {
		t.Errorf("xml: exit %d", code)
	}
}

// TestArrays sends an image as an array and finds the same answer.
func TestArrays(t *testing.T) {
	dir := t.TempDir()
	png := digitFiles(t)[0]
	want := filepath.Join(dir, "want.npy")
	if code, _, errs := run(t, "", model, png, "-o", want); code != cli.OK {
		t.Fatal(code, errs)
	}
	y, err := npy.Open(want, safeio.Defaults())
	if err != nil || !y.Shape.Equal(nn.Shape{1, 10}) {
		t.Fatal(err, y)
	}
	img := filepath.Join(dir, "x.npy")
	x := pixels(t, png)
	err = safeio.WriteFile(img, false, func(w io.Writer) error { return npy.Write(w, x) })
	if err != nil {
		t.Fatal(err)
	}
	got := filepath.Join(dir, "got.npz")
	if code, _, errs := run(t, "", model, img, "-o", got); code != cli.OK {
		t.Fatal(code, errs)
	}
	a, err := npy.OpenArchive(got, safeio.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	z, err := a.Read(a.Names()[0])
	if err != nil || !slices.Equal(z.F32, y.F32) {
		t.Errorf("array %v, image %v, %v", z.F32, y.F32, err)
	}
	wide := filepath.Join(dir, "wide.npy")
	err = safeio.WriteFile(wide, false, func(w io.Writer) error { return npy.Write(w, graph.NewTensor(2, 27, 28, 1)) })
	if err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run(t, "", model, wide); code != cli.Usage || !strings.Contains(errs, "(None, 28, 28, 1)") {
		t.Errorf("a wrong shape: exit %d, %s", code, errs)
	}
}

// pixels is an image as the model takes it.
func pixels(t *testing.T, file string) *nn.Tensor {
	t.Helper()
	m, err := imaging.Open(file, safeio.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	x := graph.NewTensor(1, 28, 28, 1)
	if err := (imaging.Options{Color: imaging.Gray}).Fill(x.F32, m); err != nil {
		t.Fatal(err)
	}
	return x
}

func TestErrors(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return path
	}
	raw, err := os.ReadFile(model)
	if err != nil {
		t.Fatal(err)
	}
	png := digitFiles(t)[0]
	for _, c := range []struct {
		name string
		args []string
		code int
		text string
	}{
		{"no input", []string{model}, cli.Usage, "input"},
		{"missing model", []string{"nothing.h5", png}, cli.Broken, "nothing.h5"},
		{"empty model", []string{write("empty.h5", ""), png}, cli.Broken, "empty.h5"},
		{"truncated model", []string{write("cut.h5", string(raw[:len(raw)/2])), png}, cli.Broken, "cut.h5"},
		{"not a model", []string{write("text.h5", "hello, this is no model at all"), png}, cli.Broken, "text.h5"},
		{"missing image", []string{model, "nothing.png"}, cli.Broken, "nothing.png"},
		{"broken image", []string{model, write("bad.png", "\x89PNG\r\n\x1a\nrubbish")}, cli.Broken, "bad.png"},
		{"unknown flag", []string{model, png, "--topk", "3"}, cli.Usage, "--top-k"},
		{"unknown layer", []string{model, png, "--layer", "conv2D_9"}, cli.Usage, "conv2D_9"},
		{"output exists", []string{model, png, "-o", write("there.npy", "x")}, cli.Usage, "there.npy"},
	} {
		code, out, errs := run(t, "", c.args...)
		if code != c.code || out != "" || !strings.Contains(errs, c.text) {
			t.Errorf("%s: exit %d (want %d), stdout %q, stderr %q", c.name, code, c.code, out, errs)
		}
		if strings.Count(strings.TrimSpace(errs), "\n") > 1 {
			t.Errorf("%s: more than a line: %q", c.name, errs)
		}
	}
	code, out, errs := run(t, "", model, png, filepath.Join(dir, "bad.png"), png, "-k", "1")
	if code != cli.Partial || strings.Count(out, "\n") != 2 || !strings.Contains(errs, "bad.png") {
		t.Errorf("one bad image of three: exit %d, stdout %q, stderr %q", code, out, errs)
	}
	if code, _, _ := run(t, "", model, png, filepath.Join(dir, "bad.png"), png, "--fail-fast"); code != cli.Broken {
		t.Errorf("--fail-fast: exit %d", code)
	}
}

func TestStandardInput(t *testing.T) {
	png := digitFiles(t)[0]
	raw, err := os.ReadFile(png)
	if err != nil {
		t.Fatal(err)
	}
	code, out, errs := run(t, string(raw), model, "-", "-k", "1")
	if code != cli.OK || !strings.HasPrefix(out, "-  "+label(png)) {
		t.Errorf("exit %d, %q, %q", code, out, errs)
	}
	code, out, _ = run(t, png+"\x00"+png+"\x00", model, "--files0-from", "-", "-k", "1")
	if code != cli.OK || strings.Count(out, "\n") != 2 {
		t.Errorf("--files0-from: exit %d, %q", code, out)
	}
}

func TestCheckAndBench(t *testing.T) {
	if code, out, errs := run(t, "", "check", model); code != cli.OK || !strings.Contains(out, "opens and runs") {
		t.Errorf("check: exit %d, %q, %q", code, out, errs)
	}
	code, out, errs := run(t, "", "bench", model, "--seconds", "0.05", "--format", "json", "-j", "1")
	var r report
	if err := json.Unmarshal([]byte(out), &r); code != cli.OK || err != nil || r.Runs < 3 || r.Median <= 0 || r.Min > r.P99 || r.GFLOPS <= 0 || r.Threads != 1 {
		t.Errorf("bench: exit %d, %v, %s%s", code, err, out, errs)
	}
}
