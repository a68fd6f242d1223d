package op_test

import (
	"slices"
	"testing"

	"kerasgo/internal/par"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// convolved is the window of a recurrent convolution over some axes, in one group or one for each gate.
func convolved(groups int, size ...int) op.Conv {
	ones := make([]int, len(size))
	for i := range ones {
		ones[i] = 1
	}
	return op.Conv{Window: op.Window{Size: size, Strides: ones, Dilation: ones, Same: true}, Groups: groups}
}

func tanhSigmoid() op.LSTM { return op.LSTM{Act: op.Unary{Fn: "tanh"}, Gate: op.Unary{Fn: "sigmoid"}} }

// factored is a Recurrent whose factor is a constant, as layers say it: no gradient goes there.
type factored struct {
	op.Recurrent
	factor *graph.Tensor
}

func (o factored) Infer(in []op.Spec) ([]op.Spec, error) { return o.Recurrent.Infer(in) }

func (o factored) Forward(r *op.Run, in, out []*op.Tensor) { o.Recurrent.Forward(r, o.with(in), out) }

func (o factored) Backward(r *op.Run, in, out, dout, din []*op.Tensor) {
	o.Recurrent.Backward(r, o.with(in), out, dout, din)
}

func (o factored) with(in []*op.Tensor) []*op.Tensor {
	in = slices.Clone(in)
	in[4] = o.factor
	return in
}

func TestRecurrentGradients(t *testing.T) {
	steps := graph.FromI32([]int32{1, 1, 0, 0, 1, 1}, 2, 3)
	pixels := graph.FromI32([]int32{1, 0, 1, 1, 1, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 0, 0, 1}, 2, 3, 3)
	line := []*graph.Tensor{random(1, 2, 3, 3, 8), random(2, 2, 2, 8), nil, nil, nil, random(3, 2, 3, 2), random(4, 2, 3, 2)}
	with := func(in []*graph.Tensor, mask *graph.Tensor) []*graph.Tensor {
		in = slices.Clone(in)
		in[3] = mask
		return in
	}
	plain := []*graph.Tensor{random(1, 2, 3, 8), random(2, 2, 8), nil, nil, nil, random(3, 2, 2), random(4, 2, 2)}
	for name, c := range map[string]struct {
		op graph.Op
		in []*graph.Tensor
	}{
		"product":        {op.Recurrent{Cell: tanhSigmoid(), Units: 2}, with(plain, steps)},
		"factor":         {factored{op.Recurrent{Cell: tanhSigmoid(), Units: 2}, random(9, 2, 2)}, with(plain, steps)},
		"line":           {op.Recurrent{Cell: tanhSigmoid(), Units: 2, Over: convolved(1, 2)}, line},
		"line backwards": {op.Recurrent{Cell: tanhSigmoid(), Units: 2, Over: convolved(1, 2), Backwards: true}, with(line, steps)},
		"line masked":    {op.Recurrent{Cell: tanhSigmoid(), Units: 2, Over: convolved(1, 3)}, with([]*graph.Tensor{line[0], random(2, 3, 2, 8), nil, nil, nil}, pixels)},
		"line zeroed":    {op.Recurrent{Cell: tanhSigmoid(), Units: 2, Over: convolved(1, 2), ZeroMasked: true}, with(line, pixels)},
		"line factors":   {factored{op.Recurrent{Cell: tanhSigmoid(), Units: 2, Over: convolved(4, 2)}, random(9, 2, 3, 8)}, with(line, steps)},
		"plane":          {op.Recurrent{Cell: tanhSigmoid(), Units: 1, Over: convolved(1, 2, 3)}, []*graph.Tensor{random(1, 2, 2, 3, 2, 4), random(2, 2, 3, 1, 4), nil, nil, nil}},
		"space":          {op.Recurrent{Cell: tanhSigmoid(), Units: 1, Over: convolved(1, 3, 2, 1)}, []*graph.Tensor{random(1, 1, 2, 2, 3, 2, 4), random(2, 3, 2, 1, 1, 4), nil, nil, nil}},
		"space factors":  {factored{op.Recurrent{Cell: tanhSigmoid(), Units: 1, Over: convolved(4, 2, 2, 2)}, random(9, 1, 2, 2, 2, 4)}, []*graph.Tensor{random(1, 1, 2, 2, 2, 2, 4), random(2, 2, 2, 2, 1, 4), nil, nil, nil}},
	} {
		t.Run(name, func(t *testing.T) { gradients(t, c.op, c.in) })
	}
}

// TestRecurrentFactors holds the factors of gates against one factor for all: four equal ones are the same as one.
func TestRecurrentFactors(t *testing.T) {
	z, k, f := random(1, 2, 3, 4, 8), random(2, 3, 2, 8), random(3, 2, 4, 2)
	each := graph.NewTensor(2, 4, 8)
	for i := range each.F32 {
		each.F32[i] = f.F32[i/8*2+i%2]
	}
	one := forward(t, nil, op.Recurrent{Cell: tanhSigmoid(), Units: 2, Over: convolved(1, 3)}, z, k, nil, nil, f)[1]
	four := forward(t, nil, op.Recurrent{Cell: tanhSigmoid(), Units: 2, Over: convolved(4, 3)}, z, k, nil, nil, each)[1]
	for i, v := range one.F32 {
		if d := v - four.F32[i]; d > 1e-6 || d < -1e-6 {
			t.Fatalf("element %d: %v, with a factor for each gate %v", i, v, four.F32[i])
		}
	}
}

// TestRecurrentSameBits checks that neither threads nor the rest of the batch change a row.
func TestRecurrentSameBits(t *testing.T) {
	pool := par.New(3)
	defer pool.Close()
	o := op.Recurrent{Cell: tanhSigmoid(), Units: 16, Over: convolved(1, 3, 3)}
	z, k := random(1, 5, 3, 9, 8, 64), random(2, 3, 3, 16, 64)
	want := forward(t, nil, o, z, k, nil, nil, nil)[1]
	if got := forward(t, pool, o, z, k, nil, nil, nil)[1]; !slices.Equal(got.F32, want.F32) {
		t.Error("threads change the result")
	}
	if got := forward(t, nil, o, z.Rows(2, 3), k, nil, nil, nil)[1]; !slices.Equal(got.F32, want.Rows(2, 3).F32) {
		t.Error("the batch changes a row")
	}
	for _, y := range forward(t, nil, o, graph.NewTensor(0, 3, 9, 8, 64), k, nil, nil, nil)[:2] {
		if len(y.F32) != 0 {
			t.Errorf("no rows give %v", y.Shape)
		}
	}
}

func TestRecurrentRefuses(t *testing.T) {
	o := op.Recurrent{Cell: tanhSigmoid(), Units: 2, Over: convolved(1, 2)}
	z, k := graph.F32(2, 3, 5, 8), graph.F32(2, 2, 8)
	for i, in := range [][]op.Spec{
		{graph.F32(2, 3, 8), k, {}, {}, {}},
		{graph.F32(2, 3, 5, 7), k, {}, {}, {}},
		{z, k, {}, graph.F32(2, 4), {}},
		{z, k, {}, graph.F32(2, 3, 4), {}},
		{z, k, {}, {}, {}, graph.F32(2, 5, 2)},
		{z, k, {}, {}, {}, graph.F32(2, 5, 2), graph.F32(2, 4, 2)},
	} {
		if out, err := o.Infer(in); err == nil {
			t.Errorf("case %d: %v gives %v", i, in, out)
		}
	}
	if _, err := o.Infer([]op.Spec{z, k, {}, graph.F32(-1, 3, 5), {}, graph.F32(-1, 5, 2), graph.F32(2, 5, 2)}); err != nil {
		t.Errorf("unknown dimensions: %v", err)
	}
}
