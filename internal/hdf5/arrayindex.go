package hdf5

import (
	"math/bits"
)

// chunksFixed lists the chunks of a fixed array: the index of datasets that
// can't grow.
func (d *Dataset) chunksFixed(each func(chunk) error) error {
	src := &d.f.src
	c, err := src.checked(d.layout.addr, int64(12+src.lsize+src.osize), "FAHD")
	if err != nil {
		return err
	}
	c.version("fixed array", 0)
	client, size, pageBits := c.u8(), int(c.u8()), int(c.u8())
	total, data := c.length(), c.addr()
	if c.err != nil {
		return c.err
	}
	elems, err := d.newArrayElements(client, size)
	if err != nil {
		return err
	}
	if data == undef {
		return nil
	}
	if pageBits < 1 || pageBits > 30 {
		return formatErrorf("fixed array of %d entries in pages of 2^%d", total, pageBits)
	}
	a := &fixedArray{d: d, elems: elems, total: total, perPage: 1 << pageBits}
	if err := a.open(data); err != nil {
		return err
	}
	n, err := newNumbering(d)
	if err != nil {
		return err
	}
	return n.all(func(i int64, at []int64) error {
		c, err := a.entry(i)
		if err != nil {
			return err
		}
		c.at = at
		return each(c)
	})
}

// fixedArray is a fixed array's data block.
type fixedArray struct {
	d       *Dataset
	elems   arrayElements
	total   int64
	perPage int64

	addr   uint64  // of the first page
	bitmap []byte  // which pages were written; nil when there are no pages
	page   *cursor // the page read last
	number int64   // and its number
}

func (a *fixedArray) open(addr uint64) error {
	src := &a.d.f.src
	n := int64(6 + src.osize)
	paged := a.total > a.perPage
	if paged {
		pages := (a.total + a.perPage - 1) / a.perPage
		n += (pages + 7) / 8
	} else {
		n += a.total * int64(a.elems.size)
	}
	c, err := src.checked(addr, n+4, "FADB")
	if err != nil {
		return err
	}
	c.version("fixed array block", 0)
	c.skip(1) // client, as in the header
	if owner := c.addr(); owner != a.d.layout.addr && c.err == nil {
		return formatErrorf("fixed array block belongs to another array")
	}
	rest := c.take(c.left())
	if c.err != nil {
		return c.err
	}
	if paged {
		a.addr, a.bitmap, a.number = addr+uint64(n)+4, rest, -1
	} else {
		a.page = src.decode(rest)
	}
	return nil
}

// entry returns entry i; one that was never written has the address undef.
func (a *fixedArray) entry(i int64) (chunk, error) {
	if i >= a.total {
		return chunk{}, formatErrorf("chunk %d in an index of %d", i, a.total)
	}
	if a.bitmap != nil {
		p := i / a.perPage
		if a.bitmap[p/8]&(0x80>>(p%8)) == 0 {
			return chunk{addr: undef}, nil
		}
		if p != a.number {
			if err := a.read(p); err != nil {
				return chunk{}, err
			}
		}
		i %= a.perPage
	}
	a.page.off = int(i) * a.elems.size
	c := a.elems.decode(a.page)
	return c, a.page.err
}

// read reads and verifies page p; the last one may be shorter.
func (a *fixedArray) read(p int64) error {
	n := min(a.perPage, a.total-p*a.perPage) * int64(a.elems.size)
	at := a.addr + uint64(p*(a.perPage*int64(a.elems.size)+4))
	c, err := a.d.f.src.checked(at, n+4, "")
	a.page, a.number = c, p
	return err
}

// extensible is an extensible array: the index of datasets with one unlimited
// dimension. Its entries lie in the index block, then in data blocks that the
// index block knows, then in data blocks that super blocks know.
type extensible struct {
	d        *Dataset
	elems    arrayElements
	inIndex  int64 // entries in the index block
	minBlock int64 // entries of the smallest data block
	maxBits  int   // bits of an entry's number
	perPage  int64 // entries of a page of a large data block

	direct *cursor  // entries in the index block
	blocks []uint64 // data blocks that the index block knows
	supers []uint64 // super blocks

	super  *superBlock // the one read last
	data   *cursor     // the data block or page read last
	dataAt uint64      // and its address
}

