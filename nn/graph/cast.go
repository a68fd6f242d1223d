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
		dst.Round()
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
	const sign = 1 << 31
	b := math.Float32bits(v)
	switch a := b &^ sign; {
	case a >= 0x7f800000: // infinite, or not a number
		return v
	case a >= 0x477ff000: // 65520 and more
		return math.Float32frombits(b&sign | 0x7f800000)
	case a < 0x38800000: // below 2^-14 all are multiples of 2^-24, as floats from 0.5 to 1 are
		small := math.Float32frombits(a) + .5
		return math.Float32frombits(b&sign | math.Float32bits(small-.5))
	}
	b += 0xfff + b>>13&1
	return math.Float32frombits(b &^ 0x1fff)
}

// HalfBits are the bits of the IEEE half nearest to v; not a number stays that.
func HalfBits(v float32) uint16 {
	r := RoundFloat16(v)
	bits := math.Float32bits(r)
	sign := uint16(bits >> 16 & 0x8000)
	switch a := math.Abs(float64(r)); {
	case r != r: // a payload that doesn't fit still has to be one
		return sign | 0x7c00 | max(uint16(bits>>13&0x3ff), 1)
	case math.IsInf(a, 0):
		return sign | 0x7c00
	case a < 1.0/(1<<14):
		return sign | uint16(a*(1<<24))
	}
	return sign | uint16(bits>>13&0x3ff) | uint16(bits>>23&0xff-112)<<10
}

// Round rounds the elements to what the tensor's dtype can hold, where that is less than float32's.
func (t *Tensor) Round() {
	switch t.DType {
	case BFloat16:
		roundAll(t.F32, RoundBFloat16)
	case Float16:
		roundAll(t.F32, RoundFloat16)
	}
}
