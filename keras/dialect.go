package keras

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"kerasgo/nn"
)

// version is the Keras that wrote a file; zero where the file doesn't say.
type version struct {
	text         string
	major, minor int
}

func parseVersion(s string) (v version) {
	v.text = s
	parts := strings.SplitN(s, ".", 3)
	v.major, _ = strconv.Atoi(parts[0])
	if len(parts) > 1 {
		v.minor, _ = strconv.Atoi(parts[1])
	}
	return v
}

// translator turns what Keras 2 wrote into what Keras 3 writes, so that one decoder reads both. Keras 3's own config
// passes unchanged, but for operation nodes in legacy .h5 files, which lack their module.
//
// Source: keras/src/legacy/saving, and the configs that Keras 2.0 to 2.15 and tf-keras write.
type translator struct {
	old   bool // Keras 1 or 2
	one   bool // Keras 1
	first bool // whose images have their channels first
	bare  bool // no module keys: a legacy .h5
	depth int

	sizes sizes
}

// translate makes Keras 3's config of any version's, and says where it came from.
func translate(raw json.RawMessage, v version, from form) (json.RawMessage, nn.Origin, sizes, error) {
	env := asObject(raw)
	if env == nil {
		return nil, nn.Origin{}, nil, &FormatError{Msg: "a model's config must be an object", Got: clip(raw)}
	}
	origin := nn.Origin{Form: string(from), KerasVersion: v.text, Backend: text(env["backend"])}
	if s := text(env["keras_version"]); s != "" && v.text == "" {
		v = parseVersion(s)
		origin.KerasVersion = s
	}
	switch {
	case v.text != "":
	case isKeras1(env): // an architecture without its version
		v = version{major: 1}
	case !isKeras3(env):
		v = version{major: 2, minor: 15}
	}
	if strings.HasPrefix(v.text, "0.") {
		return nil, origin, nil, &UnsupportedError{Msg: fmt.Sprintf("the file was written by Keras %s; 1.0 is the oldest that is read", v.text)}
	}
	t := &translator{old: v.major == 1 || v.major == 2, one: v.major == 1, bare: from == formH5, sizes: sizes{}}
	t.first = t.one && strings.Contains(string(env["config"]), `"th"`)
	if !t.old && !t.bare {
		return raw, origin, nil, nil
	}
	if t.old {
		origin.Translated = true
		delete(env, "keras_version")
		delete(env, "backend")
	}
	if err := t.layer(env); err != nil {
		return nil, origin, nil, err
	}
	return marshal(env), origin, t.sizes, nil
}

// isKeras3 tells the versions apart by what only one of them writes.
func isKeras3(env object) bool {
	raw := string(env["config"])
	switch {
	case strings.Contains(raw, `"batch_input_shape"`):
		return false
	case strings.Contains(raw, `"batch_shape"`) || strings.Contains(raw, `"keras_history"`) || strings.Contains(raw, `"DTypePolicy"`):
		return true
	}
	_, list := asList(env["config"])
	return !list && env["module"] != nil && !strings.HasPrefix(text(env["module"]), "tf_keras")
}

// maxNesting bounds layers inside layers, before the stack could overflow.
const maxNesting = 64

