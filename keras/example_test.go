package keras_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"kerasgo/keras"
	"kerasgo/nn"
)

// A model that real Keras trained on MNIST, asked about an empty image.
func ExampleLoad() {
	m, err := keras.Load("../testdata/mnist_cnn.keras")
	if err != nil {
		log.Fatal(err)
	}
	in := m.InputSpecs()[0]
	fmt.Println(in.Name, in.Shape, in.DType)

	y, err := m.Predict(context.Background(), nn.NewTensor(1, 28, 28, 1))
	if err != nil {
		log.Fatal(err)
	}
	var sum float32
	for _, p := range y[0].F32 {
		sum += p
	}
	fmt.Printf("%v, probabilities that sum to %.3f\n", y[0].Shape, sum)
	// Output:
	// image (None, 28, 28, 1) float32
	// (1, 10), probabilities that sum to 1.000
}

// What is written, Keras opens. Nothing is overwritten unless WriteOptions says so.
func ExampleSave() {
	m, err := keras.Load("../testdata/mnist_cnn.h5")
	if err != nil {
		log.Fatal(err)
	}
	folder, err := os.MkdirTemp("", "kerasgo")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	path := filepath.Join(folder, "mnist.keras")
	fmt.Println(keras.Save(path, m))

	again, err := keras.Load(path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(again.OutputNames())
	// Output:
	// <nil>
	// [digit]
}

// What isn't supported is an error that lists all of it, with places.
func ExampleFromJSON_unsupported() {
	_, err := keras.FromJSON([]byte(`{"class_name": "Sequential", "config": {"name": "s", "layers": [
		{"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [null, 8]}},
		{"class_name": "Lambda", "config": {"name": "twice"}},
		{"class_name": "Dens", "config": {"name": "d"}}]}}`))
	var all keras.UnsupportedErrors
	if errors.As(err, &all) {
		for _, u := range all {
			fmt.Printf("%s (%s): %s\n", u.Layer, u.Class, u.Msg)
		}
	}
	// Output:
	// twice (Lambda): Lambda holds Python code, which is never run
	// d (Dens): unknown layer (nearest: Dense)
}
