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

// attend runs scores, softmax and context on a pool, and returns the result and the gradients of its sum's square.
func attend(t *testing.T, threads int, soft op.MaskedSoftmax, in ...*graph.Tensor) [][]float32 {
	t.Helper()
	g := graph.NewGraph()
	g.WantInputGrads()
	var vs []*graph.Value
	for _, x := range in {
		vs = append(vs, g.Input(x.Spec))
	}
	add := func(o graph.Op, in ...*graph.Value) *graph.Value {
		out, err := g.Add(o, in...)
		if err != nil {
			t.Fatal(err)
		}
		return out[0]
	}
	scores := add(op.HeadScores{Scale: .3}, vs[0], vs[1])
	weights := add(soft, append([]*graph.Value{scores}, vs[3:]...)...)
	y := add(op.HeadContext{}, weights, vs[2])
	run := graph.NewInterp(g, 0, y)
	if threads > 1 {
		run.Pool = par.New(threads)
		defer run.Pool.Close()
	}
	if err := run.Forward(context.Background(), in...); err != nil {
		t.Fatal(err)
	}
	run.ZeroGrad()
	copy(run.Grad(y).F32, run.Value(y).F32)
	run.Pull()
	out := [][]float32{slices.Clone(run.Value(y).F32)}
	for _, v := range vs[:3] {
		out = append(out, slices.Clone(run.Grad(v).F32))
	}
	return out
}

// TestAttentionThreads checks that threads change nothing, whether heads are shared out or products are.
func TestAttentionThreads(t *testing.T) {
	for _, s := range [][6]int{{2, 70, 40, 4, 2, 24}, {1, 130, 260, 1, 1, 64}, {3, 5, 4, 6, 3, 2}} {
		b, T, S, n, m, h := s[0], s[1], s[2], s[3], s[4], s[5]
		q, k, v := drawn(1, b, T, n, h), drawn(2, b, S, m, h), drawn(3, b, S, m, h+1)
		mask := graph.New(graph.Spec{Shape: graph.Shape{b, 1, 1, S}, DType: graph.Bool})
		for i := range mask.I32 {
			mask.I32[i] = int32(i % 3 & 1)
		}
		soft := op.MaskedSoftmax{Rule: op.MaskZero, Causal: true, Window: 50}
		one, many := attend(t, 1, soft, q, k, v, mask), attend(t, 4, soft, q, k, v, mask)
		for i := range one {
			if !slices.Equal(one[i], many[i]) {
				t.Errorf("%v: result %d depends on the threads", s, i)
			}
		}
	}
}

// TestMaskedSoftmax compares with the definition, for every rule and with rows that see nothing.
func TestMaskedSoftmax(t *testing.T) {
	const b, n, T, S = 2, 3, 4, 5
	x := drawn(4, b, n, T, S)
	mask := graph.New(graph.Spec{Shape: graph.Shape{b, 1, T, S}, DType: graph.Bool})
	for i := range mask.I32 {
		mask.I32[i] = int32(i * 7 % 3 & 1)
	}
	clear(mask.I32[:S]) // the first row sees nothing
	for _, rule := range []op.MaskRule{op.MaskLowest, op.MaskZero, op.MaskSubtract} {
		for _, window := range []int{0, 2, math.MaxInt} {
			for _, causal := range []bool{false, true} {
				t.Run(fmt.Sprint(rule, window, causal), func(t *testing.T) {
					y := runOp(t, op.MaskedSoftmax{Rule: rule, Causal: causal, Window: window}, x, mask)
					for i := range y.F32 {
						s, row := i%S, i/S
						step, example := row%T, row/T/n
						sees := func(s int) bool {
							return mask.I32[(example*T+step)*S+s] != 0 && (!causal || s <= step) &&
								(window == 0 || max(s-step, step-s) < window)
						}
						var sum, want float64
						for k := range S {
							if sees(k) {
								sum += math.Exp(float64(x.F32[row*S+k]))
							}
						}
						switch {
						case sum > 0 && sees(s):
							want = math.Exp(float64(x.F32[i])) / sum
						case sum == 0 && rule != op.MaskZero:
							want = 1. / S
						}
						if math.Abs(float64(y.F32[i])-want) > 1e-6 {
							t.Fatalf("element %d is %v, not %v", i, y.F32[i], want)
						}
					}
				})
			}
		}
	}
}

// TestAttentionRefuses gives shapes that don't fit.
func TestAttentionRefuses(t *testing.T) {
	f := graph.F32
	mask := graph.Spec{Shape: graph.Shape{2, 1, 3, 4}, DType: graph.Bool}
	for name, c := range map[string]struct {
		op graph.Op
		in []graph.Spec
	}{
		"dimensions":  {op.HeadScores{}, []graph.Spec{f(2, 3, 4, 5), f(2, 3, 4, 6)}},
		"heads":       {op.HeadScores{}, []graph.Spec{f(2, 3, 4, 5), f(2, 3, 3, 5)}},
		"no heads":    {op.HeadScores{}, []graph.Spec{f(2, 3, 0, 5), f(2, 3, 0, 5)}},
		"batch":       {op.HeadScores{}, []graph.Spec{f(2, 3, 4, 5), f(3, 3, 4, 5)}},
		"rank":        {op.HeadScores{}, []graph.Spec{f(2, 3, 4), f(2, 3, 4)}},
		"steps":       {op.HeadContext{}, []graph.Spec{f(2, 4, 3, 5), f(2, 6, 4, 5)}},
		"mask":        {op.MaskedSoftmax{}, []graph.Spec{f(2, 1, 3, 5), mask}},
		"mask dtype":  {op.MaskedSoftmax{}, []graph.Spec{f(2, 1, 3, 4), f(2, 1, 3, 4)}},
		"sum":         {op.Project{Sum: 2}, []graph.Spec{f(2, 3), f(3), {}}},
		"kernel":      {op.Project{Sum: 1}, []graph.Spec{f(2, 3), f(4, 2), {}}},
		"bias":        {op.Project{Sum: 1}, []graph.Spec{f(2, 3), f(3, 2), f(3)}},
		"pool to 0":   {op.AdaptivePool{Axis: 1}, []graph.Spec{f(2, 3)}},
		"pool beyond": {op.AdaptivePool{Axis: 2, To: 1}, []graph.Spec{f(2, 3)}},
	} {
		if _, err := c.op.Infer(c.in); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
