package hdf5

import (
	"bytes"
	"strconv"

	"kerasgo/internal/safeio"
)

// walker carries what keeps the descent of one tree finite.
type walker struct {
	f       *File
	visited map[uint64]bool
	objects int
}

func newWalker(f *File) *walker { return &walker{f: f, visited: make(map[uint64]bool)} }

// visit refuses to see a block twice.
func (w *walker) visit(addr uint64) error {
	if w.visited[addr] {
		return formatErrorf("a tree contains the block at address %#x twice", addr)
	}
	w.visited[addr] = true
	return nil
}

// count refuses more objects than the limits allow.
func (w *walker) count() error {
	if w.objects++; w.objects > w.f.limits.MaxObjects {
		return tooManyObjects(w.f)
	}
	return nil
}

func tooManyObjects(f *File) error {
	return &safeio.LimitError{Msg: "the file holds too many objects", Limit: strconv.Itoa(f.limits.MaxObjects)}
}

// maxTreeDepth bounds trees of either version; 2^32 objects need far less.
const maxTreeDepth = 32

// btree1 calls leaf for every child of a version 1 B-tree's lowest level, with
// the key before it. keySize is in bytes; kind 0 holds groups, 1 chunks.
func (w *walker) btree1(addr uint64, kind byte, keySize int, leaf func(key *cursor, child uint64) error) error {
	return w.btree1Node(addr, kind, keySize, -1, leaf)
}

// btree1Node descends into one node, whose level must be the one given unless
// that is -1 for the root.
func (w *walker) btree1Node(addr uint64, kind byte, keySize, level int, leaf func(key *cursor, child uint64) error) error {
	if err := w.visit(addr); err != nil {
		return err
	}
	src := &w.f.src
	prefix := 8 + 2*src.osize
	c, err := src.cursor(addr, int64(prefix))
	if err != nil {
		return err
	}
	if sig := c.take(4); string(sig) != "TREE" {
		return signatureError(sig, "TREE")
	}
	gotKind, gotLevel, used := c.u8(), int(c.u8()), c.u16()
	if gotKind != kind {
		return formatErrorf("B-tree of kind %d, want %d", gotKind, kind)
	}
	if level >= 0 && gotLevel != level || gotLevel > maxTreeDepth {
		return formatErrorf("B-tree node of level %d below one of level %d", gotLevel, level+1)
	}
	if used == 0 {
		return nil
	}
	entry := keySize + src.osize
	if c, err = src.cursor(addr+uint64(prefix), int64(used)*int64(entry)); err != nil {
		return err
	}
	for range used {
		key := src.decode(c.take(keySize))
		child := c.addr()
		if c.err != nil {
			return c.err
		}
		if gotLevel > 0 {
			err = w.btree1Node(child, kind, keySize, gotLevel-1, leaf)
		} else {
			err = leaf(key, child)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// symbolTable reads an old group's links: a B-tree of symbol table nodes, with
// the names in a local heap.
func (f *File) symbolTable(data []byte) ([]link, error) {
	c := f.src.decode(data)
	tree, heap := c.addr(), c.addr()
	if c.err != nil {
		return nil, c.err
	}
	names, err := f.localHeap(heap)
	if err != nil {
		return nil, err
	}
	var links []link
	w := newWalker(f)
	err = w.btree1(tree, 0, f.src.lsize, func(_ *cursor, child uint64) error {
		if err := w.visit(child); err != nil {
			return err
		}
		return f.symbolNode(child, func(name uint64, target link) error {
			if err := w.count(); err != nil {
				return err
			}
			if name >= uint64(len(names)) {
				return formatErrorf("link name at %d in a heap of %d bytes", name, len(names))
			}
			text := names[name:]
			n := bytes.IndexByte(text, 0)
			if n < 0 {
				return formatErrorf("link name doesn't end")
			}
			target.name = string(text[:n])
			links = append(links, target)
			return nil
		})
	})
	return links, err
}

// symbolNode decodes one symbol table node.
func (f *File) symbolNode(addr uint64, each func(name uint64, l link) error) error {
	c, err := f.src.cursor(addr, 8)
	if err != nil {
		return err
	}
	if sig := c.take(4); string(sig) != "SNOD" {
		return signatureError(sig, "SNOD")
	}
	c.version("symbol table node", 1)
	c.skip(1)
	n := c.u16()
	if c.err != nil {
		return c.err
	}
	if c, err = f.src.cursor(addr+8, int64(n)*int64(f.src.lsize+f.src.osize+24)); err != nil {
		return err
	}
	for range n {
		name, target := c.uint(f.src.lsize), c.addr()
		cache := c.u32()
		c.skip(20)
		if c.err != nil {
			return c.err
		}
		l := link{kind: linkHard, addr: target}
		if cache == 2 {
			l.kind = linkSoft
		}
		if err := each(name, l); err != nil {
			return err
		}
	}
	return nil
}

// localHeap returns the data of the local heap at addr.
func (f *File) localHeap(addr uint64) ([]byte, error) {
	c, err := f.src.cursor(addr, int64(8+2*f.src.lsize+f.src.osize))
	if err != nil {
		return nil, err
	}
	if sig := c.take(4); string(sig) != "HEAP" {
		return nil, signatureError(sig, "HEAP")
	}
	c.version("local heap", 0)
	c.skip(3)
	size := c.length()
	c.skip(f.src.lsize) // the list of free blocks
	data := c.addr()
	if c.err != nil {
		return nil, c.err
	}
	return f.src.bytes(data, size)
}
