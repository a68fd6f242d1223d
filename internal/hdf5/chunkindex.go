package hdf5

import (
	"kerasgo/internal/safeio"
)

// eachChunk calls each for every chunk that the dataset's index lists.
func (d *Dataset) eachChunk(each func(chunk) error) error {
	l := &d.layout
	switch l.index {
	case indexBTree1:
		return d.chunksBTree1(each)
	case indexSingle:
		size := l.chunkSize
		if l.oneSize >= 0 {
			size = l.oneSize
		}
		return each(chunk{at: make([]int64, len(l.chunk)), addr: l.addr, size: size, mask: l.oneMask})
	case indexImplicit:
		return d.chunksImplicit(each)
	case indexFixed:
		return d.chunksFixed(each)
	case indexExtensible:
		return d.chunksExtensible(each)
	case indexBTree2:
		return d.chunksBTree2(each)
	}
	return unsupportedf("chunk index %d", l.index)
}

// chunksBTree1 lists the chunks of a version 1 B-tree. Its keys hold the
// stored size, the filters skipped, and the position in elements.
func (d *Dataset) chunksBTree1(each func(chunk) error) error {
	rank := len(d.layout.chunk)
	w := newWalker(d.f)
	return w.btree1(d.layout.addr, 1, 8+8*(rank+1), func(key *cursor, child uint64) error {
		if err := w.count(); err != nil {
			return err
		}
		c := chunk{addr: child, size: int64(key.u32()), mask: key.u32()}
		for _, n := range d.layout.chunk {
			off := key.u64()
			if off > 1<<62 || int64(off)%n != 0 {
				return formatErrorf("chunk at element %d of chunks of %d", off, n)
			}
			c.at = append(c.at, int64(off)/n)
		}
		if key.err != nil {
			return key.err
		}
		return each(c)
	})
}

// chunksBTree2 lists the chunks of a version 2 B-tree, whose records are laid
// out differently with filters and without.
func (d *Dataset) chunksBTree2(each func(chunk) error) error {
	rank := len(d.layout.chunk)
	kind := byte(10)
	if len(d.filters) > 0 {
		kind = 11
	}
	return newWalker(d.f).btree2(d.layout.addr, kind, func(rec *cursor) error {
		c := chunk{addr: rec.addr(), size: d.layout.chunkSize}
		if kind == 11 {
			width := rec.left() - 4 - 8*rank
			if width < 1 || width > 8 {
				return formatErrorf("chunk record of %d bytes", len(rec.b))
			}
			c.size, c.mask = int64(rec.uint(width)&(1<<62-1)), rec.u32()
		}
		for range rank {
			c.at = append(c.at, int64(rec.u64()&(1<<62-1)))
		}
		if rec.err != nil {
			return rec.err
		}
		return each(c)
	})
}

// chunksImplicit lists chunks that lie one behind the other.
func (d *Dataset) chunksImplicit(each func(chunk) error) error {
	n, err := newNumbering(d)
	if err != nil {
		return err
	}
	return n.all(func(i int64, at []int64) error {
		off, ok := safeio.Product(i, d.layout.chunkSize)
		if !ok || uint64(off) > undef-d.layout.addr {
			return formatErrorf("chunk %d lies outside any file", i)
		}
		return each(chunk{at: at, addr: d.layout.addr + uint64(off), size: d.layout.chunkSize})
	})
}

// numbering turns positions in the grid of chunks into the numbers by which
// array indexes know them: row-major over the largest grid that the dataset
// may grow to, a dimension without bound being taken as the outermost.
type numbering struct {
	grid  []int64 // chunks there are now
	limit []int64 // chunks there can be
	order []int   // dimensions from the outermost in
}

func newNumbering(d *Dataset) (*numbering, error) {
	n := &numbering{grid: d.grid(d.space.dims), limit: d.grid(d.space.max)}
	for k, m := range n.limit {
		if m != unlimited {
			continue
		}
		if len(n.order) > 0 {
			return nil, formatErrorf("array index of chunks with two unlimited dimensions")
		}
		n.order = append(n.order, k)
	}
	for k, m := range n.limit {
		if m != unlimited {
			n.order = append(n.order, k)
		}
	}
	inner := make([]int64, 0, len(n.order))
	for i, k := range n.order {
		if i > 0 {
			inner = append(inner, n.limit[k])
		}
	}
	p, ok := safeio.Product(inner...)
	if _, ok2 := safeio.Product(p, n.grid[n.order[0]]); !ok || !ok2 {
		return nil, formatErrorf("more chunks than can be counted")
	}
	return n, nil
}

// number returns the number of the chunk at a position.
func (n *numbering) number(at []int64) int64 {
	i := int64(0)
	for j, k := range n.order {
		if j > 0 {
			i *= n.limit[k]
		}
		i += at[k]
	}
	return i
}

// all calls each for every chunk that there is now, in row-major order.
func (n *numbering) all(each func(i int64, at []int64) error) error {
	total, ok := safeio.Product(n.grid...)
	if !ok {
		return formatErrorf("more chunks than can be counted")
	}
	at := make([]int64, len(n.grid))
	for range total {
		if err := each(n.number(at), at); err != nil {
			return err
		}
		for k := len(at) - 1; k >= 0; k-- {
			if at[k]++; at[k] < n.grid[k] {
				break
			}
			at[k] = 0
		}
	}
	return nil
}

// arrayElements says how an array index lays out one chunk's entry.
type arrayElements struct {
	size      int // bytes of an entry
	filtered  bool
	chunkSize int64
}

// newArrayElements checks the entry size that an array's header declares.
func (d *Dataset) newArrayElements(client byte, size int) (arrayElements, error) {
	e := arrayElements{size: size, filtered: client == 1, chunkSize: d.layout.chunkSize}
	width := size - d.f.src.osize - 4
	if client > 1 || e.filtered != (len(d.filters) > 0) ||
		!e.filtered && size != d.f.src.osize || e.filtered && (width < 1 || width > 8) {
		return e, formatErrorf("chunk index entries of %d bytes of kind %d", size, client)
	}
	return e, nil
}

// decode reads one entry; the position is the caller's to fill in.
func (e arrayElements) decode(c *cursor) chunk {
	out := chunk{addr: c.addr(), size: e.chunkSize}
	if e.filtered {
		out.size, out.mask = int64(c.uint(e.size-c.osize-4)&(1<<62-1)), c.u32()
	}
	return out
}
