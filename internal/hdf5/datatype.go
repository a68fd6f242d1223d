package hdf5

import (
	"bytes"
	"fmt"
	"strings"
)

// Kind says what the elements of a dataset or attribute are.
type Kind uint8

// The kinds of elements. Enumerations count as the integers that they are
// stored as, except h5py's booleans.
const (
	Other    Kind = iota // something that can't be read as values
	Int                  // signed integer
	Uint                 // unsigned integer
	Float                // IEEE binary16, 32 or 64
	BFloat16             // the upper half of a binary32
	Bool                 // h5py's boolean: an enumeration of FALSE and TRUE
	String               // text of fixed or variable length
	Opaque               // bytes
)

// Type is the type of a dataset's or an attribute's elements, as stored.
type Type struct {
	Kind      Kind
	Size      int    // bytes of an element in the file
	BigEndian bool   // of numbers
	VLen      bool   // a string's characters are in a global heap
	UTF8      bool   // a string's character set; otherwise ASCII
	Pad       Pad    // how a fixed-length string ends
	What      string // for Other: its description; for Opaque: its tag
}

// Pad says how strings end.
type Pad uint8

// Paddings of fixed-length strings, with HDF5's numbers.
const (
	NullTerminated Pad = 0
	NullPadded     Pad = 1
	SpacePadded    Pad = 2
)

// Numeric reports whether the elements are numbers or booleans.
func (t Type) Numeric() bool { return t.Kind >= Int && t.Kind <= Bool }

// String describes the type: "float32", "big-endian int16", "string[5]".
func (t Type) String() string {
	order := ""
	if t.BigEndian && t.Size > 1 {
		order = "big-endian "
	}
	switch t.Kind {
	case Int:
		return fmt.Sprintf("%sint%d", order, 8*t.Size)
	case Uint:
		return fmt.Sprintf("%suint%d", order, 8*t.Size)
	case Float:
		return fmt.Sprintf("%sfloat%d", order, 8*t.Size)
	case BFloat16:
		return order + "bfloat16"
	case Bool:
		return "bool"
	case String:
		if t.VLen {
			return "string"
		}
		return fmt.Sprintf("string[%d]", t.Size)
	case Opaque:
		return fmt.Sprintf("opaque[%d]", t.Size)
	}
	return t.What
}

// HDF5's datatype classes.
const (
	classFixed  = 0
	classFloat  = 1
	classString = 3
	classOpaque = 5
	classEnum   = 8
	classVLen   = 9
)

// parseDatatype decodes a datatype message. Types that can't be read as values
// come back as Other and are refused where values are asked for, so that a
// file with one such attribute can still be read.
func parseDatatype(c *cursor) (Type, error) {
	t := parseDatatypeDepth(c, 0)
	return t, c.err
}

func parseDatatypeDepth(c *cursor, depth int) Type {
	if depth > 2 { // vlen of enumeration of integer is the deepest read
		return Type{Kind: Other, What: "nested type"}
	}
	cv := c.u8()
	class, version := cv&15, cv>>4
	flags := uint32(c.uint(3))
	size := c.u32()
	if c.err != nil {
		return Type{}
	}
	if version < 1 || version > 5 {
		c.fail(unsupportedf("datatype version %d", version))
		return Type{}
	}
	if size > 1<<30 {
		c.fail(formatErrorf("elements of %d bytes", size))
		return Type{}
	}
	t := Type{Size: int(size)}
	switch class {
	case classFixed:
		t.fixed(c, flags)
	case classFloat:
		t.float(c, flags)
	case classString:
		t.Kind, t.Pad, t.UTF8 = String, Pad(flags&15), flags>>4&15 == 1
		if t.Pad > SpacePadded || flags>>4&15 > 1 {
			t.other("string of padding %d, character set %d", flags&15, flags>>4&15)
		}
	case classOpaque:
		t.Kind = Opaque
		tag, _, _ := bytes.Cut(c.take(int(flags&0xff)), []byte{0})
		t.What = string(tag)
	case classEnum:
		t.enum(c, version, int(flags&0xffff), depth)
	case classVLen:
		if flags&15 == 1 {
			t.Kind, t.VLen, t.Pad, t.UTF8 = String, true, Pad(flags>>4&15), flags>>8&15 == 1
			if want := 4 + c.osize + 4; t.Size != want {
				c.fail(formatErrorf("variable-length strings take %d bytes each, want %d", t.Size, want))
			}
		} else {
			t.other("variable-length sequence")
		}
	default:
		names := map[byte]string{2: "time", 4: "bit field", 6: "compound", 7: "reference", 10: "array", 11: "complex"}
		if names[class] == "" {
			t.other("datatype class %d", class)
		} else {
			t.other("%s of %d bytes", names[class], t.Size)
		}
	}
	if t.Size == 0 && c.err == nil && t.Kind != String && t.Kind != Other {
		c.fail(formatErrorf("elements of 0 bytes"))
	}
	return t
}

