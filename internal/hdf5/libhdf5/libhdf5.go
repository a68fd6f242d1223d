//go:build libhdf5

package libhdf5

import (
	"fmt"
	"reflect"
	"strings"
	"unsafe"

	gonum "gonum.org/v1/hdf5"

	"kerasgo/internal/hdf5"
	"kerasgo/internal/safeio"
)

// File is an open HDF5 file. It isn't safe for concurrent use: libhdf5 isn't.
type File struct {
	f    *gonum.File
	path string
}

// Open opens the HDF5 file at path for reading.
func Open(path string) (*File, error) {
	if err := gonum.DisplayErrors(false); err != nil { // errors are returned, not printed
		return nil, err
	}
	f, err := gonum.OpenFile(path, gonum.F_ACC_RDONLY)
	if err != nil {
		return nil, &safeio.FormatError{Where: safeio.Where{File: path}, Msg: "libhdf5 can't open it", Err: err}
	}
	return &File{f, path}, nil
}

// Close closes the file.
func (f *File) Close() error { return f.f.Close() }

// at adds the place to an error.
func (f *File) at(object string, err error) error {
	return safeio.At(err, safeio.Where{File: f.path, Object: object})
}

// Names returns the names in the group at an absolute path, sorted.
func (f *File) Names(group string) ([]string, error) {
	g, err := f.f.OpenGroup(group)
	if err != nil {
		return nil, f.at(group, err)
	}
	defer g.Close()
	n, err := g.NumObjects()
	if err != nil {
		return nil, f.at(group, err)
	}
	names := make([]string, n)
	for i := range names {
		if names[i], err = g.ObjectNameByIndex(uint(i)); err != nil {
			return nil, f.at(group, err)
		}
	}
	return names, nil
}

// IsGroup reports whether there is a group at an absolute path.
func (f *File) IsGroup(path string) bool {
	g, err := f.f.OpenGroup(path)
	if err == nil {
		g.Close()
	}
	return err == nil
}

// Array is a dataset or an attribute, read whole.
type Array struct {
	Type    hdf5.Type // Other where package hdf5 has no name for it
	Shape   []int     // none for a scalar
	Raw     []byte    // the elements as they are stored; none for variable-length strings
	Strings []string  // variable-length strings
}

// Float32 returns the elements as float32.
func (a *Array) Float32() ([]float32, error) {
	n, ok := safeio.ProductInts(a.Shape...)
	if !ok || n > len(a.Raw) {
		return nil, &safeio.FormatError{Msg: fmt.Sprintf("%d bytes for shape %v of %s", len(a.Raw), a.Shape, a.Type)}
	}
	out := make([]float32, n)
	return out, hdf5.DecodeFloat32(out, a.Raw, a.Type)
}

// Dataset reads the dataset at an absolute path.
func (f *File) Dataset(path string) (*Array, error) {
	d, err := f.f.OpenDataset(path)
	if err != nil {
		return nil, f.at(path, err)
	}
	defer d.Close()
	t, err := d.Datatype()
	if err != nil {
		return nil, f.at(path, err)
	}
	defer t.Close()
	a, err := read(t, d.Space(), d.Read)
	return a, f.at(path, err)
}

// Attr reads an attribute of the object at an absolute path.
func (f *File) Attr(path, name string) (*Array, error) {
	open := func() (*gonum.Attribute, error) {
		if g, err := f.f.OpenGroup(path); err == nil {
			defer g.Close()
			return g.OpenAttribute(name)
		}
		d, err := f.f.OpenDataset(path)
		if err != nil {
			return nil, err
		}
		defer d.Close()
		return d.OpenAttribute(name)
	}
	at, err := open()
	if err != nil {
		return nil, f.at(path, err)
	}
	defer at.Close()
	// An identifier of the type, not of the attribute's own copy.
	t := gonum.NewDatatype(0)
	t.Identifier = at.GetType()
	defer t.Close()
	a, err := read(t, at.Space(), func(into any) error {
		// gonum wants a pointer to an array here, where Dataset.Read wants one
		// to a slice.
		s := reflect.ValueOf(into).Elem()
		array := reflect.New(reflect.ArrayOf(s.Len(), s.Type().Elem()))
		err := at.Read(array.Interface(), t)
		reflect.Copy(s, array.Elem())
		return err
	})
	return a, f.at(path, err)
}

