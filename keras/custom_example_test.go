package keras_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// Antirectifier normalises each row, keeps its positive and its negative part, and projects both: a layer that its author wrote
// in Python. JSON tags are the keys of its get_config.
type Antirectifier struct {
	nn.Common
	Units   int     `json:"units"`
	Epsilon float32 `json:"epsilon"`
}

// Build implements nn.Layer: Python's build and call in one, said in operations. Gradients follow from theirs.
func (l *Antirectifier) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In().Value
	if l.Units <= 0 {
		g.Failf("units must be positive, found %d", l.Units)
	}
	x = g.Op(op.Normalize{Kind: op.CenterNorm, Axes: []int{len(x.Shape) - 1}, Eps: l.Epsilon}, x, nil, nil)
	parts := g.Op(op.Concat{Axis: -1}, g.Op(op.Unary{Fn: "relu"}, x), g.Op(op.Unary{Fn: "relu"}, g.Op(op.Unary{Fn: "negative"}, x)))
	kernel := l.Weight(g, "kernel", nn.GlorotUniform, parts.Shape.Last(), l.Units)
	return c.Keep(g.Op(op.Dense{}, parts, kernel, nil))
}

// squash is a function that Python registered as an activation.
func squash(g *nn.Graph, in ...*nn.Value) *nn.Value {
	return g.Op(op.Unary{Fn: "softsign"}, in[0])
}

// myLib is what it takes to open models made with MyLib.
func myLib() keras.Options {
	return keras.Options{
		Layers:  nn.Registry{"MyLib>Antirectifier": func() nn.Layer { return &Antirectifier{Epsilon: 1e-6} }},
		Lambdas: map[string]nn.Function{"MyLib>squash": squash},
	}
}

// A model with a layer and an activation of one's own, written by Python, opened by Go, and written back for Python.
func ExampleLoadOptions_customLayer() {
	m, err := keras.LoadOptions("../testdata/custom/antirectifier.keras", myLib())
	if err != nil {
		log.Fatal(err)
	}
	x := nn.NewTensor(1, 6)
	copy(x.F32, []float32{1, -2, 3, 0, 0.5, -1})
	y, err := m.Predict(context.Background(), x)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.4f\n", y[0].F32)

	dir, err := os.MkdirTemp("", "")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := keras.Save(dir+"/again.keras", m); err != nil {
		log.Fatal(err)
	}
	fmt.Println("saved")
	// Output:
	// [0.0868 0.4526 0.0924 0.3681]
	// saved
}
