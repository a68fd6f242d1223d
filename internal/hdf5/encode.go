package hdf5

import (
	"encoding/binary"
)

// vlenSize is the size of a variable-length string's reference: its length,
// and the address and index of its characters in a global heap.
const vlenSize = 16

// appendUint appends the low n bytes of v, little-endian.
func appendUint(b []byte, v uint64, n int) []byte {
	for range n {
		b = append(b, byte(v))
		v >>= 8
	}
	return b
}

func append16(b []byte, v int) []byte    { return binary.LittleEndian.AppendUint16(b, uint16(v)) }
func append32(b []byte, v uint32) []byte { return binary.LittleEndian.AppendUint32(b, v) }
func append64(b []byte, v uint64) []byte { return binary.LittleEndian.AppendUint64(b, v) }

// encodeType encodes a datatype message of version 1.
func encodeType(t Type) ([]byte, error) {
	head := func(class byte, flags uint32, size int) []byte {
		return append32(appendUint([]byte{0x10 | class}, uint64(flags), 3), uint32(size))
	}
	order := uint32(0)
	if t.BigEndian {
		order = 1
	}
	set := uint32(0)
	if t.UTF8 {
		set = 1
	}
	fixed := func(flags uint32, size int) []byte {
		return append16(append16(head(classFixed, flags, size), 0), 8*size)
	}
	switch {
	case t.Kind == Int && integerSize(t.Size):
		return fixed(order|8, t.Size), nil
	case t.Kind == Uint && integerSize(t.Size):
		return fixed(order, t.Size), nil
	case t.Kind == Float && t.Size == 2:
		return append(head(classFloat, order|0x0f20, 2), 0, 0, 16, 0, 10, 5, 0, 10, 15, 0, 0, 0), nil
	case t.Kind == Float && t.Size == 4:
		return append(head(classFloat, order|0x1f20, 4), 0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0), nil
	case t.Kind == Float && t.Size == 8:
		return append(head(classFloat, order|0x3f20, 8), 0, 0, 64, 0, 52, 11, 0, 52, 0xff, 3, 0, 0), nil
	case t.Kind == BFloat16 && t.Size == 2, t.Kind == Opaque && t.Size > 0 && t.What == "":
		return head(classOpaque, 0, t.Size), nil
	case t.Kind == Bool && t.Size == 1:
		b := append(head(classEnum, 2, 1), fixed(8, 1)...)
		return append(b, "FALSE\x00\x00\x00TRUE\x00\x00\x00\x00\x00\x01"...), nil
	case t.Kind == String && t.VLen:
		return append(head(classVLen, 1|set<<8, vlenSize), fixed(0, 1)...), nil
	case t.Kind == String && t.Size > 0:
		return head(classString, uint32(t.Pad)|set<<4, t.Size), nil
	}
	return nil, unsupportedf("elements of type %s can't be written", t)
}

// encodeSpace encodes a dataspace message of version 2.
func encodeSpace(dims []int) []byte {
	b := []byte{2, byte(len(dims)), 0, 1}
	if len(dims) == 0 {
		b[3] = 0 // scalar
	}
	for _, d := range dims {
		b = append64(b, uint64(d))
	}
	return b
}

// appendMessage appends a version 2 object header message.
func appendMessage(b []byte, typ byte, data []byte) ([]byte, error) {
	if len(data) > 0xffff {
		return nil, unsupportedf("%d bytes of metadata in one place, at most 65535 fit", len(data))
	}
	b = append16(append(b, typ), len(data))
	return append(append(b, 0), data...), nil
}

// encodeHeader wraps messages into a version 2 object header.
func encodeHeader(messages []byte) []byte {
	b := append32([]byte("OHDR\x02\x02"), uint32(len(messages))) // sizes of 4 bytes, no times
	b = append(b, messages...)
	return append32(b, lookup3(b))
}

// encodeSuperblock encodes the superblock, which lies at address 0.
func encodeSuperblock(root, end uint64) []byte {
	b := append([]byte(signature), 2, 8, 8, 0)
	for _, v := range []uint64{0, undef, end, root} { // base, extension, end of file, root group
		b = append64(b, v)
	}
	return append32(b, lookup3(b))
}

// superblockSize is the length of what encodeSuperblock returns.
const superblockSize = 48
