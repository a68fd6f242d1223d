package npy

import (
	"archive/zip"
	"compress/flate"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"strings"
	"time"

	"kerasgo/internal/safeio"
	"kerasgo/nn/graph"
)

// Archive reads the arrays of a .npz file, one at a time.
type Archive struct {
	r      io.ReaderAt
	closer io.Closer
	size   int64
	limits safeio.Limits
	names  []string
	files  map[string]*zip.File
}

// OpenArchive opens a .npz file. Close it after use.
func OpenArchive(path string, limits safeio.Limits) (*Archive, error) {
	f, size, err := safeio.OpenRegular(path, limits)
	if err != nil {
		return nil, err
	}
	a, err := NewArchive(f, size, limits)
	if err != nil {
		f.Close()
		return nil, safeio.At(err, safeio.Where{File: path})
	}
	a.closer = f
	return a, nil
}

// NewArchive reads a .npz file's directory. Names that leave the archive or
// stand twice, encrypted entries and other files than arrays are refused.
func NewArchive(r io.ReaderAt, size int64, limits safeio.Limits) (*Archive, error) {
	zr, err := zip.NewReader(r, size)
	if err != nil {
		return nil, &safeio.FormatError{Msg: "not a .npz archive", Err: err}
	}
	l := limits.OrDefaults()
	if len(zr.File) > l.MaxObjects {
		return nil, &safeio.LimitError{Msg: fmt.Sprintf("holds %d arrays", len(zr.File)), Limit: fmt.Sprint(l.MaxObjects)}
	}
	a := &Archive{r: r, size: size, limits: limits, files: make(map[string]*zip.File, len(zr.File))}
	for _, f := range zr.File {
		if err := a.add(f); err != nil {
			return nil, safeio.At(err, safeio.Where{Object: f.Name})
		}
	}
	return a, nil
}

func (a *Archive) add(f *zip.File) error {
	name, ok := strings.CutSuffix(f.Name, ".npy")
	switch {
	case !fs.ValidPath(f.Name) || strings.Contains(f.Name, `\`):
		return &safeio.FormatError{Msg: "a name that leaves the archive"}
	case !ok:
		return &safeio.UnsupportedError{Msg: "not a .npy array"}
	case a.files[name] != nil:
		return &safeio.FormatError{Msg: "the name stands twice"}
	case f.Flags&1 != 0:
		return &safeio.UnsupportedError{Msg: "the entry is encrypted"}
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return &safeio.UnsupportedError{Msg: fmt.Sprintf("compression method %d", f.Method)}
	case f.UncompressedSize64 > 1<<62 || f.CompressedSize64 > uint64(a.size):
		return &safeio.FormatError{Msg: "declares more than the archive holds"}
	case f.Method == zip.Store && f.UncompressedSize64 != f.CompressedSize64:
		return &safeio.FormatError{Msg: "a stored entry of two sizes"}
	}
	a.names = append(a.names, name)
	a.files[name] = f
	return nil
}

// Names are the arrays' names, without .npy, in the archive's order.
func (a *Archive) Names() []string { return append([]string(nil), a.names...) }

// Has says whether there is an array of that name.
func (a *Archive) Has(name string) bool { return a.files[name] != nil }

// Close closes the file that [OpenArchive] opened.
func (a *Archive) Close() error {
	if a.closer == nil {
		return nil
	}
	return a.closer.Close()
}

// Spec reads an array's type and shape, not its elements.
func (a *Archive) Spec(name string) (graph.Spec, error) {
	f, r, err := a.open(name)
	if err != nil {
		return graph.Spec{}, err
	}
	h, err := readHeader(r, int64(f.UncompressedSize64))
	if err != nil {
		return graph.Spec{}, safeio.At(err, safeio.Where{Object: f.Name})
	}
	return graph.Spec{Shape: h.shape, DType: h.dtype}, nil
}

// Read reads an array, whose checksum must be right. See [Read] of this
// package for types and errors.
func (a *Archive) Read(name string) (*graph.Tensor, error) {
	f, r, err := a.open(name)
	if err != nil {
		return nil, err
	}
	t, err := read(r, int64(f.UncompressedSize64), newBudget(a.size, a.limits))
	if err == nil {
		err = r.end()
	}
	if err != nil {
		return nil, safeio.At(err, safeio.Where{Object: f.Name})
	}
	return t, nil
}

// open starts reading an entry. It goes by the directory's sizes alone.
func (a *Archive) open(name string) (*zip.File, *entryReader, error) {
	f := a.files[name]
	if f == nil {
		return nil, nil, &safeio.FormatError{Where: safeio.Where{Object: name}, Msg: "the archive holds no such array"}
	}
	raw, err := f.OpenRaw()
	if err != nil {
		return nil, nil, &safeio.FormatError{Where: safeio.Where{Object: f.Name}, Msg: "a broken archive", Err: err}
	}
	if f.Method == zip.Deflate {
		raw = flate.NewReader(raw)
	}
	return f, &entryReader{r: raw, left: int64(f.UncompressedSize64), sum: crc32.NewIEEE(), want: f.CRC32}, nil
}

// entryReader gives an entry's declared bytes and sums them.
type entryReader struct {
	r    io.Reader
	left int64
	sum  hash.Hash32
	want uint32
}

// Read never gives more than was declared.
func (e *entryReader) Read(b []byte) (int, error) {
	if int64(len(b)) > e.left {
		b = b[:e.left]
	}
	if len(b) == 0 {
		return 0, io.EOF
	}
	n, err := e.r.Read(b)
	e.left -= int64(n)
	e.sum.Write(b[:n])
	if err != nil && err != io.EOF {
		err = &safeio.FormatError{Msg: "a broken archive", Err: err}
	}
	return n, err
}

// end checks that the entry ends where it was declared to, and its checksum.
func (e *entryReader) end() error {
	if n, _ := io.ReadFull(e.r, make([]byte, 1)); n != 0 || e.left != 0 {
		return &safeio.FormatError{Msg: "the entry isn't as long as declared"}
	}
	if got := e.sum.Sum32(); got != e.want {
		return &safeio.FormatError{Msg: "the checksum is wrong", Want: fmt.Sprintf("%08x", e.want), Got: fmt.Sprintf("%08x", got)}
	}
	return nil
}

// Writer writes a .npz file, array by array, stored without compression as
// numpy.savez does. The same arrays always give the same bytes.
type Writer struct {
	zw   *zip.Writer
	seen map[string]bool
}

// NewWriter starts an archive. Close finishes it; w stays open.
func NewWriter(w io.Writer) *Writer {
	return &Writer{zip.NewWriter(w), map[string]bool{}}
}

// Write adds an array. Its name is without .npy; NumPy shows it as a key.
func (w *Writer) Write(name string, t *graph.Tensor) error {
	file := name + ".npy"
	if !fs.ValidPath(file) || strings.Contains(file, `\`) || w.seen[name] {
		return fmt.Errorf("npy: %q can't name an array in this archive", name)
	}
	w.seen[name] = true
	epoch := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC) // zip's, and NumPy's choice
	entry, err := w.zw.CreateHeader(&zip.FileHeader{Name: file, Method: zip.Store, Modified: epoch})
	if err != nil {
		return err
	}
	return safeio.At(Write(entry, t), safeio.Where{Object: file})
}

// Close writes the archive's directory.
func (w *Writer) Close() error { return w.zw.Close() }
