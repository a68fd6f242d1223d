package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/spf13/pflag"

	"kerasgo/internal/cli"
	"kerasgo/internal/npy"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// report is what bench prints; the keys are a contract.
type report struct {
	Model   string  `json:"model"`
	Batch   int     `json:"batch"`
	Threads int     `json:"threads"`
	Runs    int     `json:"runs"`
	Load    float64 `json:"load_ms"`
	First   float64 `json:"first_ms"`
	Min     float64 `json:"min_ms"`
	Median  float64 `json:"median_ms"`
	P90     float64 `json:"p90_ms"`
	P99     float64 `json:"p99_ms"`
	CPU     float64 `json:"cpu_median_ms"`
	RSS     float64 `json:"peak_rss_mb"`
	GFLOPS  float64 `json:"gflops"` // a second, at the median
}

func benchCommand(fs *pflag.FlagSet) func(context.Context, *cli.IO, []string) error {
	var f modelFlags
	f.add(fs)
	batch := fs.IntP("batch-size", "b", 1, "rows a run")
	threads := fs.IntP("threads", "j", 0, "threads; 0: all processors")
	input := fs.String("input", "", "`FILE`: a .npy to run instead of random numbers")
	dim := fs.Int("dim", 32, "size of dimensions that the model leaves open, but for the batch")
	seconds := fs.Float64("seconds", 2, "how long to measure")
	format := fs.String("format", "table", "table or json")
	return func(ctx context.Context, o *cli.IO, args []string) error {
		switch {
		case len(args) != 1:
			return cli.Usagef("bench takes one model, found %d arguments", len(args))
		case *batch < 1 || *dim < 1 || *threads < 0 || !(*seconds > 0):
			return cli.Usagef("--batch-size, --dim and --seconds must be positive")
		case *format != "table" && *format != "json":
			return cli.Usagef("--format is table or json, not %q", *format)
		}
		start := time.Now()
		m, err := f.open(args[0])
		if err != nil {
			return err
		}
		plan, err := nn.Compile(m, nn.CompileOptions{Threads: *threads, MaxBytes: safeio.Defaults().MaxActivationBytes})
		if err != nil {
			return err
		}
		r := report{Model: args[0], Batch: *batch, Load: ms(time.Since(start))}
		x, err := benchInputs(plan.Inputs(), *input, *batch, *dim)
		if err != nil {
			return err
		}
		r.Batch = x[0].Shape[0]
		run := plan.Runner()
		defer run.Close()
		r.Threads = run.Threads()
		if err := r.measure(ctx, run, x, time.Duration(*seconds*float64(time.Second))); err != nil {
			return err
		}
		if flops, err := plan.FLOPs(x...); err == nil && r.Median > 0 {
			r.GFLOPS = float64(flops) / r.Median / 1e6
		}
		if *format == "json" {
			return json.NewEncoder(o.Out).Encode(r)
		}
		fmt.Fprintf(o.Out, "%s, batch %d, %d threads, %d runs\nload %.2f ms, first run %.2f ms\nmin %.3f ms, median %.3f ms, p90 %.3f ms, p99 %.3f ms (processor time %.3f ms)\npeak memory %.1f MB, %.1f GFLOP/s\n",
			r.Model, r.Batch, r.Threads, r.Runs, r.Load, r.First, r.Min, r.Median, r.P90, r.P99, r.CPU, r.RSS, r.GFLOPS)
		return nil
	}
}

// measure runs the plan for a while after a warm-up.
func (r *report) measure(ctx context.Context, run *nn.Runner, x []*nn.Tensor, long time.Duration) error {
	start := time.Now()
	if _, err := run.Run(ctx, x...); err != nil {
		return err
	}
	r.First = ms(time.Since(start))
	for warm := time.Now(); time.Since(warm) < long/10; {
		if _, err := run.Run(ctx, x...); err != nil {
			return err
		}
	}
	var wall, cpu []float64
	for begin := time.Now(); time.Since(begin) < long || len(wall) < 3; {
		c, t := cpuTime(), time.Now()
		if _, err := run.Run(ctx, x...); err != nil {
			return err
		}
		wall = append(wall, ms(time.Since(t)))
		cpu = append(cpu, ms(cpuTime()-c))
	}
	slices.Sort(wall)
	slices.Sort(cpu)
	at := func(s []float64, q float64) float64 { return s[min(int(q*float64(len(s))), len(s)-1)] }
	r.Runs, r.Min, r.Median, r.P90, r.P99 = len(wall), wall[0], at(wall, .5), at(wall, .9), at(wall, .99)
	r.CPU, r.RSS = at(cpu, .5), peakRSS()
	return nil
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// benchInputs reads the input or draws one, always the same.
func benchInputs(specs []nn.InputSpec, path string, batch, dim int) ([]*nn.Tensor, error) {
	if path != "" {
		if len(specs) != 1 {
			return nil, cli.Usagef("--input is for models of one input; this one has %d", len(specs))
		}
		t, err := npy.Open(path, safeio.Defaults())
		if err != nil {
			return nil, err
		}
		t, err = nn.FitInput(specs[0], t)
		return []*nn.Tensor{t}, err
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var out []*nn.Tensor
	for _, s := range specs {
		t, err := zeros(s, batch, dim)
		if err != nil {
			return nil, err
		}
		for i := range t.F32 {
			t.F32[i] = rng.Float32()
		}
		out = append(out, t)
	}
	return out, nil
}

// zeros is an input of the model with the open dimensions filled in.
func zeros(s nn.InputSpec, batch, dim int) (*nn.Tensor, error) {
	shape := slices.Clone(s.Shape)
	for i, d := range shape {
		switch {
		case d != graph.Unknown:
		case i == 0:
			shape[i] = batch
		default:
			shape[i] = dim
		}
	}
	spec := nn.Spec{Shape: shape, DType: s.DType}
	if _, err := spec.Bytes(safeio.Defaults().MaxActivationBytes); err != nil {
		return nil, fmt.Errorf("input %q, %v: %w", s.Name, spec, err)
	}
	return graph.New(spec), nil
}
