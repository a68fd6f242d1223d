package data

import (
	"context"
	"fmt"
	"iter"

	"kerasgo/nn/graph"
)

// BatchOptions say how [Batches] goes over a Source. The zero value is batches of 32 in the rows' order, the last one
// smaller if rows are left.
type BatchOptions struct {
	Size          int  // 0: 32
	DropRemainder bool // leave out rows that fill no batch
	// Shuffle draws the order of the rows from Seed and Epoch; it is the order in which train.Fit reads them.
	Shuffle bool
	Seed    uint64
	Epoch   int
	// Rows are those to go over, in this order, instead of all; a Stream is then neither rewound nor closed.
	Rows []int
	// Prefetch is how many batches are read ahead, in the background, while the caller works on one.
	Prefetch int
}

// Batches goes once over the rows of s. A batch is good until the next one is asked for. An error ends the iteration; so
// does ctx, with its error. When the loop ends, however it does, nothing is left running.
func Batches(ctx context.Context, s Source, o BatchOptions) iter.Seq2[*Batch, error] {
	return func(yield func(*Batch, error) bool) {
		reads, err := o.reads(s)
		if err != nil {
			yield(nil, err)
			return
		}
		if st, ok := s.(Stream); ok && o.Rows == nil {
			defer st.Close()
		}
		if o.Prefetch > 0 {
			prefetch(ctx, s, reads, o.Prefetch, yield)
			return
		}
		var full, rest Batch
		for rows := range reads {
			b := &full
			if len(rows) < o.size() {
				b = &rest // a batch of its own, so that neither is made anew
			}
			err := ctx.Err()
			if err == nil {
				err = s.Read(b, rows)
			}
			if err != nil {
				yield(nil, err)
				return
			}
			if !yield(b, nil) {
				return
			}
		}
	}
}

// Ready says that all rows of s are in memory, so that reading them ahead gains nothing.
func Ready(s Source) bool {
	switch s := s.(type) {
	case *Arrays, *Pixels, *windows:
		return true
	case *part:
		return Ready(s.of)
	case *labels:
		return Ready(s.Source)
	}
	return false
}

func (o BatchOptions) size() int {
	if o.Size == 0 {
		return 32
	}
	return o.Size
}

// reads are the rows of each batch.
func (o BatchOptions) reads(s Source) (iter.Seq[[]int], error) {
	size := o.size()
	if size < 0 || o.Prefetch < 0 {
		return nil, fmt.Errorf("batches of %d rows, %d read ahead", size, o.Prefetch)
	}
	rows := o.Rows
	st, stream := s.(Stream)
	if stream && rows == nil {
		if err := st.Rewind(Pass{Shuffle: o.Shuffle, Seed: o.Seed, Epoch: o.Epoch}); err != nil {
			return nil, err
		}
	}
	if rows == nil {
		rows = make([]int, s.Len())
		for i := range rows {
			rows[i] = i
		}
		if o.Shuffle && !stream {
			rng := graph.Stream(o.Seed, "shuffle", 0, uint64(o.Epoch))
			for i := len(rows) - 1; i > 0; i-- {
				k := rng.IntN(i + 1)
				rows[i], rows[k] = rows[k], rows[i]
			}
		}
	}
	n := len(rows)
	return func(yield func([]int) bool) {
		for at := 0; at < n; at += size {
			end := min(at+size, n)
			if end-at < size && o.DropRemainder || !yield(rows[at:end:end]) {
				return
			}
		}
	}, nil
}

// prefetch reads in a goroutine of its own, into ahead+1 batches that go round: one is the caller's.
func prefetch(ctx context.Context, s Source, reads iter.Seq[[]int], ahead int, yield func(*Batch, error) bool) {
	ctx, cancel := context.WithCancel(ctx)
	type result struct {
		b   *Batch
		err error
	}
	free, done := make(chan *Batch, ahead+1), make(chan result, ahead)
	for range ahead + 1 {
		free <- new(Batch)
	}
	go func() {
		defer close(done)
		for rows := range reads {
			var r result
			select {
			case r.b = <-free:
			case <-ctx.Done():
			}
			if r.err = ctx.Err(); r.err == nil {
				r.err = s.Read(r.b, rows)
			}
			select {
			case done <- r:
			case <-ctx.Done():
				return
			}
			if r.err != nil {
				return
			}
		}
	}()
	defer func() { // whatever ends the loop, the goroutine is gone after it
		cancel()
		for range done {
		}
	}()
	for {
		var r result
		var more bool
		select {
		case r, more = <-done:
		case <-ctx.Done():
			r.err, more = ctx.Err(), true
		}
		if !more {
			return
		}
		if r.err != nil {
			yield(nil, r.err)
			return
		}
		if !yield(r.b, nil) {
			return
		}
		free <- r.b
	}
}
