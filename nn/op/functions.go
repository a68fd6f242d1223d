package op

import (
	"math"

	"kerasgo/internal/vec"
)

// numbers are the arguments of an element function.
type numbers = [3]float32

// pointwise is an element function, its derivative from input x and output y, and, where there are fast ones, the
// function of a whole slice (y may be x) and the gradient of a whole slice.
type pointwise struct {
	f     func(x float64, a numbers) float64
	df    func(x, y float64, a numbers) float64
	slice func(y, x []float32, a numbers)
	grad  func(g *gradient, a numbers)

	plain func(x float64) float64 // instead of f and df, where there are no numbers
	slope func(x, y float64) float64
}

func (p *pointwise) known() bool { return p.f != nil || p.plain != nil }

func (p *pointwise) at(x float64, a numbers) float64 {
	if p.plain != nil {
		return p.plain(x)
	}
	return p.f(x, a)
}

func (p *pointwise) slopeAt(x, y float64, a numbers) float64 {
	if p.slope != nil {
		return p.slope(x, y)
	}
	return p.df(x, y, a)
}

// CanonicalActivation is Keras's name of an activation, aliases resolved; "" if there is none of that name.
func CanonicalActivation(name string) string {
	switch name {
	case "", "linear":
		return "linear"
	case "swish":
		return "silu"
	case "hard_swish":
		return "hard_silu"
	case "softmax", "log_softmax", "glu", "sparsemax":
		return name
	}
	if activation(name).f == nil {
		return ""
	}
	return name
}

// activationArgs are the defaults of the activations that take numbers.
//
// Source: keras/src/activations/activations.py
func activationArgs(name string) numbers {
	switch name {
	case "elu", "celu":
		return numbers{1}
	case "leaky_relu":
		return numbers{.2}
	case "soft_shrink", "hard_shrink":
		return numbers{.5}
	case "squareplus":
		return numbers{4}
	}
	return numbers{}
}

// function finds an element function by name: an activation, or a function of mathematics.
func function(name string) pointwise {
	if p := activation(name); p.f != nil {
		return p
	}
	return mathematics(name)
}

