package layers_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
)

// built is the error of declaring a model of one layer over an input.
func built(l nn.Layer, dims ...int) error {
	b := nn.NewBuilder()
	in := nn.Input(dims...)
	_, err := nn.NewFunctional([]*nn.Symbol{in}, []*nn.Symbol{b.Call(l, in)})
	return err
}

func TestRecurrentRefusals(t *testing.T) {
	strided := layers.NewConvLSTM2D(2, 2)
	strided.Strides, strided.DilationRate = layers.Tuple{2, 2}, layers.Tuple{2, 2}
	softmax := layers.NewLSTMCell(3)
	softmax.Activation = nn.Act("softmax")
	for _, c := range []struct {
		layer nn.Layer
		dims  []int
		want  string
	}{
		{layers.NewRNN(), []int{4, 3}, "no cell"},
		{layers.NewRNN(layers.NewDense(2, "")), []int{4, 3}, "found Dense"},
		{layers.NewRNN(layers.NewLSTMCell(2), layers.NewDense(2, "")), []int{4, 3}, "found Dense"},
		{layers.NewRNN(layers.NewStackedRNNCells()), []int{4, 3}, "no cells"},
		{layers.NewRNN(layers.NewGRUCell(2)), []int{3}, "needs an input"},
		{layers.NewRNN(layers.NewGRUCell(0)), []int{4, 3}, "units must be positive"},
		{layers.NewRNN(layers.NewGRUCell(2)), []int{4, 3, 3}, "needs an input"},
		{layers.NewRNN(softmax), []int{4, 3}, `activation "softmax"`},
		{layers.NewGRUCell(2), []int{3}, "has 1 states, the call gives 0"},
		{layers.NewConvLSTM2D(2, 2), []int{4, 5, 3}, "5 dimensions"},
		{layers.NewConvLSTM2D(2, 3), []int{4, 2, 2, 3}, "smaller than the window"},
		{layers.NewConvLSTM2D(0, 3), []int{4, 5, 5, 3}, "filters must be"},
		{strided, []int{4, 5, 5, 3}, "can't be combined"},
	} {
		if err := built(c.layer, c.dims...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s over %v: %v, want %q", c.layer.Base().Class, c.dims, err, c.want)
		}
	}
	var u *nn.UnsupportedError
	if err := built(layers.NewRNN(layers.NewDense(2, "")), 4, 3); !errors.As(err, &u) || u.Key != "cell" {
		t.Errorf("a layer as a cell: %v", err)
	}
}

// TestConvLSTMDropout checks that both rates take part in training: the outputs change with the step, and with rates of
// zero they don't.
func TestConvLSTMDropout(t *testing.T) {
	for name, rates := range map[string][2]float32{"none": {}, "input": {.5, 0}, "recurrent": {0, .5}, "both": {.4, .4}} {
		l := layers.NewConvLSTM2D(3, 2)
		l.Dropout, l.RecurrentDropout = rates[0], rates[1]
		b := nn.NewBuilder()
		in := nn.Input(4, 5, 5, 2)
		m, err := nn.NewFunctional([]*nn.Symbol{in}, []*nn.Symbol{b.Call(l, in)})
		if err != nil {
			t.Fatal(err)
		}
		if err := nn.InitWeights(m, 1); err != nil {
			t.Fatal(err)
		}
		g, outs, err := nn.Trace(m, true)
		if err != nil {
			t.Fatal(err)
		}
		run := graph.NewInterp(g.Graph, 0, outs[0].Value)
		x := nn.NewTensor(2, 4, 5, 5, 2)
		for i := range x.F32 {
			x.F32[i] = float32(i%7) - 3
		}
		var first []float32
		for step := range uint64(2) {
			run.Step = step
			if err := run.Forward(context.Background(), x); err != nil {
				t.Fatal(err)
			}
			run.Backward()
			y := run.Value(outs[0].Value).F32
			if step == 0 {
				first = slices.Clone(y)
			} else if same := slices.Equal(first, y); same != (name == "none") {
				t.Errorf("%s: two steps give the same: %v", name, same)
			}
		}
	}
}
