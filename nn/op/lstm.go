package op

import "kerasgo/internal/vec"

// LSTM is Keras's LSTM cell: gates i, f, c, o; states h, c. It saves the gates after their activations, and act(c).
//
// Source: keras/src/layers/rnn/lstm.py
type LSTM struct{ Act, Gate Unary }

func (LSTM) sizes() (gates, states, saved int) { return 4, 2, 5 }

func (k LSTM) step(s *cellRun, z, prev, next, saved []float32) {
	u, b := s.u, s.b
	s.times(prev[:b*u], z, 4*u, 0, 0, 4*u, 4*u)
	for row := range b {
		zr, a := z[row*4*u:][:4*u], saved[row*5*u:][:5*u]
		k.Gate.set(a[:2*u], zr[:2*u])
		k.Act.set(a[2*u:3*u], zr[2*u:3*u])
		k.Gate.set(a[3*u:4*u], zr[3*u:])
		i, f, g, o, ac := a[:u], a[u:][:u], a[2*u:][:u], a[3*u:][:u], a[4*u:][:u]
		h, c, c0 := next[row*u:][:u], next[(b+row)*u:][:u], prev[(b+row)*u:][:u]
		vec.Mul(c, f, c0)
		vec.MulAdd(c, i, g)
		k.Act.set(ac, c)
		vec.Mul(h, o, ac)
	}
}

func (k LSTM) back(s *cellRun, z, prev, next, saved, dnext, dz, dprev []float32) []float32 {
	u, b, t := s.u, s.b, s.row
	act, gate := k.Act.differential(s.room), k.Gate.differential(s.room)
	clear(dz)
	for row := range b {
		zr, a, d := z[row*4*u:][:4*u], saved[row*5*u:][:5*u], dz[row*4*u:][:4*u]
		i, f, g, o, ac := a[:u], a[u:][:u], a[2*u:][:u], a[3*u:][:u], a[4*u:]
		c, c0 := next[(b+row)*u:][:u], prev[(b+row)*u:][:u]
		dh, dc := dnext[row*u:][:u], dnext[(b+row)*u:][:u]
		vec.Mul(t, dh, o)
		act.add(dc, t, c, ac)
		vec.Mul(t, dc, g)
		gate.add(d[:u], t, zr[:u], i)
		vec.Mul(t, dc, c0)
		gate.add(d[u:2*u], t, zr[u:2*u], f)
		vec.Mul(t, dc, i)
		act.add(d[2*u:3*u], t, zr[2*u:3*u], g)
		vec.Mul(t, dh, ac)
		gate.add(d[3*u:], t, zr[3*u:], o)
		vec.MulAdd(dprev[(b+row)*u:][:u], dc, f)
	}
	return dz
}

func (LSTM) chain(s *cellRun, dz, _, _, dh []float32) { plainChain(s, dz, dh, 4*s.u) }

func (LSTM) kernel(s *cellRun, hs, dzs, _ []float32, steps, _ int, dk []float32) {
	plainKernel(s, hs, dzs, steps, 4*s.u, dk)
}
