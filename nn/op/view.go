package op

import (
	"fmt"
	"slices"

	"kerasgo/nn/graph"
)

// View keeps the first Lead dimensions; the others become To, where one -1 takes the rest. A Plan doesn't copy it.
type View struct {
	Lead int
	To   Shape
}

// View implements graph.Viewer.
func (View) View() bool { return true }

// Infer implements graph.Op.
func (o View) Infer(in []Spec) ([]Spec, error) {
	x := in[0].Shape
	if len(x) < o.Lead {
		return nil, fmt.Errorf("needs %d dimensions or more, found shape %v", o.Lead, x)
	}
	to, rest, known := slices.Clone(o.To), x[o.Lead:].Size(), 1
	free := slices.Index(to, -1)
	for _, d := range to {
		if d != -1 {
			known *= d
		}
	}
	switch {
	case rest == graph.Unknown:
	case free >= 0 && known > 0 && rest%known == 0:
		to[free] = rest / known
	case free >= 0 || rest != known:
		return nil, fmt.Errorf("can't reshape %v to %v", x, append(slices.Clone(x[:o.Lead]), o.To...))
	}
	return []Spec{{Shape: append(slices.Clone(x[:o.Lead]), to...), DType: in[0].DType}}, nil
}

// Forward implements graph.Op.
func (View) Forward(_ *Run, in, out []*Tensor) { out[0].CopyFrom(in[0]) }

// Sets implements graph.Setter.
func (View) Sets() {}

// Backward implements graph.Op.
func (View) Backward(r *Run, _, _, dout, din []*Tensor) { addOrSet(din[0].F32, dout[0].F32, r.Fresh()) }

// addOrSet adds x to y, or where y holds nothing yet copies it.
func addOrSet(y, x []float32, fresh bool) {
	if fresh {
		copy(y, x)
		return
	}
	add(y, x)
}
