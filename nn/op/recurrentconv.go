package op

import (
	"kerasgo/internal/conv"
	"kerasgo/internal/gemm"
	"kerasgo/internal/vec"
	"kerasgo/nn/graph"
)

// convolves says that the recurrent kernel is one of a convolution.
func (o Recurrent) convolves() bool { return len(o.Over.Size) > 0 }

// grid is how a cellRun's state lies in space.
type grid struct {
	positions int // of each row of the batch; 0: the state has none
	box       box
	geometry  conv.Geometry // of its two inner axes
	kernel    *packedKernel // for Forward
	factor    []float32     // [rows, gates·u]: each gate's own; nil: none
}

// positions are those of a row of the batch.
func (s *cellRun) positions() int { return max(s.grid.positions, 1) }

// spread makes the rows those of the positions.
func (s *cellRun) spread(o Recurrent, in []*Tensor) {
	z := in[inZ].Shape
	var dims [maxRank]int
	x := append(append(Shape(dims[:0]), z[0]), z[2:]...)
	n := x.Last()
	x[len(x)-1] = o.Units * o.Over.Groups
	b := o.Over.box(x)
	s.grid = grid{box: b, geometry: o.Over.geometry(b, n), positions: x[1 : len(x)-1].Size()}
	if s.b *= s.grid.positions; s.b == 0 {
		s.grid.positions = 1 // nothing is ever convolved
	}
	if o.Over.Groups > 1 {
		s.grid.factor = in[inFactor].F32
	}
	if o.packed != nil {
		s.grid.kernel = o.packed.conv
	}
}

// eachPart calls f for what is convolved at once: a kernel's plane, and where input and output begin.
func (s *cellRun) eachPart(f func(g conv.Geometry, plane, x, y int)) {
	g := s.grid.geometry
	if s.grid.box.size[0] == 1 && s.grid.box.in[0] == 1 {
		f(g, 0, 0, 0)
		return
	}
	g.N = 1
	s.grid.box.eachPlane(func(k, x, y int) { f(g, k, x*g.H*g.W*g.C, y*g.OH*g.OW*g.Out) })
}

// meet is the state h [rows, u] as the kernel's groups meet it: itself, or once for each gate, by its factor.
func (s *cellRun) meet(h []float32) []float32 {
	f := s.grid.factor
	if f == nil {
		return h
	}
	wide := s.r.Dirty(len(f))
	for i, n := 0, s.grid.geometry.C; i < len(f); i += s.u {
		vec.Mul(wide[i:][:s.u], h[i/n*s.u:][:s.u], f[i:][:s.u])
	}
	return wide
}

// convolve adds h * kernel to z [rows, gates·u].
func (s *cellRun) convolve(h, z []float32) {
	if s.b == 0 {
		return
	}
	h = s.meet(h)
	s.eachPart(func(g conv.Geometry, k, x, y int) {
		conv.Forward(s.r.Pool, g, h[x:], s.grid.kernel.planes[k], z[y:], gemm.Epilogue{Accumulate: true})
	})
}

// convolveBack adds to dh the gradient of convolve's h.
func (s *cellRun) convolveBack(dz, dh []float32) {
	into, wide := dh, s.grid.geometry.C
	if s.grid.factor != nil {
		into = s.r.Scratch(len(s.grid.factor))
	}
	plane := len(s.kernel) / s.grid.box.size[0]
	s.eachPart(func(g conv.Geometry, k, x, y int) {
		conv.BackwardData(s.r.Pool, g, dz[y:], s.kernel[k*plane:][:plane], into[x:])
	})
	for i, f := range s.grid.factor {
		dh[i/wide*s.u+i%s.u] += f * into[i]
	}
}

// convolveFilter adds to dk the kernel's gradient over all steps: hs [T·rows, u], dzs [T·rows, gates·u].
func (s *cellRun) convolveFilter(hs, dzs []float32, steps int, dk []float32) {
	plane := len(dk) / s.grid.box.size[0]
	for t := range steps {
		h, dz := s.meet(hs[t*s.b*s.u:][:s.b*s.u]), dzs[t*s.b*s.grid.geometry.Out:]
		s.eachPart(func(g conv.Geometry, k, x, y int) {
			conv.BackwardFilter(s.r.Pool, g, h[x:], dz[y:], dk[k*plane:][:plane])
		})
	}
}

// putStep copies rows [B, n] to step at of x [B, T, n].
func putStep(x, rows []float32, at, steps, n int) {
	for b := range len(rows) / max(n, 1) {
		copy(x[(b*steps+at)*n:][:n], rows[b*n:])
	}
}

// masking is the mask [B, T] or [B, T, positions] of a run: of so many rows in each step.
type masking struct {
	mask      *Tensor // nil: none
	rows, per int
	steps     int
}

func (o Recurrent) masking(in []*Tensor) masking {
	z, m := in[inZ].Shape, masking{mask: in[inMask], per: 1}
	if m.mask != nil {
		m.per = m.mask.Shape[2:].Size()
	}
	m.rows, m.steps = z[0]*m.per, z[1]
	return m
}

// real says that a row's step isn't masked.
func (m masking) real(row, at int) bool {
	return m.mask == nil || m.mask.I32[(row/m.per*m.steps+at)*m.per+row%m.per] != 0
}

// agree says that both shapes may be the same one.
func agree(a, b Shape) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] && a[i] != graph.Unknown && b[i] != graph.Unknown {
			return false
		}
	}
	return true
}
