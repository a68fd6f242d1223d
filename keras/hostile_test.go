package keras_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"kerasgo/internal/testcheck"
	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// typed says that an error is one that broken files may cause.
func typed(err error) bool {
	var format *keras.FormatError
	var unsupported *keras.UnsupportedError
	var limit *keras.LimitError
	var build *nn.BuildError
	return errors.As(err, &format) || errors.As(err, &unsupported) || errors.As(err, &limit) || errors.As(err, &build)
}

// survive reads what may be broken: an error must be typed, time and memory bounded.
func survive(t *testing.T, what string, data []byte) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	_, err := keras.Read(bytes.NewReader(data), int64(len(data)), keras.Options{})
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("%s: took %v", what, took)
	}
	runtime.ReadMemStats(&after)
	if used, bound := after.TotalAlloc-before.TotalAlloc, uint64(64*len(data)+256<<20); used > bound {
		t.Errorf("%s: allocated %d bytes for a file of %d", what, used, len(data))
	}
	if err != nil && !typed(err) {
		t.Errorf("%s: %T: %v", what, err, err)
	}
}

func TestMutatedFiles(t *testing.T) {
	for _, name := range []string{"mlp.keras", "mlp.h5", "nested_k2.keras", "text_k2.h5", "mlp.json", "mlp_k2.json", "shared.keras"} {
		data, err := os.ReadFile("../testdata/models/" + name)
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(1, uint64(len(data))))
		for i := range 60 {
			n := rng.IntN(len(data))
			survive(t, fmt.Sprintf("%s cut at %d", name, n), data[:n])
			bad := bytes.Clone(data)
			for range 1 + i%8 {
				bad[rng.IntN(len(bad))] ^= 1 << rng.IntN(8)
			}
			survive(t, fmt.Sprintf("%s, mutation %d", name, i), bad)
		}
	}
}

// A bit that flips in the weights of an archive is found, wherever it is.
func TestFlippedWeights(t *testing.T) {
	data, err := os.ReadFile("../testdata/models/mlp.keras")
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range z.File {
		at, err := f.DataOffset()
		if err != nil {
			t.Fatal(err)
		}
		for k := range int64(9) {
			if strings.Contains(f.Name, "metadata") {
				continue
			}
			bad := bytes.Clone(data)
			bad[at+k*int64(f.UncompressedSize64-1)/8] ^= 4
			if _, err := keras.Read(bytes.NewReader(bad), int64(len(bad)), keras.Options{}); !typed(err) {
				t.Errorf("%s, byte %d: %v", f.Name, k, err)
			}
		}
	}
}

const dense = `{"module": "keras.layers", "class_name": "Dense", "config": {"name": %q, "units": 2}, "name": %q, "inbound_nodes": [%s]}`

func node(layer string) string {
	return `{"args": [{"class_name": "__keras_tensor__", "config": {"shape": [null, 2], "dtype": "float32", "keras_history": ["` + layer + `", 0, 0]}}], "kwargs": {}}`
}

func functional(layers ...string) string {
	input := `{"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [null, 2], "dtype": "float32", "name": "in"}, "name": "in", "inbound_nodes": []}`
	return `{"module": "keras.src.models.functional", "class_name": "Functional", "config": {"name": "m", "trainable": true, "layers": [` +
		strings.Join(append([]string{input}, layers...), ",") + `], "input_layers": [["in", 0, 0]], "output_layers": [["a", 0, 0]]}}`
}

