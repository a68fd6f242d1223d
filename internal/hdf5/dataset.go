package hdf5

import (
	"fmt"

	"kerasgo/internal/safeio"
)

// Dataset is an array in a file. Whoever holds one may allocate its shape: it
// was checked against the file and the limits when it was looked up.
type Dataset struct {
	object
	typ     Type
	space   space
	layout  layout
	filters []filter
	fill    []byte // one element; nil: zeros
	n       int64  // elements
}

// newDataset decodes and checks a dataset's header.
func newDataset(o object, msgs []message) (*Dataset, error) {
	d := &Dataset{object: o}
	f := o.f
	get := func(typ byte, what string) (message, error) {
		m, ok := find(msgs, typ)
		if !ok {
			return m, formatErrorf("dataset without a %s", what)
		}
		if m.flags&flagShared != 0 && typ != msgDatatype {
			return m, unsupportedf("%s shared through the file's message table", what)
		}
		return m, nil
	}
	m, err := get(msgDatatype, "datatype")
	if err != nil {
		return nil, err
	}
	if d.typ, err = f.datatype(m); err != nil {
		return nil, err
	}
	if m, err = get(msgDataspace, "dataspace"); err != nil {
		return nil, err
	}
	if d.space, err = parseDataspace(f.src.decode(m.data)); err != nil {
		return nil, err
	}
	if d.n, err = d.space.elements(); err != nil {
		return nil, err
	}
	if m, err = get(msgLayout, "data layout"); err != nil {
		return nil, err
	}
	if d.layout, err = parseLayout(f.src.decode(m.data), d.typ.Size); err != nil {
		return nil, err
	}
	if _, ok := find(msgs, msgExternal); ok {
		return nil, unsupportedf("external storage: the data is in other files, which are never opened")
	}
	if m, ok := find(msgs, msgFilters); ok {
		if m.flags&flagShared != 0 {
			return nil, unsupportedf("filter pipeline shared through the file's message table")
		}
		if d.filters, err = parseFilters(f.src.decode(m.data)); err != nil {
			return nil, err
		}
	}
	if err := d.parseFill(msgs); err != nil {
		return nil, err
	}
	return d, d.check()
}

// parseFill finds the value of elements that were never written.
func (d *Dataset) parseFill(msgs []message) error {
	m, ok := find(msgs, msgFill)
	old := false
	if !ok {
		if m, old = find(msgs, msgFillOld); !old {
			return nil
		}
	}
	if m.flags&flagShared != 0 {
		return unsupportedf("fill value shared through the file's message table")
	}
	c := d.f.src.decode(m.data)
	if !old {
		version := c.version("fill value", 1, 2, 3)
		if version == 3 {
			if c.u8()&0x20 == 0 {
				return c.err
			}
		} else {
			c.skip(2) // when space is allocated and filled
			if defined := c.u8(); version == 2 && defined == 0 {
				return c.err
			}
		}
	}
	n := c.u32()
	if c.err != nil || n == 0 || n > 1<<31 {
		return c.err
	}
	fill := c.take(int(n))
	if c.err == nil && len(fill) != d.typ.Size {
		return formatErrorf("fill value of %d bytes for elements of %d", len(fill), d.typ.Size)
	}
	d.fill = fill
	return c.err
}

