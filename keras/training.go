package keras

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"kerasgo/internal/hdf5"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// optimizerOf is the optimizer of a compile config: its class, its name and its config.
func optimizerOf(compile json.RawMessage) (class, name string, config object) {
	env := asObject(asObject(compile)["optimizer"])
	config = asObject(env["config"])
	class = text(env["class_name"])
	if name = text(config["name"]); name == "" {
		name = nn.SnakeCase(class)
	}
	return class, name, config
}

// lossScale is the class of optimizers that have another inside; their own lossScaleOwn variables come first: iteration,
// learning_rate, step_counter and dynamic_scale.
const (
	lossScale    = "LossScaleOptimizer"
	lossScaleOwn = 4
)

// slots are the names of what an optimizer keeps for each trained weight, in groups: those of a group stand beside each
// other for one weight after another, then comes the next group.
//
// Source: keras/src/optimizers/*.py, build
func slots(class string, config object) (groups [][]string) {
	set := func(key string) bool {
		v := string(config[key])
		return v != "" && v != "0.0" && v != "0" && v != "null" && v != "false"
	}
	switch class {
	case "Adam", "AdamW", "Nadam", "Lamb":
		groups = [][]string{{"momentum", "velocity"}}
		if set("amsgrad") {
			groups = append(groups, []string{"velocity_hat"})
		}
	case "SGD":
		if set("momentum") {
			groups = [][]string{{"momentum"}}
		}
	case "RMSprop":
		groups = [][]string{{"velocity"}}
		if set("momentum") {
			groups = append(groups, []string{"momentum"})
		}
		if set("centered") {
			groups = append(groups, []string{"average_gradient"})
		}
	case "Adagrad":
		groups = [][]string{{"accumulator"}}
	case "Adadelta":
		groups = [][]string{{"accumulated_grad", "accumulated_delta_var"}}
	case "Adamax":
		groups = [][]string{{"momentum", "norm"}}
	case "Ftrl":
		groups = [][]string{{"accumulator", "linear"}}
	case "Lion":
		groups = [][]string{{"momentum"}}
	}
	if set("use_ema") {
		groups = append([][]string{{"average"}}, groups...)
	}
	return groups
}

// slot is one of an optimizer's variables that belong to a weight.
type slot struct {
	name   string // momentum
	weight *nn.Weight
}

func (s slot) String() string { return strings.ReplaceAll(s.weight.Path, "/", "_") + "_" + s.name }

// slotsOf lists the slots of an optimizer for a model, in Keras 3's order.
func slotsOf(m nn.Model, class string, config object) (out []slot) {
	for _, group := range slots(class, config) {
		for w := range nn.Weights(m) {
			if w.Trainable && !isSeed(w) {
				for _, s := range group {
					out = append(out, slot{s, w})
				}
			}
		}
	}
	return out
}

// nameVariables gives Keras 3's list of an optimizer's variables their names, where number and shapes say what they are.
func nameVariables(m nn.Model, compile json.RawMessage, vars []nn.Variable) {
	class, _, config := optimizerOf(compile)
	if inner := asObject(config["inner_optimizer"]); class == lossScale && inner != nil && len(vars) > lossScaleOwn {
		for i, name := range []string{"iteration", "learning_rate", "step_counter", "dynamic_scale"} {
			vars[i].Name = name
		}
		nameVariables(m, marshal(object{"optimizer": marshal(inner)}), vars[lossScaleOwn:])
		return
	}
	list := slotsOf(m, class, config)
	head := len(vars) - len(list)
	if head < 1 || head > 2 {
		return
	}
	for i, s := range list {
		if !s.weight.Shape.Equal(vars[head+i].Value.Shape) {
			return
		}
	}
	for i := range vars {
		switch {
		case i == 0:
			vars[i].Name = "iteration"
		case i < head:
			vars[i].Name = "learning_rate"
		default:
			vars[i].Name = list[i-head].String()
		}
	}
}

// readVariable reads a dataset in its own type.
func readVariable(name string, set *hdf5.Dataset) (nn.Variable, error) {
	s := nn.Spec{Shape: set.Shape()}
	switch typ := set.Type(); typ.Kind {
	case hdf5.Int, hdf5.Uint:
		s.DType = graph.Int64
	case hdf5.Bool:
		s.DType = graph.Bool
	case hdf5.Float:
		if typ.Size == 8 {
			s.DType = graph.Float64
		}
	}
	t, err := readTensor(set, s)
	if err != nil {
		return nn.Variable{}, safeio.At(err, safeio.Where{Object: set.Path()})
	}
	return nn.Variable{Name: name, Value: t}, nil
}

