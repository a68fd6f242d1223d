//go:build libhdf5

package libhdf5

import (
	"bytes"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"kerasgo/internal/hdf5"
	"kerasgo/internal/safeio"
)

// TestAgrees walks every test file with our reader and with libhdf5: same
// names, shapes, types, bytes and strings.
func TestAgrees(t *testing.T) {
	files, _ := filepath.Glob("../../../testdata/hdf5/*.h5")
	models, _ := filepath.Glob("../../../testdata/models/*.h5")
	if len(files) < 20 {
		t.Fatalf("%d test files", len(files))
	}
	for _, path := range append(append(files, models...), "../../../testdata/mnist_cnn.h5") {
		t.Run(filepath.Base(path), func(t *testing.T) {
			ours, err := hdf5.Open(path, safeio.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			defer ours.Close()
			theirs, err := Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer theirs.Close()
			base := filepath.Base(path)
			c := &comparison{t: t, theirs: theirs, unknown: base == "types_latest.h5" || base == "attrs_latest.h5"}
			c.group(ours.Root(), 0)
			if c.values < 1 {
				t.Error("nothing was compared")
			}
			t.Logf("%d values of %d objects agree", c.values, c.objects)
		})
	}
}

type comparison struct {
	t       *testing.T
	theirs  *File
	objects int
	values  int
	unknown bool // the file has types that libhdf5 before 1.12 doesn't know
}

// failed reports libhdf5's failure to read something that we read.
func (c *comparison) failed(err error) {
	if c.unknown {
		c.t.Logf("libhdf5: %v", err)
		return
	}
	c.t.Error(err)
}

func (c *comparison) group(g *hdf5.Group, depth int) {
	c.attrs(g)
	names, err := c.theirs.Names(g.Path())
	ours := slices.Clone(g.Names())
	slices.Sort(ours)
	if err != nil || !slices.Equal(ours, names) {
		c.t.Errorf("%s: names %.300q, libhdf5 has %.300q, %v", g.Path(), ours, names, err)
		return
	}
	for i, name := range names {
		if len(names) > 1000 && i%50 != 0 {
			continue
		}
		o, err := g.Lookup(name)
		var refused *safeio.UnsupportedError
		if errors.As(err, &refused) {
			continue
		}
		if err != nil {
			c.t.Error(err)
			continue
		}
		c.objects++
		if sub, ok := o.(*hdf5.Group); ok {
			if depth < 20 {
				c.group(sub, depth+1)
			}
			continue
		}
		c.dataset(o.(*hdf5.Dataset))
	}
}

func (c *comparison) dataset(d *hdf5.Dataset) {
	c.attrs(d)
	want, err := c.theirs.Dataset(d.Path())
	if err != nil {
		c.failed(err)
		return
	}
	if !slices.Equal(d.Shape(), want.Shape) || !sameType(d.Type(), want.Type) {
		c.t.Errorf("%s: %s%v, libhdf5 has %s%v", d.Path(), d.Type(), d.Shape(), want.Type, want.Shape)
		return
	}
	c.values += d.Len()
	switch {
	case d.Type().VLen:
		got := make([]string, d.Len())
		if err := d.ReadStrings(got); err != nil || !slices.Equal(got, want.Strings) {
			c.t.Errorf("%s: got %.200q, %v, libhdf5 %.200q", d.Path(), got, err, want.Strings)
		}
	case d.Type().Kind == hdf5.Other:
	default:
		got := make([]byte, d.Len()*d.Type().Size)
		if err := d.ReadRaw(got); err != nil || !bytes.Equal(got, want.Raw) {
			c.t.Errorf("%s: %v: bytes differ from libhdf5's", d.Path(), err)
		}
	}
	if want.Type.Numeric() && d.Len() > 0 {
		a, err := want.Float32()
		b := make([]float32, d.Len())
		if err2 := d.ReadFloat32(b); err != nil || err2 != nil {
			c.t.Errorf("%s: %v, %v", d.Path(), err, err2)
		}
		for i := range b {
			if a[i] != b[i] && (a[i] == a[i] || b[i] == b[i]) {
				c.t.Errorf("%s: element %d is %g, libhdf5 has %g", d.Path(), i, b[i], a[i])
				break
			}
		}
	}
}

// sameType reports whether the two agree, as far as libhdf5's is translated.
func sameType(ours, theirs hdf5.Type) bool {
	if theirs.Kind == hdf5.Other { // float16, enumerations, compounds: sizes must do
		return ours.Size == theirs.Size || ours.Kind == hdf5.Other
	}
	if theirs.Kind == hdf5.Int && theirs.Size == 1 || theirs.Kind == hdf5.Uint && theirs.Size == 1 {
		ours.BigEndian = false
	}
	// In memory, a variable-length string is a pointer.
	return ours.Kind == theirs.Kind && (ours.Size == theirs.Size || ours.VLen) && ours.BigEndian == theirs.BigEndian && ours.VLen == theirs.VLen
}

func (c *comparison) attrs(o hdf5.Object) {
	names, err := o.AttrNames()
	if err != nil {
		c.t.Error(err)
		return
	}
	for _, name := range names {
		a, err := o.Attr(name)
		if err != nil {
			c.t.Error(err)
			continue
		}
		want, err := c.theirs.Attr(o.Path(), name)
		if err != nil {
			c.failed(err)
			continue
		}
		where := o.Path() + "@" + name
		if !slices.Equal(a.Shape(), want.Shape) || !sameType(a.Type(), want.Type) {
			c.t.Errorf("%s: %s%v, libhdf5 has %s%v", where, a.Type(), a.Shape(), want.Type, want.Shape)
			continue
		}
		c.values += a.Len()
		switch {
		case a.Type().VLen:
			if got, err := a.Strings(); err != nil || !slices.Equal(got, want.Strings) && len(got)+len(want.Strings) > 0 {
				c.t.Errorf("%s: got %.200q, %v, libhdf5 %.200q", where, got, err, want.Strings)
			}
		case a.Type().Kind == hdf5.Other:
		default:
			if got := a.Raw(); !bytes.Equal(got, want.Raw) {
				c.t.Errorf("%s: got %v, libhdf5 %v", where, got, want.Raw)
			}
		}
	}
}
