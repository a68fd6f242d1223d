package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"kerasgo/internal/cli"
	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

// TestMain is ktrain itself where a test runs this binary as that.
func TestMain(m *testing.M) {
	if os.Getenv("KTRAIN_TEST_MAIN") != "" {
		main()
	}
	os.Exit(m.Run())
}

// process is ktrain as a process of its own.
func process(t *testing.T, args ...string) (*exec.Cmd, *bytes.Buffer) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe, args...)
	c.Env = append(os.Environ(), "KTRAIN_TEST_MAIN=1")
	var log bytes.Buffer
	c.Stdout, c.Stderr = &log, &log
	return c, &log
}

// pictures is a compiled network with all that draws: convolutions, batch moments, dropout; and its data.
func pictures(t *testing.T, dir string, rows int) (model, data string) {
	t.Helper()
	m, err := nn.NewSequential(nn.NewInput(10, 10, 1), layers.NewConv2D(6, 3, "relu"), layers.NewBatchNormalization(), layers.NewMaxPooling2D(2),
		layers.NewFlatten(), layers.NewDropout(.3), layers.NewDense(24, "relu"), layers.NewDense(4, "softmax"))
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.InitWeights(m, 2); err != nil {
		t.Fatal(err)
	}
	loss, err := train.ParseLoss("sparse_categorical_crossentropy")
	if err != nil {
		t.Fatal(err)
	}
	accuracy, err := train.ParseMetric("accuracy")
	if err != nil {
		t.Fatal(err)
	}
	if err := train.Compile(m, train.Config{Optimizer: train.NewAdam(), Loss: []train.Loss{loss}, Metrics: [][]train.Metric{{accuracy}}}); err != nil {
		t.Fatal(err)
	}
	model = filepath.Join(dir, "start.keras")
	if err := keras.Save(model, m); err != nil {
		t.Fatal(err)
	}
	rng := graph.Stream(1, "pictures", 0, 0)
	x, y := nn.NewTensor(rows, 10, 10, 1), graph.New(nn.Spec{Shape: nn.Shape{rows}, DType: graph.Int32})
	for i := range rows {
		y.I32[i] = int32(rng.IntN(4))
		for k := range 100 {
			x.F32[i*100+k] = float32(rng.NormFloat64()) + float32(k%4*int(y.I32[i]))/4
		}
	}
	return model, saved(t, filepath.Join(dir, "data.npz"), map[string]*nn.Tensor{"x": x, "y": y})
}

// outputsIn are the flags that write everything into a folder, which is made.
func outputsIn(t *testing.T, dir string) []string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	in := func(name string) string { return filepath.Join(dir, name) }
	return []string{"-o", in("out.keras"), "--history", in("h.json"), "--log-csv", in("log.csv"), "--checkpoint", in("best.keras")}
}

// sameFiles compares two folders byte by byte.
func sameFiles(t *testing.T, want, got string) {
	t.Helper()
	for _, dir := range []string{want, got} {
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range files {
			names = append(names, f.Name())
		}
		if !slices.Equal(names, []string{"best.keras", "h.json", "log.csv", "out.keras"}) {
			t.Errorf("%s holds %q", dir, names)
		}
		for _, n := range names {
			a, err := os.ReadFile(filepath.Join(want, n))
			b, err2 := os.ReadFile(filepath.Join(got, n))
			if err != nil || err2 != nil || !bytes.Equal(a, b) {
				t.Errorf("%s of %s differs from %s: %d and %d bytes, %v %v", n, got, want, len(b), len(a), err, err2)
			}
		}
	}
}

// TestKilled kills ktrain at any moment and goes on, again and again; what it leaves is what it leaves undisturbed, byte by byte.
func TestKilled(t *testing.T) {
	dir := t.TempDir()
	model, data := pictures(t, dir, 600)
	common := []string{model, "--data", data, "--epochs", "15", "--validation-split", "0.2", "--early-stopping", "val_loss:9", "--reduce-lr", "loss:2", "-b", "16", "--seed", "4"}
	whole := filepath.Join(dir, "whole")
	start := time.Now()
	c, log := process(t, append(common, outputsIn(t, whole)...)...)
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	took := time.Since(start)
	for _, every := range []string{"epoch", "1"} {
		parts := filepath.Join(dir, "parts-"+every)
		args := append(append(common, "--backup", every, "--resume"), outputsIn(t, parts)...)
		kills := 0
		for ; ; kills++ {
			c, log = process(t, append(args, "-j", fmt.Sprint(1+kills%3))...)
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			timer := time.NewTimer(time.Hour)
			if kills < 6 {
				timer.Reset(took/10 + rand.N(took/2))
			}
			done := make(chan error, 1)
			go func() { done <- c.Wait() }()
			var err error
			select {
			case err = <-done:
			case <-timer.C:
				_ = c.Process.Kill()
				err = <-done
			}
			if err == nil {
				break
			}
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Exited() {
				t.Fatalf("after %d kills: %v\n%s", kills, err, log)
			}
		}
		t.Logf("backups every %s: %d kills of %v", every, kills, took)
		sameFiles(t, whole, parts)
	}
}

