package data

import (
	"fmt"
	"slices"
	"strings"

	"kerasgo/internal/npy"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// InMemory is how many bytes the arrays of an .npz may take in memory, as floats or integers of 32 or 64 bits. Arrays of a
// larger set stay in the file if they are stored uncompressed there (numpy.savez), and their rows are read when they are
// asked for; compressed ones must fit the limits.
const InMemory = 512 << 20

// OpenNPZ opens arrays for a model with these inputs and outputs. Inputs go by name, else x_0, x_1, ..., or x; targets by
// name, else y_0, y_1, ..., or y; weights of rows are sample_weight_0, ..., or sample_weight. The same behind val_ makes
// val, which is nil if there is nothing of the kind. Any other array is an error, since a name misspelt would be lost; so is
// NaN or infinity in any row.
func OpenNPZ(path string, inputs, outputs []string, limits safeio.Limits) (train, val Source, err error) {
	return openNPZ(path, inputs, outputs, InMemory, limits)
}

func openNPZ(path string, inputs, outputs []string, memory int64, limits safeio.Limits) (train, val Source, err error) {
	a, err := npy.OpenArchive(path, limits)
	if err != nil {
		return nil, nil, err
	}
	r := npzReader{a: a, path: path, inputs: inputs, outputs: outputs, used: map[string]bool{}}
	train, val, err = r.read(memory)
	if err != nil || !r.stays {
		a.Close()
	}
	return train, val, safeio.At(err, safeio.Where{File: path})
}

// npzReader reads an archive's arrays by the names that a model has for them.
type npzReader struct {
	a               *npy.Archive
	path            string
	inputs, outputs []string
	used            map[string]bool
	stays           bool // arrays stay in the file
}

func (r *npzReader) read(memory int64) (train, val Source, err error) {
	for _, name := range r.a.Names() {
		s, err := r.a.Spec(name)
		if err != nil {
			return nil, nil, err
		}
		if memory -= int64(s.Shape.Size()) * width(s.DType); memory < 0 {
			r.stays = true
			break
		}
	}
	if train, err = r.set(""); err == nil {
		val, err = r.set("val_")
	}
	if err != nil {
		return nil, nil, err
	}
	if train == nil {
		return nil, nil, &safeio.FormatError{Msg: fmt.Sprintf("holds no inputs: x, x_0, ... or %s", strings.Join(quoteAll(r.inputs), ", ")), Got: strings.Join(quoteAll(r.a.Names()), ", ")}
	}
	for _, name := range r.a.Names() {
		if !r.used[name] {
			return nil, nil, &safeio.FormatError{Where: safeio.Where{Object: name}, Msg: fmt.Sprintf("is no array of this model, whose inputs are %s and outputs %s",
				strings.Join(quoteAll(r.inputs), ", "), strings.Join(quoteAll(r.outputs), ", "))}
		}
	}
	return train, val, nil
}

// width is how many bytes an element takes in memory, text not counted.
func width(d nn.DType) int64 {
	switch d.Storage() {
	case graph.StoreF32, graph.StoreI32:
		return 4
	case graph.StoreStr:
		return 16
	}
	return 8
}

// set reads training or validation data; nil if there is none.
func (r *npzReader) set(prefix string) (Source, error) {
	var columns [3][]column
	for kind, names := range [][]string{r.inputs, r.outputs, nil} {
		for _, name := range r.keys(prefix, arrayName(kind, 0, 1), names) {
			if r.used[name] {
				continue
			}
			r.used[name] = true
			c, err := r.column(name, kind == 2)
			if err != nil {
				return nil, err
			}
			columns[kind] = append(columns[kind], c)
		}
	}
	if len(columns[0]) == 0 {
		return nil, nil
	}
	n := columns[0][0].rows()
	stored := false
	for _, list := range columns {
		for _, c := range list {
			if c.rows() != n {
				return nil, &safeio.FormatError{Msg: fmt.Sprintf("number of rows: %s has %d, %s has %d", columns[0][0].name, n, c.name, c.rows())}
			}
			stored = stored || c.file != nil
		}
	}
	s := &storedArrays{a: r.a, path: r.path, n: n, columns: columns}
	if stored {
		return s, nil
	}
	return &Arrays{X: s.tensors(0), Y: s.tensors(1), Weight: s.tensors(2), file: r.path}, nil
}

func quoteAll(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf("%q", n)
	}
	return out
}

