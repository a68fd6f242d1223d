package main

import (
	"context"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kerasgo/internal/cli"
)

func written(t *testing.T, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestPlot draws the histories of two runs, of either form, into a picture and into a drawing.
func TestPlot(t *testing.T) {
	dir := t.TempDir()
	h := written(t, filepath.Join(dir, "small.json"), `{"accuracy": [0.5, 0.75, 0.8], "loss": [2, null, 0.5], "val_loss": [2.5, 1.5, 1]}`)
	log := written(t, filepath.Join(dir, "a<b.csv"), "epoch,accuracy,loss,val_accuracy,val_loss\r\n0,0.25,3,NA,NA\r\n1,0.5,1,NA,NA\r\n")
	svg := filepath.Join(dir, "both.svg")
	ok(t, "plot", h, log, "-o", svg)
	checkSVG(t, svg, ">small loss<", ">small val_loss<", ">a&lt;b accuracy<", ">epoch<", "prefers-color-scheme", `stroke-dasharray="5 3"`)
	raw, err := os.ReadFile(svg)
	if err != nil || strings.Contains(string(raw), "a&lt;b val_") || strings.Contains(string(raw), "NaN") {
		t.Errorf("validation of a run without, or values that aren't numbers: %v", err)
	}
	fails(t, cli.Usage, "exists", "plot", h, "-o", svg)
	one := filepath.Join(dir, "one.png")
	ok(t, "plot", h, "-o", one, "--only", "loss")
	f, err := os.Open(one)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if img, err := png.Decode(f); err != nil || img.Bounds().Dx() < 500 || img.Bounds().Dx() > 1200 {
		t.Errorf("%v", err)
	}
}

func TestPlotRefuses(t *testing.T) {
	dir := t.TempDir()
	h := written(t, filepath.Join(dir, "h.json"), `{"loss": [1]}`)
	out := filepath.Join(dir, "x.svg")
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{cli.Usage, "takes histories", nil},
		{cli.Usage, "a .png or an .svg", []string{h, "-o", filepath.Join(dir, "x.gif")}},
		{cli.Usage, "nothing to draw", []string{h, "--only", "accuracy"}},
		{cli.Broken, "isn't a history", []string{written(t, filepath.Join(dir, "b.json"), `{"loss": 3}`)}},
		{cli.Broken, "first column is epoch", []string{written(t, filepath.Join(dir, "c.csv"), "a,b\n1,2\n")}},
		{cli.Broken, "line 3, column loss", []string{written(t, filepath.Join(dir, "d.csv"), "epoch,loss\n0,1\n1,x\n")}},
		{cli.Broken, "isn't a table", []string{written(t, filepath.Join(dir, "e.csv"), "epoch,loss\n0\n")}},
		{cli.Broken, `line 2: isn't of an epoch: "1e17"`, []string{written(t, filepath.Join(dir, "i.csv"), "epoch,loss\n1e17,1\n")}},
		{cli.Broken, "column loss", []string{written(t, filepath.Join(dir, "g.csv"), "epoch,loss,loss\n0,1,2\n")}},
		{cli.Broken, "the file is empty", []string{written(t, filepath.Join(dir, "f.csv"), "")}},
		{cli.Broken, "no such file", []string{filepath.Join(dir, "none.json")}},
	} {
		args := append([]string{"plot"}, c.args...)
		if !slices.Contains(args, "-o") {
			args = append(args, "-o", out)
		}
		fails(t, c.code, c.want, args...)
		if _, err := os.Stat(out); err == nil {
			t.Fatalf("%q drew", args)
		}
	}
}

