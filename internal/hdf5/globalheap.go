package hdf5

import (
	"sync"

	"kerasgo/internal/safeio"
)

// globalHeap reads variable-length strings out of a file's heap collections,
// each of which is read once.
type globalHeap struct {
	src *source

	mu          sync.Mutex
	collections map[uint64]map[int]string
	total       int64
}

// minCollection is the least size of a collection's header and one object's.
const minCollection = 16

// object returns object index of the collection at addr.
func (h *globalHeap) object(addr uint64, index int) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	objects, ok := h.collections[addr]
	if !ok {
		var err error
		if objects, err = h.read(addr); err != nil {
			return "", err
		}
		if h.collections == nil {
			h.collections = make(map[uint64]map[int]string)
		}
		h.collections[addr] = objects
	}
	s, ok := objects[index]
	if !ok {
		return "", formatErrorf("global heap at address %#x has no object %d", addr, index)
	}
	return s, nil
}

// read decodes one collection. Its strings share one copy of its bytes, so
// that a million references to one string cost no more than the string.
func (h *globalHeap) read(addr uint64) (map[int]string, error) {
	c, err := h.src.cursor(addr, int64(8+h.src.lsize))
	if err != nil {
		return nil, err
	}
	if sig := c.take(4); string(sig) != "GCOL" {
		return nil, signatureError(sig, "GCOL")
	}
	c.version("global heap", 1)
	c.skip(3)
	size := c.length()
	if c.err != nil {
		return nil, c.err
	}
	if size < minCollection {
		return nil, formatErrorf("global heap of %d bytes", size)
	}
	if h.total += size; h.total > h.src.size {
		// Sound collections don't overlap, so together they fit the file.
		return nil, formatErrorf("global heaps of %s in a file of %s", safeio.Bytes(uint64(h.total)), safeio.Bytes(uint64(h.src.size)))
	}
	if c, err = h.src.cursor(addr, size); err != nil {
		return nil, err
	}
	text := string(c.b)
	objects := make(map[int]string)
	prefix := align8(8 + h.src.lsize) // of the collection, and of an object
	c.off = min(prefix, len(c.b))
	for c.left() >= prefix {
		index := c.u16()
		c.skip(6) // reference count, reserved
		n := c.length()
		c.skip(prefix - 8 - h.src.lsize)
		if index == 0 { // the free space that ends a collection
			break
		}
		at := c.off
		if n > int64(c.left()) {
			return nil, formatErrorf("global heap object of %d bytes in a collection of %d", n, size)
		}
		objects[index] = text[at : at+int(n)]
		c.skip(min(align8(int(n)), c.left()))
	}
	return objects, c.err
}

// align8 rounds up to a multiple of 8.
func align8(n int) int { return (n + 7) &^ 7 }
