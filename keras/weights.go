package keras

import (
	"fmt"
	"io"

	"kerasgo/internal/hdf5"
	"kerasgo/internal/npy"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
)

// LoadWeights gives m the weights of a file: .weights.h5, legacy .h5 (of a whole model or of weights alone), .keras, .npz with
// one array a weight, by path, or the .weights.json of weights in shards, which lie beside it.
//
// With Options.ByName or SkipMismatch, what the file doesn't give keeps its value, or is drawn as for training.
func LoadWeights(m nn.Model, path string, o Options) error {
	f, size, err := safeio.OpenRegular(path, o.Limits)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := nn.Declare(m); err != nil {
		return err
	}
	if shards, err := o.shards(f, size, path); err != nil || shards != nil {
		if err != nil {
			return at(err, path)
		}
		defer shards.close()
		return at(o.readVars(m, shards.roots...), path)
	}
	return at(o.weights(m, f, size), path)
}

func (o Options) weights(m nn.Model, r io.ReaderAt, size int64) error {
	kind, err := sniff(r, size, o.Limits)
	if err != nil {
		return err
	}
	switch kind {
	case formJSON:
		return &FormatError{Msg: "not a weights file", Want: ".weights.h5, .h5, .keras or .npz", Got: "JSON"}
	case formH5:
		h, err := hdf5.NewReader(r, size, o.Limits)
		if err != nil {
			return err
		}
		return o.readAnyH5(m, h.Root())
	}
	a, err := openArchive(r, size, o.Limits)
	if err != nil {
		return err
	}
	if a.files[weightsName] == nil {
		return o.readNPZ(m, r, size)
	}
	h, done, err := a.weights()
	if err != nil {
		return err
	}
	err = o.readVars(m, h.Root())
	if bad := done(); bad != nil {
		return bad
	}
	return safeio.At(err, safeio.Where{Object: weightsName})
}

// readAnyH5 reads weights from HDF5 of either layout.
func (o Options) readAnyH5(m nn.Model, root *hdf5.Group) error {
	switch {
	case root.Has("model_weights"):
		g, err := root.Group("model_weights")
		if err != nil {
			return err
		}
		return o.readLegacy(m, g)
	case isVars(root):
		return o.readVars(m, root)
	}
	return o.readLegacy(m, root)
}

// readNPZ reads one array a weight, by the weight's path.
func (o Options) readNPZ(m nn.Model, r io.ReaderAt, size int64) error {
	a, err := npy.NewArchive(r, size, o.Limits)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for w := range nn.Weights(m) {
		if isSeed(w) {
			continue
		}
		known[w.Path] = true
		where := safeio.Where{Object: w.Path}
		if !a.Has(w.Path) {
			return &FormatError{Where: where, Msg: "the archive lacks this weight"}
		}
		s, err := a.Spec(w.Path)
		if err != nil {
			return err
		}
		if !s.Shape.Equal(w.Shape) {
			return &FormatError{Where: where, Msg: "the weight has the wrong shape", Want: w.Shape.String(), Got: s.Shape.String()}
		}
		t, err := a.Read(w.Path)
		if err != nil {
			return err
		}
		if w.DType.Float() && !t.DType.Float() {
			return &FormatError{Where: where, Msg: "the weight has the wrong type", Want: w.DType.String(), Got: t.DType.String()}
		}
		if t, err = t.As(w.DType); err != nil {
			return safeio.At(err, where)
		}
		if err := holdsNumbers(w, t); err != nil {
			return safeio.At(err, where)
		}
		w.Data = t
	}
	for _, name := range a.Names() {
		if !known[name] {
			return &FormatError{Where: safeio.Where{Object: name}, Msg: "the model has no such weight"}
		}
	}
	nn.WeightsChanged(m)
	return nil
}

// ReadWeights reads all weights of a file, whatever model they are of: of HDF5 by the dataset's path, of .npz by name.
func ReadWeights(path string, o Options) ([]nn.Variable, error) {
	f, size, err := safeio.OpenRegular(path, o.Limits)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	vars, err := o.allWeights(f, size)
	return vars, at(err, path)
}

func (o Options) allWeights(r io.ReaderAt, size int64) (out []nn.Variable, err error) {
	kind, err := sniff(r, size, o.Limits)
	if err != nil {
		return nil, err
	}
	switch kind {
	case formJSON:
		return nil, &FormatError{Msg: "not a weights file", Want: ".weights.h5, .h5, .keras or .npz", Got: "JSON"}
	case formKeras:
		z, err := openArchive(r, size, o.Limits)
		if err != nil {
			return nil, err
		}
		if z.files[weightsName] == nil {
			return o.allArrays(r, size)
		}
		h, done, err := z.weights()
		if err != nil {
			return nil, err
		}
		out, err = allDatasets(h.Root())
		if bad := done(); bad != nil {
			return nil, bad
		}
		return out, safeio.At(err, safeio.Where{Object: weightsName})
	}
	h, err := hdf5.NewReader(r, size, o.Limits)
	if err != nil {
		return nil, err
	}
	return allDatasets(h.Root())
}

func (o Options) allArrays(r io.ReaderAt, size int64) (out []nn.Variable, err error) {
	a, err := npy.NewArchive(r, size, o.Limits)
	if err != nil {
		return nil, err
	}
	for _, name := range a.Names() {
		t, err := a.Read(name)
		if err != nil {
			return nil, err
		}
		out = append(out, nn.Variable{Name: name, Value: t})
	}
	return out, nil
}

// allDatasets reads every numeric dataset below g, without the optimizer's.
func allDatasets(g *hdf5.Group) (out []nn.Variable, err error) {
	err = g.Walk(func(o hdf5.Object) error {
		d, ok := o.(*hdf5.Dataset)
		if !ok {
			return nil
		}
		name := d.Path()[1:]
		for _, skip := range []string{"optimizer/", "optimizer_weights/"} {
			if len(name) > len(skip) && name[:len(skip)] == skip {
				return nil
			}
		}
		v, err := readVariable(name, d)
		if err != nil {
			return err
		}
		out = append(out, v)
		return nil
	})
	if err == nil && len(out) == 0 {
		err = &FormatError{Msg: "the file holds no weights"}
	}
	return out, err
}

// Weights lists a model's weights with their values as they are now, in Keras's order, by path.
func Weights(m nn.Model) ([]nn.Variable, error) {
	var out []nn.Variable
	for w := range nn.Weights(m) {
		if isSeed(w) {
			continue
		}
		if w.Data == nil {
			return nil, fmt.Errorf("weight %s has no value", w.Path)
		}
		out = append(out, nn.Variable{Name: w.Path, Value: w.Data})
	}
	return out, nil
}
