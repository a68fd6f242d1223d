package npy

import (
	"archive/zip"
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"kerasgo/internal/safeio"
	"kerasgo/nn/graph"
)

// entry is one file of an archive that a test builds.
type entry struct {
	name   string
	data   []byte
	change func(*zip.FileHeader)
}

func build(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Store}
		if e.change != nil {
			e.change(h)
		}
		w, err := zw.CreateHeader(h)
		if err == nil {
			_, err = w.Write(e.data)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func array(t testing.TB, n int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, graph.NewTensor(n)); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func readAll(b []byte, limits safeio.Limits) error {
	a, err := NewArchive(bytes.NewReader(b), int64(len(b)), limits)
	if err != nil {
		return err
	}
	for _, n := range a.Names() {
		if _, err := a.Read(n); err != nil {
			return err
		}
	}
	return nil
}

func TestHostileArchives(t *testing.T) {
	good := array(t, 3)
	for _, c := range []struct {
		what    string
		err     string
		entries []entry
	}{
		{"good", "", []entry{{name: "a.npy", data: good}, {name: "d/b.npy", data: good}}},
		{"twice", "twice", []entry{{name: "a.npy", data: good}, {name: "a.npy", data: good}}},
		{"up", "leaves", []entry{{name: "../a.npy", data: good}}},
		{"absolute", "leaves", []entry{{name: "/a.npy", data: good}}},
		{"backslash", "leaves", []entry{{name: `..\a.npy`, data: good}}},
		{"other", "not a .npy", []entry{{name: "a.txt", data: good}}},
		{"encrypted", "encrypted", []entry{{name: "a.npy", data: good, change: func(h *zip.FileHeader) { h.Flags |= 1 }}}},
		{"short", "too little", []entry{{name: "a.npy", data: good[:len(good)-1]}}},
		{"long", "goes on", []entry{{name: "a.npy", data: append(good[:len(good):len(good)], 0)}}},
	} {
		err := readAll(build(t, c.entries...), safeio.Limits{})
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %v, want %q", c.what, err, c.err)
		}
	}
}

func TestChecksum(t *testing.T) {
	b := build(t, entry{name: "a.npy", data: array(t, 1000)})
	b[2000] ^= 1
	if err := readAll(b, safeio.Limits{}); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("a flipped bit: %v", err)
	}
	// A directory that claims no checksum is no excuse.
	b = build(t, entry{name: "a.npy", data: array(t, 1000)})
	dir := bytes.LastIndex(b, []byte("PK\x01\x02"))
	copy(b[dir+16:], "\x00\x00\x00\x00")
	if err := readAll(b, safeio.Limits{}); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("no checksum: %v", err)
	}
}

// A small archive that inflates to a lot is refused before memory is taken,
// unless the caller allows it.
func TestBomb(t *testing.T) {
	const n = 100 << 20 / 4
	b := build(t, entry{name: "a.npy", data: array(t, n), change: func(h *zip.FileHeader) { h.Method = zip.Deflate }})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	err := readAll(b, safeio.Limits{})
	runtime.ReadMemStats(&after)
	var l *safeio.LimitError
	if !errors.As(err, &l) {
		t.Errorf("100 MiB of zeros in %d bytes: %v", len(b), err)
	}
	if d := after.TotalAlloc - before.TotalAlloc; d > 8<<20 {
		t.Errorf("%d bytes were allocated", d)
	}
	if err := readAll(b, safeio.Limits{MaxTensorBytes: 1 << 30}); err != nil {
		t.Error(err)
	}
}

// The same arrays give the same archive.
func TestDeterministic(t *testing.T) {
	write := func() []byte {
		var b bytes.Buffer
		w := NewWriter(&b)
		if err := errors.Join(w.Write("x", graph.NewTensor(2, 2)), w.Write("y", graph.NewTensor()), w.Close()); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	if !bytes.Equal(write(), write()) {
		t.Error("two archives of the same arrays differ")
	}
}

// No change of a byte makes the reader panic or hang.
func TestMutatedArchive(t *testing.T) {
	b, err := os.ReadFile(filepath.Join(testdata, "deflated.npz"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range b {
		for _, x := range []byte{1, 0x80, 0xff} {
			b[i] ^= x
			readAll(b, safeio.Limits{})
			b[i] ^= x
		}
	}
	if err := readAll(b, safeio.Limits{}); err != nil {
		t.Error(err)
	}
}

func FuzzArchive(f *testing.F) {
	for _, name := range []string{"stored.npz", "deflated.npz", "objects.npz"} {
		b, err := os.ReadFile(filepath.Join(testdata, name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { readAll(b, safeio.Limits{}) })
}
