package hdf5

import (
	"encoding/binary"
	"math"
	"strings"
	"unsafe"

	"kerasgo/internal/safeio"
)

// number is what datasets are read as.
type number interface{ float32 | float64 | int64 }

// rawView returns dst's own memory when elements of type t are stored exactly
// as this machine keeps them, so that data can be read straight into it; nil
// when they must be converted.
func rawView[T number](dst []T, t Type) []byte {
	var zero T
	size := int(unsafe.Sizeof(zero))
	_, isInt := any(zero).(int64)
	same := t.Size == size && (t.Kind == Float && !isInt || t.Kind == Int && isInt)
	if !same || t.BigEndian != hostBigEndian() || len(dst) == 0 {
		return nil
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&dst[0])), len(dst)*size)
}

// hostBigEndian reports this machine's byte order.
func hostBigEndian() bool {
	return binary.NativeEndian.Uint16([]byte{0, 1}) == 1
}

// convert decodes len(dst) elements of type t.
func convert[T number](dst []T, raw []byte, t Type) error {
	if len(dst) == 0 {
		return nil
	}
	if !t.Numeric() {
		return &safeio.UnsupportedError{Msg: "can't be read", Want: "numbers", Got: t.String()}
	}
	if view := rawView(dst, t); view != nil {
		copy(view, raw)
		return nil
	}
	var order binary.ByteOrder = binary.LittleEndian
	if t.BigEndian {
		order = binary.BigEndian
	}
	size := t.Size
	at := func(i int) []byte { return raw[i*size : (i+1)*size] }
	bad := -1
	switch {
	case t.Kind == BFloat16:
		for i := range dst {
			bad = put(dst, i, float64(math.Float32frombits(uint32(order.Uint16(at(i)))<<16)), bad)
		}
	case t.Kind == Float && size == 2:
		for i := range dst {
			bad = put(dst, i, float64(float16(order.Uint16(at(i)))), bad)
		}
	case t.Kind == Float && size == 4:
		for i := range dst {
			bad = put(dst, i, float64(math.Float32frombits(order.Uint32(at(i)))), bad)
		}
	case t.Kind == Float:
		for i := range dst {
			bad = put(dst, i, math.Float64frombits(order.Uint64(at(i))), bad)
		}
	case t.Kind == Int:
		for i := range dst {
			dst[i] = T(int64(integer(at(i), order)<<(64-8*size)) >> (64 - 8*size))
		}
	default: // Uint, Bool
		_, isInt := any(dst[0]).(int64)
		for i := range dst {
			v := integer(at(i), order)
			if isInt && v > math.MaxInt64 {
				bad = i
			}
			dst[i] = T(v)
		}
	}
	if bad >= 0 {
		return formatErrorf("element %d of a %s isn't an int64", bad, t)
	}
	return nil
}

// put stores v in dst[i]. For integers it returns i if v isn't one, else bad.
func put[T number](dst []T, i int, v float64, bad int) int {
	dst[i] = T(v)
	if _, isInt := any(dst[i]).(int64); isInt && (v != math.Trunc(v) || v < -1<<63 || v >= 1<<63) {
		return i
	}
	return bad
}

// integer reads an unsigned integer of 1, 2, 4 or 8 bytes.
func integer(b []byte, order binary.ByteOrder) uint64 {
	switch len(b) {
	case 1:
		return uint64(b[0])
	case 2:
		return uint64(order.Uint16(b))
	case 4:
		return uint64(order.Uint32(b))
	}
	return order.Uint64(b)
}

// float16 widens an IEEE binary16, exactly.
func float16(h uint16) float32 {
	sign := uint32(h>>15) << 31
	exp := uint32(h >> 10 & 31)
	man := uint32(h & 0x3ff)
	switch exp {
	case 0: // zero and subnormals: man x 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(man)*(1.0/(1<<24))))
	case 31:
		return math.Float32frombits(sign | 0xff<<23 | man<<13)
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | man<<13)
}

// strings decodes len(dst) strings of type t.
func (f *File) strings(dst []string, raw []byte, t Type) error {
	if !t.VLen {
		for i := range dst {
			dst[i] = trim(string(raw[i*t.Size:(i+1)*t.Size]), t.Pad)
		}
		return nil
	}
	for i := range dst {
		c := f.src.decode(raw[i*t.Size : (i+1)*t.Size])
		n, addr, index := c.u32(), c.addr(), c.u32()
		if c.err != nil {
			return c.err
		}
		if n == 0 || addr == 0 || addr == undef {
			dst[i] = ""
			continue
		}
		s, err := f.heap.object(addr, int(index))
		if err != nil {
			return err
		}
		if uint64(n) > uint64(len(s)) {
			return formatErrorf("string of %d bytes in a heap object of %d", n, len(s))
		}
		dst[i] = trim(s[:n], NullTerminated)
	}
	return nil
}

// trim cuts a fixed-length string's padding off.
func trim(s string, p Pad) string {
	switch p {
	case NullTerminated:
		s, _, _ = strings.Cut(s, "\x00")
		return s
	case SpacePadded:
		return strings.TrimRight(s, " ")
	}
	return strings.TrimRight(s, "\x00")
}

// DecodeFloat32 decodes len(dst) elements of type t from raw, as
// [Dataset.ReadFloat32] does. Too few bytes are a [safeio.FormatError].
func DecodeFloat32(dst []float32, raw []byte, t Type) error {
	if len(raw)/max(1, t.Size) < len(dst) {
		return formatErrorf("%d elements of %s in %d bytes", len(dst), t, len(raw))
	}
	return convert(dst, raw, t)
}