// TestAxis: ticks are round, cover the values, and are told apart by their labels.
func TestAxis(t *testing.T) {
	for _, values := range [][]float64{{0, 1}, {.1234, .1235}, {-3, 2e6}, {5, 5}, {0, 0}, {1e-9, 2e-9}, {1e30, 2e30}, nil, {.001, .001}} {
		a := newAxis(values, 100, 0)
		seen := map[string]bool{}
		for _, v := range a.ticks() {
			if l := a.label(v); seen[l] || strings.Contains(l, "NaN") {
				t.Errorf("%v: two ticks are %q", values, l)
			} else {
				seen[l] = true
			}
		}
		if len(seen) < 2 || len(seen) > 2*wantTicks {
			t.Errorf("%v: %d ticks", values, len(seen))
		}
		for _, v := range values {
			if y := a.at(v); !(y >= -1e-9 && y <= 100+1e-9) || math.IsNaN(y) {
				t.Errorf("%v: %v is at %v", values, v, y)
			}
		}
	}
}

// TestTensorBoardFlags: the command writes event files; those of a run that goes on are beside them.
func TestTensorBoardFlags(t *testing.T) {
	f := parity(t, "mlp_adam")
	dir := f.path("board")
	ok(t, f.model, "--data", f.data, "--validation-split", "0.2", "-o", f.path("out.keras"), "--tensorboard", dir, "--histogram-freq", "1", "--update-freq", "batch",
		"--plot", f.path("h.svg"))
	checkSVG(t, f.path("h.svg"), ">val_loss<")
	for _, part := range []string{"train", "validation"} {
		files, err := filepath.Glob(filepath.Join(dir, part, "events.out.tfevents.*.v2"))
		if err != nil || len(files) != 1 {
			t.Fatalf("%s: %q %v", part, files, err)
		}
		raw, err := os.ReadFile(files[0])
		if err != nil || !strings.Contains(string(raw), "epoch_loss") {
			t.Errorf("%s: %v", part, err)
		}
		if part == "train" && !(strings.Contains(string(raw), "dense/kernel/histogram") && strings.Contains(string(raw), "batch_loss") && strings.Contains(string(raw), `"class_name"`)) {
			t.Error("histograms, batches or the model are missing")
		}
	}
	for _, c := range [][]string{{"--update-freq", "batch"}, {"--histogram-freq", "2"}, {"--tensorboard", dir, "--update-freq", "0"}, {"--tensorboard", dir, "--histogram-freq", "-1"}} {
		fails(t, cli.Usage, "-freq", append([]string{f.model, "--data", f.data, "-o", f.path("new.keras")}, c...)...)
	}
	fails(t, cli.Usage, "a .png or an .svg", f.model, "--data", f.data, "-o", f.path("new.keras"), "--plot", f.path("h.pdf"))
}

// TestTensorBoardResumed: a run that goes on adds its files to those of the run that was stopped.
func TestTensorBoardResumed(t *testing.T) {
	f := parity(t, "mlp_adam")
	dir := f.path("board")
	args := []string{f.model, "--data", f.data, "--epochs", "5", "-o", f.path("out.keras"), "--tensorboard", dir}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	log := &stopper{at: "Epoch 3/", cancel: cancel}
	if code := program().Run(ctx, &cli.IO{In: strings.NewReader(""), Out: log, Err: log, Env: os.Getenv}, args); code != cli.Interrupted {
		t.Fatalf("exit %d, %s", code, log)
	}
	ok(t, append(args, "--resume")...)
	files, err := filepath.Glob(filepath.Join(dir, "train", "events.out.tfevents.*.v2"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%q %v", files, err)
	}
	n := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n += strings.Count(string(raw), "epoch_loss")
	}
	if n != 5 {
		t.Errorf("%d epochs are in the files, want 5", n)
	}
}

// FuzzRun: whatever a history holds, it is refused or can be drawn.
func FuzzRun(f *testing.F) {
	for _, s := range []string{`{"loss": [1, null, 1e308, -1e308], "val_loss": []}`, `{}`, "epoch,loss\n0,1\n", "epoch,a,a\n0,1,2\n", "epoch\n", "epoch,loss\n1e300,NaN\nInf,2\n",
		`{"a": [0, 5e-324]}`, `{"loss": [1], "a": [1, 2, 3]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := parseRun("h", raw)
		if err != nil {
			return
		}
		face, err := typeface()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range panelsOf([]run{r, r}, nil) {
			drawPanel(&drawing{width: panelWidth, height: panelHeight}, p, point{}, panelHeight, face)
		}
	})
}
