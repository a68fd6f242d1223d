package hdf5

import (
	"math/bits"

	"kerasgo/internal/safeio"
)

// fractalHeap holds a new group's links or an object's many attributes.
type fractalHeap struct {
	f         *File
	addr      uint64
	idLen     int
	maxObject int64  // larger ones are "huge" and live outside
	hugeTree  uint64 // index of huge objects
	sums      bool   // direct blocks carry checksums
	width     int    // blocks in a row of the doubling table
	start     int64  // bytes of a block in the first row
	maxDirect int64  // bytes of the largest direct block
	heapBits  int    // bits of an offset in the heap
	root      uint64
	rows      int // of the root indirect block; 0: the root is a direct block

	blocks map[uint64][]byte // direct blocks read
	huge   map[uint64]block  // huge objects by number, once their index is read
	total  int64
}

// fractalHeap reads the header of the heap at addr.
func (f *File) fractalHeap(addr uint64) (*fractalHeap, error) {
	o, l := f.src.osize, f.src.lsize
	c, err := f.src.checked(addr, int64(26+3*o+12*l), "FRHP")
	if err != nil {
		// A heap with filters has a longer header; say what it is.
		if c, cerr := f.src.cursor(addr, 9); cerr == nil && string(c.take(4)) == "FRHP" && c.u8() == 0 && c.u16() > 0 && c.u16() > 0 {
			return nil, unsupportedf("fractal heap with filters")
		}
		return nil, err
	}
	c.version("fractal heap", 0)
	h := &fractalHeap{f: f, addr: addr, blocks: make(map[uint64][]byte)}
	h.idLen = c.u16()
	c.skip(2) // length of filter information, 0 here
	h.sums = c.u8()&2 != 0
	h.maxObject = int64(c.u32())
	c.skip(l) // next number for a huge object
	h.hugeTree = c.addr()
	c.skip(l + o + 4*l) // free space; bytes in use, allocated, iterated; number of objects
	c.skip(4 * l)       // bytes and numbers of huge and tiny objects
	h.width = c.u16()
	h.start, h.maxDirect = c.length(), c.length()
	h.heapBits = c.u16()
	c.skip(2) // rows that a new root starts with
	h.root, h.rows = c.addr(), c.u16()
	if c.err != nil {
		return nil, c.err
	}
	powers := func(v int64) bool { return v > 0 && v&(v-1) == 0 }
	if h.idLen < 2 || h.idLen > 4096 || h.width == 0 || !powers(int64(h.width)) || !powers(h.start) || !powers(h.maxDirect) ||
		h.start > h.maxDirect || h.maxDirect > 1<<32 || h.heapBits < 1 || h.heapBits > 62 ||
		bits.Len64(uint64(h.start))+bits.Len(uint(h.width))+h.rows > h.heapBits+3 { // the table would overflow the heap's space
		return nil, formatErrorf("fractal heap of width %d, blocks of %d to %d bytes, %d bits, %d rows", h.width, h.start, h.maxDirect, h.heapBits, h.rows)
	}
	return h, nil
}

// object returns the heap's object of the given ID.
func (h *fractalHeap) object(id []byte) ([]byte, error) {
	c := h.f.src.decode(id)
	first := c.u8()
	if c.err != nil || len(id) > h.idLen {
		return nil, formatErrorf("heap ID of %d bytes, want %d", len(id), h.idLen)
	}
	if first>>6 != 0 {
		return nil, unsupportedf("fractal heap ID version %d", first>>6)
	}
	switch first >> 4 & 3 {
	case 0:
		off := c.uint((h.heapBits + 7) / 8)
		n := c.uint(min(encodedSize(uint64(h.maxDirect)), encodedSize(uint64(h.maxObject))))
		if c.err != nil {
			return nil, c.err
		}
		return h.managed(off, n)
	case 1:
		return h.hugeObject(c)
	case 2:
		n := int(first & 15)
		if h.idLen > 17 { // lengths of 12 bits
			n = n<<8 | int(c.u8())
		}
		b := c.take(n + 1)
		return b, c.err
	}
	return nil, formatErrorf("fractal heap ID of type %d", first>>4&3)
}

// rowSize returns the bytes of a block in the given row: the starting size
// twice, then doubling.
func (h *fractalHeap) rowSize(row int) int64 {
	return h.start << max(0, row-1)
}

// directRows returns the number of rows whose blocks are direct.
func (h *fractalHeap) directRows() int {
	return bits.Len64(uint64(h.maxDirect)) - bits.Len64(uint64(h.start)) + 2
}

// managed returns n bytes at offset off of the heap's own space.
func (h *fractalHeap) managed(off, n uint64) ([]byte, error) {
	if off >= 1<<h.heapBits || n > uint64(h.maxDirect) {
		return nil, formatErrorf("heap object of %d bytes at offset %d", n, off)
	}
	addr, start, size := h.root, uint64(0), h.start
	if h.rows > 0 {
		var err error
		if addr, start, size, err = h.descend(off); err != nil {
			return nil, err
		}
	}
	b, err := h.directBlock(addr, size)
	if err != nil {
		return nil, err
	}
	at := off - start
	if at > uint64(len(b)) || n > uint64(len(b))-at {
		return nil, formatErrorf("heap object of %d bytes at %d of a block of %d", n, at, len(b))
	}
	return b[at : at+n], nil
}

