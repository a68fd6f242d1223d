package nn

import (
	"context"
	"fmt"
	"slices"

	"kerasgo/internal/par"
	"kerasgo/internal/safeio"
	"kerasgo/nn/graph"
)

// CompileOptions say how to compile; the zero value is right for most.
type CompileOptions struct {
	// Threads that a Runner uses; 0: as many as there are processors.
	Threads int
	// MaxBytes limits the activations of a Runner; 0: 4 GiB; less than 0: no limit.
	MaxBytes int64
	// NoFuse leaves the graph as the layers said it, but for what no output needs: for finding out where numbers differ.
	NoFuse bool
	// Layer makes a layer's outputs, by its path (inner/dense), the plan's; "": the model's own.
	Layer string
}

func (o CompileOptions) maxBytes() int64 {
	if o.MaxBytes == 0 {
		return safeio.Defaults().MaxActivationBytes
	}
	return max(o.MaxBytes, 0)
}

// Plan is a compiled model: immutable, a snapshot of its weights, shared by goroutines, each with a Runner of its own.
type Plan struct {
	plan    *graph.Plan
	inputs  []InputSpec
	outputs []string
	threads int
}

// Compile makes a Plan of a model: it traces it for inference and runs the passes.
func Compile(m Model, o CompileOptions) (*Plan, error) {
	g, _, err := Trace(m, false)
	if err != nil {
		return nil, err
	}
	names := m.OutputNames()
	if o.Layer != "" {
		if names, err = g.outputAt(o.Layer); err != nil {
			return nil, err
		}
	}
	var missing int
	for _, w := range g.Weights() {
		if w.Data == nil {
			missing++
		}
	}
	if missing > 0 {
		return nil, fmt.Errorf("model %q: %d of its weights have no value yet", m.Base().Name, missing)
	}
	return &Plan{graph.NewPlan(optimise(g.Graph, o.NoFuse), o.maxBytes()), m.InputSpecs(), names, o.Threads}, nil
}

// outputAt makes the outputs of the last call of a layer the graph's.
func (g *Graph) outputAt(path string) ([]string, error) {
	var paths []string
	for _, c := range slices.Backward(g.Calls) {
		if c.Path != path {
			paths = append(paths, c.Path)
			continue
		}
		g.Outputs = nil
		names := make([]string, len(c.Out))
		for i, w := range c.Out {
			names[i] = path
			g.Outputs = append(g.Outputs, w.Value)
		}
		return uniqueNames(names), nil
	}
	err := fmt.Errorf("there is no layer %q", path)
	if near := Nearest(path, paths); near != "" {
		err = fmt.Errorf("%w (did you mean %q?)", err, near)
	}
	return nil, err
}

// Inputs describes what Run takes, in order.
func (p *Plan) Inputs() []InputSpec { return p.inputs }

// OutputNames are the names of what Run returns.
func (p *Plan) OutputNames() []string { return p.outputs }

// FLOPs are the floating-point operations of one run on x, a multiply-add counting as two.
func (p *Plan) FLOPs(x ...*Tensor) (int64, error) { return p.plan.Graph().FLOPs(x) }

// Runner runs a Plan with an arena and threads of its own. It isn't for use by several goroutines at once.
type Runner struct {
	run    *graph.Runner
	pool   *par.Pool
	inputs []InputSpec
	in     []*Tensor
}

// Runner makes a Runner. Close it where its threads should end before the program does.
func (p *Plan) Runner() *Runner {
	pool := par.New(p.threads)
	return &Runner{p.plan.Runner(pool), pool, p.inputs, make([]*Tensor, len(p.inputs))}
}

// Run computes the outputs for x, whose dtypes are converted to the model's. The results are the runner's own and last
// until the next call; once it has seen a shape, a run with x of the right dtypes allocates nothing.
func (r *Runner) Run(ctx context.Context, x ...*Tensor) ([]*Tensor, error) {
	if len(x) != len(r.inputs) {
		return nil, fmt.Errorf("the model has %d inputs, found %d", len(r.inputs), len(x))
	}
	for i, s := range r.inputs {
		var err error
		if r.in[i], err = FitInput(s, x[i]); err != nil {
			return nil, err
		}
	}
	return r.run.Run(ctx, r.in...)
}

// Threads is how many threads the runner uses.
func (r *Runner) Threads() int { return r.pool.Threads() }

// Close ends the runner's threads.
func (r *Runner) Close() { r.pool.Close() }
