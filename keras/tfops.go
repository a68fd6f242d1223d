package keras

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"kerasgo/nn"
)

// operation is a call of one of Keras 3's operation nodes.
type operation struct {
	class  string
	config map[string]any
	args   []any
}

// tensorFlowOp says which of Keras 3's operations a TensorFlow function is: the names of its tensor arguments in order,
// and the names of the others with those that Keras's config gives them.
type tensorFlowOp struct {
	class   string
	tensors []string
	config  map[string]string
	fixed   map[string]any // config that TensorFlow doesn't say
}

var (
	unaryOp  = []string{"x"}
	binaryOp = []string{"x", "y"}
	reduceOp = map[string]string{"axis": "axis", "keepdims": "keepdims"}
)

// tensorFlowOps are the functions that models of Keras 2 use, under the names that TFOpLambda writes.
//
// Source: tf_keras/src/layers/core/tf_op_layer.py and TensorFlow's API.
func tensorFlowOps() map[string]tensorFlowOp {
	unary := func(class string) tensorFlowOp { return tensorFlowOp{class: class, tensors: unaryOp} }
	binary := func(class string) tensorFlowOp { return tensorFlowOp{class: class, tensors: binaryOp} }
	reduce := func(class string, more map[string]any) tensorFlowOp {
		fixed := map[string]any{"axis": nil, "keepdims": false}
		maps.Copy(fixed, more)
		return tensorFlowOp{class: class, tensors: []string{"input_tensor"}, config: reduceOp, fixed: fixed}
	}
	initial := map[string]any{"initial": nil}
	softmax := tensorFlowOp{"Softmax", []string{"logits"}, map[string]string{"axis": "axis"}, map[string]any{"axis": -1}}
	transpose := tensorFlowOp{"Transpose", []string{"a"}, map[string]string{"perm": "axes"}, map[string]any{"axes": nil}}
	squeeze := tensorFlowOp{"Squeeze", []string{"input"}, map[string]string{"axis": "axis"}, map[string]any{"axis": nil}}
	argmax := map[string]any{"axis": 0, "keepdims": false}
	return map[string]tensorFlowOp{
		"__operators__.add": binary("Add"), "math.add": binary("Add"), "add": binary("Add"),
		"math.subtract": binary("Subtract"), "subtract": binary("Subtract"),
		"math.multiply": binary("Multiply"), "multiply": binary("Multiply"),
		"math.truediv": binary("TrueDivide"), "math.divide": binary("TrueDivide"), "divide": binary("TrueDivide"),
		"math.floordiv": binary("FloorDivide"), "math.mod": binary("Mod"), "math.floormod": binary("Mod"),
		"math.pow": binary("Power"), "pow": binary("Power"),
		"math.maximum": binary("Maximum"), "maximum": binary("Maximum"),
		"math.minimum": binary("Minimum"), "minimum": binary("Minimum"),
		"math.greater": binary("Greater"), "math.greater_equal": binary("GreaterEqual"), "math.less": binary("Less"),
		"math.less_equal": binary("LessEqual"), "math.equal": binary("Equal"), "math.not_equal": binary("NotEqual"),
		"__operators__.eq": {class: "Equal", tensors: []string{"self", "other"}}, "__operators__.ne": {class: "NotEqual", tensors: []string{"self", "other"}},
		"math.logical_and": binary("LogicalAnd"), "math.logical_or": binary("LogicalOr"), "math.logical_not": unary("LogicalNot"),
		"math.abs": unary("Absolute"), "abs": unary("Absolute"), "math.negative": unary("Negative"), "math.sign": unary("Sign"),
		"math.square": unary("Square"), "math.sqrt": unary("Sqrt"), "math.rsqrt": unary("Rsqrt"), "math.exp": unary("Exp"),
		"math.log": unary("Log"), "math.log1p": unary("Log1p"), "math.expm1": unary("Expm1"), "math.sin": unary("Sin"), "math.cos": unary("Cos"),
		"math.floor": unary("Floor"), "math.ceil": unary("Ceil"), "math.erf": unary("Erf"), "math.reciprocal": unary("Reciprocal"),
		"math.tanh": unary("Tanh"), "tanh": unary("Tanh"), "nn.tanh": unary("Tanh"), "math.sigmoid": unary("Sigmoid"), "nn.sigmoid": unary("Sigmoid"),
		"sigmoid": unary("Sigmoid"), "stop_gradient": {class: "StopGradient", tensors: []string{"input"}},
		"nn.relu": {class: "Relu", tensors: []string{"features"}}, "nn.relu6": {class: "Relu6", tensors: []string{"features"}},
		"nn.elu": {class: "Elu", tensors: []string{"features"}, fixed: map[string]any{"alpha": 1.0}}, "nn.selu": {class: "Selu", tensors: []string{"features"}},
		"nn.softplus": {class: "Softplus", tensors: []string{"features"}}, "math.softplus": {class: "Softplus", tensors: []string{"features"}},
		"nn.softsign": {class: "Softsign", tensors: []string{"features"}},
		"nn.silu":     {class: "Silu", tensors: []string{"features"}}, "nn.swish": {class: "Silu", tensors: []string{"features"}},
		"nn.leaky_relu": {"LeakyRelu", []string{"features"}, map[string]string{"alpha": "negative_slope"}, map[string]any{"negative_slope": 0.2}},
		"nn.gelu":       {"Gelu", []string{"features"}, map[string]string{"approximate": "approximate"}, map[string]any{"approximate": false}},
		"nn.softmax":    softmax, "math.softmax": softmax,
		"nn.log_softmax":  {"LogSoftmax", []string{"logits"}, map[string]string{"axis": "axis"}, map[string]any{"axis": -1}},
		"math.reduce_sum": reduce("Sum", nil), "math.reduce_mean": reduce("Mean", nil), "math.reduce_max": reduce("Max", initial),
		"math.reduce_min": reduce("Min", initial), "math.reduce_prod": reduce("Prod", map[string]any{"dtype": nil}),
		"math.reduce_std": reduce("Std", nil), "math.reduce_variance": reduce("Var", nil), "math.reduce_any": reduce("Any", nil),
		"math.reduce_all": reduce("All", nil), "math.reduce_logsumexp": reduce("Logsumexp", nil),
		"math.argmax":   {"Argmax", []string{"input"}, map[string]string{"axis": "axis"}, argmax},
		"math.argmin":   {"Argmin", []string{"input"}, map[string]string{"axis": "axis"}, argmax},
		"clip_by_value": {"Clip", []string{"t"}, map[string]string{"clip_value_min": "x_min", "clip_value_max": "x_max"}, nil},
		"reshape":       {"Reshape", []string{"tensor"}, map[string]string{"shape": "newshape"}, nil},
		"transpose":     transpose, "compat.v1.transpose": transpose, "squeeze": squeeze, "compat.v1.squeeze": squeeze,
		"expand_dims":       {"ExpandDims", []string{"input"}, map[string]string{"axis": "axis"}, nil},
		"concat":            {"Concatenate", []string{"values"}, map[string]string{"axis": "axis"}, nil},
		"stack":             {"Stack", []string{"values"}, map[string]string{"axis": "axis"}, map[string]any{"axis": 0}},
		"split":             {"Split", []string{"value"}, map[string]string{"num_or_size_splits": "indices_or_sections", "axis": "axis"}, map[string]any{"axis": 0}},
		"unstack":           {"Unstack", []string{"value"}, map[string]string{"axis": "axis", "num": "num"}, map[string]any{"axis": 0, "num": nil}},
		"tile":              {"Tile", []string{"input"}, map[string]string{"multiples": "repeats"}, nil},
		"cast":              {"Cast", []string{"x"}, map[string]string{"dtype": "dtype"}, nil},
		"linalg.matmul":     {class: "Matmul", tensors: []string{"a", "b"}},
		"matmul":            {class: "Matmul", tensors: []string{"a", "b"}},
		"where":             {class: "Where", tensors: []string{"condition", "x", "y"}},
		"one_hot":           {"OneHot", []string{"indices"}, map[string]string{"depth": "num_classes", "axis": "axis"}, map[string]any{"axis": -1, "dtype": "float32"}},
		"math.l2_normalize": {"Normalize", []string{"x"}, map[string]string{"axis": "axis"}, map[string]any{"order": 2, "epsilon": 1e-12}},
		"pad":               {"Pad", []string{"tensor"}, map[string]string{"paddings": "pad_width"}, map[string]any{"mode": "constant"}},
		"cumsum":            {"Cumsum", []string{"x"}, map[string]string{"axis": "axis"}, map[string]any{"axis": 0, "dtype": nil}},
		"math.cumsum":       {"Cumsum", []string{"x"}, map[string]string{"axis": "axis"}, map[string]any{"axis": 0, "dtype": nil}},
	}
}