// read reads all elements through readInto, which fills the slice it is given
// a pointer to.
func read(t *gonum.Datatype, space *gonum.Dataspace, readInto func(any) error) (*Array, error) {
	if space == nil {
		return nil, &safeio.FormatError{Msg: "libhdf5 finds no dataspace"}
	}
	defer space.Close()
	a := &Array{Type: typeOf(t), Shape: []int{}}
	if space.SimpleExtentNDims() > 0 {
		dims, _, err := space.SimpleExtentDims()
		if err != nil {
			return nil, err
		}
		for _, d := range dims {
			a.Shape = append(a.Shape, int(d))
		}
	}
	n := space.SimpleExtentNPoints()
	if n <= 0 {
		return a, nil
	}
	if !a.Type.VLen {
		a.Raw = make([]byte, n*int(t.Size()))
		return a, readInto(&a.Raw)
	}
	// libhdf5 fills in C strings, which gonum has no way to free again.
	texts := make([]*byte, n)
	if err := readInto(&texts); err != nil {
		return nil, err
	}
	for _, p := range texts {
		a.Strings = append(a.Strings, goString(p))
	}
	return a, nil
}

// goString copies a C string.
func goString(p *byte) string {
	if p == nil {
		return ""
	}
	n := 0
	for *(*byte)(unsafe.Add(unsafe.Pointer(p), n)) != 0 {
		n++
	}
	return strings.Clone(unsafe.String(p, n))
}

// typeOf translates libhdf5's idea of a type into package hdf5's.
func typeOf(t *gonum.Datatype) hdf5.Type {
	size := int(t.Size())
	for _, k := range []struct {
		little, big *gonum.Datatype
		kind        hdf5.Kind
		size        int
	}{
		{gonum.T_IEEE_F32LE, gonum.T_IEEE_F32BE, hdf5.Float, 4},
		{gonum.T_IEEE_F64LE, gonum.T_IEEE_F64BE, hdf5.Float, 8},
		{gonum.T_STD_I8LE, gonum.T_STD_I8BE, hdf5.Int, 1},
		{gonum.T_STD_I16LE, gonum.T_STD_I16BE, hdf5.Int, 2},
		{gonum.T_STD_I32LE, gonum.T_STD_I32BE, hdf5.Int, 4},
		{gonum.T_STD_I64LE, gonum.T_STD_I64BE, hdf5.Int, 8},
		{gonum.T_STD_U8LE, gonum.T_STD_U8BE, hdf5.Uint, 1},
		{gonum.T_STD_U16LE, gonum.T_STD_U16BE, hdf5.Uint, 2},
		{gonum.T_STD_U32LE, gonum.T_STD_U32BE, hdf5.Uint, 4},
		{gonum.T_STD_U64LE, gonum.T_STD_U64BE, hdf5.Uint, 8},
	} {
		switch {
		case t.Equal(k.little):
			return hdf5.Type{Kind: k.kind, Size: k.size}
		case t.Equal(k.big):
			return hdf5.Type{Kind: k.kind, Size: k.size, BigEndian: true}
		}
	}
	switch t.Class() {
	case gonum.T_STRING:
		v := gonum.VarLenType{Datatype: *t}
		return hdf5.Type{Kind: hdf5.String, Size: size, VLen: v.IsVariableStr()}
	case gonum.T_OPAQUE:
		return hdf5.Type{Kind: hdf5.Opaque, Size: size}
	}
	return hdf5.Type{Kind: hdf5.Other, Size: size, What: fmt.Sprintf("class %d of %d bytes", t.Class(), size)}
}
