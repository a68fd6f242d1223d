package op_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"testing"

	"kerasgo/internal/par"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// moves are warps of every kind, each with numbers for three images.
func moves() (all []op.Warp, by map[string]*graph.Tensor) {
	for _, kind := range []string{"rotation", "zoom", "translation"} {
		for _, fill := range []string{"constant", "nearest", "reflect", "wrap"} {
			for _, how := range []string{"nearest", "bilinear"} {
				all = append(all, op.Warp{Kind: kind, Fill: fill, Interpolation: how})
			}
		}
	}
	return all, map[string]*graph.Tensor{"rotation": graph.FromF32([]float32{31, -140, 4}, 3, 1),
		"zoom": graph.FromF32([]float32{1.3, .7, .4, 1.8, 2.1, 2.3}, 3, 2), "translation": graph.FromF32([]float32{.3, -.21, -.8, .44, 1.7, -1.9}, 3, 2)}
}

// resamples are every way to resize, to a larger and a smaller side.
func resamples() (all []op.Resample) {
	for _, method := range []string{"nearest", "bilinear", "bicubic", "lanczos3", "lanczos5", "area"} {
		for _, aspect := range []string{"", "crop", "pad"} {
			for _, antialias := range []bool{false, true} {
				all = append(all, op.Resample{To: [2]int{4, 11}, Method: method, Aspect: aspect, Antialias: antialias})
			}
		}
	}
	return all
}

// TestImagesTransposed: what images become is linear in them, so the gradient is right if <w, A x> = <A'w, x> for any w and x.
func TestImagesTransposed(t *testing.T) {
	dims := []int{3, 7, 6, 2}
	check := func(o graph.Op, numbers *graph.Tensor) {
		t.Helper()
		g, x := graph.NewGraph(), random(3, dims...)
		in := []*graph.Value{g.Input(x.Spec)}
		if numbers != nil {
			in = append(in, g.Const(numbers))
		}
		out, err := g.Add(o, in...)
		if err != nil {
			t.Fatal(err)
		}
		g.WantInputGrads()
		run := graph.NewInterp(g, 0, out[0])
		if err := run.Forward(context.Background(), x); err != nil {
			t.Fatal(err)
		}
		run.ZeroGrad()
		y, w := run.Value(out[0]), run.Grad(out[0])
		w.CopyFrom(random(5, w.Shape...))
		var forward, back, size float64
		for i, v := range y.F32 {
			forward += float64(v) * float64(w.F32[i])
			size += math.Abs(float64(v) * float64(w.F32[i]))
		}
		run.Pull()
		for i, d := range run.Grad(g.Inputs[0]).F32 {
			back += float64(d) * float64(x.F32[i])
		}
		if !(math.Abs(forward-back) <= 1e-6*size) || size == 0 {
			t.Errorf("%+v: %v forward, %v back", o, forward, back)
		}
	}
	all, by := moves()
	for _, o := range all {
		check(o, by[o.Kind])
	}
	for _, o := range resamples() {
		check(o, nil)
	}
	check(op.Crop{Size: [2]int{4, 3}}, nil)
	check(op.Crop{Size: [2]int{4, 3}}, graph.FromF32([]float32{.9, .1}, 1, 2))
	dims = []int{2, 40, 1, 2}
	check(op.Resample{To: [2]int{2, 50}, Method: "bicubic"}, nil) // columns first
}

