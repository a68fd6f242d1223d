package hdf5

import (
	"fmt"
	"strings"

	"kerasgo/internal/safeio"
)

// How a dataset's elements are stored.
type layoutClass byte

const (
	compact    layoutClass = 0
	contiguous layoutClass = 1
	chunked    layoutClass = 2
	virtual    layoutClass = 3
)

// How the chunks of a chunked dataset are found. The numbers are those of
// version 4 layout messages; 0 is the version 1 B-tree of older ones.
type chunkIndex byte

const (
	indexBTree1     chunkIndex = 0
	indexSingle     chunkIndex = 1
	indexImplicit   chunkIndex = 2
	indexFixed      chunkIndex = 3
	indexExtensible chunkIndex = 4
	indexBTree2     chunkIndex = 5
)

// layout is a data layout message.
type layout struct {
	class layoutClass
	addr  uint64 // of the data or of the chunk index; undef: nothing is stored
	size  int64  // bytes of contiguous data, -1 if not said
	data  []byte // compact data

	chunk     []int64 // a chunk's dimensions
	index     chunkIndex
	rawEdges  bool   // chunks that reach over the edge aren't filtered
	oneSize   int64  // indexSingle: bytes stored, -1 if not filtered
	oneMask   uint32 // indexSingle: filters skipped
	chunkSize int64  // bytes of an unfiltered chunk
}

func parseLayout(c *cursor, elemSize int) (layout, error) {
	l := layout{addr: undef, size: -1, oneSize: -1}
	version := c.version("data layout", 1, 2, 3, 4)
	switch version {
	case 1, 2:
		l.version1(c, elemSize)
	case 3, 4:
		l.class = layoutClass(c.u8())
		switch {
		case l.class == compact:
			l.data = c.take(c.u16())
		case l.class == contiguous:
			l.addr, l.size = c.addr(), c.length()
		case l.class == chunked && version == 3:
			n := int(c.u8())
			l.addr = c.addr()
			l.dims(c, n, 4, elemSize)
		case l.class == chunked:
			l.version4(c, elemSize)
		case l.class == virtual:
			c.fail(unsupportedf("virtual dataset: its data is in other files, which are never opened"))
		default:
			c.fail(unsupportedf("data layout class %d", l.class))
		}
	}
	return l, c.err
}

// version1 decodes messages of versions 1 and 2, libhdf5's before 1.6.3.
func (l *layout) version1(c *cursor, elemSize int) {
	n := int(c.u8())
	l.class = layoutClass(c.u8())
	c.skip(5)
	if l.class != compact {
		l.addr = c.addr()
	}
	switch l.class {
	case compact:
		c.skip(4 * n)
		l.data = c.take(int(c.u32()))
	case contiguous:
		c.skip(4 * n)
	case chunked:
		l.dims(c, n, 4, elemSize)
	default:
		c.fail(unsupportedf("data layout class %d", l.class))
	}
}

func (l *layout) version4(c *cursor, elemSize int) {
	flags := c.u8()
	l.rawEdges = flags&1 != 0
	n := int(c.u8())
	width := int(c.u8())
	if c.err == nil && (width < 1 || width > 8) {
		c.fail(formatErrorf("chunk dimensions of %d bytes", width))
		return
	}
	l.dims(c, n, width, elemSize)
	l.index = chunkIndex(c.u8())
	switch l.index {
	case indexSingle:
		if flags&2 != 0 {
			l.oneSize, l.oneMask = c.length(), c.u32()
		}
	case indexImplicit:
	case indexFixed:
		c.skip(1) // what the index's own header repeats
	case indexExtensible:
		c.skip(5)
	case indexBTree2:
		c.skip(6)
	default:
		if c.err == nil {
			c.fail(unsupportedf("chunk index %d", l.index))
		}
	}
	l.addr = c.addr()
}

// dims reads n chunk dimensions of width bytes, the last being the element's
// size, and works out how large a chunk is.
func (l *layout) dims(c *cursor, n, width, elemSize int) {
	if c.err == nil && (n < 2 || n > maxRank+1) {
		c.fail(formatErrorf("chunks of %d dimensions", n-1))
		return
	}
	for range n {
		d := c.uint(width)
		if c.err == nil && (d == 0 || d > 1<<40) {
			c.fail(formatErrorf("chunk dimension of %d", d))
		}
		l.chunk = append(l.chunk, int64(d))
	}
	if c.err != nil {
		return
	}
	if l.chunk[n-1] != int64(elemSize) {
		c.fail(formatErrorf("chunks hold elements of %d bytes, the datatype has %d", l.chunk[n-1], elemSize))
		return
	}
	size, ok := safeio.Product(l.chunk...)
	if !ok || size > 1<<40 {
		c.fail(&safeio.LimitError{Msg: "chunks are too large", Got: shapeString(l.chunk)})
		return
	}
	l.chunkSize, l.chunk = size, l.chunk[:n-1]
}

// shapeString prints dimensions as "(2, 3)".
func shapeString[T int | int64](dims []T) string {
	s := make([]string, len(dims))
	for i, d := range dims {
		s[i] = fmt.Sprint(d)
	}
	return "(" + strings.Join(s, ", ") + ")"
}
