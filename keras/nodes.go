package keras

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"kerasgo/nn"
)

// nodes translates the inbound nodes of a Functional model of Keras 2,
//
//	[["dense", 0, 0, {kwargs}], ...]
//
// to Keras 3's {args, kwargs}. Shapes, which Keras 3 writes beside each tensor, are left to the writer.
//
// A model inside counts the call that made it, so the others' numbers begin at one. Keras 3 says so of Functional models
// alone, and only among the outputs: the others are renumbered.
func (t *translator) nodes(config object, items []json.RawMessage) error {
	names := map[string]bool{}
	envs := make([]object, len(items))
	for i, item := range items {
		if envs[i] = asObject(item); envs[i] == nil {
			return &FormatError{Msg: "a layer must be an object with class_name and config", Got: clip(item)}
		}
		names[layerName(envs[i])] = true
	}
	from := firstCalls(envs, names, config["output_layers"])
	var outputs any
	if json.Unmarshal(config["output_layers"], &outputs) == nil {
		renumber(outputs, without(from, envs, "Functional", "Model"))
		config["output_layers"] = marshal(outputs)
	}
	for i, env := range envs {
		calls, ok := asList(env["inbound_nodes"])
		if !ok || isNull(env["inbound_nodes"]) {
			continue
		}
		n := noder{names: names, layer: layerName(env), class: text(env["class_name"])}
		out := []any{}
		for _, raw := range calls {
			if asObject(raw)["args"] != nil { // already Keras 3's
				out = append(out, raw)
				continue
			}
			var v any
			if err := json.Unmarshal(raw, &v); err != nil {
				return err
			}
			renumber(v, from)
			args, kwargs, err := n.call(v)
			if err != nil {
				return err
			}
			if n.class == "TFOpLambda" || n.class == "SlicingOpLambda" {
				op, err := tensorFlowCall(text(asObject(env["config"])["function"]), n.layer, args, kwargs)
				if err != nil {
					return err
				}
				// Each of TensorFlow's calls is a layer of its own in Keras 2, so it becomes one node of Keras 3.
				if len(calls) > 1 {
					return n.unsupported("a TensorFlow operation that is called several times")
				}
				config := map[string]any{"name": n.layer}
				maps.Copy(config, op.config)
				envs[i] = object{"module": marshal(operationModule(op.class)), "class_name": marshal(op.class),
					"registered_name": marshal(op.class), "name": marshal(n.layer), "config": marshal(config)}
				env, args, kwargs = envs[i], op.args, map[string]any{}
			}
			out = append(out, map[string]any{"args": args, "kwargs": kwargs})
		}
		env["inbound_nodes"] = marshal(out)
		items[i] = marshal(env)
	}
	return nil
}

// firstCalls are the layers whose first call is number one. Every call of a model's leads to an output, so it is a layer that
// is asked for as many calls as it has, counted from one.
func firstCalls(envs []object, names map[string]bool, outputs json.RawMessage) map[string]bool {
	highest := map[string]int{}
	var visit func(v any)
	visit = func(v any) {
		switch v := v.(type) {
		case []any:
			if name, ok := refName(v, 3, 4); ok && names[name] {
				node, _ := v[1].(float64)
				highest[name] = max(highest[name], int(node))
			}
			for _, e := range v {
				visit(e)
			}
		case map[string]any:
			for _, e := range v {
				visit(e)
			}
		}
	}
	for _, raw := range append([]json.RawMessage{outputs}, inbound(envs)...) {
		var v any
		if json.Unmarshal(raw, &v) == nil {
			visit(v)
		}
	}
	from := map[string]bool{}
	for _, env := range envs {
		calls, _ := asList(env["inbound_nodes"])
		if isModel(text(env["class_name"])) && len(calls) > 0 && highest[layerName(env)] >= len(calls) {
			from[layerName(env)] = true
		}
	}
	return from
}

// without is from less the layers of some classes.
func without(from map[string]bool, envs []object, classes ...string) map[string]bool {
	out := maps.Clone(from)
	for _, env := range envs {
		if slices.Contains(classes, text(env["class_name"])) {
			delete(out, layerName(env))
		}
	}
	return out
}

func inbound(envs []object) (out []json.RawMessage) {
	for _, env := range envs {
		out = append(out, env["inbound_nodes"])
	}
	return out
}

