package conv

import (
	"fmt"

	"kerasgo/internal/gemm"
	"kerasgo/internal/kernel"
	"kerasgo/internal/par"
)

// TransposedWeights is a convolution's kernel, packed for Transposed.
type TransposedWeights struct {
	g      Geometry // sizes of images not set
	isa    *kernel.ISA
	panels []float32
}

// shapeOnly returns g without what a kernel doesn't depend on.
func (g Geometry) shapeOnly() Geometry {
	g.N, g.H, g.W, g.OH, g.OW, g.PadB, g.PadR = 0, 0, 0, 0, 0, 0, 0
	return g
}

// PackTransposed packs w[KH][KW][C/Groups][Out] for Transposed. Of g, the sizes of
// the images don't matter.
func PackTransposed(g Geometry, w []float32) *TransposedWeights {
	return packTransposedFor(kernel.Best(), g, w)
}

func packTransposedFor(isa *kernel.ISA, g Geometry, w []float32) *TransposedWeights {
	need("kernel", w, g.kernelSize())
	t := &TransposedWeights{g: g.shapeOnly(), isa: isa, panels: make([]float32, g.transposedSize(isa))}
	g.packTransposed(isa, w, t.panels)
	return t
}

// transposedSize is the number of floats of the panels of a transposed kernel.
func (g *Geometry) transposedSize(isa *kernel.ISA) int {
	return g.Groups * ceilDiv(g.inGroup(), isa.NR) * isa.NR * g.taps() * g.outGroup()
}

// Transposed computes x = epilogue(y *ᵀ w), the transpose of Forward as a linear
// map: y[N][OH][OW][Out] to x[N][H][W][C]. Geometry and kernel are those of the
// forward convolution that it transposes; for Keras's Conv2DTranspose, that has the
// layer's output as its input.
//
// Source: keras/src/backend/tensorflow/nn.py (conv_transpose)
func Transposed(p *par.Pool, g Geometry, y []float32, w *TransposedWeights, x []float32, e gemm.Epilogue) {
	g.check()
	if w.g != g.shapeOnly() {
		panic(fmt.Sprintf("conv: weights for %+v used for %+v", w.g, g))
	}
	if e.Bias != nil {
		need("bias", e.Bias, g.C)
	}
	if e.Add != nil {
		need("add", e.Add, g.inputSize())
	}
	need("input", x, g.inputSize())
	need("output", y, g.outputSize())
	transposed(w.isa, p, &g, y, w.panels, x, e)
}

// BackwardData adds to dx[N][H][W][C] the gradient of Forward's input, given that of
// its output dy[N][OH][OW][Out] and the kernel w[KH][KW][C/Groups][Out].
func BackwardData(p *par.Pool, g Geometry, dy, w, dx []float32) {
	backwardData(kernel.Best(), p, g, dy, w, dx, gemm.Epilogue{Accumulate: true})
}

// SetBackwardData is BackwardData for a dx that holds nothing yet.
func SetBackwardData(p *par.Pool, g Geometry, dy, w, dx []float32) {
	backwardData(kernel.Best(), p, g, dy, w, dx, gemm.Epilogue{})
}

func backwardData(isa *kernel.ISA, p *par.Pool, g Geometry, dy, w, dx []float32, e gemm.Epilogue) {
	g.check()
	need("kernel", w, g.kernelSize())
	need("input", dx, g.inputSize())
	need("output", dy, g.outputSize())
	rows, k, plain := g.product()
	switch {
	case g.empty():
		if !e.Accumulate {
			clear(dx[:g.inputSize()])
		}
	case g.depthwise():
		depthwiseBackwardData(isa, p, g, dy, w, dx, e)
	case plain:
		gemm.NT(p, rows, k, g.Out, dy, g.Out, w, g.Out, dx, k, e)
	default:
		b := bands.Get().(*band)
		b.frame = grow(b.frame[:0], g.transposedSize(isa))
		g.packTransposed(isa, w, b.frame)
		transposed(isa, p, &g, dy, b.frame, dx, e)
		b.release()
	}
}

