package hdf5

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kerasgo/internal/safeio"
)

// testdata is where scripts/h5files.py puts its files.
const testdata = "../../testdata/hdf5"

// expected is what real h5py reads from a file.
type expected struct {
	Objects []expectedObject
}

type expectedValue struct {
	Shape   *[]int
	Type    string
	F32     string // first 16 digits of the SHA-256 of the elements as little-endian float32
	F64     string
	I64     string
	Raw     string // the same of opaque bytes
	First   []float64
	Strings []string
	Other   bool // a type that isn't read
	Null    bool
}

type expectedObject struct {
	expectedValue
	Path    string
	Group   bool
	Names   []string
	Attrs   []expectedAttr
	Refused bool
}

type expectedAttr struct {
	expectedValue
	Name string
}

func testFiles(t testing.TB) []string {
	t.Helper()
	files, err := filepath.Glob(testdata + "/*.h5")
	if err != nil || len(files) < 20 {
		t.Fatalf("%d files in %s, %v", len(files), testdata, err)
	}
	return files
}

// TestReadsWhatH5pyReads compares every object, value and attribute of every
// file with h5py's own reading.
func TestReadsWhatH5pyReads(t *testing.T) {
	for _, path := range testFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".h5"), func(t *testing.T) {
			b, err := os.ReadFile(strings.TrimSuffix(path, ".h5") + ".json")
			if err != nil {
				t.Fatal(err)
			}
			var want expected
			if err := json.Unmarshal(b, &want); err != nil {
				t.Fatal(err)
			}
			f, err := Open(path, safeio.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for _, o := range want.Objects {
				compareObject(t, f, o)
			}
		})
	}
}

func compareObject(t *testing.T, f *File, want expectedObject) {
	t.Helper()
	var o Object = f.Root()
	var err error
	if want.Path != "/" {
		o, err = f.Root().Lookup(want.Path)
	}
	if want.Refused {
		var u *safeio.UnsupportedError
		if !errors.As(err, &u) || u.File == "" || u.Object != want.Path {
			t.Errorf("%s: got %v, want a located UnsupportedError", want.Path, err)
		}
		return
	}
	if err != nil {
		t.Error(err)
		return
	}
	if o.Path() != want.Path {
		t.Errorf("path is %s, want %s", o.Path(), want.Path)
	}
	names, err := o.AttrNames()
	if err != nil {
		t.Error(err)
		return
	}
	var wantNames []string
	for _, a := range want.Attrs {
		wantNames = append(wantNames, a.Name)
	}
	if !slices.Equal(names, wantNames) {
		t.Errorf("%s: attributes %q, want %q", want.Path, names, wantNames)
	}
	for _, a := range want.Attrs {
		compareAttr(t, o, a)
	}
	g, ok := o.(*Group)
	if ok != want.Group {
		t.Errorf("%s: is a group: %v", want.Path, ok)
		return
	}
	if ok {
		if !slices.Equal(g.Names(), want.Names) && !slices.Equal(sorted(g.Names()), sorted(want.Names)) {
			t.Errorf("%s: names %q, want %q", want.Path, g.Names(), want.Names)
		}
		return
	}
	compareDataset(t, o.(*Dataset), want)
}

func sorted(s []string) []string {
	s = slices.Clone(s)
	slices.Sort(s)
	return s
}

func compareAttr(t *testing.T, o Object, want expectedAttr) {
	t.Helper()
	a, err := o.Attr(want.Name)
	if err != nil {
		t.Error(err)
		return
	}
	where := o.Path() + "@" + want.Name
	if !slices.Equal(a.Shape(), *want.Shape) {
		t.Errorf("%s: shape %v, want %v", where, a.Shape(), *want.Shape)
	}
	switch {
	case want.Null:
		if a.Len() != 0 {
			t.Errorf("%s: %d elements, want none", where, a.Len())
		}
	case want.Other:
		if _, err := a.Floats(); err == nil {
			t.Errorf("%s: a %s was read as numbers", where, a.Type())
		}
	case want.Strings != nil:
		got, err := a.Strings()
		if err != nil || !slices.Equal(got, want.Strings) {
			t.Errorf("%s: got %.200q, %v, want %.200q", where, got, err, want.Strings)
		}
	default:
		floats, err := a.Floats()
		compareDigest(t, where, floats, err, want.F64)
		if want.I64 != "" {
			ints, err := a.Ints()
			compareDigest(t, where, ints, err, want.I64)
		}
	}
	if want.Type != "" && a.Type().String() != want.Type {
		t.Errorf("%s: type %s, want %s", where, a.Type(), want.Type)
	}
}

func compareDataset(t *testing.T, d *Dataset, want expectedObject) {
	t.Helper()
	if want.Shape == nil {
		if d.Len() != 0 {
			t.Errorf("%s: %d elements in a null dataspace", want.Path, d.Len())
		}
		return
	}
	if !slices.Equal(d.Shape(), *want.Shape) {
		t.Errorf("%s: shape %v, want %v", want.Path, d.Shape(), *want.Shape)
		return
	}
	if want.Type != "" && d.Type().String() != want.Type {
		t.Errorf("%s: type %s, want %s", want.Path, d.Type(), want.Type)
	}
	f32 := make([]float32, d.Len())
	err := d.ReadFloat32(f32)
	var u *safeio.UnsupportedError
	if want.Other || want.Strings != nil || want.Raw != "" && want.F32 == "" {
		if !errors.As(err, &u) {
			t.Errorf("%s: a %s was read as numbers: %v", want.Path, d.Type(), err)
		}
	}
	if want.Strings != nil {
		got := make([]string, d.Len())
		if err := d.ReadStrings(got); err != nil || !slices.Equal(got, want.Strings) {
			t.Errorf("%s: got %.200q, %v, want %.200q", want.Path, got, err, want.Strings)
		}
	}
	if want.Raw != "" {
		raw := make([]byte, d.Len()*d.Type().Size)
		err := d.ReadRaw(raw)
		compareDigest(t, want.Path, raw, err, want.Raw)
	}
	if want.F32 == "" {
		return
	}
	compareDigest(t, want.Path, f32, err, want.F32)
	f64 := make([]float64, d.Len())
	err = d.ReadFloat64(f64)
	compareDigest(t, want.Path, f64, err, want.F64)
	i64 := make([]int64, d.Len())
	err = d.ReadInt64(i64)
	if want.I64 != "" {
		compareDigest(t, want.Path, i64, err, want.I64)
	}
}

// compareDigest compares values with the digest of h5py's.
func compareDigest(t *testing.T, where string, values any, err error, want string) {
	t.Helper()
	if err != nil {
		t.Error(err)
		return
	}
	var b bytes.Buffer
	binary.Write(&b, binary.LittleEndian, values)
	sum := sha256.Sum256(b.Bytes())
	if got := hex.EncodeToString(sum[:8]); got != want {
		s := fmt.Sprint(values)
		t.Errorf("%s: %T differ from h5py's: %.200s", where, values, s)
	}
}
