package data

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"sort"

	"kerasgo/internal/safeio"
	"kerasgo/internal/tfrecord"
	"kerasgo/nn"
)

// Bounds of TFRecord files.
const (
	maxRecord = 256 << 20 // bytes of a record
	verified  = 1 << 30   // bytes of files whose records are all read when they are opened
	window    = 64 << 20  // bytes of records that a compressed file is shuffled within
)

// Records is a Source of tf.train.Examples in TFRecord files. In memory is where each of them begins.
type Records struct {
	*decoder
	files []recordFile
	size  int64
}

// recordFile is a file of records, and the number of its first one.
type recordFile struct {
	path    string
	f       *os.File
	first   int
	offsets []int64 // of the records, and the file's end
}

// OpenRecords opens TFRecord files as one set. If one of them is compressed (GZIP) the set is a [Stream], else a [*Records].
// What is used of an example, and how, follows from the first one. All records are read once, with their checksums and
// features, if the files are compressed or 1 GiB or less; of larger ones the lengths are, and the rest when it is asked for.
func OpenRecords(paths []string, o OpenOptions) (Source, error) {
	if len(paths) == 0 {
		return nil, errors.New("there are no TFRecord files")
	}
	r := &Records{decoder: &decoder{o: o}}
	for _, path := range paths {
		f, size, err := safeio.OpenRegular(path, o.Limits)
		if err != nil {
			r.Close()
			return nil, err
		}
		r.files = append(r.files, recordFile{path: path, f: f})
		r.size += size
		if zipped(f) {
			r.Close()
			return openRecordStream(paths, o)
		}
	}
	for i := range r.files {
		f := &r.files[i]
		f.first = r.n
		if err := r.index(f, r.size <= verified); err != nil {
			r.Close()
			return nil, safeio.At(err, safeio.Where{File: f.path})
		}
		r.n += len(f.offsets) - 1
	}
	return r, nil
}

func zipped(f io.ReaderAt) bool {
	var head [2]byte
	_, err := f.ReadAt(head[:], 0)
	return err == nil && head == [2]byte{0x1f, 0x8b}
}

// index finds the records of a file. The first one of all says what is read of each.
func (r *Records) index(f *recordFile, whole bool) error {
	if whole || f.first == 0 {
		all := tfrecord.NewReader(bufio.NewReaderSize(io.NewSectionReader(f.f, 0, 1<<62), 1<<16), maxRecord)
		for {
			raw, err := all.Next()
			if err == io.EOF {
				break
			}
			if err == nil {
				err = safeio.At(r.look(raw), tfrecord.Place(int64(len(f.offsets)), all.Offset()))
			}
			if err != nil {
				return err
			}
			if !whole {
				break
			}
			f.offsets = append(f.offsets, all.Offset())
		}
		if whole {
			f.offsets = append(f.offsets, all.Offset())
			return nil
		}
	}
	size, err := f.f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	var head [tfrecord.HeaderSize]byte
	for at := int64(0); ; {
		f.offsets = append(f.offsets, at)
		if at == size {
			return nil
		}
		where := tfrecord.Place(int64(len(f.offsets)-1), at)
		if err := safeio.ReadFull(f.f, head[:], at); err != nil {
			return safeio.At(err, where)
		}
		n, err := tfrecord.Length(head[:], maxRecord)
		if err == nil && !safeio.Within(at, tfrecord.HeaderSize+n+tfrecord.FooterSize, size) {
			err = &safeio.FormatError{Msg: "the file ends within the record", Err: io.ErrUnexpectedEOF}
		}
		if err != nil {
			return safeio.At(err, where)
		}
		at += tfrecord.HeaderSize + n + tfrecord.FooterSize
	}
}

// Close closes the files.
func (r *Records) Close() error {
	var errs []error
	for _, f := range r.files {
		errs = append(errs, f.f.Close())
	}
	return errors.Join(errs...)
}

func (r *Records) find(row int) (f *recordFile, at int) {
	i := sort.Search(len(r.files), func(i int) bool { return r.files[i].first > row }) - 1
	for r.files[i].first+len(r.files[i].offsets)-1 <= row { // files without records share a number
		i--
	}
	return &r.files[i], row - r.files[i].first
}

func (r *Records) where(row int) safeio.Where {
	f, at := r.find(row)
	w := tfrecord.Place(int64(at), f.offsets[at])
	w.File = f.path
	return w
}

