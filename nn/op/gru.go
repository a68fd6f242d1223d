package op

import "kerasgo/internal/gemm"

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
		for j := range u {
			if k.ResetAfter {
				part[j] = inner[row*3*u+2*u+j]
				zr[2*u+j] += a[u+j] * part[j]
			} else {
				part[j] = a[u+j] * h[j]
			}
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
		for j := range y {
			y[j] = float32(a[j]*h[j]) + float32((1-a[j])*a[2*u+j])
		}
	}
}

func (k GRU) back(s *cellRun, z, prev, _, saved, dnext, dz, dprev []float32) []float32 {
	u, b := s.u, s.b
	act, gate := k.Act.derivative(), k.Gate.derivative()
	through := saved[4*b*u:][:b*3*u] // the work area isn't needed again
	for row := range b {
		zr, a, d := z[row*3*u:][:3*u], saved[row*4*u:][:4*u], dz[row*3*u:][:3*u]
		t := through[row*3*u:][:3*u]
		for j := range u {
			zt, rt, hh, part := a[j], a[u+j], a[2*u+j], a[3*u+j]
			dy := dnext[row*u+j]
			d[j] = dy * (prev[row*u+j] - hh) * gate(zr[j], zt)
			d[2*u+j] = dy * (1 - zt) * act(zr[2*u+j], hh)
			dprev[row*u+j] += dy * zt
			t[j], t[2*u+j] = d[j], d[2*u+j]
			if k.ResetAfter {
				d[u+j] = d[2*u+j] * part * gate(zr[u+j], rt)
				t[u+j], t[2*u+j] = d[u+j], d[2*u+j]*rt
			}
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
		for j := range u {
			v := drh[row*u+j]
			d[u+j] = v * prev[row*u+j] * gate(zr[u+j], a[u+j])
			through[row*3*u+u+j] = d[u+j]
			dprev[row*u+j] += v * a[u+j]
		}
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