// layer translates {class_name, config, ...} in place.
func (t *translator) layer(env object) error {
	if t.depth++; t.depth > maxNesting {
		return &LimitError{Msg: "layers are nested too deep", Limit: fmt.Sprint(maxNesting)}
	}
	defer func() { t.depth-- }()
	class := text(env["class_name"])
	if t.old {
		if c := asObject(env["config"]); c != nil && (class == "CuDNNLSTM" || class == "CuDNNGRU") { // what cuDNN can't do otherwise
			c["activation"], c["recurrent_activation"] = marshal("tanh"), marshal("sigmoid")
			if class == "CuDNNGRU" {
				c["reset_after"] = marshal(true)
			}
			env["config"] = marshal(c)
		}
		env["class_name"] = marshal(renamed(class))
		class = renamed(class)
	}
	if class == "GroupedQueryAttention" { // legacy files have the class's own name, all others the one it is exported by
		class = "GroupQueryAttention"
		env["class_name"] = marshal(class)
	}
	if list, ok := asList(env["config"]); ok && class == "Sequential" { // Keras 2.0 to 2.2.2
		name := env["name"] // in a Functional model
		if name == nil {
			name = marshal("sequential")
		}
		env["config"] = marshal(object{"name": name, "layers": marshal(list)})
		if t.one && len(list) > 0 && text(asObject(list[0])["class_name"]) == "Merge" {
			model, err := t.branches(name, list)
			if err != nil {
				return err
			}
			class = "Functional"
			env["class_name"], env["config"] = marshal(class), marshal(model)
		}
	}
	if t.one {
		var err error
		if class, err = t.keras1(env, class); err != nil {
			return err
		}
	}
	config := asObject(env["config"])
	if config == nil {
		return nil // the decoder says what is wrong
	}
	if t.bare && !t.old && config["trainable"] == nil && class != "InputLayer" && class != "" && env["module"] == nil {
		if module := operationModule(class); module != "" { // a legacy file's operation node lacks its module
			env["module"], env["registered_name"] = marshal(module), marshal(class)
		}
	}
	for _, key := range []string{"layer", "backward_layer", "forward_layer", "cell", "activation", "recurrent_activation"} {
		if err := t.inner(config, key); err != nil {
			return err
		}
	}
	if cells, ok := asList(config["cells"]); ok {
		if err := t.list(cells); err != nil {
			return err
		}
		config["cells"] = marshal(cells)
	}
	if items, ok := asList(config["layers"]); ok && isModel(class) {
		var err error
		if items, err = t.model(class, config, items); err != nil {
			return err
		}
		config["layers"] = marshal(items)
	}
	if t.old {
		t.config(class, config)
	}
	env["config"] = marshal(config)
	return nil
}

func isModel(class string) bool {
	return class == "Sequential" || class == "Functional" || class == "Model"
}

// inner translates a layer that is a value of another's config.
func (t *translator) inner(config object, key string) error {
	env := asObject(config[key])
	if env == nil || env["class_name"] == nil || asObject(env["config"]) == nil {
		return nil
	}
	if err := t.layer(env); err != nil {
		return err
	}
	config[key] = marshal(env)
	return nil
}

// list translates layers in place.
func (t *translator) list(items []json.RawMessage) error {
	for i, item := range items {
		env := asObject(item)
		if env == nil {
			return &FormatError{Msg: "a layer must be an object with class_name and config", Got: clip(item)}
		}
		if err := t.layer(env); err != nil {
			return err
		}
		items[i] = marshal(env)
	}
	return nil
}

// model translates the layers of a model, and the model's own ways of saying its input and its calls.
func (t *translator) model(class string, config object, items []json.RawMessage) ([]json.RawMessage, error) {
	if !t.old {
		return items, t.list(items)
	}
	if class != "Sequential" {
		for _, key := range []string{"input_layers", "output_layers"} { // Keras 3 takes a list of one for a list
			if list, ok := asList(config[key]); ok && len(list) == 1 {
				config[key] = list[0]
			}
		}
		if err := t.nodes(config, items); err != nil {
			return nil, err
		}
		return items, t.list(items)
	}
	input := t.sequentialInput(items)
	if err := t.list(items); err != nil {
		return nil, err
	}
	if input != nil {
		items = slices.Insert(items, 0, input)
	}
	return items, nil
}

