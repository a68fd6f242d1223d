// Package keras reads and writes Keras's model files: .keras archives, legacy .h5 of Keras 1, 2 and 3, architecture JSON,
// .weights.h5, and weights as .npz; it reads the layers-models of TensorFlow.js. What it reads becomes an
// nn.Model: a *nn.Sequential or a *nn.Functional.
//
// The format is told by content, never by the file's name. Files written by Keras 2 are translated to what Keras 3 says
// (dialect.go) before package nn, which is strict, reads them. No code from a file is ever run.
//
// Errors are FormatError (the file is broken), UnsupportedError or UnsupportedErrors (it asks for something that isn't
// supported; everything is listed at once) and LimitError.
package keras

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kerasgo/internal/hdf5"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/layers"
)

// The errors and limits that files cause; see package nn.
type (
	FormatError       = nn.FormatError
	UnsupportedError  = nn.UnsupportedError
	UnsupportedErrors = nn.UnsupportedErrors
	LimitError        = nn.LimitError
	Limits            = safeio.Limits
)

// Options say how to read; the zero value is right for most.
type Options struct {
	// Weights is the file that holds the weights of an architecture JSON: .weights.h5, legacy .h5, .keras or .npz. Where
	// the model's own file holds weights, it takes their place.
	Weights string
	// ByName gives weights to the layers that have the names of a legacy .h5 file's, whatever their order; others keep theirs.
	ByName bool
	// SkipMismatch passes over weights whose number or shape differs, and tells Warn of each.
	SkipMismatch bool
	// NoWeights leaves the weights without values; only the architecture is read.
	NoWeights bool
	// IgnoreKeys are config keys, as CLASS.KEY, that may have any value though they aren't known.
	IgnoreKeys []string
	// Registry are the layers that files may name; nil: all that package layers has.
	Registry nn.Registry
	// Layers are classes of the caller's own, by the name that Python registered them under ("MyLib>Antirectifier") or by
	// class. They go before Registry's.
	Layers nn.Registry
	// Lambdas take the place of Python code, which is never run: by the name of a Lambda layer or, for activations that aren't
	// known, by "LAYER.activation" or by their name in the file ("<lambda>"). One that nothing asks for is an error.
	Lambdas map[string]nn.Function
	// Limits bound what is read; zero fields are the defaults.
	Limits Limits
	// Warn is told of config keys that aren't known and were let pass; may be nil.
	Warn func(string)

	each func(LayerName) // told of every layer in the config
	dir  string          // where the model's file lies; "": it isn't one
}

// Load reads a model with its weights.
func Load(path string) (nn.Model, error) { return LoadOptions(path, Options{}) }

// LoadOptions reads a model.
func LoadOptions(path string, o Options) (nn.Model, error) {
	f, size, err := safeio.OpenRegular(path, o.Limits)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	o.dir = filepath.Dir(path)
	m, err := o.read(f, size)
	if err == nil {
		o.warnCustom(m)
	}
	if err == nil && o.Weights != "" && !o.NoWeights {
		return m, LoadWeights(m, o.Weights, o)
	}
	if err != nil {
		return nil, at(err, path)
	}
	return m, nil
}

// Read reads a model of size bytes from r, for callers that have no file.
func Read(r io.ReaderAt, size int64, o Options) (nn.Model, error) {
	m, err := o.read(r, size)
	if err != nil {
		return nil, broken(err)
	}
	o.warnCustom(m)
	return m, nil
}

// FromJSON makes a model of an architecture: the JSON of Keras's model.to_json(), config.json or model_config. Its weights
// have no values yet; see LoadWeights and nn.InitWeights.
func FromJSON(raw []byte) (nn.Model, error) { return FromJSONOptions(raw, Options{}) }

// FromJSONOptions is FromJSON with options.
func FromJSONOptions(raw []byte, o Options) (nn.Model, error) {
	m, err := o.decode(raw, version{}, formJSON)
	if err != nil {
		return nil, err
	}
	return m, nn.Declare(m)
}

