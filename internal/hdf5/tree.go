package hdf5

import (
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"kerasgo/internal/safeio"
)

// Tree is a group under construction. Build one with [NewTree], fill it, and
// write it with [Tree.WriteTo] or [WriteFile].
//
// Names may come from anywhere: a wrong or doubled one, a shape that doesn't
// fit its data, a value that is too large are remembered, and the first such
// mistake is the error of writing.
type Tree struct {
	attrs
	path  string
	names []string
	kids  map[string]any // *Tree or *Array
	err   *error         // the first mistake, shared by the whole tree
}

// Array is a dataset under construction.
type Array struct {
	attrs
	typ     Type
	shape   []int
	size    int64                 // bytes
	write   func(io.Writer) error // nil for variable-length strings
	strings []string              // variable-length strings
}

// attrs are the attributes of a group or dataset under construction.
type attrs struct {
	list []attrSpec
	path string
	err  *error
}

// attrSpec is one attribute to write.
type attrSpec struct {
	name    string
	typ     Type
	dims    []int
	data    []byte
	strings []string // variable-length ones; data is then nil
}

// NewTree returns an empty root group.
func NewTree() *Tree {
	return newTree("/", new(error))
}

func newTree(path string, err *error) *Tree {
	return &Tree{attrs: attrs{path: path, err: err}, path: path, kids: make(map[string]any), err: err}
}

// fail remembers the first mistake.
func fail(err *error, path, key, format string, args ...any) {
	if *err == nil {
		*err = safeio.At(formatErrorf(format, args...), safeio.Where{Object: path, Key: key})
	}
}

// Err returns the first mistake made so far.
func (t *Tree) Err() error { return *t.err }

// Group returns the group at a path from t, "a/b", making what isn't there.
func (t *Tree) Group(path string) *Tree {
	at := t
	for name := range strings.SplitSeq(path, "/") {
		if name == "" {
			continue
		}
		kid, ok := at.kids[name]
		if !ok {
			kid = newTree(strings.TrimSuffix(at.path, "/")+"/"+name, t.err)
			at.add(name, kid)
		}
		sub, ok := kid.(*Tree)
		if !ok {
			fail(t.err, at.path, "", "%s is a dataset, not a group", clipQuote(name))
			sub = newTree(at.path, t.err)
		}
		at = sub
	}
	return at
}

// add enters a child under a name that is free.
func (t *Tree) add(name string, kid any) {
	switch {
	case name == "" || name == "." || strings.ContainsAny(name, "/\x00") || len(name) > 60000:
		fail(t.err, t.path, "", "%s can't be a name", clipQuote(name))
		return
	case t.kids[name] != nil:
		fail(t.err, t.path, "", "two objects are named %s", clipQuote(name))
		return
	}
	t.names = append(t.names, name)
	t.kids[name] = kid
}

// Dataset adds a dataset at a path from t, making the groups on the way. Its
// elements are what write writes when the tree is written: exactly as many
// bytes as shape and typ say, row-major, in the type's byte order. A nil shape
// is a scalar. BFloat16 is stored as Keras stores it: opaque, marked by a
// dtype attribute.
func (t *Tree) Dataset(path string, typ Type, shape []int, write func(io.Writer) error) *Array {
	a := t.array(path, typ, shape)
	a.write = write
	return a
}

// array enters a new dataset.
func (t *Tree) array(path string, typ Type, shape []int) *Array {
	path = strings.Trim(path, "/")
	dir, name := "", path
	if i := strings.LastIndexByte(path, '/'); i >= 0 {
		dir, name = path[:i], path[i+1:]
	}
	g := t.Group(dir)
	full := strings.TrimSuffix(g.path, "/") + "/" + name
	a := &Array{attrs: attrs{path: full, err: t.err}, typ: typ, shape: append([]int(nil), shape...)}
	n, ok := safeio.ProductInts(shape...)
	if ok {
		a.size, ok = safeio.Product(int64(n), int64(typ.Size))
	}
	if !ok || len(shape) > maxRank {
		fail(t.err, full, "", "shape %s of a %s can't be written", shapeString(shape), typ)
	}
	if typ.Kind == BFloat16 {
		a.SetText("dtype", "bfloat16")
	}
	g.add(name, a)
	return a
}

