package op

import "sync"

// loop is a loop body with its operands, reused so that a run allocates nothing. What the operands mean is up to the body.
type loop struct {
	body    func(l *loop, i int)
	x, y, z []float32
	dx, dy  []float32
	mask    []int32
	box     box
	n       [4]int
	unary   Unary
	key     uint64
	rate    float32
	fresh   bool // dx holds nothing yet
}

var loops = sync.Pool{New: func() any { return new(loop) }}

// serialWork is the work, in elements touched, below which handing out parts costs more than it saves.
const serialWork = 1 << 16

// run calls the body for i in [0, n), on the run's threads if it is worth it; work is the number of elements touched.
// Iterations must be independent, and l isn't used afterwards.
func (l *loop) run(r *Run, n, work int) {
	if work < serialWork {
		for i := range n {
			l.body(l, i)
		}
	} else {
		r.Pool.Run(n, l)
	}
	*l = loop{}
	loops.Put(l)
}

// Do implements par.Task.
func (l *loop) Do(_, i int) { l.body(l, i) }

// newLoop takes a loop for body.
func newLoop(body func(l *loop, i int)) *loop {
	l := loops.Get().(*loop)
	l.body = body
	return l
}
