package keras

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"

	"kerasgo/internal/hdf5"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// holder is a layer that has a place of its own in a .weights.h5 file.
type holder struct {
	path  string // layers/bidirectional/forward_layer/cell
	layer nn.Layer
	own   []*nn.Weight
}

// holders finds the layers of a declared model in the order and under the paths of Keras's saving_lib: attribute names, and
// in lists the snake_case class with a counter.
//
// Source: keras/src/saving/saving_lib.py, _walk_saveable and _save_container_state
func holders(m nn.Model) []holder {
	var out []holder
	seen := map[nn.Layer]bool{}
	var visit func(l nn.Layer, at string)
	visit = func(l nn.Layer, at string) {
		if seen[l] {
			return
		}
		seen[l] = true
		own := savedWeights(l)
		out = append(out, holder{at, l, own})
		used := map[string]int{}
		for _, child := range l.Base().Children() {
			attr := child.Attr
			if attr == "layers" || attr == "cells" {
				if _, input := child.Layer.(*nn.InputLayer); input && l.Base().Class == "Sequential" || isOperation(child.Layer) {
					continue
				}
				name := uniqueName(used, attr+"/"+nn.SnakeCase(className(child.Layer)))
				visit(child.Layer, path.Join(at, name))
				continue
			}
			if attr == "" { // a layer that another uses as its activation
				attr = "activation"
			}
			visit(child.Layer, path.Join(at, attr))
		}
	}
	visit(m, "")
	return out
}

// savedWeights are a layer's own weights in the order of a file.
func savedWeights(l nn.Layer) []*nn.Weight {
	own := slices.DeleteFunc(l.Base().Own(), isSeed)
	s, ok := l.(nn.Saver)
	if !ok {
		return own
	}
	order := s.SavedOrder()
	own = slices.DeleteFunc(own, func(w *nn.Weight) bool { return !slices.Contains(order, w.Name) })
	slices.SortStableFunc(own, func(a, b *nn.Weight) int { return slices.Index(order, a.Name) - slices.Index(order, b.Name) })
	return own
}

// clearUnsaved zeroes the weights that a file doesn't hold by design.
func clearUnsaved(l nn.Layer) {
	if s, ok := l.(nn.Saver); ok {
		for _, w := range l.Base().Own() {
			if !slices.Contains(s.SavedOrder(), w.Name) {
				w.Data = graph.New(w.Spec)
			}
		}
	}
}

// isSeed says that a weight is the state of a random generator, which Keras doesn't keep among the weights.
func isSeed(w *nn.Weight) bool { return w.State && strings.Contains(w.Name, "seed_generator") }

func isOperation(l nn.Layer) bool { return strings.HasPrefix(l.Base().Class, "ops.") }

func className(l nn.Layer) string {
	switch c := l.Base().Class; c {
	case "Model":
		return "Functional"
	case "GroupQueryAttention": // Keras exports it under another name than its own
		return "GroupedQueryAttention"
	default:
		return c
	}
}

func uniqueName(used map[string]int, name string) string {
	n := used[name]
	if used[name]++; n == 0 {
		return name
	}
	return fmt.Sprintf("%s_%d", name, n)
}

// readVars reads the weights of a declared model from the layout of .weights.h5, in one file or several shards.
func (o Options) readVars(m nn.Model, roots ...*hdf5.Group) error {
	if o.ByName {
		return &UnsupportedError{Msg: "weights go by name in legacy .h5 files alone: this layout's names are the layers' places"}
	}
	old := roots[0].Has("_layer_checkpoint_dependencies") // Keras 2.13
	known := map[string]bool{}
	var jobs []job
	for _, h := range holders(m) {
		at := path.Join(h.path, "vars")
		if old {
			at = strings.ReplaceAll(at, "layers/", "_layer_checkpoint_dependencies/")
		}
		_, keeps := h.layer.(nn.Keeper)
		sets, err := spread(roots, at, keeps)
		if err == nil && len(sets) == 0 && len(h.own) > 0 && h.path != "" { // tf-keras knows some sublayers by private names alone
			private := path.Join(path.Dir(path.Dir(at)), "_"+path.Base(h.path), "vars")
			if sets, err = spread(roots, private, keeps); len(sets) > 0 {
				at = private
			}
		}
		if err != nil {
			return err
		}
		known["/"+at] = true
		if k, ok := h.layer.(nn.Keeper); ok {
			known[path.Join("/", h.path, k.Kept().Twin, "vars")] = true
		}
		if len(sets) != len(h.own) {
			err := &FormatError{Where: safeio.Where{Object: "/" + at, Layer: h.layer.Base().Name, Class: h.layer.Base().Class},
				Msg: "the number of weights is wrong", Want: fmt.Sprintf("%d%s", len(h.own), names(h.own)), Got: fmt.Sprint(len(sets))}
			if !o.skips(err) {
				return err
			}
			continue
		}
		for i, w := range h.own {
			jobs = append(jobs, job{w: w, set: sets[i], layer: h.layer})
		}
		clearUnsaved(h.layer)
	}
	for _, root := range roots {
		if err := nothingElse(root, known); err != nil && !o.skips(err) {
			return err
		}
	}
	return o.readJobs(m, jobs)
}

