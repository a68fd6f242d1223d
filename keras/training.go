package keras

import (
	"encoding/json"
	"errors"
	"fmt"
	"path"
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
	if nn.OriginOf(m).Translated {
		if vars = oldVariables(m, oldNames(m, vars)); vars == nil {
			return nil
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
		if origin := nn.OriginOf(m); origin.Translated && !strings.Contains(class, ">") && string(asObject(opt["config"])["is_legacy_optimizer"]) != "false" {
			origin.OldOptimizer = true
			nn.SetOrigin(m, origin)
		}
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
		opt["config"] = marshal(oldOptimizer(text(opt["class_name"]), asObject(opt["config"])))
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