// keys are the arrays of one kind that are there: by the model's names, a sole one, or by number.
func (r *npzReader) keys(prefix, kind string, names []string) (keys []string) {
	switch {
	case len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return !r.a.Has(prefix + n) }):
		for _, n := range names {
			keys = append(keys, prefix+n)
		}
	case r.a.Has(prefix + kind):
		return []string{prefix + kind}
	default:
		for i := 0; r.a.Has(fmt.Sprintf("%s%s_%d", prefix, kind, i)); i++ {
			keys = append(keys, fmt.Sprintf("%s%s_%d", prefix, kind, i))
		}
	}
	return keys
}

// column reads an array, or looks through it once if it stays in the file.
func (r *npzReader) column(name string, weight bool) (c column, err error) {
	c.name = name
	check := func(first int, t *nn.Tensor) error {
		if weight {
			return checkWeights(first, t)
		}
		return finite(first, t)
	}
	if r.stays {
		rows, ok, err := r.a.Rows(name)
		if err != nil {
			return c, err
		}
		if ok {
			c.file = rows
			return c, safeio.At(rows.Scan(check), safeio.Where{Object: name})
		}
	}
	if c.t, err = r.a.Read(name); err != nil {
		return c, err
	}
	if len(c.t.Shape) == 0 {
		return c, &safeio.FormatError{Where: safeio.Where{Object: name}, Msg: "has no rows"}
	}
	if err := check(0, c.t); err != nil {
		return c, safeio.At(err, safeio.Where{Object: name})
	}
	if weight {
		c.t, err = c.t.As(graph.Float32)
	}
	return c, err
}

// column is an array in memory, or one that stays in its file.
type column struct {
	name string
	t    *nn.Tensor
	file *npy.Rows
}

func (c column) rows() int {
	if c.file != nil {
		return c.file.Shape[0]
	}
	return c.t.Shape[0]
}

// storedArrays is a Source of arrays that stay in their archive, some of them at least.
type storedArrays struct {
	a       *npy.Archive
	path    string
	n       int
	columns [3][]column // inputs, targets, weights
}

func (s *storedArrays) tensors(kind int) (list []*nn.Tensor) {
	for _, c := range s.columns[kind] {
		list = append(list, c.t)
	}
	return list
}

func (s *storedArrays) where(row int) safeio.Where {
	return safeio.Where{File: s.path, Object: fmt.Sprintf("row %d", row)}
}

// Len implements Source.
func (s *storedArrays) Len() int { return s.n }

// Close closes the file.
func (s *storedArrays) Close() error { return s.a.Close() }

// Read implements Source.
func (s *storedArrays) Read(b *Batch, rows []int) error {
	for kind, list := range []*[]*nn.Tensor{&b.X, &b.Y, &b.Weight} {
		resize(list, len(s.columns[kind]))
		for i, c := range s.columns[kind] {
			if c.file == nil {
				gatherInto(&(*list)[i], c.t, rows)
				continue
			}
			if err := c.file.Read(room(&(*list)[i], c.file.Spec, len(rows)), rows); err != nil {
				return safeio.At(err, safeio.Where{File: s.path})
			}
		}
	}
	return nil
}

// finite refuses NaN and infinities. first is the number of t's first row.
func finite(first int, t *nn.Tensor) error {
	bad := func(i int) error {
		return &safeio.FormatError{Msg: place(first, t, i), Want: "a number", Got: fmt.Sprint(number(t, i))}
	}
	for i, v := range t.F32 {
		if v-v != 0 {
			return bad(i)
		}
	}
	for i, v := range t.F64 {
		if v-v != 0 {
			return bad(i)
		}
	}
	return nil
}