func names(ws []*nn.Weight) string {
	if len(ws) == 0 {
		return ""
	}
	list := make([]string, len(ws))
	for i, w := range ws {
		list[i] = w.Name
	}
	return " (" + strings.Join(list, ", ") + ")"
}

// datasets are those of one file; see spread.
func datasets(root *hdf5.Group, at string, keeps bool) ([]*hdf5.Dataset, error) {
	return spread([]*hdf5.Group{root}, at, keeps)
}

// spread finds the datasets of a vars group, which may lie in several files, in the order of their numbers ("10" after "2"); none where there is no such group. keeps:
// the layer is a Keeper.
func spread(roots []*hdf5.Group, at string, keeps bool) ([]*hdf5.Dataset, error) {
	var keys []string
	groups := map[string]*hdf5.Group{}
	for _, root := range roots {
		g, err := root.Group(at)
		if errors.Is(err, hdf5.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		for _, k := range g.Names() {
			keys, groups[k] = append(keys, k), g
		}
	}
	if keeps { // what has a name isn't a weight
		keys = slices.DeleteFunc(keys, func(k string) bool { return !numbered(k) })
	}
	numbers := make([]int, len(keys))
	for i, k := range keys {
		n, err := strconv.Atoi(k)
		if err != nil || n < 0 || n >= len(keys) {
			return nil, &FormatError{Where: safeio.Where{Object: "/" + at}, Msg: "variables must be numbered from 0", Got: fmt.Sprintf("%q", k)}
		}
		numbers[i] = n
	}
	sort.Slice(numbers, func(i, j int) bool { return numbers[i] < numbers[j] })
	out := make([]*hdf5.Dataset, len(keys))
	for i, n := range numbers {
		if n != i {
			return nil, &FormatError{Where: safeio.Where{Object: "/" + at}, Msg: "a variable is missing", Want: strconv.Itoa(i)}
		}
		var err error
		if out[i], err = groups[strconv.Itoa(n)].Dataset(strconv.Itoa(n)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// nothingElse refuses weights in the file that no layer of the model has. What isn't weights passes: the optimizer, metrics,
// random seeds.
func nothingElse(root *hdf5.Group, known map[string]bool) error {
	for _, name := range root.Names() {
		if slices.Contains([]string{"optimizer", "metrics", "_metrics"}, name) || strings.Contains(name, "metric") {
			continue
		}
		obj, err := root.Lookup(name)
		if err != nil {
			return err
		}
		g, ok := obj.(*hdf5.Group)
		if !ok {
			continue
		}
		if err := unknownVars(g, known); err != nil {
			return err
		}
	}
	return nil
}

func unknownVars(g *hdf5.Group, known map[string]bool) error {
	check := func(o hdf5.Object) error {
		d, ok := o.(*hdf5.Dataset)
		if !ok {
			return nil
		}
		dir := path.Dir(d.Path())
		random := strings.Contains(dir, "seed_generator") || strings.HasSuffix(dir, "/generator/vars") // of image layers
		if !known[dir] && !random {
			return &FormatError{Where: safeio.Where{Object: d.Path()}, Msg: "the model has no layer for these weights"}
		}
		return nil
	}
	return g.Walk(check)
}
