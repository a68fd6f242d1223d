package main

import (
	"context"
	"math"
	"strings"

	"github.com/spf13/pflag"

	"kerasgo/data"
	"kerasgo/imaging"
	"kerasgo/internal/cli"
	"kerasgo/nn"
	"kerasgo/train"
)

// dataFlags say how data becomes the model's inputs and targets.
type dataFlags struct{ features, resize, engine, color string }

func (d *dataFlags) flags(fs *pflag.FlagSet) {
	fs.StringVar(&d.features, "features", "", "what of a TFRecord's examples is used: `x=NAME,y=NAME`, or x_0=, an input's name, sample_weight= (default: by these names, or image and label)")
	fs.StringVar(&d.resize, "resize", "", "how images are resized: nearest, bilinear, bicubic, lanczos, box or hamming (default: bilinear)")
	fs.StringVar(&d.engine, "resize-engine", "", "whose arithmetic resizes: tf, as image_dataset_from_directory, or pil (default: tf where it has the filter)")
	fs.StringVar(&d.color, "color", "", "of images: rgb, bgr, gray or rgba (default: by the input's channels)")
}

// String is the flags in one line: another one is other data.
func (d *dataFlags) String() string {
	return strings.Join([]string{d.features, d.resize, d.engine, d.color}, " ")
}

// parseFeatures reads x=image,y=label.
func parseFeatures(s string) (map[string]string, error) {
	if s == "" {
		return nil, nil
	}
	out := map[string]string{}
	for _, pair := range strings.Split(s, ",") {
		role, name, _ := strings.Cut(strings.TrimSpace(pair), "=")
		if role == "" || name == "" || out[role] != "" {
			return nil, cli.Usagef("--features is ROLE=NAME,..., each role once, such as x=image,y=label, not %q", s)
		}
		out[role] = name
	}
	return out, nil
}

// images applies the flags to how images are made. What the model's sidecar says of resizing is Pillow's, as in kinfer.
func (d *dataFlags) images(o *imaging.Options, fromSidecar bool) (err error) {
	if !fromSidecar {
		o.Filter = imaging.Bilinear
	}
	if d.resize != "" {
		if o.Filter, err = imaging.ParseFilter(d.resize); err != nil {
			return &cli.Error{Code: cli.Usage, Err: err}
		}
	}
	if (!fromSidecar || d.resize != "") && (o.Filter == imaging.Nearest || o.Filter == imaging.Bilinear) {
		o.Engine = imaging.TF
	}
	if d.engine != "" {
		if o.Engine, err = imaging.ParseEngine(d.engine); err != nil {
			return &cli.Error{Code: cli.Usage, Err: err}
		}
	}
	if d.color != "" {
		c, err := imaging.ParseColor(d.color)
		if err != nil {
			return &cli.Error{Code: cli.Usage, Err: err}
		}
		if o.Height > 0 && c.Channels() != o.Color.Channels() {
			return cli.Usagef("--color %s makes %d channels, the model takes %d", d.color, c.Channels(), o.Color.Channels())
		}
		o.Color = c
	}
	if err := o.Check(); err != nil {
		return &cli.Error{Code: cli.Usage, Err: err}
	}
	return nil
}

// options says what to open for a model.
func (d *dataFlags) options(m nn.Model, model, preprocess string, seed uint64) (o data.OpenOptions, err error) {
	o = data.OpenOptions{Seed: seed, Outputs: m.OutputNames()}
	for _, s := range m.InputSpecs() {
		o.Inputs, o.Specs = append(o.Inputs, s.Name), append(o.Specs, s.Spec)
	}
	if o.Features, err = parseFeatures(d.features); err != nil {
		return o, err
	}
	var resized bool
	if o.Image, resized, err = imageOptions(m, model, preprocess); err != nil {
		return o, err
	}
	return o, d.images(&o.Image, resized)
}

// oneHot makes targets of one class a row one-hot where the loss wants that.
func oneHot(s *data.Source, m nn.Model, c *train.Config) error {
	if len(c.Loss) != 1 || c.Loss[0].Name != "categorical_crossentropy" {
		return nil
	}
	units, err := outputUnits(m)
	if err != nil || units < 2 {
		return err
	}
	var b data.Batch
	if err := (*s).Read(&b, []int{0}); err != nil || len(b.Y) != 1 || b.Y[0].Len() != 1 {
		return err
	}
	*s = data.OneHot(*s, units)
	return nil
}

// outputUnits is the last dimension of the model's first output.
func outputUnits(m nn.Model) (int, error) {
	_, outs, err := nn.Trace(m, false)
	if err != nil || len(outs) == 0 || len(outs[0].Shape) == 0 {
		return 0, err
	}
	return outs[0].Shape.Last(), nil
}

// check looks through data for what can't be learnt, before the first step.
func check(ctx context.Context, s data.Source, m nn.Model, c *train.Config) error {
	_, outs, err := nn.Trace(m, false)
	if err != nil {
		return err
	}
	var want []data.Want
	for i, name := range m.OutputNames() {
		w := data.Want{Output: name}
		var loss train.Loss
		switch {
		case len(c.Loss) == 1:
			loss = c.Loss[0]
		case i < len(c.Loss):
			loss = c.Loss[i]
		}
		switch loss.Name {
		case "sparse_categorical_crossentropy":
			w.Classes, w.Ignore = outs[i].Shape.Last(), loss.IgnoreClass
		case "categorical_crossentropy", "categorical_focal_crossentropy":
			w.High = math.Inf(1)
		case "binary_crossentropy", "binary_focal_crossentropy":
			w.High = 1
		}
		want = append(want, w)
	}
	return data.Check(ctx, s, want)
}
