package hdf5

import (
	"encoding/binary"
	"fmt"
	"io"
	"sync/atomic"

	"kerasgo/internal/safeio"
)

// undef is the address of what isn't there, whatever the size of addresses.
const undef = ^uint64(0)

// source is the file as HDF5 addresses it: from the superblock on.
type source struct {
	r       io.ReaderAt
	base    int64        // where address 0 lies: the length of the user block
	size    int64        // bytes from there to the end
	osize   int          // bytes of an address ("size of offsets")
	lsize   int          // bytes of a length ("size of lengths")
	metaCap int64        // metadata that may be read in all
	meta    atomic.Int64 // and has been
}

// bytes reads n bytes of metadata at addr, after checking that they exist. The
// sum of all metadata read is bounded too: structures that overlap could
// otherwise make a small file cost hours.
func (s *source) bytes(addr uint64, n int64) ([]byte, error) {
	if err := s.check(addr, n); err != nil {
		return nil, err
	}
	if s.meta.Add(n) > s.metaCap {
		return nil, &safeio.LimitError{Msg: "metadata is read over and over", Limit: safeio.Bytes(uint64(s.metaCap))}
	}
	return safeio.Slice(s.r, s.base+s.size, s.base+int64(addr), n)
}

// check reports whether n bytes at addr lie inside the file.
func (s *source) check(addr uint64, n int64) error {
	if addr > 1<<62 || !safeio.Within(int64(addr), n, s.size) {
		return formatErrorf("%d bytes at address %#x lie outside the file of %d bytes", n, addr, s.size)
	}
	return nil
}

// readAt fills b with file contents from addr.
func (s *source) readAt(b []byte, addr uint64) error {
	if err := s.check(addr, int64(len(b))); err != nil {
		return err
	}
	return safeio.ReadFull(s.r, b, s.base+int64(addr))
}

// cursor returns a decoder of n bytes of metadata at addr.
func (s *source) cursor(addr uint64, n int64) (*cursor, error) {
	b, err := s.bytes(addr, n)
	if err != nil {
		return nil, err
	}
	return s.decode(b), nil
}

// decode returns a decoder of b.
func (s *source) decode(b []byte) *cursor {
	return &cursor{b: b, osize: s.osize, lsize: s.lsize}
}

// checked reads a version 2 structure of n bytes, whose last four are the
// checksum of the rest, verifies it and its signature, and returns a decoder
// that stands behind the signature and ends before the checksum.
func (s *source) checked(addr uint64, n int64, signature string) (*cursor, error) {
	b, err := s.bytes(addr, n)
	if err != nil {
		return nil, err
	}
	if err := verify(b, signature); err != nil {
		return nil, err
	}
	c := s.decode(b[:len(b)-4])
	c.off = len(signature)
	return c, nil
}

// verify checks a block's signature and its trailing checksum.
func verify(b []byte, signature string) error {
	if len(b) < len(signature)+4 || string(b[:len(signature)]) != signature {
		return signatureError(b, signature)
	}
	body, sum := b[:len(b)-4], binary.LittleEndian.Uint32(b[len(b)-4:])
	if got := lookup3(body); got != sum {
		return formatErrorf("%s block: checksum is %#08x, contents give %#08x", signature, sum, got)
	}
	return nil
}

func signatureError(b []byte, signature string) error {
	if len(b) > len(signature) {
		b = b[:len(signature)]
	}
	return &safeio.FormatError{Msg: "wrong signature", Want: fmt.Sprintf("%q", signature), Got: fmt.Sprintf("%q", b)}
}

func formatErrorf(format string, args ...any) error {
	return &safeio.FormatError{Msg: fmt.Sprintf(format, args...)}
}

func unsupportedf(format string, args ...any) error {
	return &safeio.UnsupportedError{Msg: fmt.Sprintf(format, args...)}
}

// cursor decodes little-endian metadata. The first read past the end sets err;
// every later one returns zeros, so a caller checks once per structure.
type cursor struct {
	b            []byte
	off          int
	osize, lsize int
	err          error
}

// left returns the number of bytes not yet read.
func (c *cursor) left() int { return len(c.b) - c.off }

// take returns the next n bytes.
func (c *cursor) take(n int) []byte {
	if c.err == nil && (n < 0 || n > c.left()) {
		c.err = formatErrorf("metadata ends early: %d more bytes are wanted, %d are left", n, c.left())
	}
	if c.err != nil {
		return nil
	}
	b := c.b[c.off : c.off+n : c.off+n]
	c.off += n
	return b
}

func (c *cursor) skip(n int) { c.take(n) }

// uint reads an unsigned number of n bytes, n at most 8.
func (c *cursor) uint(n int) uint64 {
	var v uint64
	for i, b := range c.take(n) {
		v |= uint64(b) << (8 * i)
	}
	return v
}

func (c *cursor) u8() byte    { return byte(c.uint(1)) }
func (c *cursor) u16() int    { return int(c.uint(2)) }
func (c *cursor) u32() uint32 { return uint32(c.uint(4)) }
func (c *cursor) u64() uint64 { return c.uint(8) }

// length reads a "length" field; lengths over 2^62 are broken.
func (c *cursor) length() int64 {
	v := c.uint(c.lsize)
	if v > 1<<62 && c.err == nil {
		c.err = formatErrorf("length %d is out of range", v)
		return 0
	}
	return int64(v)
}

// addr reads an address field; all ones become undef.
func (c *cursor) addr() uint64 {
	v := c.uint(c.osize)
	if c.osize < 8 && v == 1<<(8*c.osize)-1 {
		return undef
	}
	return v
}

// version reads a version byte and requires it to be one of those given.
func (c *cursor) version(what string, known ...byte) byte {
	v := c.u8()
	if c.err != nil {
		return 0
	}
	for _, k := range known {
		if v == k {
			return v
		}
	}
	c.err = unsupportedf("%s version %d", what, v)
	return v
}

// fail records an error of the caller's, unless there is one.
func (c *cursor) fail(err error) {
	if c.err == nil {
		c.err = err
	}
}
