package keras

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"kerasgo/nn"
)

// functional translates the config of a Functional model: its layers and their calls. It is the inverse of translator.nodes.
func (t *toKeras2) functional(c object) object {
	out := object{"name": c["name"], "trainable": marshal(true)}
	if c["trainable"] != nil {
		out["trainable"] = c["trainable"]
	}
	items, _ := asList(c["layers"])
	from, models := map[string]bool{}, map[string]bool{}
	for _, item := range items {
		env := asObject(item)
		if class := text(env["class_name"]); isModel(class) {
			name := layerName(env)
			from[name] = class != "Sequential" || startsWithInput(env)
			models[name] = class != "Sequential"
		}
	}
	for i, item := range items {
		env := asObject(item)
		name := layerName(env)
		n := namer{t: t, from: from, layer: name, class: text(env["class_name"])}
		var layer object
		if strings.Contains(text(env["module"]), ".ops") {
			layer = n.operation(env)
		} else {
			layer = t.layer(env, name)
			calls, _ := asList(env["inbound_nodes"])
			list := make([]any, len(calls))
			for i, raw := range calls {
				list[i] = n.call(raw)
			}
			layer["inbound_nodes"] = marshal(list)
		}
		layer["name"] = marshal(name)
		items[i] = marshal(layer)
	}
	out["layers"] = marshal(items)
	for _, key := range []string{"input_layers", "output_layers"} {
		var v any
		if json.Unmarshal(c[key], &v) != nil {
			continue
		}
		if list, ok := v.([]any); ok {
			if _, one := refName(list, 3, 3); one {
				v = []any{v}
			}
		}
		shift(v, func(name string) bool { return from[name] && !(models[name] && key == "output_layers") })
		out[key] = marshal(v)
	}
	return out
}

// startsWithInput says that a Sequential's first layer is its input, so that it was called when it was made.
func startsWithInput(env object) bool {
	layers, _ := asList(asObject(env["config"])["layers"])
	return len(layers) > 0 && text(asObject(layers[0])["class_name"]) == "InputLayer"
}

// shift counts the calls of the layers that one says from one, in place.
func shift(v any, one func(name string) bool) {
	switch v := v.(type) {
	case []any:
		if name, ok := refName(v, 3, 3); ok {
			if node, _ := v[1].(float64); one(name) {
				v[1] = node + 1
			}
			return
		}
		for _, e := range v {
			shift(e, one)
		}
	case map[string]any:
		for _, e := range v {
			shift(e, one)
		}
	}
}

// namer translates the calls of one layer.
type namer struct {
	t            *toKeras2
	from         map[string]bool // whose first call is number one
	layer, class string
}

// call translates one call: keywords stand in the last place of every tensor of the first argument.
func (n namer) call(raw json.RawMessage) any {
	var c struct {
		Args   []any          `json:"args"`
		Kwargs map[string]any `json:"kwargs"`
	}
	if err := json.Unmarshal(raw, &c); err != nil || len(c.Args) == 0 {
		n.t.refuse(n.layer, n.class, "inbound_nodes", "a call without a first argument")
		return nil
	}
	kwargs := map[string]any{}
	for key, v := range c.Kwargs {
		if v == nil || key == "training" && v == false { // Keras 3 writes that of calls in inference
			continue
		}
		if slices.Contains([]string{"query_mask", "value_mask", "key_mask"}, key) {
			n.t.refuse(n.layer, n.class, key, "Keras 2's layer doesn't take this argument")
		}
		kwargs[key] = n.argument(v)
	}
	first := c.Args[0]
	for i, v := range c.Args[1:] {
		names := []string{"value", "key"}
		switch {
		case v == nil:
		case n.class == "MultiHeadAttention" && i < len(names):
			kwargs[names[i]] = n.argument(v)
		case strings.HasSuffix(n.class, "Cell") && i == 0:
			kwargs["states"] = n.argument(v)
		case isRecurrent(n.class) && i == 0:
			kwargs["initial_state"] = n.argument(v)
		default:
			n.t.refuse(n.layer, n.class, "inbound_nodes", "a call with %d arguments by position", len(c.Args))
		}
	}
	refs := n.first(first, kwargs)
	if states, ok := kwargs["initial_state"].([]any); ok && isRecurrent(n.class) { // follow the sequence
		delete(kwargs, "initial_state")
		if _, one := refName(states, 3, 3); one {
			states = []any{states}
		}
		list := []any{refs}
		for _, s := range states {
			if ref, ok := s.([]any); ok {
				list = append(list, append(slices.Clone(ref), kwargs))
			}
		}
		return list
	}
	if list, ok := refs.([]any); ok {
		if _, one := refName(list, 4, 4); !one {
			return list
		}
	}
	if dict, ok := refs.(map[string]any); ok {
		return dict
	}
	return []any{refs}
}