// descend finds the direct block that holds offset off, through at most
// MaxLinkHops indirect blocks, and where in the heap it starts.
func (h *fractalHeap) descend(off uint64) (addr, start uint64, size int64, err error) {
	addr, rows := h.root, h.rows
	for range h.f.limits.MaxLinkHops {
		row, begin := 0, start
		for ; row < rows; row++ {
			span := uint64(h.rowSize(row)) * uint64(h.width)
			if off-begin < span {
				break
			}
			begin += span
		}
		if row == rows {
			return 0, 0, 0, formatErrorf("heap offset %d is behind the heap's end", off)
		}
		size = h.rowSize(row)
		col := (off - begin) / uint64(size)
		child, err := h.child(addr, rows, row*h.width+int(col))
		if err != nil {
			return 0, 0, 0, err
		}
		addr, start = child, begin+col*uint64(size)
		if row < h.directRows() {
			return addr, start, size, nil
		}
		// An indirect block covers size bytes: as many rows as that takes.
		rows = bits.Len64(uint64(size)) - bits.Len64(uint64(h.start)*uint64(h.width)) + 1
		if rows < 1 || rows > 64 {
			return 0, 0, 0, formatErrorf("indirect heap block of %d rows", rows)
		}
	}
	return 0, 0, 0, formatErrorf("indirect heap blocks are nested too deeply")
}

// child returns entry i of the indirect block at addr, after verifying the
// block.
func (h *fractalHeap) child(addr uint64, rows, i int) (uint64, error) {
	o := h.f.src.osize
	prefix := 5 + o + (h.heapBits+7)/8
	n := prefix + rows*h.width*o + 4
	b, ok := h.blocks[addr]
	if !ok {
		c, err := h.f.src.checked(addr, int64(n), "FHIB")
		if err != nil {
			return 0, err
		}
		b = c.b
		h.blocks[addr] = b
	}
	if len(b) != n-4 {
		return 0, formatErrorf("heap block at address %#x is used in two ways", addr)
	}
	c := h.f.src.decode(b[prefix+i*o:])
	child := c.addr()
	if child == undef {
		return 0, formatErrorf("heap object in a block that was never written")
	}
	return child, c.err
}

// directBlock returns the direct block at addr whole: offsets of objects count
// from its first byte.
func (h *fractalHeap) directBlock(addr uint64, size int64) ([]byte, error) {
	b, ok := h.blocks[addr]
	if !ok {
		if h.total += size; h.total > h.f.src.size {
			return nil, formatErrorf("heap blocks of %s in a file of %s", safeio.Bytes(uint64(h.total)), safeio.Bytes(uint64(h.f.src.size)))
		}
		var err error
		if b, err = h.f.src.bytes(addr, size); err != nil {
			return nil, err
		}
		if err := h.verifyDirect(b); err != nil {
			return nil, err
		}
		h.blocks[addr] = b
	}
	if int64(len(b)) != size {
		return nil, formatErrorf("heap block at address %#x is used in two ways", addr)
	}
	return b, nil
}

// verifyDirect checks a direct block's signature and, where the heap has them,
// its checksum, which is computed with its own field zero.
func (h *fractalHeap) verifyDirect(b []byte) error {
	c := h.f.src.decode(b)
	if sig := c.take(4); string(sig) != "FHDB" {
		return signatureError(sig, "FHDB")
	}
	c.version("fractal heap block", 0)
	if owner := c.addr(); owner != h.addr && c.err == nil {
		return formatErrorf("heap block belongs to the heap at address %#x, not %#x", owner, h.addr)
	}
	c.skip((h.heapBits + 7) / 8)
	if h.sums {
		field := c.off
		sum := c.u32()
		if c.err == nil {
			clear(b[field : field+4])
			if got := lookup3(b); got != sum {
				return formatErrorf("FHDB block: checksum is %#08x, contents give %#08x", sum, got)
			}
		}
	}
	return c.err
}

// hugeObject reads an object that was too large for the heap's blocks.
func (h *fractalHeap) hugeObject(c *cursor) ([]byte, error) {
	src := &h.f.src
	if src.osize+src.lsize <= h.idLen-1 { // the ID holds the place itself
		at := block{c.addr(), c.length()}
		if c.err != nil {
			return nil, c.err
		}
		return src.bytes(at.addr, at.size)
	}
	number := c.uint(min(h.idLen-1, 8, c.left()))
	if h.huge == nil {
		h.huge = make(map[uint64]block)
		err := newWalker(h.f).btree2(h.hugeTree, 1, func(rec *cursor) error {
			at := block{rec.addr(), rec.length()}
			h.huge[rec.uint(src.lsize)] = at
			return rec.err
		})
		if err != nil {
			return nil, err
		}
	}
	at, ok := h.huge[number]
	if !ok {
		return nil, formatErrorf("the heap has no huge object %d", number)
	}
	return src.bytes(at.addr, at.size)
}
