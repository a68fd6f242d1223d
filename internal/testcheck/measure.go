package testcheck

import (
	"context"
	"fmt"

	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// Measure gives a golden's weights to a model and runs it for inference. The errors are the largest of its outputs, relative to
// the range of each: in the Interpreter and in the Plan.
func Measure(g *Golden, m nn.Model) (interpreter, plan float64, err error) {
	if _, err := g.SetWeights(m); err != nil {
		return 0, 0, err
	}
	return MeasureLoaded(g, m)
}

// MeasureLoaded is Measure for a model that has its weights.
func MeasureLoaded(g *Golden, m nn.Model) (interpreter, plan float64, err error) {
	in, err := g.Inputs(m)
	if err != nil {
		return 0, 0, err
	}
	tr, outs, err := nn.Trace(m, false)
	if err != nil {
		return 0, 0, err
	}
	run := graph.NewInterp(tr.Graph, 0)
	if err := run.Forward(context.Background(), in...); err != nil {
		return 0, 0, err
	}
	p, err := nn.Compile(m, nn.CompileOptions{Threads: 1})
	if err != nil {
		return 0, 0, err
	}
	r := p.Runner()
	defer r.Close()
	ys, err := r.Run(context.Background(), in...)
	if err != nil {
		return 0, 0, err
	}
	for i, o := range outs {
		want := g.Arrays[fmt.Sprintf("y_%d", i)]
		if want == nil {
			return 0, 0, fmt.Errorf("there is no y_%d", i)
		}
		interpreter, plan = max(interpreter, Off(run.Value(o.Value), want)), max(plan, Off(ys[i], want))
	}
	return interpreter, plan, nil
}