// TestInterrupted runs, after SIGINT, the very command that ktrain says goes on.
func TestInterrupted(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no SIGINT and no shell")
	}
	dir := t.TempDir()
	model, data := pictures(t, dir, 600)
	spaced := filepath.Join(dir, "it's here.npz")
	if err := os.Rename(data, spaced); err != nil {
		t.Fatal(err)
	}
	common := []string{model, "--data", spaced, "--epochs", "30", "-b", "8", "--freeze", "conv*", "--loss", "sparse_categorical_crossentropy", "--shuffle=true"}
	whole, parts := filepath.Join(dir, "whole"), filepath.Join(dir, "parts")
	c, log := process(t, append(common, outputsIn(t, whole)...)...)
	if err := c.Run(); err != nil {
		t.Fatalf("%v\n%s", err, log)
	}
	c, log = process(t, append(common, outputsIn(t, parts)...)...)
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for range 10000 {
		if _, err := os.Stat(filepath.Join(parts, "out.keras.backup", "latest.ckpt")); err == nil {
			break
		}
		time.Sleep(time.Millisecond)
	}
	_ = c.Process.Signal(os.Interrupt)
	_ = c.Wait()
	_, line, told := strings.Cut(log.String(), "go on with: ")
	if c.ProcessState.ExitCode() != cli.Interrupted || !told {
		t.Fatalf("exit %d\n%s", c.ProcessState.ExitCode(), log)
	}
	if _, err := keras.Load(filepath.Join(parts, "out.keras")); err != nil {
		t.Error(err)
	}
	bin := filepath.Join(dir, "bin")
	if err := os.Mkdir(bin, 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(c.Path, filepath.Join(bin, "ktrain")); err != nil {
		t.Fatal(err)
	}
	again := exec.Command("sh", "-c", line)
	again.Env = append(os.Environ(), "KTRAIN_TEST_MAIN=1", "PATH="+bin+string(filepath.ListSeparator)+os.Getenv("PATH"))
	if out, err := again.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	sameFiles(t, whole, parts)
}

// TestResumeRefused: what isn't the same training isn't gone on with, and nothing that was learnt is lost by mistake.
func TestResumeRefused(t *testing.T) {
	dir := t.TempDir()
	model, data := pictures(t, dir, 64)
	out := filepath.Join(dir, "out.keras")
	common := []string{model, "--data", data, "-o", out, "--verbose", "0"}
	with := func(more ...string) []string { return append(slices.Clone(common), more...) }
	_, log := ok(t, with("--resume")...)
	if !strings.Contains(log, "holds nothing to go on from: training starts at the beginning") {
		t.Error(log)
	}
	fails(t, cli.Usage, "use -f to overwrite", common...)
	// A run that dies while it writes its second backup.
	b := train.BackupAndRestore{Dir: out + ".backup", Keep: true, Of: map[string]string{"another": "thing"}}
	c, err := b.Callback()
	if err != nil {
		t.Fatal(err)
	}
	m, err := keras.Load(model)
	if err != nil {
		t.Fatal(err)
	}
	src, err := (&options{data: data, preprocess: "auto"}).open(t.Context(), &cli.IO{}, m, model, &train.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := train.Fit(t.Context(), m, src, train.Options{Callbacks: []train.Callback{c}}); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(out); err != nil {
		t.Fatal(err)
	}
	fails(t, cli.Usage, "--resume goes on with it, -f starts anew", common...)
	fails(t, cli.Usage, "the data was nothing, is now ", with("--resume")...)
	fails(t, cli.Usage, "the batch size was 32, is now 16", with("--resume", "-b", "16")...)
	fails(t, cli.Usage, "--backup", with("--resume", "--backup", "never")...)
	fails(t, cli.Usage, "--backup is epoch", with("--backup", "sometimes")...)
	fails(t, cli.Usage, "--backup is epoch", with("--backup", "0")...)
	if err := os.Truncate(filepath.Join(b.Dir, "latest.ckpt"), 1000); err != nil {
		t.Fatal(err)
	}
	fails(t, cli.Broken, "latest.ckpt: isn't a training checkpoint, or only its beginning", with("--resume")...)
	ok(t, with("-f")...)
	if _, err := os.Stat(b.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the backup stays: %v", err)
	}
	ok(t, with("-f", "--backup", "never")...)
	// A loss that isn't a number would come again.
	fails(t, cli.Broken, "the loss is", with("-f", "--optimizer", "sgd", "--lr", "1e30", "--epochs", "9")...)
	if _, err := os.Stat(b.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the backup of a training that failed stays: %v", err)
	}
}

// TestThreads: the same seed gives the same files, whatever the number of threads.
func TestThreads(t *testing.T) {
	dir := t.TempDir()
	model, data := pictures(t, dir, 300)
	for _, j := range []string{"1", "2", "4"} {
		ok(t, append([]string{model, "--data", data, "--epochs", "2", "--validation-split", "0.3", "--seed", "6", "-j", j, "--verbose", "0"}, outputsIn(t, filepath.Join(dir, j))...)...)
		sameFiles(t, filepath.Join(dir, "1"), filepath.Join(dir, j))
	}
}

func TestShellQuote(t *testing.T) {
	for in, want := range map[string]string{"a/b.keras": "a/b.keras", "": "''", "it's": `'it'\''s'`, "loss<0.05": "'loss<0.05'", "conv*": "'conv*'"} {
		if got := shellQuote(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
	if got := fmt.Sprint(shellQuote("$HOME")); got != "'$HOME'" {
		t.Error(got)
	}
}