// activation finds Keras's activations of single elements.
//
// Source: keras/src/backend/tensorflow/nn.py
func activation(name string) pointwise {
	switch name {
	case "linear":
		return pointwise{f: func(x float64, _ numbers) float64 { return x },
			df:   func(_, _ float64, _ numbers) float64 { return 1 },
			grad: func(g *gradient, _ numbers) { add(g.dx, g.dy) }}
	case "relu":
		return pointwise{f: func(x float64, _ numbers) float64 { return relu(x) },
			df:    func(x, _ float64, _ numbers) float64 { return when(x > 0) },
			slice: func(y, x []float32, _ numbers) { vec.Relu(y, x) }, grad: reluGrad}
	case "relu6":
		return pointwise{f: func(x float64, _ numbers) float64 { return clamp(x, 0, 6) },
			df:    func(x, _ float64, _ numbers) float64 { return when(x > 0 && x < 6) },
			slice: func(y, x []float32, _ numbers) { vec.Clamp(y, x, 0, 6) }, grad: relu6Grad}
	case "sigmoid":
		return pointwise{f: func(x float64, _ numbers) float64 { return sigmoid(x) },
			df:    func(_, y float64, _ numbers) float64 { return y * (1 - y) },
			slice: func(y, x []float32, _ numbers) { vec.Sigmoid(y, x) }, grad: sigmoidGrad}
	case "tanh":
		return pointwise{f: func(x float64, _ numbers) float64 { return math.Tanh(x) },
			df:    func(_, y float64, _ numbers) float64 { return 1 - y*y },
			slice: func(y, x []float32, _ numbers) { vec.Tanh(y, x) }, grad: tanhGrad}
	case "exponential":
		return pointwise{f: func(x float64, _ numbers) float64 { return math.Exp(x) },
			df:    func(_, y float64, _ numbers) float64 { return y },
			slice: func(y, x []float32, _ numbers) { vec.Exp(y, x) },
			grad:  func(g *gradient, _ numbers) { vec.MulAdd(g.dx, g.dy, g.y) }}
	case "softplus":
		return pointwise{f: func(x float64, _ numbers) float64 { return softplus(x) },
			df:    func(x, _ float64, _ numbers) float64 { return sigmoid(x) },
			slice: func(y, x []float32, _ numbers) { vec.Softplus(y, x) }, grad: softplusGrad}
	case "log_sigmoid":
		return pointwise{f: func(x float64, _ numbers) float64 { return -softplus(-x) },
			df: func(x, _ float64, _ numbers) float64 { return sigmoid(-x) }}
	case "silu":
		return pointwise{f: func(x float64, _ numbers) float64 { return x * sigmoid(x) }, df: siluSlope,
			slice: func(y, x []float32, _ numbers) { vec.Silu(y, x) }, grad: siluGrad}
	case "mish":
		return pointwise{f: func(x float64, _ numbers) float64 { return x * math.Tanh(softplus(x)) },
			df: func(x, _ float64, _ numbers) float64 {
				t := math.Tanh(softplus(x))
				return t + x*(1-t*t)*sigmoid(x)
			}}
	case "gelu":
		return pointwise{f: func(x float64, _ numbers) float64 { return x * normalCDF(x) },
			df: func(x, _ float64, _ numbers) float64 {
				return normalCDF(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi)
			},
			slice: func(y, x []float32, _ numbers) { vec.Gelu(y, x) }, grad: geluGrad}
	case "gelu_tanh": // gelu(approximate=True)
		return pointwise{f: func(x float64, _ numbers) float64 { return x * sigmoid(2*geluInner(x)) },
			df: func(x, _ float64, _ numbers) float64 {
				s := sigmoid(2 * geluInner(x))
				return s + x*s*(1-s)*2*math.Sqrt(2/math.Pi)*(1+3*.044715*x*x)
			},
			slice: func(y, x []float32, _ numbers) { vec.GeluTanh(y, x) }, grad: geluTanhGrad}
	case "softsign":
		return pointwise{f: func(x float64, _ numbers) float64 { return x / (1 + math.Abs(x)) },
			df: func(x, _ float64, _ numbers) float64 { return 1 / ((1 + math.Abs(x)) * (1 + math.Abs(x))) }}
	case "squareplus":
		return pointwise{f: func(x float64, a numbers) float64 { return (x + math.Sqrt(x*x+float64(a[0]))) / 2 },
			df: func(x, _ float64, a numbers) float64 { return (1 + x/math.Sqrt(x*x+float64(a[0]))) / 2 }}
	case "tanh_shrink":
		return pointwise{f: func(x float64, _ numbers) float64 { return x - math.Tanh(x) },
			df: func(x, _ float64, _ numbers) float64 { return math.Tanh(x) * math.Tanh(x) }}
	}
	return linearUnit(name)
}

