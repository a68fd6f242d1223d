package op

import (
	"math"

	"kerasgo/internal/vec"
)

// taps is how many elements an interpolation reads along an axis; 0: there is none of that name.
func taps(method string) int {
	switch method {
	case "bilinear":
		return 2
	case "bicubic":
		return 4
	case "lanczos3":
		return 6
	case "lanczos5":
		return 10
	}
	return 0
}

// center is where output position k falls among n elements that become m, in elements from the first one's centre.
func center(k, n, m int) float32 {
	return float32((float32(k)+.5)*(float32(n)/float32(m))) - .5
}

// firstTap is the index of the first of the elements that output k reads; it may lie outside, as its weight is then 0.
func firstTap(k, n, m, taps int) int {
	return int(math.Floor(float64(center(k, n, m)))) - taps/2 + 1
}

// weights are those of the taps of every output along an axis of n elements that become m: [m][taps].
func (o Resize) weights(r *Run, n, m int) []float32 {
	t := taps(o.Method)
	all := r.Dirty(m * t)
	for k := range m {
		at := center(k, n, m)
		first := firstTap(k, n, m, t)
		w := all[k*t:][:t]
		delta := float64(at) - math.Floor(float64(at))
		if o.Method == "bilinear" { // beyond an edge, the edge
			w[0], w[1] = 1-float32(delta), float32(delta)
			if first < 0 {
				w[0], w[1] = 0, 1
			} else if first+1 >= n {
				w[0], w[1] = 1, 0
			}
			continue
		}
		var sum float32 // elements beyond an edge count for nothing, the others for more
		for i := range w {
			w[i] = 0
			if e := first + i; e >= 0 && e < n {
				w[i] = o.kernel(float64(i-t/2+1), delta)
			}
			sum += w[i]
		}
		for i := range w {
			w[i] /= sum
		}
	}
	return all
}

// kernel is the weight of the element a whole number of places after the last one before an output, which falls delta
// after that.
//
// Source: tensorflow/core/kernels/image/resize_bicubic_op.cc, sampling_kernels.h
func (o Resize) kernel(place, delta float64) float32 {
	if o.Method == "bicubic" {
		return cubic(math.Abs(place - math.RoundToEven(delta*1024)/1024)) // TensorFlow looks it up in a table
	}
	return lanczos(math.Abs(place-delta), float64(taps(o.Method)/2))
}

// cubic is Keys's kernel, with a of -1/2.
func cubic(x float64) float32 {
	const a = -.5
	if x <= 1 {
		return float32(((a+2)*x-(a+3))*x*x + 1)
	}
	return float32(((a*x-5*a)*x+8*a)*x - 4*a)
}

func lanczos(x, radius float64) float32 {
	switch {
	case x > radius:
		return 0
	case x <= 1e-3:
		return 1
	}
	return float32(radius * math.Sin(math.Pi*x) * math.Sin(math.Pi*x/radius) / (math.Pi * math.Pi * x * x))
}

// resizeRow enlarges row i of l.n[0] elements to l.n[1], of l.n[2] channels, with l.n[3] taps of weights l.z.
func resizeRow(l *loop, i int) {
	n, m, c, t := l.n[0], l.n[1], l.n[2], l.n[3]
	from, to := l.x[i*n*c:][:n*c], l.y[i*m*c:][:m*c]
	for k := range m {
		mix(to[k*c:][:c], from, firstTap(k, n, m, t), l.z[k*t:][:t])
	}
}

// resizeColumn makes output row i, of images of l.n[0] rows that become l.n[1] of l.n[2] elements each.
func resizeColumn(l *loop, i int) {
	n, m, row, t := l.n[0], l.n[1], l.n[2], l.n[3]
	image, k := l.x[i/m*n*row:][:n*row], i%m
	mix(l.y[i*row:][:row], image, firstTap(k, n, m, t), l.z[k*t:][:t])
}

// mix sets y to the weighted sum of the pieces of x, as long as y, from the first on.
func mix(y, x []float32, first int, weights []float32) {
	clear(y)
	for t, w := range weights {
		if at := (first + t) * len(y); at >= 0 && at < len(x) {
			vec.Axpy(y, w, x[at:][:len(y)])
		}
	}
}

// spread adds x, weighted, to the pieces of y, as long as x, from the first on: the transpose of mix.
func spread(y, x []float32, first int, weights []float32) {
	for t, w := range weights {
		if at := (first + t) * len(x); at >= 0 && at < len(y) {
			vec.Axpy(y[at:][:len(x)], w, x)
		}
	}
}