// first translates the first argument.
func (n namer) first(v any, kwargs map[string]any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = n.first(e, kwargs)
		}
		return out
	case map[string]any:
		if ref, ok := n.ref(v); ok {
			return append(ref, kwargs)
		}
		if items, ok := sequence(v); ok {
			return n.first(items, kwargs)
		}
		if value, ok := n.constant(v); ok {
			return []any{constant, -1, value, kwargs}
		}
		out := map[string]any{}
		for k, e := range v {
			out[k] = n.first(e, kwargs)
		}
		return out
	}
	return []any{constant, -1, v, kwargs}
}

// ref is the tensor that {"class_name": "__keras_tensor__", ...} says.
func (n namer) ref(v map[string]any) ([]any, bool) {
	if v["class_name"] != "__keras_tensor__" {
		return nil, false
	}
	config, _ := v["config"].(map[string]any)
	history, _ := config["keras_history"].([]any)
	if len(history) != 3 {
		return nil, false
	}
	history = slices.Clone(history)
	shift(history, func(name string) bool { return n.from[name] })
	return history, true
}

// constant is the value of a tensor that Keras 3 spells out, which Keras 2 makes again of its numbers.
func (n namer) constant(v map[string]any) (any, bool) {
	if v["class_name"] != "__tensor__" && v["class_name"] != "__numpy__" {
		return nil, false
	}
	config, _ := v["config"].(map[string]any)
	if dtype := config["dtype"]; dtype != "float32" && dtype != "int32" && dtype != "bool" {
		n.t.refuse(n.layer, n.class, "inbound_nodes", "Keras 2 has no word for constants of dtype %q", fmt.Sprint(dtype))
	}
	return config["value"], true
}

// sequence are the elements of a list or tuple that Keras 3 spells out.
func sequence(v map[string]any) ([]any, bool) {
	if v["class_name"] != "__tuple__" && v["class_name"] != "__list__" {
		return nil, false
	}
	items, ok := v["items"].([]any)
	if config, inside := v["config"].(map[string]any); !ok && inside {
		items, ok = config["items"].([]any)
	}
	return items, ok
}

// argument translates a value among the keywords.
func (n namer) argument(v any) any {
	switch v := v.(type) {
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = n.argument(e)
		}
		return out
	case map[string]any:
		if ref, ok := n.ref(v); ok {
			return ref
		}
		if items, ok := sequence(v); ok {
			return n.argument(items)
		}
		if value, ok := n.constant(v); ok {
			return value
		}
		switch class, _ := v["class_name"].(string); {
		case class == "__slice__":
			return v["config"]
		case strings.HasPrefix(class, "__"):
			n.t.refuse(n.layer, n.class, "inbound_nodes", "Keras 2 has no word for %q", class)
			return nil
		}
		out := map[string]any{}
		for k, e := range v {
			out[k] = n.argument(e)
		}
		return out
	}
	return v
}

