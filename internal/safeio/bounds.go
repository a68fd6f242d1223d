package safeio

import (
	"errors"
	"fmt"
	"io"
	"math/bits"
)

// Product multiplies non-negative numbers and reports whether the result fits
// an int64. The product of nothing is 1; a negative factor is not ok.
func Product(factors ...int64) (p int64, ok bool) {
	p = 1
	zero := false
	for _, f := range factors {
		if f < 0 {
			return 0, false
		}
		if f == 0 {
			zero = true
		}
	}
	if zero {
		return 0, true
	}
	for _, f := range factors {
		hi, lo := bits.Mul64(uint64(p), uint64(f))
		if hi != 0 || lo > 1<<63-1 {
			return 0, false
		}
		p = int64(lo)
	}
	return p, true
}

// ProductInts is [Product] for ints, as shapes are.
func ProductInts(factors ...int) (p int, ok bool) {
	v := make([]int64, len(factors))
	for i, f := range factors {
		v[i] = int64(f)
	}
	q, ok := Product(v...)
	return int(q), ok && int64(int(q)) == q
}

// Within reports whether n bytes at offset off lie inside [0, size), without
// overflow.
func Within(off, n, size int64) bool {
	return off >= 0 && n >= 0 && off <= size && n <= size-off
}

// Slice reads n bytes at offset off of a source that holds size bytes. It
// checks the range before it allocates, so n may come from the file itself.
func Slice(r io.ReaderAt, size, off, n int64) ([]byte, error) {
	if !Within(off, n, size) {
		return nil, &FormatError{Msg: fmt.Sprintf("%d bytes at offset %d lie outside the file of %d bytes", n, off, size)}
	}
	if int64(int(n)) != n {
		return nil, &LimitError{Msg: fmt.Sprintf("%d bytes don't fit this machine's memory", n)}
	}
	b := make([]byte, n)
	return b, ReadFull(r, b, off)
}

// ReadFull fills b from offset off. A source that ends early is a
// [FormatError]: it shrank after its size was taken.
func ReadFull(r io.ReaderAt, b []byte, off int64) error {
	if len(b) == 0 {
		return nil
	}
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		return &FormatError{Msg: fmt.Sprintf("the file ends at offset %d", off+int64(n)), Err: io.ErrUnexpectedEOF}
	}
	return fmt.Errorf("reading %d bytes at offset %d: %w", len(b), off, err)
}

// ReadAll reads r to its end, and no further than max bytes: more is a
// [LimitError]. Memory grows with what is there, never with what is declared.
func ReadAll(r io.Reader, max int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, max+1))
	if err != nil {
		return nil, err
	}
	if int64(len(b)) > max {
		return nil, &LimitError{Msg: "holds more than " + Bytes(uint64(max)), Limit: Bytes(uint64(max))}
	}
	return b, nil
}