// setVariables keeps an optimizer's variables with the model.
func setVariables(m nn.Model, vars []nn.Variable) {
	t := nn.TrainingState{}
	if was := m.Training(); was != nil {
		t = *was
	}
	if nn.OriginOf(m).Translated && len(vars) > 1 && len(vars[1].Value.Shape) > 0 { // Keras 2 keeps the rate in the config alone
		if rate := learningRate(t.Compile); rate != nil {
			vars = slices.Insert(vars, 1, nn.Variable{Name: "learning_rate", Value: rate})
		}
	}
	nameVariables(m, t.Compile, vars)
	t.Variables = vars
	nn.SetTraining(m, &t)
}

// readOptimizerVars reads /optimizer/vars of a .keras file.
func readOptimizerVars(m nn.Model, root *hdf5.Group) error {
	if m.Training() == nil {
		return nil
	}
	sets, err := datasets(root, "optimizer/vars", false) // of a LossScaleOptimizer with those of the one inside
	if err != nil || len(sets) == 0 {
		return err
	}
	vars := make([]nn.Variable, len(sets))
	for i, set := range sets {
		if vars[i], err = readVariable(fmt.Sprintf("variable_%d", i), set); err != nil {
			return err
		}
	}
	setVariables(m, vars)
	return nil
}

// readTrainingConfig turns a legacy file's training_config into a compile config.
func readTrainingConfig(m nn.Model, root *hdf5.Group, limits Limits) error {
	raw, err := attrText(root, "training_config")
	if errors.Is(err, hdf5.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	clean, err := cleanJSON([]byte(raw), limits)
	if err != nil {
		return safeio.At(err, safeio.Where{Object: "training_config"})
	}
	c := asObject(clean)
	if c == nil {
		return nil // null: never compiled
	}
	if opt := asObject(c["optimizer_config"]); opt != nil {
		class := text(opt["class_name"])
		c["optimizer"] = marshal(object{"module": marshal("keras.optimizers"), "class_name": marshal(class[strings.LastIndex(class, ">")+1:]),
			"config": opt["config"], "registered_name": marshal(nil)})
	}
	delete(c, "optimizer_config")
	nn.SetTraining(m, &nn.TrainingState{Compile: compileConfig(c, nn.OriginOf(m).Translated)})
	return nil
}

// compileConfig is a compile config in Keras 3's words: every object says its module, and what Keras 2 says is translated.
func compileConfig(c object, old bool) json.RawMessage {
	if opt := asObject(c["optimizer"]); opt != nil && old {
		opt["config"] = marshal(oldOptimizer(asObject(opt["config"])))
		opt["module"], opt["registered_name"] = marshal("keras.optimizers"), marshal(nil)
		delete(opt, "build_config")
		c["optimizer"] = marshal(opt)
	}
	for key, module := range map[string]string{"loss": "keras.losses", "metrics": "keras.metrics", "weighted_metrics": "keras.metrics"} {
		var v any
		if json.Unmarshal(c[key], &v) != nil || v == nil {
			continue
		}
		if old {
			v = oldCompiled(v)
			if list, ok := v.([]any); ok && len(list) == 1 && key != "loss" {
				if inner, ok := list[0].([]any); ok { // one list an output, of one output
					v = inner
				}
			}
		}
		c[key] = marshal(withModule(v, module))
	}
	return marshal(c)
}

// withModule adds to losses and metrics the module that legacy files leave out.
func withModule(v any, module string) any {
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			v[i] = withModule(e, module)
		}
	case map[string]any:
		if _, isObject := v["class_name"].(string); !isObject {
			for k, e := range v {
				v[k] = withModule(e, module)
			}
		} else if v["module"] == nil {
			v["module"], v["registered_name"] = module, nil
		}
	}
	return v
}

// oldCompiled turns the losses and metrics of Keras 2 into what Keras 3 reads: wrapped functions into their names, and
// without the keys that it dropped.
func oldCompiled(v any) any {
	switch v := v.(type) {
	case []any:
		for i, e := range v {
			v[i] = oldCompiled(e)
		}
	case map[string]any:
		class, isObject := v["class_name"].(string)
		if !isObject {
			for k, e := range v {
				v[k] = oldCompiled(e)
			}
			return v
		}
		config, _ := v["config"].(map[string]any)
		if fn, ok := config["fn"].(string); ok && class == "MeanMetricWrapper" {
			if name := config["name"]; name == "accuracy" || name == "acc" {
				return "accuracy"
			}
			return fn
		}
		delete(config, "fn")
		if config["reduction"] == "auto" {
			config["reduction"] = "sum_over_batch_size"
		}
		v["module"] = nil // Keras 2's differ
		delete(v, "build_config")
	}
	return v
}

