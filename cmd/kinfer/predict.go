package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/pflag"

	"kerasgo/imaging"
	"kerasgo/imaging/labels"
	"kerasgo/internal/cli"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// options are the flags of prediction.
type options struct {
	modelFlags
	topK, batch, threads                     int
	labels, output, format, layer            string
	size, resize, engine, aspect, preprocess string
	color, progress, files0                  string
	inputs                                   []string
	threshold                                float64
	recursive, failFast, force, timing, verb bool
}

func predictCommand(fs *pflag.FlagSet) func(context.Context, *cli.IO, []string) error {
	var f options
	fs.IntVarP(&f.topK, "top-k", "k", 5, "likeliest classes to show")
	fs.StringVarP(&f.labels, "labels", "l", "", "class names: mnist, or a `FILE` (a line each, or JSON)")
	fs.IntVarP(&f.batch, "batch-size", "b", 32, "rows computed at a time")
	fs.IntVarP(&f.threads, "threads", "j", 0, "threads; 0: all processors")
	fs.StringVarP(&f.output, "output", "o", "", "write to `FILE`; its extension chooses the format")
	fs.BoolVarP(&f.force, "force", "f", false, "overwrite the output")
	fs.StringVar(&f.format, "format", "", "table, json, jsonl, csv, tsv, npy or npz (default table)")
	fs.StringVar(&f.size, "size", "", "image size `HxW`, where the model leaves it open")
	fs.StringVar(&f.resize, "resize", "", "nearest, bilinear, bicubic, lanczos, box or hamming (default nearest, as keras.utils.load_img)")
	fs.StringVar(&f.engine, "resize-engine", "", "pil or tf (default: what lies beside the model says, else pil)")
	fs.StringVar(&f.aspect, "keep-aspect", "", "crop or pad instead of stretching")
	fs.StringVar(&f.preprocess, "preprocess", "auto", "auto, none, scale, tf, torch, caffe or rescale=S,OFFSET")
	fs.StringVar(&f.color, "color", "", "rgb, bgr or gray (default: what the model takes)")
	fs.StringVar(&f.layer, "layer", "", "show the output of the layer `NAME` instead of the model's")
	fs.StringArrayVar(&f.inputs, "input", nil, "an input by its name: `NAME=FILE` of a .npy, .npz, .csv or .json (may be repeated)")
	f.add(fs)
	fs.Int64Var(&f.maxPixels, "max-pixels", safeio.Defaults().MaxPixels, "refuse images of more pixels")
	fs.StringVar(&f.files0, "files0-from", "", "read inputs from `FILE` (- for standard input), NUL after each")
	fs.BoolVarP(&f.recursive, "recursive", "r", false, "look into the folders of folders")
	fs.Float64Var(&f.threshold, "threshold", 0, "leave out classes below this score")
	fs.BoolVar(&f.failFast, "fail-fast", false, "stop at the first input that fails")
	fs.StringVar(&f.progress, "progress", "auto", "auto, always or never")
	fs.BoolVar(&f.timing, "timing", false, "say on stderr what took how long")
	fs.BoolVarP(&f.verb, "verbose", "v", false, "say more on stderr")
	return func(ctx context.Context, o *cli.IO, args []string) error { return f.run(ctx, o, args) }
}

func (f *options) run(ctx context.Context, o *cli.IO, args []string) error {
	start := time.Now()
	if f.files0 != "" {
		more, err := readNames(f.files0, o)
		if err != nil {
			return err
		}
		args = append(args, more...)
	}
	switch {
	case len(f.inputs) > 0 && len(args) == 1:
	case len(f.inputs) > 0:
		return cli.Usagef("give inputs by name with --input, or files, not both")
	case len(args) < 2:
		return cli.Usagef("needs a model and at least one input; see kinfer --help")
	}
	if err := f.check(); err != nil {
		return err
	}
	limits, err := f.limits()
	if err != nil {
		return err
	}
	m, err := f.open(args[0])
	if err != nil {
		return err
	}
	plan, err := nn.Compile(m, nn.CompileOptions{Threads: f.threads, Layer: f.layer, MaxBytes: limits.OrDefaults().MaxActivationBytes})
	if err != nil {
		if f.layer != "" {
			return &cli.Error{Code: cli.Usage, Err: err}
		}
		return err
	}
	items, err := expand(args[1:], f.recursive, limits, o)
	if err != nil {
		return err
	}
	p := &predictor{options: f, io: o, plan: plan, model: m, run: plan.Runner(), limits: limits, loaded: time.Since(start)}
	defer p.run.Close()
	side, err := readSidecar(args[0])
	if err != nil {
		return err
	}
	names, err := f.classNames(side)
	if err != nil {
		return err
	}
	outputs := plan.OutputNames()
	if f.layer == "" {
		p.order = nn.OutputOrder(m)
		outputs = arranged(p.order, outputs)
	}
	sink, finish, err := f.sink(o, outputs, names)
	if err != nil {
		return err
	}
	p.sink = sink
	if err := p.items(ctx, items, side); err != nil {
		finish(err)
		return err
	}
	if err := finish(nil); err != nil {
		return err
	}
	if f.timing {
		fmt.Fprintf(o.Err, "opened in %.1f ms, first answer after %.1f ms, all %d rows after %.1f ms\n", ms(p.loaded), ms(p.first), p.rows,
			ms(time.Since(start)))
	}
	if p.failed > 0 {
		return &cli.Error{Code: cli.Partial, Err: fmt.Errorf("%d of %d inputs failed", p.failed, len(items))}
	}
	return nil
}

