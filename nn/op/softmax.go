package op

import (
	"math"
	"sync"

	"kerasgo/internal/vec"
)

// Softmax normalises along an axis: exp(x - max) / sum. A row of all -inf gives NaN, as in TensorFlow.
type Softmax struct{ Axis int }

// Infer implements graph.Op.
func (o Softmax) Infer(in []Spec) ([]Spec, error) {
	_, err := Axis(o.Axis, len(in[0].Shape))
	return in[:1:1], err
}

// InPlace implements graph.InPlacer.
func (Softmax) InPlace() bool { return true }

// FLOPs implements graph.Coster.
func (Softmax) FLOPs(in, _ []Spec) int64 { return 5 * int64(in[0].Shape.Size()) }

// lines cuts a shape at an axis: outer blocks of n elements, a step apart.
func lines(s Shape, axis int) (outer, n, step int) {
	a, _ := Axis(axis, len(s)) // Infer has checked it
	outer, step = 1, 1
	for _, d := range s[:a] {
		outer *= d
	}
	for _, d := range s[a+1:] {
		step *= d
	}
	return outer, s[a], step
}

// softmaxTask is a Softmax along the last axis of many rows.
type softmaxTask struct {
	y, x []float32
	n    int
	rows int // of a piece
}

var softmaxTasks = sync.Pool{New: func() any { return new(softmaxTask) }}

// Do implements par.Task.
func (t *softmaxTask) Do(_, i int) {
	from, to := i*t.rows, min((i+1)*t.rows, len(t.x)/t.n)
	vec.Softmax(t.y[from*t.n:], t.x[from*t.n:], to-from, t.n)
}

// Forward implements graph.Op.
func (o Softmax) Forward(r *Run, in, out []*Tensor) {
	outer, n, step := lines(in[0].Shape, o.Axis)
	x, y := in[0].F32, out[0].F32
	if step > 1 {
		for b := range outer {
			for s := range step {
				at := b*n*step + s
				softmaxLine(y[at:], x[at:], n, step)
			}
		}
		return
	}
	if _, ok := share(r.Pool, len(x)); !ok {
		vec.Softmax(y, x, outer, n)
		return
	}
	t := softmaxTasks.Get().(*softmaxTask)
	*t = softmaxTask{y, x, n, max(1, piece/n)}
	r.Pool.Run((outer+t.rows-1)/t.rows, t)
	*t = softmaxTask{}
	softmaxTasks.Put(t)
}

// logSum is log of the sum of exp over n elements, a step apart.
func logSum(x []float32, n, step int) (top, sum float64) {
	t := float32(math.Inf(-1))
	for i := 0; i < n*step; i += step {
		t = max(t, x[i])
	}
	for i := 0; i < n*step; i += step {
		sum += math.Exp(float64(x[i] - t))
	}
	return float64(t), sum
}

func softmaxLine(y, x []float32, n, step int) {
	top, sum := logSum(x, n, step)
	for i := 0; i < n*step; i += step {
		y[i] = float32(math.Exp(float64(x[i])-top) / sum)
	}
}

// Backward implements graph.Op.
func (o Softmax) Backward(r *Run, in, out, dout, din []*Tensor) {
	outer, n, step := lines(in[0].Shape, o.Axis)
	if step == 1 {
		softmaxBack(r, out[0].F32, dout[0].F32, din[0].F32, n)
		return
	}
	for b := range outer {
		for s := range step {
			at := b*n*step + s
			y, dy, dx := out[0].F32[at:], dout[0].F32[at:], din[0].F32[at:]
			var dot float64
			for i := 0; i < n*step; i += step {
				dot += float64(y[i]) * float64(dy[i])
			}
			for i := 0; i < n*step; i += step {
				dx[i] += y[i] * (dy[i] - float32(dot))
			}
		}
	}
}

// softmaxRows is how many rows one task of softmaxBack takes.
const softmaxRows = 64

// softmaxBack adds to dx the gradient of the softmax y of rows of n.
func softmaxBack(r *Run, y, dy, dx []float32, n int) {
	if len(y) == 0 {
		return
	}
	l := newLoop(softmaxRowsBack)
	l.y, l.dy, l.dx, l.n = y, dy, dx, [4]int{n}
	l.run(r, (len(y)/n+softmaxRows-1)/softmaxRows, len(y))
}

func softmaxRowsBack(l *loop, i int) {
	n := l.n[0]
	for at := i * softmaxRows * n; at < min((i+1)*softmaxRows*n, len(l.y)); at += n {
		y, dy, dx := l.y[at:][:n], l.dy[at:][:n], l.dx[at:][:n]
		dot := vec.Dot(y, dy)
		for k, v := range y {
			dx[k] += v * (dy[k] - dot)
		}
	}
}

// LogSoftmax is log(softmax(x)) along an axis.
type LogSoftmax struct{ Axis int }

// Infer implements graph.Op.
func (o LogSoftmax) Infer(in []Spec) ([]Spec, error) {
	_, err := Axis(o.Axis, len(in[0].Shape))
	return in[:1:1], err
}

// InPlace implements graph.InPlacer.
func (LogSoftmax) InPlace() bool { return true }

// FLOPs implements graph.Coster.
func (LogSoftmax) FLOPs(in, _ []Spec) int64 { return 4 * int64(in[0].Shape.Size()) }

// Forward implements graph.Op.
func (o LogSoftmax) Forward(_ *Run, in, out []*Tensor) {
	outer, n, step := lines(in[0].Shape, o.Axis)
	for b := range outer {
		for s := range step {
			at := b*n*step + s
			x, y := in[0].F32[at:], out[0].F32[at:]
			top, sum := logSum(x, n, step)
			log := math.Log(sum)
			for i := 0; i < n*step; i += step {
				y[i] = float32(float64(x[i]) - top - log)
			}
		}
	}
}

// Backward implements graph.Op.
func (o LogSoftmax) Backward(_ *Run, _, out, dout, din []*Tensor) {
	outer, n, step := lines(out[0].Shape, o.Axis)
	for b := range outer {
		for s := range step {
			at := b*n*step + s
			y, dy, dx := out[0].F32[at:], dout[0].F32[at:], din[0].F32[at:]
			var sum float64
			for i := 0; i < n*step; i += step {
				sum += float64(dy[i])
			}
			for i := 0; i < n*step; i += step {
				dx[i] += dy[i] - float32(math.Exp(float64(y[i]))*sum)
			}
		}
	}
}
