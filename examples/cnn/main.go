// Cnn reads digits with convolutions: small patterns that are learnt once and looked for everywhere in the picture. It gets
// more than 99 of 100 unseen digits right, where examples/mnist stays under 98.
//
//	go run ./examples/cnn
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	"kerasgo/data"
	"kerasgo/imaging"
	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

const (
	epochs = 5
	batch  = 64
)

func main() {
	digits, unseen, err := data.OpenMNIST(must(data.MNISTFolder("", os.Getenv)), imaging.Preprocess{Mode: imaging.Scale}, keras.Limits{})
	check(err)
	check(digits.As(28, 28, 1)) // height, width, channels: a convolution wants to know
	check(unseen.As(28, 28, 1))

	model := must(nn.NewSequential(nn.NewInput(28, 28, 1),
		layers.NewConv2D(16, 3, "relu"), layers.NewMaxPooling2D(2),
		layers.NewConv2D(32, 3, "relu"), layers.NewMaxPooling2D(2),
		layers.NewFlatten(),
		layers.NewDense(128, "relu"),
		layers.NewDropout(0.3),
		layers.NewDense(10, "softmax")))
	check(nn.InitWeights(model, 1))
	fmt.Print(must(nn.Summary(model, nn.SummaryOptions{})))

	// The learning rate falls to nothing over the whole of training, along a cosine: large steps first, fine ones at last.
	adam := train.NewAdam()
	adam.Schedule = &train.CosineDecay{InitialLearningRate: 2e-3, DecaySteps: float64(epochs * ((digits.Len() + batch - 1) / batch))}
	check(train.Compile(model, train.Config{
		Optimizer: adam,
		Loss:      []train.Loss{must(train.ParseLoss("sparse_categorical_crossentropy"))},
		Metrics:   [][]train.Metric{{must(train.ParseMetric("accuracy"))}}}))
	progress := train.ProgbarLogger(os.Stderr, train.Progress{})
	must(train.Fit(context.Background(), model, digits, train.Options{Epochs: epochs, BatchSize: batch, Callbacks: []train.Callback{progress}}))

	logs := must(train.Evaluate(context.Background(), model, unseen, train.EvaluateOptions{BatchSize: 500}))
	accuracy, _ := logs.Get("accuracy")
	fmt.Printf("test accuracy %.4f: %.0f of 10,000 digits are read wrong\n", accuracy, (1-accuracy)*1e4)
	if accuracy < 0.99 {
		log.Fatal("that is less than it should be")
	}
}

// must and check end the program at the first error.
func must[T any](v T, err error) T { check(err); return v }

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
