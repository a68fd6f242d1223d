package keras

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"kerasgo/internal/hdf5"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// keras2Tree lays a model out as tf-keras's legacy .h5.
//
// Source: tf_keras/src/saving/legacy/hdf5_format.py, save_model_to_hdf5
func keras2Tree(m nn.Model, config object) (*hdf5.Tree, error) {
	state := m.Training()
	var training json.RawMessage
	if state != nil && state.Compile != nil {
		var err error
		if training, err = keras2Training(m); err != nil {
			return nil, err
		}
	}
	t := hdf5.NewTree()
	t.SetText("backend", "tensorflow")
	t.SetText("keras_version", keras2Version)
	t.SetASCII("model_config", string(pythonJSON(marshal(config))))
	if training != nil {
		t.SetASCII("training_config", string(pythonJSON(training)))
	}
	g := t.Group("model_weights")
	g.SetText("backend", "tensorflow")
	g.SetText("keras_version", keras2Version)
	paths := keras2Names(m)
	var layers []string
	for _, l := range nn.Layers(m) {
		if _, input := l.(*nn.InputLayer); input && m.Base().Class == "Sequential" {
			continue
		}
		layers = append(layers, l.Base().Name)
		sub := g.Group(l.Base().Name)
		used := map[string]int{}
		var names []string
		for _, w := range legacyWeights(l) {
			name := uniqueName(used, paths[w])
			names = append(names, name)
			if w.Data.DType == graph.BFloat16 {
				return nil, &UnsupportedError{Where: nn.Where{Layer: l.Base().Name, Class: l.Base().Class}, Msg: "Keras 2 can't read weights of dtype bfloat16 from .h5"}
			}
			if err := addTensor(sub, name, w.Data); err != nil {
				return nil, err
			}
		}
		sub.SetSplitStrings("weight_names", names)
	}
	g.SetSplitStrings("layer_names", layers)
	g.Group("top_level_model_weights").SetSplitStrings("weight_names", nil)
	if state != nil && len(state.Variables) > 0 {
		vars, err := keras2Variables(m, paths)
		if err != nil {
			return nil, err
		}
		g := t.Group("optimizer_weights")
		var names []string
		used := map[string]int{}
		for _, v := range vars {
			names = append(names, uniqueName(used, v.Name))
			if err := addTensor(g, names[len(names)-1], v.Value); err != nil {
				return nil, err
			}
		}
		g.SetSplitStrings("weight_names", names)
	}
	return t, t.Err()
}

// keras2Training is training_config: the compile config in the words of Keras 2.
func keras2Training(m nn.Model) (json.RawMessage, error) {
	t := &toKeras2{}
	c := asObject(compileOf(m))
	out := object{}
	for key, table := range map[string]string{"loss": keras2Losses, "metrics": keras2Metrics, "weighted_metrics": keras2Metrics} {
		var v any
		if json.Unmarshal(c[key], &v) == nil {
			v = t.compiled(key, v, keras2Table(table))
		}
		out[key] = marshal(v)
	}
	if out["loss_weights"] = c["loss_weights"]; c["loss_weights"] == nil {
		out["loss_weights"] = marshal(nil)
	}
	out["optimizer_config"] = t.optimizer(m)
	if len(t.refused) > 0 {
		return nil, t.refused
	}
	return marshal(out), nil
}

// onlyKeras3 are losses and metrics that Keras 2 doesn't know by name.
var onlyKeras3 = [...]string{"dice", "Dice", "tversky", "Tversky", "circle", "ctc", "categorical_generalized_cross_entropy", "pearson_correlation",
	"concordance_correlation"}

