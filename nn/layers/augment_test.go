package layers

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kerasgo/internal/testcheck"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// stated runs an augmentation layer with numbers that were not drawn.
type stated struct {
	nn.Common
	inner nn.Layer
	draws *nn.Tensor
}

// Build implements nn.Layer.
func (s *stated) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x, draws := c.In().Value, g.Const(s.draws)
	switch l := s.inner.(type) {
	case *RandomRotation:
		return nn.Drop(l.warp(g, x, draws, "rotation"))
	case *RandomZoom:
		return nn.Drop(l.warp(g, x, draws, "zoom"))
	case *RandomTranslation:
		return nn.Drop(l.warp(g, x, draws, "translation"))
	case *RandomFlip: // 1 says flip; a number up to a half does
		number := binary(g, "subtract", g.Scalar(1), draws)
		return nn.Drop(fromLast(g, l.DataFormat, l.flip(g, toLast(g, l.DataFormat, x), number, number)))
	case *RandomContrast:
		return nn.Drop(l.adjust(g, x, draws))
	case *RandomBrightness:
		return nn.Drop(l.adjust(g, x, draws))
	}
	g.Failf("%T draws nothing", s.inner)
	return nil
}

// TestAugment compares what the layers do in training, with stated numbers, with what Keras's do with them.
func TestAugment(t *testing.T) {
	files, err := filepath.Glob("../../testdata/augment/*.npz")
	if err != nil || len(files) < 60 {
		t.Fatalf("%d goldens: %v", len(files), err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".npz"), func(t *testing.T) {
			golden, err := testcheck.ReadGolden(f)
			if err != nil {
				t.Fatal(err)
			}
			d := nn.Decoder{Registry: Builtin()}
			inner, err := d.Decode(golden.Meta.Model)
			if err != nil {
				t.Fatal(err)
			}
			x := golden.Arrays["x"]
			y, _ := trained(t, &stated{base("Stated"), inner, golden.Arrays["draws"]}, x, 0)
			if off := testcheck.Off(y, golden.Arrays["y"]); !(off <= golden.Meta.Tolerance) {
				t.Errorf("off by %.2g of range", off)
			}
		})
	}
}

// trained runs a layer once as in training, in the given step, and returns what it makes and its graph.
func trained(t *testing.T, l nn.Layer, x *nn.Tensor, step uint64) (*nn.Tensor, *nn.Graph) {
	t.Helper()
	l.Base().Name = "augmentation"
	m, err := nn.NewSequential(nn.NewInput(x.Shape[1:]...), l)
	if err != nil {
		t.Fatal(err)
	}
	g, outs, err := nn.Trace(m, true)
	if err != nil {
		t.Fatal(err)
	}
	run := graph.NewInterp(g.Graph, 0)
	run.Seed, run.Step = 42, step
	if err := run.Forward(context.Background(), x); err != nil {
		t.Fatal(err)
	}
	return run.Value(outs[0].Value).Clone(), g
}

// ramp is images whose every element is different, from 0 to 1.
func ramp(dims ...int) *nn.Tensor {
	x := nn.NewTensor(dims...)
	n := x.Len() / dims[0]
	for i := range x.F32 {
		x.F32[i] = float32(i%n) / float32(n)
	}
	return x
}

// TestAugmentDraws: in training each image gets its own, the same for the same step and another in the next, and a row what it
// would get in a smaller batch; in inference nothing happens.
func TestAugmentDraws(t *testing.T) {
	x := ramp(16, 6, 7, 2)
	unit := valueRange{0, 1}
	contrast, brightness := NewRandomContrast(.5, .5), NewRandomBrightness(.5)
	contrast.ValueRange, brightness.ValueRange = unit, unit
	for _, l := range []nn.Layer{NewRandomFlip("horizontal"), NewRandomFlip("vertical"), NewRandomFlip("horizontal_and_vertical"), NewRandomRotation(.3),
		NewRandomZoom(.4), NewRandomTranslation(.4, .4), contrast, brightness, NewRandomCrop(3, 4)} {
		y, _ := trained(t, l, x, 1)
		again, _ := trained(t, l, x, 1)
		next, _ := trained(t, l, x, 2)
		few, _ := trained(t, l, x.Rows(0, 3), 1)
		if !slices.Equal(y.F32, again.F32) || !slices.Equal(y.Rows(0, 3).F32, few.F32) {
			t.Errorf("%T isn't a function of seed, step and row", l)
		}
		same := 0
		for i := range 15 {
			if slices.Equal(y.Rows(i, i+1).F32, y.Rows(i+1, i+2).F32) {
				same++
			}
		}
		switch _, crop := l.(*RandomCrop); {
		case crop && same < 15:
			t.Errorf("%T crops each image elsewhere", l)
		case !crop && same > 12:
			t.Errorf("%T does the same to %d images of 15 as to the next", l, same)
		case !crop && slices.Equal(y.F32, next.F32):
			t.Errorf("%T does the same in the next step", l)
		}
		m, err := nn.NewSequential(nn.NewInput(6, 7, 2), l)
		if err != nil {
			t.Fatal(err)
		}
		outs, err := m.Predict(context.Background(), x)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(outs[0].F32, x.F32) {
			t.Errorf("%T changes images in inference", l)
		}
	}
}

