package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"kerasgo/data"
	"kerasgo/imaging"
	"kerasgo/internal/cli"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

// comparison are its flags.
type comparison struct {
	epochs, rows, batch, threads, verbose int
	seed                                  uint64
	data, output, format                  string
	force                                 bool
}

func compareCommand(fs *pflag.FlagSet) func(context.Context, *cli.IO, []string) error {
	var c comparison
	fs.IntVar(&c.epochs, "epochs", 3, "passes over the data, for each network")
	fs.IntVar(&c.rows, "train", 60000, "learn from the first `N` of the 60,000 digits")
	fs.IntVarP(&c.batch, "batch-size", "b", 64, "rows a step")
	fs.Uint64Var(&c.seed, "seed", 0, "of the first weights and of shuffling")
	fs.StringVar(&c.data, "data", "", "`FOLDER` with MNIST's idx files (default: KERASGO_MNIST, or Go's module cache)")
	fs.StringVar(&c.format, "format", "table", "table, json, csv or md")
	fs.StringVarP(&c.output, "output", "o", "", "draw accuracy over parameters to `FILE`, an .svg or .png")
	fs.BoolVarP(&c.force, "force", "f", false, "overwrite what exists")
	fs.IntVarP(&c.threads, "threads", "j", 0, "threads; 0: all processors")
	fs.IntVar(&c.verbose, "verbose", -1, "0: silent, 1: a bar, 2: a line an epoch (default: a bar on a terminal)")
	return func(ctx context.Context, o *cli.IO, args []string) error { return c.run(ctx, o, args) }
}

func (c *comparison) run(ctx context.Context, o *cli.IO, args []string) error {
	if len(args) > 0 {
		return cli.Usagef("compare takes no arguments, found %q", args)
	}
	if c.epochs < 1 || c.batch < 1 || c.rows < 1 || c.threads < 0 {
		return cli.Usagef("--epochs, --batch-size and --train must be 1 or more, --threads 0 or more")
	}
	write, err := reporter(c.format)
	if err != nil {
		return err
	}
	if c.output != "" {
		if err := plottable(c.output); err != nil {
			return err
		}
	}
	if err := free(c.force, c.output); err != nil {
		return err
	}
	dir, err := data.MNISTFolder(c.data, o.Env)
	if err != nil {
		return err
	}
	rows, test, err := data.OpenMNIST(dir, imaging.Preprocess{Mode: imaging.Scale}, safeio.Limits{})
	if err != nil {
		return err
	}
	results, err := c.compare(ctx, o, networks(), rows, test)
	stopped := errors.Is(err, context.Canceled)
	if err != nil && !stopped {
		return err
	}
	if len(results) > 0 {
		if err := write(o.Out, results); err != nil {
			return err
		}
		if c.output != "" {
			if err := scatter(c.output, c.force, results); err != nil {
				return err
			}
		}
	}
	if stopped {
		return &cli.Error{Code: cli.Interrupted, Err: fmt.Errorf("interrupted after %d of %d networks", len(results), len(networks()))}
	}
	return nil
}

// network is one of those that are compared.
type network struct {
	name, why string
	row       []int // shape of its input, one image
	layers    func() []nn.Layer
}

// networks are five ways to read digits.
func networks() []network {
	image := []int{28, 28, 1}
	return []network{
		{"logistic", "one weight for each pixel and class: what can be told without any shape", []int{28, 28},
			func() []nn.Layer { return []nn.Layer{layers.NewFlatten(), layers.NewDense(10, "softmax")} }},
		{"mlp", "a hidden layer combines pixels, each combination learnt anew wherever it stands", []int{28, 28},
			func() []nn.Layer {
				return []nn.Layer{layers.NewFlatten(), layers.NewDense(128, "relu"), layers.NewDense(10, "softmax")}
			}},
		{"cnn", "small patterns are learnt once and looked for everywhere: few weights, many operations", image,
			func() []nn.Layer {
				return []nn.Layer{layers.NewConv2D(16, 3, "relu"), layers.NewMaxPooling2D(2), layers.NewConv2D(32, 3, "relu"),
					layers.NewMaxPooling2D(2), layers.NewFlatten(), layers.NewDense(10, "softmax")}
			}},
		{"separable", "a cnn whose patterns are each split into where (depthwise) and what (pointwise): cheaper still", image,
			func() []nn.Layer {
				return []nn.Layer{layers.NewSeparableConv2D(16, 3, "relu"), layers.NewMaxPooling2D(2), layers.NewSeparableConv2D(32, 3, "relu"),
					layers.NewMaxPooling2D(2), layers.NewFlatten(), layers.NewDense(10, "softmax")}
			}},
		{"lstm", "reads the image as 28 rows, one after another, and remembers", []int{28, 28},
			func() []nn.Layer { return []nn.Layer{layers.NewLSTM(64), layers.NewDense(10, "softmax")} }},
	}
}

// layerCost is a layer of a network: what it has to learn and to compute.
type layerCost struct {
	Name       string `json:"name"`
	Class      string `json:"class"`
	Formula    string `json:"formula,omitempty"`
	Parameters int    `json:"parameters"`
	FLOPs      int64  `json:"flops"` // of one image
}

