package keras

import (
	"archive/zip"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"io"
	"path/filepath"
	"strings"

	"kerasgo/internal/hdf5"
	"kerasgo/internal/npy"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
)

// kerasVersion is the Keras whose files are written.
const kerasVersion = "3.15.1"

// WriteOptions say how to write; the zero value is right for most.
type WriteOptions struct {
	// Form is what to write: keras, h5, weights.h5, json or npz; "": what the path's extension says.
	Form string
	// Keras is whose words are written: 2, in .h5 and .json as tf-keras reads them, or 3; 0 is 3. See Dialect.
	Keras int
	// Force lets an existing file be overwritten.
	Force bool
}

// Save writes a model in the form that path's extension names: .keras, .h5, .weights.h5, .json (the architecture) or .npz
// (the weights by path). The file appears whole or not at all, and none is overwritten.
func Save(path string, m nn.Model) error { return SaveOptions(path, m, WriteOptions{}) }

// SaveOptions writes a model, in the words of Keras 3 unless o says otherwise; config keys that were read are written as they
// were. What Keras 2 has no words for is UnsupportedErrors, all at once.
func SaveOptions(path string, m nn.Model, o WriteOptions) error {
	to := form(o.Form)
	if to == "" {
		if to = formOf(path); to == "" {
			return fmt.Errorf("%s: the extension names no format (.keras, .h5, .weights.h5, .json, .npz)", filepath.Base(path))
		}
	}
	write, err := writer(m, to, o.Keras)
	if err != nil {
		return at(err, path)
	}
	return safeio.WriteFile(path, o.Force, write)
}

// Write writes a model to w in a form: keras, h5, weights.h5, json or npz. The same model always gives the same bytes.
func Write(w io.Writer, m nn.Model, to string) error { return WriteTo(w, m, WriteOptions{Form: to}) }

// WriteTo is Write with options, of which Force says nothing here.
func WriteTo(w io.Writer, m nn.Model, o WriteOptions) error {
	write, err := writer(m, form(o.Form), o.Keras)
	if err != nil {
		return err
	}
	return write(w)
}

// formOf tells the form by a path's extension; "" if it says none.
func formOf(path string) form {
	lower := strings.ToLower(filepath.Base(path))
	switch {
	case strings.HasSuffix(lower, ".weights.h5"):
		return formWeights
	case strings.HasSuffix(lower, ".h5"), strings.HasSuffix(lower, ".hdf5"):
		return formH5
	case strings.HasSuffix(lower, ".keras"):
		return formKeras
	case strings.HasSuffix(lower, ".json"):
		return formJSON
	case strings.HasSuffix(lower, ".npz"):
		return formNPZ
	}
	return ""
}

// writer prepares everything that can fail because of the model, so that a file isn't begun in vain.
func writer(m nn.Model, to form, dialect int) (func(io.Writer) error, error) {
	if err := nn.Declare(m); err != nil {
		return nil, err
	}
	if to != formJSON {
		if _, err := Weights(m); err != nil {
			return nil, err
		}
	}
	switch dialect {
	case 0, 3:
	case 2:
		return keras2Writer(m, to)
	default:
		return nil, fmt.Errorf("there are the words of Keras 2 and 3, not %d", dialect)
	}
	if to == formJSON || to == formH5 || to == formKeras {
		if err := oldMasks(m); err != nil {
			return nil, err
		}
		if err := oldImages(m); err != nil {
			return nil, err
		}
	}
	if to == formJSON || to == formH5 {
		inline(m)
	}
	switch to {
	case formJSON:
		raw, err := ToJSON(m)
		return func(w io.Writer) error { _, err := w.Write(raw); return err }, err
	case formNPZ:
		return func(w io.Writer) error { return writeNPZ(w, m) }, nil
	case formWeights:
		t, err := varsTree(m, false)
		return func(w io.Writer) error { _, err := t.WriteTo(w); return err }, err
	case formH5:
		t, err := legacyTree(m)
		return func(w io.Writer) error { _, err := t.WriteTo(w); return err }, err
	case formKeras:
		return keras3Writer(m)
	}
	return nil, fmt.Errorf("unknown format %q (keras, h5, weights.h5, json, npz)", to)
}