// TestImagesThreads: threads and the batch change no bit.
func TestImagesThreads(t *testing.T) {
	pool := par.New(3)
	defer pool.Close()
	x, bytes := random(1, 3, 90, 70, 4), graph.New(graph.Spec{Shape: graph.Shape{3, 90, 70, 4}, DType: graph.Uint8})
	one := func(v *graph.Tensor) *graph.Tensor { return v.Rows(0, 1) }
	check := func(o graph.Op, in ...*graph.Tensor) {
		t.Helper()
		a, b := forward(t, nil, o, in...)[0], forward(t, pool, o, in...)[0]
		var rows []*graph.Tensor
		for _, v := range in {
			rows = append(rows, one(v))
		}
		c := forward(t, pool, o, rows...)[0]
		if !slices.Equal(a.F32, b.F32) || !slices.Equal(a.I32, b.I32) || !slices.Equal(one(a).F32, c.F32) {
			t.Errorf("%+v: threads or the batch change the result", o)
		}
		for i, v := range in { // no rows in, no rows out
			rows[i] = v.Rows(0, 0)
		}
		if y := forward(t, nil, o, rows...)[0]; y.Shape[0] != 0 {
			t.Errorf("%+v: %v rows of none", o, y.Shape)
		}
	}
	all, by := moves()
	for _, o := range all {
		check(o, x, by[o.Kind])
	}
	for _, o := range resamples() {
		check(o, x)
	}
	check(op.Resample{To: [2]int{40, 100}, Method: "nearest"}, bytes)
	check(op.AdaptiveEqualize{Tiles: [2]int{3, 4}, Limit: 2}, x)
	check(op.Crop{Size: [2]int{41, 30}}, x)
	check(op.Uniform{Low: []float32{0}, High: []float32{1}}, x)
}

// TestUniform: numbers stay in their ranges and fill them evenly, no two rows get the same, and the same place, step and seed
// give the same.
func TestUniform(t *testing.T) {
	o := op.Uniform{Low: []float32{-2, .5}, High: []float32{4, .75}, Path: "layer"}
	draw := func(o op.Uniform, seed, step uint64, rows int) []float32 {
		g := graph.NewGraph()
		x := graph.NewTensor(rows, 1)
		out, err := g.Add(o, g.Input(x.Spec))
		if err != nil {
			t.Fatal(err)
		}
		run := graph.NewInterp(g, 0)
		run.Seed, run.Step = seed, step
		if err := run.Forward(context.Background(), x); err != nil {
			t.Fatal(err)
		}
		return slices.Clone(run.Value(out[0]).F32)
	}
	const n = 20_000
	all := draw(o, 1, 1, n)
	for k := range o.Low {
		low, high := float64(o.Low[k]), float64(o.High[k])
		var sum, square float64
		seen, least, most := map[float32]int{}, math.Inf(1), math.Inf(-1)
		for i := k; i < len(all); i += 2 {
			v := float64(all[i])
			sum, square, least, most = sum+v, square+v*v, min(least, v), max(most, v)
			seen[all[i]]++
		}
		wide, mean := high-low, sum/n
		deviation := math.Sqrt(square/n - mean*mean)
		if least < low || most >= high || least > low+.001*wide || most < high-.001*wide {
			t.Errorf("column %d: from %v to %v, of %v to %v", k, least, most, low, high)
		}
		if math.Abs(mean-(low+high)/2) > .01*wide || math.Abs(deviation-wide/math.Sqrt(12)) > .01*wide {
			t.Errorf("column %d: mean %v, deviation %v", k, mean, deviation)
		}
		if len(seen) < n*98/100 {
			t.Errorf("column %d: %d different numbers of %d", k, len(seen), n)
		}
	}
	if !slices.Equal(all[:10], draw(o, 1, 1, 5)) {
		t.Error("a smaller batch gets other numbers")
	}
	other, again := o, o
	other.Path, again.Call = "other", 1
	for name, got := range map[string][]float32{"seed": draw(o, 2, 1, n), "step": draw(o, 1, 2, n), "path": draw(other, 1, 1, n), "call": draw(again, 1, 1, n)} {
		if slices.Equal(got, all) {
			t.Errorf("another %s gets the same numbers", name)
		}
	}
	o.Once = true
	if got := draw(o, 1, 1, 5); len(got) != 2 {
		t.Errorf("drawn once: %d numbers", len(got))
	}
}

