// Transfer teaches an old network something new. Real Keras trained digits04.keras on the digits 0 to 4; it has never seen a
// 5. Its convolutions know strokes and bows, though, and those are in a 5, too: so it keeps them, gets a new head, and learns
// the digits 5 to 9 from 20 pictures of each. A network without that past learns from the same pictures, to compare.
//
//	go run ./examples/transfer [-o digits59.keras]
//
// Source: the plan is that of Keras's example mnist_transfer_cnn.py. scripts/train_lower_digits.py made the file.
package main

import (
	"bytes"
	"context"
	_ "embed"
	"flag"
	"fmt"
	"log"
	"os"

	"kerasgo/data"
	"kerasgo/imaging"
	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

//go:embed digits04.keras
var digits04 []byte

const (
	each   = 20 // pictures of each new digit to learn from
	epochs = 60
)

func main() {
	output := flag.String("o", "", "keep what was learnt in this `FILE`, which Keras opens")
	flag.Parse()
	known, test, err := data.OpenMNIST(must(data.MNISTFolder("", os.Getenv)), imaging.Preprocess{}, keras.Limits{})
	check(err)
	few, unseen := pick(known, 5, each), pick(test, 5, test.Len())

	old := open()
	fmt.Printf("from Keras: digits 0 to 4, test accuracy %.4f\n", measure(old, pick(test, 0, test.Len())))

	// All layers but the last move over, with their weights, and are frozen. A new head is drawn for the new digits.
	keep := old.Layers[:len(old.Layers)-1]
	for _, l := range keep {
		l.Base().Trainable = false
	}
	model := must(nn.NewSequential(append(keep[:len(keep):len(keep)], layers.NewDense(5, "softmax"))...))
	check(nn.InitWeights(model, 1)) // of the new head alone: the others have theirs
	fmt.Printf("new head, before training: digits 5 to 9, %.4f\n", measure(compiled(model, 1e-3), unseen))
	fit(compiled(model, 1e-2), few)
	head := measure(model, unseen)
	fmt.Printf("frozen base, new head:     %.4f\n", head)

	// Now everything may move, but slowly: what took 30,000 pictures to learn is soon forgotten over 100.
	for _, l := range keep {
		l.Base().Trainable = true
	}
	fit(compiled(model, 3e-4), few)
	tuned := measure(model, unseen)
	fmt.Printf("all unfrozen, fine-tuned:  %.4f\n", tuned)

	// The same network with weights drawn anew.
	young := must(keras.FromJSON(must(keras.ToJSON(model))))
	check(nn.InitWeights(young, 1))
	fit(compiled(young, 1e-3), few)
	fit(young, few) // as long as the other
	scratch := measure(young, unseen)
	fmt.Printf("the same from scratch:     %.4f\n", scratch)

	if *output != "" {
		check(keras.Save(*output, model))
		fmt.Printf("%s, read again:   %.4f\n", *output, measure(must(keras.Load(*output)), unseen))
	}
	if !(head > 0.75 && tuned > head && tuned > scratch+0.01) {
		log.Fatal("fine-tuning should be the best")
	}
}

// open reads the file that is part of this program.
func open() *nn.Sequential {
	return must(keras.Read(bytes.NewReader(digits04), int64(len(digits04)), keras.Options{})).(*nn.Sequential)
}

// pick gathers pictures of the five digits from first on, at most so many of each; first becomes class 0.
func pick(from *data.Pixels, first, most int) *data.Arrays {
	var pixels []float32
	var classes []int32
	var have [5]int
	for i := range from.Len() {
		c := from.Label(i) - first
		if c < 0 || c >= 5 || have[c] == most {
			continue
		}
		have[c]++
		for _, p := range from.Image(i).Pix {
			pixels = append(pixels, float32(p)) // 0 to 255: the file's first layer divides
		}
		classes = append(classes, int32(c))
	}
	n := len(classes)
	return must(data.NewArrays(graph.FromF32(pixels, n, 28, 28, 1), graph.FromI32(classes, n)))
}

// compiled gives a model a new optimizer: what is frozen is read then.
func compiled(m nn.Model, rate float64) nn.Model {
	adam := train.NewAdam()
	adam.LearningRate = rate
	check(train.Compile(m, train.Config{
		Optimizer: adam,
		Loss:      []train.Loss{must(train.ParseLoss("sparse_categorical_crossentropy"))},
		Metrics:   [][]train.Metric{{must(train.ParseMetric("accuracy"))}}}))
	return m
}

func fit(m nn.Model, rows data.Source) {
	must(train.Fit(context.Background(), m, rows, train.Options{Epochs: epochs, BatchSize: 20}))
}

func measure(m nn.Model, rows data.Source) float64 {
	accuracy, _ := must(train.Evaluate(context.Background(), m, rows, train.EvaluateOptions{BatchSize: 500})).Get("accuracy")
	return accuracy
}

// must and check end the program at the first error.
func must[T any](v T, err error) T { check(err); return v }

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
