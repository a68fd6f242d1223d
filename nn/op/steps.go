package op

import (
	"fmt"

	"kerasgo/nn/graph"
)

// Steps runs a built-in recurrence as Keras writes it down, product by product and sum by sum, each rounded to the dtype of
// its inputs: for what isn't float32. Inputs: x [B, T, F], kernel [F, gates·Units], recurrent kernel [Units, gates·Units], bias?,
// recurrent bias? [gates·Units], mask? [B, T], then optionally the initial states [B, Units].
//
// Outputs: the last output [B, Units]; the sequence [B, T, Units], in the order of processing; the final states.
//
// Source: keras/src/layers/rnn/lstm.py, gru.py, simple_rnn.py
type Steps struct {
	noGrad
	Kind       string // LSTM, GRU or SimpleRNN
	Units      int
	Act, Gate  Unary
	ResetAfter bool // of a GRU
	BiasFirst  bool // an LSTM's bias is added before the recurrent product: Keras's implementation 1

	Backwards, ZeroMasked bool
}

// The inputs of Steps.
const (
	stepsX = iota
	stepsKernel
	stepsRecurrent
	stepsBias
	stepsRecurrentBias
	stepsMask
	stepsStates
)

func (o Steps) gates() (gates, states int) {
	switch o.Kind {
	case "LSTM":
		return 4, 2
	case "GRU":
		return 3, 1
	}
	return 1, 1
}

// Infer implements graph.Op.
func (o Steps) Infer(in []Spec) ([]Spec, error) {
	gates, states := o.gates()
	x, d := in[stepsX].Shape, in[stepsX].DType
	if len(x) != 3 {
		return nil, fmt.Errorf("needs [batch, time, features], found %v", x)
	}
	k, u := Shape{x.Last(), gates * o.Units}, Shape{o.Units, gates * o.Units}
	if !in[stepsKernel].Shape.Equal(k) || !in[stepsRecurrent].Shape.Equal(u) {
		return nil, fmt.Errorf("needs [batch, time, features] and kernels for them, found %v, %v and %v", x, in[stepsKernel].Shape,
			in[stepsRecurrent].Shape)
	}
	for i, s := range in {
		if s.Shape != nil && i != stepsMask && s.DType != d {
			return nil, fmt.Errorf("needs operands of one dtype, found %v and %v", d, s.DType)
		}
	}
	if len(in) > stepsStates && len(in) != stepsStates+states {
		return nil, fmt.Errorf("has %d states, found %d", states, len(in)-stepsStates)
	}
	state := Shape{x[0], o.Units}
	for _, s := range in[stepsStates:] {
		if !agree(s.Shape, state) {
			return nil, fmt.Errorf("an initial state is %v, found %v", state, s.Shape)
		}
	}
	if m := in[stepsMask].Shape; m != nil && !agree(m, x[:2]) {
		return nil, fmt.Errorf("a mask %v doesn't fit the steps of %v", m, x)
	}
	out := []Spec{{Shape: state, DType: d}, {Shape: Shape{x[0], x[1], o.Units}, DType: d}}
	for range states {
		out = append(out, Spec{Shape: state, DType: d})
	}
	return out, nil
}

// FLOPs implements graph.Coster.
func (o Steps) FLOPs(in, _ []Spec) int64 {
	x := in[stepsX].Shape
	return 2 * int64(x[0]*x[1]) * int64(in[stepsKernel].Shape.Size()+in[stepsRecurrent].Shape.Size())
}

// stepping is a run of Steps: everything as float64, rounded after each operation.
type stepping struct {
	o                 Steps
	act, gate         pointwise
	dtype             graph.DType
	kernel, recurrent []float64
	bias, inner       []float64 // nil: none

	x, z, h, next, c, part []float64 // of one row
	last                   []float64
}

// Forward implements graph.Op.
func (o Steps) Forward(r *Run, in, out []*Tensor) {
	gates, states := o.gates()
	x, u := in[stepsX].Shape, o.Units
	batch, steps, f := x[0], x[1], x[2]
	n := gates * u
	room := r.Wide((f+u+2)*n + f + 2*n + 5*u)
	take := func(k int) []float64 {
		part := room[:k:k]
		room = room[k:]
		return part
	}
	copied := func(t *Tensor) []float64 {
		if t == nil {
			return nil
		}
		to := take(t.Len())
		widen(to, t, 0)
		return to
	}
	s := stepping{o: o, dtype: in[stepsX].DType, kernel: copied(in[stepsKernel]), recurrent: copied(in[stepsRecurrent]),
		bias: copied(in[stepsBias]), inner: copied(in[stepsRecurrentBias]), x: take(f), z: take(n), part: take(n), h: take(u),
		next: take(u), c: take(u), last: take(u)}
	if o.Act.Fn != "" {
		s.act = function(o.Act.Fn)
	}
	if o.Gate.Fn != "" {
		s.gate = function(o.Gate.Fn)
	}
	for b := range batch {
		clear(s.h)
		clear(s.c)
		clear(s.last)
		for i := range len(in) - stepsStates {
			widen([][]float64{s.h, s.c}[i], in[stepsStates+i], b*u)
		}
		for t := range steps {
			at := t
			if o.Backwards {
				at = steps - 1 - t
			}
			if m := in[stepsMask]; m != nil && m.I32[b*steps+at] == 0 {
				if o.ZeroMasked {
					clear(s.last)
				}
			} else {
				widen(s.x, in[stepsX], (b*steps+at)*f)
				s.step()
				copy(s.h, s.next)
				copy(s.last, s.next)
			}
			narrow(out[1], (b*steps+t)*u, s.last)
		}
		narrow(out[0], b*u, s.last)
		narrow(out[2], b*u, s.h)
		if states > 1 {
			narrow(out[3], b*u, s.c)
		}
	}
}

