package train_test

import (
	"context"
	"slices"
	"testing"

	"kerasgo/nn/layers"
	"kerasgo/train"
)

// TestAugmentedSameBits: a model that augments, before and after a layer that is trained, learns; the same seed gives the same bits
// on any number of threads, and another seed others.
func TestAugmentedSameBits(t *testing.T) {
	fit := func(seed uint64, threads int) []float32 {
		t.Helper()
		conv := layers.NewConv2D(4, 2, "relu")
		conv.Padding = "same"
		m := network(t, train.NewAdam(), layers.NewRescaling(20, 128), layers.NewReshape(3, 3, 1), layers.NewRandomFlip("horizontal"), layers.NewRandomContrast(.2, .2),
			layers.NewRandomBrightness(.1), layers.NewRescaling(.05, -6.4), layers.NewRandomRotation(.05), conv, layers.NewRandomZoom(.1), layers.NewRandomTranslation(.1, .1), layers.NewFlatten())
		h, err := train.Fit(context.Background(), m, points(200), train.Options{Epochs: 4, Seed: seed, Threads: threads, ValidationSplit: .25})
		if err != nil || h.Last("loss") >= h.Values["loss"][0] {
			t.Fatalf("%v %v", h, err)
		}
		return weights(m)
	}
	first := fit(11, 1)
	if !slices.Equal(first, fit(11, 3)) {
		t.Error("threads give other bits")
	}
	if slices.Equal(first, fit(12, 1)) {
		t.Error("another seed gives the same bits")
	}
	m := network(t, train.NewAdam(), layers.NewReshape(3, 3, 1), layers.Builtin()["RandomHue"](), layers.NewFlatten())
	if _, err := train.Fit(context.Background(), m, points(20), train.Options{}); err == nil {
		t.Error("RandomHue is trained with")
	}
}
