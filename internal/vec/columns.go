package vec

import (
	"unsafe"

	"kerasgo/internal/kernel"
)

// columnBlock is how many rows of a matrix are summed in float32 before they are added to the total, so that errors don't
// grow with the number of rows.
const columnBlock = 256

// matrix checks that the slices hold n rows of ch columns, and calls f for each block of rows.
func matrix(n, ch int, f func(at, rows int), xs ...[]float32) {
	if n == 0 || ch == 0 {
		return
	}
	for _, x := range xs {
		_ = x[n*ch-1]
	}
	for i := 0; i < n; i += columnBlock {
		f(i*ch, min(columnBlock, n-i))
	}
}

// ColumnSum adds to dst the sum of the rows of x, each as long as dst.
func ColumnSum(dst, x []float32) {
	ch := len(dst)
	isa := kernel.Best()
	matrix(len(x)/max(ch, 1), ch, func(at, rows int) { isa.ColumnSum(&dst[0], &x[at], rows, ch, ch) }, x)
}

// ColumnSquares adds to dst the sum of (x-mean)^2 over the rows of x, each as long as dst and mean.
func ColumnSquares(dst, x, mean []float32) {
	ch := len(dst)
	mean = mean[:ch]
	isa := kernel.Best()
	matrix(len(x)/max(ch, 1), ch, func(at, rows int) { isa.ColumnSquares(&dst[0], &x[at], &mean[0], rows, ch, ch) }, x)
}

// ColumnDots adds to dst the sum of dy*(x-mean) over the rows of x and dy, each as long as dst and mean.
func ColumnDots(dst, dy, x, mean []float32) {
	ch := len(dst)
	mean = mean[:ch]
	isa := kernel.Best()
	matrix(len(x)/max(ch, 1), ch, func(at, rows int) { isa.ColumnDots(&dst[0], &dy[at], &x[at], &mean[0], rows, ch, ch) }, x, dy)
}

// NormGrad adds (x-mean)*t + u + dy*s to the rows of dx; mean, s, t and u are as long as a row.
func NormGrad(dx, dy, x, mean, s, t, u []float32) {
	ch := len(mean)
	s, t, u = s[:ch], t[:ch], u[:ch]
	isa := kernel.Best()
	matrix(len(dx)/max(ch, 1), ch, func(at, rows int) {
		isa.NormGrad(&dx[at], &dy[at], &x[at], &mean[0], &s[0], &t[0], &u[0], rows, ch, ch)
	}, dx, dy, x)
}

// MaxPool makes n neighbouring positions of a row of windows, each as far as stride positions of x from the one before:
// the largest of each of ch channels at the taps, offsets into x for the first window. It passes over NaN, and starts from
// the lowest finite number.
func MaxPool(y, x []float32, taps []int, n, ch, stride int) {
	checkTaps(x, y, taps, n, ch, stride)
	if n > 0 && ch > 0 {
		kernel.Best().MaxPool(&y[0], &x[0], unsafe.SliceData(taps), len(taps), n, ch, stride*ch, ch)
	}
}

// MaxPoolGrad adds dy, the gradient of y, which is MaxPool's of x, to dx: to the first tap that has the maximum, or where
// none has it to the first of all.
func MaxPoolGrad(dx, x, y, dy []float32, taps []int, n, ch, stride int) {
	checkTaps(dx, dy, taps, n, ch, stride)
	checkTaps(x, y, taps, n, ch, stride)
	if n > 0 && ch > 0 && len(taps) > 0 {
		kernel.Best().MaxPoolGrad(&dx[0], &x[0], &y[0], &dy[0], &taps[0], len(taps), n, ch, stride*ch, ch)
	}
}

// checkTaps panics unless all that the windows read is there.
func checkTaps(x, y []float32, taps []int, n, ch, stride int) {
	if n == 0 || ch == 0 {
		return
	}
	_ = y[n*ch-1]
	for _, t := range taps {
		_ = x[t:][(n-1)*stride*ch+ch-1]
	}
}
