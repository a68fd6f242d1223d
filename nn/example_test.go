package nn_test

import (
	"context"
	"fmt"
	"log"

	"kerasgo/nn"
	"kerasgo/nn/layers"
)

// The network that everybody begins with: an image of 28 x 28 in, ten probabilities out.
func ExampleNewSequential() {
	m, err := nn.NewSequential(
		nn.NewInput(28, 28),
		layers.NewFlatten(),
		layers.NewDense(128, "relu"),
		layers.NewDense(10, "softmax"),
	)
	if err != nil {
		log.Fatal(err)
	}
	table, err := nn.Summary(m, nn.SummaryOptions{Arithmetic: true})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(table)
	// Output:
	// Model: "sequential"
	// ┏━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━┓
	// ┃ Layer (type)           ┃ Output Shape      ┃  Param # ┃ Arithmetic       ┃
	// ┡━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━┩
	// │ flatten (Flatten)      │ (None, 784)       │        0 │                  │
	// ├────────────────────────┼───────────────────┼──────────┼──────────────────┤
	// │ dense (Dense)          │ (None, 128)       │  100,480 │ 784 x 128 + 128  │
	// ├────────────────────────┼───────────────────┼──────────┼──────────────────┤
	// │ dense_1 (Dense)        │ (None, 10)        │    1,290 │ 128 x 10 + 10    │
	// └────────────────────────┴───────────────────┴──────────┴──────────────────┘
	//  Total params: 101,770 (397.54 KB)
	//  Trainable params: 101,770 (397.54 KB)
	//  Non-trainable params: 0 (0.00 B)
}

// A model that isn't a chain: two inputs, a layer that both go through, and a shortcut.
func ExampleNewFunctional() {
	b := nn.NewBuilder()
	left, right := nn.Input(4), nn.Input(4)
	shared := layers.NewDense(3, "tanh")
	l, r := b.Call(shared, left), b.Call(shared, right)
	distance := b.Call(layers.NewSubtract(), l, r)
	y := b.Call(layers.NewDense(1, "sigmoid"), b.Call(layers.NewConcatenate(-1), distance, l))

	m, err := nn.NewFunctional([]*nn.Symbol{left, right}, []*nn.Symbol{y})
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range nn.Layers(m) {
		fmt.Println(l.Base().Class, l.Base().Name)
	}
	// Output:
	// InputLayer input_layer
	// InputLayer input_layer_1
	// Dense dense
	// Subtract subtract
	// Concatenate concatenate
	// Dense dense_1
}

// A Plan is what a service keeps: compiled once, shared by goroutines, each with a Runner of its own.
func ExampleCompile() {
	m, err := nn.NewSequential(nn.NewInput(2), layers.NewDense(1, ""))
	if err != nil {
		log.Fatal(err)
	}
	weights := map[string][]float32{"kernel": {2, 3}, "bias": {1}}
	for w := range nn.Weights(m) {
		w.Data = nn.NewTensor(w.Shape...)
		copy(w.Data.F32, weights[w.Name])
	}
	plan, err := nn.Compile(m, nn.CompileOptions{Threads: 1})
	if err != nil {
		log.Fatal(err)
	}

	run := plan.Runner() // one for each goroutine
	defer run.Close()
	x := nn.NewTensor(2, 2)
	copy(x.F32, []float32{1, 1, 10, 0})
	y, err := run.Run(context.Background(), x) // y is the runner's, until the next Run
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(y[0].Shape, y[0].F32)
	// Output: (2, 1) [6 21]
}