// widen copies elements of t, from at on.
func widen(to []float64, t *Tensor, at int) {
	if t.F64 != nil {
		copy(to, t.F64[at:])
		return
	}
	for i := range to {
		to[i] = float64(t.F32[at+i])
	}
}

// narrow puts elements into t (or nil), from at on.
func narrow(t *Tensor, at int, from []float64) {
	switch {
	case t == nil:
	case t.F64 != nil:
		copy(t.F64[at:], from)
	default:
		for i, v := range from {
			t.F32[at+i] = float32(v)
		}
	}
}

func (s *stepping) round(v float64) float64 {
	switch s.dtype {
	case graph.Float16:
		return float64(graph.RoundFloat16(float32(v)))
	case graph.BFloat16:
		return float64(graph.RoundBFloat16(float32(v)))
	}
	return v
}

// apply is a function of each element, rounded.
func (s *stepping) apply(p *pointwise, by Unary, x []float64) {
	for i, v := range x {
		if y, ok := inSteps(by.Fn, by.Args, v, s.dtype); ok && s.dtype != graph.Float64 {
			x[i] = y
		} else if p.known() {
			x[i] = s.round(p.at(v, by.Args))
		}
	}
}

// product sets y to x times columns [from, from+len(y)) of a matrix that is width wide, rounded.
func (s *stepping) product(y, x, kernel []float64, from, width int) {
	clear(y)
	for c, v := range x {
		for j, w := range kernel[c*width+from:][:len(y)] {
			y[j] += v * w
		}
	}
	for j, v := range y {
		y[j] = s.round(v)
	}
}

// add adds x, or nil, to y.
func (s *stepping) add(y, x []float64) {
	for i, v := range x {
		y[i] = s.round(y[i] + v)
	}
}

// step makes next, and c, of x and h.
func (s *stepping) step() {
	n := len(s.z)
	s.product(s.z, s.x, s.kernel, 0, n)
	switch s.o.Kind {
	case "LSTM":
		s.lstm()
	case "GRU":
		s.gru()
	default:
		s.add(s.z, s.bias)
		s.product(s.part, s.h, s.recurrent, 0, n)
		s.add(s.z, s.part)
		s.apply(&s.act, s.o.Act, s.z)
		copy(s.next, s.z)
	}
}

func (s *stepping) lstm() {
	u := s.o.Units
	s.product(s.part, s.h, s.recurrent, 0, 4*u)
	if s.o.BiasFirst {
		s.add(s.z, s.bias)
		s.add(s.z, s.part)
	} else {
		s.add(s.z, s.part)
		s.add(s.z, s.bias)
	}
	s.apply(&s.gate, s.o.Gate, s.z[:2*u])
	s.apply(&s.act, s.o.Act, s.z[2*u:3*u])
	s.apply(&s.gate, s.o.Gate, s.z[3*u:])
	for j := range u {
		s.c[j] = s.round(s.round(s.z[u+j]*s.c[j]) + s.round(s.z[j]*s.z[2*u+j]))
	}
	copy(s.next, s.c)
	s.apply(&s.act, s.o.Act, s.next)
	for j := range u {
		s.next[j] = s.round(s.z[3*u+j] * s.next[j])
	}
}

func (s *stepping) gru() {
	u := s.o.Units
	s.add(s.z, s.bias)
	if s.o.ResetAfter {
		s.product(s.part, s.h, s.recurrent, 0, 3*u)
		s.add(s.part, s.inner)
	} else {
		s.product(s.part[:2*u], s.h, s.recurrent, 0, 3*u)
	}
	s.add(s.z[:2*u], s.part[:2*u])
	s.apply(&s.gate, s.o.Gate, s.z[:2*u])
	inner := s.part[2*u:]
	if s.o.ResetAfter {
		for j := range u {
			inner[j] = s.round(s.z[u+j] * inner[j])
		}
	} else {
		for j := range u {
			s.next[j] = s.round(s.z[u+j] * s.h[j])
		}
		s.product(inner, s.next, s.recurrent, 2*u, 3*u)
	}
	s.add(s.z[2*u:], inner)
	s.apply(&s.act, s.o.Act, s.z[2*u:])
	for j := range u {
		z := s.z[j]
		s.next[j] = s.round(s.round(z*s.h[j]) + s.round(s.round(1-z)*s.z[2*u+j]))
	}
}
