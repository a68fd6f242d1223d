package keras

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"kerasgo/internal/hdf5"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// keras3Config is the model's config as Keras 3 writes it in config.json.
func keras3Config(m nn.Model) (object, error) {
	raw, err := nn.Encode(m)
	if err != nil {
		return nil, err
	}
	env := asObject(raw)
	if err := sayable(env, ""); err != nil {
		return nil, err
	}
	eachLayer(env, func(env object) {
		class, module := text(env["class_name"]), text(env["module"])
		if name := nn.CustomName("", text(env["registered_name"])); name != "" { // Keras finds it by that name
			if owner, _, _ := strings.Cut(name, ">"); env["module"] == nil {
				env["module"] = marshal(owner)
			}
		} else if env["module"] == nil || nn.OriginOf(m).Translated && !strings.HasPrefix(module, "keras.src.ops") {
			env["module"] = marshal(moduleOf(class))
		}
		if class == "Model" {
			env["class_name"] = marshal("Functional")
		}
		if nn.OriginOf(m).Translated {
			delete(env, "build_config")
		}
		if class == "Pipeline" { // takes its layers and its name alone
			config := asObject(env["config"])
			delete(config, "trainable")
			delete(config, "dtype")
			env["config"] = marshal(config)
		}
		if class == "Discretization" { // takes no such key
			config := asObject(env["config"])
			delete(config, "trainable")
			env["config"] = marshal(config)
		}
		if text(env["module"]) == "keras.src.applications.convnext" {
			env["registered_name"] = marshal(class)
		}
		if _, ok := env["registered_name"]; !ok {
			env["registered_name"] = marshal(nil)
		}
	})
	if c := compileOf(m); c != nil {
		env["compile_config"] = c
	}
	return env, nil
}

// moduleOf is where Keras 3 finds a class.
func moduleOf(class string) string {
	switch class {
	case "Sequential":
		return "keras"
	case "Functional", "Model":
		return "keras.src.models.functional"
	case "LayerScale", "StochasticDepth": // aren't exported
		return "keras.src.applications.convnext"
	}
	return "keras.layers"
}

// legacyConfig is the model's config as Keras 3 writes it in a legacy .h5: class_name and config alone. Operation nodes keep
// their module, without which Keras takes them for layers of the same name.
func legacyConfig(m nn.Model) (object, error) {
	env, err := keras3Config(m)
	if err != nil {
		return nil, err
	}
	bare(env)
	return object{"class_name": env["class_name"], "config": env["config"]}, nil
}

// bare strips the layers of a model and of models inside; what a layer holds in its config stays whole.
func bare(env object) {
	config := asObject(env["config"])
	if items, ok := asList(config["layers"]); ok && isModel(text(env["class_name"])) {
		for i := range items {
			inner := asObject(items[i])
			bare(inner)
			items[i] = marshal(inner)
		}
		config["layers"] = marshal(items)
		env["config"] = marshal(config)
	}
	delete(env, "build_config")
	delete(env, "compile_config")
	if text(env["class_name"]) == "GroupQueryAttention" { // legacy files name the class, not its export
		env["class_name"] = marshal("GroupedQueryAttention")
	}
	if name := nn.CustomName("", text(env["registered_name"])); name != "" {
		env["class_name"] = env["registered_name"]
	}
	if !strings.Contains(text(env["module"]), ".ops") {
		delete(env, "module")
		delete(env, "registered_name")
	}
}

// eachLayer calls edit with every layer's {class_name, config, ...}, those inside first, and puts back what it made of it.
func eachLayer(env object, edit func(env object)) {
	config := asObject(env["config"])
	for _, key := range []string{"layer", "backward_layer", "forward_layer", "cell", "activation"} {
		if inner := asObject(config[key]); inner["class_name"] != nil && asObject(inner["config"]) != nil {
			eachLayer(inner, edit)
			config[key] = marshal(inner)
		}
	}
	for _, key := range []string{"layers", "cells"} {
		items, ok := asList(config[key])
		if !ok {
			continue
		}
		for i := range items {
			inner := asObject(items[i])
			eachLayer(inner, edit)
			items[i] = marshal(inner)
		}
		config[key] = marshal(items)
	}
	if config != nil {
		env["config"] = marshal(config)
	}
	edit(env)
}

// sayable refuses what Keras 3 has no words for.
func sayable(env object, layer string) error {
	config := asObject(env["config"])
	if name := text(config["name"]); name != "" {
		layer = name
	}
	for _, key := range []string{"activation", "recurrent_activation"} {
		if text(config[key]) == oldHardSigmoid {
			return &UnsupportedError{Where: nn.Where{Layer: layer, Class: text(env["class_name"]), Key: key},
				Msg: "Keras 3 has no word for Keras 2's hard_sigmoid, clip(0.2x + 0.5, 0, 1)"}
		}
	}
	var inner []json.RawMessage
	for _, key := range []string{"layer", "backward_layer", "forward_layer", "cell"} {
		inner = append(inner, config[key])
	}
	for _, key := range []string{"layers", "cells"} {
		list, _ := asList(config[key])
		inner = append(inner, list...)
	}
	for _, raw := range inner {
		if env := asObject(raw); env != nil {
			if err := sayable(env, layer); err != nil {
				return err
			}
		}
	}
	return nil
}