func (f *options) check() error {
	switch {
	case f.topK < 1:
		return cli.Usagef("--top-k must be at least 1, found %d", f.topK)
	case f.batch < 1:
		return cli.Usagef("--batch-size must be at least 1, found %d", f.batch)
	case f.threads < 0:
		return cli.Usagef("--threads must be 0 or more, found %d", f.threads)
	case f.maxPixels < 1:
		return cli.Usagef("--max-pixels must be at least 1, found %d", f.maxPixels)
	case !slices.Contains([]string{"auto", "always", "never"}, f.progress):
		return cli.Usagef("--progress is auto, always or never, not %q", f.progress)
	}
	if f.output != "" && !f.force {
		if _, err := os.Stat(f.output); err == nil {
			return fmt.Errorf("%s: %w", f.output, safeio.ErrExists)
		}
	}
	return nil
}

// readNames reads NUL-terminated names.
func readNames(path string, o *cli.IO) ([]string, error) {
	in := o.In
	if path != "-" { // perhaps a pipe: <(find . -print0)
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	raw, err := safeio.ReadAll(in, safeio.Defaults().MaxJSONBytes)
	if err != nil {
		return nil, safeio.At(err, safeio.Where{File: path})
	}
	return slices.DeleteFunc(strings.Split(string(raw), "\x00"), func(s string) bool { return s == "" }), nil
}

// predictor runs batches of inputs through a plan.
type predictor struct {
	*options
	io     *cli.IO
	plan   *nn.Plan
	model  nn.Model
	run    *nn.Runner
	sink   sink
	order  []int // of the outputs, as the file lists them
	limits safeio.Limits

	img           imaging.Options
	tensor        *nn.Tensor // a batch of images
	rows, failed  int
	loaded, first time.Duration
}

// items runs every input. A sole one that fails is the command's error; of several, the others are done.
func (p *predictor) items(ctx context.Context, items []item, side sidecar) error {
	if len(p.inputs) > 0 {
		in, err := named(p.inputs, p.plan.Inputs(), p.limits)
		if err != nil {
			return err
		}
		return p.feed(ctx, "--input", in)
	}
	k, err := items[0].kindFor(p.plan.Inputs())
	if err == nil && k != image {
		if len(items) > 1 {
			return cli.Usagef("give one file of arrays at a time, found %d inputs", len(items))
		}
		return p.arrays(ctx, items[0], k)
	}
	if err != nil && len(items) == 1 {
		return err
	}
	if err := p.imageOptions(side); err != nil {
		return err
	}
	batch := p.batch
	if p.img.Width == 0 {
		batch = 1 // images of several sizes don't make a batch
	}
	for at := 0; at < len(items); at += batch {
		if err := p.images(ctx, items[at:min(at+batch, len(items))], len(items)); err != nil {
			return err
		}
		if p.progress == "always" || p.progress == "auto" && len(items) > batch && p.io.Terminal(p.io.Err) {
			fmt.Fprintf(p.io.Err, "\r%d/%d", min(at+batch, len(items)), len(items))
			if at+batch >= len(items) {
				fmt.Fprintln(p.io.Err)
			}
		}
	}
	return nil
}

func (p *predictor) arrays(ctx context.Context, it item, k kind) error {
	in, err := it.arrays(k, p.plan.Inputs(), p.limits)
	if err != nil {
		return err
	}
	return p.feed(ctx, it.name, in)
}

// feed runs arrays, a batch of rows at a time.
func (p *predictor) feed(ctx context.Context, from string, in []*nn.Tensor) (err error) {
	rows := 0
	for i, s := range p.plan.Inputs() {
		if in[i], err = nn.FitInput(s, in[i]); err != nil {
			return err
		}
		if in[i].Shape[0] != in[0].Shape[0] {
			return cli.Usagef("%s: inputs %q and %q have %d and %d rows", from, p.plan.Inputs()[0].Name, s.Name, in[0].Shape[0], in[i].Shape[0])
		}
		rows = in[i].Shape[0]
	}
	part := make([]*nn.Tensor, len(in))
	for at := 0; at < max(rows, 1); at += p.batch {
		for i, t := range in {
			part[i] = t.Rows(at, min(at+p.batch, rows))
		}
		outs, err := p.run.Run(ctx, part...)
		if err != nil {
			return err
		}
		names := make([]string, part[0].Shape[0])
		for i := range names {
			names[i] = fmt.Sprint(at + i)
		}
		if err := p.emit(names, nil, outs); err != nil {
			return err
		}
	}
	return nil
}

// images decodes and runs one batch.
func (p *predictor) images(ctx context.Context, items []item, total int) error {
	pictures, errs := make([]*imaging.Image, len(items)), make([]error, len(items))
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(p.run.Threads(), len(items)) {
		wg.Go(func() {
			for i := range next {
				pictures[i], errs[i] = items[i].image(p.limits)
			}
		})
	}
	for i := range items {
		next <- i
	}
	close(next)
	wg.Wait()
	var names []string
	var shown []*imaging.Image
	for i, err := range errs {
		if err == nil {
			names, shown = append(names, items[i].name), append(shown, pictures[i])
			continue
		}
		if total == 1 || p.failFast {
			return err
		}
		p.failed++
		fmt.Fprintf(p.io.Err, "kinfer: %s\n", safeio.Printable(err.Error(), false))
	}
	if len(shown) == 0 {
		return nil
	}
	x, err := p.fill(shown)
	if err != nil {
		return err
	}
	outs, err := p.run.Run(ctx, x)
	if err != nil {
		return err
	}
	return p.emit(names, shown, outs)
}

// fill makes the batch's input.
func (p *predictor) fill(shown []*imaging.Image) (*nn.Tensor, error) {
	h, w, c := p.img.Shape(shown[0])
	spec := p.plan.Inputs()[0]
	shape := nn.Shape{len(shown), h, w, c}
	switch len(spec.Shape) {
	case 3:
		shape = nn.Shape{len(shown), h, w}
	case 2:
		shape = nn.Shape{len(shown), h * w * c}
	}
	if p.tensor == nil || !p.tensor.Shape.Equal(shape) {
		p.tensor = graph.New(nn.Spec{Shape: shape})
	}
	n := h * w * c
	for i, m := range shown {
		if err := p.img.Fill(p.tensor.F32[i*n:][:n], m); err != nil {
			return nil, err
		}
	}
	return nn.FitInput(spec, p.tensor)
}

// arranged is a list of outputs in another order; nil leaves it.
func arranged[T any](order []int, list []T) []T {
	if len(order) != len(list) {
		return list
	}
	out := make([]T, len(list))
	for i, at := range order {
		out[i] = list[at]
	}
	return out
}

func (p *predictor) emit(names []string, shown []*imaging.Image, outs []*nn.Tensor) error {
	if p.first == 0 {
		p.first = p.loaded
	}
	outs = arranged(p.order, outs)
	for _, y := range outs {
		if len(y.Shape) == 0 || y.Shape[0] != len(names) {
			return errors.New("an output doesn't have a row for each input row")
		}
	}
	if b, ok := p.sink.(batcher); ok {
		if err := b.batch(outs); err != nil {
			return err
		}
	}
	for i, name := range names {
		row := make([]*nn.Tensor, len(outs))
		for k, y := range outs {
			row[k] = y.Rows(i, i+1)
		}
		var picture *imaging.Image
		if shown != nil {
			picture = shown[i]
		}
		if err := p.sink.row(name, picture, row); err != nil {
			return err
		}
		p.rows++
	}
	return nil
}

// classNames reads --labels, or the model's sidecar.
func (f *options) classNames(side sidecar) ([]string, error) {
	if f.labels == "" {
		return side.Labels, nil
	}
	if names, ok := labels.Builtin(f.labels); ok {
		return names, nil
	}
	return labels.Open(f.labels, safeio.Defaults())
}

// formatOf is the format of an output file's extension.
func formatOf(path string) string {
	switch ext := strings.TrimPrefix(strings.ToLower(filepath.Ext(path)), "."); ext {
	case "json", "jsonl", "csv", "tsv", "npy", "npz":
		return ext
	}
	return "table"
}
