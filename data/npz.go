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

// OpenNPZ reads arrays for a model with these inputs and outputs. Inputs go by name, else x_0, x_1, ..., or x; targets by
// name, else y_0, y_1, ..., or y; weights of rows are sample_weight_0, ..., or sample_weight. The same behind val_ makes
// val, which is nil if there is nothing of the kind. Any other array is an error, since a name misspelt would be lost.
func OpenNPZ(path string, inputs, outputs []string, limits safeio.Limits) (train, val *Arrays, err error) {
	a, err := npy.OpenArchive(path, limits)
	if err != nil {
		return nil, nil, err
	}
	defer a.Close()
	used := map[string]bool{}
	read := func(prefix string) (*Arrays, error) {
		var s Arrays
		var err error
		if s.X, err = readList(a, prefix, "x", inputs, used); err != nil {
			return nil, err
		}
		if s.Y, err = readList(a, prefix, "y", outputs, used); err != nil {
			return nil, err
		}
		if s.Weight, err = readList(a, prefix, "sample_weight", outputs, used); err != nil {
			return nil, err
		}
		for i, w := range s.Weight {
			if s.Weight[i], err = w.As(graph.Float32); err != nil {
				return nil, err
			}
		}
		if len(s.X) == 0 {
			return nil, nil
		}
		return &s, s.Check()
	}
	if train, err = read(""); err == nil {
		val, err = read("val_")
	}
	if err == nil && train == nil {
		err = &safeio.FormatError{Msg: fmt.Sprintf("holds no inputs: x, x_0, ... or %s", strings.Join(quoteAll(inputs), ", ")), Got: strings.Join(quoteAll(a.Names()), ", ")}
	}
	for _, name := range a.Names() {
		if err == nil && !used[name] {
			err = &safeio.FormatError{Where: safeio.Where{Object: name}, Msg: fmt.Sprintf("is no array of this model, whose inputs are %s and outputs %s",
				strings.Join(quoteAll(inputs), ", "), strings.Join(quoteAll(outputs), ", "))}
		}
	}
	return train, val, safeio.At(err, safeio.Where{File: path})
}

func quoteAll(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = fmt.Sprintf("%q", n)
	}
	return out
}

// readList reads the arrays of one kind: by the model's names, by number, or a sole one.
func readList(a *npy.Archive, prefix, kind string, names []string, used map[string]bool) (list []*nn.Tensor, err error) {
	var keys []string
	switch {
	case kind != "sample_weight" && len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return !a.Has(prefix + n) }):
		keys = names
	case a.Has(prefix + kind):
		keys = []string{kind}
	default:
		for i := 0; a.Has(fmt.Sprintf("%s%s_%d", prefix, kind, i)); i++ {
			keys = append(keys, fmt.Sprintf("%s_%d", kind, i))
		}
	}
	for _, k := range keys {
		name := prefix + k
		if used[name] {
			continue
		}
		used[name] = true
		t, err := a.Read(name)
		if err != nil {
			return nil, err
		}
		if len(t.Shape) == 0 {
			return nil, &safeio.FormatError{Where: safeio.Where{Object: name}, Msg: "has no rows"}
		}
		if err := finite(t); err != nil {
			return nil, safeio.At(err, safeio.Where{Object: name})
		}
		list = append(list, t)
	}
	return list, nil
}

// finite refuses NaN and infinities.
func finite(t *nn.Tensor) error {
	per := max(t.Shape[1:].Size(), 1)
	bad := func(i int, v float64) error {
		return &safeio.FormatError{Msg: fmt.Sprintf("row %d", i/per), Want: "numbers", Got: fmt.Sprint(v)}
	}
	for i, v := range t.F32 {
		if v-v != 0 {
			return bad(i, float64(v))
		}
	}
	for i, v := range t.F64 {
		if v-v != 0 {
			return bad(i, v)
		}
	}
	return nil
}
