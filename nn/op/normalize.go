package op

import (
	"fmt"
	"math"
	"slices"
	"sync"

	"kerasgo/internal/vec"
)

// NormKind is how Normalize measures.
type NormKind int

// The kinds, with the factor inv that x is scaled by.
const (
	// CenterNorm: (x - mean) · rsqrt(variance + Eps): layer and group normalization.
	CenterNorm NormKind = iota
	// RMSNorm: x · rsqrt(mean(x²) + Eps).
	RMSNorm
	// ScaleNorm: x · rsqrt(variance + Eps): LayerNormalization's rms_scaling.
	ScaleNorm
	// UnitNorm: x · min(rsqrt(sum(x²)), 1/Eps): Euclidean length one.
	UnitNorm
)

// Normalize makes x·gamma + beta of x normalised over Axes (sorted, not negative). Inputs: x, gamma?, beta?, of x's rank
// or trailing, broadcast. The further outputs are the means and factors, for Backward: x's shape with Axes of size 1.
type Normalize struct {
	Kind NormKind
	Axes []int
	Eps  float32
}

// Infer implements graph.Op.
func (o Normalize) Infer(in []Spec) ([]Spec, error) {
	x := in[0].Shape
	if in[0].DType.Storage() != f32().DType.Storage() {
		return nil, fmt.Errorf("needs float32, found %v", in[0].DType)
	}
	stat := slices.Clone(x)
	for _, a := range o.Axes {
		if a < 0 || a >= len(x) {
			return nil, fmt.Errorf("axis %d is outside shape %v", a, x)
		}
		stat[a] = 1
	}
	for _, p := range in[1:] {
		if s, err := Broadcast(x, p.Shape); err != nil || len(s) != len(x) {
			return nil, fmt.Errorf("shape %v doesn't fit the input's %v", p.Shape, x)
		}
	}
	return []Spec{{Shape: x, DType: in[0].DType}, f32(stat...), f32(stat...)}, checkRank(x)
}

// FLOPs implements graph.Coster.
func (Normalize) FLOPs(in, _ []Spec) int64 { return 7 * int64(in[0].Shape.Size()) }

// rows says that x is normalised row by row, and that gamma and beta, if there are any, are such rows.
func (o Normalize) rows(in []*Tensor) bool {
	rank, n := len(in[0].Shape), 1
	for i, a := range o.Axes {
		if a != rank-len(o.Axes)+i {
			return false
		}
		n *= in[0].Shape[a]
	}
	for _, p := range in[1:] {
		if p != nil && len(p.F32) != n {
			return false
		}
	}
	return len(o.Axes) > 0
}

// normalizeTask normalises rows of n elements.
type normalizeTask struct {
	o                             Normalize
	x, y, gamma, beta, means, inv []float32
	n, per                        int // elements of a row, rows of a piece
}

var normalizeTasks = sync.Pool{New: func() any { return new(normalizeTask) }}

// Do implements par.Task.
func (t *normalizeTask) Do(_, i int) {
	for g := i * t.per; g < min((i+1)*t.per, len(t.x)/t.n); g++ {
		x, y := t.x[g*t.n:][:t.n], t.y[g*t.n:][:t.n]
		mean, inv := t.o.row(x)
		if t.means != nil {
			t.means[g] = mean
		}
		if t.inv != nil {
			t.inv[g] = inv
		}
		if t.o.Kind != CenterNorm {
			mean = 0
		}
		for k, v := range x {
			y[k] = float32((v - mean) * inv)
		}
		if t.gamma != nil {
			vec.Mul(y, y, t.gamma)
		}
		if t.beta != nil {
			vec.Add(y, y, t.beta)
		}
	}
}

// row measures a row.
func (o Normalize) row(x []float32) (mean, inv float32) {
	n := float64(len(x))
	switch o.Kind {
	case CenterNorm, ScaleNorm:
		mean, variance := vec.Moments(x)
		return mean, rsqrt(variance + o.Eps)
	}
	return 0, o.factor(float64(vec.Dot(x, x)), n)
}

// factor is inv, from the sum of squares: of x, or of its deviations from the mean.
func (o Normalize) factor(sum, n float64) float32 {
	if o.Kind == UnitNorm {
		return float32(min(1/math.Sqrt(sum), 1/float64(o.Eps)))
	}
	return float32(1 / math.Sqrt(sum/n+float64(o.Eps)))
}

func (o Normalize) centers() bool { return o.Kind == CenterNorm || o.Kind == ScaleNorm }

