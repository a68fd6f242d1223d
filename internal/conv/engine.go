package conv

import (
	"math"
	"sync"

	"kerasgo/internal/gemm"
	"kerasgo/internal/kernel"
	"kerasgo/internal/par"
)

// A segment is a run of inputs that are contiguous for one output pixel and meet
// consecutive rows of the weights.
type segment struct {
	dy, dx int // first input pixel, from the output's place in the framed image
	row, k int // first row of the weights, number of terms
}

// A phase is a regular sub-grid of the output whose pixels read the same segments.
// A forward convolution has one; the gradient of a strided one has several.
type phase struct {
	y0, x0, rows, cols int // first output pixel, size of the sub-grid
	first, last        int // its segments, job.segs[first:last]
}

// A job computes output pixels as sums over segments.
type job struct {
	in             image
	sy, sx         int // input pixels from one sub-grid pixel to the next
	high, wide     int // input pixels that the segments of one output pixel span
	oy, ox         int // output pixels from one sub-grid pixel to the next
	out            []float32
	oh, ow, oc     int
	groups, kg, ng int // channel groups, input and output channels of one
	isa            *kernel.ISA
	panels         []float32 // weights: [group][panel][k][NR]
	k              int       // rows of the weights
	e              gemm.Epilogue
	phases         []phase
	segs           []segment
	rows, cols     int // the largest phase

	lines, columns      int // size of a task: sub-grid rows (of all images), columns
	lineN, colN, panelN int // tasks along each axis
}

var jobs = sync.Pool{New: func() any { return new(job) }}

// release returns j to the pool; it keeps only the lists' memory.
func (j *job) release() {
	*j = job{phases: j.phases[:0], segs: j.segs[:0]}
	jobs.Put(j)
}

const (
	// bandSize is how many input floats a task should read: they stay in the
	// second-level cache while every panel of weights passes over them.
	bandSize = 64 << 10
	// parallelWork is the number of multiply-adds below which a convolution stays
	// on the caller's thread.
	parallelWork = 4 << 20
)

func (j *job) panelCount() int { return ceilDiv(j.ng, j.isa.NR) }

// run splits the job into tasks and computes them.
func (j *job) run(p *par.Pool, work int) {
	j.rows, j.cols = 0, 0
	for _, ph := range j.phases {
		j.rows, j.cols = max(j.rows, ph.rows), max(j.cols, ph.cols)
	}
	total := j.in.n * j.rows
	if total == 0 || j.cols == 0 {
		return
	}
	j.columns = j.cols
	rowSize := j.cols * j.sx * j.in.c * min(j.sy, j.high)
	if rowSize > bandSize {
		j.columns = ceilDiv(j.cols, ceilDiv(rowSize, bandSize))
	}
	j.lines = min(total, max(1, bandSize/max(1, rowSize)))
	j.lineN, j.colN = ceilDiv(total, j.lines), ceilDiv(j.cols, j.columns)
	j.panelN = 1
	if p.Threads() > 1 && work >= parallelWork {
		want := 3 * p.Threads()
		if have := j.lineN * j.colN; have < want {
			j.panelN = min(ceilDiv(want, have), j.groups*j.panelCount())
		}
		if have := j.colN * j.panelN; j.lineN*have < want {
			j.lines = max(1, min(j.lines, total*have/want))
			j.lineN = ceilDiv(total, j.lines)
		}
	} else {
		p = nil
	}
	p.Run(j.lineN*j.colN*j.panelN, j)
}

