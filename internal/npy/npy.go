// Package npy reads and writes NumPy's .npy and .npz files as tensors.
//
// What a file from outside needs: a literal parser for headers, sizes checked
// before anything is allocated, payloads decoded in bulk, and zip archives
// read with bounds. Object arrays, which hold pickled Python, are refused
// always. Tests hold it against npyio and NumPy.
//
// Source: NEP 1 and numpy/lib/_format_impl.py.
package npy

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"

	"kerasgo/internal/safeio"
	"kerasgo/nn/graph"
)

// header describes a file's array.
type header struct {
	dtype   graph.DType
	kind    byte // NumPy's letter: b i u f U S
	item    int  // bytes an element takes in the file
	big     bool // big-endian
	fortran bool // first axis fastest
	shape   graph.Shape
	count   int // elements
	length  int // bytes of the header, magic included
}

// types are NumPy's names of what has a fixed width and isn't text.
var types = map[string]graph.DType{
	"b1": graph.Bool, "i1": graph.Int8, "i2": graph.Int16, "i4": graph.Int32, "i8": graph.Int64,
	"u1": graph.Uint8, "u2": graph.Uint16, "u4": graph.Uint32, "u8": graph.Uint64,
	"f2": graph.Float16, "f4": graph.Float32, "f8": graph.Float64,
}

const (
	magic     = "\x93NUMPY"
	maxHeader = 10000 // as numpy.load's max_header_size
	maxDims   = 64    // as NumPy 2's NPY_MAXDIMS
)

// Open reads an array from a .npy file.
func Open(path string, limits safeio.Limits) (*graph.Tensor, error) {
	f, size, err := safeio.OpenRegular(path, limits)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	t, err := Read(f, size, limits)
	return t, safeio.At(err, safeio.Where{File: path})
}

// Read reads an array from a .npy file of size bytes. The result is in C order
// whatever the file's is. Types map as they are named; unsigned 64-bit values
// from 2^63 keep their bits; U and S arrays are strings without the NULs that
// pad them. Errors are safeio's three.
func Read(r io.ReaderAt, size int64, limits safeio.Limits) (*graph.Tensor, error) {
	return read(io.NewSectionReader(r, 0, size), size, newBudget(size, limits))
}

// budget is how much memory an array may take.
type budget struct {
	max   int64
	limit string // how the limit is spelled in an error
}

// newBudget allows four times a file's size and 64 MiB, so that no small file
// can fill the memory, or what the caller set explicitly.
func newBudget(size int64, limits safeio.Limits) budget {
	if limits.MaxTensorBytes > 0 {
		return budget{limits.MaxTensorBytes, safeio.Bytes(uint64(limits.MaxTensorBytes))}
	}
	b := limits.OrDefaults().MaxTensorBytes
	if backed, ok := safeio.Product(4, size); ok && backed < b-spare {
		return budget{backed + spare, "4 x the file's size and " + safeio.Bytes(spare)}
	}
	return budget{b, safeio.Bytes(uint64(b))}
}

const spare = 64 << 20

// read decodes an array from a stream that holds exactly size bytes.
func read(r io.Reader, size int64, b budget) (*graph.Tensor, error) {
	h, err := readHeader(r, size)
	if err != nil {
		return nil, err
	}
	if err := h.fits(size, b); err != nil {
		return nil, err
	}
	t := graph.New(graph.Spec{Shape: h.shape, DType: h.dtype})
	if err := h.decode(t, r); err != nil {
		return nil, err
	}
	if h.fortran && len(h.shape) > 1 {
		t = toC(t)
	}
	return t, nil
}

// fits checks the array against the bytes that are there and the memory that
// is allowed, before anything is allocated.
func (h *header) fits(size int64, b budget) error {
	payload, ok := safeio.ProductInts(h.count, h.item)
	rest := size - int64(h.length)
	if !ok || int64(payload) > rest {
		return &safeio.FormatError{
			Msg:  fmt.Sprintf("declares %v of %s, the file holds too little", h.shape, h.describe()),
			Want: fmt.Sprintf("%d elements of %d bytes", h.count, h.item), Got: safeio.Bytes(uint64(max(rest, 0))),
		}
	}
	if int64(payload) < rest {
		return &safeio.FormatError{
			Msg:  fmt.Sprintf("the file goes on after its array of %v", h.shape),
			Want: safeio.Bytes(uint64(payload)), Got: safeio.Bytes(uint64(rest)),
		}
	}
	var stored int64
	switch h.dtype.Storage() {
	case graph.StoreF32, graph.StoreI32:
		stored = 4
	case graph.StoreF64, graph.StoreI64:
		stored = 8
	case graph.StoreStr:
		stored = 16 + int64(h.item) // a string's header and its text
	}
	if h.fortran {
		stored *= 2
	}
	need, ok := safeio.Product(int64(h.count), stored)
	if !ok || need > b.max {
		return &safeio.LimitError{
			Msg:   fmt.Sprintf("an array of %v needs %s", h.shape, safeio.Bytes(uint64(need))),
			Limit: b.limit, Raise: "--max-size",
		}
	}
	return nil
}

