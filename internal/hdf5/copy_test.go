package hdf5

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"kerasgo/internal/safeio"
)

// copyGroup rebuilds what was read as a tree to write.
func copyGroup(t *testing.T, g *Group, out *Tree) {
	t.Helper()
	copyAttrs(t, g, &out.attrs)
	for _, name := range g.Names() {
		o, err := g.Lookup(name)
		if err != nil {
			t.Fatal(err)
		}
		d, ok := o.(*Dataset)
		if !ok {
			copyGroup(t, o.(*Group), out.Group(name))
			continue
		}
		typ := d.Type()
		if typ.VLen {
			s := make([]string, d.Len())
			if err := d.ReadStrings(s); err != nil {
				t.Fatal(err)
			}
			copyAttrs(t, d, &out.Strings(name, d.Shape(), s).attrs)
			continue
		}
		raw := make([]byte, d.Len()*typ.Size)
		if err := d.ReadRaw(raw); err != nil {
			t.Fatal(err)
		}
		copyAttrs(t, d, &out.Raw(name, typ, d.Shape(), raw).attrs)
	}
}

func copyAttrs(t *testing.T, o Object, out *attrs) {
	t.Helper()
	names, err := o.AttrNames()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		a, err := o.Attr(name)
		if err != nil {
			t.Fatal(err)
		}
		spec := attrSpec{name: name, typ: a.Type(), dims: a.Shape(), data: a.data}
		if a.Type().VLen {
			spec.data = nil
			if spec.strings, err = a.Strings(); err != nil {
				t.Fatal(err)
			}
		}
		out.set(spec)
	}
}

// kerasFiles returns the .h5 files that real Keras wrote, and the weights
// inside its .keras archives, by name.
func kerasFiles(t testing.TB) map[string][]byte {
	t.Helper()
	out := make(map[string][]byte)
	paths, _ := filepath.Glob("../../testdata/models/*.h5")
	zips, _ := filepath.Glob("../../testdata/models/*.keras")
	for _, p := range append(paths, "../../testdata/mnist_cnn.h5") {
		b, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(p)] = b
	}
	for _, p := range zips {
		z, err := zip.OpenReader(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range z.File {
			if !strings.HasSuffix(e.Name, ".h5") {
				continue
			}
			r, err := e.Open()
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(r)
			if err != nil {
				t.Fatal(err)
			}
			r.Close()
			out[filepath.Base(p)+":"+e.Name] = b
		}
		z.Close()
	}
	if len(out) < 10 {
		t.Fatalf("only %d files of Keras's", len(out))
	}
	return out
}

// TestCopiesKerasFiles reads every file that real Keras wrote, writes what was
// read, and reads that: nothing may have changed.
func TestCopiesKerasFiles(t *testing.T) {
	for name, b := range kerasFiles(t) {
		t.Run(name, func(t *testing.T) {
			f, err := NewReader(bytes.NewReader(b), int64(len(b)), safeio.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			tree := NewTree()
			copyGroup(t, f.Root(), tree)
			c := write(t, tree)
			if f, err = NewReader(bytes.NewReader(c), int64(len(c)), safeio.Limits{}); err != nil {
				t.Fatal(err)
			}
			compareTree(t, tree, f.Root())
		})
	}
}

// TestKerasLoadsCopies has real Keras load models whose files are copies made
// by this package, and compare their predictions with the originals'. It runs
// where KERASGO_PYTHON names a Python with Keras.
func TestKerasLoadsCopies(t *testing.T) {
	python := os.Getenv("KERASGO_PYTHON")
	if python == "" {
		t.Skip("KERASGO_PYTHON isn't set")
	}
	dir := t.TempDir()
	args := []string{"../../scripts/h5check.py", "--keras"}
	for _, name := range []string{"mlp.h5", "cnn.h5", "nested.h5"} {
		path := "../../testdata/models/" + name
		f, err := Open(path, safeio.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		tree := NewTree()
		copyGroup(t, f.Root(), tree)
		to := filepath.Join(dir, name)
		if err := WriteFile(to, false, tree); err != nil {
			t.Fatal(err)
		}
		args = append(args, path, to)
	}
	cmd := exec.Command(python, args...)
	cmd.Env = append(os.Environ(), "TF_CPP_MIN_LOG_LEVEL=3")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