func (t *Type) other(format string, args ...any) {
	t.Kind, t.What = Other, fmt.Sprintf(format, args...)
}

func (t *Type) fixed(c *cursor, flags uint32) {
	offset, precision := c.u16(), c.u16()
	t.BigEndian = flags&1 != 0
	t.Kind = Uint
	if flags&8 != 0 {
		t.Kind = Int
	}
	if !integerSize(t.Size) || offset != 0 || precision != 8*t.Size {
		t.other("integer of %d bits at bit %d of %d bytes", precision, offset, t.Size)
	}
}

func (t *Type) float(c *cursor, flags uint32) {
	offset, precision := c.u16(), c.u16()
	expAt, expBits, manAt, manBits := c.u8(), c.u8(), c.u8(), c.u8()
	bias := c.u32()
	t.BigEndian = flags&1 != 0
	type layout struct {
		size                           int
		expAt, expBits, manAt, manBits byte
		bias                           uint32
	}
	got := layout{t.Size, expAt, expBits, manAt, manBits, bias}
	plain := offset == 0 && precision == 8*t.Size && // no padding
		flags&0x40 == 0 && flags>>4&3 == 2 && // not VAX, leading 1 implied
		int(flags>>8&0xff) == 8*t.Size-1 // sign in front
	switch {
	case !plain:
	case got == layout{2, 10, 5, 0, 10, 15}, got == layout{4, 23, 8, 0, 23, 127}, got == layout{8, 52, 11, 0, 52, 1023}:
		t.Kind = Float
		return
	case got == layout{2, 7, 8, 0, 7, 127}:
		t.Kind = BFloat16
		return
	}
	t.other("float of %d bytes, %d exponent bits, %d mantissa bits", t.Size, expBits, manBits)
}

// enum reads an enumeration as the integers it is stored as, or as Bool.
func (t *Type) enum(c *cursor, version byte, members, depth int) {
	base := parseDatatypeDepth(c, depth+1)
	if c.err != nil {
		return
	}
	if base.Kind != Int && base.Kind != Uint || base.Size != t.Size {
		t.other("enumeration of %s", base)
		return
	}
	if members > c.left() {
		c.fail(formatErrorf("enumeration of %d members in %d bytes", members, c.left()))
		return
	}
	var names []string
	for range members {
		rest := c.b[c.off:]
		n := bytes.IndexByte(rest, 0)
		if n < 0 {
			c.fail(formatErrorf("enumeration member's name doesn't end"))
			return
		}
		names = append(names, string(rest[:n]))
		if version < 3 {
			n = (n + 8) &^ 7 // the NUL and padding to 8 bytes
		} else {
			n++
		}
		c.skip(n)
	}
	values := c.take(members * base.Size)
	*t = base
	if strings.Join(names, ",") == "FALSE,TRUE" && base.Size == 1 && bytes.Equal(values, []byte{0, 1}) {
		t.Kind = Bool
	}
}

// integerSize reports whether integers of n bytes are read.
func integerSize(n int) bool { return n == 1 || n == 2 || n == 4 || n == 8 }

// datatype decodes a datatype message, following it to a committed type.
func (f *File) datatype(m message) (Type, error) {
	if m.flags&flagShared == 0 {
		return parseDatatype(f.src.decode(m.data))
	}
	return f.committed(m.data)
}

// committed reads the datatype that a shared message points to.
func (f *File) committed(data []byte) (Type, error) {
	c := f.src.decode(data)
	version, kind := c.u8(), c.u8()
	switch version {
	case 1:
		c.skip(6)
	case 2:
	case 3:
		if kind != 2 && c.err == nil {
			return Type{}, unsupportedf("message shared through the file's message table")
		}
	default:
		if c.err == nil {
			return Type{}, unsupportedf("shared message version %d", version)
		}
	}
	addr := c.addr()
	if c.err != nil {
		return Type{}, c.err
	}
	msgs, err := f.header(addr)
	if err != nil {
		return Type{}, err
	}
	m, ok := find(msgs, msgDatatype)
	if !ok {
		return Type{}, formatErrorf("the committed datatype at address %#x isn't one", addr)
	}
	if m.flags&flagShared != 0 {
		return Type{}, unsupportedf("committed datatype that refers to another")
	}
	return parseDatatype(f.src.decode(m.data))
}
