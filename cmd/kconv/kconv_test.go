package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kerasgo/internal/cli"
	"kerasgo/internal/npy"
	"kerasgo/keras"
	"kerasgo/nn"
)

const data = "../../testdata/"

// run runs kconv in this process.
func run(t *testing.T, args ...string) (code int, out, err string) {
	t.Helper()
	var o, e bytes.Buffer
	code = program().Run(context.Background(), &cli.IO{In: strings.NewReader(""), Out: &o, Err: &e, Env: func(string) string { return "" }}, args)
	return code, o.String(), e.String()
}

// copied puts a file of testdata into a folder of the test's own.
func copied(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(data + name)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), filepath.Base(name))
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestConvert(t *testing.T) {
	model := copied(t, "mnist_cnn.h5")
	dir := filepath.Dir(model)
	code, out, errs := run(t, model)
	want := filepath.Join(dir, "mnist_cnn.keras")
	if code != cli.OK || out != "" || errs != want+"\n" {
		t.Fatalf("exit %d, out %q, err %q", code, out, errs)
	}
	if code, _, errs := run(t, model); code != cli.Usage || !strings.Contains(errs, "exists") {
		t.Errorf("overwrites: exit %d, %s", code, errs)
	}
	if code, _, errs := run(t, model, "-f"); code != cli.OK {
		t.Errorf("-f: exit %d, %s", code, errs)
	}
	arch, weights := filepath.Join(dir, "a.json"), filepath.Join(dir, "a.weights.h5")
	for _, to := range []string{filepath.Join(dir, "b.h5"), arch, weights, filepath.Join(dir, "b.npz")} {
		if code, _, errs := run(t, want, to); code != cli.OK {
			t.Errorf("%s: exit %d, %s", to, code, errs)
		}
	}
	again := filepath.Join(dir, "again.keras")
	if code, _, errs := run(t, arch, again, "--weights", weights); code != cli.OK {
		t.Errorf("exit %d, %s", code, errs)
	}
	if code, out, errs := run(t, "verify", again, model); code != cli.OK || !strings.Contains(out, "agrees") {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}
	if code, _, errs := run(t, weights); code != cli.OK || errs != filepath.Join(dir, "a.npz")+"\n" {
		t.Errorf("weights alone: exit %d, %q", code, errs)
	}
	if code, out, _ := run(t, model, "-", "--to", "json"); code != cli.OK || !json.Valid([]byte(out)) {
		t.Errorf("to standard output: exit %d", code)
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestExitCodes(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	lambda := write("lambda.json", `{"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [
		{"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [null, 2], "name": "in"}},
		{"module": "keras.layers", "class_name": "Lambda", "config": {"name": "secret"}},
		{"module": "keras.layers", "class_name": "Mystery", "config": {"name": "odd"}}]}}`)
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{cli.Broken, "no such file", []string{"nowhere.keras"}},
		{cli.Broken, "not a Keras file", []string{write("text.h5", "hello")}},
		{cli.Broken, "empty", []string{write("empty.keras", "")}},
		{cli.Broken, "without weights", []string{data + "models/mlp.json", filepath.Join(dir, "o.keras")}},
		{cli.Unsupported, `"secret"`, []string{lambda, filepath.Join(dir, "o.keras")}},
		{cli.Unsupported, `"odd"`, []string{lambda, filepath.Join(dir, "o.keras")}},
		{cli.Usage, "--weights", []string{lambda, "--weigths", "x"}},
		{cli.Usage, "names no format", []string{data + "mnist_cnn.h5", filepath.Join(dir, "o.tflite")}},
		{cli.Usage, `"keras"`, []string{data + "mnist_cnn.h5", "--to", "kera"}},
		{cli.Usage, "two models", []string{"diff", "a"}},
		{cli.Usage, "", []string{"verify", "a"}},
		{cli.Usage, "", []string{}},
	} {
		code, _, errs := run(t, c.args...)
		if code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%q: exit %d, want %d; %q, want %q", c.args, code, c.code, errs, c.want)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "o.keras")); err == nil {
		t.Error("something was written")
	}
	code, out, _ := run(t, "check", lambda)
	if code != cli.Unsupported || !strings.Contains(out, "missing  secret") || !strings.Contains(out, "missing  odd") || !strings.Contains(out, "exact    in") {
		t.Errorf("check: exit %d\n%s", code, out)
	}
}

func TestInspect(t *testing.T) {
	code, out, errs := run(t, "inspect", data+"models/nested.keras", "--format", "json", "--expand-nested", "--weights")
	var info modelInfo
	if err := json.Unmarshal([]byte(out), &info); code != cli.OK || err != nil {
		t.Fatalf("exit %d, %v, %s", code, err, errs)
	}
	var names []string
	total := 0
	for _, l := range info.Layers {
		names = append(names, l.Name)
		for _, w := range l.Weights {
			n := 1
			for _, d := range w.Shape {
				n *= d
			}
			total += n
		}
	}
	if info.Class != "Functional" || total != info.Params || !strings.Contains(strings.Join(names, " "), "features/block") {
		t.Errorf("%d of %d parameters listed; %q", total, info.Params, names)
	}
	code, out, _ = run(t, "inspect", data+"mnist_cnn.h5", "--format", "csv")
	rows, err := csv.NewReader(strings.NewReader(out)).ReadAll()
	if code != cli.OK || err != nil || rows[0][0] != "name" || len(rows) < 9 {
		t.Errorf("exit %d, %v: %v", code, err, rows)
	}
	code, out, _ = run(t, "inspect", data+"mnist_cnn.h5", "--arithmetic")
	if code != cli.OK || !strings.Contains(out, "400 x 32 + 32") {
		t.Errorf("exit %d:\n%s", code, out)
	}
	code, out, _ = run(t, "formats")
	if code != cli.OK || strings.Count(out, "\n") != len(formats) {
		t.Errorf("exit %d:\n%s", code, out)
	}
}

// TestVerifyGolden proves the whole-file goldens' own references, and that a wrong weight is found where it is.
func TestVerifyGolden(t *testing.T) {
	g, err := npy.OpenArchive(data+"models/mlp.npz", keras.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	var vars []nn.Variable
	for _, name := range g.Names() {
		v, err := g.Read(name)
		if err != nil {
			t.Fatal(err)
		}
		if layer, ok := strings.CutPrefix(name, "layer_"); ok {
			name = "layer/" + layer
		}
		vars = append(vars, nn.Variable{Name: name, Value: v})
	}
	ref := filepath.Join(t.TempDir(), "ref.npz")
	f, err := os.Create(ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := keras.WriteArrays(f, vars); err != nil {
		t.Fatal(err)
	}
	f.Close()
	code, out, errs := run(t, "verify", data+"models/mlp.keras", "--golden", ref)
	if code != cli.OK || !strings.Contains(out, "agrees") {
		t.Errorf("exit %d, %s%s", code, out, errs)
	}

	m, err := keras.Load(data + "models/mlp.keras")
	if err != nil {
		t.Fatal(err)
	}
	var spoilt *nn.Weight
	for w := range nn.Weights(m) {
		if strings.HasSuffix(w.Path, "/bias") {
			spoilt = w
		}
	}
	spoilt.Data.F32[0] += .1
	bad := filepath.Join(t.TempDir(), "bad.keras")
	if err := keras.Save(bad, m); err != nil {
		t.Fatal(err)
	}
	code, out, _ = run(t, "verify", bad, "--golden", ref, "--format", "json")
	var r report
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	if code != cli.No || r.Agrees || r.First == nil || *r.First != strings.TrimSuffix(spoilt.Path, "/bias") {
		t.Errorf("exit %d, first %v", code, r.First)
	}
	if code, out, _ := run(t, "diff", bad, data+"models/mlp.keras", "--weights"); code != cli.No || !strings.Contains(out, spoilt.Path) {
		t.Errorf("diff: exit %d, %s", code, out)
	}
	if code, _, _ := run(t, "diff", bad, data+"models/mlp.keras", "--weights", "--atol", "0.2"); code != cli.OK {
		t.Errorf("diff --atol: exit %d", code)
	}
	if code, _, _ := run(t, "diff", bad, data+"models/mlp.keras"); code != cli.OK {
		t.Errorf("diff of the architecture: exit %d", code)
	}
	if code, out, _ := run(t, "diff", data+"models/mlp.keras", data+"models/cnn.keras"); code != cli.No || out == "" {
		t.Errorf("diff of two models: exit %d", code)
	}
}

// TestHelp: help starts with examples, and only flags that exist stand in it.
func TestHelp(t *testing.T) {
	for _, c := range program().Commands {
		args := []string{"--help"}
		if c.Name != "" {
			args = []string{c.Name, "--help"}
		}
		code, out, _ := run(t, args...)
		if code != cli.OK || !strings.Contains(out, strings.SplitN(c.Example, "\n", 2)[0]) {
			t.Errorf("%s: exit %d\n%s", c.Name, code, out)
		}
	}
}
