package graph

import "fmt"

// DType is the element type of a value, named as in Keras.
type DType uint8

// The element types that Keras files can hold.
const (
	Float32 DType = iota
	Float64
	Float16
	BFloat16
	Int8
	Int16
	Int32
	Int64
	Uint8
	Uint16
	Uint32
	Uint64
	Bool
	String
)

var dtypeNames = [...]string{"float32", "float64", "float16", "bfloat16", "int8", "int16", "int32", "int64",
	"uint8", "uint16", "uint32", "uint64", "bool", "string"}

// String is Keras's name of the type.
func (d DType) String() string {
	if int(d) < len(dtypeNames) {
		return dtypeNames[d]
	}
	return fmt.Sprintf("dtype(%d)", uint8(d))
}

// ParseDType reads Keras's name of a type.
func ParseDType(name string) (DType, error) {
	for i, s := range dtypeNames {
		if s == name {
			return DType(i), nil
		}
	}
	return 0, fmt.Errorf("unknown dtype %q", name)
}

// Float says that the type is a floating-point one.
func (d DType) Float() bool { return d <= BFloat16 }

// Integer says that the type is an integer one; bool isn't.
func (d DType) Integer() bool { return d >= Int8 && d <= Uint64 }

// Storage is which slice of a Tensor holds the elements.
type Storage uint8

// The storages. Half-width floats are kept as float32 that were rounded; bool (0 or 1) and the integers up to 32 bits
// as int32; uint32 and the 64-bit integers as int64.
const (
	StoreF32 Storage = iota
	StoreF64
	StoreI32
	StoreI64
	StoreStr
)

// Storage says which slice of a Tensor holds elements of this type.
func (d DType) Storage() Storage {
	switch d {
	case Float32, Float16, BFloat16:
		return StoreF32
	case Float64:
		return StoreF64
	case Int64, Uint32, Uint64:
		return StoreI64
	case String:
		return StoreStr
	}
	return StoreI32
}

// Size is the number of bytes that Keras counts for an element; 0 for strings.
func (d DType) Size() int {
	switch d {
	case Float64, Int64, Uint64:
		return 8
	case Float32, Int32, Uint32:
		return 4
	case Float16, BFloat16, Int16, Uint16:
		return 2
	case String:
		return 0
	}
	return 1
}