func TestHostileConfigs(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 600) + "1" + strings.Repeat("}", 600)
	nested := `{"module": "keras.layers", "class_name": "Dense", "config": {"units": 1}}`
	for range 100 {
		nested = `{"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [` + nested + `]}}`
	}
	big := `{"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [
		{"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [null, %s], "name": "in"}},
		{"module": "keras.layers", "class_name": "Dense", "config": {"name": "d", "units": %s}}]}}`
	for name, c := range map[string]struct{ raw, want string }{
		"cycle":            {functional(fmt.Sprintf(dense, "a", "a", node("b")), fmt.Sprintf(dense, "b", "b", node("a"))), "cycle"},
		"missing tensor":   {functional(fmt.Sprintf(dense, "a", "a", node("nowhere"))), "missing tensor"},
		"zero layers":      {`{"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": []}}`, ""},
		"no such output":   {strings.Replace(functional(fmt.Sprintf(dense, "a", "a", node("in"))), `"output_layers": [["a"`, `"output_layers": [["x"`, 1), "x"},
		"deep JSON":        {deep, "too deep"},
		"nested models":    {nested, "too deep"},
		"not a model":      {`{"module": "keras.layers", "class_name": "Dense", "config": {"units": 1}}`, "isn't a model"},
		"a list":           {`[1, 2]`, "object"},
		"a number":         {`7`, "object"},
		"broken":           {`{"class_name": "Sequential", "config": {`, "broken JSON"},
		"negative units":   {fmt.Sprintf(big, "3", "-5"), "units"},
		"fractional units": {fmt.Sprintf(big, "3", "1.5"), "units"},
		"huge units":       {fmt.Sprintf(big, "3", "9223372036854775807"), ""},
		"huge input":       {fmt.Sprintf(big, "4611686018427387904", "4"), ""},
		"Lambda": {functional(`{"module": "keras.layers", "class_name": "Lambda", "config": {"name": "a", "function": {}}, "name": "a", "inbound_nodes": [` + node("in") + `]}`),
			`layer "a" (Lambda)`},
		"all unknown": {functional(strings.ReplaceAll(fmt.Sprintf(dense, "a", "a", node("in")), "Dense", "Densely"),
			strings.ReplaceAll(fmt.Sprintf(dense, "b", "b", node("in")), "Dense", "Sparse")), "2 things"},
		"unknown key":    {functional(strings.Replace(fmt.Sprintf(dense, "a", "a", node("in")), `"units": 2`, `"units": 2, "sparsity": 0.5`, 1)), "sparsity"},
		"quarter policy": {functional(strings.Replace(fmt.Sprintf(dense, "a", "a", node("in")), `"units": 2`, `"units": 2, "dtype": "float8_from_float32"`, 1)), "float8"},
		"Keras 0":        {strings.Replace(functional(fmt.Sprintf(dense, "a", "a", node("in"))), `"class_name"`, `"keras_version": "0.3.3", "class_name"`, 1), "oldest"},
		"sharded":        {`{"metadata": {}, "weight_map": {"/layers/dense/vars/0": ["a_00000.weights.h5"]}}`, ""},
		"reserved rune":  {`{"class_name": "` + "\ue000" + `"}`, "reserved"},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := keras.FromJSON([]byte(c.raw))
			if err == nil { // too large to have weights, perhaps, but never without an error
				err = nn.InitWeights(m, 1)
			}
			if err == nil || !typed(err) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%T: %v; want %q", err, err, c.want)
			}
		})
	}
}

// TestDuplicateNames: Keras refuses two layers of one name.
func TestDuplicateNames(t *testing.T) {
	raw := functional(fmt.Sprintf(dense, "a", "a", node("in")), fmt.Sprintf(dense, "a", "a", node("in")))
	if _, err := keras.FromJSON([]byte(raw)); !typed(err) {
		t.Errorf("%v", err)
	}
}

// small is a model with weights, for files to be made of.
func small(t *testing.T) nn.Model {
	t.Helper()
	m, err := keras.FromJSON([]byte(functional(fmt.Sprintf(dense, "a", "a", node("b")), fmt.Sprintf(dense, "b", "b", node("in")))))
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.InitWeights(m, 1); err != nil {
		t.Fatal(err)
	}
	return m
}

func TestWrongWeights(t *testing.T) {
	dir := t.TempDir()
	good := small(t)
	other, err := keras.FromJSON([]byte(strings.ReplaceAll(functional(fmt.Sprintf(dense, "a", "a", node("in"))), `"units": 2`, `"units": 3`)))
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.InitWeights(other, 1); err != nil {
		t.Fatal(err)
	}
	for _, ext := range []string{".weights.h5", ".h5", ".npz", ".keras"} {
		for name, m := range map[string]nn.Model{"good": good, "other": other} {
			if err := keras.Save(filepath.Join(dir, name+ext), m); err != nil {
				t.Fatal(err)
			}
		}
		if err := keras.LoadWeights(small(t), filepath.Join(dir, "good"+ext), keras.Options{}); err != nil {
			t.Errorf("%s: %v", ext, err)
		}
		err := keras.LoadWeights(small(t), filepath.Join(dir, "other"+ext), keras.Options{})
		if !typed(err) || !strings.Contains(err.Error(), "other"+ext) {
			t.Errorf("missing weights, %s: %v", ext, err)
		}
		if err := keras.LoadWeights(other, filepath.Join(dir, "good"+ext), keras.Options{}); !typed(err) {
			t.Errorf("extra weights, %s: %v", ext, err)
		}
	}
	if err := keras.Save(filepath.Join(dir, "good.h5"), good); !errors.Is(err, os.ErrExist) && err == nil {
		t.Error("an existing file is overwritten")
	}
	if _, err := keras.Load(filepath.Join(dir, "good.weights.h5")); !typed(err) || !strings.Contains(err.Error(), "--weights") {
		t.Errorf("weights alone: %v", err)
	}
}

