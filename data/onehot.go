package data

import (
	"fmt"
	"math"
	"sync"

	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// OneHot turns the classes of a Source's only target into rows of zeros and a one, as categorical_crossentropy wants them:
// Keras's label_mode="categorical".
func OneHot(s Source, classes int) Source { return relabel(s, classes) }

// Binary turns the classes of a Source's only target, which must be 0 or 1, into floats of shape (rows, 1), as
// binary_crossentropy wants them: Keras's label_mode="binary".
func Binary(s Source) Source { return relabel(s, 0) }

func relabel(s Source, classes int) Source {
	l := &labels{Source: s, classes: classes}
	if st, ok := s.(Stream); ok {
		return &labelStream{l, st}
	}
	return l
}

// labels is a Source whose classes are one-hot, or 0 and 1 as floats if classes is 0.
type labels struct {
	Source
	classes int
	mu      sync.Mutex
	spare   [][]*nn.Tensor // targets of the Source, kept from one Read to the next; Reads may overlap
}

// labelStream is labels of a Stream.
type labelStream struct {
	*labels
	of Stream
}

// Rewind implements Stream.
func (s *labelStream) Rewind(p Pass) error { return s.of.Rewind(p) }

// Close implements Stream.
func (s *labelStream) Close() error { return s.of.Close() }

func (s *labels) where(row int) safeio.Where { return Where(s.Source, row) }

// Read implements Source.
func (s *labels) Read(b *Batch, rows []int) error {
	inner := Batch{X: b.X, Y: s.take(), Weight: b.Weight}
	defer func() { s.give(inner.Y) }()
	if err := s.Source.Read(&inner, rows); err != nil {
		return err
	}
	if len(inner.Y) != 1 || inner.Y[0].Shape[1:].Size() != 1 {
		return fmt.Errorf("one target of one class a row can be made one-hot or binary")
	}
	b.X, b.Weight = inner.X, inner.Weight
	resize(&b.Y, 1)
	y := roomOf(&b.Y[0], graph.Float32, len(rows), nn.Shape{max(s.classes, 1)})
	y.Zero()
	top := s.classes - 1
	if s.classes == 0 {
		top = 1
	}
	for i, r := range rows {
		c := number(inner.Y[0], i)
		if !(c >= 0 && c <= float64(top)) || c != math.Trunc(c) {
			return &safeio.FormatError{Where: Where(s.Source, r), Msg: "the target", Want: fmt.Sprintf("a class from 0 to %d", top), Got: fmt.Sprint(c)}
		}
		if s.classes == 0 {
			y.F32[i] = float32(c)
		} else {
			y.F32[i*s.classes+int(c)] = 1
		}
	}
	return nil
}

func (s *labels) take() []*nn.Tensor {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := len(s.spare)
	if n == 0 {
		return nil
	}
	t := s.spare[n-1]
	s.spare = s.spare[:n-1]
	return t
}

func (s *labels) give(t []*nn.Tensor) {
	s.mu.Lock()
	s.spare = append(s.spare, t)
	s.mu.Unlock()
}
