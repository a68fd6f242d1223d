package graph

import (
	"fmt"
	"math"
)

// Bytes is the size of the elements where they are stored; strings count as 16.
func (t *Tensor) Bytes() int64 {
	return int64(len(t.F32))*4 + int64(len(t.F64))*8 + int64(len(t.I32))*4 + int64(len(t.I64))*8 + int64(len(t.Str))*16
}

// As converts the elements as TensorFlow's cast does: floats to integers towards zero, anything to bool by != 0. t itself
// is returned where the type is the same.
func (t *Tensor) As(d DType) (*Tensor, error) {
	if t.DType == d {
		return t, nil
	}
	if t.DType == String || d == String {
		return nil, fmt.Errorf("can't convert %v to %v", t.DType, d)
	}
	out := New(Spec{t.Shape, d})
	Cast(out, t)
	return out, nil
}

type number interface {
	~float32 | ~float64 | ~int32 | ~int64
}

// Cast fills dst with the elements of src converted to dst's type, as TensorFlow's cast does. Sizes are equal and neither
// holds strings.
func Cast(dst, src *Tensor) {
	switch src.DType.Storage() {
	case StoreF32:
		castFrom(dst, src.F32)
	case StoreF64:
		castFrom(dst, src.F64)
	case StoreI32:
		castFrom(dst, src.I32)
	case StoreI64:
		castFrom(dst, src.I64)
	}
}

func castFrom[S number](dst *Tensor, src []S) {
	switch dst.DType.Storage() {
	case StoreF32:
		convert(dst.F32, src)
		switch dst.DType {
		case BFloat16:
			roundAll(dst.F32, RoundBFloat16)
		case Float16:
			roundAll(dst.F32, RoundFloat16)
		}
	case StoreF64:
		convert(dst.F64, src)
	case StoreI32:
		if dst.DType == Bool {
			for i, v := range src {
				dst.I32[i] = 0
				if v != 0 {
					dst.I32[i] = 1
				}
			}
			return
		}
		convert(dst.I32, src)
		for i, v := range dst.I32 {
			dst.I32[i] = wrap(v, dst.DType)
		}
	case StoreI64:
		convert(dst.I64, src)
		if dst.DType == Uint32 {
			for i, v := range dst.I64 {
				dst.I64[i] = int64(uint32(v))
			}
		}
	}
}

func convert[D, S number](dst []D, src []S) {
	for i, v := range src {
		dst[i] = D(v)
	}
}

// wrap keeps a value in its integer type's range, by two's complement.
func wrap(v int32, d DType) int32 {
	switch d {
	case Int8:
		return int32(int8(v))
	case Int16:
		return int32(int16(v))
	case Uint8:
		return int32(uint8(v))
	case Uint16:
		return int32(uint16(v))
	}
	return v
}

func roundAll(x []float32, f func(float32) float32) {
	for i, v := range x {
		x[i] = f(v)
	}
}

// RoundBFloat16 rounds to the nearest bfloat16, ties to even.
func RoundBFloat16(v float32) float32 {
	b := math.Float32bits(v)
	if v != v {
		return math.Float32frombits(b&0xffff0000 | 0x400000)
	}
	b += 0x7fff + b>>16&1
	return math.Float32frombits(b & 0xffff0000)
}

// RoundFloat16 rounds to the nearest IEEE half, ties to even, with gradual underflow and overflow to infinity.
func RoundFloat16(v float32) float32 {
	a := math.Abs(float64(v))
	if v != v || a == 0 || math.IsInf(a, 0) {
		return v
	}
	_, e := math.Frexp(a) // a = f * 2^e, f in [0.5, 1)
	ulp := math.Ldexp(1, max(e-11, -24))
	r := math.RoundToEven(a/ulp) * ulp
	if r > 65504 {
		r = math.Inf(1)
	}
	return float32(math.Copysign(r, float64(v)))
}
