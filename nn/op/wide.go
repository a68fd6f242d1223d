package op

import (
	"math"

	"kerasgo/nn/graph"
)

// wide says that an operation that is written for float32 has a plain loop for float64.
func wide(o graph.Op) bool {
	switch o := o.(type) {
	case Dense, Project, MatMul, HeadScores, HeadContext, Conv, ConvTranspose, Pool, GlobalPool, AdaptivePool, Normalize, Softmax,
		LogSoftmax, MaskedSoftmax, GLU:
		return true
	case BatchNorm:
		return !o.Train
	}
	return false
}

// forwardWide runs an operation on float64, or a maximum under windows on integers.
func forwardWide(o graph.Op, r *Run, in, out []*Tensor) {
	x, y := in[0], out[0]
	switch o := o.(type) {
	case Dense:
		wideProduct(y.F64, x.F64, in[1].F64, x.Shape.Last(), wideBias(in))
	case Project:
		k, _ := o.sides(in[1].Shape)
		wideProduct(y.F64, x.F64, in[1].F64, k, wideBias(in))
	case MatMul:
		o.forwardWide(in, y)
	case HeadScores:
		o.forwardWide(in, y)
	case HeadContext:
		o.forwardWide(in, y)
	case Conv:
		o.forwardWide(in, y)
	case ConvTranspose:
		o.forwardWide(in, y)
	case Pool:
		switch x.DType.Storage() {
		case graph.StoreF64:
			pool(o, x.Shape, y.F64, x.F64, -math.MaxFloat64)
		case graph.StoreI32:
			pool(o, x.Shape, y.I32, x.I32, math.MinInt32)
		case graph.StoreI64:
			pool(o, x.Shape, y.I64, x.I64, math.MinInt64)
		}
	case GlobalPool:
		o.forwardWide(in, y)
	case AdaptivePool:
		o.forwardWide(x, y)
	case BatchNorm:
		o.forwardWide(in, y)
	case Normalize:
		o.forwardWide(in, out)
	case Softmax:
		wideSoftmax(x, y, o.Axis, false)
	case LogSoftmax:
		wideSoftmax(x, y, o.Axis, true)
	case MaskedSoftmax:
		o.forwardWide(r, in, out)
	case GLU:
		outer, n, step := lines(y.Shape, o.Axis)
		for b, half := 0, n*step; b < outer; b++ {
			from, to := x.F64[2*b*half:], y.F64[b*half:]
			for i := range half {
				to[i] = from[i] * sigmoid(from[half+i])
			}
		}
	}
}

// wideBias is input 2, or nil.
func wideBias(in []*Tensor) []float64 {
	if in[2] == nil {
		return nil
	}
	return in[2].F64
}

// wideProduct sets y to the product of x, rows of k, and kernel [k, n], plus a bias of n or nil.
func wideProduct(y, x, kernel []float64, k int, bias []float64) {
	if len(y) == 0 {
		return
	}
	rows := 1
	if k > 0 {
		rows = len(x) / k
	}
	n := len(y) / rows
	for i := range rows {
		to := y[i*n:][:n]
		clear(to)
		multiplyRow(to, x[i*k:][:k], kernel)
		for j, b := range bias {
			to[j] += b
		}
	}
}

// multiplyRow adds to y the product of a row x and a matrix [len(x), len(y)].
func multiplyRow(y, x, kernel []float64) {
	n := len(y)
	for c, v := range x {
		if v == 0 && !hasOdd(kernel[c*n:][:n]) {
			continue
		}
		for j, w := range kernel[c*n:][:n] {
			y[j] += v * w
		}
	}
}

// hasOdd says that zero times one of the numbers isn't zero.
func hasOdd(x []float64) bool {
	for _, v := range x {
		if v-v != 0 {
			return true
		}
	}
	return false
}

// matrix is one in a slice: element (i, j) is at i·rows + j·columns.
type matrix struct {
	x             []float64
	rows, columns int
}