// result is what a network cost, and what it was good for.
type result struct {
	Name       string      `json:"name"`
	Why        string      `json:"why"`
	Parameters int         `json:"parameters"` // that are trained
	FLOPs      int64       `json:"flops"`      // of one image
	Seconds    float64     `json:"seconds"`    // of training
	Loss       float64     `json:"loss"`       // on test data, as the accuracy
	Accuracy   float64     `json:"accuracy"`
	Layers     []layerCost `json:"layers"`
}

// compare trains one network after another and returns those that were done when ctx ended.
func (c *comparison) compare(ctx context.Context, o *cli.IO, nets []network, rows, test *data.Pixels) (results []result, err error) {
	for i, n := range nets {
		if c.verbose != 0 {
			fmt.Fprintf(o.Err, "%d/%d %s: %s\n", i+1, len(nets), n.name, n.why)
		}
		r, err := c.one(ctx, o, n, rows, test)
		if err != nil {
			return results, err
		}
		results = append(results, *r)
	}
	return results, nil
}

// one trains and measures a network.
func (c *comparison) one(ctx context.Context, o *cli.IO, n network, rows, test *data.Pixels) (*result, error) {
	for _, p := range []*data.Pixels{rows, test} {
		if err := p.As(n.row...); err != nil {
			return nil, err
		}
	}
	m, err := classifier(c.seed, n.row, n.layers()...)
	if err != nil {
		return nil, err
	}
	r := &result{Name: n.name, Why: n.why}
	if r.Layers, err = costs(m); err != nil {
		return nil, err
	}
	for _, l := range r.Layers {
		r.FLOPs += l.FLOPs
	}
	for w := range nn.Weights(m) {
		if w.Trainable {
			r.Parameters += w.Shape.Size()
		}
	}
	shown, done, err := progress(o, c.verbose)
	if err != nil {
		return nil, err
	}
	defer done()
	var learn data.Source = rows
	if c.rows < rows.Len() {
		learn = &first{rows, c.rows}
	}
	start := time.Now()
	if _, err := train.Fit(ctx, m, learn, train.Options{Epochs: c.epochs, BatchSize: c.batch, Seed: c.seed, Threads: c.threads, Callbacks: shown}); err != nil {
		return nil, err
	}
	r.Seconds = time.Since(start).Seconds()
	logs, err := train.Evaluate(ctx, m, test, train.EvaluateOptions{BatchSize: 500, Threads: c.threads})
	if err != nil {
		return nil, err
	}
	r.Loss, _ = logs.Get("loss")
	r.Accuracy, _ = logs.Get("accuracy")
	return r, nil
}

// first are the first rows of a Source.
type first struct {
	data.Source
	n int
}

// Len implements data.Source.
func (f *first) Len() int { return f.n }

// costs lists the layers of a model, what they have to learn, and what they compute for one row.
func costs(m nn.Model) (list []layerCost, err error) {
	g, _, err := nn.Trace(m, false)
	if err != nil {
		return nil, err
	}
	flops := map[string]int64{} // by path
	for _, n := range g.Nodes {
		if c, ok := n.Op.(graph.Coster); ok {
			layer, _, _ := strings.Cut(n.Path, "/")
			flops[layer] += c.FLOPs(ofOne(n.In), ofOne(n.Out))
		}
	}
	for _, l := range nn.Layers(m) {
		b := l.Base()
		if b.Class == "InputLayer" {
			continue
		}
		c := layerCost{Name: b.Name, Class: b.Class, Formula: nn.Arithmetic(l), Parameters: nn.ParamCount(l), FLOPs: flops[b.Name]}
		if l, ok := l.(*layers.LSTM); ok { // the kernels hold those of three gates and of the candidate, side by side
			features := (c.Parameters/4 - l.Units*l.Units - l.Units) / l.Units
			c.Formula = fmt.Sprintf("4 x (%[1]d x %[2]d + %[2]d x %[2]d + %[2]d)", features, l.Units)
		}
		list = append(list, c)
	}
	return list, nil
}

// ofOne are what values are when there is one row.
func ofOne(values []*nn.Value) []nn.Spec {
	specs := make([]nn.Spec, len(values))
	for i, v := range values {
		if v == nil {
			continue
		}
		specs[i] = nn.Spec{Shape: slices.Clone(v.Shape), DType: v.DType}
		for k, d := range v.Shape {
			if d == graph.Unknown {
				specs[i].Shape[k] = 1
			}
		}
	}
	return specs
}

// classifier makes a network with first weights, compiled as Keras's lessons do: Adam, cross-entropy, accuracy.
func classifier(seed uint64, row []int, of ...nn.Layer) (nn.Model, error) {
	m, err := nn.NewSequential(append([]nn.Layer{nn.NewInput(row...)}, of...)...)
	if err != nil {
		return nil, err
	}
	if err := nn.InitWeights(m, seed); err != nil {
		return nil, err
	}
	loss, err := train.ParseLoss("sparse_categorical_crossentropy")
	if err != nil {
		return nil, err
	}
	accuracy, err := train.ParseMetric("accuracy")
	if err != nil {
		return nil, err
	}
	return m, train.Compile(m, train.Config{Optimizer: train.NewAdam(), Loss: []train.Loss{loss}, Metrics: [][]train.Metric{{accuracy}}})
}