// form is how a file is laid out.
type form string

const (
	formKeras   form = "keras"
	formH5      form = "h5"
	formWeights form = "weights.h5"
	formJSON    form = "json"
	formNPZ     form = "npz"
)

// sniff tells a file's form by its content.
func sniff(r io.ReaderAt, size int64, limits Limits) (form, error) {
	head := make([]byte, min(size, 512))
	if err := safeio.ReadFull(r, head, 0); err != nil {
		return "", err
	}
	switch text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"); {
	case hdf5.IsHDF5(r):
		return formH5, nil
	case bytes.HasPrefix(head, []byte("PK\x03\x04")) || bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return formKeras, nil
	case len(text) > 0 && text[0] == '{':
		return formJSON, nil
	}
	if f, err := hdf5.NewReader(r, size, limits); err == nil { // behind a user block
		f.Close()
		return formH5, nil
	}
	return "", &FormatError{Msg: "not a Keras file", Want: "a zip archive (.keras), HDF5 (.h5) or JSON", Got: fmt.Sprintf("%q...", head[:min(len(head), 8)])}
}

func (o Options) read(r io.ReaderAt, size int64) (nn.Model, error) {
	kind, err := sniff(r, size, o.Limits)
	if err != nil {
		return nil, err
	}
	ownWeights := (o.Weights == "" || o.ByName || o.SkipMismatch && kind != formJSON) && !o.NoWeights
	if o.Weights != "" { // they are another file's to answer
		ownWeights = ownWeights && kind != formJSON
		o.ByName, o.SkipMismatch = false, false
	}
	switch kind {
	case formKeras:
		return o.readArchive(r, size, ownWeights)
	case formH5:
		return o.readH5(r, size, ownWeights)
	}
	limit := o.Limits.OrDefaults().MaxJSONBytes
	if size > limit {
		return nil, tooLong(size, limit)
	}
	raw, err := safeio.Slice(r, size, 0, size)
	if err != nil {
		return nil, err
	}
	if clean, err := cleanJSON(raw, o.Limits); err == nil {
		if m, ok, err := o.readTFJS(clean, ownWeights); ok {
			return m, err
		}
	}
	if isShards(raw) {
		return nil, &FormatError{Msg: "not a model but the index of weights in shards (give MODEL.json, and this file with --weights)"}
	}
	m, err := o.decode(raw, version{}, formJSON)
	if err != nil {
		return nil, err
	}
	if err := nn.Declare(m); err != nil {
		return nil, err
	}
	if ownWeights && slices.ContainsFunc(slices.Collect(nn.Weights(m)), func(w *nn.Weight) bool { return !isSeed(w) }) {
		return nil, &FormatError{Msg: "the file holds an architecture without weights", Want: "a weights file beside it (--weights)"}
	}
	return m, nil
}