// superBlock lists data blocks of one size.
type superBlock struct {
	number int
	bitmap []byte // pages written
	blocks []uint64
}

func (d *Dataset) chunksExtensible(each func(chunk) error) error {
	src := &d.f.src
	c, err := src.checked(d.layout.addr, int64(16+6*src.lsize+src.osize), "EAHD")
	if err != nil {
		return err
	}
	c.version("extensible array", 0)
	client, size := c.u8(), int(c.u8())
	a := &extensible{d: d, maxBits: int(c.u8()), inIndex: int64(c.u8()), minBlock: int64(c.u8())}
	minPointers, pageBits := int(c.u8()), int(c.u8())
	c.skip(6 * src.lsize) // statistics
	index := c.addr()
	if c.err != nil {
		return c.err
	}
	if a.elems, err = d.newArrayElements(client, size); err != nil {
		return err
	}
	powers := func(v int) bool { return v > 0 && v&(v-1) == 0 }
	if a.maxBits < 1 || a.maxBits > 62 || !powers(int(a.minBlock)) || !powers(minPointers) || minPointers < 2 ||
		pageBits > 30 || bits.Len(uint(a.minBlock)) > a.maxBits {
		return formatErrorf("extensible array of 2^%d entries, blocks of %d, %d pointers, pages of 2^%d", a.maxBits, a.minBlock, minPointers, pageBits)
	}
	a.perPage = 1 << pageBits
	if index == undef {
		return nil
	}
	if err := a.open(index, minPointers); err != nil {
		return err
	}
	n, err := newNumbering(d)
	if err != nil {
		return err
	}
	return n.all(func(i int64, at []int64) error {
		c, err := a.entry(i)
		if err != nil {
			return err
		}
		c.at = at
		return each(c)
	})
}

// open reads the index block.
func (a *extensible) open(addr uint64, minPointers int) error {
	src := &a.d.f.src
	supers := 1 + a.maxBits - (bits.Len(uint(a.minBlock)) - 1)
	inIndex := 2 * (bits.Len(uint(minPointers)) - 1) // super blocks whose data blocks the index block lists
	blocks := 2 * (minPointers - 1)
	supers = max(0, supers-inIndex)
	n := 6 + src.osize + int(a.inIndex)*a.elems.size + (blocks+supers)*src.osize + 4
	c, err := src.checked(addr, int64(n), "EAIB")
	if err != nil {
		return err
	}
	if err := a.prefix(c); err != nil {
		return err
	}
	a.direct = src.decode(c.take(int(a.inIndex) * a.elems.size))
	for range blocks {
		a.blocks = append(a.blocks, c.addr())
	}
	for range supers {
		a.supers = append(a.supers, c.addr())
	}
	return c.err
}

// prefix decodes what every block of the array begins with.
func (a *extensible) prefix(c *cursor) error {
	c.version("extensible array block", 0)
	c.skip(1) // client, as in the header
	if owner := c.addr(); owner != a.d.layout.addr && c.err == nil {
		return formatErrorf("extensible array block belongs to another array")
	}
	return c.err
}

