package keras

import (
	"encoding/json"
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

// tensorFlowTable are the functions that models of Keras 2 use, one class of Keras 3's operations a line: the names that TFOpLambda
// writes, the class, the names of the tensor arguments in order, the others' names with those that Keras's config gives them,
// and config that TensorFlow doesn't say or what stands for a keyword that isn't given.
//
// Source: tf_keras/src/layers/core/tf_op_layer.py and TensorFlow's API.
const tensorFlowTable = `
__operators__.add math.add add|Add|x y
math.subtract subtract|Subtract|x y
math.multiply multiply|Multiply|x y
math.truediv math.divide divide|TrueDivide|x y
math.divide_no_nan|DivideNoNan|x y
math.floordiv|FloorDivide|x y
math.mod math.floormod|Mod|x y
math.pow pow|Power|x y
math.maximum maximum|Maximum|x y
math.minimum minimum|Minimum|x y
math.greater greater|Greater|x y
math.greater_equal greater_equal|GreaterEqual|x y
math.less less|Less|x y
math.less_equal less_equal|LessEqual|x y
math.equal equal|Equal|x y
math.not_equal not_equal|NotEqual|x y
__operators__.eq|Equal|self other
__operators__.ne|NotEqual|self other
math.atan2|Arctan2|y x
math.logical_and logical_and|LogicalAnd|x y
math.logical_or logical_or|LogicalOr|x y
math.logical_xor|LogicalXor|x y
math.logical_not logical_not|LogicalNot|x
math.abs abs|Absolute|x
math.negative negative|Negative|x
math.sign sign|Sign|x
math.square square|Square|x
math.sqrt sqrt|Sqrt|x
math.rsqrt|Rsqrt|x
math.exp exp|Exp|x
math.log|Log|x
math.log1p|Log1p|x
math.expm1|Expm1|x
math.sin sin|Sin|x
math.cos cos|Cos|x
math.tan tan|Tan|x
math.asin asin|Arcsin|x
math.acos acos|Arccos|x
math.atan atan|Arctan|x
math.sinh sinh|Sinh|x
math.cosh cosh|Cosh|x
math.asinh asinh|Arcsinh|x
math.acosh acosh|Arccosh|x
math.atanh atanh|Arctanh|x
math.floor floor|Floor|x
math.ceil|Ceil|x
math.round round|Round|x||{"decimals":0}
math.erf|Erf|x
math.erfc|Erfc|x
math.erfinv|Erfinv|x
math.reciprocal|Reciprocal|x
math.is_nan|Isnan|x
math.is_inf|Isinf|x
math.is_finite|Isfinite|x
math.tanh tanh nn.tanh|Tanh|x
math.sigmoid nn.sigmoid sigmoid|Sigmoid|x
math.log_sigmoid|LogSigmoid|x
stop_gradient|StopGradient|input
identity|Copy|input
zeros_like|ZerosLike|input||{"dtype":null}
ones_like|OnesLike|input||{"dtype":null}
nn.relu|Relu|features
nn.relu6|Relu6|features
nn.elu|Elu|features||{"alpha":1.0}
nn.selu|Selu|features
nn.softplus math.softplus|Softplus|features
nn.softsign math.softsign|Softsign|features
nn.silu nn.swish|Silu|features
nn.leaky_relu|LeakyRelu|features|alpha=negative_slope|{"negative_slope":0.2}
nn.gelu|Gelu|features|approximate=approximate|{"approximate":false}
nn.softmax math.softmax|Softmax|logits|axis=axis|{"axis":-1}
nn.log_softmax math.log_softmax|LogSoftmax|logits|axis=axis|{"axis":-1}
math.reduce_sum|Sum|input_tensor|axis=axis keepdims=keepdims|{"axis":null,"keepdims":false}
math.reduce_mean|Mean|input_tensor|axis=axis keepdims=keepdims|{"axis":null,"keepdims":false}
math.reduce_max|Max|input_tensor|axis=axis keepdims=keepdims|{"axis":null,"keepdims":false,"initial":null}
math.reduce_min|Min|input_tensor|axis=axis keepdims=keepdims|{"axis":null,"keepdims":false,"initial":null}
math.reduce_prod|Prod|input_tensor|axis=axis keepdims=keepdims|{"axis":null,"keepdims":false,"dtype":null}
math.reduce_std|Std|input_tensor|axis=axis keepdims=keepdims|{"axis":null,"keepdims":false}
math.reduce_variance|Var|input_tensor|axis=axis keepdims=keepdims|{"axis":null,"keepdims":false}
math.reduce_any|Any|input_tensor|axis=axis keepdims=keepdims|{"axis":null,"keepdims":false}
math.reduce_all|All|input_tensor|axis=axis keepdims=keepdims|{"axis":null,"keepdims":false}
math.reduce_logsumexp|Logsumexp|input_tensor|axis=axis keepdims=keepdims|{"axis":null,"keepdims":false}
math.argmax argmax|Argmax|input|axis=axis|{"axis":0,"keepdims":false}
math.argmin argmin|Argmin|input|axis=axis|{"axis":0,"keepdims":false}
clip_by_value|Clip|t|clip_value_min=x_min clip_value_max=x_max
reshape|Reshape|tensor|shape=newshape
transpose compat.v1.transpose|Transpose|a|perm=axes|{"axes":null}
squeeze compat.v1.squeeze|Squeeze|input|axis=axis|{"axis":null}
expand_dims|ExpandDims|input|axis=axis
concat|Concatenate|values|axis=axis
stack|Stack|values|axis=axis|{"axis":0}
split|Split|value|num_or_size_splits=indices_or_sections axis=axis|{"axis":0}
unstack|Unstack|value|axis=axis num=num|{"axis":0,"num":null}
tile|Tile|input|multiples=repeats
repeat|Repeat|input|repeats=repeats axis=axis|{"axis":null}
reverse|Flip|tensor|axis=axis
roll|Roll|input|shift=shift axis=axis
broadcast_to|BroadcastTo|input|shape=shape
cast|Cast|x|dtype=dtype
linalg.matmul matmul|Matmul|a b
linalg.inv|Inv|input
linalg.det|Det|input
linalg.cholesky|Cholesky|input||{"upper":false}
where|Where|condition x y
one_hot|OneHot|indices|depth=num_classes axis=axis|{"axis":-1,"dtype":"float32"}
math.l2_normalize|Normalize|x|axis=axis|{"order":2,"epsilon":1e-12}
pad|Pad|tensor|paddings=pad_width|{"mode":"constant"}
cumsum math.cumsum|Cumsum|x|axis=axis|{"axis":0,"dtype":null}
math.cumprod|Cumprod|x|axis=axis|{"axis":0,"dtype":null}
nn.depth_to_space|DepthToSpace|input|block_size=block_size|{"data_format":"channels_last"}
nn.space_to_depth|SpaceToDepth|input|block_size=block_size|{"data_format":"channels_last"}
`

// tensorFlowOp is a line of tensorFlowTable.
type tensorFlowOp struct {
	class   string
	tensors []string
	config  map[string]string
	fixed   map[string]any
}

// tensorFlowOps is tensorFlowTable by the functions' names.
func tensorFlowOps() map[string]tensorFlowOp {
	ops := map[string]tensorFlowOp{}
	for line := range strings.Lines(tensorFlowTable) {
		parts := append(strings.Split(strings.TrimSpace(line), "|"), "", "")
		if len(parts) < 5 {
			continue
		}
		f := tensorFlowOp{class: parts[1], tensors: strings.Fields(parts[2]), config: map[string]string{}}
		for pair := range strings.FieldsSeq(parts[3]) {
			from, to, _ := strings.Cut(pair, "=")
			f.config[from] = to
		}
		_ = json.Unmarshal([]byte(parts[4]), &f.fixed) // what isn't there is nil; a test reads all
		for name := range strings.FieldsSeq(parts[0]) {
			ops[name] = f
		}
	}
	return ops
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