// Do computes one task.
func (j *job) Do(_, i int) {
	i, q := i/j.panelN, i%j.panelN
	i, col := i/j.colN, i%j.colN
	total := j.in.n * j.rows
	l0, l1 := i*j.lines, min(total, (i+1)*j.lines)
	c0, c1 := col*j.columns, min(j.cols, (col+1)*j.columns)
	panels := j.groups * j.panelCount()
	q0, q1 := q*panels/j.panelN, (q+1)*panels/j.panelN
	b := bands.Get().(*band)
	b.read(&j.in, l0, l1, j.rows, j.sy, j.high, c0*j.sx, (c1-1)*j.sx+j.wide)
	for q := q0; q < q1; q++ {
		for i := range j.phases {
			j.panel(b, &j.phases[i], q/j.panelCount(), q%j.panelCount(), l0, l1, c0, c1)
		}
	}
	b.release()
}

// panel computes one panel of output channels of one group, lines [l0, l1) and
// columns [c0, c1) of a phase.
func (j *job) panel(b *band, ph *phase, group, panel, l0, l1, c0, c1 int) {
	nr := j.isa.NR
	c1 = min(c1, ph.cols)
	cols := c1 - c0
	if cols <= 0 {
		return
	}
	channel := group*j.ng + panel*nr
	n := min(nr, j.ng-panel*nr)
	weights := j.panels[(group*j.panelCount()+panel)*j.k*nr:]
	lda, ldc := j.sx*j.in.c, j.ox*j.oc
	tiles := ceilDiv(cols, j.isa.MR)
	acc := 0
	if j.e.Accumulate {
		acc = 1
	}
	step := func(s segment, k0, kc int, lo, hi float32, bias, add []float32) {
		var w *float32
		if kc > 0 {
			w = &weights[(s.row+k0)*nr]
		}
		for l := l0; l < l1; l++ {
			img, r := l/j.rows, l%j.rows
			if r >= ph.rows {
				continue
			}
			from := b.line[l-l0] + s.dy*b.pitch + s.dx*j.in.c + group*j.kg + k0
			to := ((img*j.oh+ph.y0+r*j.oy)*j.ow+ph.x0+c0*j.ox)*j.oc + channel
			for t := range tiles {
				i := cols * t / tiles
				m := cols*(t+1)/tiles - i
				at := to + i*ldc
				var a *float32
				if kc > 0 {
					a = &b.data[from+i*lda]
				}
				j.isa.Tile[m](kc, a, lda, w, nr, &j.out[at], ldc, ptr(bias, channel), ptr(add, at), lo, hi, n, acc)
			}
		}
		acc = 1
	}
	for i := ph.first; i < ph.last; i++ {
		s := j.segs[i]
		for k0 := 0; k0 < s.k; k0 += kernel.KC {
			kc := min(kernel.KC, s.k-k0)
			if i == ph.last-1 && k0+kc == s.k {
				lo, hi := limits(j.e)
				step(s, k0, kc, lo, hi, j.e.Bias, j.e.Add)
			} else {
				step(s, k0, kc, float32(math.Inf(-1)), float32(math.Inf(1)), nil, nil)
			}
		}
	}
	if ph.first == ph.last { // pixels that no weight reaches
		lo, hi := limits(j.e)
		step(segment{}, 0, 0, lo, hi, j.e.Bias, j.e.Add)
	}
}

// limits returns the clamp of an epilogue.
func limits(e gemm.Epilogue) (lo, hi float32) {
	if e.Lo == 0 && e.Hi == 0 {
		return float32(math.Inf(-1)), float32(math.Inf(1))
	}
	return e.Lo, e.Hi
}

// ptr returns the address of s[i], nil for a nil s.
func ptr(s []float32, i int) *float32 {
	if s == nil {
		return nil
	}
	return &s[i]
}

// addSegment appends a segment, or lengthens the last one if the two are contiguous
// in the input; in the weights, segments follow one another. first is the index of
// the phase's first segment.
func (j *job) addSegment(first int, s segment, c int) {
	if n := len(j.segs); n > first {
		last := &j.segs[n-1]
		if last.dy == s.dy && last.dx*c+last.k == s.dx*c {
			last.k += s.k
			return
		}
	}
	j.segs = append(j.segs, s)
}