// TestResampleThin: a column that becomes a row needs no room for a square between the two.
func TestResampleThin(t *testing.T) {
	const n = 1 << 19
	x := graph.NewTensor(1, n, 1, 1)
	for i := range x.F32 {
		x.F32[i] = 3
	}
	y := forward(t, nil, op.Resample{To: [2]int{1, n}, Method: "bicubic", Antialias: true}, x)[0]
	if !y.Shape.Equal(graph.Shape{1, 1, n, 1}) || slices.ContainsFunc(y.F32, func(v float32) bool { return math.Abs(float64(v)-3) > 1e-3 }) {
		t.Errorf("shape %v, begins with %v", y.Shape, y.F32[0])
	}
}

// TestCropPlaces: draws reach the first and the last place, and none beyond.
func TestCropPlaces(t *testing.T) {
	x := graph.NewTensor(1, 5, 4, 1)
	for i := range x.F32 {
		x.F32[i] = float32(i)
	}
	for _, c := range []struct{ u, v, first float32 }{{0, 0, 0}, {.99999994, .99999994, 13}, {.34, .5, 5}, {.2, .9, 1}} {
		y := forward(t, nil, op.Crop{Size: [2]int{2, 3}}, x, graph.FromF32([]float32{c.u, c.v}, 1, 2))[0]
		if y.F32[0] != c.first {
			t.Errorf("%v, %v: begins with %v, want %v", c.u, c.v, y.F32[0], c.first)
		}
	}
}

// TestImagesRefused: what no kernel may see.
func TestImagesRefused(t *testing.T) {
	x, by := graph.F32(2, 5, 6, 3), graph.F32(2, 1)
	ints := graph.Spec{Shape: x.Shape, DType: graph.Uint8}
	for i, c := range []struct {
		o  graph.Op
		in []graph.Spec
	}{
		{op.Resample{To: [2]int{0, 4}, Method: "bilinear"}, []graph.Spec{x}},
		{op.Resample{To: [2]int{3, 4}, Method: "cubic"}, []graph.Spec{x}},
		{op.Resample{To: [2]int{3, 4}, Method: "bilinear", Aspect: "stretch"}, []graph.Spec{x}},
		{op.Resample{To: [2]int{3, 4}, Method: "bilinear"}, []graph.Spec{ints}},
		{op.Resample{To: [2]int{1 << 23, 1 << 23}, Method: "bilinear"}, []graph.Spec{x}},
		{op.Resample{To: [2]int{3, 4}, Method: "bilinear"}, []graph.Spec{graph.F32(2, 0, 6, 3)}},
		{op.Resample{To: [2]int{1 << 22, 1}, Method: "bilinear", Aspect: "pad"}, []graph.Spec{graph.F32(2, 3, 6, 3)}},
		{op.Resample{To: [2]int{3, 4}, Method: "bilinear"}, []graph.Spec{graph.F32(2, 6, 3)}},
		{op.Warp{Kind: "shear", Fill: "wrap", Interpolation: "nearest"}, []graph.Spec{x, by}},
		{op.Warp{Kind: "rotation", Fill: "mirror", Interpolation: "nearest"}, []graph.Spec{x, by}},
		{op.Warp{Kind: "rotation", Fill: "wrap", Interpolation: "bicubic"}, []graph.Spec{x, by}},
		{op.Warp{Kind: "zoom", Fill: "wrap", Interpolation: "nearest"}, []graph.Spec{x, by}},
		{op.Crop{Size: [2]int{6, 3}}, []graph.Spec{x}},
		{op.AdaptiveEqualize{Tiles: [2]int{0, 1}}, []graph.Spec{x}},
		{op.AdaptiveEqualize{Tiles: [2]int{1 << 20, 1 << 20}}, []graph.Spec{x}},
		{op.Uniform{Low: []float32{1}}, []graph.Spec{x}},
	} {
		if out, err := c.o.Infer(c.in); err == nil {
			t.Errorf("case %d: %+v takes %v and makes %v", i, c.o, c.in, fmt.Sprint(out))
		}
	}
}