// Forward implements graph.Op.
func (o Normalize) Forward(r *Run, in, out []*Tensor) {
	x, y := in[0].F32, out[0].F32
	if len(x) == 0 {
		return
	}
	means, invs := data(out[1]), data(out[2])
	if o.rows(in) {
		t := normalizeTasks.Get().(*normalizeTask)
		*t = normalizeTask{o: o, x: x, y: y, gamma: data(in[1]), beta: data(in[2]), means: means, inv: invs, n: o.count(in[0].Shape)}
		rows := len(x) / t.n
		if t.per = rows; len(x) >= sharedWork {
			t.per = max(1, piece/t.n)
		}
		r.Pool.Run((rows+t.per-1)/t.per, t)
		*t = normalizeTask{}
		normalizeTasks.Put(t)
		return
	}
	keep, reduced := reduction(in[0].Shape, o.Axes)
	n, g := float64(o.count(in[0].Shape)), 0
	keep.each(func(at, _, _ int) {
		var mean, sum float64
		if o.centers() {
			reduced.each(func(i, _, _ int) { mean += float64(x[at+i]) })
			mean /= n
		}
		reduced.each(func(i, _, _ int) {
			d := float64(x[at+i]) - mean
			sum += d * d
		})
		inv := o.factor(sum, n)
		if means != nil {
			means[g] = float32(mean)
		}
		if invs != nil {
			invs[g] = inv
		}
		g++
		if o.Kind != CenterNorm {
			mean = 0
		}
		reduced.each(func(i, _, _ int) { y[at+i] = float32((float64(x[at+i]) - mean) * float64(inv)) })
	})
	if in[1] != nil {
		l, gamma := newNest(in[0].Shape, in[0].Shape, in[1].Shape), in[1].F32
		l.each(func(i, k, _ int) { y[i] *= gamma[k] })
	}
	if in[2] != nil {
		l, beta := newNest(in[0].Shape, in[0].Shape, in[2].Shape), in[2].F32
		l.each(func(i, k, _ int) { y[i] += beta[k] })
	}
}

// count is how many elements are measured together.
func (o Normalize) count(x Shape) int {
	n := 1
	for _, a := range o.Axes {
		n *= x[a]
	}
	return n
}

func data(t *Tensor) []float32 {
	if t == nil {
		return nil
	}
	return t.F32
}

// Backward implements graph.Op.
func (o Normalize) Backward(r *Run, in, out, dout, din []*Tensor) {
	if in[0].Len() == 0 {
		return
	}
	if o.rows(in) {
		o.rowsBack(r, in, out, dout, din)
		return
	}
	s, x, dy := in[0].Shape, in[0].F32, dout[0].F32
	keep, reduced := reduction(s, o.Axes)
	n := float64(o.count(s))
	d := r.Dirty(len(x)) // what reaches the normalised x, and before that the normalised x itself
	if in[1] != nil && din[1] != nil {
		g := 0
		keep.each(func(at, _, _ int) {
			mean, inv := o.shift(out[1].F32[g]), out[2].F32[g]
			reduced.each(func(i, _, _ int) { d[at+i] = (x[at+i] - mean) * inv })
			g++
		})
		l, dgamma := newNest(s, s, in[1].Shape), din[1].F32
		l.each(func(i, k, _ int) { dgamma[k] += dy[i] * d[i] })
	}
	if in[2] != nil && din[2] != nil {
		l, dbeta := newNest(s, s, in[2].Shape), din[2].F32
		l.each(func(i, k, _ int) { dbeta[k] += dy[i] })
	}
	if din[0] == nil {
		return
	}
	copy(d, dy)
	if in[1] != nil {
		l, gamma := newNest(s, s, in[1].Shape), in[1].F32
		l.each(func(i, k, _ int) { d[i] = dy[i] * gamma[k] })
	}
	dx, g := din[0].F32, 0
	keep.each(func(at, _, _ int) {
		mean, inv := float64(out[1].F32[g]), float64(out[2].F32[g])
		shift, scale := float64(o.shift(out[1].F32[g])), 1/n
		g++
		switch {
		case o.Kind == UnitNorm && inv >= 1/float64(o.Eps):
			scale = 0 // the bound holds, whatever x is
		case o.Kind == UnitNorm:
			scale = 1
		}
		var sum, dot float64
		reduced.each(func(i, _, _ int) {
			sum += float64(d[at+i])
			dot += float64(d[at+i]) * (float64(x[at+i]) - shift)
		})
		if o.Kind != CenterNorm {
			sum = 0
		}
		reduced.each(func(i, _, _ int) {
			dx[at+i] += float32(inv * (float64(d[at+i]) - sum/n - (float64(x[at+i])-mean)*inv*inv*scale*dot))
		})
	})
}

// shift is what was taken from x.
func (o Normalize) shift(mean float32) float32 {
	if o.Kind == CenterNorm {
		return mean
	}
	return 0
}
