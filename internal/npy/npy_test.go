package npy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	npyio "github.com/sbinet/npyio/npy"

	"kerasgo/internal/safeio"
	"kerasgo/nn/graph"
)

const testdata = "../../testdata/npy"

// described is an array as scripts/npyfiles.py spells it.
type described struct {
	DType  string
	Shape  []int
	Values []string
}

type expectations struct {
	Arrays   map[string]described
	Archives map[string][][2]json.RawMessage
}

func expected(t testing.TB) expectations {
	t.Helper()
	var e expectations
	b, err := os.ReadFile(filepath.Join(testdata, "expected.json"))
	if err == nil {
		err = json.Unmarshal(b, &e)
	}
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// check compares a tensor with what NumPy said, floats by their bits.
func check(t *testing.T, got *graph.Tensor, want described) {
	t.Helper()
	if got.DType.String() != want.DType || !slices.Equal([]int(got.Shape), want.Shape) || got.Len() != len(want.Values) {
		t.Fatalf("got %v of %d, want %s%v of %d", got.Spec, got.Len(), want.DType, want.Shape, len(want.Values))
	}
	for i, w := range want.Values {
		ok := false
		g := ""
		switch {
		case got.DType.Float():
			f, err := strconv.ParseFloat(w, 64)
			if err != nil {
				t.Fatal(err)
			}
			var v float64
			if got.F64 != nil {
				v = got.F64[i]
			} else {
				v = float64(got.F32[i])
			}
			g = fmt.Sprint(v)
			ok = math.Float64bits(v) == math.Float64bits(f) || v != v && f != f
		case got.DType == graph.Uint64:
			g = strconv.FormatUint(uint64(got.I64[i]), 10)
		case got.I64 != nil:
			g = strconv.FormatInt(got.I64[i], 10)
		case got.I32 != nil:
			g = strconv.Itoa(int(got.I32[i]))
		default:
			g = got.Str[i]
			if g == "xyz\xff" { // JSON holds bytes as Latin-1
				g = "xyz\u00ff"
			}
		}
		if !ok && g != w {
			t.Errorf("element %d is %q, want %q", i, g, w)
		}
	}
}

func TestReadNumPy(t *testing.T) {
	e := expected(t)
	if len(e.Arrays) < 30 {
		t.Fatalf("only %d arrays", len(e.Arrays))
	}
	for name, want := range e.Arrays {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(testdata, name)
			got, err := Open(path, safeio.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			check(t, got, want)

			// Written back in NumPy's own order and endianness, the bytes are NumPy's.
			var b bytes.Buffer
			if err := Write(&b, got); err != nil {
				t.Fatal(err)
			}
			again, err := Read(bytes.NewReader(b.Bytes()), int64(b.Len()), safeio.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			check(t, again, want)
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			foreign := strings.Contains(name, "_be") || strings.HasPrefix(name, "fortran") || strings.HasPrefix(name, "version") || strings.HasPrefix(name, "str_")
			if !foreign && !bytes.Equal(raw, b.Bytes()) {
				t.Errorf("written as\n%q\nNumPy writes\n%q", b.Bytes(), raw)
			}
		})
	}
}

func TestArchives(t *testing.T) {
	for name, want := range expected(t).Archives {
		t.Run(name, func(t *testing.T) {
			a, err := OpenArchive(filepath.Join(testdata, name), safeio.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			if len(want) == 0 || len(a.Names()) != len(want) {
				t.Fatalf("names %q, want %d", a.Names(), len(want))
			}
			for i, kv := range want {
				var key string
				var d described
				if err := errors.Join(json.Unmarshal(kv[0], &key), json.Unmarshal(kv[1], &d)); err != nil {
					t.Fatal(err)
				}
				if a.Names()[i] != key || !a.Has(key) {
					t.Errorf("name %d is %q, want %q", i, a.Names()[i], key)
				}
				got, err := a.Read(key)
				if err != nil {
					t.Fatal(err)
				}
				check(t, got, d)
				spec, err := a.Spec(key)
				if err != nil || spec.String() != got.Spec.String() {
					t.Errorf("Spec is %v, %v; the array is %v", spec, err, got.Spec)
				}
			}
		})
	}
}

func TestRefused(t *testing.T) {
	for name, want := range map[string]string{
		"object.npy": "pickled", "record.npy": "structured", "complex.npy": `"<c8"`, "date.npy": `"<M8[s]"`,
	} {
		_, err := Open(filepath.Join(testdata, name), safeio.Limits{})
		var u *safeio.UnsupportedError
		if !errors.As(err, &u) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	a, err := OpenArchive(filepath.Join(testdata, "objects.npz"), safeio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	if _, err := a.Read("bad"); err == nil || !strings.Contains(err.Error(), "bad.npy") {
		t.Errorf("an object array in an archive: %v", err)
	}
	if _, err := a.Read("ok"); err != nil {
		t.Error(err)
	}
	if _, err := a.Read("missing"); err == nil {
		t.Error("a missing array was read")
	}
}

// raw builds a .npy file around any header.
func raw(header string, payload int) []byte {
	b := append([]byte("\x93NUMPY\x01\x00"), byte(len(header)), byte(len(header)>>8))
	return append(append(b, header...), make([]byte, payload)...)
}

func TestHeaders(t *testing.T) {
	for _, c := range []struct {
		header  string
		payload int
		err     string // "" when it is to be read
	}{
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }\n", 24, ""},
		{`{"shape":(2,3L),"fortran_order":True,"descr":"<f4"}`, 24, ""},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (), }", 4, ""},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 23, "too little"},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 25, "goes on"},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", 24, "2^48"},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 4294967296, 4294967296), }", 0, "2^48"},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }", 24, "too large"},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }", 24, "too little"},
		{"{'descr': '<U0', 'fortran_order': False, 'shape': (281474976710656,), }", 0, "needs 4 PiB"},
		{"{'descr': '<U268435456', 'fortran_order': False, 'shape': (0,), }", 0, ""},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", 24, "want a dimension"},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (3), }", 12, "want a tuple"},
		{"{'descr': '<f4', 'fortran_order': 0, 'shape': (3,), }", 12, "True or False"},
		{"{'descr': '<f4', 'fortran_order': False, }", 12, "missing"},
		{"{'descr': '<f4', 'descr': '<f4', 'shape': (3,), }", 12, "twice"},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'x': 1}", 12, `"x"`},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), } + 1", 12, "after"},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), ", 12, "want"},
		{"{'descr': 'f4', 'fortran_order': False, 'shape': (3,), }", 12, `"f4"`},
		{"{'descr': '<f16', 'fortran_order': False, 'shape': (3,), }", 48, `"<f16"`},
		{"{'descr': '<b1', 'fortran_order': False, 'shape': (3,), }", 3, ""},
		{"{'descr': '|V2', 'fortran_order': False, 'shape': (3,), }", 6, `"|V2"`},
		{"{'descr': '<f+4', 'fortran_order': False, 'shape': (3,), }", 12, `"<f+4"`},
		{"{'descr': '<f4', 'fortran_order': False, 'shape': (" + strings.Repeat("1,", 65) + "), }", 4, "65 dimensions"},
		{"", 0, "header"},
		{"\x00\x00", 0, "header"},
	} {
		b := raw(c.header, c.payload)
		_, err := Read(bytes.NewReader(b), int64(len(b)), safeio.Limits{})
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s + %d bytes: %v, want %q", c.header, c.payload, err, c.err)
		}
	}
}

