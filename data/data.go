// Package data gives models their training data: batches of rows by index, from arrays in memory, .npz archives, .csv
// tables, idx files (MNIST), folders of images or texts, TFRecord files, and Go functions. Bad data is an error that names
// file, row and value.
//
// # What is in memory
//
// A [Source] gives rows in any order. Arrays and tables are in memory as floats; idx files as bytes. Arrays of an .npz that
// would take more than [InMemory] bytes stay in the file. Of folders and TFRecord files only the list of files or records
// is kept (some 100 bytes a file, 8 a record), and a batch is read and decoded when it is asked for.
//
// A [Stream] gives rows one after another only, such as a compressed TFRecord file. It is shuffled by a window that moves
// over it, as tf.data does it; a Source by a permutation of all its rows.
package data

import (
	"fmt"
	"math"
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
	file         string   // where they were read from
	lines        *lineMap // of a table
}

// NewArrays makes a Source of one input and one target; y may be nil.
func NewArrays(x, y *nn.Tensor) (*Arrays, error) {
	a := &Arrays{X: []*nn.Tensor{x}}
	if y != nil {
		a.Y = []*nn.Tensor{y}
	}
	return a, a.Check()
}

// Check tells whether the arrays have the same number of rows, and weights that are 0 or more.
func (a *Arrays) Check() error {
	if len(a.X) == 0 {
		return fmt.Errorf("there are no inputs")
	}
	for k, list := range [][]*nn.Tensor{a.X, a.Y, a.Weight} {
		for i, t := range list {
			if t == nil || len(t.Shape) == 0 {
				return fmt.Errorf("%s has no rows", arrayName(k, i, len(list)))
			}
			if n := a.X[0].Shape[0]; t.Shape[0] != n {
				return &safeio.FormatError{Msg: fmt.Sprintf("number of rows: %s has %d, %s has %d", arrayName(0, 0, len(a.X)), n, arrayName(k, i, len(list)), t.Shape[0])}
			}
		}
	}
	for i, t := range a.Weight {
		if err := checkWeights(0, t); err != nil {
			return safeio.At(err, safeio.Where{Object: arrayName(2, i, len(a.Weight))})
		}
	}
	return nil
}

// arrayName is what an .npz calls array i of n of a kind: inputs, targets, weights.
func arrayName(kind, i, n int) string {
	name := [...]string{"x", "y", "sample_weight"}[kind]
	if n > 1 {
		name = fmt.Sprintf("%s_%d", name, i)
	}
	return name
}

func checkWeights(first int, t *nn.Tensor) error {
	for i := range t.Len() {
		if v := number(t, i); !(v >= 0) || math.IsInf(v, 0) {
			return &safeio.FormatError{Msg: place(first, t, i), Want: "a weight of 0 or more", Got: fmt.Sprint(v)}
		}
	}
	return nil
}

// number is element i; NaN of text.
func number(t *nn.Tensor, i int) float64 {
	switch t.DType.Storage() {
	case graph.StoreF32:
		return float64(t.F32[i])
	case graph.StoreF64:
		return t.F64[i]
	case graph.StoreI32:
		return float64(t.I32[i])
	case graph.StoreI64:
		return float64(t.I64[i])
	}
	return math.NaN()
}

// place names element i of a tensor whose first row is row first of an array: "row 3", "row 3, column 1", "row 3 at [1 0]".
// All count from 0, as in NumPy.
func place(first int, t *nn.Tensor, i int) string {
	row := t.Shape[1:]
	n := max(row.Size(), 1)
	s := fmt.Sprintf("row %d", first+i/n)
	if n == 1 {
		return s
	}
	if len(row) == 1 {
		return fmt.Sprintf("%s, column %d", s, i%n)
	}
	at := make([]int, len(row))
	for k, rest := len(row)-1, i%n; k >= 0; k-- {
		at[k], rest = rest%row[k], rest/row[k]
	}
	return fmt.Sprintf("%s at %v", s, at)
}

// Where says where a row of s comes from, for errors: its file, and its number or line there.
func Where(s Source, row int) safeio.Where {
	if p, ok := s.(interface{ where(row int) safeio.Where }); ok {
		return p.where(row)
	}
	return safeio.Where{Object: fmt.Sprintf("row %d", row)}
}

func (a *Arrays) where(row int) safeio.Where {
	w := safeio.Where{File: a.file, Object: fmt.Sprintf("row %d", row)}
	if a.lines != nil {
		w.Object = fmt.Sprintf("line %d", a.lines.of(row))
	}
	return w
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
		gatherInto(&(*to)[i], t, rows)
	}
}

func gatherInto(to **nn.Tensor, t *nn.Tensor, rows []int) {
	d := room(to, t.Spec, len(rows))
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

func copyRows[T any](d, s []T, rows []int, n int) {
	for i, r := range rows {
		copy(d[i*n:(i+1)*n], s[r*n:(r+1)*n])
	}
}

// Split cuts a Source as Keras's validation_split does: the last part of the rows, before any shuffling, is for validation.
func Split(s Source, validation float64) (train, val Source, err error) {
	if _, ok := s.(Stream); ok {
		return nil, nil, fmt.Errorf("rows that come one after another (a compressed TFRecord file, say) can't be split; give validation data of its own")
	}
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

func (p *part) where(row int) safeio.Where { return Where(p.of, row+p.from) }

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