// linearUnit finds the activations with a kink: pieces of lines, and exponentials on one side.
func linearUnit(name string) pointwise {
	switch name {
	case "relu_general": // the layer ReLU and the function relu with all their numbers: slope, maximum, threshold
		return pointwise{f: generalRelu, df: generalReluSlope}
	case "leaky_relu":
		return pointwise{f: func(x float64, a numbers) float64 { return either(x > 0, x, x*float64(a[0])) },
			df:    func(x, _ float64, a numbers) float64 { return either(x > 0, 1, float64(a[0])) },
			slice: func(y, x []float32, a numbers) { vec.LeakyRelu(y, x, a[0]) }, grad: leakyGrad}
	case "elu":
		return pointwise{f: func(x float64, a numbers) float64 { return either(x > 0, x, float64(a[0])*math.Expm1(x)) },
			df:    func(x, y float64, a numbers) float64 { return either(x > 0, 1, y+float64(a[0])) },
			slice: func(y, x []float32, a numbers) { vec.Elu(y, x, a[0]) }, grad: eluGrad}
	case "celu":
		return pointwise{f: func(x float64, a numbers) float64 {
			return max(x, 0) + float64(a[0])*math.Expm1(min(x, 0)/float64(a[0]))
		}, df: func(x, _ float64, a numbers) float64 { // both halves have zero: TensorFlow's own slope there is two
			return when(x >= 0) + either(x <= 0, math.Exp(min(x, 0)/float64(a[0])), 0)
		}}
	case "selu":
		const scale, alpha = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717
		return pointwise{f: func(x float64, _ numbers) float64 { return either(x > 0, scale*x, scale*alpha*math.Expm1(x)) },
			df: func(x, y float64, _ numbers) float64 { return either(x > 0, scale, y+scale*alpha) }}
	case "hard_sigmoid":
		return pointwise{f: func(x float64, _ numbers) float64 { return clamp(x+3, 0, 6) / 6 },
			df: func(x, _ float64, _ numbers) float64 { return when(x > -3 && x < 3) / 6 }}
	case "hard_sigmoid_v2": // Keras 1's and 2's hard_sigmoid, which their files mean by the name
		return pointwise{f: func(x float64, _ numbers) float64 { return clamp(.2*x+.5, 0, 1) },
			df: func(x, _ float64, _ numbers) float64 { return .2 * when(x > -2.5 && x < 2.5) }}
	case "hard_silu":
		return pointwise{f: func(x float64, _ numbers) float64 { return x * clamp(x+3, 0, 6) / 6 },
			df: func(x, _ float64, _ numbers) float64 { return clamp(x+3, 0, 6)/6 + x*when(x > -3 && x < 3)/6 }}
	case "hard_tanh":
		return pointwise{f: func(x float64, _ numbers) float64 { return clamp(x, -1, 1) },
			df:    func(x, _ float64, _ numbers) float64 { return when(x >= -1 && x <= 1) },
			slice: func(y, x []float32, _ numbers) { vec.Clamp(y, x, -1, 1) }}
	case "hard_shrink":
		return pointwise{f: func(x float64, a numbers) float64 { return either(math.Abs(x) > float64(a[0]), x, 0) },
			df: func(x, _ float64, a numbers) float64 { return when(math.Abs(x) > float64(a[0])) }}
	case "soft_shrink":
		return pointwise{f: func(x float64, a numbers) float64 {
			t := float64(a[0])
			return either(x > t, x-t, either(x < -t, x+t, 0))
		}, df: func(x, _ float64, a numbers) float64 { return when(math.Abs(x) > float64(a[0])) }}
	case "sparse_plus":
		return pointwise{f: func(x float64, _ numbers) float64 {
			return either(x <= -1, 0, either(x < 1, (x+1)*(x+1)/4, x))
		}, df: func(x, _ float64, _ numbers) float64 { return either(x <= -1, 0, either(x < 1, (x+1)/2, 1)) }}
	case "sparse_sigmoid":
		return pointwise{f: func(x float64, _ numbers) float64 { return either(x <= -1, 0, either(x >= 1, 1, (x+1)/2)) },
			df: func(x, _ float64, _ numbers) float64 { return either(x <= -1 || x >= 1, 0, .5) }}
	case "threshold": // numbers: the threshold, the value at and below it
		return pointwise{f: func(x float64, a numbers) float64 { return either(x > float64(a[0]), x, float64(a[1])) },
			df: func(x, _ float64, a numbers) float64 { return when(x > float64(a[0])) }}
	}
	return pointwise{}
}

// generalRelu follows keras.activations.relu with numbers: slope, maximum (+Inf: none), threshold.
func generalRelu(x float64, a numbers) float64 {
	slope, top, threshold := float64(a[0]), float64(a[1]), float64(a[2])
	y := relu(x)
	if threshold != 0 {
		y = either(x > threshold, x, 0)
	}
	y = clamp(y, 0, top)
	if slope != 0 {
		y -= slope * relu(threshold-x)
	}
	return y
}

func generalReluSlope(x, _ float64, a numbers) float64 {
	slope, top, threshold := float64(a[0]), float64(a[1]), float64(a[2])
	inside := x <= top
	if threshold == 0 && top == 6 { // relu6, whose slope at six is zero
		inside = x < top
	}
	return when(x > threshold && inside) + slope*when(x < threshold)
}

func siluSlope(x, _ float64, _ numbers) float64 {
	s := sigmoid(x)
	return s * (1 + x*(1-s))
}

func geluInner(x float64) float64 { return math.Sqrt(2/math.Pi) * (x + .044715*x*x*x) }

// normalCDF is the standard normal distribution's.
func normalCDF(x float64) float64 { return math.Erfc(-x/math.Sqrt2) / 2 }

func softplus(x float64) float64 { return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }

func sigmoid(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

// relu keeps NaN, as TensorFlow does.
func relu(x float64) float64 { return either(x < 0, 0, x) }

// clamp keeps NaN.
func clamp(x, lo, hi float64) float64 { return either(x < lo, lo, either(x > hi, hi, x)) }

func either(first bool, a, b float64) float64 {
	if first {
		return a
	}
	return b
}

func when(b bool) float64 { return either(b, 1, 0) }
