package train_test

import (
	"context"
	"iter"
	"runtime"
	"slices"
	"testing"
	"time"

	"kerasgo/data"
	"kerasgo/train"
)

// slow hides that a Source is in memory, so that it is read ahead.
type slow struct{ data.Source }

// TestStream trains on the same rows from memory, read ahead, and as a stream: the same bits; and a stream that is shuffled
// gives the same bits again, whatever batch its function gives.
func TestStream(t *testing.T) {
	before := runtime.NumGoroutine()
	fit := func(d data.Source, o train.Options) []float32 {
		m := network(t, train.NewAdam())
		o.Epochs, o.Seed, o.Validation = 2, 3, d
		h, err := train.Fit(context.Background(), m, d, o)
		if err != nil || len(h.Values["val_loss"]) != 2 {
			t.Fatalf("%v %v", h, err)
		}
		return weights(m)
	}
	rows := points(100)
	seq := func(per int) data.Stream {
		return data.FromSeq(100, 30, func() iter.Seq2[*data.Batch, error] {
			return data.Batches(context.Background(), rows, data.BatchOptions{Size: per})
		})
	}
	want := fit(rows, train.Options{NoShuffle: true})
	for name, d := range map[string]data.Source{"read ahead": slow{rows}, "a stream": seq(7)} {
		if !slices.Equal(fit(d, train.Options{NoShuffle: true}), want) {
			t.Errorf("%s gives other bits", name)
		}
	}
	if !slices.Equal(fit(slow{rows}, train.Options{}), fit(rows, train.Options{})) {
		t.Error("shuffled and read ahead: other bits")
	}
	first := fit(seq(7), train.Options{})
	if slices.Equal(first, want) || !slices.Equal(first, fit(seq(100), train.Options{})) {
		t.Error("a shuffled stream")
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, before %d", runtime.NumGoroutine(), before)
}
