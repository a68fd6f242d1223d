package data

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/encoding/protowire"

	"kerasgo/internal/safeio"
)

// feature is a value of a tf.train.Example: one of three lists. bytes alias the record.
type feature struct {
	kind   string // "float", "int64", "bytes"; "" of a feature without a list
	floats []float32
	ints   []int64
	bytes  [][]byte
}

func (f *feature) len() int { return len(f.floats) + len(f.ints) + len(f.bytes) }

// parseExample reads the features of a tf.train.Example that want asks for; all of them if want is nil.
//
// Source: tensorflow/core/example/example.proto, feature.proto
func parseExample(raw []byte, want func(name []byte) bool) (map[string]*feature, error) {
	out := map[string]*feature{}
	err := fields(raw, func(num protowire.Number, features []byte) error {
		if num != 1 {
			return nil
		}
		return fields(features, func(num protowire.Number, entry []byte) error {
			if num != 1 {
				return nil
			}
			var name, value []byte
			err := fields(entry, func(num protowire.Number, b []byte) error {
				switch num {
				case 1:
					name = b
				case 2:
					value = b
				}
				return nil
			})
			if err != nil || want != nil && !want(name) {
				return err
			}
			f, err := parseFeature(value)
			if err != nil {
				return safeio.At(err, safeio.Where{Key: string(name)})
			}
			out[string(name)] = f
			return nil
		})
	})
	return out, err
}

// fields calls f with each field of a message that is a message, a string or bytes; others are passed over.
func fields(b []byte, f func(num protowire.Number, b []byte) error) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return malformed(n)
		}
		b = b[n:]
		if typ != protowire.BytesType {
			if n = protowire.ConsumeFieldValue(num, typ, b); n < 0 {
				return malformed(n)
			}
			b = b[n:]
			continue
		}
		v, n := protowire.ConsumeBytes(b)
		if n < 0 {
			return malformed(n)
		}
		if err := f(num, v); err != nil {
			return err
		}
		b = b[n:]
	}
	return nil
}

func malformed(n int) error {
	return &safeio.FormatError{Msg: "not a tf.train.Example", Err: protowire.ParseError(n)}
}

// parseFeature reads a Feature: numbers stand packed or one by one.
func parseFeature(b []byte) (*feature, error) {
	out := &feature{}
	err := fields(b, func(num protowire.Number, list []byte) error {
		if num > 3 {
			return nil
		}
		*out = feature{kind: [...]string{"bytes", "float", "int64"}[num-1]} // of several, the last counts
		return out.list(list)
	})
	return out, err
}

// list reads a BytesList, FloatList or Int64List.
func (f *feature) list(b []byte) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return malformed(n)
		}
		b = b[n:]
		switch {
		case num != 1:
			n = protowire.ConsumeFieldValue(num, typ, b)
		case typ == protowire.BytesType:
			var v []byte
			if v, n = protowire.ConsumeBytes(b); n >= 0 {
				if err := f.packed(v); err != nil {
					return err
				}
			}
		case f.kind == "float" && typ == protowire.Fixed32Type:
			var v uint32
			v, n = protowire.ConsumeFixed32(b)
			f.floats = append(f.floats, math.Float32frombits(v))
		case f.kind == "int64" && typ == protowire.VarintType:
			var v uint64
			v, n = protowire.ConsumeVarint(b)
			f.ints = append(f.ints, int64(v))
		default:
			return &safeio.FormatError{Msg: fmt.Sprintf("not a tf.train.Example: wire type %d in a list of %s", typ, f.kind)}
		}
		if n < 0 {
			return malformed(n)
		}
		b = b[n:]
	}
	return nil
}

// packed reads the numbers that stand together, or one element of a BytesList.
func (f *feature) packed(v []byte) error {
	switch f.kind {
	case "bytes":
		f.bytes = append(f.bytes, v)
	case "float":
		if len(v)%4 != 0 {
			return &safeio.FormatError{Msg: "not a tf.train.Example: floats that are cut short"}
		}
		for ; len(v) > 0; v = v[4:] {
			bits, _ := protowire.ConsumeFixed32(v)
			f.floats = append(f.floats, math.Float32frombits(bits))
		}
	default:
		for len(v) > 0 {
			x, n := protowire.ConsumeVarint(v)
			if n < 0 {
				return malformed(n)
			}
			f.ints, v = append(f.ints, int64(x)), v[n:]
		}
	}
	return nil
}
