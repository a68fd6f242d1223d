package hdf5

import (
	"kerasgo/internal/safeio"
)

// Types of object header messages.
const (
	msgNil          = 0x00
	msgDataspace    = 0x01
	msgLinkInfo     = 0x02
	msgDatatype     = 0x03
	msgFillOld      = 0x04
	msgFill         = 0x05
	msgLink         = 0x06
	msgExternal     = 0x07
	msgLayout       = 0x08
	msgFilters      = 0x0b
	msgAttribute    = 0x0c
	msgContinuation = 0x10
	msgSymbolTable  = 0x11
	msgAttrInfo     = 0x15
	msgLast         = 0x18 // the last type that the specification knows
)

// Flags of object header messages.
const (
	flagShared      = 0x02
	flagFailUnknown = 0x80
)

// message is one object header message.
type message struct {
	typ   byte
	flags byte
	data  []byte
}

// header reads the messages of the object at addr, continuation blocks
// included.
func (f *File) header(addr uint64) ([]message, error) {
	b, err := f.src.bytes(addr, min(16, max(0, f.src.size-int64(min(addr, 1<<62)))))
	if err != nil {
		return nil, err
	}
	h := &headerReader{f: f, seen: map[uint64]bool{addr: true}}
	if len(b) >= 4 && string(b[:4]) == "OHDR" {
		err = h.version2(addr, b)
	} else {
		err = h.version1(addr, b)
	}
	if err != nil {
		return nil, err
	}
	return h.msgs, nil
}

type block struct {
	addr uint64
	size int64
}

// headerReader collects one object's messages.
type headerReader struct {
	f     *File
	msgs  []message
	seen  map[uint64]bool // blocks read, so that continuations can't loop
	queue []block         // continuations still to read
	order bool            // version 2 messages carry their creation order
}

func (h *headerReader) version1(addr uint64, prefix []byte) error {
	c := h.f.src.decode(prefix)
	if v := c.u8(); v != 1 && c.err == nil {
		return formatErrorf("no object header at address %#x", addr)
	}
	c.skip(1)
	total := c.u16()
	c.skip(4)
	size := c.u32()
	if c.err != nil {
		return c.err
	}
	h.queue = append(h.queue, block{addr + 16, int64(size)})
	for read := 0; len(h.queue) > 0; read++ {
		if read > h.f.limits.MaxObjects {
			return tooManyBlocks(h.f)
		}
		next := h.queue[0]
		h.queue = h.queue[1:]
		b, err := h.f.src.bytes(next.addr, next.size)
		if err != nil {
			return err
		}
		c := h.f.src.decode(b)
		for c.left() >= 8 && len(h.msgs) < total {
			typ, size, flags := c.u16(), c.u16(), c.u8()
			c.skip(3)
			data := c.take(size)
			if c.err != nil {
				return c.err
			}
			if typ > 0xff {
				typ = 0xff
			}
			if err := h.add(message{byte(typ), flags, data}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (h *headerReader) version2(addr uint64, prefix []byte) error {
	c := h.f.src.decode(prefix)
	c.skip(4)
	c.version("object header", 2)
	flags := c.u8()
	if c.err != nil {
		return c.err
	}
	n := int64(6)
	if flags&0x20 != 0 { // four times of 4 bytes
		n += 16
	}
	if flags&0x10 != 0 { // when attributes move to dense storage
		n += 4
	}
	sizeLen := 1 << (flags & 3)
	h.order = flags&0x04 != 0
	b, err := h.f.src.bytes(addr+uint64(n), int64(sizeLen))
	if err != nil {
		return err
	}
	size := h.f.src.decode(b).uint(sizeLen)
	if size > uint64(h.f.src.size) {
		return formatErrorf("object header of %d bytes in a file of %d", size, h.f.src.size)
	}
	n += int64(sizeLen)
	c, err = h.f.src.checked(addr, n+int64(size)+4, "OHDR")
	if err != nil {
		return err
	}
	c.off = int(n)
	if err := h.messages2(c); err != nil {
		return err
	}
	for read := 0; len(h.queue) > 0; read++ {
		if read > h.f.limits.MaxObjects {
			return tooManyBlocks(h.f)
		}
		next := h.queue[0]
		h.queue = h.queue[1:]
		c, err := h.f.src.checked(next.addr, next.size, "OCHK")
		if err != nil {
			return err
		}
		if err := h.messages2(c); err != nil {
			return err
		}
	}
	return nil
}

// messages2 decodes the messages of one version 2 block. Up to a message
// prefix's size may be left over at the end: a gap.
func (h *headerReader) messages2(c *cursor) error {
	prefix := 4
	if h.order {
		prefix = 6
	}
	for c.left() >= prefix {
		typ, size, flags := c.u8(), c.u16(), c.u8()
		if h.order {
			c.skip(2)
		}
		data := c.take(size)
		if c.err != nil {
			return c.err
		}
		if err := h.add(message{typ, flags, data}); err != nil {
			return err
		}
	}
	return nil
}

// add keeps a message, or queues the block that it continues in.
func (h *headerReader) add(m message) error {
	switch {
	case m.typ == msgNil:
		// Kept for version 1's count of messages, which includes these.
		m.data = nil
	case m.typ == msgContinuation:
		c := h.f.src.decode(m.data)
		next := block{c.addr(), c.length()}
		if c.err != nil {
			return c.err
		}
		if h.seen[next.addr] {
			return formatErrorf("object header continues at address %#x again", next.addr)
		}
		h.seen[next.addr] = true
		h.queue = append(h.queue, next)
	case m.typ > msgLast && m.flags&flagFailUnknown != 0:
		return unsupportedf("object header message of type %#x", m.typ)
	}
	if len(h.msgs) >= h.f.limits.MaxObjects {
		return &safeio.LimitError{Msg: "an object header holds too many messages", Raise: "--max-size"}
	}
	h.msgs = append(h.msgs, m)
	return nil
}

func tooManyBlocks(f *File) error {
	return formatErrorf("object header is spread over more than %d blocks", f.limits.MaxObjects)
}

// find returns the first message of a type.
func find(msgs []message, typ byte) (message, bool) {
	for _, m := range msgs {
		if m.typ == typ {
			return m, true
		}
	}
	return message{}, false
}
