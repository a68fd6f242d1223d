package train_test

import (
	"context"
	"slices"
	"testing"

	"kerasgo/data"
	"kerasgo/nn"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

// rates trains a model on constants and returns the learning rates in the history.
func rates(t *testing.T, c train.Callback, epochs int) []float64 {
	t.Helper()
	m, err := nn.NewSequential(nn.NewInput(2), layers.NewDense(1, ""))
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.InitWeights(m, 1); err != nil {
		t.Fatal(err)
	}
	l, err := train.ParseLoss("mse")
	if err != nil {
		t.Fatal(err)
	}
	if err := train.Compile(m, train.Config{Optimizer: train.NewSGD(), Loss: []train.Loss{l}}); err != nil {
		t.Fatal(err)
	}
	src := &data.Arrays{X: []*nn.Tensor{tensor(0, 0, 0, 0)}, Y: []*nn.Tensor{tensorColumn(1, 1)}}
	h, err := train.Fit(context.Background(), m, src, train.Options{Epochs: epochs, Callbacks: []train.Callback{c}})
	if err != nil {
		t.Fatal(err)
	}
	return h.Values["learning_rate"]
}

func tensor(v ...float32) *nn.Tensor {
	x := nn.NewTensor(len(v)/2, 2)
	copy(x.F32, v)
	return x
}

func tensorColumn(v ...float32) *nn.Tensor {
	x := nn.NewTensor(len(v), 1)
	copy(x.F32, v)
	return x
}

func TestLearningRateScheduler(t *testing.T) {
	got := rates(t, train.LearningRateScheduler(func(epoch int, rate float64) float64 { return rate / 2 }), 3)
	if !slices.Equal(got, []float64{float64(float32(.005)), float64(float32(.0025)), float64(float32(.00125))}) {
		t.Error(got)
	}
}

func TestReduceLROnPlateau(t *testing.T) {
	huge := 1e6 // no improvement is that large
	c, err := train.ReduceLROnPlateau{Monitor: "loss", Factor: .5, Patience: 2, MinDelta: &huge, MinLR: .004}.Callback()
	if err != nil {
		t.Fatal(err)
	}
	got := rates(t, c, 6)
	a, b, d := float64(float32(.01)), float64(float32(.005)), float64(float32(.004))
	if !slices.Equal(got, []float64{a, a, a, b, b, d}) {
		t.Error(got)
	}
	if _, err := (train.ReduceLROnPlateau{Factor: 1}).Callback(); err == nil {
		t.Error("a factor of 1 was accepted")
	}
}
