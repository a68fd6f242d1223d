package main

import (
	"bytes"
	"compress/gzip"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kerasgo/internal/cli"
	"kerasgo/internal/tfrecord"
	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

// compiled writes a model of two layers at most, compiled with a loss.
func compiled(t *testing.T, path, loss string, m *nn.Sequential, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.InitWeights(m, 0); err != nil {
		t.Fatal(err)
	}
	l, err := train.ParseLoss(loss)
	if err != nil {
		t.Fatal(err)
	}
	if err := train.Compile(m, train.Config{Optimizer: train.NewAdam(), Loss: []train.Loss{l}}); err != nil {
		t.Fatal(err)
	}
	if err := keras.Save(path, m); err != nil {
		t.Fatal(err)
	}
	return path
}

// put writes a file, and its folder.
func put(t *testing.T, path string, raw []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func pngOf(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// example is a tf.train.Example of x, four floats, and y, an int64 from 0 to 127.
func example(x string, y byte) []byte {
	field := func(tag byte, b []byte) []byte { return append([]byte{tag, byte(len(b))}, b...) }
	entry := func(name string, kind byte, list []byte) []byte {
		return field(0x0a, append(field(0x0a, []byte(name)), field(0x12, field(kind, list))...))
	}
	return field(0x0a, append(entry("x", 0x12, field(0x0a, []byte(x))), entry("y", 0x1a, field(0x0a, []byte{y}))...))
}

func recordFile(t *testing.T, path string, records ...[]byte) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tfrecord.NewWriter(&b)
	for _, r := range records {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	put(t, path, b.Bytes())
	return b.Bytes()
}

// TestBadData gives ktrain data that can't be learnt. Each time it says which file, which row and what is wrong, before the
// first step: nothing is written, and no line of an epoch is shown.
func TestBadData(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, filepath.FromSlash(name)) }
	seq := func(l ...nn.Layer) (*nn.Sequential, error) { return nn.NewSequential(l...) }
	m, err := seq(nn.NewInput(4), layers.NewDense(3, "softmax"))
	sparse := compiled(t, at("sparse.keras"), "sparse_categorical_crossentropy", m, err)
	m, err = seq(nn.NewInput(4), layers.NewDense(3, "softmax"))
	dense := compiled(t, at("dense.keras"), "categorical_crossentropy", m, err)
	m, err = seq(nn.NewInput(4), layers.NewDense(1, "sigmoid"))
	binary := compiled(t, at("binary.keras"), "binary_crossentropy", m, err)
	m, err = seq(nn.NewInput(4, 4, 1), layers.NewFlatten(), layers.NewDense(3, "softmax"))
	images := compiled(t, at("images.keras"), "sparse_categorical_crossentropy", m, err)
	x := graph.NewTensor(3, 4)
	ints := func(v ...int32) *nn.Tensor { return graph.FromI32(v, len(v)) }
	npz := func(name string, x, y *nn.Tensor) string {
		return saved(t, at(name), map[string]*nn.Tensor{"x": x, "y": y})
	}
	nan := graph.NewTensor(3, 4)
	nan.F32[6] = float32(inf() - inf())
	infinite := graph.NewTensor(3)
	infinite.F32[2] = float32(inf())
	words := graph.New(nn.Spec{Shape: nn.Shape{3}, DType: graph.String})
	csv := func(name, text string) string { return put(t, at(name), []byte(text)) }
	put(t, at("empty/a/1.png"), pngOf(t))
	put(t, at("empty/b/notes.md"), nil)
	put(t, at("broken/a/1.png"), pngOf(t))
	put(t, at("broken/b/2.png"), pngOf(t)[:50])
	put(t, at("four/a/1.png"), pngOf(t))
	for _, c := range []string{"b", "c", "d"} {
		put(t, at("four/"+c+"/1.png"), pngOf(t))
	}
	idx := func(dims []byte, n int) []byte {
		raw := []byte{0, 0, 8, byte(len(dims))}
		for _, d := range dims {
			raw = append(raw, 0, 0, 0, d)
		}
		return append(raw, make([]byte, n)...)
	}
	pair := func(name string, pixels, labels []byte) string {
		put(t, at(name+"-labels-idx1-ubyte"), labels)
		return put(t, at(name+"-images-idx3-ubyte"), pixels)
	}
	one, two := example(strings.Repeat("\x00\x00\x80\x3f", 4), 1), example(strings.Repeat("\x00\x00\x80\x3f", 4), 9)
	good := recordFile(t, at("good.tfrecord"), one, one)
	recordFile(t, at("class.tfrecord"), one, two)
	recordFile(t, at("nan.tfrecord"), one, example("\x00\x00\xc0\x7f"+strings.Repeat("\x00\x00\x80\x3f", 3), 1))
	recordFile(t, at("short.tfrecord"), one, example(strings.Repeat("\x00\x00\x80\x3f", 3), 1))
	recordFile(t, at("noise.tfrecord"), []byte("\xff\xff"))
	put(t, at("cut.tfrecord"), good[:len(good)-3])
	flipped := bytes.Clone(good)
	flipped[len(flipped)-9] ^= 4
	put(t, at("flipped.tfrecord"), flipped)
	var z bytes.Buffer
	g := gzip.NewWriter(&z)
	_, _ = g.Write(flipped)
	_ = g.Close()
	put(t, at("flipped.tfrecord.gz"), z.Bytes())

	for _, c := range []struct {
		model, data string
		code        int
		want        string // after the data's path and ": "
	}{
		{sparse, npz("high.npz", x, ints(0, 2, 3)), cli.Broken, "row 2: the target: want a class from 0 to 2, found 3"},
		{sparse, npz("negative.npz", x, ints(0, -1, 2)), cli.Broken, "row 1: the target: want a class from 0 to 2, found -1"},
		{sparse, npz("half.npz", x, graph.FromF32([]float32{0, .5, 2}, 3)), cli.Broken, "row 1: the target: want a class from 0 to 2, found 0.5"},
		{sparse, npz("text.npz", x, words), cli.Broken, `row 0: the target: want numbers, found text, ""`},
		{dense, npz("classes.npz", x, ints(0, 1, 4)), cli.Broken, "row 2: the target: want a class from 0 to 2, found 4"},
		{dense, npz("minus.npz", x, graph.FromF32([]float32{1, 0, 0, 0, -1, 0, 0, 0, 1}, 3, 3)), cli.Broken, "row 1: the target at 1: want 0 or more, found -1"},
		{binary, npz("two.npz", x, ints(0, 1, 2)), cli.Broken, "row 2: the target: want a value from 0 to 1, found 2"},
		{binary, npz("nan.npz", nan, ints(0, 1, 1)), cli.Broken, "x: row 1, column 2: want a number, found NaN"},
		{binary, npz("inf.npz", x, infinite), cli.Broken, "y: row 2: want a number, found +Inf"},
		{binary, npz("rows.npz", x, ints(0, 1)), cli.Broken, "number of rows: x has 3, y has 2"},
		{binary, npz("width.npz", graph.NewTensor(3, 5), ints(0, 1, 1)), cli.Usage, ""},
		{binary, filepath.FromSlash("../../testdata/npy/objects.npz"), cli.Broken, ""},
		{sparse, csv("ragged.csv", "a,b,c,d,y\n1,2,3,4,0\n1,2,3,0\n"), cli.Broken, "line 3: number of columns: want 5, found 4"},
		{sparse, csv("cell.csv", "a,b,c,d,y\n1,2,3,4,0\n\n1,2,oops,4,0\n"), cli.Broken, `line 4, column 3 ("c"): want a number, found "oops"`},
		{sparse, csv("gap.csv", "1,2,3,4,0\n1,,3,4,0\n"), cli.Broken, "line 2, column 2: want a number, found an empty cell"},
		{sparse, csv("nan.csv", "1,2,3,4,0\n1,2,3,nan,0\n"), cli.Broken, `line 2, column 4: want a number, found "nan"`},
		{sparse, csv("class.csv", "a,b,c,d,y\n1,2,3,4,0\n1,2,3,4,7\n"), cli.Broken, "line 3: the target: want a class from 0 to 2, found 7"},
		{sparse, csv("empty.csv", "a,b,c,d,y\n"), cli.Broken, "holds no rows"},
		{images, at("empty"), cli.Broken, ""},
		{images, at("broken"), cli.Broken, ""},
		{images, at("four"), cli.Broken, ""},
		{images, pair("short", idx([]byte{2, 4, 4}, 31), idx([]byte{2}, 2)), cli.Broken, "declares [2 4 4] elements: want 32 bytes, found 31"},
		{images, pair("magic", append([]byte{0, 0, 0x77, 3}, idx([]byte{2, 4, 4}, 32)[4:]...), idx([]byte{2}, 2)), cli.Broken, "idx element type: want 08 (bytes), found 77"},
		{images, pair("few", idx([]byte{2, 4, 4}, 32), idx([]byte{1}, 1)), cli.Broken, ""},
		{images, pair("high", idx([]byte{1, 4, 4}, 16), append(idx([]byte{1}, 0), 5)), cli.Broken, ""},
		{sparse, at("class.tfrecord"), cli.Broken, "record 1 at offset 57: the target: want a class from 0 to 2, found 9"},
		{sparse, at("nan.tfrecord"), cli.Broken, `record 1 at offset 57: key "x": value 0: want a number, found NaN`},
		{sparse, at("short.tfrecord"), cli.Broken, `record 1 at offset 57: key "x": unlike the first record: want 4 values, found 3`},
		{sparse, at("noise.tfrecord"), cli.Broken, "record 0 at offset 0: not a tf.train.Example"},
		{sparse, at("cut.tfrecord"), cli.Broken, "record 1 at offset 57: the file ends within the record"},
		{sparse, at("flipped.tfrecord"), cli.Broken, "record 1 at offset 57: the checksum of the record is wrong"},
		{sparse, at("flipped.tfrecord.gz"), cli.Broken, "record 1 at offset 57: the checksum of the record is wrong"},
		{sparse, put(t, at("noise.bin"), []byte{1, 0, 2}), cli.Broken, "not training data"},
	} {
		want := c.data
		if c.want != "" {
			want += ": " + c.want
		}
		switch filepath.Base(c.data) {
		case "empty":
			want = filepath.Join(c.data, "b") + ": the class has no files"
		case "broken":
			want = filepath.Join(c.data, "b", "2.png") + ": "
		case "four":
			want = filepath.Join("four", "d", "1.png") + ": the target: want a class from 0 to 2, found 3"
		case "few-images-idx3-ubyte":
			want = at("few-labels-idx1-ubyte") + ": number of labels: want 2, found 1"
		case "high-images-idx3-ubyte":
			want = at("high-labels-idx1-ubyte") + ": row 0: the target: want a class from 0 to 2, found 5"
		case "width.npz":
			want = "(None, 4)"
		}
		code, out, log := ktrain(t.Context(), c.model, "--data", c.data, "-o", at("out.keras"))
		if code != c.code || out != "" || !strings.Contains(log, want) || strings.Contains(log, "loss: ") {
			t.Errorf("%s: exit %d (want %d), stdout %q, stderr %q (want %q)", c.data, code, c.code, out, log, want)
		}
		if _, err := os.Stat(at("out.keras")); err == nil {
			t.Fatalf("%s: a model was written", c.data)
		}
	}
	ok(t, sparse, "--data", at("good.tfrecord"), "--features", "x=x,y=y", "-o", at("out.keras"))
	fails(t, cli.Usage, "--features", sparse, "--data", at("good.tfrecord"), "--features", "x", "-o", at("out2.keras"))
	fails(t, cli.Broken, `"z": the feature isn't there: found "x", "y"`, sparse, "--data", at("good.tfrecord"), "--features", "x=z", "-o", at("out2.keras"))
	fails(t, cli.Usage, "--color", images, "--data", at("four"), "--color", "rgb", "-o", at("out2.keras"))
	fails(t, cli.Usage, "gpu", images, "--data", at("four"), "--resize-engine", "gpu", "-o", at("out2.keras"))
}

func inf() float64 { z := 0.0; return 1 / z }
