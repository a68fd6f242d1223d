// Package par spreads loops over a few persistent goroutines.
//
// A Pool is made once and shared by everything that computes. Its workers start
// on the first parallel Run and sleep between runs; the caller of Run always
// works too, so a Pool whose workers are all busy only means less help, never
// waiting. Steady state allocates nothing.
package par

import (
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
)

// A Task is a loop body. Do is called once for each index of a Run, in any
// order and from several goroutines at once; worker identifies the goroutine
// within that Run, 0 <= worker < Threads(), so that it can index scratch space.
//
// To keep Run free of allocations, implement Task on a pointer to a struct that
// is itself reused.
type Task interface {
	Do(worker, i int)
}

// A Pool runs tasks on a fixed number of threads. A nil *Pool is valid and
// serial. All methods are safe for concurrent use.
type Pool struct {
	threads int

	mu      sync.Mutex
	started atomic.Bool
	closed  atomic.Bool
	help    chan *run // offers of work; buffered, never blocks a caller

	runs sync.Pool // of *run
}

// New returns a pool of the given number of threads, the caller of Run being one
// of them. threads <= 0 means runtime.GOMAXPROCS(0).
func New(threads int) *Pool {
	if threads <= 0 {
		threads = runtime.GOMAXPROCS(0)
	}
	return &Pool{threads: threads, help: make(chan *run, threads)}
}

// Threads returns how many goroutines may run a task at once, the caller
// included. It is 1 for a nil pool.
func (p *Pool) Threads() int {
	if p == nil {
		return 1
	}
	return p.threads
}

// Close ends the workers. Runs in progress finish; later ones are serial.
func (p *Pool) Close() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed.Swap(true) || !p.started.Load() {
		return
	}
	for range p.threads - 1 {
		p.help <- nil
	}
}

// Run calls t.Do(worker, i) for every i in [0, n) and returns when all have
// returned. It may be called from many goroutines at once and from inside a task.
// If Do panics, remaining indices may be skipped and Run panics with a *Panic
// after all calls in progress have ended.
func (p *Pool) Run(n int, t Task) {
	if p == nil || p.threads <= 1 || n <= 1 || p.closed.Load() {
		for i := range n {
			t.Do(0, i)
		}
		return
	}
	if !p.started.Load() {
		p.start()
	}
	r, _ := p.runs.Get().(*run)
	if r == nil {
		r = &run{pool: p, wake: make(chan struct{}, 1)}
	}
	helpers := min(p.threads, n) - 1
	r.task, r.n = t, int64(n)
	r.next.Store(0)
	r.done.Store(0)
	// References are taken before offers are made: a helper may finish first.
	r.refs.Store(int32(helpers) + 1)
offer:
	for i := range helpers {
		select {
		case p.help <- r:
		default:
			r.refs.Add(int32(i - helpers))
			break offer
		}
	}
	if !r.work(0) {
		<-r.wake
	}
	failure := r.failure.Swap(nil)
	r.release()
	if failure != nil {
		panic(failure)
	}
}

func (p *Pool) start() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.started.Load() || p.closed.Load() {
		return
	}
	for w := 1; w < p.threads; w++ {
		go p.worker(w)
	}
	p.started.Store(true)
}

func (p *Pool) worker(id int) {
	for r := range p.help {
		if r == nil {
			return
		}
		if r.work(id) {
			r.wake <- struct{}{}
		}
		r.release()
	}
}

// Panic is what Run panics with when a task does: the value and the stack of
// the goroutine that panicked first.
type Panic struct {
	Value any
	Stack []byte
}

// Error describes the panic with its original stack.
func (e *Panic) Error() string {
	return fmt.Sprintf("panic in parallel task: %v\n%s", e.Value, e.Stack)
}

// A run is one call of Run. It returns to the pool when its caller and every
// worker that was offered it have let go, which may be after Run has returned.
type run struct {
	pool    *Pool
	task    Task
	n       int64
	next    atomic.Int64 // first unclaimed index, may pass n
	done    atomic.Int64 // indices finished or given up
	refs    atomic.Int32
	failure atomic.Pointer[Panic]
	wake    chan struct{} // signalled when a helper finishes the last index
}

// work claims indices until none are left. It reports whether it was this
// goroutine that finished the last of them.
func (r *run) work(id int) (last bool) {
	mine := int64(0)
	defer func() {
		if v := recover(); v != nil {
			r.failure.CompareAndSwap(nil, &Panic{v, debug.Stack()})
			// The index that failed, and all that nobody has claimed yet.
			mine += 1 + max(0, r.n-r.next.Swap(r.n))
			last = r.done.Add(mine) == r.n
		}
	}()
	for {
		i := r.next.Add(1) - 1
		if i >= r.n {
			break
		}
		r.task.Do(id, int(i))
		mine++
	}
	if mine == 0 {
		return false
	}
	return r.done.Add(mine) == r.n
}

func (r *run) release() {
	if r.refs.Add(-1) == 0 {
		r.task = nil
		r.pool.runs.Put(r)
	}
}
