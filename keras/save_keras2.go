package keras

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"kerasgo/nn"
)

// keras2Version is the Keras 2 whose files are written.
const keras2Version = "2.21.0"

// Dialect is the Keras, 2 or 3, that m's file was written by; 3 for what was made here.
func Dialect(m nn.Model) int {
	if nn.OriginOf(m).Translated {
		return 2
	}
	return 3
}

// keras2Writer prepares a legacy .h5, or an architecture, in the words of Keras 2.
func keras2Writer(m nn.Model, to form) (func(io.Writer) error, error) {
	if to != formH5 && to != formJSON {
		return nil, &UnsupportedError{Msg: fmt.Sprintf("Keras 2's words are written to .h5 and .json, not to %s", to)}
	}
	inline(m)
	config, err := keras2Config(m)
	if err != nil {
		return nil, err
	}
	if to == formJSON {
		config["keras_version"], config["backend"] = marshal(keras2Version), marshal("tensorflow")
		raw := pythonJSON(marshal(config))
		return func(w io.Writer) error { _, err := w.Write(raw); return err }, nil
	}
	t, err := keras2Tree(m, config)
	return func(w io.Writer) error { _, err := t.WriteTo(w); return err }, err
}

// toKeras2 turns Keras 3's words into those of Keras 2, and collects what it has none for.
type toKeras2 struct {
	refused UnsupportedErrors
	layers  map[string][]string // the arguments of each class
	shapes  map[string]object   // of what attention of this name was called with
	floats  map[string]bool     // operations on floats, whose constants are
}

func (t *toKeras2) refuse(layer, class, key, format string, a ...any) {
	t.refused = append(t.refused, &UnsupportedError{Where: nn.Where{Layer: layer, Class: class, Key: key}, Msg: fmt.Sprintf(format, a...)})
}

// keras2Config is the model's config as Keras 2 writes it in a .h5: class_name and config.
//
// Source: tf_keras/src/saving/legacy/saving_utils.py, model_metadata
func keras2Config(m nn.Model) (object, error) {
	raw, err := nn.Encode(m)
	if err != nil {
		return nil, err
	}
	t := &toKeras2{layers: keras2Table(keras2Layers), shapes: map[string]object{}, floats: map[string]bool{}}
	if err := t.otherwise(m, raw); err != nil {
		return nil, err
	}
	env := t.layer(asObject(raw), "")
	if len(t.refused) > 0 {
		return nil, t.refused
	}
	return object{"class_name": env["class_name"], "config": env["config"]}, nil
}

// keras2Table reads a table of classes with their arguments.
func keras2Table(text string) map[string][]string {
	table := map[string][]string{}
	for line := range strings.Lines(text) {
		if class, keys, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			table[class] = strings.Fields(keys)
		}
	}
	return table
}

// layer translates {class_name, config}, and what else stands beside them in a Functional model.
func (t *toKeras2) layer(env object, name string) object {
	class, config := text(env["class_name"]), asObject(env["config"])
	if config == nil {
		config = object{}
	}
	if n := text(config["name"]); n != "" {
		name = n
	}
	if class == "Model" {
		class = "Functional"
	}
	takes, known := t.layers[class]
	if isRecurrent(class) {
		takes = append(slices.Clone(takes), "zero_output_for_mask")
	}
	if !known || strings.Contains(text(env["module"]), ".ops") {
		t.refuse(name, class, "", "Keras 2 has no such layer")
		return env
	}
	out := object{"class_name": marshal(class)}
	switch class {
	case "Sequential":
		config = object{"name": config["name"], "layers": t.list(config["layers"], name)}
	case "Functional":
		config = t.functional(config)
	default:
		config = t.config(class, name, config, takes)
	}
	out["config"] = marshal(config)
	return out
}

func (t *toKeras2) list(raw json.RawMessage, name string) json.RawMessage {
	items, _ := asList(raw)
	for i, item := range items {
		items[i] = marshal(t.layer(asObject(item), name))
	}
	return marshal(items)
}

