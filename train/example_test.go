package train_test

import (
	"context"
	"fmt"
	"log"

	"kerasgo/data"
	"kerasgo/nn"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

// A line through points: the network has to find y = 3x - 1.
func ExampleFit() {
	x, y := nn.NewTensor(64, 1), nn.NewTensor(64, 1)
	for i := range x.F32 {
		x.F32[i] = float32(i)/32 - 1
		y.F32[i] = 3*x.F32[i] - 1
	}
	rows, err := data.NewArrays(x, y)
	if err != nil {
		log.Fatal(err)
	}
	m, err := nn.NewSequential(nn.NewInput(1), layers.NewDense(1, ""))
	if err != nil {
		log.Fatal(err)
	}
	if err := nn.InitWeights(m, 1); err != nil {
		log.Fatal(err)
	}
	adam := train.NewAdam()
	adam.LearningRate = 0.1
	mse, err := train.ParseLoss("mse")
	if err != nil {
		log.Fatal(err)
	}
	if err := train.Compile(m, train.Config{Optimizer: adam, Loss: []train.Loss{mse}}); err != nil {
		log.Fatal(err)
	}
	history, err := train.Fit(context.Background(), m, rows, train.Options{Epochs: 200, BatchSize: 16})
	if err != nil {
		log.Fatal(err)
	}
	for w := range nn.Weights(m) {
		fmt.Printf("%s %.2f\n", w.Name, w.Data.F32)
	}
	fmt.Println("loss under 1e-4:", history.Last("loss") < 1e-4)
	// Output:
	// kernel [3.00]
	// bias [-1.00]
	// loss under 1e-4: true
}