// compiled translates losses or metrics.
func (t *toKeras2) compiled(what string, v any, table map[string][]string) any {
	switch v := v.(type) {
	case string:
		if slices.Contains(onlyKeras3[:], v) {
			t.refuse("", v, what, "Keras 2 doesn't know it")
		}
	case []any:
		for i, e := range v {
			v[i] = t.compiled(what, e, table)
		}
	case map[string]any:
		class, isObject := v["class_name"].(string)
		if !isObject {
			for k, e := range v {
				v[k] = t.compiled(what, e, table)
			}
			return v
		}
		config, _ := v["config"].(map[string]any)
		takes, known := table[class]
		if !known {
			t.refuse("", class, what, "Keras 2 doesn't know it")
		}
		for _, key := range slices.Sorted(maps.Keys(config)) {
			switch {
			case key == "dtype" && what != "loss":
				if name := text(t.dtype(class, "", marshal(config[key]))); name != "" {
					config[key] = name
				}
			case key == "reduction" && config[key] != "sum" && config[key] != "none" && config[key] != nil && config[key] != "sum_over_batch_size":
				t.refuse("", class, key, "Keras 2 doesn't know %q", fmt.Sprint(config[key]))
			case key == "name" || slices.Contains(takes, key):
			default:
				if raw := marshal(config[key]); key != "dtype" && known && !idleInKeras2(key, raw) {
					t.refuse("", class, key, "Keras 2 doesn't take it, found %s", clip(raw))
				}
				delete(config, key)
			}
		}
		return map[string]any{"class_name": class, "config": config}
	}
	return v
}

