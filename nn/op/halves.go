package op

import (
	"math"

	"kerasgo/nn/graph"
)

// inSteps computes an element function of 16-bit floats as TensorFlow's kernels and Keras's code do: an operation at a time,
// each rounded by r. ok is false where the function is one operation.
//
// Source: keras/src/backend/tensorflow/nn.py; tensorflow/core/kernels/softplus_op.h, relu_op_functor.h
func inSteps(fn string, a numbers, x float64, d graph.DType) (y float64, ok bool) {
	r := rounder(d)
	exp := func(x float64) float64 { return r(math.Exp(x)) }
	number := func(i int) float64 { return r(float64(a[i])) }
	sixth := func(x float64) float64 { return r(clamp(r(x+3), 0, 6) / 6) }
	switch fn {
	case "sigmoid":
		return halfSigmoid(x, r), true
	case "silu":
		return r(x * halfSigmoid(x, r)), true
	case "softplus":
		return halfSoftplus(x, d), true
	case "log_sigmoid":
		return -halfSoftplus(-x, d), true
	case "mish":
		return r(x * r(math.Tanh(halfSoftplus(x, d)))), true
	case "gelu":
		return r(r(.5*x) * r(math.Erfc(r(-x*r(math.Sqrt2/2))))), true
	case "gelu_tanh":
		inner := r(r(.7978845608028654) * r(x+r(r(.044715)*r(x*x*x))))
		return r(r(.5*x) * r(1+r(math.Tanh(inner)))), true
	case "softsign":
		return r(x / r(1+math.Abs(x))), true
	case "squareplus":
		return r(r(x+r(math.Sqrt(r(r(x*x)+number(0))))) / 2), true
	case "tanh_shrink":
		return r(x - r(math.Tanh(x))), true
	case "leaky_relu":
		if x < 0 {
			return r(number(0) * x), true
		}
		return x, true
	case "elu":
		if x < 0 {
			if x = r(exp(x) - 1); a[0] != 1 {
				x = r(number(0) * x)
			}
		}
		return x, true
	case "celu":
		return r(max(x, 0) + r(number(0)*r(math.Expm1(r(min(x, 0)/number(0)))))), true
	case "selu":
		if x < 0 {
			return r(r(1.7580993408473768599) * r(exp(x)-1)), true
		}
		return r(r(1.0507009873554804934) * x), true
	case "hard_sigmoid":
		return sixth(x), true
	case "hard_silu":
		return r(x * sixth(x)), true
	case "sparse_plus":
		if v := r(x + 1); x > -1 && x < 1 {
			return r(.25 * r(v*v)), true
		}
		return max(x, 0), true
	case "sparse_sigmoid":
		return clamp(r(.5*r(x+1)), 0, 1), true
	case "relu_general":
		y := x
		if x <= number(2) {
			y = 0
		}
		y = min(y, number(1))
		if a[0] != 0 {
			y = r(y - r(number(0)*max(r(number(2)-x), 0)))
		}
		return y, true
	case "scale_offset":
		return r(r(x*number(0)) + number(1)), true
	}
	return 0, false
}

// halfSigmoid is e/(1+e): once e is infinite, 1.
func halfSigmoid(x float64, r func(float64) float64) float64 {
	e := r(math.Exp(x))
	if math.IsInf(e, 1) {
		return 1
	}
	return r(e / r(1+e))
}

// halfSoftplus is log(1+e), but x or e itself where that is all the type can tell. Eigen thinks that a float16's epsilon is 2^-13.
func halfSoftplus(x float64, d graph.DType) float64 {
	r, epsilon := rounder(d), 0x1p-7
	if d == graph.Float16 {
		epsilon = 0x1p-13
	}
	bound := r(math.Log(epsilon)) + 2
	switch e := r(math.Exp(x)); {
	case x > -bound:
		return x
	case x < bound:
		return e
	default:
		return r(math.Log1p(e))
	}
}

// rounder rounds to a float type.
func rounder(d graph.DType) func(float64) float64 {
	switch d {
	case graph.Float16:
		return func(v float64) float64 { return float64(graph.RoundFloat16(float32(v))) }
	case graph.BFloat16:
		return func(v float64) float64 { return float64(graph.RoundBFloat16(float32(v))) }
	}
	return func(v float64) float64 { return v }
}

// halves applies a function that rounds in steps; false where it is one operation.
func (o Unary) halves(y, x []float32, d graph.DType) bool {
	for i, v := range x {
		w, ok := inSteps(o.Fn, o.Args, float64(v), d)
		if !ok {
			return false
		}
		y[i] = float32(w)
	}
	return true
}
