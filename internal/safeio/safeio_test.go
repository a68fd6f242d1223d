package safeio

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestErrorText(t *testing.T) {
	cases := []struct {
		err  error
		want string
	}{
		{
			&LimitError{
				Where: Where{File: "model.h5", Object: "/model_weights/d1/kernel"},
				Msg:   "declares " + Bytes(4<<50) + ", file holds " + Bytes(0), Limit: Bytes(2 << 30), Raise: "--max-size",
			},
			"model.h5: /model_weights/d1/kernel: declares 4 PiB, file holds 0 B (limit 2 GiB; raise with --max-size)",
		},
		{
			&FormatError{Where: Where{File: "m.keras", Layer: "d1", Class: "Dense", Key: "units"}, Msg: "wrong type", Want: "an integer", Got: `"x"`},
			`m.keras: layer "d1" (Dense): key "units": wrong type: want an integer, found "x"`,
		},
		{&UnsupportedError{Where: Where{Class: "Lambda"}, Msg: "runs code from the file"}, "class Lambda: runs code from the file"},
		{&FormatError{Where: Where{Object: "a\nb\x1b[2J"}, Msg: "bad"}, `"a\nb\x1b[2J": bad`},
		{&FormatError{Msg: "bad", Err: io.ErrUnexpectedEOF}, "bad: unexpected EOF"},
	}
	for _, c := range cases {
		if got := c.err.Error(); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestAtFillsWhatIsMissing(t *testing.T) {
	inner := &FormatError{Where: Where{Object: "/a"}, Msg: "bad", Err: io.ErrUnexpectedEOF}
	wrapped := errors.Join(errors.New("x"))
	err := At(inner, Where{File: "f.h5", Object: "/other"})
	var fe *FormatError
	if !errors.As(err, &fe) || fe.File != "f.h5" || fe.Object != "/a" {
		t.Errorf("got %+v", err)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
	if got := At(wrapped, Where{File: "f"}).Error(); got != "f: x" {
		t.Errorf("got %q", got)
	}
	if At(nil, Where{File: "f"}) != nil {
		t.Error("nil became an error")
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[uint64]string{0: "0 B", 1023: "1023 B", 1024: "1 KiB", 1 << 50: "1 PiB", 102553190: "97.80 MiB", math.MaxUint64: "16.00 EiB"} {
		if got := Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestProduct(t *testing.T) {
	cases := []struct {
		in   []int64
		want int64
		ok   bool
	}{
		{nil, 1, true},
		{[]int64{3, 4, 5}, 60, true},
		{[]int64{1 << 32, 1 << 31}, 0, false},
		{[]int64{1 << 32, 1 << 30}, 1 << 62, true},
		{[]int64{math.MaxInt64, math.MaxInt64, 0}, 0, true},
		{[]int64{0, -1}, 0, false},
		{[]int64{-1, -1}, 0, false},
		{[]int64{math.MaxInt64, 1}, math.MaxInt64, true},
	}
	for _, c := range cases {
		if got, ok := Product(c.in...); got != c.want || ok != c.ok {
			t.Errorf("Product(%v) = %d, %v; want %d, %v", c.in, got, ok, c.want, c.ok)
		}
	}
	if p, ok := ProductInts(6, 7); p != 42 || !ok {
		t.Errorf("ProductInts = %d, %v", p, ok)
	}
}

func TestSlice(t *testing.T) {
	src := strings.NewReader("0123456789")
	if b, err := Slice(src, 10, 8, 2); err != nil || string(b) != "89" {
		t.Errorf("got %q, %v", b, err)
	}
	var fe *FormatError
	for _, c := range [][2]int64{{8, 3}, {-1, 1}, {11, 0}, {0, math.MaxInt64}, {math.MaxInt64, math.MaxInt64}, {0, -1}} {
		if _, err := Slice(src, 10, c[0], c[1]); !errors.As(err, &fe) {
			t.Errorf("Slice(off %d, n %d) = %v, want a FormatError", c[0], c[1], err)
		}
	}
	// The source is shorter than was thought.
	if _, err := Slice(src, 100, 8, 50); !errors.As(err, &fe) || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("got %v", err)
	}
}

func TestReadAllStops(t *testing.T) {
	if b, err := ReadAll(strings.NewReader("abc"), 3); err != nil || string(b) != "abc" {
		t.Errorf("got %q, %v", b, err)
	}
	var le *LimitError
	if _, err := ReadAll(strings.NewReader("abcd"), 3); !errors.As(err, &le) {
		t.Errorf("got %v, want a LimitError", err)
	}
}

func TestOrDefaults(t *testing.T) {
	if (Limits{}).OrDefaults() != Defaults() {
		t.Error("the zero Limits isn't the default")
	}
	if got := (Limits{MaxLayers: 3}).OrDefaults(); got.MaxLayers != 3 || got.MaxFile != Defaults().MaxFile {
		t.Errorf("got %+v", got)
	}
}

func TestMemory(t *testing.T) {
	for size, want := range map[int64]int64{0: 64 << 20, 1 << 20: 68 << 20, math.MaxInt64: 1 << 62} {
		if got := (Limits{}).Memory(size); got != want {
			t.Errorf("Memory(%d) = %d, want %d", size, got, want)
		}
	}
}

func TestOpenRegular(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "f")
	os.WriteFile(path, []byte("hello"), 0o644)
	f, size, err := OpenRegular(path, Limits{})
	if err != nil || size != 5 {
		t.Fatalf("size %d, %v", size, err)
	}
	f.Close()
	if _, _, err := OpenRegular(filepath.Join(dir, "none"), Limits{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	var fe *FormatError
	if _, _, err := OpenRegular(dir, Limits{}); !errors.As(err, &fe) || !strings.Contains(err.Error(), "a directory") {
		t.Errorf("directory: %v", err)
	}
	os.WriteFile(path+"0", nil, 0o644)
	if _, _, err := OpenRegular(path+"0", Limits{}); !errors.As(err, &fe) || !strings.Contains(err.Error(), "empty") {
		t.Errorf("empty file: %v", err)
	}
	var le *LimitError
	if _, _, err := OpenRegular(path, Limits{MaxFile: 4}); !errors.As(err, &le) {
		t.Errorf("large file: %v", err)
	}
}

func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	put := func(s string) func(io.Writer) error {
		return func(w io.Writer) error { _, err := io.WriteString(w, s); return err }
	}
	check := func(want string) {
		t.Helper()
		got, _ := os.ReadFile(path)
		if string(got) != want {
			t.Errorf("file holds %q, want %q", got, want)
		}
		if e, _ := os.ReadDir(dir); len(e) != 1 {
			t.Errorf("folder holds %v", e)
		}
	}
	if err := WriteFile(path, false, put("one")); err != nil {
		t.Fatal(err)
	}
	check("one")
	called := false
	err := WriteFile(path, false, func(io.Writer) error { called = true; return nil })
	if !errors.Is(err, ErrExists) || called {
		t.Errorf("overwriting: %v, write called: %v", err, called)
	}
	check("one")
	os.Chmod(path, 0o640)
	if err := WriteFile(path, true, put("two")); err != nil {
		t.Fatal(err)
	}
	check("two")
	if info, _ := os.Stat(path); info.Mode().Perm()&0o077 == 0 && os.PathSeparator == '/' {
		t.Errorf("mode %v", info.Mode())
	}
	boom := errors.New("boom")
	err = WriteFile(path, true, func(w io.Writer) error { w.Write(bytes.Repeat([]byte("x"), 1<<20)); return boom })
	if !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	check("two")
	if err := WriteFile(dir, true, put("x")); err == nil {
		t.Error("a directory was overwritten")
	}
	if err := WriteFile(filepath.Join(dir, "no", "such"), true, put("x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing folder: %v", err)
	}
	// A file that appears while we write isn't overwritten.
	other := filepath.Join(dir, "late")
	err = WriteFile(other, false, func(w io.Writer) error { return os.WriteFile(other, []byte("theirs"), 0o644) })
	if got, _ := os.ReadFile(other); !errors.Is(err, ErrExists) || string(got) != "theirs" {
		t.Errorf("race: %v, file holds %q", err, got)
	}
}

// failFS fails one numbered step of writeFile.
type failFS struct {
	osFS
	at, n int
}

var errInjected = errors.New("injected")

func (f *failFS) step() error {
	f.n++
	if f.n == f.at {
		return errInjected
	}
	return nil
}

type failFile struct {
	tempFile
	fs *failFS
}

func (f *failFS) create(path string) (tempFile, error) {
	if err := f.step(); err != nil {
		return nil, err
	}
	t, err := f.osFS.create(path)
	return &failFile{t, f}, err
}

func (f *failFS) rename(from, to string) error {
	if err := f.step(); err != nil {
		return err
	}
	return f.osFS.rename(from, to)
}

func (f *failFile) Write(p []byte) (int, error) {
	if err := f.fs.step(); err != nil {
		n, _ := f.tempFile.Write(p[:len(p)/2]) // as a full disk does
		return n, err
	}
	return f.tempFile.Write(p)
}

func (f *failFile) Chmod(m fs.FileMode) error {
	if err := f.fs.step(); err != nil {
		return err
	}
	return f.tempFile.Chmod(m)
}

func (f *failFile) Sync() error {
	if err := f.fs.step(); err != nil {
		return err
	}
	return f.tempFile.Sync()
}

func (f *failFile) Close() error {
	err := f.tempFile.Close()
	if e := f.fs.step(); e != nil {
		return e
	}
	return err
}

func TestWriteFileFailsWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "out")
	os.WriteFile(path, []byte("old"), 0o644)
	body := bytes.Repeat([]byte("new "), 1<<16)
	for at := 1; ; at++ {
		err := writeFile(&failFS{at: at}, path, true, func(w io.Writer) error { _, err := w.Write(body); return err })
		got, _ := os.ReadFile(path)
		if err == nil {
			if !bytes.Equal(got, body) {
				t.Error("no error, and not the new file")
			}
			if at < 6 {
				t.Errorf("only %d steps could fail", at-1)
			}
			return
		}
		if !errors.Is(err, errInjected) || string(got) != "old" {
			t.Errorf("step %d: %v; file holds %d bytes", at, err, len(got))
		}
		if e, _ := os.ReadDir(dir); len(e) != 1 {
			t.Errorf("step %d leaves %v", at, e)
		}
	}
}

// TestPrintable: nothing from a file steers a terminal or fakes a line.
func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain \u00e9 \u65e5":          "plain \u00e9 \u65e5",
		"a\x1b[31mb\r\n\u009bc\u202ed": `a\x1b[31mb\r\n\u009bc\u202ed`,
		"\xff\ufffd":                   "\\xff\ufffd",
	} {
		if got := Printable(in, false); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	if got := Printable("a\nb\t", true); got != "a\nb\\t" {
		t.Errorf("with lines: %q", got)
	}
	e := &FormatError{Where: Where{Layer: strings.Repeat("n", 1<<20)}, Msg: "two\nlines", Got: "\x1b"}
	if s := e.Error(); len(s) > 1200 || strings.ContainsAny(s, "\n\x1b") {
		t.Errorf("%d bytes: %.100q", len(s), s)
	}
}
