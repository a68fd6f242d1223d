package layers_test

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
)

// lambdaModel is a Functional model of one Lambda layer over as many inputs of shape [2, 3] as it says.
func lambdaModel(t *testing.T, inputs int, function string) (nn.Model, error) {
	t.Helper()
	f, err := layers.LambdaNamed(function)
	if err != nil {
		return nil, err
	}
	var in, refs, args []string
	for i := range inputs {
		in = append(in, fmt.Sprintf(`{"class_name": "InputLayer", "name": "x%d", "config": {"name": "x%d", "batch_shape": [null, 2, 3]}, "inbound_nodes": []}`, i, i))
		refs = append(refs, fmt.Sprintf(`["x%d", 0, 0]`, i))
		args = append(args, fmt.Sprintf(`{"class_name": "__keras_tensor__", "config": {"keras_history": ["x%d", 0, 0]}}`, i))
	}
	arg := args[0]
	if inputs > 1 {
		arg = "[" + strings.Join(args, ", ") + "]"
	}
	d := nn.Decoder{Registry: layers.Builtin(), Functions: map[string]nn.Function{"f": f}}
	l, err := d.Decode([]byte(`{"class_name": "Functional", "config": {"name": "m", "layers": [` + strings.Join(in, ", ") + `,
		{"class_name": "Lambda", "name": "f", "config": {"name": "f", "function": {"class_name": "__lambda__"}, "arguments": {}}, "inbound_nodes": [{"args": [` + arg + `], "kwargs": {}}]}],
		"input_layers": [` + strings.Join(refs, ", ") + `], "output_layers": [["f", 0, 0]]}}`))
	if err != nil {
		return nil, err
	}
	m := l.(nn.Model)
	return m, nn.Declare(m)
}

