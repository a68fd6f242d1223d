package layers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"kerasgo/internal/testcheck"
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
)

// TestGoldensAsDoubles runs the goldens of float32 models with every float32 in their configs made float64: the numbers are the
// same to float32's precision, or the layer is refused by name.
func TestGoldensAsDoubles(t *testing.T) { inDType(t, "float64", 1e-5) }

// TestGoldensAsHalves is that in bfloat16, of whose numbers little is asked here: goldens of bfloat16 say what is right.
func TestGoldensAsHalves(t *testing.T) { inDType(t, "bfloat16", .3) }

func inDType(t *testing.T, dtype string, tolerance float64) {
	files, err := filepath.Glob("../../testdata/golden/*/*.npz")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	refused, ran := map[string]string{}, 0
	for _, f := range files {
		class, name := filepath.Base(filepath.Dir(f)), strings.TrimSuffix(filepath.Base(f), ".npz")
		if strings.HasSuffix(name, ".k2") || class == "DTypes" || class == "Quantized" || class == "Adapt" || class == "Discretization" {
			continue
		}
		if dtype == "float64" && strings.HasSuffix(class, "Attention") && name == "mask" {
			continue // a row that is masked whole: taking 1e9 away leaves nothing of a float32's score, but of a float64's
		}
		t.Run(class+"/"+name, func(t *testing.T) {
			ran++
			var u *nn.UnsupportedError
			var many nn.UnsupportedErrors
			switch off, err := runIn(f, dtype); {
			case errors.As(err, &u), errors.As(err, &many):
				refused[class] = err.Error()
			case err != nil:
				t.Error(err)
			case off > tolerance:
				t.Errorf("off by %.2g of range", off)
			}
		})
	}
	for class, why := range refused {
		t.Logf("%s: %s", class, why)
	}
	if len(refused)*4 > ran {
		t.Errorf("%d classes are refused", len(refused))
	}
}

// runIn is how far a golden's model is off in another dtype.
func runIn(file, dtype string) (worst float64, err error) {
	g, err := testcheck.ReadGolden(file)
	if err != nil {
		return 0, err
	}
	g.Meta.Model = bytes.ReplaceAll(g.Meta.Model, []byte(`"float32"`), []byte(`"`+dtype+`"`))
	d := nn.Decoder{Registry: layers.Builtin()}
	l, err := d.Decode(g.Meta.Model)
	if err != nil {
		return 0, err
	}
	m, ok := l.(nn.Model)
	if !ok {
		return 0, fmt.Errorf("%T isn't a model", l)
	}
	if _, err := g.SetWeights(m); err != nil {
		return 0, err
	}
	in, err := g.Inputs(m)
	if err != nil {
		return 0, err
	}
	tr, outs, err := nn.Trace(m, false)
	if err != nil {
		return 0, err
	}
	run := graph.NewInterp(tr.Graph, 0)
	if err := run.Forward(context.Background(), in...); err != nil {
		return 0, err
	}
	for i, o := range outs {
		y := run.Value(o.Value)
		if want := g.Arrays[fmt.Sprintf("y_%d", i)]; y.DType.Float() && want != nil {
			worst = max(worst, testcheck.Off(y, want))
		}
	}
	return worst, nil
}
