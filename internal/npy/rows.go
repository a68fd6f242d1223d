package npy

import (
	"archive/zip"
	"bytes"
	"fmt"
	"io"

	"kerasgo/internal/safeio"
	"kerasgo/nn/graph"
)

// Rows reads an array row by row, where it lies in its archive; none of it stays in memory. It may be used by several
// goroutines at once, for as long as the archive is open.
type Rows struct {
	graph.Spec
	a    *Archive
	name string
	h    header
	base int64 // where row 0 begins in the file
	row  int   // bytes of a row in the file
}

// Rows gives access to an array's rows. ok is false where they can't be read apart: the entry is compressed, or the array
// has no dimensions, or its first axis is the fastest.
func (a *Archive) Rows(name string) (r *Rows, ok bool, err error) {
	f, e, err := a.open(name)
	if err != nil {
		return nil, false, err
	}
	where := safeio.Where{Object: f.Name}
	h, err := readHeader(e, int64(f.UncompressedSize64))
	if err != nil {
		return nil, false, safeio.At(err, where)
	}
	if f.Method != zip.Store || len(h.shape) == 0 || h.fortran && len(h.shape) > 1 {
		return nil, false, nil
	}
	if err := h.fits(int64(f.UncompressedSize64), budget{max: 1 << 62}); err != nil {
		return nil, false, safeio.At(err, where)
	}
	at, err := f.DataOffset()
	if err != nil || !safeio.Within(at, int64(f.UncompressedSize64), a.size) {
		return nil, false, &safeio.FormatError{Where: where, Msg: "a broken archive", Err: err}
	}
	return &Rows{Spec: graph.Spec{Shape: h.shape, DType: h.dtype}, a: a, name: name, h: *h,
		base: at + int64(h.length), row: h.shape[1:].Size() * h.item}, true, nil
}

// Read fills t, whose rows are like the array's, with the given ones.
func (r *Rows) Read(t *graph.Tensor, rows []int) error {
	raw := make([]byte, r.row)
	for i, row := range rows {
		if row < 0 || row >= r.Shape[0] {
			return fmt.Errorf("npy: row %d of %d", row, r.Shape[0])
		}
		err := safeio.ReadFull(r.a.r, raw, r.base+int64(row)*int64(r.row))
		if err == nil {
			err = r.decode(t, i, 1, raw)
		}
		if err != nil {
			return safeio.At(err, safeio.Where{Object: r.name})
		}
	}
	return nil
}

// decode turns the bytes of n rows into those of t from row at on.
func (r *Rows) decode(t *graph.Tensor, at, n int, raw []byte) error {
	h := r.h
	h.count = n * r.Shape[1:].Size()
	if h.count == 0 {
		return nil
	}
	return h.decode(t.Rows(at, at+n), bytes.NewReader(raw))
}

// Scan reads the whole array once, in order, in pieces of about a megabyte, and checks the entry's sum. f gets each piece,
// which it mustn't keep, and the number of its first row.
func (r *Rows) Scan(f func(first int, piece *graph.Tensor) error) error {
	_, e, err := r.a.open(r.name)
	if err != nil {
		return err
	}
	where := safeio.Where{Object: r.name}
	if _, err := readHeader(e, e.left); err != nil {
		return safeio.At(err, where)
	}
	per := max(min((1<<20)/max(r.row, 1), r.Shape[0]), 1)
	raw := make([]byte, per*r.row)
	t := graph.New(graph.Spec{Shape: append(graph.Shape{per}, r.Shape[1:]...), DType: r.DType})
	for at := 0; at < r.Shape[0]; at += per {
		n := min(per, r.Shape[0]-at)
		if _, err := io.ReadFull(e, raw[:n*r.row]); err != nil {
			return safeio.At(short(err), where)
		}
		if err := r.decode(t, 0, n, raw[:n*r.row]); err != nil {
			return safeio.At(err, where)
		}
		if err := f(at, t.Rows(0, n)); err != nil {
			return safeio.At(err, where)
		}
	}
	return safeio.At(e.end(), where)
}
