package npy

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"

	"kerasgo/internal/safeio"
	"kerasgo/nn/graph"
)

// chunk is how many bytes are decoded at a time.
const chunk = 1 << 16

// decode fills t's elements in the file's order.
func (h *header) decode(t *graph.Tensor, r io.Reader) error {
	if h.dtype == graph.String {
		return h.decodeStrings(t.Str, r)
	}
	buf := make([]byte, min(chunk, h.count*h.item))
	per := chunk / h.item
	for from := 0; from < h.count; from += per {
		to := min(from+per, h.count)
		b := buf[:(to-from)*h.item]
		if _, err := io.ReadFull(r, b); err != nil {
			return short(err)
		}
		if h.big {
			swap(b, h.item)
		}
		switch h.dtype.Storage() {
		case graph.StoreF32:
			h.floats(t.F32[from:to], b)
		case graph.StoreF64:
			for i := range to - from {
				t.F64[from+i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
			}
		case graph.StoreI32:
			h.ints(t.I32[from:to], b)
		case graph.StoreI64:
			h.longs(t.I64[from:to], b)
		}
	}
	return nil
}

// swap turns big-endian elements around.
func swap(b []byte, item int) {
	for ; len(b) >= item && item > 1; b = b[item:] {
		for i, j := 0, item-1; i < j; i, j = i+1, j-1 {
			b[i], b[j] = b[j], b[i]
		}
	}
}

func (h *header) floats(dst []float32, b []byte) {
	if h.item == 2 {
		for i := range dst {
			dst[i] = halfToFloat(binary.LittleEndian.Uint16(b[2*i:]))
		}
		return
	}
	for i := range dst {
		dst[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
	}
}

func (h *header) ints(dst []int32, b []byte) {
	switch h.dtype {
	case graph.Bool:
		for i := range dst {
			dst[i] = 0
			if b[i] != 0 {
				dst[i] = 1
			}
		}
	case graph.Int8:
		for i := range dst {
			dst[i] = int32(int8(b[i]))
		}
	case graph.Uint8:
		for i := range dst {
			dst[i] = int32(b[i])
		}
	case graph.Int16:
		for i := range dst {
			dst[i] = int32(int16(binary.LittleEndian.Uint16(b[2*i:])))
		}
	case graph.Uint16:
		for i := range dst {
			dst[i] = int32(binary.LittleEndian.Uint16(b[2*i:]))
		}
	default:
		for i := range dst {
			dst[i] = int32(binary.LittleEndian.Uint32(b[4*i:]))
		}
	}
}

func (h *header) longs(dst []int64, b []byte) {
	if h.item == 4 { // uint32
		for i := range dst {
			dst[i] = int64(binary.LittleEndian.Uint32(b[4*i:]))
		}
		return
	}
	for i := range dst {
		dst[i] = int64(binary.LittleEndian.Uint64(b[8*i:]))
	}
}

// decodeStrings reads fixed-width strings: UTF-32 for U, bytes for S, padded
// with NULs.
func (h *header) decodeStrings(dst []string, r io.Reader) error {
	if len(dst) == 0 {
		return nil // an element may declare any size then
	}
	b := make([]byte, h.item)
	var text strings.Builder
	for i := range dst {
		if _, err := io.ReadFull(r, b); err != nil {
			return short(err)
		}
		if h.kind == 'S' {
			dst[i] = strings.TrimRight(string(b), "\x00")
			continue
		}
		if h.big {
			swap(b, 4)
		}
		text.Reset()
		end := len(b)
		for end >= 4 && binary.LittleEndian.Uint32(b[end-4:]) == 0 {
			end -= 4
		}
		for j := 0; j < end; j += 4 {
			u := binary.LittleEndian.Uint32(b[j:])
			if u > utf8.MaxRune || !utf8.ValidRune(rune(u)) {
				return &safeio.FormatError{Msg: fmt.Sprintf("string %d holds %#x, which is no character", i, u)}
			}
			text.WriteRune(rune(u))
		}
		dst[i] = text.String()
	}
	return nil
}

// halfToFloat widens an IEEE half, exactly.
func halfToFloat(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp, frac := uint32(h>>10&31), uint32(h&0x3ff)
	switch exp {
	case 0: // zero or subnormal: frac * 2^-24
		return math.Float32frombits(math.Float32bits(float32(frac)/(1<<24)) | sign)
	case 31: // infinity or NaN
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+127-15)<<23 | frac<<13)
}

// toC reorders elements whose first axis is fastest.
func toC(t *graph.Tensor) *graph.Tensor {
	out := graph.New(t.Spec)
	from := fortranOrder(t.Shape)
	switch t.DType.Storage() {
	case graph.StoreF32:
		gather(out.F32, t.F32, from)
	case graph.StoreF64:
		gather(out.F64, t.F64, from)
	case graph.StoreI32:
		gather(out.I32, t.I32, from)
	case graph.StoreI64:
		gather(out.I64, t.I64, from)
	case graph.StoreStr:
		gather(out.Str, t.Str, from)
	}
	return out
}

func gather[T any](dst, src []T, from func() int) {
	for i := range dst {
		dst[i] = src[from()]
	}
}

// fortranOrder returns a function that gives, call by call, where the next
// element in C order lies in Fortran order.
func fortranOrder(shape graph.Shape) func() int {
	stride := make([]int, len(shape))
	n := 1
	for i, d := range shape {
		stride[i] = n
		n *= d
	}
	index := make([]int, len(shape))
	at := 0
	return func() int {
		now := at
		for i := len(shape) - 1; i >= 0; i-- {
			index[i]++
			at += stride[i]
			if index[i] < shape[i] {
				break
			}
			at -= stride[i] * shape[i]
			index[i] = 0
		}
		return now
	}
}
