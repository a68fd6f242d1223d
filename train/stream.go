package train

import (
	"context"
	"iter"

	"kerasgo/data"
)

// begin fills rows with the order in which a pass reads d; a Stream has an order of its own.
func begin(d data.Source, rows []int, o Options, epoch int) error {
	st, ok := d.(data.Stream)
	if !ok {
		order(rows, o, epoch)
		return nil
	}
	order(rows, Options{NoShuffle: true}, epoch)
	return st.Rewind(data.Pass{Shuffle: !o.NoShuffle, Seed: o.Seed, Epoch: epoch})
}

// reader reads the batches of a pass: those that must be fetched and decoded first, one ahead of the step that is computed.
type reader struct {
	d          data.Source
	full, rest *data.Batch
	size       int
	next       func() (*data.Batch, error, bool) // nil: read when asked for
	stop       func()
}

// read gives a reader for the rows that are left of a pass. Close it after the pass.
func read(d data.Source, rows []int, size int, full, rest *data.Batch) *reader {
	r := &reader{d: d, full: full, rest: rest, size: size}
	if !data.Ready(d) {
		r.next, r.stop = iter.Pull2(data.Batches(context.Background(), d, data.BatchOptions{Size: size, Rows: rows, Prefetch: 1}))
	}
	return r
}

// batch gives the next rows, which are the ones given to read, so many at a time.
func (r *reader) batch(rows []int) (*data.Batch, error) {
	if r.next != nil {
		b, err, _ := r.next()
		return b, err
	}
	b := r.full
	if len(rows) < r.size {
		b = r.rest
	}
	return b, r.d.Read(b, rows)
}

func (r *reader) close() {
	if r.stop != nil {
		r.stop()
	}
}

// closeStream ends what a pass over d may have left open.
func closeStream(d data.Source) {
	if st, ok := d.(data.Stream); ok {
		_ = st.Close() // nothing that was read depends on it
	}
}
