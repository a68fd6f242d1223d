package data

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// Stream is a Source whose rows come one after another. The rows that Read is asked for are places in the order of this
// pass: each is greater than all before it since Rewind. Places that are left out are passed over.
type Stream interface {
	Source
	// Rewind begins a pass.
	Rewind(p Pass) error
	// Close ends the pass and frees what it holds. Rewind may follow.
	Close() error
}

// Pass says in which order a Stream gives its rows: that of the rows themselves, or one drawn from Seed and Epoch, so that
// the same pass always has the same order.
type Pass struct {
	Shuffle bool
	Seed    uint64
	Epoch   int
}

// FromSeq makes a Stream of a function. It is called for each pass and gives all n rows, in any number of batches of any
// size; a batch may be reused once the next one is asked for. A pass that is shuffled draws each row from a window of so
// many of them: 0 or 1 leaves the order as it is, n is a full shuffle and holds all rows in memory.
func FromSeq(n, window int, rows func() iter.Seq2[*Batch, error]) Stream {
	each := func() iter.Seq2[*Batch, error] { // one row a time, each in memory of its own
		return func(yield func(*Batch, error) bool) {
			for b, err := range rows() {
				if err != nil {
					yield(nil, err)
					return
				}
				if err := whole(b); err != nil {
					yield(nil, err)
					return
				}
				for r := range b.X[0].Shape[0] {
					one := new(Batch)
					if err := (&Arrays{X: b.X, Y: b.Y, Weight: b.Weight}).Read(one, []int{r}); err != nil || !yield(one, err) {
						return
					}
				}
			}
		}
	}
	return &stream[*Batch]{n: n, window: window, open: each, join: joinRows}
}

// whole checks a batch from a function of the caller's.
func whole(b *Batch) error {
	if b == nil {
		return errors.New("a stream gave no batch")
	}
	return (&Arrays{X: b.X, Y: b.Y, Weight: b.Weight}).Check()
}

// joinRows puts batches of one row each together.
func joinRows(b *Batch, rows []*Batch, first int) error {
	lists := func(b *Batch) [3]*[]*nn.Tensor { return [3]*[]*nn.Tensor{&b.X, &b.Y, &b.Weight} }
	to := lists(b)
	for i, row := range rows {
		for k, from := range lists(row) {
			if len(*from) != len(*lists(rows[0])[k]) {
				return fmt.Errorf("row %d of the stream has %d arrays, the ones before it %d", first+i, len(*from), len(*lists(rows[0])[k]))
			}
			resize(to[k], len(*from))
			for j, t := range *from {
				if i == 0 {
					room(&(*to[k])[j], t.Spec, len(rows))
				}
				d := (*to[k])[j]
				if d.DType != t.DType || !slices.Equal(d.Shape[1:], t.Shape[1:]) {
					return fmt.Errorf("row %d of the stream is %v, the ones before it %v", first+i, t.Spec, d.Spec)
				}
				d.Rows(i, i+1).CopyFrom(t)
			}
		}
	}
	return nil
}

// stream is a Stream of values that are turned into rows a batch at a time, so that a window of them holds them as they
// are in the file.
type stream[T any] struct {
	n, window int
	open      func() iter.Seq2[T, error]                  // a pass in order; the values are the stream's
	join      func(b *Batch, values []T, first int) error // fills b; first is the place of the first value

	next func() (T, error, bool)
	stop func()
	at   int // place of the next value
	held []T
}

// Len implements Source.
func (s *stream[T]) Len() int { return s.n }

// Close implements Stream.
func (s *stream[T]) Close() error {
	if s.stop != nil {
		s.stop()
	}
	s.next, s.stop, s.held = nil, nil, nil
	return nil
}

// Rewind implements Stream.
func (s *stream[T]) Rewind(p Pass) error {
	err := s.Close()
	seq := s.open()
	if p.Shuffle && s.window > 1 {
		seq = shuffled(seq, s.window, graph.Stream(p.Seed, "shuffle", 0, uint64(p.Epoch)))
	}
	s.at = 0
	s.next, s.stop = iter.Pull2(seq)
	return err
}

// Read implements Source.
func (s *stream[T]) Read(b *Batch, rows []int) error {
	if s.next == nil {
		if err := s.Rewind(Pass{}); err != nil {
			return err
		}
	}
	s.held = s.held[:0]
	for _, r := range rows {
		if r < s.at || r >= s.n {
			return fmt.Errorf("row %d of a stream of %d that is at row %d", r, s.n, s.at)
		}
		for ; s.at <= r; s.at++ {
			v, err, ok := s.next()
			if err == nil && !ok {
				err = fmt.Errorf("the stream ends after %d rows, expected %d", s.at, s.n)
			}
			if err != nil {
				return err
			}
			if s.at == r {
				s.held = append(s.held, v)
			}
		}
	}
	if len(rows) == 0 {
		return nil
	}
	return s.join(b, s.held, rows[0])
}

// shuffled draws values from a window that moves over seq, as tf.data's shuffle(window) does. An error comes at once.
//
// Source: tensorflow/core/kernels/data/shuffle_dataset_op.cc
func shuffled[T any](seq iter.Seq2[T, error], window int, rng *rand.Rand) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var held []T
		for v, err := range seq {
			if err != nil {
				yield(v, err)
				return
			}
			if len(held) < window {
				held = append(held, v)
				continue
			}
			k := rng.IntN(window)
			out := held[k]
			held[k] = v
			if !yield(out, nil) {
				return
			}
		}
		for n := len(held); n > 0; n-- {
			k := rng.IntN(n)
			out := held[k]
			held[k] = held[n-1]
			if !yield(out, nil) {
				return
			}
		}
	}
}
