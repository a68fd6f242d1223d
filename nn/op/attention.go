package op

import (
	"fmt"
	"sync"

	"kerasgo/internal/gemm"
	"kerasgo/internal/vec"
	"kerasgo/nn/graph"
)

// HeadScores multiplies queries and keys, head by head: query [B, T, N, H], key [B, S, M, H] to [B, N, T, S], times Scale.
// M divides N; neighbouring heads of the query share one of the key.
//
// Source: keras/src/layers/attention/multi_head_attention.py, grouped_query_attention.py
type HeadScores struct{ Scale float32 }

// Infer implements graph.Op.
func (o HeadScores) Infer(in []Spec) ([]Spec, error) {
	q, k := in[0].Shape, in[1].Shape
	if err := headed(in[0], in[1]); err != nil {
		return nil, err
	}
	if q[3] != k[3] && q[3] != graph.Unknown && k[3] != graph.Unknown {
		return nil, fmt.Errorf("query and key differ in their last dimension: %v and %v", q, k)
	}
	return specs(f32(q[0], q[2], q[1], k[1]))
}

// headed checks [B, T, N, H] against [B, S, M, H'].
func headed(a, b Spec) error {
	p, q := a.Shape, b.Shape
	switch {
	case a.DType != graph.Float32 || b.DType != graph.Float32:
		return fmt.Errorf("needs float32, found %v and %v", a.DType, b.DType)
	case len(p) != 4 || len(q) != 4:
		return fmt.Errorf("needs four dimensions, found shapes %v and %v", p, q)
	case p[0] != q[0] && p[0] != graph.Unknown && q[0] != graph.Unknown:
		return fmt.Errorf("batches of shapes %v and %v differ", p, q)
	case p[2] < 1 || q[2] < 1 || p[2]%q[2] != 0:
		return fmt.Errorf("%d heads can't share %d", p[2], q[2])
	}
	return nil
}

// FLOPs implements graph.Coster.
func (HeadScores) FLOPs(in, out []Spec) int64 {
	return 2 * int64(out[0].Shape.Size()) * int64(in[0].Shape.Last())
}

// headTask is one product for each head of each example.
type headTask struct {
	body       func(t *headTask, r *Run, b, n int)
	r          Run     // the pool of the products: none where heads are shared out
	scale      float32 // of scores
	q, k, p    []float32
	dq, dk, dp []float32
	T, S, N, M int
	H          int
	perHead    bool // perHead: one piece is a key's head, whose queries' heads follow each other
}

var headTasks = sync.Pool{New: func() any { return new(headTask) }}

// query and key are where a head's rows begin; pitches are N·H and M·H.
func (t *headTask) query(b, n int) int  { return (b*t.T*t.N + n) * t.H }
func (t *headTask) key(b, n int) int    { return (b*t.S*t.M + n*t.M/t.N) * t.H }
func (t *headTask) scores(b, n int) int { return (b*t.N + n) * t.T * t.S }

// Do implements par.Task.
func (t *headTask) Do(_, i int) {
	if !t.perHead {
		t.body(t, &t.r, i/t.N, i%t.N)
		return
	}
	group := t.N / t.M
	for g := range group {
		t.body(t, &t.r, i/t.M, i%t.M*group+g)
	}
}

// run makes every product of B examples, on the run's threads: heads side by side where there are enough of them.
func (t *headTask) run(r *Run, B int) {
	n := B * t.N
	if t.perHead {
		n = B * t.M
	}
	switch work := B * t.N * t.T * t.S * t.H; {
	case work < serialHeads || n < 2*r.Pool.Threads():
		t.r.Pool = r.Pool
		for i := range n {
			t.Do(0, i)
		}
	default:
		r.Pool.Run(n, t)
	}
	*t = headTask{}
	headTasks.Put(t)
}

// serialHeads is the number of multiply-adds below which heads aren't worth sharing out.
const serialHeads = 1 << 18

// span is n rows of width, a pitch apart, from at on.
func span(x []float32, at, n, pitch, width int) []float32 {
	if n == 0 {
		return nil
	}
	return x[at:][:(n-1)*pitch+width]
}

func newHeads(q, k Shape) *headTask {
	t := headTasks.Get().(*headTask)
	t.T, t.S, t.N, t.M, t.H = q[1], k[1], q[2], k[2], q[3]
	return t
}

// Forward implements graph.Op.
func (o HeadScores) Forward(r *Run, in, out []*Tensor) {
	if out[0].Len() == 0 {
		return
	}
	if in[0].Shape[3] == 0 {
		clear(out[0].F32)
		return
	}
	t := newHeads(in[0].Shape, in[1].Shape)
	t.q, t.k, t.p, t.scale, t.body = in[0].F32, in[1].F32, out[0].F32, o.Scale, headScores
	t.run(r, in[0].Shape[0])
}

