package conv

import (
	"sync"

	"kerasgo/internal/gemm"
	"kerasgo/internal/kernel"
	"kerasgo/internal/par"
)

// A depthwiseJob convolves each channel with its own kernel w[KH][KW][C]; forward,
// or backward to the input, where a pixel of stride phase (py, px) meets only the
// taps of that phase.
type depthwiseJob struct {
	g        Geometry // of the forward convolution, C = Out
	isa      *kernel.ISA
	backward bool
	in, w    []float32
	out      []float32
	e        gemm.Epilogue
	lines    int // of one task
}

// taps is one task's lists of the taps that reach into the image.
type taps struct {
	rows, cols []tap
	list       []int // (offset in the image, offset in the weights) pairs
}

// A tap is one row or column of the kernel: k is its index, at the input row, or the
// input column of the phase's first pixel.
type tap struct{ k, at int }

var (
	depthwiseJobs = sync.Pool{New: func() any { return new(depthwiseJob) }}
	tapLists      = sync.Pool{New: func() any { return new(taps) }}
)

// depthwise computes Forward where each group has one input channel. With several
// outputs a channel, the input's channels are repeated first.
func depthwise(isa *kernel.ISA, p *par.Pool, g Geometry, x, w, y []float32, e gemm.Epilogue) {
	if m := g.outGroup(); m > 1 {
		b := bands.Get().(*band)
		b.frame = grow(b.frame[:0], g.inputSize()*m)
		repeat(b.frame, x[:g.inputSize()], m)
		runDepthwise(isa, p, g.widened(), false, b.frame, w, y, e)
		b.release()
		return
	}
	runDepthwise(isa, p, g, false, x, w, y, e)
}

func depthwiseBackwardData(isa *kernel.ISA, p *par.Pool, g Geometry, dy, w, dx []float32, e gemm.Epilogue) {
	if m := g.outGroup(); m > 1 {
		b := bands.Get().(*band)
		b.frame = grow(b.frame[:0], g.inputSize()*m)
		runDepthwise(isa, p, g.widened(), true, dy, w, b.frame, gemm.Epilogue{})
		for i := range dx[:g.inputSize()] {
			s := float32(0)
			for _, v := range b.frame[i*m : (i+1)*m] {
				s += v
			}
			if e.Accumulate {
				s += dx[i]
			}
			dx[i] = s
		}
		b.release()
		return
	}
	runDepthwise(isa, p, g, true, dy, w, dx, e)
}

// widened is the geometry whose input has as many channels as the output.
func (g Geometry) widened() Geometry {
	g.C, g.Groups = g.Out, g.Out
	return g
}

// repeat writes each element of src m times.
func repeat(dst, src []float32, m int) {
	for i, v := range src {
		for j := range m {
			dst[i*m+j] = v
		}
	}
}

func runDepthwise(isa *kernel.ISA, p *par.Pool, g Geometry, backward bool, in, w, out []float32, e gemm.Epilogue) {
	j := depthwiseJobs.Get().(*depthwiseJob)
	*j = depthwiseJob{g: g, isa: isa, backward: backward, in: in, w: w, out: out, e: e}
	lines := g.N * g.OH
	if backward {
		lines = g.N * g.H
	}
	j.lines = lines
	if t := p.Threads(); t > 1 && g.work() >= parallelWork/4 {
		j.lines = max(1, ceilDiv(lines, 4*t))
	}
	if lines > 0 {
		p.Run(ceilDiv(lines, j.lines), j)
	}
	*j = depthwiseJob{}
	depthwiseJobs.Put(j)
}

// Do computes one block of output lines.
func (j *depthwiseJob) Do(_, i int) {
	g := &j.g
	height := g.OH
	if j.backward {
		height = g.H
	}
	t := tapLists.Get().(*taps)
	for l := i * j.lines; l < min(g.N*height, (i+1)*j.lines); l++ {
		if j.backward {
			j.backwardLine(t, l/height, l%height)
		} else {
			j.forwardLine(t, l/height, l%height)
		}
	}
	tapLists.Put(t)
}

func (j *depthwiseJob) forwardLine(t *taps, img, oy int) {
	g := &j.g
	t.rows, t.cols = t.rows[:0], t.cols[:0]
	for k := range g.KH {
		if y := oy*g.SH - g.PadT + k*g.DH; y >= 0 && y < g.H {
			t.rows = append(t.rows, tap{k, y})
		}
	}
	for k := range g.KW {
		t.cols = append(t.cols, tap{k, k*g.DW - g.PadL})
	}
	j.pixels(t, j.in[img*g.H*g.W*g.C:], g.W, g.SW, (img*g.OH+oy)*g.OW*g.C, g.OW, 1)
}