// decode makes a model of a config, translating what older versions say. Weights aren't declared yet.
func (o Options) decode(raw []byte, v version, from form) (nn.Model, error) {
	raw, err := cleanJSON(raw, o.Limits)
	if err != nil {
		return nil, err
	}
	config, origin, said, err := translate(raw, v, from)
	if err != nil {
		return nil, err
	}
	if o.each != nil {
		o.list(asObject(config), "", 0)
	}
	ignore := map[string]bool{}
	for _, k := range o.IgnoreKeys {
		ignore[k] = true
	}
	l := o.Limits.OrDefaults()
	d := nn.Decoder{Registry: o.Registry, Custom: o.Layers, Functions: o.Lambdas, Ignore: ignore, Warn: o.Warn, MaxLayers: l.MaxLayers, MaxDepth: min(l.MaxGroupDepth, 64)}
	if d.Registry == nil {
		d.Registry = layers.Builtin()
	}
	layer, err := d.Decode(config)
	policies := badPolicies(config)
	var many UnsupportedErrors
	switch {
	case errors.As(err, &many):
		return nil, append(many, policies...)
	case err != nil:
		return nil, err
	case len(policies) > 0:
		return nil, policies
	}
	if names := d.Unused(); len(names) > 0 {
		return nil, &UnsupportedError{Msg: fmt.Sprintf("no Lambda layer and no unknown activation is called %q, which a function was given for", names[0])}
	}
	m, ok := layer.(nn.Model)
	if !ok {
		return nil, &FormatError{Msg: "the file's outermost object isn't a model", Got: fmt.Sprintf("%q", layer.Base().Class)}
	}
	if err := uniqueNames(m); err != nil {
		return nil, err
	}
	nn.SetOrigin(m, origin)
	if err := said.check(m); err != nil {
		return nil, err
	}
	var env struct {
		Compile json.RawMessage `json:"compile_config"`
	}
	if json.Unmarshal(config, &env) == nil && len(env.Compile) > 2 && !bytes.Equal(env.Compile, []byte("null")) {
		compile := env.Compile
		if c := asObject(compile); origin.Translated && c != nil {
			compile = compileConfig(c, true)
		}
		nn.SetTraining(m, &nn.TrainingState{Compile: compile})
	}
	return m, nil
}

// uniqueNames refuses models in which two layers have one name, as Keras does: calls and weights go by it.
func uniqueNames(m nn.Model) error {
	seen := map[string]bool{}
	for _, l := range nn.Layers(m) {
		if name := l.Base().Name; seen[name] {
			return &FormatError{Where: nn.Where{Layer: name, Class: l.Base().Class}, Msg: fmt.Sprintf("another layer of model %q has the same name", m.Base().Name)}
		} else {
			seen[name] = true
		}
		if inner, ok := l.(nn.Model); ok {
			if err := uniqueNames(inner); err != nil {
				return err
			}
		}
	}
	return nil
}

// broken types the error for what an HDF5 file refers to but doesn't hold.
func broken(err error) error {
	if errors.Is(err, hdf5.ErrNotFound) {
		return &FormatError{Msg: "the file is incomplete", Err: err}
	}
	return err
}

// at says in which file err happened.
func at(err error, path string) error {
	err = broken(err)
	var many UnsupportedErrors
	if errors.As(err, &many) {
		for _, u := range many {
			if u.File == "" {
				u.File = path
			}
		}
		return many
	}
	if errors.Is(err, os.ErrNotExist) {
		return err
	}
	return safeio.At(err, safeio.Where{File: path})
}

// LayerName is a layer as a file names it.
type LayerName struct{ Path, Name, Class string }

// LayerNames lists the layers of a file, those of models and wrappers inside too, whether they are supported or not. Operation
// nodes have "ops." before their class.
func LayerNames(path string, o Options) ([]LayerName, error) {
	all := Options{NoWeights: true, Limits: o.Limits}
	var out []LayerName
	all.each = func(n LayerName) { out = append(out, n) }
	_, err := LoadOptions(path, all)
	if len(out) > 0 {
		err = nil
	}
	return out, err
}

// list tells each of the layers of a model's or a wrapper's config.
func (o Options) list(env object, prefix string, depth int) {
	config := asObject(env["config"])
	items, _ := asList(config["layers"])
	cells, _ := asList(config["cells"])
	items = append(items, cells...)
	for _, key := range []string{"layer", "backward_layer", "cell", "activation"} {
		items = append(items, config[key])
	}
	for _, item := range items {
		inner := asObject(item)
		class, name := text(inner["class_name"]), layerName(inner)
		if asObject(inner["config"]) == nil {
			continue // a function's name
		}
		if nn.CustomName(class, "") != "" {
			class = class[strings.LastIndexByte(class, '>')+1:]
		}
		if strings.Contains(text(inner["module"]), ".ops") {
			class = "ops." + class
		}
		if name == "" {
			name = class
		}
		o.each(LayerName{prefix + name, name, class})
		if depth < maxNesting {
			o.list(inner, prefix+name+"/", depth+1)
		}
	}
}