// legacyTree lays a model out as a legacy .h5.
//
// Source: keras/src/legacy/saving/legacy_h5_format.py, save_model_to_hdf5
func legacyTree(m nn.Model) (*hdf5.Tree, error) {
	env, err := legacyConfig(m)
	if err != nil {
		return nil, err
	}
	origin := nn.OriginOf(m)
	v, backend := kerasVersion, "tensorflow"
	if !origin.Translated && origin.KerasVersion != "" {
		v = origin.KerasVersion
	}
	if origin.Backend != "" {
		backend = origin.Backend
	}
	t := hdf5.NewTree()
	t.SetText("backend", backend)
	t.SetText("keras_version", v)
	t.SetASCII("model_config", string(pythonJSON(marshal(env))))
	if c := compileOf(m); c != nil {
		t.SetASCII("training_config", string(pythonJSON(trainingConfig(c))))
	}
	g := t.Group("model_weights")
	g.SetText("backend", backend)
	g.SetText("keras_version", v)
	var layers []string
	for _, l := range nn.Layers(m) {
		if _, input := l.(*nn.InputLayer); isOperation(l) || input && m.Base().Class == "Sequential" {
			continue
		}
		layers = append(layers, l.Base().Name)
		sub := g.Group(l.Base().Name)
		var names []string
		for _, w := range legacyWeights(l) {
			names = append(names, kerasPath(m, w))
			if err := addTensor(sub, kerasPath(m, w), w.Data); err != nil {
				return nil, err
			}
		}
		sub.SetSplitStrings("weight_names", names)
	}
	g.SetSplitStrings("layer_names", layers)
	g.Group("top_level_model_weights").SetSplitStrings("weight_names", nil)
	return t, legacyOptimizer(t, m)
}

// kerasPath is Keras 3's path of a weight, in which a Sequential's name stands first.
func kerasPath(m nn.Model, w *nn.Weight) string {
	if m.Base().Class == "Sequential" {
		return m.Base().Name + "/" + w.Path
	}
	return w.Path
}

// legacyOptimizer adds the optimizer's variables.
func legacyOptimizer(t *hdf5.Tree, m nn.Model) error {
	s := m.Training()
	if s == nil || len(s.Variables) == 0 {
		return t.Err()
	}
	class, optimizer, config := optimizerOf(s.Compile)
	g := t.Group("optimizer_weights")
	var names []string
	used := map[string]int{}
	for i, v := range s.Variables {
		name, within := v.Name, optimizer
		own := name == "iteration" || name == "learning_rate" || name == "variable"
		if class == lossScale && i >= lossScaleOwn { // of the optimizer inside
			if within = text(asObject(asObject(config["inner_optimizer"])["config"])["name"]); !own {
				within = optimizer + "/" + within
			}
		}
		if m.Base().Class == "Sequential" && !own && (class != lossScale || i >= lossScaleOwn) {
			name = m.Base().Name + "_" + name
		}
		name = uniqueName(used, within+"/"+name) // Adafactor's share theirs
		names = append(names, name)
		if err := addTensor(g, name, v.Value); err != nil {
			return err
		}
	}
	g.SetSplitStrings("weight_names", names)
	return t.Err()
}

// trainingConfig is a compile config in the words of a legacy file.
func trainingConfig(compile json.RawMessage) json.RawMessage {
	c := asObject(compile)
	if opt := asObject(c["optimizer"]); opt != nil {
		c["optimizer_config"] = marshal(object{"class_name": opt["class_name"], "config": opt["config"]})
	}
	delete(c, "optimizer")
	for _, key := range []string{"loss", "loss_weights", "metrics", "weighted_metrics"} {
		if c[key] == nil {
			c[key] = marshal(nil)
		}
	}
	return marshal(c)
}

// addTensor adds a dataset in the tensor's own type.
func addTensor(t *hdf5.Tree, path string, x *nn.Tensor) error {
	shape := []int(x.Shape)
	switch x.DType {
	case graph.Float32:
		t.Float32(path, shape, x.F32)
	case graph.Float64:
		t.Float64(path, shape, x.F64)
	case graph.Int64:
		t.Int64(path, shape, x.I64)
	case graph.Int32, graph.Uint32:
		typ, raw := hdf5.Type{Kind: hdf5.Int, Size: 4}, make([]byte, 0, 4*x.Len())
		for i := range x.Len() {
			var v uint32
			if x.DType == graph.Int32 {
				v = uint32(x.I32[i])
			} else {
				typ.Kind, v = hdf5.Uint, uint32(x.I64[i])
			}
			raw = append(raw, byte(v), byte(v>>8), byte(v>>16), byte(v>>24))
		}
		t.Raw(path, typ, shape, raw)
	case graph.Float16, graph.BFloat16:
		typ := hdf5.Type{Kind: hdf5.Float, Size: 2}
		if x.DType == graph.BFloat16 {
			typ.Kind = hdf5.BFloat16
		}
		t.Raw(path, typ, shape, halves(x))
	case graph.Int8, graph.Uint8:
		typ, raw := hdf5.Type{Kind: hdf5.Int, Size: 1}, make([]byte, x.Len())
		if x.DType == graph.Uint8 {
			typ.Kind = hdf5.Uint
		}
		for i, v := range x.I32 {
			raw[i] = byte(v)
		}
		t.Raw(path, typ, shape, raw)
	default:
		return &UnsupportedError{Where: nn.Where{Object: path}, Msg: fmt.Sprintf("writing weights of type %s", x.DType)}
	}
	return nil
}

// halves are the bytes of float16 or bfloat16 values.
func halves(x *nn.Tensor) []byte {
	raw := make([]byte, 0, 2*x.Len())
	for _, v := range x.F32 {
		h := uint16(math.Float32bits(v) >> 16)
		if x.DType == graph.Float16 {
			h = graph.HalfBits(v)
		}
		raw = append(raw, byte(h), byte(h>>8))
	}
	return raw
}