func (j *depthwiseJob) backwardLine(t *taps, img, iy int) {
	g := &j.g
	t.rows = t.rows[:0]
	for k := range g.KH {
		if y := iy + g.PadT - k*g.DH; y%g.SH == 0 && y >= 0 && y/g.SH < g.OH {
			t.rows = append(t.rows, tap{k, y / g.SH})
		}
	}
	for px := range min(g.SW, g.W) {
		t.cols = t.cols[:0]
		for k := range g.KW {
			if x := px + g.PadL - k*g.DW; x%g.SW == 0 {
				t.cols = append(t.cols, tap{k, x / g.SW})
			}
		}
		j.pixels(t, j.in[img*g.OH*g.OW*g.C:], g.OW, 1, ((img*g.H+iy)*g.W+px)*g.C, ceilDiv(g.W-px, g.SW), g.SW)
	}
}

// pixels computes n pixels of one output line, the first at out[to] and the others
// step pixels apart. They read image rows of the given width, stride pixels apart.
// Inside, all taps count; at the borders each pixel has its own list.
func (j *depthwiseJob) pixels(t *taps, image []float32, width, stride, to, n, step int) {
	from, until := 0, n
	for _, c := range t.cols {
		if c.at < 0 {
			from = max(from, ceilDiv(-c.at, stride))
		}
		until = min(until, floorDiv(width-1-c.at, stride)+1)
	}
	if from >= until {
		from, until = n, n
	}
	for p := range from {
		j.leaf(t, image, width, stride, to, p, 1, step)
	}
	if from < until {
		j.leaf(t, image, width, stride, to, from, until-from, step)
	}
	for p := until; p < n; p++ {
		j.leaf(t, image, width, stride, to, p, 1, step)
	}
}

// leaf computes n pixels from pixel p on, which all meet the same taps.
func (j *depthwiseJob) leaf(t *taps, image []float32, width, stride, to, p, n, step int) {
	g := &j.g
	t.list = t.list[:0]
	for _, r := range t.rows {
		for _, c := range t.cols {
			if x := p*stride + c.at; x >= 0 && x < width {
				t.list = append(t.list, (r.at*width+x)*g.C, (r.k*g.KW+c.k)*g.C)
			}
		}
	}
	count := len(t.list) / 2
	t.list = append(t.list, 0) // so that there is an address to take
	to += p * step * g.C
	acc := 0
	if j.e.Accumulate {
		acc = 1
	}
	lo, hi := limits(j.e)
	j.isa.Depthwise(&j.out[to], ptr(image, 0), &j.w[0], &t.list[0], count, n, g.C, stride*g.C, step*g.C,
		ptr(j.e.Bias, 0), ptr(j.e.Add, to), lo, hi, acc)
}

func floorDiv(a, b int) int {
	if a < 0 {
		return -ceilDiv(-a, b)
	}
	return a / b
}

// A depthwiseFilter is the gradient of a depthwise kernel. A task computes some of
// its channels over all images.
type depthwiseFilter struct {
	g         Geometry
	isa       *kernel.ISA
	x, dy, dw []float32
	tasks     int
}

var depthwiseFilters = sync.Pool{New: func() any { return new(depthwiseFilter) }}

func depthwiseBackwardFilter(isa *kernel.ISA, p *par.Pool, g Geometry, x, dy, dw []float32) {
	var b *band
	if m := g.outGroup(); m > 1 {
		b = bands.Get().(*band)
		b.frame = grow(b.frame[:0], g.inputSize()*m)
		repeat(b.frame, x[:g.inputSize()], m)
		x, g = b.frame, g.widened()
	}
	f := depthwiseFilters.Get().(*depthwiseFilter)
	*f = depthwiseFilter{g: g, isa: isa, x: x, dy: dy, dw: dw, tasks: 1}
	if t := p.Threads(); t > 1 && g.work() >= parallelWork/4 {
		f.tasks = max(1, min(2*t, g.C/channelBlock))
	}
	p.Run(f.tasks, f)
	*f = depthwiseFilter{}
	depthwiseFilters.Put(f)
	if b != nil {
		b.release()
	}
}

// channelBlock is the number of channels that share cache lines.
const channelBlock = 16

// Do computes one range of channels.
func (f *depthwiseFilter) Do(_, i int) {
	g := &f.g
	blocks := ceilDiv(g.C, channelBlock)
	c0, c1 := i*blocks/f.tasks*channelBlock, min(g.C, (i+1)*blocks/f.tasks*channelBlock)
	for l := range g.N * g.OH {
		img, oy := l/g.OH, l%g.OH
		for ky := range g.KH {
			y := oy*g.SH - g.PadT + ky*g.DH
			if y < 0 || y >= g.H {
				continue
			}
			for kx := range g.KW {
				left := kx*g.DW - g.PadL // input column of output column 0
				from := 0
				if left < 0 {
					from = ceilDiv(-left, g.SW)
				}
				until := min(g.OW, floorDiv(g.W-1-left, g.SW)+1)
				if from >= until {
					continue
				}
				f.isa.DepthwiseFilter(&f.dw[(ky*g.KW+kx)*g.C+c0],
					&f.x[((img*g.H+y)*g.W+left+from*g.SW)*g.C+c0],
					&f.dy[(l*g.OW+from)*g.C+c0], until-from, c1-c0, g.SW*g.C, g.C)
			}
		}
	}
}