// oldOptimizer drops what Keras 3's optimizers don't know, where it says nothing.
func oldOptimizer(config object) object {
	config = maps.Clone(config)
	rename(config, "lr", "learning_rate")
	for _, key := range []string{"jit_compile", "is_legacy_optimizer"} {
		delete(config, key)
	}
	for _, key := range []string{"decay", "weight_decay", "clipnorm", "clipvalue"} {
		if v := string(config[key]); v == "0.0" || v == "0" || v == "null" {
			delete(config, key)
		}
	}
	if string(config["ema_overwrite_frequency"]) == "100" && string(config["use_ema"]) == "false" {
		delete(config, "ema_overwrite_frequency")
	}
	return config
}

// readLegacyOptimizer reads /optimizer_weights of a legacy file. What doesn't fit the optimizer is left out, as Keras does:
// training then starts with a fresh one.
func readLegacyOptimizer(m nn.Model, root *hdf5.Group) error {
	if m.Training() == nil || !root.Has("optimizer_weights") {
		return nil
	}
	g, err := root.Group("optimizer_weights")
	if err != nil {
		return err
	}
	list, err := g.SplitStrings("weight_names")
	if err != nil {
		return err
	}
	vars := make([]nn.Variable, len(list))
	for i, name := range list {
		set, err := g.Dataset(name)
		if err != nil {
			return err
		}
		if vars[i], err = readVariable(strings.TrimSuffix(name, ":0"), set); err != nil {
			return err
		}
	}
	if !nn.OriginOf(m).Translated {
		for i := range vars {
			vars[i].Name = path.Base(vars[i].Name) // without adam/
		}
		setVariables(m, vars)
		return nil
	}
	if vars = oldVariables(m, vars); vars != nil {
		setVariables(m, vars)
	}
	return nil
}

// learningRate is the optimizer's, a scalar; nil where it follows a schedule.
func learningRate(compile json.RawMessage) *nn.Tensor {
	var rate float32
	_, _, config := optimizerOf(compile)
	if json.Unmarshal(config["learning_rate"], &rate) != nil {
		return nil
	}
	return &nn.Tensor{Spec: nn.Spec{Shape: nn.Shape{}}, F32: []float32{rate}}
}

// oldSlots are Keras 2's names of slots.
var oldSlots = map[string]string{"m": "momentum", "v": "velocity", "vhat": "velocity_hat", "momentum": "momentum", "velocity": "velocity",
	"rms": "velocity", "average_gradient": "average_gradient", "mg": "average_gradient", "accumulator": "accumulator"}

// oldVariables puts Keras 2's optimizer variables in Keras 3's order; nil where they aren't the optimizer's.
func oldVariables(m nn.Model, vars []nn.Variable) []nn.Variable {
	var out []nn.Variable
	found := map[string][]nn.Variable{}
	for _, v := range vars {
		parts := strings.Split(v.Name, "/")
		last := parts[len(parts)-1]
		switch {
		case last == "iteration" || last == "iter":
			out = append(out, nn.Variable{Name: "iteration", Value: v.Value})
		case len(parts) > 2 && oldSlots[parts[1]] != "":
			found[oldSlots[parts[1]]] = append(found[oldSlots[parts[1]]], v)
		case oldSlots[last] != "":
			found[oldSlots[last]] = append(found[oldSlots[last]], v)
		}
	}
	class, _, config := optimizerOf(m.Training().Compile)
	rate := learningRate(m.Training().Compile)
	if len(out) != 1 || rate == nil {
		return nil
	}
	out = append(out, nn.Variable{Name: "learning_rate", Value: rate})
	for _, s := range slotsOf(m, class, config) {
		of := found[s.name]
		if len(of) == 0 || !of[0].Value.Shape.Equal(s.weight.Shape) {
			return nil
		}
		out = append(out, nn.Variable{Name: s.String(), Value: of[0].Value})
		found[s.name] = of[1:]
	}
	if slices.ContainsFunc(slices.Collect(maps.Values(found)), func(left []nn.Variable) bool { return len(left) > 0 }) {
		return nil
	}
	return out
}
