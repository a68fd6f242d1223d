package graph

import (
	"fmt"
	"slices"
	"strings"
)

// Unknown is a dimension that only a run decides (Keras's None). Executors call every shape rule again with the
// concrete shapes, so there is no symbolic algebra.
const Unknown = -1

// Shape is a row-major shape; dimensions may be Unknown until a run.
type Shape []int

// Size is the number of elements, or Unknown.
func (s Shape) Size() int {
	n := 1
	for _, d := range s {
		if d == Unknown {
			return Unknown
		}
		n *= d
	}
	return n
}

// Known says that no dimension is Unknown.
func (s Shape) Known() bool { return !slices.Contains(s, Unknown) }

// Last is the last dimension.
func (s Shape) Last() int { return s[len(s)-1] }

// With returns s without its last drop dimensions, then tail.
func (s Shape) With(drop int, tail ...int) Shape {
	return append(slices.Clone(s[:len(s)-drop]), tail...)
}

// Equal says that both have the same dimensions.
func (s Shape) Equal(t Shape) bool { return slices.Equal(s, t) }

// String is the shape as Keras prints it: (None, 28, 28).
func (s Shape) String() string {
	var b strings.Builder
	b.WriteByte('(')
	for i, d := range s {
		if i > 0 {
			b.WriteString(", ")
		}
		if d == Unknown {
			b.WriteString("None")
		} else {
			fmt.Fprint(&b, d)
		}
	}
	if len(s) == 1 {
		b.WriteByte(',')
	}
	b.WriteByte(')')
	return b.String()
}

// Spec is what a shape rule knows of a value.
type Spec struct {
	Shape Shape
	DType DType
}

// String is the type and the shape.
func (s Spec) String() string { return s.DType.String() + s.Shape.String() }

// F32 is the Spec of float32 values of the given dimensions.
func F32(dims ...int) Spec { return Spec{Shape: dims} }

// Tensor is a Spec with data; its shape is concrete. Exactly one of the slices, the one DType.Storage names, holds the
// elements in row-major order.
type Tensor struct {
	Spec
	F32 []float32
	F64 []float64
	I32 []int32
	I64 []int64
	Str []string
}

// New returns a zero tensor of a concrete spec.
func New(s Spec) *Tensor {
	t := &Tensor{Spec: s}
	n := s.Shape.Size()
	if n < 0 {
		panic("graph.New: shape " + s.Shape.String() + " isn't concrete")
	}
	switch s.DType.Storage() {
	case StoreF32:
		t.F32 = make([]float32, n)
	case StoreF64:
		t.F64 = make([]float64, n)
	case StoreI32:
		t.I32 = make([]int32, n)
	case StoreI64:
		t.I64 = make([]int64, n)
	case StoreStr:
		t.Str = make([]string, n)
	}
	return t
}

// NewTensor returns a zero float32 tensor.
func NewTensor(dims ...int) *Tensor { return New(F32(dims...)) }

// FromF32 wraps data, without copying it, as a float32 tensor. The product of dims must be len(data).
func FromF32(data []float32, dims ...int) *Tensor {
	if Shape(dims).Size() != len(data) {
		panic(fmt.Sprintf("graph.FromF32: %d values for shape %v", len(data), Shape(dims)))
	}
	return &Tensor{Spec: F32(dims...), F32: data}
}

// FromI32 wraps data, without copying it, as an int32 tensor. The product of dims must be len(data).
func FromI32(data []int32, dims ...int) *Tensor {
	if Shape(dims).Size() != len(data) {
		panic(fmt.Sprintf("graph.FromI32: %d values for shape %v", len(data), Shape(dims)))
	}
	return &Tensor{Spec: Spec{dims, Int32}, I32: data}
}

// Len is the number of elements.
func (t *Tensor) Len() int { return t.Shape.Size() }

// Clone is a deep copy.
func (t *Tensor) Clone() *Tensor {
	return &Tensor{Spec{slices.Clone(t.Shape), t.DType}, slices.Clone(t.F32), slices.Clone(t.F64), slices.Clone(t.I32),
		slices.Clone(t.I64), slices.Clone(t.Str)}
}

// CopyFrom copies the elements of s, which has the same storage and size.
func (t *Tensor) CopyFrom(s *Tensor) {
	copy(t.F32, s.F32)
	copy(t.F64, s.F64)
	copy(t.I32, s.I32)
	copy(t.I64, s.I64)
	copy(t.Str, s.Str)
}

// Zero clears the elements.
func (t *Tensor) Zero() {
	clear(t.F32)
	clear(t.F64)
	clear(t.I32)
	clear(t.I64)
	clear(t.Str)
}

// Rows is the view of elements [from, to) along the first axis; the data is shared.
func (t *Tensor) Rows(from, to int) *Tensor {
	n := 1
	for _, d := range t.Shape[1:] {
		n *= d
	}
	v := &Tensor{Spec: Spec{append(Shape{to - from}, t.Shape[1:]...), t.DType}}
	switch t.DType.Storage() {
	case StoreF32:
		v.F32 = t.F32[from*n : to*n]
	case StoreF64:
		v.F64 = t.F64[from*n : to*n]
	case StoreI32:
		v.I32 = t.I32[from*n : to*n]
	case StoreI64:
		v.I64 = t.I64[from*n : to*n]
	case StoreStr:
		v.Str = t.Str[from*n : to*n]
	}
	return v
}

// Reshaped shares t's data under another shape of the same size.
func (t *Tensor) Reshaped(dims ...int) *Tensor {
	if Shape(dims).Size() != t.Len() {
		panic(fmt.Sprintf("graph: can't view %v as %v", t.Shape, Shape(dims)))
	}
	v := *t
	v.Shape = dims
	return &v
}