// entry returns entry i; one that was never written has the address undef.
func (a *extensible) entry(i int64) (chunk, error) {
	if i < a.inIndex {
		return a.decode(a.direct, i)
	}
	i -= a.inIndex
	if i >= 1<<a.maxBits {
		return chunk{}, formatErrorf("chunk %d in an index of 2^%d", i, a.maxBits)
	}
	// Super block s lists 2^(s/2) data blocks of 2^((s+1)/2) x minBlock entries.
	s := bits.Len64(uint64(i/a.minBlock+1)) - 1
	i -= (1<<s - 1) * a.minBlock
	perBlock := a.minBlock << ((s + 1) / 2)
	block := i / perBlock
	i %= perBlock

	// Data blocks of the first super blocks are listed by the index block.
	before := int64(0)
	for k := range s {
		before += 1 << (k / 2)
	}
	if before < int64(len(a.blocks)) {
		if perBlock > a.perPage {
			return chunk{}, unsupportedf("extensible array with pages in its index block")
		}
		return a.inBlock(a.blocks[before+block], perBlock, i)
	}
	first := 0 // the number of the first super block that has a block of its own
	for k := 0; k < len(a.blocks); first++ {
		k += 1 << (first / 2)
	}
	if s-first >= len(a.supers) || a.supers[s-first] == undef {
		return chunk{addr: undef}, nil
	}
	if a.super == nil || a.super.number != s {
		if err := a.readSuper(s, a.supers[s-first], perBlock); err != nil {
			return chunk{}, err
		}
	}
	addr := a.super.blocks[block]
	if perBlock <= a.perPage {
		return a.inBlock(addr, perBlock, i)
	}
	return a.inPage(addr, block, perBlock, i)
}

func (a *extensible) decode(c *cursor, i int64) (chunk, error) {
	c.off = int(i) * a.elems.size
	out := a.elems.decode(c)
	return out, c.err
}

// offsetSize is the width of a block's own place in the array.
func (a *extensible) offsetSize() int { return (a.maxBits + 7) / 8 }

// readSuper reads super block s.
func (a *extensible) readSuper(s int, addr uint64, perBlock int64) error {
	src := &a.d.f.src
	blocks := int64(1) << (s / 2)
	bitmap := int64(0)
	if perBlock > a.perPage {
		bitmap = blocks * ((perBlock/a.perPage + 7) / 8)
	}
	if blocks > src.size || bitmap > src.size {
		return formatErrorf("extensible array super block of %d blocks", blocks)
	}
	c, err := src.checked(addr, int64(6+src.osize+a.offsetSize())+bitmap+blocks*int64(src.osize)+4, "EASB")
	if err != nil {
		return err
	}
	if err := a.prefix(c); err != nil {
		return err
	}
	c.skip(a.offsetSize())
	a.super = &superBlock{number: s, bitmap: c.take(int(bitmap))}
	for range blocks {
		a.super.blocks = append(a.super.blocks, c.addr())
	}
	return c.err
}

// inBlock returns entry i of the data block at addr, which isn't paged.
func (a *extensible) inBlock(addr uint64, perBlock, i int64) (chunk, error) {
	if addr == undef {
		return chunk{addr: undef}, nil
	}
	if a.data == nil || a.dataAt != addr {
		src := &a.d.f.src
		if perBlock > src.size {
			return chunk{}, formatErrorf("extensible array block of %d entries", perBlock)
		}
		c, err := src.checked(addr, int64(6+src.osize+a.offsetSize()+4)+perBlock*int64(a.elems.size), "EADB")
		if err != nil {
			return chunk{}, err
		}
		if err := a.prefix(c); err != nil {
			return chunk{}, err
		}
		c.skip(a.offsetSize())
		a.data, a.dataAt = src.decode(c.take(c.left())), addr
	}
	return a.decode(a.data, i)
}

// inPage returns entry i of a data block of pages, each with a checksum.
func (a *extensible) inPage(addr uint64, block, perBlock, i int64) (chunk, error) {
	pages := perBlock / a.perPage
	page := i / a.perPage
	bit := block*pages + page
	if addr == undef || a.super.bitmap[bit/8]&(0x80>>(bit%8)) == 0 {
		return chunk{addr: undef}, nil
	}
	src := &a.d.f.src
	n := a.perPage * int64(a.elems.size)
	at := addr + uint64(6+src.osize+a.offsetSize()+4) + uint64(page*(n+4))
	if a.data == nil || a.dataAt != at {
		c, err := src.checked(at, n+4, "")
		if err != nil {
			return chunk{}, err
		}
		a.data, a.dataAt = c, at
	}
	return a.decode(a.data, i%a.perPage)
}
