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

// Write writes t as a .npy file, byte for byte as NumPy 2 writes it in C
// order. bfloat16, which NumPy lacks, is written as float32; strings as U
// arrays, or as S arrays where one of them isn't UTF-8. A string that ends in
// NUL, which NumPy can't hold, is an UnsupportedError.
func Write(w io.Writer, t *graph.Tensor) error {
	descr, width, err := descrOf(t)
	if err != nil {
		return err
	}
	if _, err := w.Write(encodeHeader(descr, false, t.Shape)); err != nil {
		return err
	}
	if t.DType == graph.String {
		return writeStrings(w, t.Str, descr[1] == 'S', width)
	}
	buf := make([]byte, 0, chunk+8)
	for i := range t.Len() {
		if buf = appendElement(buf, t, i); len(buf) >= chunk {
			if _, err := w.Write(buf); err != nil {
				return err
			}
			buf = buf[:0]
		}
	}
	_, err = w.Write(buf)
	return err
}

// descrOf is NumPy's spelling of a tensor's type and, of strings, the longest
// one's length in characters or bytes.
func descrOf(t *graph.Tensor) (descr string, width int, err error) {
	switch t.DType {
	case graph.Float32, graph.BFloat16:
		return "<f4", 0, nil
	case graph.Float64:
		return "<f8", 0, nil
	case graph.Float16:
		return "<f2", 0, nil
	case graph.Int8:
		return "|i1", 0, nil
	case graph.Int16:
		return "<i2", 0, nil
	case graph.Int32:
		return "<i4", 0, nil
	case graph.Int64:
		return "<i8", 0, nil
	case graph.Uint8:
		return "|u1", 0, nil
	case graph.Uint16:
		return "<u2", 0, nil
	case graph.Uint32:
		return "<u4", 0, nil
	case graph.Uint64:
		return "<u8", 0, nil
	case graph.Bool:
		return "|b1", 0, nil
	case graph.String:
	default:
		return "", 0, &safeio.UnsupportedError{Msg: fmt.Sprintf("NumPy has no %v", t.DType)}
	}
	kind, runes, bytes := "<U", 1, 1
	for i, s := range t.Str {
		if strings.HasSuffix(s, "\x00") {
			return "", 0, &safeio.UnsupportedError{Msg: fmt.Sprintf("string %d ends in NUL, which NumPy would cut off", i)}
		}
		if !utf8.ValidString(s) {
			kind = "|S"
		}
		runes, bytes = max(runes, utf8.RuneCountInString(s)), max(bytes, len(s))
	}
	width = runes
	if kind == "|S" {
		width = bytes
	}
	return fmt.Sprintf("%s%d", kind, width), width, nil
}

// encodeHeader is magic, version, length and dictionary, padded so that the
// data starts at a multiple of 64. NumPy leaves room in which the first
// dimension can grow in place.
//
// Source: numpy/lib/_format_impl.py, _write_array_header.
func encodeHeader(descr string, fortran bool, shape []int) []byte {
	const align, growth = 64, 21
	dims := make([]string, len(shape))
	for i, d := range shape {
		dims[i] = fmt.Sprint(d)
	}
	tuple := strings.Join(dims, ", ")
	if len(dims) == 1 {
		tuple += ","
	}
	order := "False"
	if fortran {
		order = "True"
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': %s, 'shape': (%s), }", descr, order, tuple)
	if len(dims) > 0 {
		axis := dims[0]
		if fortran {
			axis = dims[len(dims)-1]
		}
		text += strings.Repeat(" ", max(growth-len(axis), 0))
	}
	// 64 dimensions of 15 digits still fit version 1's 16 bits.
	prefix := len(magic) + 4
	text += strings.Repeat(" ", align-(prefix+len(text)+1)%align) + "\n"
	h := append([]byte(magic), 1, 0)
	h = binary.LittleEndian.AppendUint16(h, uint16(len(text)))
	return append(h, text...)
}

func appendElement(b []byte, t *graph.Tensor, i int) []byte {
	le := binary.LittleEndian
	switch t.DType {
	case graph.Float32, graph.BFloat16:
		return le.AppendUint32(b, math.Float32bits(t.F32[i]))
	case graph.Float16:
		return le.AppendUint16(b, graph.HalfBits(t.F32[i]))
	case graph.Float64:
		return le.AppendUint64(b, math.Float64bits(t.F64[i]))
	case graph.Int64, graph.Uint64:
		return le.AppendUint64(b, uint64(t.I64[i]))
	case graph.Uint32:
		return le.AppendUint32(b, uint32(t.I64[i]))
	case graph.Int32:
		return le.AppendUint32(b, uint32(t.I32[i]))
	case graph.Int16, graph.Uint16:
		return le.AppendUint16(b, uint16(t.I32[i]))
	case graph.Bool:
		if t.I32[i] != 0 {
			return append(b, 1)
		}
		return append(b, 0)
	}
	return append(b, uint8(t.I32[i]))
}

func writeStrings(w io.Writer, values []string, raw bool, width int) error {
	b := make([]byte, 0, 4*width)
	for _, s := range values {
		b = b[:0]
		if raw {
			b = append(b, s...)
			b = append(b, make([]byte, width-len(s))...)
		} else {
			for _, c := range s {
				b = binary.LittleEndian.AppendUint32(b, uint32(c))
			}
			b = append(b, make([]byte, 4*width-len(b))...)
		}
		if _, err := w.Write(b); err != nil {
			return err
		}
	}
	return nil
}