func headScores(t *headTask, r *Run, b, n int) {
	T, S, H, lq, lk := t.T, t.S, t.H, t.N*t.H, t.M*t.H
	p := t.p[t.scores(b, n):][:T*S]
	gemm.NT(r.Pool, T, S, H, span(t.q, t.query(b, n), T, lq, H), lq, span(t.k, t.key(b, n), S, lk, H), lk, p, S, gemm.Epilogue{})
	vec.Scale(p, p, t.scale)
}

// Backward implements graph.Op.
func (o HeadScores) Backward(r *Run, in, _, dout, din []*Tensor) {
	if dout[0].Len() == 0 || in[0].Shape[3] == 0 {
		return
	}
	t := newHeads(in[0].Shape, in[1].Shape)
	t.q, t.k, t.scale, t.body, t.perHead = in[0].F32, in[1].F32, o.Scale, headScoresBack, true
	t.p = r.Dirty(dout[0].Len())
	vec.Scale(t.p, dout[0].F32, o.Scale)
	t.dq, t.dk = grad(din[0]), grad(din[1])
	t.run(r, in[0].Shape[0])
}

// grad is a gradient's data; nil: not wanted.
func grad(t *Tensor) []float32 {
	if t == nil {
		return nil
	}
	return t.F32
}

func headScoresBack(t *headTask, r *Run, b, n int) {
	T, S, H, lq, lk := t.T, t.S, t.H, t.N*t.H, t.M*t.H
	p, more := t.p[t.scores(b, n):][:T*S], gemm.Epilogue{Accumulate: true}
	q, k := t.query(b, n), t.key(b, n)
	if t.dq != nil {
		gemm.NN(r.Pool, T, H, S, p, S, span(t.k, k, S, lk, H), lk, span(t.dq, q, T, lq, H), lq, more)
	}
	if t.dk != nil {
		gemm.TN(r.Pool, S, H, T, p, S, span(t.q, q, T, lq, H), lq, span(t.dk, k, S, lk, H), lk, more)
	}
}

// HeadContext sums values by their weights, head by head: weights [B, N, T, S], value [B, S, M, H] to [B, T, N, H].
type HeadContext struct{}

// Infer implements graph.Op.
func (HeadContext) Infer(in []Spec) ([]Spec, error) {
	p, v := in[0].Shape, in[1].Shape
	if len(p) != 4 {
		return nil, fmt.Errorf("needs weights of four dimensions, found shape %v", p)
	}
	if err := headed(Spec{Shape: Shape{p[0], p[2], p[1], p[3]}, DType: in[0].DType}, in[1]); err != nil {
		return nil, err
	}
	if p[3] != v[1] && p[3] != graph.Unknown && v[1] != graph.Unknown {
		return nil, fmt.Errorf("there are weights for %d steps, and values of %d", p[3], v[1])
	}
	return specs(f32(p[0], p[2], p[1], v[3]))
}

// FLOPs implements graph.Coster.
func (HeadContext) FLOPs(in, out []Spec) int64 {
	return 2 * int64(out[0].Shape.Size()) * int64(in[0].Shape.Last())
}

// Forward implements graph.Op.
func (HeadContext) Forward(r *Run, in, out []*Tensor) {
	if out[0].Len() == 0 {
		return
	}
	if in[0].Shape[3] == 0 {
		clear(out[0].F32)
		return
	}
	t := newHeads(out[0].Shape, in[1].Shape)
	t.p, t.k, t.q, t.body = in[0].F32, in[1].F32, out[0].F32, headContext
	t.run(r, in[0].Shape[0])
}

func headContext(t *headTask, r *Run, b, n int) {
	T, S, H, ly, lv := t.T, t.S, t.H, t.N*t.H, t.M*t.H
	gemm.NN(r.Pool, T, H, S, t.p[t.scores(b, n):][:T*S], S, span(t.k, t.key(b, n), S, lv, H), lv,
		span(t.q, t.query(b, n), T, ly, H), ly, gemm.Epilogue{})
}

// Backward implements graph.Op.
func (HeadContext) Backward(r *Run, in, out, dout, din []*Tensor) {
	if out[0].Len() == 0 || in[0].Len() == 0 {
		return
	}
	t := newHeads(out[0].Shape, in[1].Shape)
	t.p, t.k, t.q, t.body, t.perHead = in[0].F32, in[1].F32, dout[0].F32, headContextBack, true
	t.dp, t.dk = grad(din[0]), grad(din[1])
	t.run(r, in[0].Shape[0])
}

func headContextBack(t *headTask, r *Run, b, n int) {
	T, S, H, ly, lv := t.T, t.S, t.H, t.N*t.H, t.M*t.H
	more := gemm.Epilogue{Accumulate: true}
	dy := span(t.q, t.query(b, n), T, ly, H)
	if t.dp != nil {
		gemm.NT(r.Pool, T, S, H, dy, ly, span(t.k, t.key(b, n), S, lv, H), lv, t.dp[t.scores(b, n):][:T*S], S, more)
	}
	if t.dk != nil {
		gemm.TN(r.Pool, S, H, T, t.p[t.scores(b, n):][:T*S], S, dy, ly, span(t.dk, t.key(b, n), S, lv, H), lv, more)
	}
}
