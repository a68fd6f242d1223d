package hdf5

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kerasgo/internal/safeio"
)

// bigTree builds a tree with one of everything that is written.
func bigTree() *Tree {
	r := rand.New(rand.NewPCG(1, 2))
	floats := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	t := NewTree()
	t.SetText("keras_version", "3.15.1")
	t.SetASCII("model_config", `{"class_name": "`+strings.Repeat("x", 200000)+`"}`)
	t.SetText("empty", "")
	t.SetText("unicode", "naïve – 模型")
	t.SetTexts("list", []string{"a", "", "ccc"})
	t.SetFixed("fixed", []string{"dense", "d", "dense_12"})
	t.SetFixed("none", nil)
	t.SetFloat("lr", 0.001)
	t.SetFloats("floats", []float64{1, -2.5, math.Inf(1)})
	t.SetInt("steps", -7)
	t.SetInts("shape", []int64{1, 2, 3})
	t.SetBool("yes", true)
	t.SetBool("no", false)
	t.SetText("attribut-ü", "name beyond ASCII")

	w := t.Group("model_weights")
	var names []string
	for i := range 1500 {
		names = append(names, fmt.Sprintf("layer_%d_%s", i, strings.Repeat("n", 60)))
	}
	w.SetSplitStrings("layer_names", names)
	w.Group("d1").SetSplitStrings("weight_names", []string{"d1/kernel", "d1/bias"})
	w.Float32("d1/d1/kernel", []int{7, 5}, floats(35))
	w.Float32("d1/d1/bias", []int{5}, floats(5)).SetInt("of", 3)
	w.Group("top_level_model_weights").SetSplitStrings("weight_names", nil)

	many := t.Group("many")
	for i := range 3000 {
		many.Float32(fmt.Sprintf("weight_%04d", i), nil, []float32{float32(i)})
	}
	for i := range 200 {
		t.Group("attrs").SetInt(fmt.Sprintf("attr_%03d", i), int64(i))
	}
	ty := t.Group("types")
	ty.Float64("f8", []int{2, 2}, []float64{1, math.Pi, math.Copysign(0, -1), math.MaxFloat64})
	ty.Int64("i8", []int{3}, []int64{1, math.MinInt64, math.MaxInt64})
	ty.Int64("iteration", nil, []int64{5})
	ty.Float32("empty", []int{0, 4}, nil)
	ty.Raw("i4", Type{Kind: Int, Size: 4}, []int{2}, []byte{1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})
	ty.Raw("u1", Type{Kind: Uint, Size: 1}, []int{3}, []byte{0, 1, 255})
	ty.Raw("i1", Type{Kind: Int, Size: 1}, []int{3}, []byte{0, 1, 255})
	ty.Raw("be_i2", Type{Kind: Int, Size: 2, BigEndian: true}, []int{2}, []byte{1, 2, 0xff, 0xfe})
	ty.Raw("f2", Type{Kind: Float, Size: 2}, []int{2}, []byte{0, 0x3c, 1, 0})
	ty.Raw("bool", Type{Kind: Bool, Size: 1}, []int{3}, []byte{0, 1, 1})
	ty.Raw("bf16", Type{Kind: BFloat16, Size: 2}, []int{2}, []byte{0x80, 0x3f, 0x49, 0xc0})
	ty.Raw("fixed", Type{Kind: String, Size: 3, Pad: NullPadded}, []int{2}, []byte("abcd\x00\x00"))
	ty.Raw("utf8", Type{Kind: String, Size: 4, Pad: NullPadded, UTF8: true}, nil, []byte("é\x00\x00"))
	ty.Strings("vlen", []int{2, 2}, []string{"one", "", "zwei – 二", strings.Repeat("y", 70000)})
	var tokens []string
	for i := range 70000 {
		tokens = append(tokens, fmt.Sprint("token", i))
	}
	ty.Strings("vocabulary", []int{len(tokens)}, tokens)
	return t
}

func write(t testing.TB, tree *Tree) []byte {
	t.Helper()
	var b bytes.Buffer
	n, err := tree.WriteTo(&b)
	if err != nil || n != int64(b.Len()) {
		t.Fatalf("%d bytes of %d written, %v", b.Len(), n, err)
	}
	return b.Bytes()
}

