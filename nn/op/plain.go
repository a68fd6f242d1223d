package op

import (
	"fmt"
	"sync"

	"kerasgo/nn/graph"
)

// Plain is a rarer operation: a function of whole arrays, in float64 whatever numbers they are stored as, on one thread. Its
// results are stored as its shape rule says.
type Plain struct{ *plain }

type plain struct {
	name  string
	infer func(in []Spec) ([]Spec, error)
	room  func(in, out []Array) int // float64 of work; nil: none
	run   func(k *Arrays)
	back  func(k *Arrays) // adds to Din; nil: there is no gradient
	// measure is the last dimension of the first output, where data decides it.
	measure func(k *Arrays) int
}

// Array is an operand or a result of a Plain; X is nil where it isn't given, or isn't wanted.
type Array struct {
	Shape Shape
	X     []float64
}

// Arrays are what a Plain works on. Dout and Din are there going backwards.
type Arrays struct {
	Run       *Run
	in, out   []Array
	dout, din []Array
	work      []float64
	all       [4][maxPlain]Array
	room      []float64
}

// maxPlain bounds the operands, and the results, of a Plain.
const maxPlain = 4

var plains = sync.Pool{New: func() any { return new(Arrays) }}

// Differentiable says that training may go through the operation.
func (o Plain) Differentiable() bool { return o.back != nil }

// String is the operation's name.
func (o Plain) String() string { return o.name }

// Infer implements graph.Op.
func (o Plain) Infer(in []Spec) ([]Spec, error) {
	for _, s := range in {
		if s.DType == graph.String {
			return nil, fmt.Errorf("%s needs numbers, found strings", o.name)
		}
	}
	out, err := o.infer(in)
	for _, s := range out {
		if err == nil {
			err = bounded(s.Shape)
		}
	}
	return out, err
}

// FLOPs implements graph.Coster, roughly.
func (o Plain) FLOPs(in, _ []Spec) int64 { return 2 * int64(in[0].Shape.Size()) }

// take gives k room for n numbers.
func (k *Arrays) take(n int) []float64 {
	if n > len(k.room) {
		k.room = make([]float64, n)
	}
	x := k.room[:n:n]
	k.room = k.room[n:]
	return x
}

func (k *Arrays) hold(which int, ts []*Tensor, fill bool) []Array {
	held := k.all[which][:len(ts)]
	for i, t := range ts {
		held[i] = Array{}
		if t == nil {
			continue
		}
		held[i] = Array{t.Shape, k.take(t.Len())}
		if fill {
			toFloats(held[i].X, t)
		} else {
			clear(held[i].X)
		}
	}
	return held
}

func total(ts []*Tensor) (n int) {
	for _, t := range ts {
		if t != nil {
			n += t.Len()
		}
	}
	return n
}

// Forward implements graph.Op.
func (o Plain) Forward(r *Run, in, out []*Tensor) {
	k := plains.Get().(*Arrays)
	defer k.release()
	k.Run = r
	k.shapes(in, out)
	n := 0
	if o.plain.room != nil {
		n = o.plain.room(k.all[0][:len(in)], k.all[1][:len(out)])
	}
	k.room = r.Wide(total(in) + total(out) + n)
	k.in, k.out, k.work = k.hold(0, in, true), k.hold(1, out, false), k.take(n)
	o.run(k)
	for i, t := range out {
		if t != nil {
			fromFloats(t, k.out[i].X)
		}
	}
}

func (k *Arrays) shapes(in, out []*Tensor) {
	for i, t := range in {
		if k.all[0][i] = (Array{}); t != nil {
			k.all[0][i].Shape = t.Shape
		}
	}
	for i, t := range out {
		if k.all[1][i] = (Array{}); t != nil {
			k.all[1][i].Shape = t.Shape
		}
	}
}

func (k *Arrays) release() {
	*k = Arrays{}
	plains.Put(k)
}

// Backward implements graph.Op.
func (o Plain) Backward(r *Run, in, out, dout, din []*Tensor) {
	if o.back == nil {
		return
	}
	k := plains.Get().(*Arrays)
	defer k.release()
	k.Run = r
	k.shapes(in, out)
	n := 0
	if o.plain.room != nil {
		n = o.plain.room(k.all[0][:len(in)], k.all[1][:len(out)])
	}
	k.room = r.Wide(total(in) + total(out) + total(dout) + total(din) + n)
	k.in, k.out, k.dout, k.din = k.hold(0, in, true), k.hold(1, out, true), k.hold(2, dout, true), k.hold(3, din, false)
	k.work = k.take(n)
	o.back(k)
	for i, t := range din {
		if t != nil && t.F32 != nil {
			for j, v := range k.din[i].X {
				t.F32[j] += float32(v)
			}
		}
	}
}

// Counted is a Plain the last dimension of whose first result data decides.
type Counted struct{ Plain }

// Measure implements graph.Measurer.
func (o Counted) Measure(r *Run, in []*Tensor) int {
	k := plains.Get().(*Arrays)
	defer k.release()
	k.Run = r
	k.room = r.Wide(total(in))
	k.in = k.hold(0, in, true)
	return max(0, o.measure(k))
}

// toFloats copies the elements of any tensor of numbers.
func toFloats(to []float64, t *Tensor) {
	switch t.DType.Storage() {
	case graph.StoreF32:
		for i, v := range t.F32 {
			to[i] = float64(v)
		}
	case graph.StoreF64:
		copy(to, t.F64)
	case graph.StoreI32:
		for i, v := range t.I32 {
			to[i] = float64(v)
		}
	case graph.StoreI64:
		for i, v := range t.I64 {
			to[i] = float64(v)
		}
	}
}

// fromFloats stores numbers in a tensor's dtype.
func fromFloats(t *Tensor, from []float64) {
	switch t.DType.Storage() {
	case graph.StoreF32:
		for i, v := range from {
			t.F32[i] = float32(v)
		}
		t.Round()
	case graph.StoreF64:
		copy(t.F64, from)
	case graph.StoreI32:
		for i, v := range from {
			t.I32[i] = int32(v)
		}
		wrap(t)
	case graph.StoreI64:
		for i, v := range from {
			t.I64[i] = int64(v)
		}
	}
}
