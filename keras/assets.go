package keras

import (
	"errors"
	"path"
	"slices"
	"strings"

	"kerasgo/internal/hdf5"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
)

// assetsName is the folder of a .keras archive that holds what layers keep in files: vocabularies.
const assetsName = "assets"

// adopt makes the layers of models known before they are built, so that they have their paths.
func adopt(m nn.Model) {
	layers := nn.Layers(m)
	m.Base().Adopt("layers", layers...)
	for _, l := range layers {
		if inner, ok := l.(nn.Model); ok {
			adopt(inner)
		}
	}
}

// assets gives layers what the archive keeps for them beside config and weights: before the model is built, which their
// vocabularies' sizes decide. root holds the weights; nil: they aren't read.
//
// Source: keras/src/saving/saving_lib.py, load_assets
func (a *archive) assets(m nn.Model, root *hdf5.Group) error {
	adopt(m)
	for _, h := range holders(m) {
		k, ok := h.layer.(nn.Keeper)
		if !ok {
			continue
		}
		kept := nn.Kept{Files: map[string][]byte{}}
		prefix := path.Join(assetsName, h.path) + "/"
		for name := range a.files {
			file := strings.TrimPrefix(name, prefix)
			if file == name || file == "" || strings.Contains(file, "/") {
				continue
			}
			data, err := a.bytes(name, a.limits.OrDefaults().MaxJSONBytes)
			if err != nil {
				return err
			}
			kept.Files[file] = data
		}
		if root != nil {
			var err error
			if kept.Arrays, err = keptArrays(root, path.Join(h.path, "vars")); err != nil {
				return safeio.At(err, safeio.Where{Object: weightsName})
			}
		}
		if err := k.Restore(kept); err != nil {
			b := h.layer.Base()
			return safeio.At(err, safeio.Where{Object: prefix, Layer: b.Name, Class: b.Class})
		}
	}
	return nil
}

// keptArrays are the datasets of a vars group that have names instead of numbers.
func keptArrays(root *hdf5.Group, at string) (out []nn.Variable, err error) {
	g, err := root.Group(at)
	if errors.Is(err, hdf5.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	for _, name := range g.Names() {
		if numbered(name) {
			continue
		}
		d, err := g.Dataset(name)
		if err != nil {
			return nil, err
		}
		v, err := readVariable(name, d)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// numbered says that a dataset's name is a weight's.
func numbered(name string) bool { return strings.Trim(name, "0123456789") == "" }

// firstOf is the first error that is one.
func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// assetFile is an entry of an archive's assets.
type assetFile struct {
	name string
	data []byte
}

// keptFiles are the files that layers keep, by name.
func keptFiles(m nn.Model) (out []assetFile) {
	for _, h := range holders(m) {
		k, ok := h.layer.(nn.Keeper)
		if !ok {
			continue
		}
		kept := k.Kept()
		for name, data := range kept.Files {
			out = append(out, assetFile{path.Join(assetsName, h.path, name), data})
			if kept.Twin != "" {
				out = append(out, assetFile{path.Join(assetsName, h.path, kept.Twin, name), data})
			}
		}
	}
	slices.SortFunc(out, func(a, b assetFile) int { return strings.Compare(a.name, b.name) })
	return out
}

// inline moves what layers keep into their configs, for files that have no assets.
func inline(m nn.Model) {
	for _, h := range holders(m) {
		if k, ok := h.layer.(nn.Keeper); ok {
			k.Inline()
		}
	}
}

// addKept lays out the arrays that a layer keeps beside its weights, where Keras has them.
func addKept(t *hdf5.Tree, h holder) error {
	k, ok := h.layer.(nn.Keeper)
	if !ok {
		return nil
	}
	kept := k.Kept()
	if kept.Twin != "" {
		t.Group(path.Join(h.path, kept.Twin, "vars")).SetText("name", h.layer.Base().Name)
	}
	for _, v := range kept.Arrays {
		if err := addTensor(t, path.Join(h.path, "vars", v.Name), v.Value); err != nil {
			return err
		}
		if kept.Twin != "" {
			if err := addTensor(t, path.Join(h.path, kept.Twin, "vars", v.Name), v.Value); err != nil {
				return err
			}
		}
	}
	return nil
}
