// Speech hears which vowel was said. Voices of men and women, synthesized from how mouths resonate, are recorded into WAV
// files; a network learns from them to tell five vowels apart, and is then asked about voices that it hasn't heard. The sound
// becomes a picture (a spectrogram with pitches as the ear spaces them) in the model's first layer, and convolutions over time
// read that. Children's voices are another matter: it has heard none.
//
//	go run ./examples/speech [-o folder] [vowel.wav ...]
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"path/filepath"

	"kerasgo/data"
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

const (
	men, women, children = 0, 1, 2
	voices               = 40 // of each kind to learn from; each says all vowels
	others               = 20 // of each kind to be tested by
)

func main() {
	folder := flag.String("o", "", "keep the recordings in this `FOLDER`, to listen to")
	flag.Parse()
	if *folder == "" {
		*folder = must(os.MkdirTemp("", "vowels"))
		defer os.RemoveAll(*folder)
	}
	known := record(*folder, 1, voices, men, women)
	fmt.Printf("%d recordings of men and women to learn from\n", known.Len())

	model := listener()
	h := must(train.Fit(context.Background(), model, known, train.Options{Epochs: 30}))
	fmt.Printf("loss %.4f after %d epochs\n", h.Last("loss"), len(h.Epochs))
	heard := accuracy(model, record(*folder, 2, others, men, women))
	fmt.Printf("other men and women: %.4f of their vowels are heard right\n", heard)
	fmt.Printf("children:            %.4f\n", accuracy(model, record(*folder, 3, others, children)))

	for _, path := range flag.Args() {
		samples, hertz, err := readWAV(path)
		check(err)
		if hertz != rate || len(samples) < length {
			log.Fatalf("%s: %d samples at %d Hz; %d at %d Hz are needed", path, len(samples), hertz, length, rate)
		}
		p := must(model.Predict(context.Background(), graph.FromF32(samples[:length], 1, length)))[0].F32
		fmt.Print(path)
		for v, word := range vowels {
			fmt.Printf("  %s %.3f", word, p[v])
		}
		fmt.Println()
	}
	if heard < 0.97 {
		log.Fatal("that is less than it should be")
	}
}

// record has n voices of each kind say every vowel into WAV files, and reads them.
func record(folder string, seed uint64, n int, kinds ...int) *data.Arrays {
	var sound []float32
	var said []int32
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, kind := range kinds {
		for v := range n {
			for vowel, word := range vowels {
				path := filepath.Join(folder, fmt.Sprintf("%s_%s_%d_%02d.wav", word, speakers[kind].who, seed, v))
				check(writeWAV(path, speak(kind, vowel, rng), rate))
				samples, _, err := readWAV(path)
				check(err)
				sound, said = append(sound, samples...), append(said, int32(vowel))
			}
		}
	}
	return must(data.NewArrays(graph.FromF32(sound, len(said), length), graph.FromI32(said, len(said))))
}

// listener is the network: from sound to the probability of each vowel.
func listener() nn.Model {
	mel := layers.NewMelSpectrogram()
	mel.SamplingRate, mel.FFTLength, mel.SequenceStride, mel.NumMelBins = rate, 256, 128, 40
	mel.TopDB = 120 // so that nothing is cut off by what is loud elsewhere in the batch
	m := must(nn.NewSequential(nn.NewInput(length),
		mel,                     // 40 pitches, 26 moments, in decibels
		layers.NewPermute(2, 1), // moments first: they are what the convolution moves along
		layers.NewRescaling(1.0/30, 0),
		layers.NewConv1D(32, 3, "relu"),
		layers.NewMaxPooling1D(2),
		layers.NewConv1D(32, 3, "relu"),
		layers.NewGlobalAveragePooling1D(),
		layers.NewDense(len(vowels), "softmax")))
	check(nn.InitWeights(m, 1))
	check(train.Compile(m, train.Config{
		Optimizer: train.NewAdam(),
		Loss:      []train.Loss{must(train.ParseLoss("sparse_categorical_crossentropy"))},
		Metrics:   [][]train.Metric{{must(train.ParseMetric("accuracy"))}}}))
	return m
}

func accuracy(m nn.Model, rows data.Source) float64 {
	a, _ := must(train.Evaluate(context.Background(), m, rows, train.EvaluateOptions{})).Get("accuracy")
	return a
}

// must and check end the program at the first error.
func must[T any](v T, err error) T { check(err); return v }

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