// optimizer translates the optimizer's config.
func (t *toKeras2) optimizer(m nn.Model) json.RawMessage {
	state := m.Training()
	class, _, config := optimizerOf(state.Compile)
	config = maps.Clone(config)
	takes, known := keras2Table(keras2Optimizers)[class]
	legacy := legacyOptimizer2(m)
	if legacy {
		takes = keras2Table(keras2Legacy)[class]
	}
	if !known {
		t.refuse("", class, "optimizer", "Keras 2's files of such an optimizer aren't written")
		return nil
	}
	for _, v := range state.Variables { // which callbacks change, and Keras 2 keeps in the config alone
		if _, number := readNumber(config["learning_rate"]); v.Name == "learning_rate" && number && len(v.Value.F32) == 1 {
			config["learning_rate"] = marshal(float64(v.Value.F32[0]))
		}
	}
	if schedule := asObject(config["learning_rate"]); schedule != nil {
		inner, name := asObject(schedule["config"]), text(schedule["class_name"])
		keys, known := keras2Table(keras2Schedules)[name]
		if !known {
			t.refuse("", name, "learning_rate", "Keras 2 doesn't know this schedule")
		}
		for key := range inner {
			if key != "name" && !slices.Contains(keys, key) && !isNull(inner[key]) {
				t.refuse("", name, key, "Keras 2's schedule doesn't take it")
			}
		}
		if legacy && name == "InverseTimeDecay" && string(inner["decay_steps"]) == "1" && string(inner["staircase"]) == "false" { // was said so
			config["learning_rate"], config["decay"] = inner["initial_learning_rate"], inner["decay_rate"]
		} else {
			schedule["module"] = marshal("keras.optimizers.schedules")
			config["learning_rate"] = marshal(schedule)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(config)) {
		switch raw := string(config[key]); {
		case key == "name" || slices.Contains(takes, key) || legacy && slices.Contains([]string{"clipnorm", "clipvalue", "global_clipnorm"}, key) && raw != "null":
		default:
			if raw != "0.0" && raw != "0" && key != "ema_momentum" && !idleInKeras2(key, config[key]) {
				t.refuse("", class, key, "Keras 2's optimizer doesn't take it, found %s", clip(config[key]))
			}
			delete(config, key)
		}
	}
	if legacy {
		if config["decay"] == nil {
			config["decay"] = marshal(0.0)
		}
		return marshal(object{"class_name": marshal(class), "config": marshal(config)})
	}
	config["is_legacy_optimizer"] = marshal(false)
	return marshal(object{"class_name": marshal("Custom>" + class), "config": marshal(config)})
}

func readNumber(raw json.RawMessage) (v float64, ok bool) {
	return v, json.Unmarshal(raw, &v) == nil
}

// legacyOptimizer2 says that the model came with an optimizer of Keras before 2.11, and goes back with one.
func legacyOptimizer2(m nn.Model) bool {
	class, _, config := optimizerOf(compileOf(m))
	if _, known := keras2Table(keras2Legacy)[class]; !known || !nn.OriginOf(m).OldOptimizer {
		return false
	}
	decay, _ := readNumber(config["weight_decay"])
	return decay == 0 && string(config["use_ema"]) != "true"
}

// keras2Slots are what Keras 2 calls an optimizer's slots; of its optimizers before 2.11 where these differ.
func keras2Slots(class string, legacy bool) map[string]string {
	names := map[string]string{"momentum": "m", "velocity": "v", "velocity_hat": "vhat", "norm": "u"}
	switch {
	case class == "RMSprop" && legacy:
		return map[string]string{"velocity": "rms", "momentum": "momentum", "average_gradient": "mg"}
	case class == "RMSprop", class == "SGD" && legacy:
		return nil
	case class == "Adadelta" && legacy:
		return map[string]string{"accumulated_grad": "accum_grad", "accumulated_delta_var": "accum_var"}
	case class == "Adamax" && legacy:
		names["norm"] = "v"
	}
	return names
}

// keras2Variables are the optimizer's variables under Keras 2's names and in its order.
func keras2Variables(m nn.Model, paths map[*nn.Weight]string) ([]nn.Variable, error) {
	class, optimizer, config := optimizerOf(compileOf(m))
	legacy := legacyOptimizer2(m)
	values := map[string]*nn.Tensor{}
	for _, v := range m.Training().Variables {
		values[v.Name] = v.Value
	}
	if values["iteration"] == nil {
		return nil, &UnsupportedError{Where: nn.Where{Class: class}, Msg: "the optimizer's variables have no names, without which Keras 2's file can't be written"}
	}
	if optimizer == nn.SnakeCase(class) {
		optimizer = class
	}
	out := []nn.Variable{{Name: "iteration:0", Value: values["iteration"]}}
	if legacy {
		out[0].Name = optimizer + "/iter:0"
	}
	list := slotsOf(m, class, config)
	switch {
	case class == "Adafactor":
		vars := m.Training().Variables // three a weight; Keras 3 gives them one name
		for w := range nn.Weights(m) {
			if !w.Trainable || isSeed(w) {
				continue
			}
			if len(vars) < 2+3 {
				return nil, &FormatError{Where: nn.Where{Class: class}, Msg: "the optimizer's state has too few variables"}
			}
			for i, name := range []string{"r", "c", "velocity"} {
				if len(w.Shape) > 1 || i == 2 {
					list = append(list, slot{name, w})
					values[slot{name, w}.String()] = vars[2+i].Value
				}
			}
			vars = vars[3:]
		}
	case class == "SGD" && !legacy && !slices.ContainsFunc(list, func(s slot) bool { return s.name == "momentum" }): // there without any
		for w := range nn.Weights(m) {
			if w.Trainable && !isSeed(w) {
				list = append(list, slot{"momentum", w})
				values[slot{"momentum", w}.String()] = graph.New(nn.Spec{Shape: w.Shape})
			}
		}
	case legacy && class != "Ftrl": // one slot of all weights after another
		var order []string
		for _, s := range list {
			if !slices.Contains(order, s.name) {
				order = append(order, s.name)
			}
		}
		slices.SortStableFunc(list, func(a, b slot) int { return slices.Index(order, a.name) - slices.Index(order, b.name) })
	}
	names := keras2Slots(class, legacy)
	for _, s := range list {
		value := values[s.String()]
		if value == nil {
			return nil, &FormatError{Where: nn.Where{Class: class}, Msg: fmt.Sprintf("the optimizer's state lacks %q", s.String())}
		}
		name, of := names[s.name], strings.TrimSuffix(paths[s.weight], ":0")
		if name == "" {
			name = s.name
		}
		if legacy {
			name = optimizer + "/" + of + "/" + name + ":0"
		} else {
			name = optimizer + "/" + name + "/" + of + ":0"
		}
		out = append(out, nn.Variable{Name: name, Value: value})
	}
	return out, nil
}
