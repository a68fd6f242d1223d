package op

import (
	"kerasgo/internal/gemm"
	"kerasgo/internal/vec"
)

// GRU is Keras's GRU cell: gates z, r, h. It saves the gates after their activations and, with ResetAfter, the recurrent
// part of h; without, r·h.
//
// Source: keras/src/layers/rnn/gru.py
type GRU struct {
	Act, Gate  Unary
	ResetAfter bool
}

func (GRU) sizes() (gates, states, saved int) { return 3, 1, 7 }

// saved blocks: z, r, hh, inner (or r·h), and a work area of three.
func (k GRU) step(s *cellRun, z, prev, next, saved []float32) {
	u, b := s.u, s.b
	inner := saved[4*b*u:] // [B, 3U], all rows together, as the product wants it
	if k.ResetAfter {
		for row := range b {
			clear(inner[row*3*u:][:3*u])
			if s.bias != nil {
				copy(inner[row*3*u:][:3*u], s.bias)
			}
		}
		s.times(prev, inner, 3*u, 0, 0, 3*u, 3*u)
	} else {
		s.times(prev, z, 3*u, 0, 0, 2*u, 3*u)
	}
	for row := range b {
		zr, a := z[row*3*u:][:3*u], saved[row*4*u:][:4*u]
		if k.ResetAfter {
			add(zr[:2*u], inner[row*3*u:][:2*u])
		}
		k.Gate.set(a[:2*u], zr[:2*u])
		h, part := prev[row*u:][:u], a[3*u:][:u]
		if k.ResetAfter {
			copy(part, inner[row*3*u+2*u:])
			vec.MulAdd(zr[2*u:], a[u:2*u], part)
		} else {
			vec.Mul(part, a[u:2*u], h)
		}
	}
	if !k.ResetAfter {
		rh := inner[:b*u]
		for row := range b {
			copy(rh[row*u:][:u], saved[row*4*u+3*u:][:u])
		}
		s.times(rh, z, 3*u, 2*u, 2*u, u, 3*u)
	}
	for row := range b {
		zr, a, h, y := z[row*3*u:][:3*u], saved[row*4*u:][:4*u], prev[row*u:][:u], next[row*u:][:u]
		k.Act.set(a[2*u:3*u], zr[2*u:])
		vec.Sub(y, h, a[2*u:])
		vec.Mul(y, y, a)
		vec.Add(y, y, a[2*u:])
	}
}

func (k GRU) back(s *cellRun, z, prev, _, saved, dnext, dz, dprev []float32) []float32 {
	u, b, part := s.u, s.b, s.row
	act, gate := k.Act.differential(s.room), k.Gate.differential(s.room)
	through := saved[4*b*u:][:b*3*u] // the work area isn't needed again
	clear(dz)
	for row := range b {
		zr, a, d := z[row*3*u:][:3*u], saved[row*4*u:][:4*u], dz[row*3*u:][:3*u]
		t, dy := through[row*3*u:][:3*u], dnext[row*u:][:u]
		zt, rt, hh := a[:u], a[u:][:u], a[2*u:][:u]
		vec.Sub(part, prev[row*u:], hh)
		vec.Mul(part, part, dy)
		gate.add(d[:u], part, zr[:u], zt)
		vec.MulAdd(dprev[row*u:][:u], dy, zt)
		vec.Mul(part, dy, zt)
		vec.Sub(part, dy, part)
		act.add(d[2*u:], part, zr[2*u:], hh)
		if k.ResetAfter {
			vec.Mul(part, d[2*u:], a[3*u:])
			gate.add(d[u:2*u], part, zr[u:2*u], rt)
			copy(t, d[:2*u])
			vec.Mul(t[2*u:], d[2*u:], rt)
		} else {
			copy(t, d)
		}
	}
	if k.ResetAfter {
		return through
	}
	// r·h met the last block: its gradient goes on to r and to h.
	drh := s.r.Scratch(b * u)
	gemm.NT(s.r.Pool, b, u, u, dz[2*u:], 3*u, s.kernel[2*u:], 3*u, drh, u, gemm.Epilogue{Accumulate: true})
	for row := range b {
		zr, a, d := z[row*3*u:][:3*u], saved[row*4*u:][:4*u], dz[row*3*u:][:3*u]
		v, dr := drh[row*u:][:u], d[u:2*u]
		vec.Mul(part, v, prev[row*u:])
		gate.add(dr, part, zr[u:2*u], a[u:2*u])
		copy(through[row*3*u+u:], dr)
		vec.MulAdd(dprev[row*u:][:u], v, a[u:2*u])
	}
	return through
}

func (k GRU) chain(s *cellRun, dz, _, _, dh []float32) {
	u := s.u
	if k.ResetAfter {
		plainChain(s, dz, dh, 3*u)
		return
	}
	gemm.NT(s.r.Pool, s.b, u, 2*u, dz, 3*u, s.kernel, 3*u, dh, u, gemm.Epilogue{Accumulate: true})
}

func (k GRU) kernel(s *cellRun, hs, dzs, kept []float32, steps, width int, dk []float32) {
	u, b := s.u, s.b
	if k.ResetAfter {
		plainKernel(s, hs, dzs, steps, 3*u, dk)
		return
	}
	more := gemm.Epilogue{Accumulate: true}
	gemm.TN(s.r.Pool, u, 2*u, steps*b, hs, u, dzs, 3*u, dk, 3*u, more)
	rh := s.r.Dirty(steps * b * u)
	for t := range steps {
		saved := kept[t*b*width+b*3*u:]
		for row := range b {
			copy(rh[(t*b+row)*u:][:u], saved[row*4*u+3*u:][:u])
		}
	}
	gemm.TN(s.r.Pool, u, u, steps*b, rh, u, dzs[2*u:], 3*u, dk[2*u:], 3*u, more)
}