// config translates a layer's own keys.
func (t *toKeras2) config(class, name string, c object, takes []string) object {
	c = maps.Clone(c)
	rename(c, "batch_shape", "batch_input_shape")
	if class == "LeakyReLU" {
		rename(c, "negative_slope", "alpha")
	}
	if strings.HasPrefix(class, "ConvLSTM") && c["recurrent_activation"] == nil {
		c["recurrent_activation"] = marshal("sigmoid") // Keras 2's default is another
	}
	if slices.Contains(takes, "time_major") && c["time_major"] == nil {
		c["time_major"] = marshal(false)
	}
	for _, key := range slices.Sorted(maps.Keys(c)) {
		raw := c[key]
		inner := asObject(raw)
		switch {
		case key == "name" || key == "trainable" || key == "batch_input_shape":
		case key == "dtype":
			c[key] = t.dtype(class, name, raw)
		case key == "layer" || key == "backward_layer" || key == "forward_layer" || key == "cell":
			if inner != nil {
				inner = t.layer(inner, name)
				if side, _, _ := strings.Cut(key, "_"); class == "Bidirectional" { // names it so itself
					if side == "layer" {
						side = "forward"
					}
					config := asObject(inner["config"])
					config["name"] = marshal(strings.TrimPrefix(text(config["name"]), side+"_"))
					inner["config"] = marshal(config)
				}
				c[key] = marshal(inner)
			}
		case key == "cells":
			c[key] = t.list(raw, name)
		case key == "activation" || key == "recurrent_activation":
			c[key] = t.activation(class, name, key, raw)
		case key == "seed" && inner != nil:
			c[key] = marshal(nil)
		case strings.HasSuffix(key, "_initializer") && slices.Contains(takes, key):
			c[key] = t.initializer(raw)
		case !slices.Contains(takes, key):
			if !idleInKeras2(key, raw) {
				t.refuse(name, class, key, "Keras 2's layer doesn't take it, found %s", clip(raw))
			}
			delete(c, key)
		}
	}
	switch class {
	case "MultiHeadAttention":
		maps.Copy(c, t.shapes[name])
	case "IntegerLookup", "StringLookup", "TextVectorization":
		mode := text(c["output_mode"])
		if class == "TextVectorization" {
			c["dtype"] = marshal("string")
		} else if mode == "int" && strings.HasPrefix(text(c["dtype"]), "float") {
			c["dtype"] = marshal("int64") // as Keras 3's are, whatever it says
		}
		if mode == "tf_idf" {
			t.refuse(name, class, "output_mode", "Keras 2 has tf_idf's weights among the layer's, which aren't written")
		}
	case "RandomContrast": // dialect.go
		if pair, ok := asList(c["factor"]); ok && len(pair) == 2 && bytes.Equal(pair[0], pair[1]) {
			c["factor"] = pair[0]
		}
	}
	return c
}

// idleInKeras2 says that a key that Keras 2 doesn't take says nothing: it has the value that Keras 2 goes by in any case.
func idleInKeras2(key string, raw json.RawMessage) bool {
	switch string(raw) {
	case "null", "false", "[]", "{}", `""`:
		return true
	}
	switch key {
	case "seed", "vocabulary_size", "has_input_vocabulary", "build_input_shape", "query_shape", "key_shape", "value_shape", "implementation":
		return true // drawn, counted, found anew; how, not what
	case "value_range":
		return true // where it matters the layer's graph is another; see otherwise
	}
	idle := map[string]string{"use_cudnn": `"auto"`, "data_format": `"channels_last"`, "oov_method": `"floormod"`, "score_mode": `"dot"`,
		"fill_mode": `"constant"`, "fill_value": "0.0", "renorm_momentum": "0.99", "autocast": "true"}
	return idle[key] == string(raw)
}

// dtype is a layer's dtype or policy.
func (t *toKeras2) dtype(class, name string, raw json.RawMessage) json.RawMessage {
	policy, err := nn.ParsePolicy(raw)
	if isNull(raw) || err != nil && text(raw) != "" { // of what isn't a layer's policy: strings, say
		return raw
	}
	if err != nil || policy.Mode != "" {
		t.refuse(name, class, "dtype", "Keras 2 has no such policy, found %s", clip(raw))
		return raw
	}
	named := text(raw)
	if named == "" {
		named = text(asObject(asObject(raw)["config"])["name"])
	}
	if strings.HasPrefix(named, "mixed_") {
		return marshal(object{"class_name": marshal("Policy"), "config": marshal(object{"name": marshal(named)})})
	}
	return marshal(named)
}

// activation is a function's name or a layer.
func (t *toKeras2) activation(class, name, key string, raw json.RawMessage) json.RawMessage {
	if inner := asObject(raw); inner != nil && asObject(inner["config"]) != nil {
		return marshal(t.layer(inner, name))
	} else if inner != nil && text(inner["config"]) != "" { // a function, spelled out
		raw = inner["config"]
	}
	fn := text(raw)
	switch {
	case fn == oldHardSigmoid:
		return marshal("hard_sigmoid")
	case fn == "silu":
		return marshal("swish")
	case fn != "" && (fn == "hard_sigmoid" || !strings.Contains(keras2Activations, " "+fn+" ")):
		t.refuse(name, class, key, "Keras 2 has no function %q as Keras 3 computes it", fn)
	}
	return raw
}