// Float32 adds a dataset of float32. The data isn't copied: it must stay as it
// is until the tree is written. So it is with the methods below.
func (t *Tree) Float32(path string, shape []int, data []float32) *Array {
	return addNumbers(t, path, Type{Kind: Float, Size: 4}, shape, data)
}

// Float64 adds a dataset of float64.
func (t *Tree) Float64(path string, shape []int, data []float64) *Array {
	return addNumbers(t, path, Type{Kind: Float, Size: 8}, shape, data)
}

// Int64 adds a dataset of int64.
func (t *Tree) Int64(path string, shape []int, data []int64) *Array {
	return addNumbers(t, path, Type{Kind: Int, Size: 8}, shape, data)
}

// Raw adds a dataset whose elements are given as they are stored.
func (t *Tree) Raw(path string, typ Type, shape []int, data []byte) *Array {
	return t.Dataset(path, typ, shape, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
}

// Strings adds a dataset of variable-length UTF-8 strings.
func (t *Tree) Strings(path string, shape []int, data []string) *Array {
	a := t.array(path, Type{Kind: String, Size: vlenSize, VLen: true, UTF8: true}, shape)
	a.strings = data
	if n, ok := safeio.ProductInts(shape...); !ok || n != len(data) {
		fail(t.err, a.attrs.path, "", "%d strings for shape %s", len(data), shapeString(shape))
	}
	return a
}

func addNumbers[T number](t *Tree, path string, typ Type, shape []int, data []T) *Array {
	a := t.Dataset(path, typ, shape, func(w io.Writer) error { return writeNumbers(w, data, typ) })
	if a.size != int64(len(data))*int64(typ.Size) {
		fail(t.err, a.attrs.path, "", "%d elements for shape %s", len(data), shapeString(shape))
	}
	return a
}

// set enters an attribute, replacing one of the same name.
func (a *attrs) set(s attrSpec) {
	if s.name == "" || strings.ContainsRune(s.name, 0) || len(s.name) > 60000 {
		fail(a.err, a.path, "", "%s can't be an attribute's name", clipQuote(s.name))
		return
	}
	for i := range a.list {
		if a.list[i].name == s.name {
			a.list[i] = s
			return
		}
	}
	a.list = append(a.list, s)
}

// SetText sets a scalar attribute: a variable-length UTF-8 string.
func (a *attrs) SetText(name, value string) {
	a.set(attrSpec{name: name, typ: Type{Kind: String, Size: vlenSize, VLen: true, UTF8: true}, strings: []string{value}})
}

// SetASCII is [Tree.SetText] with the ASCII character set, as Keras writes
// model_config.
func (a *attrs) SetASCII(name, value string) {
	a.set(attrSpec{name: name, typ: Type{Kind: String, Size: vlenSize, VLen: true}, strings: []string{value}})
}

// SetTexts sets an attribute: a list of variable-length UTF-8 strings.
func (a *attrs) SetTexts(name string, values []string) {
	a.set(attrSpec{name: name, typ: Type{Kind: String, Size: vlenSize, VLen: true, UTF8: true}, dims: []int{len(values)}, strings: values})
}

// SetFloat sets a scalar float64 attribute.
func (a *attrs) SetFloat(name string, value float64) {
	a.set(attrSpec{name: name, typ: Type{Kind: Float, Size: 8}, data: encode([]float64{value})})
}

// SetFloats sets an attribute: a list of float64, possibly empty.
func (a *attrs) SetFloats(name string, values []float64) {
	a.set(attrSpec{name: name, typ: Type{Kind: Float, Size: 8}, dims: []int{len(values)}, data: encode(values)})
}

// SetInt sets a scalar int64 attribute.
func (a *attrs) SetInt(name string, value int64) {
	a.set(attrSpec{name: name, typ: Type{Kind: Int, Size: 8}, data: encode([]int64{value})})
}

// SetInts sets an attribute: a list of int64.
func (a *attrs) SetInts(name string, values []int64) {
	a.set(attrSpec{name: name, typ: Type{Kind: Int, Size: 8}, dims: []int{len(values)}, data: encode(values)})
}

// SetBool sets a scalar attribute: h5py's boolean.
func (a *attrs) SetBool(name string, value bool) {
	b := []byte{0}
	if value {
		b[0] = 1
	}
	a.set(attrSpec{name: name, typ: Type{Kind: Bool, Size: 1}, data: b})
}

// SetFixed sets an attribute: a list of null-padded strings of one length. An
// empty list is what NumPy makes of it: float64 of shape (0).
func (a *attrs) SetFixed(name string, values []string) {
	if len(values) == 0 {
		a.SetFloats(name, nil)
		return
	}
	size := longest(values)
	data := make([]byte, size*len(values))
	for i, s := range values {
		copy(data[i*size:], s)
		if strings.HasSuffix(s, "\x00") {
			fail(a.err, a.path, name, "%s ends in a NUL, which fixed-length strings lose", clipQuote(s))
		}
	}
	a.set(attrSpec{name: name, typ: Type{Kind: String, Size: size, Pad: NullPadded}, dims: []int{len(values)}, data: data})
}

// splitLimit is what Keras puts into one attribute at most, in bytes.
//
// Source: keras/src/legacy/saving/legacy_h5_format.py,
// HDF5_OBJECT_HEADER_LIMIT.
const splitLimit = 64512

// SetSplitStrings sets a list of strings as Keras stores layer_names and
// weight_names: fixed-length in one attribute, or in name0, name1 and so on
// when that would be too large for one. [Group.SplitStrings] reads it.
//
// Source: keras/src/legacy/saving/legacy_h5_format.py,
// save_attributes_to_hdf5_group, numpy.array_split.
func (a *attrs) SetSplitStrings(name string, values []string) {
	size := longest(values)
	if size > splitLimit {
		fail(a.err, a.path, name, "a name of %d bytes, at most %d fit", size, splitLimit)
		return
	}
	parts := 1
	for n := len(values); (n+parts-1)/parts*size > splitLimit; {
		parts++
	}
	if parts == 1 {
		a.SetFixed(name, values)
		return
	}
	// Every part takes the list's longest string as its length, as NumPy has it.
	data := make([]byte, size*len(values))
	for i, s := range values {
		copy(data[i*size:], s)
	}
	each, more := len(values)/parts, len(values)%parts
	for i := range parts {
		n := each
		if i < more {
			n++
		}
		a.set(attrSpec{name: name + strconv.Itoa(i), typ: Type{Kind: String, Size: size, Pad: NullPadded}, dims: []int{n}, data: data[:n*size]})
		data = data[n*size:]
	}
}

// longest returns the length of the longest string, at least 1: HDF5 has no
// strings of length 0.
func longest(values []string) int {
	n := 1
	for _, s := range values {
		n = max(n, len(s))
	}
	return n
}

// String describes an array for people: its type and shape.
func (a *Array) String() string { return fmt.Sprintf("%s%s", a.typ, shapeString(a.shape)) }

// encode returns the little-endian bytes of numbers.
func encode[T number](v []T) []byte {
	out := make([]byte, 0, 8*len(v))
	for _, x := range v {
		var bits uint64
		switch x := any(x).(type) {
		case float32:
			out = appendUint(out, uint64(math.Float32bits(x)), 4)
			continue
		case float64:
			bits = math.Float64bits(x)
		case int64:
			bits = uint64(x)
		}
		out = appendUint(out, bits, 8)
	}
	return out
}

// writeNumbers writes numbers as type t stores them, straight from memory
// where that is how this machine keeps them.
func writeNumbers[T number](w io.Writer, v []T, t Type) error {
	if view := rawView(v, t); view != nil {
		_, err := w.Write(view)
		return err
	}
	for len(v) > 0 {
		n := min(len(v), readBuffer/8)
		if _, err := w.Write(encode(v[:n])); err != nil {
			return err
		}
		v = v[n:]
	}
	return nil
}