// sequentialInput makes the InputLayer that a Sequential of Keras 2.2 to 2.3 lacks, of its first layer's
// batch_input_shape; nil where nothing is missing or nothing is known.
func (t *translator) sequentialInput(items []json.RawMessage) json.RawMessage {
	if len(items) == 0 {
		return nil
	}
	first := asObject(items[0])
	if text(first["class_name"]) == "InputLayer" {
		return nil
	}
	for range maxNesting { // models and wrappers may say it for the layer inside
		config := asObject(first["config"])
		if shape := config["batch_input_shape"]; !isNull(shape) {
			name := text(config["name"])
			dtype := "float32"
			if d := text(config["dtype"]); d != "" && text(first["class_name"]) != "Embedding" && !strings.HasPrefix(d, "mixed_") {
				dtype = d
			}
			return marshal(object{"class_name": marshal("InputLayer"), "module": marshal("keras.layers"), "registered_name": marshal(nil),
				"config": marshal(object{"batch_shape": shape, "dtype": marshal(dtype), "sparse": marshal(false), "name": marshal(name + "_input")})})
		}
		inner, ok := asList(config["layers"])
		if !ok {
			inner, _ = asList(first["config"])
		}
		switch {
		case text(first["class_name"]) == "Sequential" && len(inner) > 0:
			first = asObject(inner[0])
		case asObject(config["layer"]) != nil && !isModel(text(first["class_name"])):
			first = asObject(config["layer"])
		default:
			return nil
		}
	}
	return nil
}

// renamed is Keras 3's name of a class.
func renamed(class string) string {
	switch class {
	case "BatchNormalizationV1", "BatchNormalizationV2", "SyncBatchNormalization":
		return "BatchNormalization"
	case "DenseV1":
		return "Dense"
	case "CuDNNLSTM":
		return "LSTM"
	case "CuDNNGRU":
		return "GRU"
	}
	return class
}