// operation translates an operation node to a call of TensorFlow's function.
func (n namer) operation(env object) object {
	var calls []struct {
		Args   []any          `json:"args"`
		Kwargs map[string]any `json:"kwargs"`
	}
	if json.Unmarshal(env["inbound_nodes"], &calls) != nil || len(calls) != 1 || len(calls[0].Args) == 0 {
		n.t.refuse(n.layer, n.class, "inbound_nodes", "an operation that isn't called once")
		return object{}
	}
	args, kwargs := calls[0].Args, map[string]any{}
	maps.DeleteFunc(calls[0].Kwargs, func(_ string, v any) bool { return v == nil })
	class, function := "TFOpLambda", ""
	if n.class == "GetItem" && len(args) == 2 {
		class, function = "SlicingOpLambda", "__operators__.getitem"
		kwargs["slice_spec"] = n.argument(args[1])
	} else {
		var f tensorFlowOp
		if function, f = tensorFlowName(n.class); function == "" || len(f.tensors) != len(args) || len(calls[0].Kwargs) > 0 {
			n.t.refuse(n.layer, n.class, "", "Keras 2 has no word for this operation, or for this call of it")
			return object{}
		}
		kwargs["name"] = nil
		for i := range args {
			args[i] = n.number(args[i])
			if i > 0 {
				kwargs[f.tensors[i]] = n.argument(args[i])
			}
		}
		n.keywords(asObject(env["config"]), f, kwargs)
	}
	node := n.first(args[0], kwargs)
	return object{"class_name": marshal(class), "inbound_nodes": marshal([]any{node}), "config": marshal(map[string]any{
		"name": n.layer, "trainable": true, "dtype": "float32", "function": function})}
}

// number writes a constant beside floats as one, with a point: TensorFlow's operations mix no dtypes.
func (n namer) number(v any) any {
	if x, ok := v.(float64); ok && n.t.floats[n.layer] && x == math.Trunc(x) && math.Abs(x) < 1e15 {
		return json.RawMessage(strconv.FormatFloat(x, 'f', 1, 64))
	}
	return v
}

// keywords says an operation's config in TensorFlow's arguments.
func (n namer) keywords(config object, f tensorFlowOp, kwargs map[string]any) {
	delete(config, "name")
	for tf, ours := range f.config {
		var v any
		if err := json.Unmarshal(config[ours], &v); err == nil && v != nil {
			kwargs[tf] = n.argument(v)
		}
		delete(config, ours)
	}
	for _, key := range slices.Sorted(maps.Keys(config)) {
		if !isNull(config[key]) && string(config[key]) != string(marshal(f.fixed[key])) {
			n.t.refuse(n.layer, n.class, key, "TensorFlow's function doesn't take it, found %s", clip(config[key]))
		}
	}
}

// tensorFlowName finds the function that an operation is in TensorFlow; "" if none is known.
func tensorFlowName(class string) (string, tensorFlowOp) {
	switch class {
	case "Abs":
		class = "Absolute"
	case "Divide":
		class = "TrueDivide"
	}
	best, rank := "", 4
	ops := tensorFlowOps()
	for _, name := range slices.Sorted(maps.Keys(ops)) {
		r := 2
		switch {
		case strings.HasPrefix(name, "math."):
			r = 0
		case strings.HasPrefix(name, "nn."):
			r = 1
		case strings.HasPrefix(name, "compat."), strings.HasPrefix(name, "__"):
			r = 3
		}
		if ops[name].class == class && r < rank {
			best, rank = name, r
		}
	}
	return best, ops[best]
}

// keras2Names are the names of a model's weights as Keras 2 says them: from the innermost model down.
func keras2Names(m nn.Model) map[*nn.Weight]string {
	names := map[*nn.Weight]string{}
	var visit func(m nn.Model)
	visit = func(m nn.Model) {
		for _, l := range nn.Layers(m) {
			if inner, ok := l.(nn.Model); ok {
				visit(inner)
				continue
			}
			name := l.Base().Name + "/"
			for w := range nn.Weights(l) {
				_, rest, found := strings.Cut("/"+w.Path, "/"+name)
				if !found {
					rest = w.Name
				}
				if names[w] == "" {
					names[w] = name + rest + ":0"
				}
			}
		}
	}
	visit(m)
	return names
}
