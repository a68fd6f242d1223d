package op

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
		for j := range c {
			c[j] = float32(f[j]*c0[j]) + float32(i[j]*g[j])
		}
		k.Act.set(ac, c)
		for j := range h {
			h[j] = o[j] * ac[j]
		}
	}
}

func (k LSTM) back(s *cellRun, z, prev, next, saved, dnext, dz, dprev []float32) []float32 {
	u, b := s.u, s.b
	act, gate := k.Act.derivative(), k.Gate.derivative()
	for row := range b {
		zr, a, d := z[row*4*u:][:4*u], saved[row*5*u:][:5*u], dz[row*4*u:][:4*u]
		for j := range u {
			i, f, g, o, ac := a[j], a[u+j], a[2*u+j], a[3*u+j], a[4*u+j]
			c, c0 := next[(b+row)*u+j], prev[(b+row)*u+j]
			dh := dnext[row*u+j]
			dc := dnext[(b+row)*u+j] + dh*o*act(c, ac)
			d[j] = dc * g * gate(zr[j], i)
			d[u+j] = dc * c0 * gate(zr[u+j], f)
			d[2*u+j] = dc * i * act(zr[2*u+j], g)
			d[3*u+j] = dh * ac * gate(zr[3*u+j], o)
			dprev[(b+row)*u+j] += dc * f
		}
	}
	return dz
}

func (LSTM) chain(s *cellRun, dz, _, _, dh []float32) { plainChain(s, dz, dh, 4*s.u) }

func (LSTM) kernel(s *cellRun, hs, dzs, _ []float32, steps, _ int, dk []float32) {
	plainKernel(s, hs, dzs, steps, 4*s.u, dk)
}
