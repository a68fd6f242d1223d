package keras

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"kerasgo/internal/hdf5"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
)

// ErrWeightsAlone is in the chain of the error for a file that holds weights where a model was expected.
var ErrWeightsAlone = errors.New("the file holds weights without an architecture")

// readH5 reads a legacy .h5 file: model_config and weights. A file of weights alone is refused by name.
//
// Source: keras/src/legacy/saving/legacy_h5_format.py
func (o Options) readH5(r io.ReaderAt, size int64, weights bool) (nn.Model, error) {
	h, err := hdf5.NewReader(r, size, o.Limits)
	if err != nil {
		return nil, err
	}
	root := h.Root()
	config, err := attrText(root, "model_config")
	if errors.Is(err, hdf5.ErrNotFound) {
		if isWeights(root) {
			return nil, &FormatError{Msg: "not a whole model (give MODEL.json, and this file with --weights)", Err: ErrWeightsAlone}
		}
		return nil, &FormatError{Msg: "not a Keras model: it has no model_config"}
	}
	if err != nil {
		return nil, err
	}
	v, err := attrText(root, "keras_version")
	if err != nil && !errors.Is(err, hdf5.ErrNotFound) {
		return nil, err
	}
	backend, _ := attrText(root, "backend")
	m, err := o.decode([]byte(config), fileVersion(root, v), formH5)
	if err != nil {
		return nil, safeio.At(err, safeio.Where{Object: "model_config"})
	}
	origin := nn.OriginOf(m)
	origin.Backend = backend
	nn.SetOrigin(m, origin)
	if err := nn.Declare(m); err != nil {
		return nil, err
	}
	if err := readTrainingConfig(m, root, o.Limits); err != nil {
		return nil, err
	}
	if !weights {
		return m, nil
	}
	g, err := root.Group("model_weights")
	if err != nil {
		return nil, err
	}
	if err := o.readLegacy(m, g); err != nil {
		return nil, err
	}
	return m, readLegacyOptimizer(m, root)
}

// fileVersion is the file's, or its weights group's.
func fileVersion(root *hdf5.Group, v string) version {
	if v == "" {
		if g, err := root.Group("model_weights"); err == nil {
			v, _ = attrText(g, "keras_version")
		}
	}
	return parseVersion(v)
}

func attrText(g *hdf5.Group, name string) (string, error) {
	a, err := g.Attr(name)
	if err != nil {
		return "", err
	}
	return a.Text()
}

// isWeights says that the file holds weights: of either layout.
func isWeights(root *hdf5.Group) bool {
	_, err := root.Attr("layer_names")
	_, err0 := root.Attr("layer_names0")
	return err == nil || err0 == nil || isVars(root)
}

func isVars(root *hdf5.Group) bool {
	return root.Has("layers") || root.Has("vars") || root.Has("_layer_checkpoint_dependencies")
}

// saved is a layer's group in a legacy file.
type saved struct {
	name    string
	group   *hdf5.Group
	weights []string
}

// readLegacy reads the weights of a declared model by topology, as Keras does: the layers that have weights, in order, and
// in each the trained weights before the others. Where the file's names are the model's, they decide.
func (o Options) readLegacy(m nn.Model, g *hdf5.Group) error {
	files, err := savedLayers(g)
	if err != nil {
		return err
	}
	var want []nn.Layer
	for _, l := range nn.Layers(m) {
		if len(legacyWeights(l)) > 0 {
			want = append(want, l)
		}
	}
	if o.ByName {
		files, want = named(files, nn.Layers(m))
	} else if len(files) != len(want) {
		return layerCount(g, files, want)
	}
	if !o.ByName && sameNames(files, want) {
		byName := map[string]saved{}
		for _, f := range files {
			byName[f.name] = f
		}
		for i, l := range want {
			files[i] = byName[l.Base().Name]
		}
	}
	var jobs []job
	by := originOf(g, files)
	for i, l := range want {
		js, err := by.jobs(files[i], l)
		if err != nil {
			if o.skips(err) {
				continue
			}
			return err
		}
		jobs = append(jobs, js...)
	}
	if err := topLevel(g); err != nil {
		return err
	}
	return o.readJobs(m, jobs)
}

// savedLayers lists the layers with weights, in the file's order.
func savedLayers(g *hdf5.Group) (out []saved, err error) {
	list, err := g.SplitStrings("layer_names")
	if err != nil {
		return nil, err
	}
	for _, name := range list {
		sub, err := g.Group(name)
		if err != nil {
			return nil, err
		}
		weights, err := sub.SplitStrings("weight_names")
		if err != nil {
			return nil, err
		}
		weights = slices.DeleteFunc(weights, func(n string) bool { return strings.Contains(n, "seed_generator") })
		if len(weights) > 0 {
			out = append(out, saved{name, sub, weights})
		}
	}
	return out, nil
}

