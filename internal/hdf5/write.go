package hdf5

import (
	"fmt"
	"io"
	"strings"

	"kerasgo/internal/safeio"
)

// WriteFile writes a tree as the HDF5 file at path, whole or not at all: see
// [safeio.WriteFile].
func WriteFile(path string, force bool, t *Tree) error {
	return safeio.WriteFile(path, force, func(w io.Writer) error {
		_, err := t.WriteTo(w)
		return err
	})
}

// WriteTo writes the tree, which must be a root, as an HDF5 file, front to
// back. It returns the number of bytes written. Writing a tree again gives the
// same bytes.
func (t *Tree) WriteTo(w io.Writer) (int64, error) {
	if t.path != "/" {
		return 0, fmt.Errorf("hdf5: %s isn't a root", t.path)
	}
	if *t.err != nil {
		return 0, *t.err
	}
	p, err := newPlan(t)
	if err != nil {
		return 0, err
	}
	cw := &countWriter{w: w}
	for _, s := range p.segments {
		if err := cw.zeros(s.addr - cw.n); err != nil {
			return cw.n, err
		}
		if s.write == nil {
			_, err = cw.Write(s.data)
		} else {
			err = s.write(cw)
		}
		if err == nil && cw.n != s.addr+s.size {
			err = formatErrorf("%d bytes were written for %d", cw.n-s.addr, s.size)
		}
		if err != nil {
			return cw.n, safeio.At(err, safeio.Where{Object: s.path})
		}
	}
	return cw.n, nil
}

// countWriter counts what is written.
type countWriter struct {
	w io.Writer
	n int64
}

func (c *countWriter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	return n, err
}

// zeros writes the few zeros that align a segment.
func (c *countWriter) zeros(n int64) error {
	_, err := c.Write(make([]byte, n))
	return err
}

// segment is a piece of the file: metadata, or data that is written later.
type segment struct {
	addr, size int64
	data       []byte
	write      func(io.Writer) error
	path       string // for errors
}

// plan places a whole file before any of it is written: superblock, global
// heaps, data, and object headers at the end, children before parents.
type plan struct {
	segments []segment
	end      int64
	strings  map[*string]heapRef // where each variable-length string lies
	arrays   map[*Array]uint64   // where each dataset's data lies
}

func newPlan(t *Tree) (*plan, error) {
	p := &plan{end: superblockSize, strings: make(map[*string]heapRef), arrays: make(map[*Array]uint64)}
	p.segments = append(p.segments, segment{size: superblockSize})
	t.eachString(func(s *string) {
		if strings.ContainsRune(*s, 0) {
			fail(t.err, "", "", "the string %s holds a NUL, which ends it", clipQuote(*s))
		}
	})
	if *t.err != nil {
		return nil, *t.err
	}
	p.placeStrings(t)
	p.placeData(t)
	root, err := p.placeGroup(t)
	if err != nil {
		return nil, err
	}
	p.segments[0].data = encodeSuperblock(root, uint64(p.end))
	return p, nil
}

// place reserves space at the end, aligned to 8 bytes.
func (p *plan) place(s segment) uint64 {
	s.addr = (p.end + 7) &^ 7
	if s.write == nil {
		s.size = int64(len(s.data))
	}
	p.end = s.addr + s.size
	p.segments = append(p.segments, s)
	return uint64(s.addr)
}

// eachString calls each for all variable-length strings of the tree, in order.
func (t *Tree) eachString(each func(*string)) {
	all := func(list []attrSpec, more []string) {
		for _, a := range list {
			for i := range a.strings {
				each(&a.strings[i])
			}
		}
		for i := range more {
			each(&more[i])
		}
	}
	all(t.list, nil)
	for _, name := range t.names {
		switch kid := t.kids[name].(type) {
		case *Tree:
			kid.eachString(each)
		case *Array:
			all(kid.list, kid.strings)
		}
	}
}

// heapRef is where a string lies: an object of a heap collection.
type heapRef struct {
	addr  uint64
	index int
}

// Bounds of one heap collection: the least size that libhdf5 accepts, the size
// from which we start another, and HDF5's number of objects.
const (
	heapLeast   = 4096
	heapEnough  = 64 << 10
	heapObjects = 65535
)

// placeStrings packs the strings into global heap collections.
func (p *plan) placeStrings(t *Tree) {
	var b []byte
	var members []*string
	flush := func() {
		if len(members) == 0 {
			return
		}
		if rest := heapLeast - len(b); rest >= 16 {
			// The rest is object 0: free space, its own prefix included.
			b = append64(append64(b, 0), uint64(rest))
		}
		for len(b) < heapLeast {
			b = append(b, 0)
		}
		copy(b[8:], append64(nil, uint64(len(b))))
		addr := p.place(segment{data: b})
		for i, s := range members {
			p.strings[s] = heapRef{addr, i + 1}
		}
		b, members = nil, nil
	}
	t.eachString(func(s *string) {
		if *s == "" {
			return // a reference to nothing
		}
		if len(b) >= heapEnough || len(members) == heapObjects {
			flush()
		}
		if b == nil {
			b = append([]byte("GCOL\x01\x00\x00\x00"), make([]byte, 8)...)
		}
		members = append(members, s)
		b = append16(append16(b, len(members)), 1) // index, reference count
		b = append64(append32(b, 0), uint64(len(*s)))
		b = append(b, *s...)
		for len(b)%8 != 0 {
			b = append(b, 0)
		}
	})
	flush()
}