// check verifies that the dataset's size is one that the file can back and the
// limits allow, and accounts for the memory it will take.
func (d *Dataset) check() error {
	bytes, ok := safeio.Product(d.n, int64(d.typ.Size))
	l, limits := &d.layout, &d.f.limits
	// In memory an element takes four bytes at least: a float32.
	inMemory, ok2 := safeio.Product(d.n, max(4, int64(d.typ.Size)))
	if !ok || !ok2 || inMemory > limits.MaxTensorBytes {
		return d.tooLarge(uint64(inMemory), limits.MaxTensorBytes)
	}
	switch l.class {
	case compact:
		if int64(len(l.data)) < bytes {
			return formatErrorf("holds %d bytes, its shape %s needs %d", len(l.data), shapeString(d.space.dims), bytes)
		}
	case contiguous:
		if len(d.filters) > 0 {
			return formatErrorf("contiguous data with filters")
		}
		if l.addr == undef {
			break // never written: all fill value
		}
		if l.size >= 0 && l.size < bytes {
			return formatErrorf("holds %d bytes, its shape %s needs %d", l.size, shapeString(d.space.dims), bytes)
		}
		if err := d.f.src.check(l.addr, bytes); err != nil {
			return formatErrorf("declares %s, file holds %s", safeio.Bytes(uint64(bytes)),
				safeio.Bytes(uint64(max(0, d.f.src.size-int64(min(l.addr, 1<<62))))))
		}
	case chunked:
		if len(l.chunk) != len(d.space.dims) {
			return formatErrorf("chunks of %d dimensions for data of %d", len(l.chunk), len(d.space.dims))
		}
		// Chunks that reach over the edge take memory too while they are read.
		chunks, ok := safeio.Product(d.grid(d.space.dims)...)
		padded, ok2 := safeio.Product(chunks, l.chunkSize)
		if d.space.null {
			padded = 0
		}
		if !ok || !ok2 {
			return d.tooLarge(1<<63, limits.MaxTensorBytes)
		}
		inMemory = max(inMemory, padded)
	}
	return d.f.charge(d, inMemory)
}

func (d *Dataset) tooLarge(n uint64, limit int64) error {
	declared := safeio.Bytes(n)
	if n == 0 {
		declared = "more than can be counted"
	}
	return &safeio.LimitError{
		Msg:   fmt.Sprintf("declares %s (shape %s, %s)", declared, shapeString(d.space.dims), d.typ),
		Limit: safeio.Bytes(uint64(limit)), Raise: "--max-size",
	}
}

// charge accounts for the memory that the dataset will take, once per path. It
// bounds the sum over all datasets looked up: by declaring fill values, by
// compression, or by pointing many datasets to the same bytes, a small file
// could otherwise fill any memory.
func (f *File) charge(d *Dataset, n int64) error {
	limit := min(f.limits.Memory(f.src.base+f.src.size), f.limits.MaxTotalBytes)
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.charged[d.path] {
		return nil
	}
	if n > limit-f.memory {
		return &safeio.LimitError{
			Msg: fmt.Sprintf("declares %s (shape %s, %s), on top of %s so far, in a file of %s", safeio.Bytes(uint64(n)),
				shapeString(d.space.dims), d.typ, safeio.Bytes(uint64(f.memory)), safeio.Bytes(uint64(f.src.size))),
			Limit: safeio.Bytes(uint64(limit)), Raise: "--max-size",
		}
	}
	f.memory += n
	f.charged[d.path] = true
	return nil
}

// Shape returns the dataset's dimensions; a scalar has none.
func (d *Dataset) Shape() []int { return d.space.shape() }

// Type returns the type of the dataset's elements.
func (d *Dataset) Type() Type { return d.typ }

// Len returns the number of elements: 1 for a scalar, 0 for h5py's Empty.
func (d *Dataset) Len() int { return int(d.n) }

// AsBFloat16 returns the dataset read as bfloat16 values: two-byte opaque
// elements whose meaning the caller knows (Keras's legacy .h5 files don't mark
// it). Datasets marked with dtype="bfloat16" need no such help.
func (d *Dataset) AsBFloat16() (*Dataset, error) {
	if d.typ.Size != 2 || d.typ.Kind != Opaque && d.typ.Kind != BFloat16 {
		return nil, d.at(&safeio.FormatError{Msg: "can't be bfloat16", Want: "opaque elements of 2 bytes", Got: d.typ.String()})
	}
	out := *d
	out.typ = Type{Kind: BFloat16, Size: 2}
	return &out, nil
}

// valueType is the type to convert from: opaque data that an attribute calls
// bfloat16 is that.
//
// Source: keras/src/saving/saving_lib.py, H5Entry.
func (d *Dataset) valueType() (Type, error) {
	if d.typ.Kind == Opaque && d.typ.Size == 2 {
		attrs, err := d.load()
		if err != nil {
			return d.typ, err
		}
		for _, a := range attrs {
			if a.name != "dtype" {
				continue
			}
			if s, err := a.Text(); err != nil || s != "bfloat16" {
				return d.typ, err
			}
			return Type{Kind: BFloat16, Size: 2}, nil
		}
	}
	return d.typ, nil
}

