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
func (t *translator) nodes(items []json.RawMessage) error {
	names := map[string]bool{}
	envs := make([]object, len(items))
	for i, item := range items {
		if envs[i] = asObject(item); envs[i] == nil {
			return &FormatError{Msg: "a layer must be an object with class_name and config", Got: clip(item)}
		}
		names[layerName(envs[i])] = true
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
	return []any{first}, kwargs, nil
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