// config translates a layer's own keys.
func (t *translator) config(class string, c object) {
	if shape := c["batch_input_shape"]; shape != nil {
		if class == "InputLayer" {
			c["batch_shape"] = shape
		}
		delete(c, "batch_input_shape")
	}
	if policy := asObject(c["dtype"]); policy != nil && text(policy["class_name"]) == "Policy" {
		c["dtype"] = asObject(policy["config"])["name"]
	}
	if text(c["dtype"]) == "int32" && class == "Embedding" { // Keras 2.0: the input's, not the layer's
		c["dtype"] = marshal("float32")
	}
	for _, key := range slices.Sorted(maps.Keys(c)) {
		c[key] = number(c[key])
	}
	for _, key := range slices.Sorted(maps.Keys(c)) {
		if init := asObject(c[key]); strings.HasSuffix(key, "_initializer") && asObject(init["config"]) != nil {
			config := asObject(init["config"])
			delete(config, "dtype") // of TensorFlow 1's initializers, which Keras 3 doesn't know
			init["config"] = marshal(config)
			c[key] = marshal(init)
		}
	}
	for _, key := range []string{"activation", "recurrent_activation"} {
		c[key] = hardSigmoid(c[key])
		if c[key] == nil {
			delete(c, key)
		}
	}
	switch class {
	case "LeakyReLU":
		rename(c, "alpha", "negative_slope")
	case "BatchNormalization":
		if axis, ok := asList(c["axis"]); ok && len(axis) == 1 {
			c["axis"] = axis[0]
		}
	case "RandomContrast":
		if n := string(c["factor"]); n != "" && !strings.ContainsAny(n, "[{n") { // both ways; to Keras 3 a number means upwards alone
			c["factor"] = marshal([]json.RawMessage{c["factor"], c["factor"]})
		}
	case "MultiHeadAttention": // found anew from the inputs
		for _, key := range []string{"query_shape", "key_shape", "value_shape"} {
			delete(c, key)
		}
	case "GRU", "GRUCell":
		if c["reset_after"] == nil {
			c["reset_after"] = marshal(false)
		}
	}
	drop(c, "groups", "1", "DepthwiseConv1D", "DepthwiseConv2D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose",
		"SeparableConv1D", "SeparableConv2D")(class)
	delete(c, "rng_type") // how random numbers are drawn
	drop(c, "softmax_robust_masking", "false", "MultiHeadAttention")(class)
	drop(c, "noise_shape", "null", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D")(class)
	drop(c, "trainable", "true", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D")(class)
	if strings.HasPrefix(class, "SeparableConv") { // those of its two kernels stand beside them
		for _, key := range []string{"kernel_initializer", "kernel_regularizer", "kernel_constraint"} {
			delete(c, key)
		}
	}
	drop(c, "time_major", "false", "RNN", "SimpleRNN", "LSTM", "GRU", "Bidirectional", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D")(class)
	for _, n := range []string{"0", "1", "2"} { // how it is computed, not what
		drop(c, "implementation", n, "SimpleRNN", "LSTM", "GRU", "SimpleRNNCell", "LSTMCell", "GRUCell", "ConvLSTM2D")(class)
	}
	if recurrent := []string{"LSTM", "GRU", "LSTMCell", "GRUCell", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D"}; slices.Contains(recurrent, class) && c["recurrent_activation"] == nil {
		c["recurrent_activation"] = marshal(oldHardSigmoid)
	}
}

// drop deletes a key of some classes where it has the value that says nothing; any other value is left for the decoder
// to refuse.
func drop(c object, key, value string, classes ...string) func(class string) {
	return func(class string) {
		if string(c[key]) == value && slices.Contains(classes, class) {
			delete(c, key)
		}
	}
}

func rename(c object, from, to string) {
	if v, ok := c[from]; ok && c[to] == nil {
		c[to] = v
		delete(c, from)
	}
}

// oldHardSigmoid is what package op calls Keras 1's and 2's hard_sigmoid: clip(0.2x + 0.5, 0, 1).
const oldHardSigmoid = "hard_sigmoid_v2"

// hardSigmoid names the old function where an activation is Keras 2's hard_sigmoid.
func hardSigmoid(raw json.RawMessage) json.RawMessage {
	name := text(raw)
	if env := asObject(raw); env != nil {
		if name = text(env["config"]); name == "" && asObject(env["config"]) == nil {
			name = text(env["class_name"])
		}
	}
	if name == "hard_sigmoid" {
		return marshal(oldHardSigmoid)
	}
	return raw
}

// number unwraps the scalars that NumPy left in configs: {"type": "ndarray", "value": 0.3}.
func number(raw json.RawMessage) json.RawMessage {
	env := asObject(raw)
	if env == nil {
		return raw
	}
	value := env["value"]
	if text(env["class_name"]) == "__numpy__" {
		value = asObject(env["config"])["value"]
	} else if text(env["type"]) != "ndarray" {
		return raw
	}
	if list, ok := asList(value); ok && len(list) == 1 {
		value = list[0]
	}
	if value == nil {
		return raw
	}
	return value
}

func clip(raw []byte) string {
	if len(raw) > 60 {
		return fmt.Sprintf("%q...", raw[:60])
	}
	return fmt.Sprintf("%q", raw)
}

// quantized are the layers that may have int8 or int4 weights.
var quantized = []string{"Dense", "EinsumDense", "Embedding", "ReversibleEmbedding"}

// badPolicies finds the layers whose dtype policy isn't known, or that are quantized as they can't be here, in a config of
// Keras 3.
func badPolicies(raw json.RawMessage) (list UnsupportedErrors) {
	var visit func(v any, depth int)
	visit = func(v any, depth int) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				visit(e, depth+1)
			}
		case map[string]any:
			class, _ := v["class_name"].(string)
			config, _ := v["config"].(map[string]any)
			module, _ := v["module"].(string)
			if dtype, ok := config["dtype"]; ok && !strings.HasPrefix(class, "__") && !strings.Contains(module, ".ops") && module != "keras" {
				policy, err := nn.ParsePolicy(marshal(dtype))
				if err == nil && policy.Mode != "" && !slices.Contains(quantized, class) {
					err = fmt.Errorf("this layer isn't supported quantized as %s", policy.Mode)
				}
				if err != nil {
					layer, _ := config["name"].(string)
					list = append(list, &UnsupportedError{Where: nn.Where{Layer: layer, Class: class, Key: "dtype"}, Msg: err.Error()})
				}
			}
			for _, k := range slices.Sorted(maps.Keys(v)) {
				if k != "compile_config" && k != "build_config" {
					visit(v[k], depth+1)
				}
			}
		}
	}
	var v any
	if json.Unmarshal(raw, &v) == nil {
		visit(v, 0)
	}
	return list
}
