package par

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// count marks every index it is called with and checks the worker number.
type count struct {
	hits    []atomic.Int32
	threads int
	busy    []atomic.Int32 // calls in progress by worker
	bad     atomic.Int32
}

func newCount(n, threads int) *count {
	return &count{hits: make([]atomic.Int32, n), threads: threads, busy: make([]atomic.Int32, threads)}
}

func (c *count) Do(worker, i int) {
	if worker < 0 || worker >= c.threads || c.busy[worker].Add(1) != 1 {
		c.bad.Add(1)
	}
	c.hits[i].Add(1)
	if i%7 == 0 {
		runtime.Gosched()
	}
	c.busy[worker].Add(-1)
}

func (c *count) check(t *testing.T) {
	t.Helper()
	for i := range c.hits {
		if n := c.hits[i].Load(); n != 1 {
			t.Fatalf("index %d done %d times", i, n)
		}
	}
	if c.bad.Load() != 0 {
		t.Fatalf("%d calls with a worker number out of range or in use", c.bad.Load())
	}
}

func TestRunVisitsEachIndexOnce(t *testing.T) {
	for _, threads := range []int{1, 2, 3, 8} {
		p := New(threads)
		for _, n := range []int{0, 1, 2, 3, 17, 1000} {
			c := newCount(n, threads)
			p.Run(n, c)
			c.check(t)
		}
		p.Close()
		p.Close()
		c := newCount(9, threads)
		p.Run(9, c)
		c.check(t)
	}
	var none *Pool
	c := newCount(5, 1)
	none.Run(5, c)
	c.check(t)
	if none.Threads() != 1 || New(0).Threads() != runtime.GOMAXPROCS(0) {
		t.Error("wrong thread count")
	}
	none.Close()
}

func TestManyCallers(t *testing.T) {
	p := New(3)
	defer p.Close()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for j := range 200 {
				c := newCount(j%19, 3)
				p.Run(j%19, c)
				c.check(t)
			}
		})
	}
	wg.Wait()
}

// nest runs itself again, depth levels down.
type nest struct {
	p     *Pool
	depth int
	leafs *atomic.Int32
}

func (n *nest) Do(_, i int) {
	if n.depth == 0 {
		n.leafs.Add(1)
		return
	}
	n.p.Run(4, &nest{n.p, n.depth - 1, n.leafs})
}

func TestNestedRun(t *testing.T) {
	p := New(4)
	defer p.Close()
	var leafs atomic.Int32
	p.Run(4, &nest{p, 3, &leafs})
	if leafs.Load() != 256 {
		t.Errorf("%d leaf calls, want 256", leafs.Load())
	}
}

type fails struct{ at int }

var errTask = errors.New("boom")

func (f fails) Do(_, i int) {
	if i == f.at {
		panic(errTask)
	}
}

func TestPanicReachesTheCaller(t *testing.T) {
	p := New(3)
	defer p.Close()
	for at := range 20 {
		func() {
			defer func() {
				e, ok := recover().(*Panic)
				if !ok || e.Value != errTask || len(e.Stack) == 0 {
					t.Errorf("panic at %d: recovered %v", at, e)
				}
			}()
			p.Run(20, fails{at})
			t.Errorf("panic at %d: Run returned", at)
		}()
		c := newCount(50, 3)
		p.Run(50, c)
		c.check(t)
	}
}

func TestCloseEndsWorkers(t *testing.T) {
	before := runtime.NumGoroutine()
	p := New(6)
	p.Run(100, newCount(100, 6))
	if runtime.NumGoroutine() <= before {
		t.Error("no worker was started")
	}
	p.Close()
	for range 200 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, had %d", runtime.NumGoroutine(), before)
}

type nothing struct{}

func (*nothing) Do(_, _ int) {}

func TestRunDoesNotAllocate(t *testing.T) {
	p := New(2)
	defer p.Close()
	var k nothing
	p.Run(4, &k)
	if n := testing.AllocsPerRun(100, func() { p.Run(4, &k) }); n != 0 {
		t.Errorf("%v allocations a run", n)
	}
}

func BenchmarkRun(b *testing.B) {
	for _, threads := range []int{1, 2} {
		b.Run(fmt.Sprintf("threads=%d", threads), func(b *testing.B) {
			p := New(threads)
			defer p.Close()
			var k nothing
			b.ReportAllocs()
			for b.Loop() {
				p.Run(4, &k)
			}
		})
	}
}