// initializer drops what Keras 3's say beyond Keras 2's.
func (t *toKeras2) initializer(raw json.RawMessage) json.RawMessage {
	env := asObject(raw)
	config := asObject(env["config"])
	if config == nil {
		return raw
	}
	delete(config, "input_axes")
	delete(config, "output_axes")
	if asObject(config["seed"]) != nil {
		config["seed"] = marshal(nil)
	}
	env["config"] = marshal(config)
	switch class := text(env["class_name"]); class {
	case "OrthogonalInitializer", "IdentityInitializer":
		env["class_name"] = marshal(strings.TrimSuffix(class, "Initializer"))
	}
	return marshal(env)
}

// otherwise refuses the layers of a model of Keras 3's that Keras 2 computes otherwise, and notes the shapes that attention
// was called with. Which they are shows in the graphs that the model has as either.
func (t *toKeras2) otherwise(m nn.Model, raw json.RawMessage) error {
	g, _, err := nn.Trace(m, false)
	if err != nil {
		return err
	}
	for _, c := range g.Calls {
		b := c.Layer.Base()
		switch {
		case b.Class == "MultiHeadAttention" && t.shapes[b.Name] == nil:
			t.shapes[b.Name] = attended(c)
		case isOperation(c.Layer) && len(c.In) > 0 && c.In[0].DType.Float():
			t.floats[b.Name] = true
		case b.Class == "Hashing" && c.In[0].DType.Float():
			t.refuse(b.Name, b.Class, "", "Keras 2 hashes integers and strings alone")
		}
	}
	if Dialect(m) == 2 {
		return nil
	}
	var as [2]nn.Model // copies: other names of weights would stay in the model
	for i := range as {
		if as[i], err = FromJSON(raw); err != nil {
			return nil // a layer of the caller's own, which Keras 2 hasn't
		}
		nn.SetOrigin(as[i], nn.Origin{Translated: i == 1})
	}
	refused := map[string]bool{}
	for _, training := range []bool{false, true} {
		g3, _, err3 := nn.Trace(as[0], training)
		g2, _, err2 := nn.Trace(as[1], training)
		if err3 != nil || err2 != nil || len(g3.Calls) != len(g2.Calls) {
			break // can't be trained
		}
		for i, c := range g3.Calls {
			b := c.Layer.Base()
			if _, isModel := c.Layer.(nn.Model); isModel || refused[b.Name] || isOperation(c.Layer) {
				continue
			}
			if b.Class == "MultiHeadAttention" && len(c.In) <= 3 && !slices.ContainsFunc(c.In, func(w nn.Wire) bool { return w.Mask != nil }) {
				continue // rows of which nothing is left are what they see differently
			}
			if !bytes.Equal(computed(c), computed(g2.Calls[i])) {
				refused[b.Name] = true
				t.refuse(b.Name, b.Class, "", "Keras 2 computes it otherwise")
			}
		}
	}
	return nil
}

// attended are the shapes that attention is built for: of its inputs, the rank and the last axis matter.
func attended(c nn.LayerCall) object {
	out := object{}
	for w := range nn.Weights(c.Layer) {
		if what, ok := strings.CutSuffix(w.Path, "/kernel"); ok && !strings.HasSuffix(what, "/attention_output") {
			shape := slices.Repeat(nn.Shape{-1}, len(c.In[0].Shape))
			shape[len(shape)-1] = w.Shape[0]
			out[what[strings.LastIndex(what, "/")+1:]+"_shape"] = dims(shape)
		}
	}
	return out
}

// dims is a shape as Keras writes it.
func dims(shape nn.Shape) json.RawMessage {
	out := make([]*int, len(shape))
	for i, d := range shape {
		if d >= 0 {
			out[i] = &d
		}
	}
	return marshal(out)
}

// computed describes what a call computes of its inputs.
func computed(c nn.LayerCall) []byte {
	var out bytes.Buffer
	seen := map[*nn.Value]int{}
	for i, w := range c.In {
		seen[w.Value] = i
		if w.Mask != nil {
			seen[w.Mask] = -1 - i
		}
	}
	var visit func(v *nn.Value)
	visit = func(v *nn.Value) {
		if v == nil {
			out.WriteString(" none")
			return
		}
		if at, ok := seen[v]; ok {
			fmt.Fprintf(&out, " %d", at)
			return
		}
		seen[v] = len(seen)
		if v.Node == nil {
			fmt.Fprintf(&out, " given %v %v", v.Shape, v.DType)
			return
		}
		raw, err := json.Marshal(v.Node.Op)
		if err != nil {
			raw = nil // the kind alone: a body, a function
		}
		fmt.Fprintf(&out, " (%T %s", v.Node.Op, raw)
		for _, in := range v.Node.In {
			visit(in)
		}
		out.WriteString(")")
	}
	for _, w := range c.Out {
		visit(w.Value)
		visit(w.Mask)
	}
	return out.Bytes()
}
