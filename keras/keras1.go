package keras

import (
	"encoding/json"
	"fmt"
	"strings"

	"kerasgo/nn"
)

// isKeras1 tells Keras 1 by what it alone writes, where a file doesn't say its version.
func isKeras1(env object) bool {
	raw := string(env["config"])
	for _, key := range []string{`"W_regularizer"`, `"border_mode"`, `"dim_ordering"`, `"input_dtype"`, `"nb_filter"`, `"inner_activation"`} {
		if strings.Contains(raw, key) {
			return true
		}
	}
	return false
}

// keras1Classes are the classes that have another name since.
var keras1Classes = map[string]string{
	"Convolution1D": "Conv1D", "AtrousConvolution1D": "Conv1D", "Convolution2D": "Conv2D", "AtrousConvolution2D": "Conv2D", "Convolution3D": "Conv3D",
	"Deconvolution2D": "Conv2DTranspose", "SeparableConvolution2D": "SeparableConv2D", "TimeDistributedDense": "Dense",
}

// keras1Keys are the keys that have another name since, in all classes alike.
var keras1Keys = map[string]string{
	"nb_filter": "filters", "border_mode": "padding", "subsample": "strides", "atrous_rate": "dilation_rate", "bias": "use_bias", "pool_length": "pool_size",
	"stride": "strides", "inner_activation": "recurrent_activation", "dropout_W": "dropout", "dropout_U": "recurrent_dropout", "sigma": "stddev",
	"W_regularizer": "kernel_regularizer", "b_regularizer": "bias_regularizer", "U_regularizer": "recurrent_regularizer", "W_constraint": "kernel_constraint",
	"b_constraint": "bias_constraint", "inner_init": "recurrent_initializer", "beta_init": "beta_initializer", "gamma_init": "gamma_initializer",
}

// keras1 translates a layer of Keras 1 to what Keras 2 says.
//
// Source: keras/legacy/interfaces.py (Keras 2.2), keras/layers (Keras 1.2.2)
func (t *translator) keras1(env object, class string) (string, error) {
	c := asObject(env["config"])
	if c == nil {
		return class, nil
	}
	refuse := func(key, format string, args ...any) error {
		return UnsupportedErrors{&UnsupportedError{Where: nn.Where{Layer: text(c["name"]), Class: class, Key: key}, Msg: fmt.Sprintf(format, args...)}}
	}
	if class == "Merge" {
		return t.merge(env, c, refuse)
	}
	old := class
	if name, ok := keras1Classes[class]; ok {
		class = name
	}
	for from, to := range keras1Keys {
		rename(c, from, to)
	}
	for _, key := range []string{"filter_length", "subsample_length"} {
		rename(c, key, map[string]string{"filter_length": "kernel_size", "subsample_length": "strides"}[key])
	}
	if class == "InputLayer" {
		rename(c, "input_dtype", "dtype")
	}
	for _, key := range []string{"input_dtype", "input_length", "consume_less"} {
		delete(c, key)
	}
	if class != "Embedding" { // the size of the input, which its shape says
		delete(c, "input_dim")
	}
	size := []json.RawMessage{}
	for _, key := range []string{"nb_row", "nb_col", "kernel_dim1", "kernel_dim2", "kernel_dim3"} {
		if c[key] != nil {
			size = append(size, c[key])
			delete(c, key)
		}
	}
	if len(size) > 0 {
		c["kernel_size"] = marshal(size)
	}
	t.ordering(class, c)
	switch class {
	case "Dense", "LSTM", "GRU", "SimpleRNN":
		rename(c, "output_dim", "units")
	case "Embedding":
		delete(c, "dropout")
		rename(c, "init", "embeddings_initializer")
		rename(c, "kernel_regularizer", "embeddings_regularizer")
		rename(c, "kernel_constraint", "embeddings_constraint")
	case "PReLU":
		rename(c, "init", "alpha_initializer")
	case "Dropout", "GaussianDropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D":
		rename(c, "p", "rate")
	case "UpSampling1D":
		rename(c, "length", "size")
	case "SeparableConv2D":
		c["depthwise_initializer"], c["pointwise_initializer"] = c["init"], c["init"]
		delete(c, "init")
	case "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D":
		c["padding"] = keras1Padding(c["padding"])
	case "BatchNormalization":
		if mode := string(c["mode"]); mode != "0" && mode != "" {
			return class, refuse("mode", "normalization of mode %s isn't supported", mode)
		}
		delete(c, "mode")
	case "Conv2DTranspose":
		t.sizes[text(c["name"])] = c["output_shape"]
		delete(c, "output_shape")
	}
	if one := string(c["forget_bias_init"]); one != "" {
		c["unit_forget_bias"] = marshal(one == `"one"`)
		delete(c, "forget_bias_init")
	}
	rename(c, "init", "kernel_initializer")
	for key, value := range c {
		switch {
		case strings.HasSuffix(key, "_initializer"):
			c[key] = keras1Initializer(value)
		case strings.HasSuffix(key, "_regularizer"), strings.HasSuffix(key, "_constraint"):
			c[key] = keras1Object(value)
		}
	}
	env["class_name"], env["config"] = marshal(class), marshal(c)
	if old == "TimeDistributedDense" && c["units"] == nil {
		return class, refuse("output_dim", "isn't given")
	}
	return class, nil
}

