// Package op holds the operations that layers are made of: each one says its shape rule, runs forward and backward, and
// tells the compiler what may be fused into it. An operation is an immutable value; its exported fields describe it.
package op

import (
	"fmt"
	"slices"

	"kerasgo/internal/vec"
	"kerasgo/nn/graph"
)

// Short names: every file here speaks of these.
type (
	// Spec is graph.Spec.
	Spec = graph.Spec
	// Shape is graph.Shape.
	Shape = graph.Shape
	// Tensor is graph.Tensor.
	Tensor = graph.Tensor
	// Run is graph.Run.
	Run = graph.Run
)

// noGrad is embedded by operations without a gradient.
type noGrad struct{}

// Backward implements graph.Op: nothing flows back.
func (noGrad) Backward(*Run, []*Tensor, []*Tensor, []*Tensor, []*Tensor) {}

func specs(s ...Spec) ([]Spec, error) { return s, nil }

func f32(dims ...int) Spec { return graph.F32(dims...) }

// Axis resolves a possibly negative axis of a shape of the given rank.
func Axis(axis, rank int) (int, error) {
	a := axis
	if a < 0 {
		a += rank
	}
	if a < 0 || a >= rank {
		return 0, fmt.Errorf("axis %d is outside the %d axes of the input", axis, rank)
	}
	return a, nil
}

// nest is a loop nest over up to three operands, each with its own strides (0: broadcast). It is the plain way to walk
// any broadcast, reduction or transposition; operations with a faster way for common shapes take that first.
type nest struct {
	rank   int
	dims   [maxRank]int
	stride [3][maxRank]int
	base   [3]int
}

// maxRank bounds the rank of tensors that nest can walk.
const maxRank = 10

func checkRank(shapes ...Shape) error {
	for _, s := range shapes {
		if len(s) > maxRank {
			return fmt.Errorf("rank %d is more than %d", len(s), maxRank)
		}
	}
	return nil
}

// newNest walks over; operands are aligned with its last axes, those of size 1 are broadcast.
func newNest(over Shape, operands ...Shape) nest {
	l := nest{rank: len(over)}
	copy(l.dims[:], over)
	for i, s := range operands {
		step := 1
		for d := len(s) - 1; d >= 0; d-- {
			if s[d] != 1 {
				l.stride[i][d+len(over)-len(s)] = step
			}
			step *= s[d]
		}
	}
	return l
}

// each calls f with the offsets of every element.
func (l *nest) each(f func(a, b, c int)) { l.walk(0, l.base[0], l.base[1], l.base[2], f) }

func (l *nest) walk(d, a, b, c int, f func(a, b, c int)) {
	if d == l.rank {
		f(a, b, c)
		return
	}
	for range l.dims[d] {
		l.walk(d+1, a, b, c, f)
		a, b, c = a+l.stride[0][d], b+l.stride[1][d], c+l.stride[2][d]
	}
}

// Broadcast is the shape of an elementwise result, by NumPy's rule. An unknown dimension stays unknown unless the other
// side decides it.
func Broadcast(a, b Shape) (Shape, error) {
	if len(a) < len(b) {
		a, b = b, a
	}
	out := slices.Clone(a)
	for i := range b {
		switch d := &out[len(a)-len(b)+i]; {
		case *d == 1 || *d == graph.Unknown && b[i] > 1:
			*d = b[i]
		case b[i] != 1 && b[i] != *d && b[i] != graph.Unknown && *d != graph.Unknown:
			return nil, fmt.Errorf("shapes %v and %v can't be broadcast together", a, b)
		}
	}
	return out, nil
}

// add adds x to y.
func add(y, x []float32) {
	y = y[:len(x)]
	vec.Add(y, y, x)
}

func truth(b bool) int32 {
	if b {
		return 1
	}
	return 0
}
