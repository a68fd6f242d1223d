package op

// SimpleRNN is Keras's SimpleRNN cell: h = act(z + h·recurrent).
//
// Source: keras/src/layers/rnn/simple_rnn.py
type SimpleRNN struct{ Act Unary }

func (SimpleRNN) sizes() (gates, states, saved int) { return 1, 1, 0 }

func (k SimpleRNN) step(s *cellRun, z, prev, next, _ []float32) {
	s.times(prev, z, s.u, 0, 0, s.u, s.u)
	k.Act.set(next, z)
}

func (k SimpleRNN) back(s *cellRun, z, _, next, _, dnext, dz, _ []float32) []float32 {
	act := k.Act.differential(s.room)
	clear(dz)
	act.add(dz, dnext, z, next)
	return dz
}

func (SimpleRNN) chain(s *cellRun, dz, _, _, dh []float32) { plainChain(s, dz, dh, s.u) }

func (SimpleRNN) kernel(s *cellRun, hs, dzs, _ []float32, steps, _ int, dk []float32) {
	plainKernel(s, hs, dzs, steps, s.u, dk)
}
