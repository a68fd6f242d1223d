package data

import (
	"bytes"
	"compress/gzip"
	"errors"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kerasgo/imaging"
	"kerasgo/internal/npy"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

func write(t *testing.T, path string, raw []byte) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func npz(t *testing.T, arrays map[string]*nn.Tensor) string {
	t.Helper()
	var b bytes.Buffer
	w := npy.NewWriter(&b)
	for name, a := range arrays {
		if err := w.Write(name, a); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return write(t, filepath.Join(t.TempDir(), "d.npz"), b.Bytes())
}

func floats(v ...float32) *nn.Tensor { return graph.FromF32(v, len(v)) }

func TestArrays(t *testing.T) {
	x := graph.FromF32([]float32{0, 1, 2, 3, 4, 5, 6, 7}, 4, 2)
	a, err := NewArrays(x, graph.FromI32([]int32{10, 11, 12, 13}, 4))
	if err != nil {
		t.Fatal(err)
	}
	train, val, err := Split(a, .25)
	if err != nil || train.Len() != 3 || val.Len() != 1 {
		t.Fatalf("%v %v %v", train, val, err)
	}
	var b Batch
	rows := []int{0}
	if err := val.Read(&b, rows); err != nil || b.Y[0].I32[0] != 13 || b.X[0].F32[1] != 7 || rows[0] != 0 {
		t.Errorf("%v %v %v", b.Y[0].I32, rows, err)
	}
	if err := a.Read(&b, []int{3, 1, 1}); err != nil || !slices.Equal(b.X[0].F32, []float32{6, 7, 2, 3, 2, 3}) || !b.X[0].Shape.Equal(nn.Shape{3, 2}) {
		t.Errorf("%v %v", b.X[0], err)
	}
	order := []int{2, 0, 1}
	if n := testing.AllocsPerRun(10, func() { _ = a.Read(&b, order) }); n > 0 {
		t.Errorf("%v allocations a batch", n)
	}
	for _, bad := range []float64{0, 1, -1, .1, .9999} {
		if _, _, err := Split(a, bad); err == nil && bad != .1 {
			t.Errorf("split by %v", bad)
		}
	}
	if _, err := NewArrays(x, floats(1, 2)); err == nil {
		t.Error("rows that differ")
	}
	if err := (&Arrays{X: []*nn.Tensor{x}, Weight: []*nn.Tensor{floats(1, 2, -1, 1)}}).Check(); err == nil || !strings.Contains(err.Error(), "row 2") {
		t.Errorf("a negative weight: %v", err)
	}
}

func TestNPZ(t *testing.T) {
	x, y := graph.FromF32([]float32{1, 2, 3, 4}, 2, 2), graph.FromI32([]int32{0, 1}, 2)
	for name, c := range map[string]struct {
		arrays  map[string]*nn.Tensor
		in, out []string
		val     bool
	}{
		"plain":    {map[string]*nn.Tensor{"x": x, "y": y, "sample_weight": floats(1, 2)}, []string{"input"}, []string{"dense"}, false},
		"numbered": {map[string]*nn.Tensor{"x_0": x, "x_1": x, "y_0": y, "y_1": y, "val_x_0": x, "val_x_1": x, "val_y_0": y, "val_y_1": y}, []string{"a", "b"}, []string{"c", "d"}, true},
		"named":    {map[string]*nn.Tensor{"a": x, "b": x, "c": y}, []string{"a", "b"}, []string{"c"}, false},
	} {
		train, val, err := OpenNPZ(npz(t, c.arrays), c.in, c.out, safeio.Limits{})
		if err != nil || train.Len() != 2 || (val != nil) != c.val {
			t.Fatalf("%s: %v %v %v", name, train, val, err)
		}
		if a := train.(*Arrays); len(a.X) != len(c.in) || len(a.Y) != len(c.out) {
			t.Errorf("%s: %v", name, a)
		}
	}
	nan := graph.FromF32([]float32{1, 2, 3, float32(nan())}, 2, 2)
	for want, arrays := range map[string]map[string]*nn.Tensor{
		`"lables"`:                     {"x": x, "lables": y},
		"no inputs":                    {"y": y},
		"rows: x has 2, y has 3":       {"x": x, "y": floats(1, 2, 3)},
		"x: row 1, column 1: want a n": {"x": nan},
		"sample_weight: row 0: ":       {"x": x, "sample_weight": floats(-1, 1)},
	} {
		_, _, err := OpenNPZ(npz(t, arrays), []string{"i"}, []string{"o"}, safeio.Limits{})
		if err == nil || !strings.Contains(err.Error(), strings.Trim(want, `"`)) {
			t.Errorf("%s: %v", want, err)
		}
	}
}

func nan() float64 { z := 0.0; return z / z }

func TestCSV(t *testing.T) {
	a, classes, err := parseCSV(strings.NewReader("\ufeffwidth,height,kind\n1, 2.5,cat\n-3,4e1,ant\n0,0,cat\n"), 1<<20)
	if err != nil || !slices.Equal(a.X[0].F32, []float32{1, 2.5, -3, 40, 0, 0}) || !slices.Equal(a.Y[0].I32, []int32{1, 0, 1}) ||
		!slices.Equal(classes, []string{"ant", "cat"}) {
		t.Errorf("%v %v %v", a, classes, err)
	}
	a, _, err = parseCSV(strings.NewReader("1,2\n3,4\n"), 1<<20)
	if err != nil || !slices.Equal(a.Y[0].I32, []int32{2, 4}) {
		t.Errorf("%v %v", a, err)
	}
	a, _, err = parseCSV(strings.NewReader("1,2\n3,4.5\n"), 1<<20)
	if err != nil || !slices.Equal(a.Y[0].F32, []float32{2, 4.5}) {
		t.Errorf("%v %v", a, err)
	}
	for raw, want := range map[string]string{
		"":                    "no rows",
		"a,b\n":               "no rows",
		"1\n2\n":              "1 column",
		"1,2\n3\n":            "line 2: number of columns",
		"1,2,3\n4,x,6\n":      "line 2, column 2",
		"1,2\n2,NaN\n":        `line 2, column 2: want a number, as the target, found "NaN"`,
		"1,2\n2,dog\n":        `line 2, column 2: want a number, as the target, found "dog"`,
		"1,2\n2,\n":           "line 2, column 2: want a number, as the target, found an empty cell",
		"1,dog\n2,3\n":        `line 2, column 2: want a word, as the targets before it, found "3"`,
		"a,b,c\n\n1,x,3\n":    `line 3, column 2 ("b"): want a number, found "x"`,
		"1,2\n\"3,4\n":        "a broken table",
		"1,Inf,2\n":           "line 1, column 2",
		"a,b,c\n1e99,2,3\n":   "line 2, column 1",
		"1,2\n3,4\n\n5,6,7\n": "line 4",
	} {
		if _, _, err := parseCSV(strings.NewReader(raw), 1<<20); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", raw, err)
		}
	}
}

// idx is an idx file of bytes.
func idx(dims []int, body []byte) []byte {
	raw := []byte{0, 0, 8, byte(len(dims))}
	for _, d := range dims {
		raw = append(raw, byte(d>>24), byte(d>>16), byte(d>>8), byte(d))
	}
	return append(raw, body...)
}

func TestIDX(t *testing.T) {
	dir := t.TempDir()
	pix := []byte{0, 51, 255, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	var z bytes.Buffer
	g := gzip.NewWriter(&z)
	_, _ = g.Write(idx([]int{2, 2, 3}, pix))
	_ = g.Close()
	images := write(t, filepath.Join(dir, "train-images-idx3-ubyte.gz"), z.Bytes())
	write(t, filepath.Join(dir, "train-labels-idx1-ubyte.gz"), idx([]int{2}, []byte{7, 9}))
	for _, path := range []string{dir, images} {
		s, err := Open(path, OpenOptions{Image: imaging.Options{Preprocess: imaging.Preprocess{Mode: imaging.Scale}}})
		if err != nil {
			t.Fatal(err)
		}
		var b Batch
		if err := s.Train.Read(&b, []int{1, 0}); err != nil {
			t.Fatal(err)
		}
		if x := b.X[0]; !x.Shape.Equal(nn.Shape{2, 2, 3}) || x.F32[7] != float32(51)/255 || x.F32[8] != 1 || b.Y[0].I32[0] != 9 {
			t.Errorf("%v %v", x, b.Y[0].I32)
		}
		p := s.Train.(*Pixels)
		if m := p.Image(0); m.W != 3 || m.H != 2 || m.Pix[1] != 51 {
			t.Errorf("picture: %+v", m)
		}
		if err := p.As(2, 3, 1); err != nil {
			t.Error(err)
		}
		if err := p.As(7); err == nil {
			t.Error("a shape of another size")
		}
	}
	for name, raw := range map[string][]byte{
		"short":   idx([]int{2, 2, 3}, pix[:11]),
		"long":    idx([]int{2, 2, 3}, append(pix, 1)),
		"huge":    idx([]int{1 << 30, 1 << 30, 1 << 30}, pix),
		"rank":    idx([]int{2, 6}, pix),
		"float":   {0, 0, 0x0d, 3, 0, 0, 0, 0},
		"empty":   {},
		"cut":     {0, 0, 8, 3, 0},
		"not one": []byte("hello"),
		"gzip":    z.Bytes()[:z.Len()-9],
	} {
		if _, _, err := readIDX(write(t, filepath.Join(dir, "bad"), raw), 3, safeio.Limits{}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	write(t, filepath.Join(dir, "train-labels-idx1-ubyte.gz"), idx([]int{3}, []byte{7, 9, 1}))
	if _, err := Open(dir, OpenOptions{}); err == nil || !strings.Contains(err.Error(), "number of labels") {
		t.Errorf("labels of another number: %v", err)
	}
}

func TestGzipBomb(t *testing.T) {
	var z bytes.Buffer
	g := gzip.NewWriter(&z)
	zeros := make([]byte, 1<<20)
	for range 80 {
		_, _ = g.Write(zeros)
	}
	_ = g.Close()
	_, _, err := readIDX(write(t, filepath.Join(t.TempDir(), "bomb.gz"), z.Bytes()), 3, safeio.Limits{})
	var limit *safeio.LimitError
	if !errors.As(err, &limit) {
		t.Errorf("80 MB of zeros: %v", err)
	}
}

func TestMNIST(t *testing.T) {
	dir, err := MNISTFolder("", os.Getenv)
	if err != nil {
		if !strings.Contains(err.Error(), "go mod download "+MNISTModule) {
			t.Error(err)
		}
		t.Skip("the MNIST files aren't here")
	}
	train, test, err := OpenMNIST(dir, imaging.Preprocess{Mode: imaging.Scale}, safeio.Limits{})
	if err != nil || train.Len() != 60000 || test.Len() != 10000 || test.Label(0) != 7 {
		t.Fatalf("%v %v", train.Len(), err)
	}
	none := func(string) string { return "" }
	if _, err := MNISTFolder(t.TempDir(), none); err == nil || !strings.Contains(err.Error(), "--data") {
		t.Errorf("an empty folder: %v", err)
	}
	other := t.TempDir()
	for _, f := range []string{"train", "t10k"} {
		write(t, filepath.Join(other, f+"-images-idx3-ubyte"), idx([]int{1, 1, 1}, []byte{1}))
		write(t, filepath.Join(other, f+"-labels-idx1-ubyte"), idx([]int{1}, []byte{1}))
	}
	if got, err := MNISTFolder("", func(k string) string { return map[string]string{"KERASGO_MNIST": other}[k] }); err != nil || got != other {
		t.Errorf("KERASGO_MNIST: %q %v", got, err)
	}
	if _, _, err := OpenMNIST(other, imaging.Preprocess{}, safeio.Limits{}); err == nil || !strings.Contains(err.Error(), "SHA-256") {
		t.Errorf("other digits: %v", err)
	}
}

func TestImages(t *testing.T) {
	dir := t.TempDir()
	for i, name := range []string{"b/2.png", "a/1.png", "a/deep/3.PNG"} {
		m := image.NewGray(image.Rect(0, 0, 3, 2))
		for k := range m.Pix {
			m.Pix[k] = byte(10*i + k)
		}
		var b bytes.Buffer
		if err := png.Encode(&b, m); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name), b.Bytes())
	}
	write(t, filepath.Join(dir, "a", "notes.txt"), []byte("no image"))
	o := imaging.Options{Height: 2, Width: 3, Color: imaging.Gray}
	set, err := Open(dir, OpenOptions{Image: o})
	if err != nil {
		t.Fatal(err)
	}
	s := set.Train.(*Images)
	if !slices.Equal(set.Classes, []string{"a", "b"}) || s.Len() != 3 {
		t.Fatalf("%v %v", set.Classes, s.files)
	}
	var b Batch
	if err := s.Read(&b, []int{0, 1, 2}); err != nil {
		t.Fatal(err)
	}
	for i, f := range s.files {
		first := map[string]float32{"2.png": 0, "1.png": 10, "3.PNG": 20}[filepath.Base(f)]
		class := map[string]int32{"2.png": 1}[filepath.Base(f)]
		if b.X[0].F32[i*6] != first || b.Y[0].I32[i] != class {
			t.Errorf("%s: pixel %v, class %v", f, b.X[0].F32[i*6], b.Y[0].I32[i])
		}
	}
	bad := write(t, filepath.Join(dir, "b", "broken.png"), []byte("\x89PNG\r\n\x1a\n"))
	if s, err = OpenImages(dir, o, 1, safeio.Limits{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Read(&b, []int{0, 1, 2, 3}); err == nil || !strings.Contains(err.Error(), bad) {
		t.Errorf("a broken image: %v", err)
	}
	if _, err := Open(t.TempDir(), OpenOptions{Image: o}); err == nil {
		t.Error("an empty folder")
	}
}

func TestOneHot(t *testing.T) {
	a, err := NewArrays(floats(1, 2, 3), graph.FromI32([]int32{2, 0, 3}, 3))
	if err != nil {
		t.Fatal(err)
	}
	s := OneHot(a, 3)
	var b Batch
	if err := s.Read(&b, []int{0, 1}); err != nil || !slices.Equal(b.Y[0].F32, []float32{0, 0, 1, 1, 0, 0}) {
		t.Errorf("%v %v", b.Y[0], err)
	}
	if err := s.Read(&b, []int{2}); err == nil || !strings.Contains(err.Error(), "row 2") {
		t.Errorf("class 3 of 3: %v", err)
	}
}

func TestOpenUnknown(t *testing.T) {
	var broken *safeio.FormatError
	for name, raw := range map[string]string{"d.bin": "\x10\x00\x00\x00\x00\x00\x00\x00abc", "d.tfrecord": "\x10\x00\x00\x00\x00\x00\x00\x00abc", "d.gz": "\x1f\x8b"} {
		if _, err := Open(write(t, filepath.Join(t.TempDir(), name), []byte(raw)), OpenOptions{}); !errors.As(err, &broken) || !strings.Contains(err.Error(), name) {
			t.Errorf("%v", err)
		}
	}
}

func FuzzCSV(f *testing.F) {
	f.Add([]byte("a,b\n1,2\n"))
	f.Add([]byte("1,\"x\"\n2,y\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, _, err := parseCSV(bytes.NewReader(raw), 1<<20)
		if err == nil && a.Check() != nil {
			t.Error("a table that isn't one")
		}
	})
}

func FuzzIDX(f *testing.F) {
	f.Add(idx([]int{1, 2, 2}, []byte{1, 2, 3, 4}))
	f.Add([]byte{0, 0, 8, 3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, raw []byte) {
		dims, body, err := readIDX(write(t, filepath.Join(t.TempDir(), "f"), raw), 3, safeio.Limits{})
		if err == nil && dims[0]*dims[1]*dims[2] != len(body) {
			t.Errorf("%v elements in %d bytes", dims, len(body))
		}
	})
}
