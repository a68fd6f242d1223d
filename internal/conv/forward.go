package conv

import (
	"fmt"

	"kerasgo/internal/gemm"
	"kerasgo/internal/kernel"
	"kerasgo/internal/par"
)

// Weights is a convolution's kernel, packed for Forward. It fits any geometry with
// the same kernel, channels and groups; images may have any size.
type Weights struct {
	kh, kw, c, out, groups int
	isa                    *kernel.ISA
	group                  []*gemm.Packed // each [KH*KW*C/Groups][Out/Groups]
	panels                 []float32      // all groups, one behind the other
	raw                    []float32      // as given, for depthwise kernels
	joined                 []float32      // room of Repack's for panels
}

// Pack packs w[KH][KW][C/Groups][Out]. Of g, only kernel, channels and groups matter.
func Pack(g Geometry, w []float32) *Weights { return packFor(kernel.Best(), g, w) }

func packFor(isa *kernel.ISA, g Geometry, w []float32) *Weights {
	need("kernel", w, g.kernelSize())
	p := &Weights{kh: g.KH, kw: g.KW, c: g.C, out: g.Out, groups: g.Groups, isa: isa}
	if g.depthwise() {
		p.raw = append([]float32(nil), w[:g.kernelSize()]...)
		return p
	}
	k := g.taps() * g.inGroup()
	for i := range g.Groups {
		p.group = append(p.group, gemm.PackFor(isa, k, g.outGroup(), w[i*g.outGroup():], g.Out))
	}
	if g.Groups == 1 {
		_, p.panels = p.group[0].Panels()
		return p
	}
	for _, b := range p.group {
		_, data := b.Panels()
		p.panels = append(p.panels, data...)
	}
	return p
}

// Repack is Pack in the memory of p, or of nil, which isn't to be used any more. What it returns may hold on to w.
func Repack(p *Weights, g Geometry, w []float32) *Weights {
	need("kernel", w, g.kernelSize())
	if p == nil {
		p = new(Weights)
	}
	p.kh, p.kw, p.c, p.out, p.groups, p.isa = g.KH, g.KW, g.C, g.Out, g.Groups, kernel.Best()
	if g.depthwise() {
		p.raw = w[:g.kernelSize()]
		return p
	}
	k := g.taps() * g.inGroup()
	p.joined = p.joined[:0]
	for i := range g.Groups {
		if i == len(p.group) {
			p.group = append(p.group, nil)
		}
		p.group[i] = gemm.Repack(p.group[i], k, g.outGroup(), w[i*g.outGroup():], g.Out)
		_, p.panels = p.group[i].Panels()
		if g.Groups > 1 {
			p.joined = append(p.joined, p.panels...)
		}
	}
	if g.Groups > 1 {
		p.panels = p.joined
	}
	return p
}

// shortSegment is the number of contiguous inputs below which gathering whole
// pixels (im2col) beats reading them in place.
const shortSegment = 32

// Forward computes y = epilogue(x * w) with x[N][H][W][C] and y[N][OH][OW][Out].
// The epilogue's Add is laid out like y.
//
// Source: keras/src/backend/tensorflow/nn.py (conv)
func Forward(p *par.Pool, g Geometry, x []float32, w *Weights, y []float32, e gemm.Epilogue) {
	g.check()
	if w.kh != g.KH || w.kw != g.KW || w.c != g.C || w.out != g.Out || w.groups != g.Groups {
		panic(fmt.Sprintf("conv: weights %dx%dx%d/%d->%d for geometry %+v", w.kh, w.kw, w.c, w.groups, w.out, g))
	}
	if g.empty() {
		return
	}
	need("input", x, g.inputSize())
	need("output", y, g.outputSize())
	checkEpilogue(&g, e)
	seg := g.inGroup()
	if g.DW == 1 && g.Groups == 1 {
		seg *= g.KW
	}
	rows, k, plain := g.product()
	switch {
	case g.depthwise():
		depthwise(w.isa, p, g, x, w.raw, y, e)
	case plain:
		gemm.Mul(p, rows, x, k, w.group[0], y, g.Out, e)
	case seg < shortSegment && g.taps() > 1:
		gatherForward(p, g, x, w, y, e)
	default:
		j := jobs.Get().(*job)
		j.forward(&g, x)
		j.out, j.oh, j.ow, j.oc, j.oy, j.ox = y, g.OH, g.OW, g.Out, 1, 1
		j.kg, j.ng, j.isa, j.e = g.inGroup(), g.outGroup(), w.isa, e
		j.panels, j.k = w.panels, g.taps()*g.inGroup()
		j.run(p, g.work())
		j.release()
	}
}

// forward sets up what a forward convolution reads.
func (j *job) forward(g *Geometry, x []float32) {
	j.in = image{x, g.N, g.H, g.W, g.C, g.PadT, g.PadL, g.PadB, g.PadR}
	j.sy, j.sx, j.groups = g.SH, g.SW, g.Groups
	j.high, j.wide = (g.KH-1)*g.DH+1, (g.KW-1)*g.DW+1
	kg := g.inGroup()
	for ky := range g.KH {
		for kx := range g.KW {
			s := segment{dy: ky * g.DH, dx: kx * g.DW, row: (ky*g.KW + kx) * kg, k: kg}
			if g.Groups > 1 {
				j.segs = append(j.segs, s)
			} else {
				j.addSegment(0, s, g.C)
			}
		}
	}
	j.phases = append(j.phases, phase{rows: g.OH, cols: g.OW, last: len(j.segs)})
}

func checkEpilogue(g *Geometry, e gemm.Epilogue) {
	if e.Bias != nil {
		need("bias", e.Bias, g.Out)
	}
	if e.Add != nil {
		need("add", e.Add, g.outputSize())
	}
}
