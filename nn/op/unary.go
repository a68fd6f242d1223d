package op

import (
	"fmt"
	"math"
	"sync"

	"kerasgo/internal/par"
	"kerasgo/nn/graph"
)

var inf = float32(math.Inf(1))

// Unary applies a function to each element. Fn is the name of a function of functions.go or mathematics.go.
type Unary struct {
	Fn string
	// Args are the function's numbers: the slope of leaky_relu, the bounds of clip.
	Args [3]float32
}

// Infer implements graph.Op.
func (o Unary) Infer(in []Spec) ([]Spec, error) {
	if in[0].DType == graph.String {
		return nil, fmt.Errorf("%s needs numbers, found strings", o.Fn)
	}
	return in[:1:1], nil
}

// InPlace implements graph.InPlacer.
func (Unary) InPlace() bool { return true }

// FLOPs implements graph.Coster: one an element, whatever the function.
func (Unary) FLOPs(in, _ []Spec) int64 { return int64(in[0].Shape.Size()) }

// Forward implements graph.Op. Integers are computed as floats and cut.
func (o Unary) Forward(r *Run, in, out []*Tensor) {
	switch in[0].DType.Storage() {
	case graph.StoreF32:
		o.apply(r, out[0].F32, in[0].F32)
	case graph.StoreF64:
		mapEach(o, out[0].F64, in[0].F64)
	case graph.StoreI32:
		mapEach(o, out[0].I32, in[0].I32)
		wrap(out[0])
	case graph.StoreI64:
		mapEach(o, out[0].I64, in[0].I64)
	}
}

func mapEach[T number](o Unary, y, x []T) {
	p := function(o.Fn)
	for i, v := range x {
		y[i] = T(p.at(float64(v), o.Args))
	}
}

// wrap brings values back into the range of a small integer type.
func wrap(t *Tensor) {
	if d := t.DType; d != graph.Int32 && d != graph.Bool && d.Storage() == graph.StoreI32 {
		graph.Cast(t, t)
	}
}

// Loops over at least sharedWork elements are cut into pieces for the pool's threads. Elements are independent, so the
// cut changes no result.
const (
	sharedWork = 1 << 16
	piece      = 1 << 14
)

// share says whether a loop over n elements should be cut, and into how many pieces.
func share(p *par.Pool, n int) (pieces int, ok bool) {
	if n < sharedWork || p.Threads() < 2 {
		return 1, false
	}
	return (n + piece - 1) / piece, true
}

// unaryTask is a Unary over a large slice, cut into pieces.
type unaryTask struct {
	p    pointwise
	a    numbers
	y, x []float32
}

var unaryTasks = sync.Pool{New: func() any { return new(unaryTask) }}

// Do implements par.Task.
func (t *unaryTask) Do(_, i int) {
	from, to := i*piece, min((i+1)*piece, len(t.x))
	t.p.apply(t.y[from:to], t.x[from:to], t.a)
}

func (o Unary) apply(r *Run, y, x []float32) {
	if o.Fn == "" || len(x) == 0 {
		return
	}
	p := function(o.Fn)
	pieces, ok := share(r.Pool, len(x))
	if !ok {
		p.apply(y, x, o.Args)
		return
	}
	t := unaryTasks.Get().(*unaryTask)
	*t = unaryTask{p, o.Args, y, x}
	r.Pool.Run(pieces, t)
	*t = unaryTask{}
	unaryTasks.Put(t)
}

func (p *pointwise) apply(y, x []float32, a numbers) {
	switch y = y[:len(x)]; {
	case p.slice != nil:
		p.slice(y, x, a)
	case p.plain != nil:
		for i, v := range x {
			y[i] = float32(p.plain(float64(v)))
		}
	default:
		for i, v := range x {
			y[i] = float32(p.f(float64(v), a))
		}
	}
}

// Sets implements graph.Setter.
func (Unary) Sets() {}

// Backward implements graph.Op, for float32.
func (o Unary) Backward(r *Run, in, out, dout, din []*Tensor) {
	l := newLoop(unaryBack)
	l.unary, l.dx, l.dy, l.x, l.y = o, din[0].F32, dout[0].F32, in[0].F32, out[0].F32
	l.fresh = r.Fresh()
	l.run(r, (len(l.x)+piece-1)/piece, len(l.x))
}

// Activation is the operation of Keras's activation of that name, with Keras's defaults.
func Activation(name string) (graph.Op, error) {
	switch name {
	case "softmax":
		return Softmax{Axis: -1}, nil
	case "log_softmax":
		return LogSoftmax{Axis: -1}, nil
	case "sparsemax":
		return Sparsemax{Axis: -1}, nil
	case "glu":
		return GLU{Axis: -1}, nil
	}
	if activation(name).f == nil {
		return nil, fmt.Errorf("unknown activation %q", name)
	}
	return Unary{Fn: name, Args: activationArgs(name)}, nil
}