// references encodes variable-length strings as the heap knows them.
func (p *plan) references(values []string) []byte {
	b := make([]byte, 0, vlenSize*len(values))
	for i := range values {
		ref := p.strings[&values[i]]
		b = append64(append32(b, uint32(len(values[i]))), ref.addr)
		b = append32(b, uint32(ref.index))
	}
	return b
}

// placeData reserves space for all datasets.
func (p *plan) placeData(t *Tree) {
	for _, name := range t.names {
		switch kid := t.kids[name].(type) {
		case *Tree:
			p.placeData(kid)
		case *Array:
			switch {
			case kid.size == 0:
				p.arrays[kid] = undef
			case kid.typ.VLen:
				p.arrays[kid] = p.place(segment{data: p.references(kid.strings)})
			default:
				p.arrays[kid] = p.place(segment{size: kid.size, write: kid.write, path: kid.attrs.path})
			}
		}
	}
}

// placeGroup places the headers of a group and all below it.
func (p *plan) placeGroup(t *Tree) (uint64, error) {
	// Link info without heap or index: links are messages, in no order.
	b, err := appendMessage(nil, msgLinkInfo, append64(append64([]byte{0, 0}, undef), undef))
	if err != nil {
		return 0, err
	}
	const msgGroupInfo = 0x0a
	if b, err = appendMessage(b, msgGroupInfo, []byte{0, 0}); err != nil {
		return 0, err
	}
	for _, name := range t.names {
		var addr uint64
		switch kid := t.kids[name].(type) {
		case *Tree:
			addr, err = p.placeGroup(kid)
		case *Array:
			addr, err = p.placeArray(kid)
		}
		if err != nil {
			return 0, err
		}
		// Names of up to 65,535 bytes, UTF-8 if they aren't ASCII.
		l := []byte{1, 0x01}
		if !ascii(name) {
			l = []byte{1, 0x11, 1}
		}
		l = append(append16(l, len(name)), name...)
		if b, err = appendMessage(b, msgLink, append64(l, addr)); err != nil {
			return 0, safeio.At(err, safeio.Where{Object: t.path})
		}
	}
	return p.placeHeader(b, &t.attrs)
}

// placeArray places a dataset's header.
func (p *plan) placeArray(a *Array) (uint64, error) {
	typ, err := encodeType(a.typ)
	if err != nil {
		return 0, safeio.At(err, safeio.Where{Object: a.attrs.path})
	}
	layout := append64(append64([]byte{3, byte(contiguous)}, p.arrays[a]), uint64(a.size))
	var b []byte
	for _, m := range []message{
		{typ: msgDataspace, data: encodeSpace(a.shape)},
		{typ: msgDatatype, data: typ},
		{typ: msgFill, data: []byte{3, 0x0a}}, // the default, filled in if ever needed
		{typ: msgLayout, data: layout},
	} {
		if b, err = appendMessage(b, m.typ, m.data); err != nil {
			return 0, safeio.At(err, safeio.Where{Object: a.attrs.path})
		}
	}
	return p.placeHeader(b, &a.attrs)
}

// placeHeader adds attributes to an object's messages and places its header.
func (p *plan) placeHeader(b []byte, a *attrs) (uint64, error) {
	for _, spec := range a.list {
		m, err := p.attribute(spec)
		if err == nil {
			b, err = appendMessage(b, msgAttribute, m)
		}
		if err != nil {
			return 0, safeio.At(err, safeio.Where{Object: a.path, Key: spec.name})
		}
	}
	if int64(len(b)) > 1<<31 {
		return 0, safeio.At(unsupportedf("an object header of %d bytes", len(b)), safeio.Where{Object: a.path})
	}
	return p.place(segment{data: encodeHeader(b)}), nil
}

// attribute encodes an attribute message of version 3.
func (p *plan) attribute(s attrSpec) ([]byte, error) {
	typ, err := encodeType(s.typ)
	if err != nil {
		return nil, err
	}
	data := s.data
	if s.typ.VLen {
		data = p.references(s.strings)
	}
	dims := encodeSpace(s.dims)
	b := append16([]byte{3, 0}, len(s.name)+1)
	b = append16(append16(b, len(typ)), len(dims))
	set := byte(0)
	if !ascii(s.name) {
		set = 1
	}
	b = append(append(append(b, set), s.name...), 0)
	return append(append(append(b, typ...), dims...), data...), nil
}

// ascii reports whether a name needs no character set of its own.
func ascii(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}
