package tfrecord

import (
	"encoding/binary"
	"io"
)

// Writer writes records. A record reaches the underlying writer in one call of Write, so that a program that ends between
// two of them leaves whole records only.
type Writer struct {
	to  io.Writer
	buf []byte
}

// NewWriter makes a Writer to w.
func NewWriter(w io.Writer) *Writer { return &Writer{to: w} }

// Write writes one record. The error is the underlying writer's.
func (w *Writer) Write(record []byte) error {
	b := binary.LittleEndian.AppendUint64(w.buf[:0], uint64(len(record)))
	b = binary.LittleEndian.AppendUint32(b, Sum(b))
	b = append(b, record...)
	b = binary.LittleEndian.AppendUint32(b, Sum(record))
	w.buf = b
	_, err := w.to.Write(b)
	return err
}
