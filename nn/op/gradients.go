package op

import (
	"math"
	"sync"

	"kerasgo/internal/vec"
)

// gradient is a stretch of an element function's gradient: what is added to dx, by dy, the input x and the output y; s, t
// and u are room for as many elements.
type gradient struct{ dx, dy, x, y, s, t, u []float32 }

// gradStretch is how long a stretch is at most: all of it stays in the first cache.
const gradStretch = 1024

// gradRoom is a stretch with its room, reused so that a run allocates nothing.
type gradRoom struct {
	g    gradient
	room [3 * gradStretch]float32
}

var gradRooms = sync.Pool{New: func() any { return new(gradRoom) }}

// differential is the gradient of an element function, with room to find it in.
type differential struct {
	of   Unary
	p    pointwise
	room *gradRoom
}

func (o Unary) differential(room *gradRoom) differential {
	if o.Fn == "" {
		o.Fn = "linear"
	}
	return differential{o, function(o.Fn), room}
}

// add adds the gradient to dx.
func (d *differential) add(dx, dy, x, y []float32) {
	if d.p.grad != nil {
		d.p.gradients(d.room, dx, dy, x, y, d.of.Args)
		return
	}
	for i, v := range dy {
		dx[i] += float32(float64(v) * d.p.slopeAt(float64(x[i]), float64(y[i]), d.of.Args))
	}
}

// unaryBack adds piece i of the gradient of l.unary.
func unaryBack(l *loop, i int) {
	from, to := i*piece, min((i+1)*piece, len(l.x))
	room := gradRooms.Get().(*gradRoom)
	if l.fresh {
		clear(l.dx[from:to])
	}
	d := l.unary.differential(room)
	d.add(l.dx[from:to], l.dy[from:to], l.x[from:to], l.y[from:to])
	gradRooms.Put(room)
}

// gradients adds the gradient to dx.
func (p *pointwise) gradients(r *gradRoom, dx, dy, x, y []float32, a numbers) {
	for from := 0; from < len(dx); from += gradStretch {
		to := min(from+gradStretch, len(dx))
		n := to - from
		r.g = gradient{dx[from:to], dy[from:to], x[from:to], y[from:to], r.room[:n], r.room[gradStretch:][:n], r.room[2*gradStretch:][:n]}
		p.grad(&r.g, a)
	}
	r.g = gradient{}
}

func reluGrad(g *gradient, _ numbers)    { vec.ReluGrad(g.dx, g.dy, g.y) }
func relu6Grad(g *gradient, _ numbers)   { vec.ClampGrad(g.dx, g.dy, g.y, 0, 6) }
func sigmoidGrad(g *gradient, _ numbers) { vec.SigmoidGrad(g.dx, g.dy, g.y) }
func tanhGrad(g *gradient, _ numbers)    { vec.TanhGrad(g.dx, g.dy, g.y) }

func softplusGrad(g *gradient, _ numbers) {
	vec.Sigmoid(g.s, g.x)
	vec.MulAdd(g.dx, g.dy, g.s)
}

// leakyGrad: where x isn't positive, zero and NaN included, the slope is a's.
func leakyGrad(g *gradient, a numbers) {
	vec.Scale(g.t, g.dy, 1-a[0])
	vec.Axpy(g.dx, a[0], g.dy)
	vec.ReluGrad(g.dx, g.t, g.x)
}

// eluGrad: y + a is a·e^x.
func eluGrad(g *gradient, a numbers) {
	for i, d := range g.dy {
		if !(g.x[i] > 0) {
			d *= g.y[i] + a[0]
		}
		g.dx[i] += d
	}
}

// siluGrad: with s = sigmoid(x), the slope is s + y·(1-s).
func siluGrad(g *gradient, _ numbers) {
	vec.Sigmoid(g.s, g.x)
	vec.Mul(g.t, g.y, g.s)
	vec.Sub(g.t, g.y, g.t)
	vec.Add(g.t, g.t, g.s)
	vec.MulAdd(g.dx, g.dy, g.t)
}

// geluGrad: with the normal distribution's Φ and φ, the slope is Φ(x) + x·φ(x).
func geluGrad(g *gradient, _ numbers) {
	vec.Mul(g.s, g.x, g.x)
	vec.Scale(g.s, g.s, -.5)
	vec.Exp(g.s, g.s)
	vec.Mul(g.s, g.s, g.x)
	vec.Mul(g.s, g.s, g.dy)
	vec.Axpy(g.dx, float32(1/math.Sqrt(2*math.Pi)), g.s)
	vec.Scale(g.t, g.x, math.Sqrt2/2)
	vec.Erf(g.t, g.t)
	vec.Mul(g.t, g.t, g.dy)
	vec.Add(g.t, g.t, g.dy)
	vec.Axpy(g.dx, .5, g.t)
}

// geluTanhGrad: with s = sigmoid(2·inner(x)), the slope is s + y·(1-s)·2·inner'(x).
func geluTanhGrad(g *gradient, _ numbers) {
	const linear = 2 * 0.7978845608028654 // 2·sqrt(2/π)
	for i, x := range g.x {
		xx := float32(x * x)
		g.s[i] = x * (linear + float32(linear*.044715*xx))
		g.u[i] = linear + float32(linear*3*.044715*xx)
	}
	vec.Sigmoid(g.s, g.s)
	vec.Mul(g.t, g.y, g.s)
	vec.Sub(g.t, g.y, g.t)
	vec.Mul(g.t, g.t, g.u)
	vec.Add(g.t, g.t, g.s)
	vec.MulAdd(g.dx, g.dy, g.t)
}
