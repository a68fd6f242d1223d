package hdf5

import (
	"math/bits"
)

// encodedSize returns the number of bytes that libhdf5 uses for numbers up to
// limit (H5VM_limit_enc_size).
func encodedSize(limit uint64) int {
	if limit == 0 {
		return 1
	}
	return (bits.Len64(limit)-1)/8 + 1
}

// btree2 is a version 2 B-tree while it is walked.
type btree2 struct {
	w        *walker
	kind     byte
	nodeSize int
	recSize  int
	levels   []btree2Level
	each     func(rec *cursor) error
	left     int64 // records that the header promises and that didn't come yet
}

// btree2Level says how nodes of one level are laid out, level 0 being leaves.
type btree2Level struct {
	maxRecords uint64 // in one node
	cumulative uint64 // in one node and everything below
	cumSize    int    // bytes of such a number; 0 for leaves
}

// btree2 calls each for every record, in the tree's order.
func (w *walker) btree2(addr uint64, kind byte, each func(rec *cursor) error) error {
	src := &w.f.src
	c, err := src.checked(addr, int64(22+src.osize+src.lsize), "BTHD")
	if err != nil {
		return err
	}
	c.version("B-tree", 0)
	t := &btree2{w: w, kind: c.u8(), each: each}
	t.nodeSize, t.recSize = int(c.u32()), c.u16()
	depth := c.u16()
	c.skip(2) // when to split and merge
	root, n := c.addr(), c.u16()
	t.left = c.length()
	if c.err != nil {
		return c.err
	}
	switch {
	case t.kind != kind:
		return formatErrorf("B-tree of kind %d, want %d", t.kind, kind)
	case depth > maxTreeDepth:
		return formatErrorf("B-tree of depth %d", depth)
	case t.recSize == 0 || t.nodeSize < 10+t.recSize || int64(t.nodeSize) > 1<<30:
		return formatErrorf("B-tree nodes of %d bytes with records of %d", t.nodeSize, t.recSize)
	}
	if root == undef || n == 0 {
		return nil
	}
	t.plan(depth)
	if err := t.node(root, depth, n); err != nil {
		return err
	}
	if t.left != 0 {
		return formatErrorf("B-tree holds %d records more or less than it says", t.left)
	}
	return nil
}

// nodeOverhead is a node's signature, version, kind and checksum.
const nodeOverhead = 10

// plan works out how the nodes of each level are laid out.
func (t *btree2) plan(depth int) {
	leaf := uint64(t.nodeSize-nodeOverhead) / uint64(t.recSize)
	t.levels = []btree2Level{{maxRecords: leaf, cumulative: leaf}}
	for u := 1; u <= depth; u++ {
		below := t.levels[u-1]
		n := uint64(max(0, t.nodeSize-nodeOverhead-t.pointerSize(u))) / uint64(t.recSize+t.pointerSize(u))
		hi, cum := bits.Mul64(n+1, below.cumulative)
		if hi != 0 || cum > 1<<62 {
			cum = 1 << 62 // larger than any file's; only its width matters
		}
		cum += n
		t.levels = append(t.levels, btree2Level{maxRecords: n, cumulative: cum, cumSize: encodedSize(cum)})
	}
}

// pointerSize returns the bytes that one child takes in a node of level u > 0:
// its address, its number of records, and those below it if it isn't a leaf.
func (t *btree2) pointerSize(u int) int {
	return t.w.f.src.osize + encodedSize(t.levels[0].maxRecords) + t.levels[u-1].cumSize
}

// node walks the node at addr, which holds n records.
func (t *btree2) node(addr uint64, level, n int) error {
	if err := t.w.visit(addr); err != nil {
		return err
	}
	if uint64(n) > t.levels[level].maxRecords {
		return formatErrorf("B-tree node of %d records, at most %d fit", n, t.levels[level].maxRecords)
	}
	signature, size := "BTLF", nodeOverhead+n*t.recSize
	if level > 0 {
		signature = "BTIN"
		size += (n + 1) * t.pointerSize(level)
	}
	c, err := t.w.f.src.checked(addr, int64(size), signature)
	if err != nil {
		return err
	}
	c.version("B-tree node", 0)
	if kind := c.u8(); kind != t.kind && c.err == nil {
		return formatErrorf("B-tree node of kind %d in a tree of kind %d", kind, t.kind)
	}
	records := make([]*cursor, n)
	for i := range records {
		records[i] = t.w.f.src.decode(c.take(t.recSize))
	}
	if c.err != nil {
		return c.err
	}
	for i := 0; i <= n; i++ {
		if level > 0 {
			child := c.addr()
			count := int(c.uint(encodedSize(t.levels[0].maxRecords)))
			c.skip(t.levels[level-1].cumSize)
			if c.err != nil {
				return c.err
			}
			if err := t.node(child, level-1, count); err != nil {
				return err
			}
		}
		if i == n {
			break
		}
		if err := t.w.count(); err != nil {
			return err
		}
		t.left--
		if err := t.each(records[i]); err != nil {
			return err
		}
		if records[i].err != nil {
			return records[i].err
		}
	}
	return nil
}