// TestLambdaNamed computes each function that may stand for Python code.
func TestLambdaNamed(t *testing.T) {
	x := []float32{1, -2, 3, 0.5, -0.25, 4} // [2, 3]
	each := func(f func(v float64) float64) (out []float32) {
		for _, v := range x {
			out = append(out, float32(f(float64(v))))
		}
		return out
	}
	root := func(v ...float64) (s float64) {
		for _, e := range v {
			s += e * e
		}
		return math.Sqrt(s)
	}
	a, b := root(1, 2, 3), root(.5, .25, 4)
	for _, c := range []struct {
		text  string
		shape []int
		want  []float32
	}{
		{"abs", []int{2, 3}, each(math.Abs)},
		{"negative", []int{2, 3}, each(func(v float64) float64 { return -v })},
		{"square", []int{2, 3}, each(func(v float64) float64 { return v * v })},
		{"abs|sqrt", []int{2, 3}, each(func(v float64) float64 { return math.Sqrt(math.Abs(v)) })},
		{"square|rsqrt", []int{2, 3}, each(func(v float64) float64 { return 1 / math.Abs(v) })},
		{"reciprocal", []int{2, 3}, each(func(v float64) float64 { return 1 / v })},
		{"exp", []int{2, 3}, each(math.Exp)},
		{"abs|log", []int{2, 3}, each(func(v float64) float64 { return math.Log(math.Abs(v)) })},
		{"abs|log1p", []int{2, 3}, each(func(v float64) float64 { return math.Log1p(math.Abs(v)) })},
		{"sin", []int{2, 3}, each(math.Sin)},
		{"cos", []int{2, 3}, each(math.Cos)},
		{"sign", []int{2, 3}, []float32{1, -1, 1, 1, -1, 1}},
		{"floor", []int{2, 3}, each(math.Floor)},
		{"ceil", []int{2, 3}, each(math.Ceil)},
		{"add(2)", []int{2, 3}, each(func(v float64) float64 { return v + 2 })},
		{"divide(2)|subtract(1)", []int{2, 3}, each(func(v float64) float64 { return v/2 - 1 })},
		{"multiply(3)", []int{2, 3}, each(func(v float64) float64 { return 3 * v })},
		{"scale(0.5)", []int{2, 3}, each(func(v float64) float64 { return v / 2 })},
		{"power(2)", []int{2, 3}, each(func(v float64) float64 { return v * v })},
		{"maximum(0)", []int{2, 3}, each(func(v float64) float64 { return max(v, 0) })},
		{"minimum(1)", []int{2, 3}, each(func(v float64) float64 { return min(v, 1) })},
		{"relu6", []int{2, 3}, each(func(v float64) float64 { return min(max(v, 0), 6) })},
		{"l2_normalize(-1)", []int{2, 3}, []float32{float32(1 / a), float32(-2 / a), float32(3 / a), float32(.5 / b), float32(-.25 / b), float32(4 / b)}},
		{"argmax(2)", []int{2}, []float32{2, 2}},
		{"mean(1)", []int{3}, []float32{0.75, -1.125, 3.5}},
		{"sum(1, 2)", []int{}, []float32{6.25}},
		{"max(-1)", []int{2}, []float32{3, 4}},
		{"min(2)", []int{2}, []float32{-2, -0.25}},
		{"expand_dims(1)|squeeze(1)", []int{2, 3}, x},
		{"expand_dims(-1)", []int{2, 3, 1}, x},
		{"reverse(2)", []int{2, 3}, []float32{3, -2, 1, 4, -0.25, 0.5}},
		{"reshape(3, 2)", []int{3, 2}, x},
		{"permute(2, 1)", []int{3, 2}, []float32{1, 0.5, -2, -0.25, 3, 4}},
		{"index(1)", []int{3}, x[3:]},
		{"index(-2)", []int{3}, x[:3]},
		{"softmax(1)|sum(1)", []int{3}, []float32{1, 1, 1}},
	} {
		m, err := lambdaModel(t, 1, c.text)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		y, err := m.Predict(context.Background(), graph.FromF32(x, 1, 2, 3))
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if !y[0].Shape.Equal(append([]int{1}, c.shape...)) {
			t.Errorf("%s: shape %v, want [1 %v]", c.text, y[0].Shape, c.shape)
			continue
		}
		for i, w := range c.want {
			v := w
			if y[0].F32 != nil {
				v = y[0].F32[i]
			} else {
				v = float32(y[0].I32[i])
			}
			if math.Abs(float64(v-w)) > 1e-6*max(1, math.Abs(float64(w))) {
				t.Errorf("%s: element %d is %g, want %g", c.text, i, v, w)
			}
		}
	}
	for _, name := range layers.Lambdas() { // every one was computed above
		known, _, _ := strings.Cut(name, "(")
		if _, err := layers.LambdaNamed(known); err != nil && !strings.Contains(err.Error(), "give it as") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLambdaOfTwo gives those of two operands a second tensor.
func TestLambdaOfTwo(t *testing.T) {
	m, err := lambdaModel(t, 2, "subtract|abs")
	if err != nil {
		t.Fatal(err)
	}
	a, b := graph.FromF32([]float32{1, 2, 3, 4, 5, 6}, 1, 2, 3), graph.FromF32([]float32{3, 2, 1, 0, -1, -2}, 1, 2, 3)
	y, err := m.Predict(context.Background(), a, b)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprint(y[0].F32), "[2 0 2 4 6 8]"; got != want {
		t.Errorf("found %s, want %s", got, want)
	}
}

// TestLambdaRefused: what isn't one of the functions, or isn't called as it must be, is an error that says so.
func TestLambdaRefused(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", "known are"}, {"os.system", "known are"}, {"foo(1)", "divide(C)"}, {"abs(1)", "known are"}, {"abs|", "known are"},
		{"divide(1, 2)", "divide(C)"}, {"divide(x)", "number"}, {"divide(nan)", "number"}, {"divide(1e999)", "number"}, {"divide(1", "parenthesis"},
		{"mean()", "mean(AXES)"}, {"index(1.5)", "index(I)"}, {"softmax(1,2)", "softmax(AXIS)"}, {"linear(3)", "known are"},
	} {
		if _, err := layers.LambdaNamed(c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v; want %q in it", c.text, err, c.want)
		}
	}
	for _, c := range []struct {
		inputs     int
		text, want string
	}{{2, "abs", "2 tensors"}, {1, "add", "1 tensors"}, {2, "add(1)", "2 tensors"}, {2, "relu", "found 2"}, {1, "mean(7)", "axis 7"}, {1, "reshape(4)", "shape"}} {
		if _, err := lambdaModel(t, c.inputs, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s of %d: %v; want %q in it", c.text, c.inputs, err, c.want)
		}
	}
	var f layers.LambdaFlag
	for _, s := range []string{"x", "=abs", "x=", "x=y"} {
		if err := f.Set(s); err == nil {
			t.Errorf("%q was taken", s)
		}
	}
}