// TestRandomFlipHalves: half of the images are flipped, in each mode; both ways at once in Keras 3.
func TestRandomFlipHalves(t *testing.T) {
	const n = 2000
	x := ramp(n, 2, 2, 1)
	for mode, want := range map[string][]float32{"horizontal": {.25, 0, .75, .5}, "vertical": {.5, .75, 0, .25}, "horizontal_and_vertical": {.75, .5, .25, 0}} {
		y, _ := trained(t, NewRandomFlip(mode), x, 1)
		flipped := 0
		for i := range n {
			switch got := y.Rows(i, i+1).F32; {
			case slices.Equal(got, want):
				flipped++
			case !slices.Equal(got, x.Rows(0, 1).F32):
				t.Fatalf("%s: %v", mode, got)
			}
		}
		if flipped < n*45/100 || flipped > n*55/100 {
			t.Errorf("%s: %d of %d flipped", mode, flipped, n)
		}
	}
}

// TestZoomKeepsProportions: without a width factor, both sides are zoomed by one number; with one, by two.
func TestZoomKeepsProportions(t *testing.T) {
	x := ramp(8, 9, 9, 1)
	l := NewRandomZoom(.5)
	l.FillMode = "nearest"
	for i := range x.F32 { // symmetric: rows and columns alike
		at := i % 81
		x.F32[i] = float32((at/9)*(at/9)+(at%9)*(at%9)) / 128
	}
	symmetric := func(y *nn.Tensor) bool {
		for i := range y.F32 {
			at := i % 81
			if d := y.F32[i] - y.F32[i-at+at%9*9+at/9]; d > 1e-5 || d < -1e-5 {
				return false
			}
		}
		return true
	}
	if y, _ := trained(t, l, x, 1); !symmetric(y) {
		t.Error("one factor zooms the sides by two numbers")
	}
	l.WidthFactor = Factor{.5}
	if y, _ := trained(t, l, x, 1); symmetric(y) {
		t.Error("two factors zoom the sides by one number")
	}
}

// TestAugmentationRefused: what can't be trained with is refused by name, and factors out of range by key.
func TestAugmentationRefused(t *testing.T) {
	for class, create := range Builtin() {
		l := create()
		_, passes := l.(*Augmentation)
		_, size := l.(*RandomSize)
		if !passes && !size {
			continue
		}
		m, err := nn.NewSequential(nn.NewInput(4, 5, 3), l)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := nn.Trace(m, false); err != nil {
			t.Errorf("%s: %v", class, err)
		}
		_, _, err = nn.Trace(m, true)
		var u *nn.UnsupportedError
		if !errors.As(err, &u) || u.Class != class {
			t.Errorf("%s: training says %v", class, err)
		}
	}
	for key, l := range map[string]nn.Layer{"factor": NewRandomRotation(1.5), "width_factor": &RandomZoom{mover: newMover("RandomZoom"), HeightFactor: Factor{.1},
		WidthFactor: Factor{-1, .2}}, "height_factor": &RandomTranslation{mover: newMover("RandomTranslation")}, "mode": NewRandomFlip("diagonal"),
		"value_range": &RandomBrightness{ImageLayer: imageLayer("RandomBrightness"), Factor: Factor{.1}}} {
		m, err := nn.NewSequential(nn.NewInput(4, 5, 3), l)
		if err == nil {
			_, _, err = nn.Trace(m, true)
		}
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%T: %v", l, err)
		}
	}
}
