package main

import (
	"context"
	"fmt"

	"github.com/spf13/pflag"

	"kerasgo/internal/cli"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
)

func checkCommand(fs *pflag.FlagSet) func(context.Context, *cli.IO, []string) error {
	var f modelFlags
	f.add(fs)
	dim := fs.Int("dim", 32, "size of dimensions that the model leaves open, but for the batch")
	return func(ctx context.Context, o *cli.IO, args []string) error {
		if len(args) != 1 || *dim < 1 {
			return cli.Usagef("check takes one model")
		}
		m, err := f.open(args[0])
		if err != nil {
			return err
		}
		plan, err := nn.Compile(m, nn.CompileOptions{MaxBytes: safeio.Defaults().MaxActivationBytes})
		if err != nil {
			return err
		}
		run := plan.Runner()
		defer run.Close()
		var in []*nn.Tensor
		for _, s := range plan.Inputs() {
			x, err := zeros(s, 1, *dim)
			if err != nil {
				return err
			}
			in = append(in, x)
		}
		out, err := run.Run(ctx, in...)
		if err != nil {
			return err
		}
		fmt.Fprintf(o.Out, "%s: %s %q opens and runs\n", args[0], m.Base().Class, m.Base().Name)
		for _, s := range plan.Inputs() {
			fmt.Fprintf(o.Out, "  in   %s %v\n", s.Name, s.Spec)
		}
		for i, name := range plan.OutputNames() {
			fmt.Fprintf(o.Out, "  out  %s %v of zeros%s\n", name, out[i].Spec, notFinite(out[i]))
		}
		return nil
	}
}

// notFinite remarks on outputs that hold NaN or infinity.
func notFinite(t *nn.Tensor) string {
	for _, v := range t.F32 {
		if v-v != 0 {
			return ", not all finite"
		}
	}
	return ""
}