// record reads one record.
func (r *Records) record(row int) ([]byte, error) {
	if row < 0 || row >= r.n {
		return nil, fmt.Errorf("record %d of %d", row, r.n)
	}
	f, at := r.find(row)
	raw := make([]byte, f.offsets[at+1]-f.offsets[at])
	if err := safeio.ReadFull(f.f, raw, f.offsets[at]); err != nil {
		return nil, err
	}
	n, err := tfrecord.Length(raw, maxRecord)
	if err == nil && n != int64(len(raw)-tfrecord.HeaderSize-tfrecord.FooterSize) {
		err = &safeio.FormatError{Msg: "the file has changed"}
	}
	if err == nil {
		raw = raw[tfrecord.HeaderSize:]
		err = tfrecord.Check(raw)
	}
	if err != nil {
		return nil, safeio.At(err, r.where(row))
	}
	return raw[:n], nil
}

// Read implements Source. Examples are decoded on all processors.
func (r *Records) Read(b *Batch, rows []int) error {
	r.room(b, len(rows))
	return parallel(len(rows), func(i int) error {
		raw, err := r.record(rows[i])
		if err == nil {
			err = safeio.At(r.decode(b, i, raw), r.where(rows[i]))
		}
		return err
	})
}

// compressed is a record of a file that is read as a stream.
type compressed struct {
	raw   []byte
	where safeio.Where
}

// openRecordStream looks through compressed files once, which also counts their records.
func openRecordStream(paths []string, o OpenOptions) (Source, error) {
	d := &decoder{o: o}
	var total int64
	for c, err := range records(paths, o.Limits) {
		if err == nil {
			err = safeio.At(d.look(c.raw), c.where)
		}
		if err != nil {
			return nil, err
		}
		d.n++
		total += int64(len(c.raw))
	}
	if d.n == 0 {
		return nil, &safeio.FormatError{Where: safeio.Where{File: paths[0]}, Msg: "holds no records"}
	}
	join := func(b *Batch, values []compressed, _ int) error {
		d.room(b, len(values))
		return parallel(len(values), func(i int) error {
			return safeio.At(d.decode(b, i, values[i].raw), values[i].where)
		})
	}
	mean := total/int64(d.n) + 64
	return &stream[compressed]{n: d.n, window: int(max(window/mean, 1)), join: join, open: func() iter.Seq2[compressed, error] {
		return func(yield func(compressed, error) bool) {
			for c, err := range records(paths, o.Limits) {
				c.raw = bytes.Clone(c.raw)
				if !yield(c, err) {
					return
				}
			}
		}
	}}, nil
}

// records goes over the records of files, compressed or not. A record is good until the next one.
func records(paths []string, limits safeio.Limits) iter.Seq2[compressed, error] {
	one := func(path string, yield func(compressed, error) bool) (more bool, err error) {
		f, _, err := safeio.OpenRegular(path, limits)
		if err != nil {
			return false, err
		}
		defer f.Close()
		from, err := inflated(f)
		if err != nil {
			return false, err
		}
		all := tfrecord.NewReader(bufio.NewReaderSize(from, 1<<16), maxRecord)
		for i := int64(0); ; i++ {
			raw, err := all.Next()
			if err == io.EOF {
				return true, nil
			}
			if err != nil {
				return false, err
			}
			where := tfrecord.Place(i, all.Offset())
			where.File = path
			if !yield(compressed{raw, where}, nil) {
				return false, nil
			}
		}
	}
	return func(yield func(compressed, error) bool) {
		for _, path := range paths {
			more, err := one(path, yield)
			if err != nil {
				yield(compressed{}, safeio.At(err, safeio.Where{File: path}))
			}
			if !more {
				return
			}
		}
	}
}

// Len implements Source.
func (d *decoder) Len() int { return d.n }

// rowOf is the shape of a row of n values: the one that is declared, if n values fill it.
func rowOf(declared nn.Shape, n int) nn.Shape {
	row, unknown, known := append(nn.Shape{}, declared...), -1, 1
	for i, d := range row {
		if d >= 0 {
			known *= d
			continue
		}
		if unknown >= 0 {
			return nn.Shape{n}
		}
		unknown = i
	}
	switch {
	case len(declared) == 0 && n == 1:
		return nil
	case len(declared) == 0:
		return nn.Shape{n}
	case unknown >= 0 && known > 0 && n%known == 0:
		row[unknown] = n / known
		return row
	case unknown < 0 && known == n:
		return row
	}
	return nn.Shape{n}
}