// idle are keywords of TensorFlow that change nothing where they have these values.
func idle(key string, v any) bool {
	return v == nil || v == false || key == "name" || key == "mode" && v == "CONSTANT" || key == "constant_values" && v == 0.0
}

// tensorFlowCall translates a call of TensorFlow's function, recorded by Keras 2 with its first argument in args and the
// others by name, to a call of Keras 3's operation.
func tensorFlowCall(function, layer string, args []any, kwargs map[string]any) (operation, error) {
	refuse := func(format string, a ...any) (operation, error) {
		return operation{}, UnsupportedErrors{&UnsupportedError{Where: nn.Where{Layer: layer, Class: "TFOpLambda"}, Msg: fmt.Sprintf(format, a...)}}
	}
	if function == "__operators__.getitem" {
		return operation{"GetItem", nil, []any{args[0], kwargs["slice_spec"]}}, nil
	}
	ops := tensorFlowOps()
	f, ok := ops[function]
	if !ok {
		msg := fmt.Sprintf("TensorFlow function %q", function)
		if near := nn.Nearest(function, slices.Collect(maps.Keys(ops))); near != "" {
			msg += fmt.Sprintf(" (nearest: %s)", near)
		}
		return refuse("%s isn't supported", msg)
	}
	out := operation{class: f.class, config: maps.Clone(f.fixed), args: []any{args[0]}}
	if out.config == nil {
		out.config = map[string]any{}
	}
	for _, name := range f.tensors[1:] {
		v, given := kwargs[name]
		if !given {
			return refuse("%s without %s isn't supported", function, name)
		}
		out.args = append(out.args, v)
	}
	for _, key := range slices.Sorted(maps.Keys(kwargs)) {
		v := kwargs[key]
		to, known := f.config[key]
		switch {
		case known && v != nil:
			out.config[to] = v
		case known, slices.Contains(f.tensors, key), idle(key, v):
		default:
			return refuse("%s with %s=%v isn't supported", function, key, v)
		}
	}
	for from, to := range f.config {
		if _, given := out.config[to]; !given {
			return refuse("%s without %s isn't supported", function, from)
		}
	}
	if sizes, ok := out.config["indices_or_sections"].([]any); ok { // TensorFlow says how large, Keras where
		var at []any
		sum := 0.
		for _, n := range sizes[:max(len(sizes)-1, 0)] {
			n, whole := n.(float64)
			if !whole || n < 0 {
				return refuse("split into parts of unknown size isn't supported")
			}
			sum += n
			at = append(at, sum)
		}
		out.config["indices_or_sections"] = at
	}
	if axis, ok := out.config["keepdims"]; ok && axis == nil {
		out.config["keepdims"] = false
	}
	if dtype, ok := out.config["dtype"].(string); ok { // "tf.float32" or an object's printed form
		out.config["dtype"] = strings.TrimPrefix(dtype, "tf.")
	}
	return out, nil
}