// ordering says data_format for dim_ordering. Padding, cropping and enlarging don't write theirs: it is the model's.
func (t *translator) ordering(class string, c object) {
	switch {
	case c["dim_ordering"] != nil:
		if text(c["dim_ordering"]) == "th" {
			c["data_format"] = marshal("channels_first")
		} else {
			c["data_format"] = marshal("channels_last")
		}
		delete(c, "dim_ordering")
	case t.first && (strings.HasSuffix(class, "2D") || strings.HasSuffix(class, "3D")) && class != "SpatialDropout2D" && class != "SpatialDropout3D":
		c["data_format"] = marshal("channels_first")
	}
}

// keras1Padding makes pairs of [rows, columns], [top, bottom, left, right] or {"top_pad": ...}.
func keras1Padding(raw json.RawMessage) json.RawMessage {
	list, _ := asList(raw)
	if sides := asObject(raw); sides != nil {
		for _, key := range []string{"left_pad", "right_pad"} {
			if n := sides[key]; n != nil && len(sides) <= 2 && sides["top_pad"] == nil && sides["bottom_pad"] == nil {
				list = append(list, n)
			}
		}
		if len(list) == 2 {
			return marshal(list)
		}
		list = nil
		for _, key := range []string{"top_pad", "bottom_pad", "left_pad", "right_pad"} {
			n := sides[key]
			if n == nil {
				n = marshal(0)
			}
			list = append(list, n)
		}
	}
	if len(list) == 4 {
		return marshal([][]json.RawMessage{list[:2], list[2:]})
	}
	return raw
}

// keras1Initializer is an initializer under its name of today; "" where there is none.
func keras1Initializer(raw json.RawMessage) json.RawMessage {
	switch name := text(raw); name {
	case "uniform", "normal":
		return marshal("random_" + name)
	case "zero", "one":
		return marshal(name + "s")
	}
	return raw
}

// keras1Object is a regularizer or constraint as {class_name, config}.
func keras1Object(raw json.RawMessage) json.RawMessage {
	c := asObject(raw)
	name := text(c["name"])
	if name == "" {
		return raw
	}
	delete(c, "name")
	switch {
	case c["l1"] != nil || c["l2"] != nil:
		name = "L1L2"
	case name == "MaxNorm":
		rename(c, "m", "max_value")
	}
	return marshal(object{"class_name": marshal(name), "config": marshal(c)})
}