// renumber counts the calls of those layers from zero, in place.
func renumber(v any, from map[string]bool) {
	switch v := v.(type) {
	case []any:
		if name, ok := refName(v, 3, 4); ok && from[name] {
			node, _ := v[1].(float64)
			v[1] = node - 1
		}
		for _, e := range v {
			renumber(e, from)
		}
	case map[string]any:
		for _, e := range v {
			renumber(e, from)
		}
	}
}

func layerName(env object) string {
	if n := text(env["name"]); n != "" {
		return n
	}
	return text(asObject(env["config"])["name"])
}

// noder translates the calls of one layer.
type noder struct {
	names        map[string]bool // of the model's layers
	layer, class string
}

func (n noder) unsupported(msg string) error {
	return UnsupportedErrors{&UnsupportedError{Where: nn.Where{Layer: n.layer, Class: n.class}, Msg: msg}}
}

// call translates one call. Keyword arguments stand in the last place of every tensor of the first argument.
func (n noder) call(v any) (args []any, kwargs map[string]any, err error) {
	kwargs = map[string]any{}
	first, err := n.first(v, kwargs)
	if err != nil {
		return nil, nil, err
	}
	if list, ok := first.([]any); ok && len(list) == 1 && !isMerge(n.class) {
		first = list[0]
	}
	if list, ok := first.([]any); ok && len(list) > 1 && isRecurrent(n.class) { // its initial state follows the sequence
		kwargs["initial_state"] = list[1:]
		first = list[0]
	}
	return []any{first}, kwargs, nil
}

func isRecurrent(class string) bool {
	return slices.Contains([]string{"RNN", "SimpleRNN", "LSTM", "GRU", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}, class)
}

// first translates the first argument: a tensor or a structure of them.
func (n noder) first(v any, kwargs map[string]any) (any, error) {
	switch v := v.(type) {
	case []any:
		if name, ok := refName(v, 3, 4); ok {
			if len(v) == 4 {
				kw, ok := v[3].(map[string]any)
				if !ok && v[3] != nil {
					return nil, &FormatError{Where: nn.Where{Layer: n.layer}, Msg: "a call's keyword arguments must be an object", Got: fmt.Sprintf("%.60v", v[3])}
				}
				for k, a := range kw {
					kwargs[k] = n.argument(a)
				}
			}
			if name == constant {
				return v[2], nil
			}
			return tensorRef(v), nil
		}
		out := make([]any, len(v))
		for i, e := range v {
			var err error
			if out[i], err = n.first(e, kwargs); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			var err error
			if out[k], err = n.first(e, kwargs); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return nil, &FormatError{Where: nn.Where{Layer: n.layer, Class: n.class}, Msg: "a call's inputs must be [layer, node, tensor, keywords]", Got: fmt.Sprintf("%.60v", v)}
}

// argument translates a keyword's value: tensors among plain values.
func (n noder) argument(v any) any {
	switch v := v.(type) {
	case []any:
		if name, ok := refName(v, 3, 3); ok {
			if name == constant {
				return v[2]
			}
			if n.names[name] {
				return tensorRef(v)
			}
		}
		out := make([]any, len(v))
		for i, e := range v {
			out[i] = n.argument(e)
		}
		return out
	case map[string]any:
		if len(v) == 3 && has(v, "start", "stop", "step") {
			return map[string]any{"class_name": "__slice__", "config": v}
		}
		if v["type"] == "ndarray" {
			return v["value"]
		}
		out := map[string]any{}
		for k, e := range v {
			out[k] = n.argument(e)
		}
		return out
	}
	return v
}

func has(m map[string]any, keys ...string) bool {
	return !slices.ContainsFunc(keys, func(k string) bool { _, ok := m[k]; return !ok })
}

// constant is what Keras 2 writes in a layer's place where an argument is a number.
const constant = "_CONSTANT_VALUE"

func refName(v []any, least, most int) (string, bool) {
	if len(v) < least || len(v) > most {
		return "", false
	}
	name, ok := v[0].(string)
	_, number := v[1].(float64)
	_, last := v[2].(float64)
	return name, ok && number && (last || name == constant)
}

func tensorRef(v []any) map[string]any {
	return map[string]any{"class_name": "__keras_tensor__", "config": map[string]any{"dtype": "float32", "keras_history": v[:3]}}
}

// isMerge says that a layer takes a list even of one tensor.
func isMerge(class string) bool {
	return slices.Contains([]string{"Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate", "Dot"}, class)
}
