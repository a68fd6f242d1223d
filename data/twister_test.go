package data_test

import (
	"slices"
	"testing"

	"kerasgo/data"
	"kerasgo/nn"
)

// TestShuffleGolden orders numbers as numpy.random.RandomState(seed).shuffle does.
func TestShuffleGolden(t *testing.T) {
	golden(t, "shuffle", func(t *testing.T, o struct{ Seed uint32 }, at func(string) *nn.Tensor) {
		want := at("out").I32
		got := make([]int32, len(want))
		for i := range got {
			got[i] = int32(i)
		}
		data.ShuffleLike(o.Seed, len(got), func(i, k int) { got[i], got[k] = got[k], got[i] })
		if !slices.Equal(got, want) {
			t.Errorf("seed %d orders %d as %v, want %v", o.Seed, len(got), got[:min(9, len(got))], want[:min(9, len(want))])
		}
	})
}
