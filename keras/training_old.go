package keras

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"

	"kerasgo/nn"
	"kerasgo/nn/graph"
)

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

// oldOptimizer drops what Keras 3's optimizers don't know, where it says nothing. The decay of those before 2.11 is a schedule;
// Nadam's was another, which training refuses.
func oldOptimizer(class string, config object) object {
	config = maps.Clone(config)
	rename(config, "lr", "learning_rate")
	for _, key := range []string{"jit_compile", "is_legacy_optimizer"} {
		delete(config, key)
	}
	if inner := asObject(config["inner_optimizer"]); inner != nil { // of a LossScaleOptimizer
		inner["config"], inner["module"], inner["registered_name"] = marshal(oldOptimizer(text(inner["class_name"]), asObject(inner["config"]))), marshal("keras.optimizers"), marshal(nil)
		delete(inner, "build_config")
		config["inner_optimizer"] = marshal(inner)
	}
	var rate, decay float64
	if class != "Nadam" && json.Unmarshal(config["learning_rate"], &rate) == nil && json.Unmarshal(config["decay"], &decay) == nil && decay > 0 {
		inverse := object{"initial_learning_rate": config["learning_rate"], "decay_steps": marshal(1), "decay_rate": config["decay"], "staircase": marshal(false),
			"name": marshal("InverseTimeDecay")}
		config["learning_rate"] = marshal(object{"module": marshal("keras.optimizers.schedules"), "class_name": marshal("InverseTimeDecay"),
			"config": marshal(inverse), "registered_name": marshal(nil)})
		delete(config, "decay")
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

// learningRate is the optimizer's, a scalar; nil where it follows a schedule.
func learningRate(compile json.RawMessage) *nn.Tensor {
	var rate float32
	_, _, config := optimizerOf(compile)
	if json.Unmarshal(config["learning_rate"], &rate) != nil {
		return nil
	}
	return &nn.Tensor{Spec: nn.Spec{Shape: nn.Shape{}}, F32: []float32{rate}}
}

// oldSlots are Keras 2's names of slots: of its optimizers since 2.11, which stand before the weight's name, and those of the
// ones before, which follow it.
var oldSlots = map[string]string{"m": "momentum", "v": "velocity", "vhat": "velocity_hat", "momentum": "momentum", "velocity": "velocity",
	"rms": "velocity", "average_gradient": "average_gradient", "mg": "average_gradient", "accumulator": "accumulator", "average": "average",
	"accumulated_grad": "accumulated_grad", "accumulated_delta_var": "accumulated_delta_var", "accum_grad": "accumulated_grad",
	"accum_var": "accumulated_delta_var", "u": "norm", "linear": "linear", "r": "r", "c": "c", "norm": "norm",
	"velocity_hat": "velocity_hat"}

// oldNames names the variables of a .keras file of tf-keras, which stand in the order of Keras 3's, as its .h5 files do.
func oldNames(m nn.Model, vars []nn.Variable) []nn.Variable {
	class, _, config := optimizerOf(m.Training().Compile)
	if config = maps.Clone(config); class == "SGD" {
		config["momentum"] = marshal(1) // its slot is there in any case
	}
	vars = slices.Clone(vars)
	vars[0].Name = "iteration"
	list, at := slotsOf(m, class, config), 1
	if class == "Adafactor" {
		for w := range nn.Weights(m) {
			if !w.Trainable || isSeed(w) {
				continue
			}
			if len(w.Shape) > 1 {
				list = append(list, slot{"r", w}, slot{"c", w})
			}
			list = append(list, slot{"velocity", w})
		}
	}
	if len(vars) > 1 && len(vars[1].Value.Shape) == 0 && len(vars) == len(list)+2 {
		vars[1].Name, at = "learning_rate", 2
	}
	for i, s := range list {
		if at+i < len(vars) {
			vars[at+i].Name = "optimizer/" + s.name + "/weight"
		}
	}
	return vars
}

// oldVariables puts Keras 2's optimizer variables in Keras 3's order; nil where they aren't the optimizer's.
func oldVariables(m nn.Model, vars []nn.Variable) []nn.Variable {
	class, _, config := optimizerOf(m.Training().Compile)
	var out []nn.Variable
	found := map[string][]nn.Variable{}
	before := len(vars) > 0 && strings.HasSuffix(vars[0].Name, "iteration") // the slot's name stands before the weight's
	for i, v := range vars {
		parts := strings.Split(v.Name, "/")
		last := parts[len(parts)-1]
		name := oldSlots[last]
		if before {
			if name = ""; len(parts) > 2 {
				name = oldSlots[parts[1]]
			}
		}
		switch {
		case i == 0 && (last == "iteration" || last == "iter"):
			out = append(out, nn.Variable{Name: "iteration", Value: v.Value})
		case class == "Adamax" && name == "velocity":
			found["norm"] = append(found["norm"], v)
		case name != "":
			found[name] = append(found[name], v)
		}
	}
	if len(out) != 1 {
		return nil
	}
	if rate := learningRate(m.Training().Compile); rate != nil {
		out = append(out, nn.Variable{Name: "learning_rate", Value: rate})
	}
	take := func(name string, w *nn.Weight, shape nn.Shape) bool {
		of := found[name]
		if len(of) == 0 || !of[0].Value.Shape.Equal(shape) {
			return false
		}
		out = append(out, nn.Variable{Name: slot{name, w}.String(), Value: of[0].Value})
		found[name] = of[1:]
		return true
	}
	for _, s := range slotsOf(m, class, config) {
		if !take(s.name, s.weight, s.weight.Shape) {
			return nil
		}
	}
	switch class {
	case "Adafactor":
		for w := range nn.Weights(m) {
			if w.Trainable && !isSeed(w) && !takeFactored(w, take, &out) {
				return nil
			}
		}
	case "Nadam":
		out = append(out, nn.Variable{Name: "variable", Value: momentumProduct(config, out[0].Value)})
	case "SGD":
		delete(found, "momentum") // there in Keras 2 without any
	}
	if slices.ContainsFunc(slices.Collect(maps.Values(found)), func(left []nn.Variable) bool { return len(left) > 0 }) {
		return nil
	}
	return out
}

// takeFactored takes Adafactor's means by row and column and its squares; weights of one axis have two numbers without use
// in place of the means in Keras 3.
func takeFactored(w *nn.Weight, take func(string, *nn.Weight, nn.Shape) bool, out *[]nn.Variable) bool {
	if n := len(w.Shape); n > 1 {
		column := append(slices.Clone(w.Shape[:n-2]), w.Shape[n-1])
		return take("r", w, w.Shape[:n-1]) && take("c", w, column) && take("velocity", w, w.Shape)
	}
	for range 2 {
		*out = append(*out, nn.Variable{Name: w.Name, Value: graph.New(nn.Spec{Shape: nn.Shape{}, DType: graph.Int32})})
	}
	return take("velocity", w, w.Shape)
}

// momentumProduct is what Nadam's momenta have multiplied to after so many steps, which Keras 2 doesn't save.
//
// Source: tf_keras/src/optimizers/nadam.py
func momentumProduct(config object, iteration *nn.Tensor) *nn.Tensor {
	beta := .9
	if err := json.Unmarshal(config["beta_1"], &beta); err != nil {
		beta = .9
	}
	product := graph.New(nn.Spec{Shape: nn.Shape{}})
	product.F32[0] = 1
	var steps int64
	if len(iteration.I64) > 0 {
		steps = iteration.I64[0]
	}
	for i := int64(1); i <= steps && product.F32[0] > 0; i++ {
		product.F32[0] *= float32(beta * (1 - .5*math.Pow(.96, float64(i))))
	}
	return product
}