// TestRenamedEntries breaks the rules of the archive itself.
func TestRenamedEntries(t *testing.T) {
	raw := []byte(functional(fmt.Sprintf(dense, "a", "a", node("in"))))
	make := func(entries ...zip.FileHeader) []byte {
		var b bytes.Buffer
		z := zip.NewWriter(&b)
		for _, h := range entries {
			h.CRC32 = crc32.ChecksumIEEE(raw)
			if h.UncompressedSize64 == 0 {
				h.UncompressedSize64, h.CompressedSize64 = uint64(len(raw)), uint64(len(raw))
			}
			w, err := z.CreateRaw(&h)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = w.Write(raw)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for name, data := range map[string][]byte{
		"no config":    make(zip.FileHeader{Name: "other.json"}),
		"no weights":   make(zip.FileHeader{Name: "config.json"}),
		"twice":        make(zip.FileHeader{Name: "config.json"}, zip.FileHeader{Name: "config.json"}),
		"traversal":    make(zip.FileHeader{Name: "config.json"}, zip.FileHeader{Name: "../../x"}),
		"encrypted":    make(zip.FileHeader{Name: "config.json", Flags: 1}),
		"other method": make(zip.FileHeader{Name: "config.json", Method: 99}),
		"a bomb":       make(zip.FileHeader{Name: "config.json", Method: zip.Deflate, UncompressedSize64: 1 << 40, CompressedSize64: 10}),
	} {
		if _, err := keras.Read(bytes.NewReader(data), int64(len(data)), keras.Options{}); !typed(err) {
			t.Errorf("%s: %T: %v", name, err, err)
		}
	}
}

func TestNotFiles(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.keras")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	text := filepath.Join(dir, "text.h5")
	if err := os.WriteFile(text, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{empty, text, dir} {
		if _, err := keras.Load(path); !typed(err) || !strings.Contains(err.Error(), path) {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, err := keras.Load(filepath.Join(dir, "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestPythonNumbers: NaN and the infinities come back as they were.
func TestPythonNumbers(t *testing.T) {
	raw := strings.Replace(functional(fmt.Sprintf(dense, "a", "a", node("in"))), `{"module": "keras.src`,
		`{"compile_config": {"loss": "mse", "x": [NaN, -Infinity, Infinity, "NaN", -1]}, "module": "keras.src`, 1)
	m, err := keras.FromJSON([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	out, err := keras.ToJSON(m)
	if err != nil || !bytes.Contains(out, []byte(`[NaN, -Infinity, Infinity, "NaN", -1]`)) && !bytes.Contains(out, []byte(`[NaN,-Infinity,Infinity,"NaN",-1]`)) {
		t.Errorf("%v: %s", err, out)
	}
}

// TestDeterministic: the same model gives the same bytes, and reading them the same model.
func TestDeterministic(t *testing.T) {
	m := small(t)
	x := graph.FromF32([]float32{1, 2, 3, 4}, 2, 2)
	want := predict(t, m, x)
	for _, form := range []string{"keras", "h5"} {
		var a, b bytes.Buffer
		if err := keras.Write(&a, m, form); err != nil {
			t.Fatal(err)
		}
		if err := keras.Write(&b, m, form); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(a.Bytes(), b.Bytes()) {
			t.Errorf("%s: two writings differ", form)
		}
		again, err := keras.Read(bytes.NewReader(a.Bytes()), int64(a.Len()), keras.Options{})
		if err != nil {
			t.Fatal(err)
		}
		ys, err := again.Predict(context.Background(), x)
		if err != nil || fmt.Sprint(ys[0].F32) != fmt.Sprint(want.F32) {
			t.Errorf("%s: %v, %v", form, ys, err)
		}
	}
}

// TestVerbatim: load and save in the same dialect keep every key of config, compile config and metadata.
func TestVerbatim(t *testing.T) {
	for _, name := range []string{"mlp", "nested", "text", "two_outputs", "shared", "cnn", "bidirectional", "siamese", "features"} {
		path := "../testdata/models/" + name + ".keras"
		m, err := keras.Load(path)
		if err != nil {
			t.Error(err)
			continue
		}
		var b bytes.Buffer
		if err := keras.Write(&b, m, "keras"); err != nil {
			t.Fatal(err)
		}
		was, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range []string{"config.json", "metadata.json"} {
			if got, want := entryJSON(t, b.Bytes(), entry), entryJSON(t, was, entry); got != want {
				t.Errorf("%s: %s\ngot  %s\nfile %s", name, entry, got, want)
			}
		}
	}
}

// entryJSON is an archive's JSON with sorted keys.
func entryJSON(t *testing.T, data []byte, name string) string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// FuzzRead gives the reader anything at all: archives, HDF5 and JSON.
func FuzzRead(f *testing.F) {
	m, err := keras.FromJSON([]byte(functional(fmt.Sprintf(dense, "a", "a", node("in")))))
	if err != nil {
		f.Fatal(err)
	}
	if err := nn.InitWeights(m, 1); err != nil {
		f.Fatal(err)
	}
	for _, form := range []string{"keras", "h5", "json"} { // small seeds: large ones are minimised for ever
		var b bytes.Buffer
		if err := keras.Write(&b, m, form); err != nil {
			f.Fatal(err)
		}
		f.Add(b.Bytes())
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if m, err := keras.Read(bytes.NewReader(data), int64(len(data)), keras.Options{}); err != nil && !typed(err) {
			t.Errorf("%T: %v (%v)", err, err, m)
		}
	})
}

// FuzzJSON makes models of architectures; what is read can be written and read again.
func FuzzJSON(f *testing.F) {
	f.Add([]byte(functional(fmt.Sprintf(dense, "a", "a", node("b")), fmt.Sprintf(dense, "b", "b", node("in")))))
	f.Add([]byte(`{"class_name": "Sequential", "config": [{"class_name": "Dense", "config": {"batch_input_shape": [null, 3], "units": 2, "activation": "relu"}},
		{"class_name": "LeakyReLU", "config": {"alpha": {"type": "ndarray", "value": 0.3}}}], "keras_version": "2.0.9", "backend": "tensorflow"}`))
	f.Add([]byte(`{"class_name": "Model", "config": {"name": "m", "layers": [
		{"class_name": "InputLayer", "name": "i", "config": {"batch_input_shape": [null, 4], "dtype": "float32", "name": "i"}, "inbound_nodes": []},
		{"class_name": "Sequential", "name": "s", "config": {"name": "s", "layers": [{"class_name": "Dense", "config": {"batch_input_shape": [null, 4], "units": 4}}]},
			"inbound_nodes": [[["i", 0, 0, {}]]]},
		{"class_name": "TFOpLambda", "name": "t", "config": {"name": "t", "function": "math.subtract"}, "inbound_nodes": [["s", 1, 0, {"y": ["i", 0, 0], "name": null}]]},
		{"class_name": "SlicingOpLambda", "name": "g", "config": {"name": "g", "function": "__operators__.getitem"},
			"inbound_nodes": [["t", 0, 0, {"slice_spec": [{"start": null, "stop": null, "step": null}, 1]}]]}],
		"input_layers": [["i", 0, 0]], "output_layers": [["g", 0, 0]]}, "keras_version": "2.15.0"}`))
	goldens, err := filepath.Glob("../testdata/golden/*/*.npz") // one of every layer and of every operation
	if err != nil {
		f.Fatal(err)
	}
	seen := map[string]bool{}
	for _, path := range goldens {
		if class := filepath.Base(filepath.Dir(path)); !seen[class] || class == "Operation" {
			seen[class] = true
			g, err := testcheck.ReadGolden(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add([]byte(g.Meta.Model))
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := keras.FromJSON(data)
		if err != nil {
			if !typed(err) {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		out, err := keras.ToJSON(m)
		if err != nil {
			if !typed(err) {
				t.Errorf("%T: %v", err, err)
			}
			return
		}
		if _, err := keras.FromJSON(out); err != nil {
			t.Errorf("what was written can't be read: %v\n%s", err, out)
		}
	})
}
