package op

import (
	"sync"

	"kerasgo/internal/vec"
)

// normalizeRows is how many rows one task of a normalization's gradient takes. It is fixed, so that threads change no bits.
const normalizeRows = 64

// normalizeBack finds the gradient of rows of n elements; room has 4n numbers for each block of rows: what it adds to the
// gradients of gamma and of beta, the normalised row, and what reaches it.
type normalizeBack struct {
	o                                   Normalize
	x, dy, dx, gamma, means, invs, room []float32
	n                                   int
}

var normalizeBacks = sync.Pool{New: func() any { return new(normalizeBack) }}

// rowsBack is Backward for rows of neighbours.
func (o Normalize) rowsBack(r *Run, in, out, dout, din []*Tensor) {
	n := o.count(in[0].Shape)
	blocks := (in[0].Len()/n + normalizeRows - 1) / normalizeRows
	t := normalizeBacks.Get().(*normalizeBack)
	*t = normalizeBack{o: o, x: in[0].F32, dy: dout[0].F32, dx: data(din[0]), gamma: data(in[1]), means: data(out[1]),
		invs: data(out[2]), room: r.Dirty(4 * n * blocks), n: n}
	if len(t.x) < sharedWork {
		for i := range blocks {
			t.Do(0, i)
		}
	} else {
		r.Pool.Run(blocks, t)
	}
	for i := range blocks {
		part := t.room[4*n*i:]
		if in[1] != nil && din[1] != nil {
			add(din[1].F32, part[:n])
		}
		if in[2] != nil && din[2] != nil {
			add(din[2].F32, part[n:][:n])
		}
	}
	*t = normalizeBack{}
	normalizeBacks.Put(t)
}

// Do implements par.Task.
func (t *normalizeBack) Do(_, i int) {
	n := t.n
	room := t.room[4*n*i:][:4*n]
	dgamma, dbeta, xn, own := room[:n], room[n:][:n], room[2*n:][:n], room[3*n:]
	clear(room[:2*n])
	for g := i * normalizeRows; g < min((i+1)*normalizeRows, len(t.x)/n); g++ {
		x, d := t.x[g*n:][:n], t.dy[g*n:][:n]
		mean, inv := t.means[g], t.invs[g]
		shift := t.o.shift(mean)
		for k, v := range x {
			xn[k] = (v - shift) * inv
		}
		vec.MulAdd(dgamma, d, xn)
		add(dbeta, d)
		if t.dx == nil {
			continue
		}
		if t.gamma != nil {
			vec.Mul(own, d, t.gamma)
			d = own
		}
		scale := 1 / float32(n)
		switch {
		case t.o.Kind == UnitNorm && inv >= 1/t.o.Eps:
			scale = 0 // the bound holds, whatever x is
		case t.o.Kind == UnitNorm:
			scale = 1
		}
		sum, dot := float32(0), vec.Dot(d, xn)
		if t.o.Kind == CenterNorm {
			sum = vec.Sum(d) / float32(n)
		}
		c := inv * inv * scale * dot
		dx := t.dx[g*n:][:n]
		for k, v := range x {
			dx[k] += inv*(d[k]-sum) - (v-mean)*c
		}
	}
}
