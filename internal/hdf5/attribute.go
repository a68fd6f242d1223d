package hdf5

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"

	"kerasgo/internal/safeio"
)

// Attr is a named value attached to a group or dataset.
type Attr struct {
	f     *File
	path  string // of the object
	name  string
	typ   Type
	space space
	data  []byte
}

// attributes is an object's attributes, decoded when first asked for.
type attributes struct {
	f    *File
	path string
	msgs []message

	state *attrState
}

type attrState struct {
	once  sync.Once
	attrs []*Attr // by name
	err   error
}

// load decodes the attributes once.
func (a *attributes) load() ([]*Attr, error) {
	a.state.once.Do(func() {
		a.state.attrs, a.state.err = a.read()
		slices.SortFunc(a.state.attrs, func(x, y *Attr) int { return strings.Compare(x.name, y.name) })
		for i, at := range a.state.attrs {
			if i > 0 && at.name == a.state.attrs[i-1].name {
				a.state.err = formatErrorf("two attributes are named %q", at.name)
			}
		}
		a.state.err = safeio.At(a.state.err, safeio.Where{File: a.f.name, Object: a.path})
	})
	return a.state.attrs, a.state.err
}

func (a *attributes) read() ([]*Attr, error) {
	var out []*Attr
	add := func(b []byte) error {
		at, err := a.f.parseAttr(b)
		if err != nil {
			return err
		}
		at.path = a.path
		out = append(out, at)
		return nil
	}
	for _, m := range a.msgs {
		switch m.typ {
		case msgAttribute:
			if m.flags&flagShared != 0 {
				return nil, unsupportedf("attribute shared through the file's message table")
			}
			if err := add(m.data); err != nil {
				return nil, err
			}
		case msgAttrInfo:
			c := a.f.src.decode(m.data)
			c.version("attribute info", 0)
			if c.u8()&1 != 0 {
				c.skip(2)
			}
			heap, tree := c.addr(), c.addr()
			if c.err != nil {
				return nil, c.err
			}
			if heap == undef {
				continue
			}
			if err := a.f.dense(heap, tree, 8, add); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// parseAttr decodes an attribute message.
func (f *File) parseAttr(b []byte) (*Attr, error) {
	c := f.src.decode(b)
	version := c.version("attribute", 1, 2, 3)
	flags := c.u8()
	nameLen, typeLen, spaceLen := c.u16(), c.u16(), c.u16()
	if version == 3 {
		c.skip(1) // character set of the name
	}
	field := func(n int) []byte {
		b := c.take(n)
		if version == 1 && n%8 != 0 {
			c.skip(8 - n%8)
		}
		return b
	}
	name, _, _ := bytes.Cut(field(nameLen), []byte{0})
	at := &Attr{f: f, name: string(name)}
	typ, dims := field(typeLen), field(spaceLen)
	if c.err != nil {
		return nil, c.err
	}
	where := safeio.Where{Key: at.name}
	var err error
	typeMsg := message{data: typ}
	if version > 1 && flags&1 != 0 {
		typeMsg.flags = flagShared
	}
	if at.typ, err = f.datatype(typeMsg); err != nil {
		return nil, safeio.At(err, where)
	}
	if version > 1 && flags&2 != 0 {
		return nil, safeio.At(unsupportedf("shared dataspace"), where)
	}
	if at.space, err = parseDataspace(f.src.decode(dims)); err != nil {
		return nil, safeio.At(err, where)
	}
	n, err := at.space.elements()
	if err != nil {
		return nil, safeio.At(err, where)
	}
	size, ok := safeio.Product(n, int64(at.typ.Size))
	if !ok || size > int64(c.left()) {
		return nil, safeio.At(formatErrorf("attribute of %d elements of %d bytes in %d bytes", n, at.typ.Size, c.left()), where)
	}
	at.data = c.take(int(size))
	return at, nil
}

// AttrNames returns the names of the object's attributes, sorted.
func (a *attributes) AttrNames() ([]string, error) {
	attrs, err := a.load()
	if err != nil {
		return nil, err
	}
	out := make([]string, len(attrs))
	for i, at := range attrs {
		out[i] = at.name
	}
	return out, nil
}

// Attr returns the attribute of the given name; if there is none, an error
// with [ErrNotFound].
func (a *attributes) Attr(name string) (*Attr, error) {
	attrs, err := a.load()
	if err != nil {
		return nil, err
	}
	i, ok := slices.BinarySearchFunc(attrs, name, func(at *Attr, name string) int { return strings.Compare(at.name, name) })
	if !ok {
		return nil, safeio.At(fmt.Errorf("attribute %s: %w", clipQuote(name), ErrNotFound), safeio.Where{File: a.f.name, Object: a.path})
	}
	return attrs[i], nil
}

// SplitStrings returns a list of strings as Keras stores layer_names and
// weight_names: in one attribute, or, when that would be too large, in name0,
// name1 and so on. An empty list is a float64 attribute of shape (0).
//
// Source: keras/src/legacy/saving/legacy_h5_format.py,
// load_attributes_from_hdf5_group.
func (a *attributes) SplitStrings(name string) ([]string, error) {
	attrs, err := a.load()
	if err != nil {
		return nil, err
	}
	find := func(name string) *Attr {
		i, ok := slices.BinarySearchFunc(attrs, name, func(at *Attr, name string) int { return strings.Compare(at.name, name) })
		if !ok {
			return nil
		}
		return attrs[i]
	}
	if at := find(name); at != nil {
		return at.Strings()
	}
	var out []string
	for i := 0; ; i++ {
		at := find(name + strconv.Itoa(i))
		if at == nil && i == 0 {
			_, err := a.Attr(name)
			return nil, err
		}
		if at == nil {
			return out, nil
		}
		s, err := at.Strings()
		if err != nil {
			return nil, err
		}
		out = append(out, s...)
	}
}

// Name returns the attribute's name.
func (a *Attr) Name() string { return a.name }

// Shape returns the attribute's dimensions; a scalar has none.
func (a *Attr) Shape() []int { return a.space.shape() }

// Type returns the type of the attribute's elements.
func (a *Attr) Type() Type { return a.typ }

// Len returns the number of elements. A null dataspace, h5py's Empty, has 0.
func (a *Attr) Len() int {
	if a.typ.Size == 0 {
		return 0
	}
	return len(a.data) / a.typ.Size
}

func (a *Attr) at(err error) error {
	return safeio.At(err, safeio.Where{File: a.f.name, Object: a.path, Key: a.name})
}

// Strings returns the elements of an attribute of strings, in row-major order.
// An empty attribute of any type is an empty list.
func (a *Attr) Strings() ([]string, error) {
	n := a.Len()
	if n == 0 {
		return []string{}, nil
	}
	if a.typ.Kind != String {
		return nil, a.at(a.want("strings"))
	}
	out := make([]string, n)
	return out, a.at(a.f.strings(out, a.data, a.typ))
}

// Text returns the one string of a scalar attribute, or of an array of one.
func (a *Attr) Text() (string, error) {
	if a.typ.Kind != String || a.Len() != 1 {
		return "", a.at(a.want("one string"))
	}
	var out [1]string
	err := a.f.strings(out[:], a.data, a.typ)
	return out[0], a.at(err)
}

// Floats returns the elements of a numeric attribute.
func (a *Attr) Floats() ([]float64, error) {
	out := make([]float64, a.Len())
	return out, a.at(convert(out, a.data, a.typ))
}

// Ints returns the elements of a numeric attribute. Floats must be whole.
func (a *Attr) Ints() ([]int64, error) {
	out := make([]int64, a.Len())
	return out, a.at(convert(out, a.data, a.typ))
}

func (a *Attr) want(what string) error {
	return &safeio.FormatError{Msg: "wrong attribute", Want: what, Got: fmt.Sprintf("%s of shape %s", a.typ, shapeString(a.space.dims))}
}

// Raw returns a copy of the elements as they are stored; of variable-length
// strings, references into the file.
func (a *Attr) Raw() []byte { return bytes.Clone(a.data) }
