package op_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"kerasgo/internal/par"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// runOp is output 0 of an operation on inputs (nil: none).
func runOp(t testing.TB, o graph.Op, in ...*graph.Tensor) *graph.Tensor {
	t.Helper()
	g := graph.NewGraph()
	var vs []*graph.Value
	var feed []*graph.Tensor
	for _, x := range in {
		if x == nil {
			vs = append(vs, nil)
			continue
		}
		vs, feed = append(vs, g.Input(x.Spec)), append(feed, x)
	}
	out, err := g.Add(o, vs...)
	if err != nil {
		t.Fatal(err)
	}
	run := graph.NewInterp(g, 0)
	if err := run.Forward(context.Background(), feed...); err != nil {
		t.Fatal(err)
	}
	return run.Value(out[0])
}

func drawn(seed uint64, dims ...int) *graph.Tensor {
	rng := rand.New(rand.NewPCG(seed, 1))
	t := graph.NewTensor(dims...)
	for i := range t.F32 {
		t.F32[i] = float32(rng.NormFloat64())
	}
	return t
}

func equalBits(a, b []float32) bool {
	return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Float32bits(x) == math.Float32bits(y) })
}

// TestPoolSpecialValues: what TensorFlow 2.21 gives for NaN and infinities, found by running it.
func TestPoolSpecialValues(t *testing.T) {
	nan, inf, low := float32(math.NaN()), float32(math.Inf(1)), float32(-math.MaxFloat32)
	x := graph.FromF32([]float32{nan, 1, nan, nan, -inf, -inf, inf, -inf}, 1, 8, 1)
	w := op.Window{Size: []int{2}, Strides: []int{2}}
	for _, c := range []struct {
		o    graph.Op
		want []float32
	}{
		{op.Pool{Window: w, Max: true}, []float32{1, low, low, inf}}, // NaN is passed over
		{op.Pool{Window: w}, []float32{nan, nan, -inf, nan}},
		{op.GlobalPool{Max: true}, []float32{nan}},
		{op.GlobalPool{Max: true, ChannelsFirst: true, KeepDims: true}, []float32{nan, 1, nan, nan, -inf, -inf, inf, -inf}},
	} {
		got := runOp(t, c.o, x).F32
		same := slices.EqualFunc(got, c.want, func(a, b float32) bool { return a == b || a != a && b != b })
		if !same {
			t.Errorf("%+v: found %v, TensorFlow %v", c.o, got, c.want)
		}
	}
}

// TestZeroRows: no rows in, no rows out.
func TestZeroRows(t *testing.T) {
	w := op.Window{Size: []int{2, 2}, Strides: []int{2, 2}}
	kernel, x := graph.NewTensor(2, 2, 3, 5), graph.NewTensor(0, 4, 6, 3)
	for _, o := range []graph.Op{op.Pool{Window: w}, op.Pool{Window: w, Max: true}, op.GlobalPool{}, op.GlobalPool{Max: true},
		op.Pad{By: [][2]int{{}, {1, 2}, {-1, 0}, {}}}, op.Upsample{By: []int{1, 2, 3, 1}}, op.Resize{By: [2]int{2, 2}, Method: "bicubic"}} {
		if y := runOp(t, o, x); y.Shape[0] != 0 {
			t.Errorf("%T: %v", o, y.Shape)
		}
	}
	if y := runOp(t, op.Conv{Window: w, Groups: 1}, x, kernel, nil); !y.Shape.Equal(graph.Shape{0, 2, 3, 5}) {
		t.Error(y.Shape)
	}
	back := graph.NewTensor(2, 2, 5, 3)
	if y := runOp(t, op.ConvTranspose{Window: w}, x, back, nil); !y.Shape.Equal(graph.Shape{0, 8, 12, 5}) {
		t.Error(y.Shape)
	}
}

