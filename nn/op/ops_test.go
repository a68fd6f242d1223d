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

// forward runs one operation on inputs of its own, with the pool.
func forward(t testing.TB, p *par.Pool, o graph.Op, in ...*graph.Tensor) []*graph.Tensor {
	t.Helper()
	g := graph.NewGraph()
	var vs []*graph.Value
	for _, x := range in {
		if x == nil {
			vs = append(vs, nil)
			continue
		}
		vs = append(vs, g.Const(x))
	}
	out, err := g.Add(o, vs...)
	if err != nil {
		t.Fatal(err)
	}
	g.Outputs = out
	ys, err := graph.NewPlan(graph.Rewrite(g, nil), 0).Runner(p).Run(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for i, y := range ys {
		ys[i] = y.Clone()
	}
	return ys
}

// random draws away from the kinks of what is tested.
func random(seed uint64, dims ...int) *graph.Tensor {
	rng, t := rand.New(rand.NewPCG(seed, 1)), graph.NewTensor(dims...)
	for i := range t.F32 {
		t.F32[i] = float32(rng.NormFloat64())
	}
	return t
}

// TestGradients compares every gradient with central differences: the oracle for operations that no golden trains.
func TestGradients(t *testing.T) {
	positive := random(7, 2, 3)
	for i, v := range positive.F32 {
		positive.F32[i] = .3 + v*v
	}
	ids := graph.FromI32([]int32{2, 0, -1}, 3)
	cases := []struct {
		op graph.Op
		in []*graph.Tensor
	}{
		{op.Roll{Axis: 1, By: -4}, []*graph.Tensor{random(1, 2, 3, 2)}},
		{op.Take{Axis: 1}, []*graph.Tensor{random(2, 2, 3, 2), ids}},
		{op.Take{Axis: 0, Along: true}, []*graph.Tensor{random(3, 3, 3), graph.FromI32([]int32{0, 1, 2, 2, 2, 1}, 2, 3)}},
		{op.Sort{Axis: 0, K: 2, Descending: true}, []*graph.Tensor{random(4, 3, 4)}},
		{op.Slice{Ranges: []op.Range{op.All(), {Start: -1, Stop: -op.End, Step: -2}}}, []*graph.Tensor{random(5, 2, 5, 2)}},
		{op.BroadcastTo{To: []int{2, 3, 4}}, []*graph.Tensor{random(6, 3, 1)}},
		{op.Regroup{At: 1, N: 2, To: []int{-1}}, []*graph.Tensor{random(6, 2, 3, 2)}},
		{op.MatMul{TransA: true}, []*graph.Tensor{random(1, 2, 4, 3), random(2, 4, 5)}},
		{op.MatMul{TransB: true}, []*graph.Tensor{random(1, 2, 3, 4), random(2, 2, 5, 4)}},
		{op.MatMul{TransA: true, TransB: true}, []*graph.Tensor{random(1, 1, 4, 3), random(2, 2, 5, 4)}},
		{op.Normalize{Axes: []int{1}, Eps: 1e-3}, []*graph.Tensor{random(1, 2, 5, 3), random(2, 5, 1), random(3, 3)}},
		{op.Normalize{Kind: op.ScaleNorm, Axes: []int{1, 2}, Eps: 1e-3}, []*graph.Tensor{random(1, 2, 4, 3), random(2, 4, 3), nil}},
		{op.Normalize{Kind: op.RMSNorm, Axes: []int{0, 2}, Eps: 1e-3}, []*graph.Tensor{random(1, 2, 4, 3), nil, random(3, 3)}},
		{op.Normalize{Kind: op.UnitNorm, Axes: []int{1}, Eps: 1e-7}, []*graph.Tensor{random(1, 2, 4, 3), nil, nil}},
		{op.Softmax{Axis: 1}, []*graph.Tensor{random(1, 2, 4, 3)}},
		{op.LogSoftmax{Axis: 1}, []*graph.Tensor{random(1, 2, 4, 3)}},
		{op.Sparsemax{Axis: 1}, []*graph.Tensor{random(1, 2, 4, 3)}},
		{op.GLU{Axis: 1}, []*graph.Tensor{random(1, 2, 4, 3)}},
		{op.Cumulate{Axis: 1, Product: true}, []*graph.Tensor{random(1, 2, 4, 3)}},
		{op.Noise{Kind: op.TimesNormal, Rate: .3, Path: "n"}, []*graph.Tensor{random(1, 4, 5)}},
		{op.Noise{Kind: op.Alpha, Rate: .3, Path: "n", Shape: []int{-1, 1}}, []*graph.Tensor{random(1, 4, 5)}},
		{op.Noise{Kind: op.AddNormal, Rate: .3, Path: "n"}, []*graph.Tensor{random(1, 4, 5)}},
		{op.Dropout{Rate: .3, Path: "n", Noise: []int{-1, 1}}, []*graph.Tensor{random(1, 4, 5)}},
		{op.Unary{Fn: "relu_general", Args: [3]float32{.2, 1, .5}}, []*graph.Tensor{random(1, 40)}},
	}
	for _, fn := range []string{"max", "min", "prod", "sum", "mean"} {
		cases = append(cases, struct {
			op graph.Op
			in []*graph.Tensor
		}{op.Reduce{Fn: fn, Axes: []int{0, 2}}, []*graph.Tensor{random(9, 2, 3, 2)}})
	}
	for _, fn := range []string{"sqrt", "rsqrt", "cbrt", "reciprocal", "exp2", "log", "log1p", "log2", "log10", "tan", "arcsinh", "sinh", "erf",
		"deg2rad", "rad2deg", "arctan", "square", "absolute", "negative", "mish", "gelu", "gelu_tanh", "silu", "tanh_shrink"} {
		cases = append(cases, struct {
			op graph.Op
			in []*graph.Tensor
		}{op.Unary{Fn: fn}, []*graph.Tensor{positive}})
	}
	for _, fn := range []string{"add", "subtract", "multiply", "divide", "maximum", "minimum", "power", "arctan2", "logaddexp", "mod"} {
		cases = append(cases, struct {
			op graph.Op
			in []*graph.Tensor
		}{op.Binary{Fn: fn}, []*graph.Tensor{positive, graph.FromF32([]float32{.7, .45, 1.3}, 3)}})
	}
	for _, c := range cases {
		t.Run(fmt.Sprintf("%T%v", c.op, c.op), func(t *testing.T) { gradients(t, c.op, c.in) })
	}
}

func gradients(t *testing.T, o graph.Op, in []*graph.Tensor) {
	g := graph.NewGraph()
	var vs []*graph.Value
	var fed []*graph.Tensor
	for _, x := range in {
		switch {
		case x == nil:
			vs = append(vs, nil)
		case x.DType.Float():
			vs, fed = append(vs, g.Input(x.Spec)), append(fed, x.Clone())
		default:
			vs = append(vs, g.Const(x))
		}
	}
	out, err := g.Add(o, vs...)
	if err != nil {
		t.Fatal(err)
	}
	g.WantInputGrads()
	run := graph.NewInterp(g, 0, out[0])
	weight := random(99, 64) // of each output in the sum that is differentiated
	loss := func() (sum float64) {
		if err := run.Forward(context.Background(), fed...); err != nil {
			t.Fatal(err)
		}
		for i, y := range run.Value(out[0]).F32 {
			sum += float64(y) * float64(weight.F32[i%64])
		}
		return sum
	}
	loss()
	run.ZeroGrad()
	for i := range run.Grad(out[0]).F32 {
		run.Grad(out[0]).F32[i] = weight.F32[i%64]
	}
	run.Pull()
	for k, v := range g.Inputs {
		got := slices.Clone(run.Grad(v).F32)
		for i, x := range fed[k].F32 {
			const h = 2e-3
			fed[k].F32[i] = x + h
			up := loss()
			fed[k].F32[i] = x - h
			want := (up - loss()) / (2 * h)
			fed[k].F32[i] = x
			if d := math.Abs(float64(got[i]) - want); !(d <= 5e-3*math.Max(1, math.Abs(want))) {
				t.Fatalf("input %d, element %d: %v, by differences %v", k, i, got[i], want)
			}
		}
	}
}

// TestThreads checks that large loops give the same bits on one thread and on several.
func TestThreads(t *testing.T) {
	pool := par.New(3)
	defer pool.Close()
	image, channels := random(1, 3, 40, 41, 32), random(2, 3, 1, 1, 32)
	for _, c := range []struct {
		op graph.Op
		in []*graph.Tensor
	}{
		{op.Unary{Fn: "tanh"}, []*graph.Tensor{image}},
		{op.Unary{Fn: "mish"}, []*graph.Tensor{image}},
		{op.Binary{Fn: "multiply"}, []*graph.Tensor{image, channels}},
		{op.Binary{Fn: "add"}, []*graph.Tensor{image, image}},
		{op.Binary{Fn: "maximum"}, []*graph.Tensor{image, channels}},
		{op.Softmax{Axis: -1}, []*graph.Tensor{image}},
		{op.Normalize{Axes: []int{3}, Eps: 1e-3}, []*graph.Tensor{image, random(4, 32), random(5, 32)}},
	} {
		one, many := forward(t, nil, c.op, c.in...)[0], forward(t, pool, c.op, c.in...)[0]
		if !slices.Equal(one.F32, many.F32) {
			t.Errorf("%T: threads change the result", c.op)
		}
	}
}

// TestRange compares ranges with Python's rules.
func TestRange(t *testing.T) {
	x := graph.FromF32([]float32{0, 1, 2, 3, 4}, 5)
	for _, c := range []struct {
		r    op.Range
		want []float32
	}{
		{op.All(), []float32{0, 1, 2, 3, 4}},
		{op.Range{Start: 1, Stop: -1, Step: 2}, []float32{1, 3}},
		{op.Range{Start: -2, Stop: op.End, Step: 1}, []float32{3, 4}},
		{op.Range{Start: -9, Stop: 2, Step: 1}, []float32{0, 1}},
		{op.Range{Start: 3, Stop: 1, Step: 1}, nil},
		{op.Range{Start: op.End, Stop: -op.End, Step: -1}, []float32{4, 3, 2, 1, 0}},
		{op.Range{Start: 3, Stop: 0, Step: -2}, []float32{3, 1}},
		{op.Range{Start: -2, Stop: -op.End, Step: -3}, []float32{3, 0}},
		{op.Range{Start: 0, Stop: 9, Step: 7}, []float32{0}},
		{op.At(-1), []float32{4}},
	} {
		y := forward(t, nil, op.Slice{Ranges: []op.Range{c.r}}, x)[0]
		if !slices.Equal(y.F32, c.want) {
			t.Errorf("%+v: %v, want %v", c.r, y.F32, c.want)
		}
	}
	if _, err := (op.Slice{Ranges: []op.Range{op.At(5)}}).Infer([]op.Spec{x.Spec}); err == nil {
		t.Error("element 5 of 5 isn't refused")
	}
}

// TestSpecial holds special values against TensorFlow's rules.
func TestSpecial(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	x := graph.FromF32([]float32{nan, inf, -inf, 0}, 4)
	for fn, want := range map[string][]float32{
		"relu": {nan, inf, 0, 0}, "relu6": {nan, 6, 0, 0}, "sigmoid": {nan, 1, 0, .5}, "tanh": {nan, 1, -1, 0},
		"leaky_relu": {nan, inf, -inf, 0}, "softplus": {nan, inf, 0, float32(math.Ln2)}, "sign": {nan, 1, -1, 0}, "elu": {nan, inf, -1, 0},
	} {
		o, err := op.Activation(fn)
		if err != nil {
			o = op.Unary{Fn: fn}
		}
		if fn == "leaky_relu" {
			o = op.Unary{Fn: fn, Args: [3]float32{.1}}
		}
		for i, v := range forward(t, nil, o, x)[0].F32 {
			if v != want[i] && !(v != v && want[i] != want[i]) {
				t.Errorf("%s(%v) = %v, want %v", fn, x.F32[i], v, want[i])
			}
		}
	}
	for i, v := range forward(t, nil, op.Binary{Fn: "maximum"}, x, graph.NewTensor(4))[0].F32 {
		if want := []float32{nan, inf, 0, 0}[i]; v != want && want == want || want != want && v == v {
			t.Errorf("maximum(%v, 0) = %v, want %v", x.F32[i], v, want)
		}
	}
}

// TestBadOperands: what files may ask for is refused with an error, never a panic.
func TestBadOperands(t *testing.T) {
	f, i := graph.NewTensor(2, 3).Spec, graph.Spec{Shape: graph.Shape{2}, DType: graph.Int32}
	s := graph.Spec{Shape: graph.Shape{2, 3}, DType: graph.String}
	for _, c := range []struct {
		op graph.Op
		in []graph.Spec
	}{
		{op.Transpose{Perm: []int{0, 0}}, []graph.Spec{f}}, {op.Transpose{Perm: []int{1}}, []graph.Spec{f}},
		{op.Transpose{Perm: []int{0, 2}}, []graph.Spec{f}}, {op.Regroup{At: 1, N: 5}, []graph.Spec{f}},
		{op.Regroup{At: 1, N: 1, To: graph.Shape{2, -1}}, []graph.Spec{f}}, {op.View{To: graph.Shape{7}}, []graph.Spec{f}},
		{op.Reduce{Fn: "sum", Axes: []int{2}}, []graph.Spec{f}}, {op.Reduce{Fn: "sum"}, []graph.Spec{s}},
		{op.Concat{Axis: 2}, []graph.Spec{f, f}}, {op.Concat{Axis: 0}, []graph.Spec{f, i}}, {op.Concat{}, nil},
		{op.Binary{Fn: "add"}, []graph.Spec{f, i}}, {op.Binary{Fn: "add"}, []graph.Spec{s, s}}, {op.Binary{Fn: "hypot"}, []graph.Spec{f, f}},
		{op.MatMul{}, []graph.Spec{f, f}}, {op.MatMul{}, []graph.Spec{f, i}}, {op.Take{Axis: 3}, []graph.Spec{f, i}},
		{op.Take{}, []graph.Spec{f, f}}, {op.OneHot{Classes: 1 << 40}, []graph.Spec{i}}, {op.OneHot{Classes: -1}, []graph.Spec{i}},
		{op.Sort{Axis: 1, K: 9}, []graph.Spec{f}}, {op.ArgReduce{Axis: -3}, []graph.Spec{f}}, {op.GLU{Axis: 1}, []graph.Spec{f}},
		{op.BroadcastTo{To: graph.Shape{3}}, []graph.Spec{f}}, {op.BroadcastTo{To: graph.Shape{1 << 47, 2, 3}}, []graph.Spec{f}},
		{op.Where{}, []graph.Spec{f, f, f}}, {op.Unary{Fn: "relu"}, []graph.Spec{s}}, {op.Cumulate{Axis: 4}, []graph.Spec{f}},
		{op.Normalize{Axes: []int{4}}, []graph.Spec{f}}, {op.Softmax{Axis: 9}, []graph.Spec{f}}, {op.Roll{Axis: -3}, []graph.Spec{f}},
	} {
		if out, err := c.op.Infer(c.in); err == nil {
			t.Errorf("%T%+v takes %v, giving %v", c.op, c.op, c.in, out)
		}
	}
	g := graph.NewGraph()
	zero := graph.FromI32([]int32{0, 0}, 2)
	y, err := g.Add(op.Binary{Fn: "floor_divide"}, g.Const(graph.FromI32([]int32{1, 2}, 2)), g.Const(zero))
	if err != nil {
		t.Fatal(err)
	}
	g.Outputs = y
	if err := graph.NewInterp(g, 0).Forward(context.Background()); err == nil {
		t.Error("integer division by zero isn't an error")
	}
}
