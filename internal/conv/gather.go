package conv

import (
	"sync"

	"kerasgo/internal/gemm"
	"kerasgo/internal/par"
)

// A gather is a forward convolution that copies the inputs of each pixel to a matrix
// first (im2col), block by block: the way for few channels.
type gather struct {
	g      Geometry
	x, y   []float32
	w      *Weights
	e      gemm.Epilogue
	pixels int // of one task
}

var gathers = sync.Pool{New: func() any { return new(gather) }}

func gatherForward(p *par.Pool, g Geometry, x []float32, w *Weights, y []float32, e gemm.Epilogue) {
	const size = 32 << 10 // floats of the matrix that a task makes
	t := gathers.Get().(*gather)
	t.g, t.x, t.y, t.w, t.e = g, x, y, w, e
	total := g.N * g.OH * g.OW
	t.pixels = max(1, min(total, size/(g.taps()*g.inGroup())))
	if g.work() < parallelWork {
		p = nil
	} else {
		t.pixels = max(min(t.pixels, 32), min(t.pixels, total/(4*p.Threads())))
	}
	p.Run(ceilDiv(total, t.pixels), t)
	t.x, t.y, t.w, t.e = nil, nil, nil, gemm.Epilogue{}
	gathers.Put(t)
}

// Do computes one block of pixels, every group of it.
func (t *gather) Do(_, i int) {
	g := &t.g
	p0, p1 := i*t.pixels, min(g.N*g.OH*g.OW, (i+1)*t.pixels)
	n, k := p1-p0, g.taps()*g.inGroup()
	b := bands.Get().(*band)
	b.frame = grow(b.frame[:0], n*k)
	for group := range g.Groups {
		at := p0*g.Out + group*g.outGroup()
		e := t.e
		if e.Bias != nil {
			e.Bias = e.Bias[group*g.outGroup():]
		}
		if e.Add != nil {
			e.Add = e.Add[at:]
		}
		// Where neighbouring pixels of a tap are neighbours in the image, the
		// matrix is made by column: whole rows are copied.
		byTap := g.SW == 1 && g.C == 1
		for p := p0; p < p1; {
			ox := p % g.OW
			run := min(p1-p, g.OW-ox)
			if byTap {
				t.rowByTap(b.frame[p-p0:], n, p/g.OW, ox, run)
			} else {
				t.rowByPixel(b.frame[(p-p0)*k:], group, p/g.OW, ox, run)
			}
			p += run
		}
		if byTap {
			gemm.MulT(nil, n, b.frame, n, t.w.group[group], t.y[at:], g.Out, e)
		} else {
			gemm.Mul(nil, n, b.frame, k, t.w.group[group], t.y[at:], g.Out, e)
		}
	}
	b.release()
}

// inputRow returns the input row that kernel row ky meets for an output line, nil
// outside the image.
func (t *gather) inputRow(line, ky int) []float32 {
	g := &t.g
	y := line%g.OH*g.SH - g.PadT + ky*g.DH
	if y < 0 || y >= g.H {
		return nil
	}
	size := g.W * g.C
	return t.x[(line/g.OH*g.H+y)*size:][:size]
}

// rowByTap writes the inputs of n pixels from ox on of a line to dst[tap][pixel],
// rows pitch floats apart; C and SW are 1.
func (t *gather) rowByTap(dst []float32, pitch, line, ox, n int) {
	g := &t.g
	for ky := range g.KH {
		src := t.inputRow(line, ky)
		for kx := range g.KW {
			d := dst[(ky*g.KW+kx)*pitch:][:n]
			x := ox - g.PadL + kx*g.DW
			from := min(max(0, -x), n)
			until := max(from, min(n, len(src)-x))
			clear(d[:from])
			if from < until {
				copy(d[from:until], src[x+from:])
			}
			clear(d[until:])
		}
	}
}

// rowByPixel writes the inputs of n pixels from ox on of a line to dst[pixel][tap][channel].
func (t *gather) rowByPixel(dst []float32, group, line, ox, n int) {
	g := &t.g
	kg := g.inGroup()
	run, k := g.KW*kg, g.taps()*kg
	for ky := range g.KH {
		src := t.inputRow(line, ky)
		for p := range n {
			d := dst[p*k+ky*run:][:run]
			x := (ox+p)*g.SW - g.PadL
			switch {
			case src == nil:
				clear(d)
			case g.Groups == 1 && g.DW == 1 && x >= 0 && x+g.KW <= g.W:
				copy(d, src[x*g.C:])
			default:
				for kx := range g.KW {
					tap := d[kx*kg : (kx+1)*kg]
					if ix := x + kx*g.DW; ix < 0 || ix >= g.W {
						clear(tap)
					} else {
						copy(tap, src[ix*g.C+group*kg:])
					}
				}
			}
		}
	}
}
