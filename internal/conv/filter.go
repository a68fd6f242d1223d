package conv

import (
	"math"
	"sync"

	"kerasgo/internal/gemm"
	"kerasgo/internal/kernel"
	"kerasgo/internal/par"
)

// BackwardFilter adds to dw[KH][KW][C/Groups][Out] the gradient of Forward's kernel,
// given its input x[N][H][W][C] and the gradient of its output dy[N][OH][OW][Out].
func BackwardFilter(p *par.Pool, g Geometry, x, dy, dw []float32) {
	backwardFilter(kernel.Best(), p, g, x, dy, dw)
}

func backwardFilter(isa *kernel.ISA, p *par.Pool, g Geometry, x, dy, dw []float32) {
	g.check()
	need("kernel", dw, g.kernelSize())
	need("input", x, g.inputSize())
	need("output", dy, g.outputSize())
	rows, k, plain := g.product()
	switch {
	case g.empty():
	case g.depthwise():
		depthwiseBackwardFilter(isa, p, g, x, dy, dw)
	case plain:
		gemm.TN(p, k, g.Out, rows, x, k, dy, g.Out, dw, g.Out, gemm.Epilogue{Accumulate: true})
	default:
		f := filters.Get().(*filter)
		f.g, f.dy, f.dw = g, dy, dw
		f.j.forward(&g, x)
		f.j.isa = isa
		f.run(p)
		f.g, f.dy, f.dw = Geometry{}, nil, nil
		f.j = job{phases: f.j.phases[:0], segs: f.j.segs[:0]}
		filters.Put(f)
	}
}

// A filter is the gradient of a kernel. A task computes some tiles of it over all
// images, so that tasks share no output and the order of the sum is fixed: line by
// line of dy, each line a chain.
type filter struct {
	g      Geometry
	j      job // what the forward convolution reads
	dy, dw []float32
	tiles  int // tiles along the kernel's rows, for one group and one panel
	tasks  int
	lines  int // lines whose inputs are worked on at a time
}

var filters = sync.Pool{New: func() any { return new(filter) }}

func (f *filter) run(p *par.Pool) {
	g := &f.g
	f.tiles = 0
	for _, s := range f.j.segs {
		f.tiles += ceilDiv(s.k, f.j.isa.MR)
	}
	total := f.tiles * g.Groups * ceilDiv(g.outGroup(), f.j.isa.NR)
	f.lines = max(1, bandSize/(g.OW*g.SW*g.C))
	f.tasks = 1
	if p.Threads() > 1 && g.work() >= parallelWork {
		f.tasks = min(total, 2*p.Threads())
	}
	p.Run(f.tasks, f)
}

// Do computes the tiles of one task.
func (f *filter) Do(_, i int) {
	g, j := &f.g, &f.j
	panels := ceilDiv(g.outGroup(), j.isa.NR)
	total := f.tiles * g.Groups * panels
	t0, t1 := i*total/f.tasks, (i+1)*total/f.tasks
	b := bands.Get().(*band)
	lines := g.N * g.OH
	for l0 := 0; l0 < lines; l0 += f.lines {
		l1 := min(lines, l0+f.lines)
		b.read(&j.in, l0, l1, g.OH, g.SH, j.high, 0, (g.OW-1)*g.SW+j.wide)
		for t := t0; t < t1; t++ {
			q, tile := t/f.tiles, t%f.tiles
			f.tile(b, q/panels, q%panels, tile, l0, l1)
		}
	}
	b.release()
}

// tile adds lines [l0, l1) to one tile of the kernel's gradient.
func (f *filter) tile(b *band, group, panel, tile, l0, l1 int) {
	g, j := &f.g, &f.j
	mr, nr := j.isa.MR, j.isa.NR
	s := 0
	for ; tile >= ceilDiv(j.segs[s].k, mr); s++ {
		tile -= ceilDiv(j.segs[s].k, mr)
	}
	seg, n := j.segs[s], ceilDiv(j.segs[s].k, mr)
	row := seg.k * tile / n
	m := seg.k*(tile+1)/n - row
	channel := group*g.outGroup() + panel*nr
	cols := min(nr, g.outGroup()-panel*nr)
	lo, hi := float32(math.Inf(-1)), float32(math.Inf(1))
	d := &f.dw[(seg.row+row)*g.Out+channel]
	lda := g.SW * g.C
	for l := l0; l < l1; l++ {
		a := b.line[l-l0] + seg.dy*b.pitch + seg.dx*g.C + group*g.inGroup() + row
		for c := 0; c < g.OW; c += kernel.KC {
			k := min(kernel.KC, g.OW-c)
			j.isa.TileT[m](k, &b.data[a+c*lda], lda, &f.dy[(l*g.OW+c)*g.Out+channel], g.Out,
				d, g.Out, nil, nil, lo, hi, cols, 1)
		}
	}
}