// merge translates Merge, which says by its mode what it is.
func (t *translator) merge(env, c object, refuse func(key, format string, args ...any) error) (string, error) {
	if kind := text(c["mode_type"]); kind != "raw" && kind != "" {
		return "Merge", refuse("mode", "Python code can't be run")
	}
	mode := text(c["mode"])
	class := map[string]string{"sum": "Add", "mul": "Multiply", "ave": "Average", "max": "Maximum", "concat": "Concatenate", "dot": "Dot"}[mode]
	out := object{"name": c["name"]}
	switch class {
	case "":
		return "Merge", refuse("mode", "mode %q isn't supported", mode)
	case "Concatenate":
		out["axis"] = c["concat_axis"]
	case "Dot":
		out["axes"] = c["dot_axes"]
	}
	env["class_name"], env["config"] = marshal(class), marshal(out)
	return class, nil
}

// branches makes a Functional model of a Sequential that begins with a Merge of models; nil where it doesn't.
func (t *translator) branches(name json.RawMessage, list []json.RawMessage) (object, error) {
	var inputs, items []any
	var unroll func(list []json.RawMessage, depth int) (last string, err error)
	unroll = func(list []json.RawMessage, depth int) (last string, err error) {
		for i, raw := range list {
			env := asObject(raw)
			c := asObject(env["config"])
			var from []any
			if models, ok := asList(c["layers"]); ok && i == 0 && text(env["class_name"]) == "Merge" && depth < maxNesting {
				delete(c, "layers")
				env["config"] = marshal(c)
				for _, m := range models {
					inner, ok := asList(asObject(m)["config"])
					if !ok {
						return "", UnsupportedErrors{&UnsupportedError{Where: nn.Where{Layer: text(c["name"]), Class: "Merge"}, Msg: "only Sequential models can be merged so"}}
					}
					if last, err = unroll(inner, depth+1); err != nil {
						return "", err
					}
					from = append(from, []any{last, 0, 0})
				}
			} else if i == 0 {
				shape := c["batch_input_shape"]
				if isNull(shape) {
					return "", &FormatError{Where: nn.Where{Layer: text(c["name"])}, Msg: "the first layer doesn't say its input's shape"}
				}
				last = text(c["name"]) + "_input"
				inputs = append(inputs, []any{last, 0, 0})
				items = append(items, map[string]any{"class_name": "InputLayer", "name": last, "inbound_nodes": []any{},
					"config": object{"batch_input_shape": shape, "name": marshal(last), "sparse": marshal(false)}})
			}
			if from == nil {
				from = []any{[]any{last, 0, 0}}
			}
			last = text(c["name"])
			items = append(items, map[string]any{"class_name": env["class_name"], "name": last, "config": env["config"], "inbound_nodes": []any{from}})
		}
		return last, nil
	}
	last, err := unroll(list, 0)
	if err != nil {
		return nil, err
	}
	return object{"name": name, "layers": marshal(items), "input_layers": marshal(inputs), "output_layers": marshal([]any{[]any{last, 0, 0}})}, nil
}

// sizes are the shapes that Keras 1's Deconvolution2D layers say their outputs have, by name.
type sizes map[string]json.RawMessage

// check refuses a layer that makes another shape than the file says: the same input has several.
func (s sizes) check(m nn.Model) error {
	if len(s) == 0 {
		return nil
	}
	g, _, err := nn.Trace(m, false)
	if err != nil {
		return err
	}
	for _, c := range g.Calls {
		b := c.Layer.Base()
		var want []*int
		if json.Unmarshal(s[b.Name], &want) != nil || len(c.Out) != 1 {
			continue
		}
		for i, n := range c.Out[0].Shape {
			if i > 0 && i < len(want) && want[i] != nil && n >= 0 && *want[i] != n {
				return UnsupportedErrors{&UnsupportedError{Where: nn.Where{Layer: b.Name, Class: "Deconvolution2D", Key: "output_shape"},
					Msg: fmt.Sprintf("the output has shape %v here, %s in Keras 1", c.Out[0].Shape, s[b.Name])}}
			}
		}
	}
	return nil
}
