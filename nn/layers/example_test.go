package layers_test

import (
	"context"
	"fmt"
	"log"

	"kerasgo/nn"
	"kerasgo/nn/layers"
	"kerasgo/nn/op"
)

// Gate is a layer that Keras doesn't have: x · sigmoid(scale · x), with a scale learnt for each feature. The struct's JSON
// tags are the keys of its config, and Build says the layer in operations: its gradient follows from theirs.
type Gate struct {
	nn.Common
	Init float32 `json:"init"`
}

// Build implements nn.Layer.
func (l *Gate) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In().Value
	scale := l.Weight(g, "scale", func(t *nn.Tensor, _ *nn.Rand) {
		for i := range t.F32 {
			t.F32[i] = l.Init
		}
	}, x.Shape.Last())
	gate := g.Op(op.Unary{Fn: "sigmoid"}, g.Op(op.Binary{Fn: "multiply"}, x, scale))
	return c.Keep(g.Op(op.Binary{Fn: "multiply"}, x, gate))
}

// A file may name a layer of yours once its reader knows it: keras.Options takes Layers, too.
func ExampleBuiltin_customLayer() {
	decoder := nn.Decoder{Registry: layers.Builtin(), Custom: nn.Registry{"mine>Gate": func() nn.Layer { return &Gate{Init: 1} }}}
	l, err := decoder.Decode([]byte(`{"class_name": "Sequential", "config": {"name": "gated", "layers": [
		{"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [null, 3]}},
		{"class_name": "Gate", "config": {"name": "gate", "init": 2.0}, "registered_name": "mine>Gate"}]}}`))
	if err != nil {
		log.Fatal(err)
	}
	m := l.(nn.Model)
	if err := nn.InitWeights(m, 1); err != nil {
		log.Fatal(err)
	}
	x := nn.NewTensor(1, 3)
	copy(x.F32, []float32{-1, 0, 1})
	y, err := m.Predict(context.Background(), x)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%.4f\n", y[0].F32)
	// Output: [-0.1192 0.0000 0.8808]
}
