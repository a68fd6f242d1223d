package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"kerasgo/imaging"
	"kerasgo/internal/cli"
	"kerasgo/internal/explain"
	"kerasgo/internal/safeio"
)

// explainCommand tells how a small network learns a picture of a digit.
func explainCommand(fs *pflag.FlagSet) func(context.Context, *cli.IO, []string) error {
	var e explain.Options
	var until, output string
	var force bool
	fs.IntVar(&e.Digit, "digit", 7, "the digit that is learnt; of a picture of your own, what it shows")
	fs.IntVar(&e.Size, "size", 7, "the network sees `N` x N pixels; 28 is MNIST's own size")
	fs.IntVar(&e.Units, "units", 4, "hidden units; with --size 28 --units 128 it is the network that quickstart trains")
	fs.Uint64Var(&e.Seed, "seed", 5, "of the first weights")
	fs.Float64Var(&e.Rate, "lr", .001, "Adam's learning rate")
	fs.StringVar(&until, "until", "loss<0.05", "go on until `loss<NUMBER`")
	fs.IntVar(&e.Most, "max-steps", 10_000, "stop after this many steps, at the latest")
	fs.IntVar(&e.Steps, "steps", 1, "tell this many steps in full, 1 to 20")
	fs.BoolVar(&e.All, "all", false, "print all weights, however many there are")
	fs.StringVarP(&output, "output", "o", "", "write a web page to `FILE`.html instead of text")
	fs.BoolVarP(&force, "force", "f", false, "overwrite what exists")
	return func(ctx context.Context, o *cli.IO, args []string) (err error) {
		if len(args) > 1 {
			return cli.Usagef("explain takes one picture, found %q", args)
		}
		if e.Until, err = parseLoss(until); err != nil {
			return err
		}
		if err := e.Check(); err != nil {
			return cli.Usagef("%v", err)
		}
		if output != "" {
			if err := free(force, output); err != nil {
				return err
			}
		}
		if len(args) == 1 {
			if !fs.Changed("digit") {
				return cli.Usagef("say with --digit what %q shows", args[0])
			}
			if e.Picture, err = imaging.Open(args[0], safeio.Limits{}); err != nil {
				return err
			}
		}
		l, err := explain.New(ctx, e)
		if err != nil {
			return err
		}
		if output == "" {
			return l.WriteText(o.Out, explain.TextOptions{Columns: o.Columns(o.Out), Color: o.Color(o.Out)})
		}
		if err := safeio.WriteFile(output, force, func(w io.Writer) error { return l.WriteHTML(w) }); err != nil {
			return err
		}
		fmt.Fprintf(o.Err, "%s is a web page: open it in a browser\n", output)
		return nil
	}
}

// parseLoss reads loss<0.05, or just the number.
func parseLoss(s string) (float64, error) {
	v, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimPrefix(s, "loss<")), 64)
	if err != nil || !(v >= 0) {
		return 0, cli.Usagef("--until is loss<NUMBER, such as loss<0.05, not %q", s)
	}
	return v, nil
}