// product sets c [m, n] to scale times the product of a [m, k] and b [k, n].
func (c matrix) product(m, n, k int, a, b matrix, scale float64) {
	for i := range m {
		for j := range n {
			var sum float64
			for p := range k {
				sum += a.x[i*a.rows+p*a.columns] * b.x[p*b.rows+j*b.columns]
			}
			c.x[i*c.rows+j*c.columns] = sum * scale
		}
	}
}

func (o MatMul) forwardWide(in []*Tensor, y *Tensor) {
	a, b := in[0], in[1]
	m, k := o.sides(a.Shape, o.TransA)
	_, n := o.sides(b.Shape, o.TransB)
	l := batches(a.Shape, b.Shape, y.Shape)
	l.each(func(i, j, at int) {
		left, right := matrix{a.F64[i*m*k:], k, 1}, matrix{b.F64[j*k*n:], n, 1}
		if o.TransA {
			left.rows, left.columns = 1, m
		}
		if o.TransB {
			right.rows, right.columns = 1, k
		}
		matrix{y.F64[at*m*n:], n, 1}.product(m, n, k, left, right, 1)
	})
}

func (o HeadScores) forwardWide(in []*Tensor, y *Tensor) {
	t := heads(in[0].Shape, in[1].Shape)
	for b := range in[0].Shape[0] {
		for n := range t.N {
			matrix{y.F64[t.scores(b, n):], t.S, 1}.product(t.T, t.S, t.H, matrix{in[0].F64[t.query(b, n):], t.N * t.H, 1},
				matrix{in[1].F64[t.key(b, n):], 1, t.M * t.H}, float64(o.Scale))
		}
	}
}

func (HeadContext) forwardWide(in []*Tensor, y *Tensor) {
	t := heads(y.Shape, in[1].Shape)
	for b := range y.Shape[0] {
		for n := range t.N {
			matrix{y.F64[t.query(b, n):], t.N * t.H, 1}.product(t.T, t.H, t.S, matrix{in[0].F64[t.scores(b, n):], t.S, 1},
				matrix{in[1].F64[t.key(b, n):], t.M * t.H, 1}, 1)
		}
	}
}

// heads are the sizes of queries [B, T, N, H] and keys [B, S, M, H].
func heads(q, k Shape) headTask { return headTask{T: q[1], N: q[2], H: q[3], S: k[1], M: k[2]} }

func wideSoftmax(x, y *Tensor, axis int, log bool) {
	outer, n, step := lines(x.Shape, axis)
	for b := range outer {
		for s := range step {
			softLine(y.F64[b*n*step+s:], x.F64[b*n*step+s:], n*step, step, log)
		}
	}
}

// softLine makes every step-th element of y below end a softmax, or its logarithm, of those of x.
func softLine(y, x []float64, end, step int, log bool) {
	top, sum := math.Inf(-1), 0.0
	for i := 0; i < end; i += step {
		top = max(top, x[i])
	}
	for i := 0; i < end; i += step {
		sum += math.Exp(x[i] - top)
	}
	for i := 0; i < end; i += step {
		if log {
			y[i] = x[i] - top - math.Log(sum)
		} else {
			y[i] = math.Exp(x[i]-top) / sum
		}
	}
}

func (o MaskedSoftmax) forwardWide(r *Run, in, out []*Tensor) {
	if len(out) > 1 && out[1] != nil {
		o.tell(r, in, out[1])
	}
	x, y := in[0].F64, out[0].F64
	heads, T, S := in[0].Shape[1], in[0].Shape[2], in[0].Shape[3]
	see := r.Dirty(S)
	for row := range len(x) / max(S, 1) {
		from, to := x[row*S:][:S], y[row*S:][:S]
		for s := range see {
			see[s] = 1
		}
		if o.masks(in) {
			o.visible(see, in, row/(heads*T), row/T%heads, row%T)
		}
		for s, v := range see {
			switch {
			case v != 0:
				to[s] = from[s]
			case o.Rule == MaskSubtract:
				to[s] = from[s] - 1e9
			case o.Rule == MaskZero:
				to[s] = -1e9
			default:
				to[s] = -math.MaxFloat64
			}
		}
		softLine(to, to, S, 1, false)
		for s, v := range see {
			if v == 0 && o.Rule == MaskZero {
				to[s] = 0
			}
		}
	}
}