// ReadFloat32 reads all elements, in row-major order, into dst, whose length
// must be [Dataset.Len]. Numbers of other types are converted, rounding to
// nearest; strings and opaque bytes are an [safeio.UnsupportedError].
// Little-endian float32 is read straight into dst.
func (d *Dataset) ReadFloat32(dst []float32) error {
	return readNumbers(d, dst)
}

// ReadFloat64 is [Dataset.ReadFloat32] for float64.
func (d *Dataset) ReadFloat64(dst []float64) error {
	return readNumbers(d, dst)
}

// ReadInt64 is [Dataset.ReadFloat32] for int64. Floats that aren't whole and
// unsigned integers beyond int64 are a [safeio.FormatError].
func (d *Dataset) ReadInt64(dst []int64) error {
	return readNumbers(d, dst)
}

// ReadStrings reads a dataset of strings.
func (d *Dataset) ReadStrings(dst []string) error {
	if d.typ.Kind != String {
		return d.at(&safeio.UnsupportedError{Msg: "can't be read", Want: "strings", Got: d.typ.String()})
	}
	return d.at(d.read(len(dst), func(at int64, raw []byte) error {
		n := int64(len(raw) / d.typ.Size)
		return d.f.strings(dst[at:at+n], raw, d.typ)
	}, nil))
}

// ReadRaw reads the elements as they are stored, byte order included, into
// dst, whose length must be Len x Type().Size.
func (d *Dataset) ReadRaw(dst []byte) error {
	size := int64(d.typ.Size)
	if int64(len(dst)) != d.n*size {
		return d.at(wrongLength(len(dst), d.n*size))
	}
	return d.at(d.read(int(d.n), func(at int64, raw []byte) error {
		copy(dst[at*size:], raw)
		return nil
	}, dst))
}

func wrongLength(got int, want int64) error {
	return fmt.Errorf("hdf5: the destination holds %d elements, the dataset %d", got, want)
}

func readNumbers[T number](d *Dataset, dst []T) error {
	t, err := d.valueType()
	if err != nil {
		return err
	}
	if !t.Numeric() {
		return d.at(&safeio.UnsupportedError{Msg: "can't be read", Want: "numbers", Got: t.String()})
	}
	return d.at(d.read(len(dst), func(at int64, raw []byte) error {
		n := int64(len(raw) / t.Size)
		return convert(dst[at:at+n], raw, t)
	}, rawView(dst, t)))
}

// readBuffer is the size of the pieces in which data is read that must be
// converted.
const readBuffer = 256 << 10

// read delivers all elements: put is called with runs of raw elements and
// where they begin. direct, if not nil, is the destination's own memory, for
// data that needs no conversion.
func (d *Dataset) read(n int, put func(at int64, raw []byte) error, direct []byte) error {
	if int64(n) != d.n {
		return wrongLength(n, d.n)
	}
	if n == 0 || d.typ.Size == 0 {
		return nil
	}
	size := int64(d.typ.Size)
	l := &d.layout
	switch {
	case l.class == compact:
		return put(0, l.data[:d.n*size])
	case l.class == contiguous && l.addr != undef:
		if direct != nil {
			return d.f.src.readAt(direct, l.addr)
		}
		buf := make([]byte, min(d.n*size, max(size, readBuffer/size*size)))
		for at := int64(0); at < d.n; {
			b := buf[:min(int64(len(buf)), (d.n-at)*size)]
			if err := d.f.src.readAt(b, l.addr+uint64(at*size)); err != nil {
				return err
			}
			if err := put(at, b); err != nil {
				return err
			}
			at += int64(len(b)) / size
		}
		return nil
	case l.class == chunked && l.addr != undef:
		return d.readChunks(put)
	}
	return d.putFill(0, d.n, put)
}

// putFill delivers n elements of the fill value from at on.
func (d *Dataset) putFill(at, n int64, put func(at int64, raw []byte) error) error {
	size := int64(d.typ.Size)
	buf := make([]byte, min(n, max(1, readBuffer/size))*size)
	if d.fill != nil {
		for i := int64(0); i < int64(len(buf)); i += size {
			copy(buf[i:], d.fill)
		}
	}
	for n > 0 {
		b := buf[:min(int64(len(buf)), n*size)]
		if err := put(at, b); err != nil {
			return err
		}
		at += int64(len(b)) / size
		n -= int64(len(b)) / size
	}
	return nil
}
