package train_test

import (
	"context"
	"testing"

	"kerasgo/data"
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

// stepped are models of every kind of heavy layer, and rows for them.
func stepped(t testing.TB) map[string]struct {
	model nn.Model
	data  *data.Arrays
} {
	images := func(n int) *data.Arrays {
		a := points(n)
		x := graph.NewTensor(n, 12, 12, 2)
		for i := range x.F32 {
			x.F32[i] = float32(i%17) / 8
		}
		a.X[0] = x
		return a
	}
	words := func(n int) *data.Arrays {
		a := points(n)
		x := graph.New(nn.Spec{Shape: nn.Shape{n, 9}, DType: graph.Int32})
		for i := range x.I32 {
			x.I32[i] = int32(i * 7 % 30)
		}
		a.X[0] = x
		return a
	}
	build := func(opt train.Optimizer, in nn.Layer, list ...nn.Layer) nn.Model {
		m, err := nn.NewSequential(append(append([]nn.Layer{in}, list...), layers.NewDense(3, "softmax"))...)
		if err != nil {
			t.Fatal(err)
		}
		if err := nn.InitWeights(m, 3); err != nil {
			t.Fatal(err)
		}
		compile(t, m, opt)
		return m
	}
	lstm := layers.NewLSTM(6)
	lstm.ReturnSequences = true
	return map[string]struct {
		model nn.Model
		data  *data.Arrays
	}{
		"dense with sgd":     {network(t, train.NewSGD(), layers.NewDense(5, "tanh")), points(32)},
		"dense with rmsprop": {network(t, train.NewRMSprop(), layers.NewDense(5, "gelu")), points(32)},
		"dense with adam":    {network(t, train.NewAdam(), layers.NewDropout(.2), layers.NewLayerNormalization()), points(32)},
		"convolutions": {build(train.NewAdam(), nn.NewInput(12, 12, 2), layers.NewConv2D(40, 3, "relu"), layers.NewBatchNormalization(),
			layers.NewActivation("relu"), layers.NewMaxPooling2D(2), layers.NewDepthwiseConv2D(3, ""), layers.NewConv2D(5, 1, "relu"), layers.NewFlatten()), images(32)},
		"recurrences": {build(train.NewAdam(), nn.NewInput(9).Typed(graph.Int32), layers.NewEmbedding(30, 4), lstm, layers.NewGRU(5)), words(32)},
	}
}

func TestStepAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector empties pools")
	}
	for name, c := range stepped(t) {
		tr, err := train.NewTrainer(c.model, train.Options{Threads: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer tr.Close()
		src, rows, ctx := c.data, make([]int, 32), context.Background()
		for i := range rows {
			rows[i] = i
		}
		var b data.Batch
		step := func() {
			if err := src.Read(&b, rows); err != nil {
				t.Fatal(err)
			}
			if _, err := tr.TrainOnBatch(ctx, &b); err != nil {
				t.Fatal(err)
			}
		}
		step()
		if n := testing.AllocsPerRun(10, step); n > 0 {
			t.Errorf("%s: %v allocations a step", name, n)
		}
	}
}
