// Package data gives models their training data: batches of rows by index, from arrays in memory, .npz archives, .csv
// tables, idx files (MNIST) and folders of images. Nothing needs a whole set as floats in memory, and bad data is an error
// that names file, row and value.
package data

import (
	"fmt"
	"slices"

	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// Source is a set of rows. Its methods may be called from several goroutines at once, each with a Batch of its own.
type Source interface {
	// Len is the number of rows.
	Len() int
	// Read fills b with the given rows, in that order; rows may repeat.
	Read(b *Batch, rows []int) error
}

// Batch is some rows of a Source. Its tensors are reused by the next Read.
type Batch struct {
	X []*nn.Tensor // the model's inputs, in order
	Y []*nn.Tensor // its targets, in the order of the outputs; none: the rows are only predicted
	// Weight says how much each row counts: none, one for all outputs, or one for each.
	Weight []*nn.Tensor
}

// resize gives *list n tensors.
func resize(list *[]*nn.Tensor, n int) {
	for len(*list) < n {
		*list = append(*list, nil)
	}
	*list = (*list)[:n]
}

// room makes *t a tensor of rows rows like those of s, in the memory that *t has if that is enough.
func room(t **nn.Tensor, s nn.Spec, rows int) *nn.Tensor {
	return roomOf(t, s.DType, rows, s.Shape[1:])
}

// roomOf is room for rows of the given type and shape.
func roomOf(t **nn.Tensor, d nn.DType, rows int, row nn.Shape) *nn.Tensor {
	old := *t
	if old == nil || old.DType != d || !slices.Equal(old.Shape[1:], row) || !grow(old, rows) {
		*t = graph.New(nn.Spec{Shape: append(nn.Shape{rows}, row...), DType: d})
	}
	return *t
}

// grow sets the number of rows of t, if its memory holds as many.
func grow(t *nn.Tensor, rows int) bool {
	n := rows * t.Shape[1:].Size()
	switch t.DType.Storage() {
	case graph.StoreF32:
		return resliced(&t.F32, n) && setRows(t, rows)
	case graph.StoreF64:
		return resliced(&t.F64, n) && setRows(t, rows)
	case graph.StoreI32:
		return resliced(&t.I32, n) && setRows(t, rows)
	case graph.StoreI64:
		return resliced(&t.I64, n) && setRows(t, rows)
	}
	return resliced(&t.Str, n) && setRows(t, rows)
}

func resliced[T any](s *[]T, n int) bool {
	if n > cap(*s) {
		return false
	}
	*s = (*s)[:n]
	return true
}

func setRows(t *nn.Tensor, rows int) bool {
	t.Shape[0] = rows
	return true
}

// Arrays is a Source in memory. The first dimension of every tensor is the number of rows.
type Arrays struct {
	X, Y, Weight []*nn.Tensor
}

// NewArrays makes a Source of one input and one target; y may be nil.
func NewArrays(x, y *nn.Tensor) (*Arrays, error) {
	a := &Arrays{X: []*nn.Tensor{x}}
	if y != nil {
		a.Y = []*nn.Tensor{y}
	}
	return a, a.Check()
}

// Check tells whether the arrays have the same number of rows, and weights without NaN.
func (a *Arrays) Check() error {
	if len(a.X) == 0 {
		return fmt.Errorf("there are no inputs")
	}
	for _, list := range [][]*nn.Tensor{a.X, a.Y, a.Weight} {
		for i, t := range list {
			if t == nil || len(t.Shape) == 0 {
				return fmt.Errorf("array %d has no rows", i)
			}
			if t.Shape[0] != a.X[0].Shape[0] {
				return fmt.Errorf("arrays have %d and %d rows", a.X[0].Shape[0], t.Shape[0])
			}
		}
	}
	for _, t := range a.Weight {
		for i, v := range t.F32 {
			if v != v || v < 0 {
				return &safeio.FormatError{Msg: fmt.Sprintf("sample weight of row %d", i), Want: "0 or more", Got: fmt.Sprint(v)}
			}
		}
	}
	return nil
}

// Len implements Source.
func (a *Arrays) Len() int {
	if len(a.X) == 0 {
		return 0
	}
	return a.X[0].Shape[0]
}

// Read implements Source.
func (a *Arrays) Read(b *Batch, rows []int) error {
	gather(&b.X, a.X, rows)
	gather(&b.Y, a.Y, rows)
	gather(&b.Weight, a.Weight, rows)
	return nil
}

// gather copies rows.
func gather(to *[]*nn.Tensor, from []*nn.Tensor, rows []int) {
	resize(to, len(from))
	for i, t := range from {
		d := room(&(*to)[i], t.Spec, len(rows))
		n := t.Shape[1:].Size()
		switch t.DType.Storage() {
		case graph.StoreF32:
			copyRows(d.F32, t.F32, rows, n)
		case graph.StoreF64:
			copyRows(d.F64, t.F64, rows, n)
		case graph.StoreI32:
			copyRows(d.I32, t.I32, rows, n)
		case graph.StoreI64:
			copyRows(d.I64, t.I64, rows, n)
		case graph.StoreStr:
			copyRows(d.Str, t.Str, rows, n)
		}
	}
}

func copyRows[T any](d, s []T, rows []int, n int) {
	for i, r := range rows {
		copy(d[i*n:(i+1)*n], s[r*n:(r+1)*n])
	}
}

// Split cuts a Source as Keras's validation_split does: the last part of the rows, before any shuffling, is for validation.
func Split(s Source, validation float64) (train, val Source, err error) {
	n := s.Len()
	at := int(float64(n) * (1 - validation))
	if !(validation > 0 && validation < 1) || at == 0 || at == n {
		return nil, nil, fmt.Errorf("%d rows can't be split into training and validation by %v", n, validation)
	}
	return &part{s, 0, at}, &part{s, at, n - at}, nil
}

// part is n rows of a Source from an offset on.
type part struct {
	of      Source
	from, n int
}

// Len implements Source.
func (p *part) Len() int { return p.n }

// Read implements Source. The rows are shifted in place for the time of the call, so that nothing is allocated.
func (p *part) Read(b *Batch, rows []int) error {
	if p.from == 0 {
		return p.of.Read(b, rows)
	}
	for i := range rows {
		rows[i] += p.from
	}
	defer func() {
		for i := range rows {
			rows[i] -= p.from
		}
	}()
	return p.of.Read(b, rows)
}
