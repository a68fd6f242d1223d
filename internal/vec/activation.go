package vec

import (
	"math"

	"kerasgo/internal/kernel"
)

// Relu sets dst = max(src, 0). NaN stays NaN.
func Relu(dst, src []float32) { Clamp(dst, src, 0, float32(math.Inf(1))) }

// Clamp sets dst = min(max(src, lo), hi). NaN stays NaN.
func Clamp(dst, src []float32, lo, hi float32) {
	n := len(dst)
	kernel.Best().Clamp(ptr(dst, n), ptr(src, n), n, lo, hi)
}

// LeakyRelu sets dst = slope*src where src is negative, src elsewhere.
func LeakyRelu(dst, src []float32, slope float32) {
	n := len(dst)
	kernel.Best().Leaky(ptr(dst, n), ptr(src, n), n, slope)
}

// Exp sets dst = e^src. The relative error is below 2e-7; the range is all of
// float32, subnormals and infinity included.
func Exp(dst, src []float32) {
	n := len(dst)
	kernel.Best().Exp(ptr(dst, n), ptr(src, n), n)
}

// Sigmoid sets dst = 1 / (1 + e^-src), to a relative error below 3e-7.
func Sigmoid(dst, src []float32) {
	n := len(dst)
	kernel.Best().Sigmoid(ptr(dst, n), ptr(src, n), n)
}

// Silu sets dst = src * sigmoid(src).
func Silu(dst, src []float32) {
	n := len(dst)
	kernel.Best().Silu(ptr(dst, n), ptr(src, n), n)
}

// Tanh sets dst = tanh(src), to a relative error below 3e-7.
func Tanh(dst, src []float32) {
	n := len(dst)
	kernel.Best().Tanh(ptr(dst, n), ptr(src, n), n)
}

// ReluGrad adds dy to dx where the output y of Relu is positive.
func ReluGrad(dx, dy, y []float32) {
	n := len(dx)
	kernel.Best().ReluGrad(ptr(dx, n), ptr(dy, n), ptr(y, n), n)
}

// ClampGrad adds dy to dx where the output y of Clamp lies between lo and hi, but not on them.
func ClampGrad(dx, dy, y []float32, lo, hi float32) {
	n := len(dx)
	kernel.Best().ClampGrad(ptr(dx, n), ptr(dy, n), ptr(y, n), n, lo, hi)
}

// SigmoidGrad adds dy * y * (1-y) to dx, y being the output of Sigmoid.
func SigmoidGrad(dx, dy, y []float32) {
	n := len(dx)
	kernel.Best().SigmoidGrad(ptr(dx, n), ptr(dy, n), ptr(y, n), n)
}

// TanhGrad adds dy * (1-y*y) to dx, y being the output of Tanh.
func TanhGrad(dx, dy, y []float32) {
	n := len(dx)
	kernel.Best().TanhGrad(ptr(dx, n), ptr(dy, n), ptr(y, n), n)
}

// Erf sets dst = erf(src), to an absolute error below 2e-7.
func Erf(dst, src []float32) {
	n := len(dst)
	kernel.Best().Erf(ptr(dst, n), ptr(src, n), n)
}

// Gelu sets dst = src/2 * (1 + erf(src/sqrt 2)).
func Gelu(dst, src []float32) {
	n := len(dst)
	kernel.Best().Gelu(ptr(dst, n), ptr(src, n), n)
}

// GeluTanh sets dst = src/2 * (1 + tanh(sqrt(2/pi) * (src + 0.044715 src^3))), Keras's
// approximate form.
func GeluTanh(dst, src []float32) {
	n := len(dst)
	kernel.Best().GeluTanh(ptr(dst, n), ptr(src, n), n)
}

// Softplus sets dst = log(1 + e^src).
func Softplus(dst, src []float32) {
	src = src[:len(dst):len(src)]
	for i, x := range src {
		v := float64(x)
		dst[i] = float32(max(v, 0) + math.Log1p(math.Exp(-math.Abs(v))))
	}
}

// Elu sets dst = src where src > 0, alpha * (e^src - 1) elsewhere.
func Elu(dst, src []float32, alpha float32) {
	src = src[:len(dst):len(src)]
	for i, x := range src {
		if !(x > 0) {
			x = float32(float64(alpha) * math.Expm1(float64(x)))
		}
		dst[i] = x
	}
}
