// Tabular predicts a number from a table: ten columns of numbers, each in a unit of its own, and one of words. What has to
// be known about the columns (means, deviations, which words there are) is learnt from them and is part of the model: it
// takes the table's own values. Training ends when rows that are kept aside stop being predicted better.
//
// scripts/make_table.py made the table: a formula that isn't linear, and noise with a deviation of 1. So no model can have a
// mean absolute error under 0.80 (the root of 2/π) on rows that it hasn't seen, but by luck.
//
//	go run ./examples/tabular
package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/csv"
	"fmt"
	"log"
	"math"
	"strconv"

	"kerasgo/data"
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

//go:embed table.csv
var csvFile []byte

const learnt = 1600 // rows to learn from; the others test

func main() {
	sites, numbers, y := table()
	rows := y.Len()
	known := &data.Arrays{X: []*nn.Tensor{sites.Rows(0, learnt), numbers.Rows(0, learnt)}, Y: []*nn.Tensor{y.Rows(0, learnt)}}
	unseen := &data.Arrays{X: []*nn.Tensor{sites.Rows(learnt, rows), numbers.Rows(learnt, rows)}, Y: []*nn.Tensor{y.Rows(learnt, rows)}}

	line := fit("linear", known)
	net := fit("network", known, 64, 64)
	fmt.Printf("of %d unseen rows         MAE      R2\n", unseen.Len())
	lineMAE, lineR2 := measure(line, unseen)
	fmt.Printf("  always the mean     %7.3f  %6.3f\n", spread(known.Y[0], unseen.Y[0]), 0.0)
	fmt.Printf("  linear              %7.3f  %6.3f\n", lineMAE, lineR2)
	mae, r2 := measure(net, unseen)
	fmt.Printf("  network             %7.3f  %6.3f\n", mae, r2)
	fmt.Printf("  the truth itself    %7.3f\n", math.Sqrt(2/math.Pi))
	if mae > 1.1 || r2 < 0.94 || mae > 0.7*lineMAE {
		log.Fatal("that is worse than it should be")
	}
}

// table reads the columns: the site, ten numbers, and y.
func table() (sites, numbers, y *nn.Tensor) {
	lines := must(csv.NewReader(bytes.NewReader(csvFile)).ReadAll())[1:]
	columns := len(lines[0]) - 2
	sites = graph.New(graph.Spec{Shape: nn.Shape{len(lines), 1}, DType: graph.String})
	numbers, y = nn.NewTensor(len(lines), columns), nn.NewTensor(len(lines), 1)
	for i, l := range lines {
		sites.Str[i] = l[0]
		for k := range columns {
			numbers.F32[i*columns+k] = float32(must(strconv.ParseFloat(l[1+k], 32)))
		}
		y.F32[i] = float32(must(strconv.ParseFloat(l[1+columns], 32)))
	}
	return sites, numbers, y
}

// fit builds a model with hidden layers of these widths, trains it, and returns it as it was at its best.
func fit(name string, known *data.Arrays, hidden ...int) nn.Model {
	// Each number is taken as so many deviations from its mean, each word as a one among zeros.
	scale, words := layers.NewNormalization(), layers.NewStringLookup()
	words.OutputMode = "one_hot"
	check(scale.Adapt(known.X[1]))
	check(words.Adapt(known.X[0]))

	b := nn.NewBuilder()
	site, numbers := nn.InputOf(nn.NewInput(1).Typed(graph.String)), nn.Input(known.X[1].Shape[1])
	at := b.Call(layers.NewConcatenate(-1), b.Call(words, site), b.Call(scale, numbers))
	for _, units := range hidden {
		at = b.Call(layers.NewDense(units, "relu"), at)
	}
	m := must(nn.NewFunctional([]*nn.Symbol{site, numbers}, []*nn.Symbol{b.Call(layers.NewDense(1, ""), at)}))
	check(nn.InitWeights(m, 1))
	adam := train.NewAdam()
	adam.LearningRate = 0.01
	check(train.Compile(m, train.Config{
		Optimizer: adam,
		Loss:      []train.Loss{must(train.ParseLoss("mse"))},
		Metrics:   [][]train.Metric{{must(train.ParseMetric("mae"))}}}))

	// A smaller step when it stalls, and an end when that doesn't help either.
	slower := must(train.ReduceLROnPlateau{Factor: 0.3, Patience: 8}.Callback())
	enough := must(train.EarlyStopping{Patience: 20, RestoreBestWeights: true}.Callback())
	h := must(train.Fit(context.Background(), m, known, train.Options{
		Epochs: 400, ValidationSplit: 0.2, Callbacks: []train.Callback{slower, enough}}))
	fmt.Printf("%s: stopped after %d epochs\n", name, len(h.Epochs))
	return m
}

// measure is the mean absolute error, and the part of y's variance that m explains.
func measure(m nn.Model, rows *data.Arrays) (mae, r2 float64) {
	mae, _ = must(train.Evaluate(context.Background(), m, rows, train.EvaluateOptions{})).Get("mae")
	y := rows.Y[0].F32
	mean := average(y)
	var left, all float64
	for i, p := range must(m.Predict(context.Background(), rows.X...))[0].F32 {
		left += square(float64(p - y[i]))
		all += square(float64(y[i]) - mean)
	}
	return mae, 1 - left/all
}

// spread is the mean absolute error of always saying the mean of what is known.
func spread(known, unseen *nn.Tensor) (mae float64) {
	mean := average(known.F32)
	for _, v := range unseen.F32 {
		mae += math.Abs(float64(v)-mean) / float64(unseen.Len())
	}
	return mae
}

func average(y []float32) (mean float64) {
	for _, v := range y {
		mean += float64(v) / float64(len(y))
	}
	return mean
}

func square(v float64) float64 { return v * v }

// must and check end the program at the first error.
func must[T any](v T, err error) T { check(err); return v }

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
