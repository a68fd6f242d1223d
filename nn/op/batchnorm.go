package op

import (
	"fmt"
	"math"

	"kerasgo/internal/vec"
	"kerasgo/nn/graph"
)

// BatchNorm is (x - mean) / sqrt(variance + Eps) · gamma + beta along Axis. Inputs: x, gamma?, beta?, moving mean, moving
// variance, mask? (bool, the leading axes of x). When Train, it uses the batch's own moments (of the positions that the
// mask keeps), and its further outputs are the new moving mean and variance, and what Backward needs: the batch's mean
// and 1 / sqrt(variance + Eps), [2, channels].
type BatchNorm struct {
	Axis          int
	Eps, Momentum float32
	Train         bool
}

// Infer implements graph.Op.
func (o BatchNorm) Infer(in []Spec) ([]Spec, error) {
	if in[0].DType != graph.Float32 {
		return nil, fmt.Errorf("needs float32, found %v", in[0].DType)
	}
	a, err := Axis(o.Axis, len(in[0].Shape))
	if err != nil {
		return nil, err
	}
	c := in[3].Shape[0]
	if d := in[0].Shape[a]; d != c && d != -1 {
		return nil, fmt.Errorf("axis %d must have %d channels, found shape %v", o.Axis, c, in[0].Shape)
	}
	if !o.Train {
		return specs(in[0])
	}
	return specs(in[0], f32(c), f32(c), f32(2, c))
}

// InPlace implements graph.InPlacer.
func (o BatchNorm) InPlace() bool { return !o.Train }

// FLOPs implements graph.Coster.
func (BatchNorm) FLOPs(in, _ []Spec) int64 { return 2 * int64(in[0].Shape.Size()) }

// gammaBeta returns gamma, beta of channel c.
func gammaBeta(in []*Tensor, c int) (gamma, beta float32) {
	gamma = 1
	if in[1] != nil {
		gamma = in[1].F32[c]
	}
	if in[2] != nil {
		beta = in[2].F32[c]
	}
	return gamma, beta
}

// Forward implements graph.Op.
func (o BatchNorm) Forward(r *Run, in, out []*Tensor) {
	outer, n, step := lines(in[0].Shape, o.Axis)
	st := r.Dirty(2 * n)
	s, t := st[:n], st[n:] // y = x·s + t
	var means, variances []float64
	if o.Train {
		means, variances = o.moments(r, in, outer, n, step)
	}
	for c := range n {
		mean, variance := in[3].F32[c], in[4].F32[c]
		if o.Train {
			mean, variance = float32(means[c]), float32(variances[c])
			out[1].F32[c] = in[3].F32[c]*o.Momentum + mean*(1-o.Momentum)
			out[2].F32[c] = in[4].F32[c]*o.Momentum + variance*(1-o.Momentum)
			out[3].F32[c], out[3].F32[n+c] = mean, rsqrt(variance+o.Eps)
		}
		gamma, beta := gammaBeta(in, c)
		s[c] = gamma * rsqrt(variance+o.Eps)
		t[c] = beta - mean*s[c]
	}
	x, y := in[0].F32, out[0].F32
	if step == 1 && len(x) > 0 {
		l := newLoop(scaleShift)
		l.x, l.y, l.z, l.n = x, y, st, [4]int{n}
		l.run(r, (len(x)+n*scaleShiftRows-1)/(n*scaleShiftRows), len(x))
		return
	}
	for b := range outer {
		for c := range n {
			at := (b*n + c) * step
			for i, v := range x[at:][:step] {
				y[at+i] = v*s[c] + t[c]
			}
		}
	}
}

// scaleShiftRows is how many rows one task of scaleShift takes.
const scaleShiftRows = 64

// scaleShift makes y = x·s + t in rows of l.n[0] channels, l.z being s and t.
func scaleShift(l *loop, i int) {
	n := l.n[0]
	from := i * scaleShiftRows * n
	to := min(from+scaleShiftRows*n, len(l.x))
	for at := from; at < to; at += n {
		vec.Normalize(l.y[at:][:n], l.x[at:][:n], 0, 1, l.z[:n], l.z[n:])
	}
}

// kept says that the mask keeps the position of outer index b and inner index i; the mask covers the leading axes.
func kept(mask *Tensor, b, i, outer, step int) bool {
	if mask == nil {
		return true
	}
	return mask.I32[(b*step+i)*len(mask.I32)/(outer*step)] != 0
}