// Every prefix of a file is an error, and none panics.
func TestTruncated(t *testing.T) {
	for _, name := range []string{"f4_le.npy", "str_be.npy", "version2.npy"} {
		b, err := os.ReadFile(filepath.Join(testdata, name))
		if err != nil {
			t.Fatal(err)
		}
		for n := range b {
			if _, err := Read(bytes.NewReader(b[:n]), int64(n), safeio.Limits{}); err == nil {
				t.Errorf("%s cut to %d bytes was read", name, n)
			}
		}
	}
}

// What Go writes NumPy reads, when the environment names a Python.
func TestNumPyReads(t *testing.T) {
	python := os.Getenv("KERASGO_PYTHON")
	if python == "" {
		t.Skip("KERASGO_PYTHON isn't set")
	}
	dir := t.TempDir()
	e := expected(t)
	names := make([]string, 0, len(e.Arrays))
	for name := range e.Arrays {
		names = append(names, name)
	}
	slices.Sort(names)
	var zipped bytes.Buffer
	zw := NewWriter(&zipped)
	args := []string{"../../scripts/npyfiles.py", "--dump"}
	for _, name := range names {
		a, err := Open(filepath.Join(testdata, name), safeio.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		path := filepath.Join(dir, name)
		if err := errors.Join(Write(&b, a), os.WriteFile(path, b.Bytes(), 0o666), zw.Write("d/"+name, a)); err != nil {
			t.Fatal(err)
		}
		args = append(args, path)
	}
	zpath := filepath.Join(dir, "all.npz")
	if err := errors.Join(zw.Close(), os.WriteFile(zpath, zipped.Bytes(), 0o666)); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, append(args, zpath)...).Output()
	if err != nil {
		t.Fatal(err)
	}
	var dumps []json.RawMessage
	if err := json.Unmarshal(out, &dumps); err != nil || len(dumps) != len(names)+1 {
		t.Fatalf("%d dumps, %v", len(dumps), err)
	}
	var entries [][2]json.RawMessage
	if err := json.Unmarshal(dumps[len(names)], &entries); err != nil || len(entries) != len(names) {
		t.Fatalf("%d entries, %v", len(entries), err)
	}
	for i, name := range names {
		var key string
		var file, entry described
		if err := errors.Join(json.Unmarshal(dumps[i], &file), json.Unmarshal(entries[i][0], &key), json.Unmarshal(entries[i][1], &entry)); err != nil {
			t.Fatal(err)
		}
		want := e.Arrays[name]
		for _, got := range []described{file, entry} {
			if got.DType != want.DType || !slices.Equal(got.Shape, want.Shape) || !slices.Equal(got.Values, want.Values) {
				t.Errorf("%s: NumPy reads %v, want %v", name, got, want)
			}
		}
		if key != "d/"+name {
			t.Errorf("entry %d is %q, want %q", i, key, "d/"+name)
		}
	}
}