// describe names the element type as NumPy does.
func (h *header) describe() string {
	if h.dtype == graph.String {
		return fmt.Sprintf("%c strings", h.kind)
	}
	return h.dtype.String()
}

// readHeader reads magic, version, length and the header itself.
func readHeader(r io.Reader, size int64) (*header, error) {
	var pre [12]byte
	if _, err := io.ReadFull(r, pre[:10]); err != nil {
		return nil, short(err)
	}
	if !bytes.Equal(pre[:6], []byte(magic)) {
		return nil, &safeio.FormatError{Msg: "not a .npy array", Want: `\x93NUMPY`, Got: fmt.Sprintf("%q", pre[:6])}
	}
	n, length := int(pre[8])|int(pre[9])<<8, 10
	switch pre[6] {
	case 1:
	case 2, 3:
		if _, err := io.ReadFull(r, pre[10:12]); err != nil {
			return nil, short(err)
		}
		if pre[11] != 0 { // 16 MiB and more; the next check would have to be 64-bit
			n = maxHeader + 1
		} else {
			n |= int(pre[10]) << 16
		}
		length = 12
	default:
		return nil, &safeio.UnsupportedError{Msg: "a .npy file of another version", Want: "1, 2 or 3", Got: strconv.Itoa(int(pre[6]))}
	}
	if n > maxHeader {
		return nil, &safeio.LimitError{Msg: "the .npy header is longer than any array's", Limit: safeio.Bytes(maxHeader)}
	}
	if int64(length+n) > size {
		return nil, short(io.ErrUnexpectedEOF)
	}
	text := make([]byte, n)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, short(err)
	}
	lit, err := parseLiteral(text)
	if err != nil {
		return nil, &safeio.FormatError{Msg: "the .npy header", Err: err}
	}
	h, err := newHeader(lit)
	if err != nil {
		return nil, err
	}
	h.length = length + n
	return h, nil
}

// newHeader turns a literal into a header.
func newHeader(lit literal) (*header, error) {
	if lit.structured {
		return nil, &safeio.UnsupportedError{Msg: "structured arrays aren't read"}
	}
	h := &header{fortran: lit.fortran}
	if err := h.setType(lit.descr); err != nil {
		return nil, err
	}
	if len(lit.shape) > maxDims {
		return nil, &safeio.LimitError{Msg: fmt.Sprintf("an array of %d dimensions", len(lit.shape)), Limit: strconv.Itoa(maxDims)}
	}
	h.shape = append(graph.Shape{}, lit.shape...)
	// Dimensions are checked without the zeros, so that no later product of
	// some of them can overflow either.
	nonzero := make([]int, 0, len(h.shape))
	h.count = 1
	for _, d := range h.shape {
		h.count = min(h.count, d) // 0 where any is
		if d != 0 {
			nonzero = append(nonzero, d)
		}
	}
	n, ok := safeio.ProductInts(nonzero...)
	if !ok || int64(n) > 1<<48 {
		return nil, &safeio.LimitError{Msg: fmt.Sprintf("declares the shape %v", h.shape), Limit: "2^48 elements"}
	}
	if h.count != 0 {
		h.count = n
	}
	return h, nil
}

// setType reads an element type like <f4, |b1 or <U12.
func (h *header) setType(descr string) error {
	bad := func() error {
		return &safeio.UnsupportedError{Msg: fmt.Sprintf("arrays of type %q aren't read", descr)}
	}
	if descr == "|O" || descr == "O" {
		return &safeio.UnsupportedError{Msg: "object arrays hold pickled Python, which is never run"}
	}
	if len(descr) < 3 || len(descr) > 12 {
		return bad()
	}
	n, err := strconv.Atoi(descr[2:])
	if err != nil || n < 0 || descr[2] < '0' || descr[2] > '9' {
		return bad()
	}
	h.kind, h.item = descr[1], n
	switch descr[0] {
	case '<', '|':
	case '>':
		h.big = true
	default:
		return bad()
	}
	switch h.kind {
	case 'U':
		if n > 1<<28 {
			return bad()
		}
		h.item, h.dtype = 4*n, graph.String
		return nil
	case 'S':
		h.dtype = graph.String
		return nil
	}
	t, known := types[descr[1:]]
	if !known {
		return bad()
	}
	h.dtype = t
	return nil
}

// short names the one thing that a failed read means here.
func short(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &safeio.FormatError{Msg: "the .npy array is cut short", Err: io.ErrUnexpectedEOF}
	}
	return err
}