// TestRefused: shapes that no kernel may see are refused by the shape rule, with the numbers in the message.
func TestRefused(t *testing.T) {
	w := op.Window{Size: []int{3, 3}, Strides: []int{1, 1}}
	huge := op.Window{Size: []int{3}, Strides: []int{1 << 24}}
	k := graph.F32(3, 3, 2, 4)
	ints := graph.Spec{Shape: graph.Shape{1, 5, 5, 2}, DType: graph.Int32}
	for name, c := range map[string]struct {
		o  graph.Op
		in []graph.Spec
	}{
		"smaller than the window": {op.Pool{Window: w}, []graph.Spec{graph.F32(1, 2, 5, 2)}},
		"rank":                    {op.Pool{Window: w}, []graph.Spec{graph.F32(1, 5, 2)}},
		"ints":                    {op.Pool{Window: w}, []graph.Spec{ints}},
		"channels":                {op.Conv{Window: w, Groups: 1}, []graph.Spec{graph.F32(1, 5, 5, 3), k, {}}},
		"no channels":             {op.Conv{Window: w, Groups: 1}, []graph.Spec{graph.F32(1, 5, 5, 0), graph.F32(3, 3, 0, 4), {}}},
		"unknown channels":        {op.Conv{Window: w, Groups: 1}, []graph.Spec{graph.F32(1, 5, 5, -1), k, {}}},
		"groups":                  {op.Conv{Window: w, Groups: 3}, []graph.Spec{graph.F32(1, 5, 5, 6), k, {}}},
		"kernel":                  {op.Conv{Window: w, Groups: 1}, []graph.Spec{graph.F32(1, 5, 5, 2), graph.F32(3, 2, 4), {}}},
		"transposed, too large":   {op.ConvTranspose{Window: huge}, []graph.Spec{graph.F32(1, 1<<30, 2), graph.F32(3, 4, 2), {}}},
		"cropped away":            {op.Pad{By: [][2]int{{}, {-2, -3}}}, []graph.Spec{graph.F32(1, 5)}},
		"padded too far":          {op.Pad{By: [][2]int{{1 << 40, 0}, {1 << 40, 0}}}, []graph.Spec{graph.F32(1, 5)}},
		"enlarged too far":        {op.Upsample{By: []int{1 << 40, 1 << 40}}, []graph.Spec{graph.F32(2, 5)}},
		"no interpolation":        {op.Resize{By: [2]int{2, 2}, Method: "area"}, []graph.Spec{graph.F32(1, 2, 2, 1)}},
	} {
		if out, err := c.o.Infer(c.in); err == nil {
			t.Errorf("%s: %T takes %v and makes %v", name, c.o, c.in, out)
		}
	}
}

// naiveConv is the definition, in float64, over two axes.
func naiveConv(x, k *graph.Tensor, s, d, groups int, same bool) (y []float64) {
	n, h, w, c := x.Shape[0], x.Shape[1], x.Shape[2], x.Shape[3]
	kh, kw, kc, f := k.Shape[0], k.Shape[1], k.Shape[2], k.Shape[3]
	axis := func(n, k int) (out, low int) {
		span := (k-1)*d + 1
		if !same {
			return (n-span)/s + 1, 0
		}
		out = (n + s - 1) / s
		return out, max((out-1)*s+span-n, 0) / 2
	}
	oh, top := axis(h, kh)
	ow, left := axis(w, kw)
	for b := range n {
		for i := range oh {
			for j := range ow {
				for o := range f {
					var sum float64
					for p := range kh {
						for q := range kw {
							a, e := i*s+p*d-top, j*s+q*d-left
							if a < 0 || a >= h || e < 0 || e >= w {
								continue
							}
							for m := range kc {
								from := o/(f/groups)*kc + m
								sum += float64(x.F32[((b*h+a)*w+e)*c+from]) * float64(k.F32[((p*kw+q)*kc+m)*f+o])
							}
						}
					}
					y = append(y, sum)
				}
			}
		}
	}
	return y
}