func sameNames(files []saved, want []nn.Layer) bool {
	names := map[string]bool{}
	for _, f := range files {
		names[f.name] = true
	}
	return len(names) == len(files) && !slices.ContainsFunc(want, func(l nn.Layer) bool { return !names[l.Base().Name] })
}

// layerCount says which layers are missing and which are too many.
func layerCount(g *hdf5.Group, files []saved, want []nn.Layer) error {
	have, need := map[string]bool{}, map[string]bool{}
	var missing, extra []string
	for _, f := range files {
		have[f.name] = true
	}
	for _, l := range want {
		if need[l.Base().Name] = true; !have[l.Base().Name] {
			missing = append(missing, l.Base().Name)
		}
	}
	for _, f := range files {
		if !need[f.name] {
			extra = append(extra, f.name)
		}
	}
	msg := "the number of layers with weights is wrong"
	if len(missing) > 0 {
		msg += fmt.Sprintf("; the file lacks %.10q", missing)
	}
	if len(extra) > 0 {
		msg += fmt.Sprintf("; the model lacks %.10q", extra)
	}
	return &FormatError{Where: safeio.Where{Object: g.Path()}, Msg: msg, Want: fmt.Sprint(len(want)), Got: fmt.Sprint(len(files))}
}

// legacyWeights are a layer's weights in the order of legacy files: trained ones first, those of layers inside included.
func legacyWeights(l nn.Layer) (out []*nn.Weight) {
	for w := range nn.Weights(l) {
		if !isSeed(w) {
			out = append(out, w)
		}
	}
	slices.SortStableFunc(out, func(a, b *nn.Weight) int {
		switch {
		case a.Trainable == b.Trainable:
			return 0
		case a.Trainable:
			return -1
		}
		return 1
	})
	return out
}

// jobs pairs a layer's weights with its datasets.
func (w origin) jobs(f saved, l nn.Layer) (jobs []job, err error) {
	if w.one {
		return w.keras1Jobs(f, l)
	}
	ws := legacyWeights(l)
	if len(ws) != len(f.weights) {
		return nil, &FormatError{Where: safeio.Where{Object: f.group.Path(), Layer: l.Base().Name, Class: l.Base().Class},
			Msg: "the number of weights is wrong", Want: fmt.Sprintf("%d%s", len(ws), names(ws)), Got: fmt.Sprint(len(f.weights))}
	}
	order := byPath(ws, f.weights)
	for i, weight := range ws {
		set, err := f.group.Dataset(f.weights[order[i]])
		if err != nil {
			return nil, safeio.At(err, safeio.Where{Layer: l.Base().Name, Class: l.Base().Class})
		}
		jobs = append(jobs, job{w: weight, set: set, layer: l})
	}
	if w.theano {
		w.theanoJobs(jobs, l)
	}
	cudnnJobs(jobs)
	return jobs, nil
}

// byPath finds for each weight the file's entry whose path ends as the weight's does, where that tells all of them apart:
// in nested models the order alone depends on which layers were frozen when the file was written. Otherwise it is the
// file's order.
func byPath(ws []*nn.Weight, files []string) []int {
	order := make([]int, len(ws))
	taken := make([]bool, len(files))
	found := true
	for i, w := range ws {
		order[i] = i
		match := -1
		for k, name := range files {
			if name = strings.TrimSuffix(name, ":0"); pathEnds(name, w.Path) || pathEnds(w.Path, name) {
				if match >= 0 || taken[k] {
					found = false
				}
				match = k
			}
		}
		if found = found && match >= 0; found {
			order[i], taken[match] = match, true
		}
	}
	if !found {
		for i := range order {
			order[i] = i
		}
	}
	return order
}

// pathEnds says that long is short, or ends in it after a slash.
func pathEnds(long, short string) bool { return long == short || strings.HasSuffix(long, "/"+short) }

// topLevel refuses weights of the model itself, which no model of Keras's own has.
func topLevel(g *hdf5.Group) error {
	if !g.Has("top_level_model_weights") {
		return nil
	}
	top, err := g.Group("top_level_model_weights")
	if err != nil {
		return err
	}
	list, err := top.SplitStrings("weight_names")
	if err == nil && len(list) > 0 {
		err = &UnsupportedError{Where: safeio.Where{Object: top.Path()}, Msg: fmt.Sprintf("weights of the model itself (%q)", list[0])}
	}
	return err
}
