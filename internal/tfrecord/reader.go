package tfrecord

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"kerasgo/internal/safeio"
)

// Reader reads records one after another, and checks both sums of each.
type Reader struct {
	from   io.Reader
	most   int64
	record int64 // records read
	offset int64 // where the next one begins
	last   int64 // where the last one began
	buf    []byte
}

// NewReader makes a Reader of r. A record of more than most bytes is a LimitError.
func NewReader(r io.Reader, most int64) *Reader { return &Reader{from: r, most: most} }

// Offset is where the record that Next gave last begins.
func (r *Reader) Offset() int64 { return r.last }

// Next reads a record, which is good until the next call; io.EOF says that there is none. Other errors are safeio's and
// name the record, counted from 0, and its offset.
func (r *Reader) Next() ([]byte, error) {
	var head [headerSize]byte
	r.last = r.offset
	n, err := io.ReadFull(r.from, head[:])
	if errors.Is(err, io.EOF) && n == 0 {
		return nil, io.EOF
	}
	if err != nil {
		return nil, r.broken(err)
	}
	size, err := Length(head[:], r.most)
	if err != nil {
		return nil, r.at(err)
	}
	if err := r.fill(size + footerSize); err != nil {
		return nil, r.broken(err)
	}
	if err := Check(r.buf); err != nil {
		return nil, r.at(err)
	}
	r.offset += headerSize + size + footerSize
	r.record++
	return r.buf[:size], nil
}

// fill reads n bytes into r.buf, whose memory grows with what is there, never with what was declared.
func (r *Reader) fill(n int64) error {
	const step = 1 << 20
	r.buf = r.buf[:0]
	for int64(len(r.buf)) < n {
		at := len(r.buf)
		more := int(min(n-int64(at), step))
		if cap(r.buf)-at < more {
			r.buf = append(make([]byte, 0, max(2*cap(r.buf), at+more)), r.buf...)
		}
		r.buf = r.buf[:at+more]
		if _, err := io.ReadFull(r.from, r.buf[at:]); err != nil {
			return err
		}
	}
	return nil
}

func (r *Reader) broken(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = &safeio.FormatError{Msg: "the file ends within the record", Err: io.ErrUnexpectedEOF}
	}
	return r.at(err)
}

func (r *Reader) at(err error) error { return safeio.At(err, Place(r.record, r.last)) }

// Place is how errors name a record, counted from 0, that begins at an offset.
func Place(record, offset int64) safeio.Where {
	return safeio.Where{Object: fmt.Sprintf("record %d at offset %d", record, offset)}
}

// HeaderSize and FooterSize are the bytes that stand before and after a record's own.
const (
	HeaderSize = headerSize
	FooterSize = footerSize
)

// Length reads the length of a record from the HeaderSize bytes that stand before it.
func Length(head []byte, most int64) (int64, error) {
	size := binary.LittleEndian.Uint64(head)
	if want, got := Sum(head[:8]), binary.LittleEndian.Uint32(head[8:]); got != want {
		return 0, &safeio.FormatError{Msg: "the checksum of the length is wrong", Want: fmt.Sprintf("%08x", want), Got: fmt.Sprintf("%08x", got)}
	}
	if size > uint64(most) {
		return 0, &safeio.LimitError{Msg: "declares " + safeio.Bytes(size), Limit: safeio.Bytes(uint64(most))}
	}
	return int64(size), nil
}

// Check holds a record against the sum in the FooterSize bytes behind it.
func Check(b []byte) error {
	record := b[:len(b)-footerSize]
	if want, got := Sum(record), binary.LittleEndian.Uint32(b[len(record):]); got != want {
		return &safeio.FormatError{Msg: "the checksum of the record is wrong", Want: fmt.Sprintf("%08x", want), Got: fmt.Sprintf("%08x", got)}
	}
	return nil
}

// Sniff says whether a file that begins with head holds records: their first length is followed by its sum.
func Sniff(head []byte) bool {
	return len(head) >= headerSize && binary.LittleEndian.Uint32(head[8:]) == Sum(head[:8])
}