// TestConvAgainstDefinition tries shapes at random, in the Interpreter and in a Plan's packed form, on one thread and
// four, alone and in a batch: all must have the same bits.
func TestConvAgainstDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	pool := par.New(4)
	defer pool.Close()
	for i := range 60 {
		groups := 1 + rng.IntN(3)
		s, d := 1+rng.IntN(3), 1
		if s == 1 {
			d += rng.IntN(2)
		}
		kh, kw, c, f := 1+rng.IntN(4), 1+rng.IntN(4), groups*(1+rng.IntN(20)), groups*(1+rng.IntN(40))
		x := drawn(uint64(i), 3, kh*d+rng.IntN(9), kw*d+rng.IntN(9), c)
		k := drawn(uint64(1000+i), kh, kw, c/groups, f)
		same := rng.IntN(2) == 0
		o := op.Conv{Window: op.Window{Size: []int{kh, kw}, Strides: []int{s, s}, Dilation: []int{d, d}, Same: same}, Groups: groups}
		name := fmt.Sprintf("%v * %v, stride %d, dilation %d, %d groups, same %v", x.Shape, k.Shape, s, d, groups, same)
		got := runOp(t, o, x, k, nil)
		want := naiveConv(x, k, s, d, groups, same)
		var top, off float64
		for j, v := range want {
			top, off = max(top, math.Abs(v)), max(off, math.Abs(v-float64(got.F32[j])))
		}
		if len(want) != len(got.F32) || off > 2e-6*top {
			t.Errorf("%s: off by %g of %g", name, off, top)
		}
		packed, _ := o.Pack([]*graph.Tensor{nil, k, nil})
		for _, threads := range []*par.Pool{nil, pool} {
			g := graph.NewGraph()
			in := g.Input(graph.F32(-1, x.Shape[1], x.Shape[2], c))
			out, err := g.Add(packed, in, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			g.Outputs = out
			run := graph.NewPlan(g, 0).Runner(threads)
			for _, rows := range []int{3, 1} {
				ys, err := run.Run(context.Background(), x.Rows(0, rows))
				if err != nil {
					t.Fatal(err)
				}
				if !equalBits(ys[0].F32, got.F32[:len(ys[0].F32)]) {
					t.Errorf("%s: packed, %d rows, threads %d: other bits", name, rows, threads.Threads())
				}
			}
		}
	}
}

// TestPadUndone: what is padded and cropped again is as it was, whatever the type.
func TestPadUndone(t *testing.T) {
	by := [][2]int{{1, 0}, {2, 3}, {0, 0}, {0, 4}}
	back := make([][2]int, len(by))
	for i, b := range by {
		back[i] = [2]int{-b[0], -b[1]}
	}
	for _, d := range []graph.DType{graph.Float32, graph.Float64, graph.Int32, graph.Int64, graph.Bool} {
		x := graph.New(graph.Spec{Shape: graph.Shape{2, 3, 4, 2}, DType: d})
		for i := range 48 {
			switch d.Storage() {
			case graph.StoreF32:
				x.F32[i] = float32(i + 1)
			case graph.StoreF64:
				x.F64[i] = float64(i + 1)
			case graph.StoreI32:
				x.I32[i] = int32(i + 1)
			case graph.StoreI64:
				x.I64[i] = int64(i + 1)
			}
		}
		wide := runOp(t, op.Pad{By: by}, x)
		got := runOp(t, op.Pad{By: back}, wide)
		if !got.Shape.Equal(x.Shape) || !slices.Equal(got.F32, x.F32) || !slices.Equal(got.F64, x.F64) ||
			!slices.Equal(got.I32, x.I32) || !slices.Equal(got.I64, x.I64) || wide.Shape.Size() != 3*8*4*6 {
			t.Errorf("%v: %v came back as %v", d, x.Spec, got.Spec)
		}
	}
}