func TestWriteRead(t *testing.T) {
	tree := bigTree()
	b := write(t, tree)
	if again := write(t, tree); !bytes.Equal(b, again) {
		t.Error("writing twice gives different files")
	}
	f, err := NewReader(bytes.NewReader(b), int64(len(b)), safeio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	compareTree(t, tree, f.Root())
}

// compareTree checks that what was read is what was to be written.
func compareTree(t *testing.T, tree *Tree, g *Group) {
	t.Helper()
	compareSpecs(t, g, tree.list)
	if !slices.Equal(g.Names(), sorted(tree.names)) {
		t.Errorf("%s: names %.300q, want %.300q", g.Path(), g.Names(), sorted(tree.names))
	}
	for _, name := range tree.names {
		switch want := tree.kids[name].(type) {
		case *Tree:
			sub, err := g.Group(name)
			if err != nil {
				t.Error(err)
				continue
			}
			compareTree(t, want, sub)
		case *Array:
			d, err := g.Dataset(name)
			if err != nil {
				t.Error(err)
				continue
			}
			compareArray(t, want, d)
		}
	}
}

func compareArray(t *testing.T, want *Array, d *Dataset) {
	t.Helper()
	compareSpecs(t, d, want.list)
	typ := want.typ
	if typ.Kind == BFloat16 {
		typ.Kind = Opaque
	}
	if d.Type() != typ || !slices.Equal(d.Shape(), want.shape) {
		t.Errorf("%s: %s%v, want %s", d.Path(), d.Type(), d.Shape(), want)
		return
	}
	if typ.VLen {
		got := make([]string, d.Len())
		if err := d.ReadStrings(got); err != nil || !slices.Equal(got, want.strings) {
			t.Errorf("%s: strings differ, %v", d.Path(), err)
		}
		return
	}
	var b bytes.Buffer
	want.write(&b)
	got := make([]byte, d.Len()*typ.Size)
	if err := d.ReadRaw(got); err != nil || !bytes.Equal(got, b.Bytes()) {
		t.Errorf("%s: got %v, %v, want %v", d.Path(), got, err, b.Bytes())
	}
}

func compareSpecs(t *testing.T, o Object, want []attrSpec) {
	t.Helper()
	names, err := o.AttrNames()
	if err != nil || len(names) != len(want) {
		t.Errorf("%s: attributes %q, %v", o.Path(), names, err)
		return
	}
	for _, w := range want {
		a, err := o.Attr(w.name)
		if err != nil {
			t.Error(err)
			continue
		}
		if a.Type() != w.typ || !slices.Equal(a.Shape(), w.dims) {
			t.Errorf("%s@%s: %s%v, want %s%v", o.Path(), w.name, a.Type(), a.Shape(), w.typ, w.dims)
			continue
		}
		if !w.typ.VLen {
			if !bytes.Equal(a.data, w.data) {
				t.Errorf("%s@%s: got %v, want %v", o.Path(), w.name, a.data, w.data)
			}
			continue
		}
		if got, err := a.Strings(); err != nil || !slices.Equal(got, w.strings) {
			t.Errorf("%s@%s: got %.200q, %v, want %.200q", o.Path(), w.name, got, err, w.strings)
		}
	}
}

func TestSplitStrings(t *testing.T) {
	for _, n := range []int{0, 1, 5, 1000, 1500} {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("%060d", i))
		}
		tree := NewTree()
		tree.SetSplitStrings("layer_names", names)
		b := write(t, tree)
		f, err := NewReader(bytes.NewReader(b), int64(len(b)), safeio.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		got, err := f.Root().SplitStrings("layer_names")
		if err != nil || !slices.Equal(got, names) {
			t.Errorf("%d names: got %d, %v", n, len(got), err)
		}
		attrs, _ := f.Root().AttrNames()
		want := []string{"layer_names"}
		if n*60 > splitLimit {
			want = []string{"layer_names0", "layer_names1"}
		}
		if !slices.Equal(attrs, want) {
			t.Errorf("%d names in attributes %q, want %q", n, attrs, want)
		}
		if _, err := f.Root().SplitStrings("weight_names"); !errors.Is(err, ErrNotFound) {
			t.Errorf("got %v, want ErrNotFound", err)
		}
	}
}

func TestWriteMistakes(t *testing.T) {
	cases := map[string]func(*Tree){
		"two objects": func(t *Tree) { t.Float32("a", nil, []float32{1}); t.Float32("a", nil, []float32{1}) },
		"a dataset, not a group": func(t *Tree) {
			t.Float32("a", nil, []float32{1})
			t.Float32("a/b", nil, []float32{1})
		},
		"can't be a name":          func(t *Tree) { t.Float32("a\x00b", nil, []float32{1}) },
		`"" can't be a name`:       func(t *Tree) { t.Float32("/", nil, []float32{1}) },
		"3 elements for shape (2)": func(t *Tree) { t.Float32("a", []int{2}, []float32{1, 2, 3}) },
		"can't be written":         func(t *Tree) { t.Float32("a", []int{-1}, nil) },
		"compound":                 func(t *Tree) { t.Raw("a", Type{What: "compound", Size: 1}, nil, []byte{1}) },
		"at most 65535 fit":        func(t *Tree) { t.SetFixed("a", []string{strings.Repeat("x", 70000)}) },
		"5 bytes were written for 8": func(t *Tree) {
			t.Dataset("a", Type{Kind: Int, Size: 8}, nil, func(w io.Writer) error { _, err := w.Write(make([]byte, 5)); return err })
		},
		"can't be an attribute's name": func(t *Tree) { t.SetInt("", 1) },
		"holds a NUL":                  func(t *Tree) { t.SetText("a", "x\x00y") },
	}
	for want, build := range cases {
		tree := NewTree()
		build(tree)
		_, err := tree.WriteTo(io.Discard)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	boom := errors.New("boom")
	tree := NewTree()
	tree.Dataset("a", Type{Kind: Int, Size: 8}, nil, func(io.Writer) error { return boom })
	path := filepath.Join(t.TempDir(), "x.h5")
	if err := WriteFile(path, false, tree); !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("a broken file was left behind")
	}
}

// TestH5pyReadsIt has real h5py read what we write, and compares its reading
// with ours, which TestWriteRead compares with what was written. It runs where
// KERASGO_PYTHON names a Python with h5py.
func TestH5pyReadsIt(t *testing.T) {
	python := os.Getenv("KERASGO_PYTHON")
	if python == "" {
		t.Skip("KERASGO_PYTHON isn't set")
	}
	path := filepath.Join(t.TempDir(), "written.h5")
	if err := WriteFile(path, false, bigTree()); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "../../scripts/h5check.py", path)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var want expected
	if err := json.Unmarshal(out, &want); err != nil {
		t.Fatal(err)
	}
	if len(want.Objects) < 50 {
		t.Fatalf("h5py found %d objects", len(want.Objects))
	}
	f, err := Open(path, safeio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, o := range want.Objects {
		compareObject(t, f, o)
	}
}