func TestWriteRefuses(t *testing.T) {
	s := graph.New(graph.Spec{Shape: graph.Shape{1}, DType: graph.String})
	s.Str[0] = "a\x00"
	var u *safeio.UnsupportedError
	if err := Write(&bytes.Buffer{}, s); !errors.As(err, &u) {
		t.Errorf("a trailing NUL: %v", err)
	}
	w := NewWriter(&bytes.Buffer{})
	one := graph.NewTensor(1)
	for name, ok := range map[string]bool{"a": true, "../a": false, "/a": false, `a\b`: false, "": true} {
		if err := w.Write(name, one); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := w.Write("a", one); err == nil {
		t.Error("a name was written twice")
	}
}

// Every half and every float32 that rounds to one survives.
func TestHalves(t *testing.T) {
	for h := range 1 << 16 {
		f := halfToFloat(uint16(h))
		if got := graph.HalfBits(f); got != uint16(h) {
			t.Fatalf("%#04x is %v and back %#04x", h, f, got)
		}
	}
	for _, c := range []struct {
		f float32
		h uint16
	}{{65519, 0x7bff}, {65520, 0x7c00}, {-65520, 0xfc00}, {1 + 1.0/2048, 0x3c00}, {1 + 3.0/2048, 0x3c02}, {1e-8, 0}, {6e-8, 1}} {
		if got := graph.HalfBits(c.f); got != c.h {
			t.Errorf("%v is %#04x, want %#04x", c.f, got, c.h)
		}
	}
}

func FuzzRead(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(testdata, "*.npy"))
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := Read(bytes.NewReader(b), int64(len(b)), safeio.Limits{})
		if err != nil {
			return
		}
		for _, s := range a.Str {
			if strings.HasSuffix(s, "\x00") {
				t.Fatalf("a string ends in NUL: %q", s)
			}
		}
		var out bytes.Buffer
		if err := Write(&out, a); err != nil {
			t.Fatal(err)
		}
		again, err := Read(bytes.NewReader(out.Bytes()), int64(out.Len()), safeio.Limits{MaxTensorBytes: 1 << 40})
		if err != nil {
			t.Fatal(err)
		}
		if again.Spec.String() != a.Spec.String() || !slices.Equal(again.I32, a.I32) || !slices.Equal(again.I64, a.I64) || !slices.Equal(again.Str, a.Str) {
			t.Fatalf("%v became %v", a.Spec, again.Spec)
		}
	})
}

// TestAgreesWithNpyio holds the table of element types, and what is written, against another reader.
func TestAgreesWithNpyio(t *testing.T) {
	for name, want := range types {
		rt := npyio.TypeFrom("<" + name)
		if name == "f2" {
			continue // npyio has none
		}
		if rt == nil || rt.Kind().String() != want.String() {
			t.Errorf("%s: npyio says %v, we say %v", name, rt, want)
		}
	}
	var b bytes.Buffer
	a := graph.New(graph.Spec{Shape: graph.Shape{2, 3}, DType: graph.Float64})
	for i := range a.F64 {
		a.F64[i] = float64(i) / 3
	}
	if err := Write(&b, a); err != nil {
		t.Fatal(err)
	}
	var back []float64
	if err := npyio.Read(&b, &back); err != nil || !slices.Equal(back, a.F64) {
		t.Errorf("npyio reads %v (%v), written was %v", back, err, a.F64)
	}
}