// ToJSON is the architecture as Keras's model.to_json() writes it.
func ToJSON(m nn.Model) ([]byte, error) {
	env, err := keras3Config(m)
	if err != nil {
		return nil, err
	}
	return pythonJSON(marshal(env)), nil
}

// keras3Writer writes a .keras archive: stored entries, sizes and checksums in front of them.
func keras3Writer(m nn.Model) (func(io.Writer) error, error) {
	config, err := ToJSON(m)
	if err != nil {
		return nil, err
	}
	tree, err := varsTree(m, true)
	if err != nil {
		return nil, err
	}
	metadata := []byte(nn.OriginOf(m).Metadata)
	if metadata == nil || nn.OriginOf(m).Translated {
		metadata = marshal(map[string]string{"keras_version": kerasVersion})
	}
	files := keptFiles(m)
	sum := crc32.NewIEEE()
	size, err := tree.WriteTo(sum)
	if err != nil {
		return nil, err
	}
	return func(w io.Writer) error {
		z := zip.NewWriter(w)
		for _, e := range append([]assetFile{{metadataName, metadata}, {configName, config}}, files...) {
			entry, err := stored(z, e.name, int64(len(e.data)), crc32.ChecksumIEEE(e.data))
			if err != nil {
				return err
			}
			if _, err := entry.Write(e.data); err != nil {
				return err
			}
		}
		entry, err := stored(z, weightsName, size, sum.Sum32())
		if err != nil {
			return err
		}
		if _, err := tree.WriteTo(entry); err != nil {
			return err
		}
		return z.Close()
	}, nil
}

func stored(z *zip.Writer, name string, size int64, sum uint32) (io.Writer, error) {
	const firstDay = 1<<5 | 1 // 1 January 1980, the epoch of zip archives: the same model gives the same bytes
	//lint:ignore SA1019 CreateRaw writes these fields as they are, and doesn't look at Modified
	return z.CreateRaw(&zip.FileHeader{Name: name, Method: zip.Store, ModifiedDate: firstDay, CRC32: sum,
		CompressedSize64: uint64(size), UncompressedSize64: uint64(size)})
}

// writeNPZ writes one array a weight.
func writeNPZ(w io.Writer, m nn.Model) error {
	vars, err := Weights(m)
	if err != nil {
		return err
	}
	return WriteArrays(w, vars)
}

// WriteArrays writes variables as an .npz archive.
func WriteArrays(w io.Writer, vars []nn.Variable) error {
	z := npy.NewWriter(w)
	for _, v := range vars {
		if err := z.Write(v.Name, v.Value); err != nil {
			return err
		}
	}
	return z.Close()
}

// compileOf is what the file says of training: what the model has now, else what was read.
func compileOf(m nn.Model) json.RawMessage {
	if t := m.Training(); t != nil {
		return t.Compile
	}
	return nil
}

// varsTree lays the weights out as .weights.h5 does.
func varsTree(m nn.Model, optimizer bool) (*hdf5.Tree, error) {
	t := hdf5.NewTree()
	for _, h := range holders(m) {
		at := strings.TrimPrefix(h.path+"/vars", "/")
		t.Group(at).SetText("name", h.layer.Base().Name)
		if err := addKept(t, h); err != nil {
			return nil, err
		}
		for i, w := range h.own {
			data := w.Data
			if s, ok := h.layer.(nn.Saver); ok {
				data = s.SavedData(w)
			}
			if err := addTensor(t, fmt.Sprintf("%s/%d", at, i), data); err != nil {
				return nil, err
			}
		}
	}
	if s := m.Training(); optimizer && s != nil && len(s.Variables) > 0 {
		class, name, _ := optimizerOf(s.Compile)
		t.Group("optimizer/vars").SetText("name", name)
		for i, v := range s.Variables {
			if err := addTensor(t, fmt.Sprintf("optimizer/vars/%d", i), v.Value); err != nil {
				return nil, err
			}
			if class == lossScale && i >= lossScaleOwn { // Keras saves the optimizer inside once more
				if err := addTensor(t, fmt.Sprintf("optimizer/inner_optimizer/vars/%d", i-lossScaleOwn), v.Value); err != nil {
					return nil, err
				}
			}
		}
	}
	return t, t.Err()
}
