package train_test

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"testing"

	"kerasgo/train"
)

// TestPartsGoOn interrupts training whose epochs are parts of a pass, in the middle of an epoch, and ends with the same bits;
// with another number of steps it is another training.
func TestPartsGoOn(t *testing.T) {
	for _, stream := range []bool{false, true} {
		begin := func() *job {
			j := newJob(t, train.NewAdam())
			j.stream, j.opts.StepsPerEpoch, j.opts.ValidationFreq = stream, 2, 2
			return j
		}
		whole := begin()
		h, err := whole.fit(context.Background())
		if err != nil {
			t.Fatal(err)
		}
		want := whole.result(h)
		for _, at := range []int{1, 3, 4, 5} { // two steps, one step, two steps: passes of three
			j := begin()
			ctx, cancel := context.WithCancel(context.Background())
			n := 0
			j.stop = func(*train.State) error {
				if n++; n == at {
					cancel()
				}
				return nil
			}
			if _, err := j.fit(ctx); !errors.Is(err, context.Canceled) {
				t.Fatal(at, err)
			}
			j.fresh(train.NewAdam())
			j.opts.StepsPerEpoch, j.opts.ValidationFreq = 1, 2
			j.stop = nil
			if _, err := j.fit(context.Background()); err == nil || !strings.Contains(err.Error(), "steps of an epoch") {
				t.Errorf("step %d, with other steps: %v", at, err)
			}
			j.fresh(train.NewAdam())
			j.opts.StepsPerEpoch, j.opts.ValidationFreq = 2, 2
			h, err := j.fit(context.Background())
			if err != nil {
				t.Fatal(at, err)
			}
			if got := j.result(h); !reflect.DeepEqual(got, want) {
				t.Errorf("stream %v, step %d:\n%s\nwant\n%s", stream, at, got.history, want.history)
			}
		}
	}
	j := newJob(t, train.NewSGD())
	j.opts.StepsPerEpoch = -1
	if _, err := j.fit(context.Background()); err == nil {
		t.Error("steps below zero are taken")
	}
	d := j.data()
	some, err := train.Evaluate(context.Background(), j.model, d, train.EvaluateOptions{BatchSize: 10, Steps: 2})
	if err != nil {
		t.Fatal(err)
	}
	all, err := train.Evaluate(context.Background(), j.model, d, train.EvaluateOptions{BatchSize: 10, Steps: 99})
	if err != nil || reflect.DeepEqual(some, all) {
		t.Errorf("%v %v %v", some, all, err)
	}
}
