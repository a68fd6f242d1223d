// Package vec computes on slices of float32: arithmetic, activations, reductions
// and optimizer steps.
//
// Every function works on len(dst) elements (or the length of its first slice) and
// panics if another slice is shorter. dst may be one of the sources; other overlaps
// are not allowed. Nothing allocates. Results do not depend on the assembly tier.
package vec

import (
	"unsafe"

	"kerasgo/internal/kernel"
)

// ptr returns the address of the n floats of s.
func ptr(s []float32, n int) *float32 { return unsafe.SliceData(s[:n:len(s)]) }

// Add sets dst = a + b.
func Add(dst, a, b []float32) {
	n := len(dst)
	kernel.Best().Add(ptr(dst, n), ptr(a, n), ptr(b, n), n)
}

// Sub sets dst = a - b.
func Sub(dst, a, b []float32) {
	n := len(dst)
	kernel.Best().Sub(ptr(dst, n), ptr(a, n), ptr(b, n), n)
}

// Mul sets dst = a * b.
func Mul(dst, a, b []float32) {
	n := len(dst)
	kernel.Best().Mul(ptr(dst, n), ptr(a, n), ptr(b, n), n)
}

// Larger sets dst = a where a > b, else b; so where either is NaN, b.
func Larger(dst, a, b []float32) {
	n := len(dst)
	kernel.Best().Larger(ptr(dst, n), ptr(a, n), ptr(b, n), n)
}

// Scale sets dst = s * src.
func Scale(dst, src []float32, s float32) {
	n := len(dst)
	kernel.Best().Scale(ptr(dst, n), ptr(src, n), n, s)
}

// Axpy adds s * x to dst.
func Axpy(dst []float32, s float32, x []float32) {
	n := len(dst)
	kernel.Best().Axpy(ptr(dst, n), ptr(x, n), n, s)
}

// MulAdd adds a * b to dst.
func MulAdd(dst, a, b []float32) {
	n := len(dst)
	kernel.Best().MulAdd(ptr(dst, n), ptr(a, n), ptr(b, n), n)
}

// Dropout sets dst = scale * src, or 0 where a hash of first+i and the key, evenly spread over all uint32, is below
// threshold.
func Dropout(dst, src []float32, scale float32, key uint64, first, threshold uint32) {
	n := len(dst)
	kernel.Best().Dropout(ptr(dst, n), ptr(src, n), n, scale, uint32(key), uint32(key>>32), first, threshold)
}

// Sum returns the sum of x. Blocks of 4096 are summed in float32 and added in
// float64, so the error does not grow with the length.
func Sum(x []float32) float32 {
	sum := kernel.Best().Sum
	return blocks(len(x), func(i, n int) float32 { return sum(&x[i], n) })
}

// Dot returns the sum of a*b, in blocks like Sum.
func Dot(a, b []float32) float32 {
	dot := kernel.Best().Dot
	b = b[:len(a):len(b)]
	return blocks(len(a), func(i, n int) float32 { return dot(&a[i], &b[i], n) })
}

// blockLen is the longest run that is reduced in float32.
const blockLen = 4096

// blocks adds f over consecutive blocks of n elements.
func blocks(n int, f func(i, n int) float32) float32 {
	if n == 0 {
		return 0
	}
	if n <= blockLen {
		return f(0, n)
	}
	total := 0.0
	for i := 0; i < n; i += blockLen {
		total += float64(f(i, min(blockLen, n-i)))
	}
	return float32(total)
}

// Max returns the largest of x, -Inf for none. It may pass over NaNs.
func Max(x []float32) float32 { return kernel.Best().Max(unsafe.SliceData(x), len(x)) }

// Moments returns the mean and the variance of x (the mean squared deviation); NaN
// for none.
//
// Source: keras/src/layers/normalization/layer_normalization.py
func Moments(x []float32) (mean, variance float32) {
	n := float32(len(x))
	mean = Sum(x) / n
	squares := kernel.Best().Squares
	return mean, blocks(len(x), func(i, n int) float32 { return squares(&x[i], n, mean) }) / n
}

// Normalize sets dst = (src-mean) * inv * gamma + beta.
func Normalize(dst, src []float32, mean, inv float32, gamma, beta []float32) {
	n := len(dst)
	kernel.Best().Normalize(ptr(dst, n), ptr(src, n), ptr(gamma, n), ptr(beta, n), n, mean, inv)
}

// Softmax sets each row of dst[rows][cols] to e^(x-max) / sum. A row of nothing but
// -Inf, or with a NaN or +Inf, becomes NaN, as in TensorFlow.
func Softmax(dst, src []float32, rows, cols int) {
	if rows == 0 || cols == 0 {
		return
	}
	dst, src = dst[:rows*cols:len(dst)], src[:rows*cols:len(src)]
	isa := kernel.Best()
	for i := 0; i < len(dst); i += cols {
		d, s := &dst[i], &src[i]
		top := isa.Max(s, cols)
		sum := isa.ExpSum(d, s, cols, top)
		isa.Scale(d, d, cols, 1/sum)
	}
}

// Adam makes one step of Adam on the weights w with the gradient g, moments m and v:
//
//	m += (g - m) * (1 - beta1)
//	v += (g*g - v) * (1 - beta2)
//	w -= m * alpha / (sqrt(v) + epsilon)
//
// alpha is the learning rate times sqrt(1-beta2^t) / (1-beta1^t). The betas are doubles because Keras subtracts them from
// one in double: in float32, 1-0.999 is off by 5e-5 of itself.
//
// Source: keras/src/optimizers/adam.py
func Adam(w, m, v, g []float32, alpha float32, beta1, beta2 float64, epsilon float32) {
	n := len(w)
	kernel.Best().Adam(ptr(w, n), ptr(m, n), ptr(v, n), ptr(g, n), n, float32(1-beta1), float32(1-beta2), alpha, epsilon)
}

// AdamSquares is Adam with the squared gradient given: q in place of g*g.
func AdamSquares(w, m, v, g, q []float32, alpha float32, beta1, beta2 float64, epsilon float32) {
	n := len(w)
	kernel.Best().AdamSquares(ptr(w, n), ptr(m, n), ptr(v, n), ptr(g, n), ptr(q, n), n, float32(1-beta1), float32(1-beta2), alpha, epsilon)
}

// SGD makes one step of gradient descent: w -= rate * g.
func SGD(w, g []float32, rate float32) { Axpy(w, -rate, g) }

// Momentum makes one step with velocity v: v = momentum*v - rate*g, then w += v, or
// with nesterov w += momentum*v - rate*g.
//
// Source: keras/src/optimizers/sgd.py
func Momentum(w, v, g []float32, rate, momentum float32, nesterov bool) {
	Scale(v, v, momentum)
	Axpy(v, -rate, g)
	if nesterov {
		Axpy(w, momentum, v)
		Axpy(w, -rate, g)
		return
	}
	Add(w, w, v)
}
