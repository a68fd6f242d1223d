package op

import (
	"fmt"
	"sync"

	"kerasgo/internal/vec"
	"kerasgo/nn/graph"
)

// MaskRule is what becomes of scores that a mask drops; it shows where a whole row is dropped.
type MaskRule int

// The rules.
const (
	// MaskLowest puts the lowest number there: a dropped row is uniform.
	MaskLowest MaskRule = iota
	// MaskZero makes weights of zero: a dropped row is all zeros.
	MaskZero
	// MaskSubtract takes 1e9 away, as Keras 2 and Attention do: a dropped row is nearly uniform, and has a gradient.
	MaskSubtract
)

// MaskedSoftmax is a softmax of scores [B, N, T, S] over S, where row t sees column s only if every mask says so: the bools
// that are its further inputs, of four dimensions, each of the scores' size or 1; s <= t if Causal; |t-s| < Window unless
// that is 0. The second output is what they say together, a bool of four dimensions, each the scores' or 1.
//
// Source: keras/src/layers/activations/softmax.py, keras/src/backend/tensorflow/nn.py (_apply_masks),
// keras/src/layers/attention/attention.py
type MaskedSoftmax struct {
	Rule   MaskRule
	Causal bool
	Window int
}

// Infer implements graph.Op.
func (o MaskedSoftmax) Infer(in []Spec) ([]Spec, error) {
	x := in[0].Shape
	if len(x) != 4 || in[0].DType != graph.Float32 {
		return nil, fmt.Errorf("needs float32 scores of four dimensions, found %v", in[0])
	}
	for _, m := range in[1:] {
		if m.DType != graph.Bool || len(m.Shape) != 4 {
			return nil, fmt.Errorf("a mask must be a bool of four dimensions, found %v", m)
		}
		for d, n := range m.Shape {
			if n != 1 && n != x[d] && n != graph.Unknown && x[d] != graph.Unknown {
				return nil, fmt.Errorf("a mask of shape %v doesn't fit scores of shape %v", m.Shape, x)
			}
		}
	}
	return specs(in[0], Spec{Shape: o.seen(in), DType: graph.Bool})
}

// seen is the shape of the masks together.
func (o MaskedSoftmax) seen(in []Spec) Shape {
	s := Shape{1, 1, 1, 1}
	if o.Causal || o.Window > 0 {
		copy(s[2:], in[0].Shape[2:])
	}
	for _, m := range in[1:] {
		for d, n := range m.Shape {
			if n != 1 {
				s[d] = n
			}
		}
	}
	return s
}

// InPlace implements graph.InPlacer.
func (MaskedSoftmax) InPlace() bool { return true }

// FLOPs implements graph.Coster.
func (MaskedSoftmax) FLOPs(in, _ []Spec) int64 { return 5 * int64(in[0].Shape.Size()) }

// masks says that anything is masked.
func (o MaskedSoftmax) masks(in []*Tensor) bool { return o.Causal || o.Window > 0 || len(in) > 1 }

// visible marks in see (1 or 0) the columns that row t of head n of example b sees.
func (o MaskedSoftmax) visible(see []float32, in []*Tensor, b, n, t int) {
	for s := range see {
		see[s] = 1
	}
	if o.Causal && t+1 < len(see) {
		clear(see[t+1:])
	}
	if o.Window > 0 {
		clear(see[:min(len(see), max(0, t-o.Window+1))])
		if o.Window < len(see)-t {
			clear(see[t+o.Window:])
		}
	}
	for _, m := range in[1:] {
		at := 0
		for d, i := range [3]int{b, n, t} {
			at *= m.Shape[d]
			if m.Shape[d] > 1 {
				at += i
			}
		}
		switch row := m.I32[at*m.Shape[3]:][:m.Shape[3]]; {
		case len(row) == len(see):
			for s, v := range row {
				if v == 0 {
					see[s] = 0
				}
			}
		case row[0] == 0:
			clear(see)
		}
	}
}

// lowest is what Keras's dot_product_attention puts in the place of dropped scores.
const lowest = -0.7 * 3.38953e38

// Forward implements graph.Op.
func (o MaskedSoftmax) Forward(r *Run, in, out []*Tensor) {
	x := in[0]
	if len(out) > 1 && out[1] != nil {
		o.tell(r, in, out[1])
	}
	if x.Len() == 0 {
		return
	}
	l := softRowsPool.Get().(*softRows)
	T, S := x.Shape[2], x.Shape[3]
	rows := x.Len() / S
	per := max(1, piece/S)
	pieces := (rows + per - 1) / per
	*l = softRows{o: o, in: in, x: x.F32, y: out[0].F32, S: S, T: T, heads: x.Shape[1], per: per}
	if o.masks(in) {
		l.see = r.Dirty(pieces * S)
	}
	if pieces == 1 {
		l.Do(0, 0)
	} else {
		r.Pool.Run(pieces, l)
	}
	*l = softRows{}
	softRowsPool.Put(l)
}

// tell writes the masks together.
func (o MaskedSoftmax) tell(r *Run, in []*Tensor, y *Tensor) {
	S := y.Shape[3]
	see := r.Dirty(S)
	for row := range y.Len() / max(1, S) {
		o.visible(see, in, row/(y.Shape[1]*y.Shape[2]), row/y.Shape[2]%y.Shape[1], row%y.Shape[2])
		for s, v := range see {
			y.I32[row*S+s] = int32(v)
		}
	}
}

// softRows is a MaskedSoftmax cut into pieces of per rows.
type softRows struct {
	o                MaskedSoftmax
	in               []*Tensor
	x, y, see        []float32
	S, T, heads, per int
}

var softRowsPool = sync.Pool{New: func() any { return new(softRows) }}

// Do implements par.Task.
func (l *softRows) Do(_, i int) {
	S := l.S
	from, to := i*l.per, min((i+1)*l.per, len(l.x)/S)
	if l.see == nil {
		vec.Softmax(l.y[from*S:], l.x[from*S:], to-from, S)
		return
	}
	see := l.see[i*S:][:S]
	for row := from; row < to; row++ {
		x, y := l.x[row*S:][:S], l.y[row*S:][:S]
		l.o.visible(see, l.in, row/(l.heads*l.T), row/l.T%l.heads, row%l.T)
		for s, v := range see {
			switch {
			case v != 0:
				y[s] = x[s]
			case l.o.Rule == MaskSubtract:
				y[s] = x[s] - 1e9
			case l.o.Rule == MaskZero:
				y[s] = -1e9
			default:
				y[s] = lowest
			}
		}
		vec.Softmax(y, y, 1, S)
		if l.o.Rule == MaskZero {
			vec.Mul(y, y, see)
		}
	}
}

// Backward implements graph.Op.
func (o MaskedSoftmax) Backward(r *Run, in, out, dout, din []*Tensor) {
	if in[0].Len() == 0 {
		return
	}
	s := in[0].Shape
	T, S := s[2], s[3]
	cut := o.masks(in) && o.Rule != MaskSubtract
	if !cut {
		softmaxBack(r, out[0].F32, dout[0].F32, din[0].F32, S)
		return
	}
	see := r.Dirty(S)
	for row := range in[0].Len() / S {
		y, dy, dx := out[0].F32[row*S:][:S], dout[0].F32[row*S:][:S], din[0].F32[row*S:][:S]
		var dot float64
		for i, v := range y {
			dot += float64(v) * float64(dy[i])
		}
		o.visible(see, in, row/(s[1]*T), row/T%s[1], row%T)
		for i, v := range y {
			if see[i] != 0 {
				dx[i] += v * (dy[i] - float32(dot))
			}
		}
	}
}