// positions counts those that the mask keeps; at least one.
func positions(mask *Tensor, outer, step int) float64 {
	if mask == nil {
		return float64(max(outer*step, 1))
	}
	count := 0
	for b := range outer {
		for i := range step {
			if kept(mask, b, i, outer, step) {
				count++
			}
		}
	}
	return float64(max(count, 1))
}

// moments are each channel's mean and variance, found in two passes through memory.
func (o BatchNorm) moments(r *Run, in []*Tensor, outer, n, step int) (mean, variance []float64) {
	mask, x := maskOf(in, 5), in[0].F32
	count := positions(mask, outer, step)
	both := r.Wide(2 * n)
	clear(both)
	mean, variance = both[:n], both[n:]
	if step == 1 && mask == nil {
		columnMoments(r, mean, variance, x, count)
		return mean, variance
	}
	for b := range outer {
		for c := range n {
			for i, v := range x[(b*n+c)*step:][:step] {
				if kept(mask, b, i, outer, step) {
					mean[c] += float64(v)
				}
			}
		}
	}
	for c := range mean {
		mean[c] /= count
	}
	for b := range outer {
		for c, m := range mean {
			for i, v := range x[(b*n+c)*step:][:step] {
				if kept(mask, b, i, outer, step) {
					variance[c] += (float64(v) - m) * (float64(v) - m)
				}
			}
		}
	}
	for c := range variance {
		variance[c] /= count
	}
	return mean, variance
}

// maskOf is optional input i.
func maskOf(in []*Tensor, i int) *Tensor {
	if i < len(in) {
		return in[i]
	}
	return nil
}

// Sets implements graph.Setter.
func (BatchNorm) Sets() {}

// Backward implements graph.Op.
func (o BatchNorm) Backward(r *Run, in, out, dout, din []*Tensor) {
	outer, n, step := lines(in[0].Shape, o.Axis)
	mask := maskOf(in, 5)
	x, dy := in[0].F32, dout[0].F32
	mean, inv := in[3].F32, r.Dirty(n)
	for c := range inv {
		inv[c] = rsqrt(in[4].F32[c] + o.Eps)
	}
	if o.Train {
		mean, inv = out[3].F32[:n], out[3].F32[n:]
	}
	both := r.Wide(2 * n)
	clear(both)
	sum, dot := both[:n], both[n:] // of dy and dy·xn
	columns := step == 1 && mask == nil
	if columns {
		columnTotals(r, columnSum, sum, dy, nil, nil)
		columnTotals(r, columnDots, dot, x, dy, mean)
		for c := range dot {
			dot[c] *= float64(inv[c])
		}
	}
	for b := 0; b < outer && !columns; b++ {
		for c := range n {
			at := (b*n + c) * step
			for i, d := range dy[at:][:step] {
				sum[c] += float64(d)
				dot[c] += float64(d) * float64((x[at+i]-mean[c])*inv[c])
			}
		}
	}
	for c := range n {
		if in[1] != nil && din[1] != nil {
			din[1].F32[c] += float32(dot[c])
		}
		if in[2] != nil && din[2] != nil {
			din[2].F32[c] += float32(sum[c])
		}
	}
	if din[0] == nil {
		return
	}
	dx, count := din[0].F32, positions(mask, outer, step)
	scale, mean1, dot1 := r.Dirty(n), r.Dirty(n), r.Dirty(n)
	for c := range n {
		gamma, _ := gammaBeta(in, c)
		scale[c], mean1[c], dot1[c] = gamma*inv[c], float32(sum[c]/count), float32(dot[c]/count)
	}
	if columns {
		o.columnsBack(r, dx, dy, x, mean, inv, scale, mean1, dot1)
		return
	}
	if r.Fresh() {
		clear(dx)
	}
	for b := range outer {
		for c := range n {
			at := (b*n + c) * step
			for i, d := range dy[at:][:step] {
				if o.Train && kept(mask, b, i, outer, step) {
					d -= mean1[c] + (x[at+i]-mean[c])*inv[c]*dot1[c]
				}
				dx[at+i] += scale[c] * d
			}
		}
	}
}

func rsqrt(v float32) float32 { return float32(1 / math.Sqrt(float64(v))) }
