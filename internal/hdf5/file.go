package hdf5

import (
	"io"
	"os"
	"sync"

	"kerasgo/internal/safeio"
)

// signature begins every superblock.
const signature = "\x89HDF\r\n\x1a\n"

// File is an HDF5 file open for reading. Its methods, and those of its groups
// and datasets, may be called by many goroutines at once.
type File struct {
	src    source
	limits safeio.Limits
	name   string   // for errors; "" when not known
	closer *os.File // nil when the caller owns the source
	root   *Group
	heap   globalHeap

	mu      sync.Mutex
	groups  map[uint64]*linkTable // links of the groups opened so far
	charged map[string]bool       // datasets that memory is accounted for
	memory  int64                 // and how much
}

// Open opens the HDF5 file at path, which must be a regular file.
func Open(path string, limits safeio.Limits) (*File, error) {
	r, size, err := safeio.OpenRegular(path, limits)
	if err != nil {
		return nil, err
	}
	f, err := newFile(r, size, limits, path)
	if err != nil {
		r.Close()
		return nil, err
	}
	f.closer = r
	return f, nil
}

// NewReader reads an HDF5 file of the given size from r: a section of a zip
// archive, for instance. Errors don't name a file; see [safeio.At].
func NewReader(r io.ReaderAt, size int64, limits safeio.Limits) (*File, error) {
	return newFile(r, size, limits, "")
}

func newFile(r io.ReaderAt, size int64, limits safeio.Limits, name string) (*File, error) {
	f := &File{limits: limits.OrDefaults(), name: name, groups: make(map[uint64]*linkTable), charged: make(map[string]bool)}
	if err := f.open(r, size); err != nil {
		return nil, safeio.At(err, safeio.Where{File: name})
	}
	return f, nil
}

// Close closes the file if [Open] opened it. Datasets can't be read after.
func (f *File) Close() error {
	if f.closer == nil {
		return nil
	}
	return f.closer.Close()
}

// Root returns the root group.
func (f *File) Root() *Group { return f.root }

// IsHDF5 reports whether r begins as an HDF5 file does, without a user block.
func IsHDF5(r io.ReaderAt) bool {
	b := make([]byte, len(signature))
	n, _ := r.ReadAt(b, 0)
	return string(b[:n]) == signature
}

// open finds and decodes the superblock and opens the root group.
func (f *File) open(r io.ReaderAt, size int64) error {
	base, ok := int64(0), false
	for !ok {
		b := make([]byte, len(signature))
		if base > size-int64(len(b)) {
			return &safeio.FormatError{Msg: "not an HDF5 file: no signature"}
		}
		if err := safeio.ReadFull(r, b, base); err != nil {
			return err
		}
		if ok = string(b) == signature; !ok {
			// A user block is 512 bytes or a larger power of two.
			base = max(512, 2*base)
		}
	}
	f.src.r, f.src.base, f.src.size = r, base, size-base
	f.src.osize, f.src.lsize = 8, 8
	f.src.metaCap = 1 << 62
	if n, ok := safeio.Product(16, size); ok {
		f.src.metaCap = n + 256<<20
	}
	f.heap.src = &f.src

	rootAddr, err := f.superblock()
	if err != nil {
		return err
	}
	f.root, err = f.openGroup("/", rootAddr)
	return err
}

// superblock decodes the superblock and returns the root group's address.
func (f *File) superblock() (root uint64, err error) {
	b, err := f.src.bytes(0, min(16, f.src.size))
	if err != nil {
		return 0, err
	}
	c := f.src.decode(b)
	c.skip(len(signature))
	version := c.version("superblock", 0, 1, 2, 3)
	if version < 2 {
		c.skip(4)
	}
	f.src.osize, f.src.lsize = int(c.u8()), int(c.u8())
	if c.err != nil {
		return 0, c.err
	}
	for _, n := range []int{f.src.osize, f.src.lsize} {
		if n != 2 && n != 4 && n != 8 {
			return 0, unsupportedf("addresses of %d and lengths of %d bytes", f.src.osize, f.src.lsize)
		}
	}
	var eof uint64
	if version < 2 {
		skip := 24
		if version == 1 {
			skip += 4
		}
		c, err := f.src.cursor(uint64(skip), int64(5*f.src.osize+f.src.lsize))
		if err != nil {
			return 0, err
		}
		c.skip(2 * f.src.osize) // base address, free space
		eof = c.addr()
		c.skip(f.src.osize + f.src.lsize) // driver information; the root's name
		if root = c.addr(); c.err != nil {
			return 0, c.err
		}
	} else {
		c, err := f.src.checked(0, int64(16+4*f.src.osize), signature)
		if err != nil {
			return 0, err
		}
		c.off = 12 + 2*f.src.osize // behind base address and extension
		eof, root = c.addr(), c.addr()
		if c.err != nil {
			return 0, c.err
		}
	}
	if base := uint64(f.src.base); eof != undef && eof > uint64(f.src.size) && eof-base > uint64(f.src.size) {
		return 0, formatErrorf("the file is truncated: it holds %d bytes of %d", f.src.size, eof)
	}
	return root, nil
}