// eachTap calls f for every tap of the kernel, phase by phase: an input pixel (iy, ix)
// with iy%SH = py and ix%SW = px receives from the outputs (iy/SH+dy, ix/SW+dx). Taps
// of a phase come with dx rising. n counts them.
func (g *Geometry) eachTap(f func(n, py, px, ky, kx, dy, dx int)) {
	n := 0
	for py := range g.SH {
		for px := range g.SW {
			for ky := g.KH - 1; ky >= 0; ky-- {
				y := py + g.PadT - ky*g.DH
				if y%g.SH != 0 {
					continue
				}
				for kx := g.KW - 1; kx >= 0; kx-- {
					x := px + g.PadL - kx*g.DW
					if x%g.SW != 0 {
						continue
					}
					f(n, py, px, ky, kx, y/g.SH, x/g.SW)
					n++
				}
			}
		}
	}
}

// packTransposed writes each tap's [Out/Groups][C/Groups] to panels, in eachTap's order.
func (g *Geometry) packTransposed(isa *kernel.ISA, w, panels []float32) {
	kg, ng := g.inGroup(), g.outGroup()
	stride := g.taps() * ng * isa.NR
	perGroup := ceilDiv(kg, isa.NR) * stride
	g.eachTap(func(n, _, _, ky, kx, _, _ int) {
		for group := range g.Groups {
			gemm.PackPanelsT(isa, panels[group*perGroup+n*ng*isa.NR:], stride, ng, kg,
				w[(ky*g.KW+kx)*kg*g.Out+group*ng:], g.Out)
		}
	})
}

// transposed computes the transpose phase by phase: each is a convolution of stride
// 1 over y with some of the taps.
func transposed(isa *kernel.ISA, p *par.Pool, g *Geometry, y, panels, x []float32, e gemm.Epilogue) {
	j := jobs.Get().(*job)
	minY, minX, maxY, maxX := 0, 0, 0, 0
	g.eachTap(func(_, _, _, _, _, dy, dx int) {
		minY, minX, maxY, maxX = min(minY, dy), min(minX, dx), max(maxY, dy), max(maxX, dx)
	})
	rows, cols := ceilDiv(g.H, g.SH), ceilDiv(g.W, g.SW)
	j.in = image{data: y, n: g.N, h: g.OH, w: g.OW, c: g.Out, padT: -minY, padL: -minX,
		padB: max(0, rows+maxY-g.OH), padR: max(0, cols+maxX-g.OW)}
	j.sy, j.sx, j.high, j.wide = 1, 1, maxY-minY+1, maxX-minX+1
	for py := range g.SH {
		for px := range g.SW {
			j.phases = append(j.phases, phase{y0: py, x0: px,
				rows: max(0, ceilDiv(g.H-py, g.SH)), cols: max(0, ceilDiv(g.W-px, g.SW))})
		}
	}
	at := -1
	g.eachTap(func(n, py, px, _, _, dy, dx int) {
		if q := py*g.SW + px; q != at {
			at = q
			j.phases[q].first = len(j.segs)
		}
		s := segment{dy: dy - minY, dx: dx - minX, row: n * g.outGroup(), k: g.outGroup()}
		if g.Groups > 1 {
			j.segs = append(j.segs, s)
		} else {
			j.addSegment(j.phases[at].first, s, g.Out)
		}
		j.phases[at].last = len(j.segs)
	})
	j.out, j.oh, j.ow, j.oc, j.oy, j.ox = x, g.H, g.W, g.C, g.SH, g.SW
	j.groups, j.kg, j.ng, j.isa, j.e = g.Groups, g.outGroup(), g.inGroup(), isa, e
	j.panels, j.k = panels, g.taps()*g.outGroup()
	j.run(p, g.work())
	j.release()
}
