package layers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"kerasgo/nn"
	"kerasgo/nn/layers"
)

// nodeModel is a functional model of one operation node; args follow the input tensor.
func nodeModel(class, config, shape, args string) string {
	tensor := `{"class_name": "__keras_tensor__", "config": {"shape": [null` + shape + `], "dtype": "float32", "keras_history": ["x", 0, 0]}}`
	return fmt.Sprintf(`{"class_name": "Functional", "module": "keras.src.models.functional", "config": {"name": "m", "trainable": true,
		"layers": [{"class_name": "InputLayer", "module": "keras.layers", "name": "x", "inbound_nodes": [],
			"config": {"name": "x", "dtype": "float32", "batch_shape": [null%s]}},
		{"class_name": %q, "module": "keras.src.ops.numpy", "name": "n", "config": {"name": "n"%s},
			"inbound_nodes": [{"args": [%s%s], "kwargs": {}}]}],
		"input_layers": [["x", 0, 0]], "output_layers": [["n", 0, 0]]}}`, shape, class, config, tensor, args)
}

func trace(text string) error {
	d := nn.Decoder{Registry: layers.Builtin()}
	l, err := d.Decode(json.RawMessage(text))
	if err != nil {
		return err
	}
	_, _, err = nn.Trace(l.(nn.Model), false)
	return err
}

// TestOperationErrors: operation nodes whose config or arguments make no sense are refused by name, and never panic.
func TestOperationErrors(t *testing.T) {
	for _, c := range []struct{ class, config, shape, args, want string }{
		{"Add", ``, ", 3", ``, "x2"},
		{"Add", ``, ", 3", `, "three"`, "x2"},
		{"Add", ``, ", 3", `, [1, [2]]`, "x2"},
		{"Add", ``, ", 3", `, [1, 2]`, "broadcast"},
		{"Add", `, "axis": 3`, ", 3", `, 1`, "axis"},
		{"GetItem", ``, ", 3", `, [0, 0, 0]`, "too many indices"},
		{"GetItem", ``, ", 3", `, [{"class_name": "__slice__", "config": {"start": null, "stop": null, "step": 0}}]`, "step"},
		{"GetItem", ``, ", 3", `, "a"`, "string"},
		{"Reshape", `, "newshape": [-1, -1]`, ", 3", ``, "newshape"},
		{"Transpose", `, "axes": [0, 0]`, ", 3", ``, "permutation"},
		{"Transpose", `, "axes": [0, 7]`, ", 3", ``, "axis 7"},
		{"Moveaxis", `, "source": [0, 0], "destination": [1, 0]`, ", 3", ``, "twice"},
		{"Split", `, "indices_or_sections": 2, "axis": 1`, ", 3", ``, "equal parts"},
		{"Split", `, "indices_or_sections": "x", "axis": 1`, ", 3", ``, "indices_or_sections"},
		{"Stack", `, "axis": 0`, ", 3", ``, "list"},
		{"Concatenate", `, "axis": 9`, ", 3", ``, "list"},
		{"Squeeze", `, "axis": 1`, ", 3", ``, "reshape"},
		{"Tile", `, "repeats": [-1]`, ", 3", ``, "repeats"},
		{"Repeat", `, "repeats": -2, "axis": 0`, ", 3", ``, "repeats"},
		{"Pad", `, "pad_width": [[0, 0], [9, 0]], "mode": "reflect"`, ", 3", ``, "reflect"},
		{"Pad", `, "pad_width": [[0, 0], [1, 0]], "mode": "wrap"`, ", 3", ``, "wrap"},
		{"Einsum", `, "subscripts": "ij,jk->ik"`, ", 3", ``, "operands"},
		{"Einsum", `, "subscripts": "ii->i"`, ", 3", ``, "repeats"},
		{"Einsum", `, "subscripts": "ijk->i"`, ", 3", ``, "fit"},
		{"Einsum", `, "subscripts": "ij->q"`, ", 3", ``, "einsum"},
		{"Tensordot", `, "axes": 9`, ", 3", `, [1.5, 2, 3]`, "sum over"},
		{"Matmul", ``, ", 3", `, [1.5, 2]`, "multiply"},
		{"OneHot", `, "num_classes": -4`, ", 3", ``, "classes"},
		{"Norm", `, "ord": 7, "axis": 1`, ", 3", ``, "order 7"},
		{"Mean", `, "axis": 5`, ", 3", ``, "axis 5"},
		{"Cast", `, "dtype": "quaternion"`, ", 3", ``, "quaternion"},
		{"Quaternion", ``, ", 3", ``, "unknown operation"},
	} {
		err := trace(nodeModel(c.class, c.config, c.shape, c.args))
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s{%s}(x%s): %v; want an error with %q", c.class, c.config, c.args, err, c.want)
		}
	}
}

// TestPythonNumbers: a whole float keeps floats floats, an int keeps ints ints.
func TestPythonNumbers(t *testing.T) {
	for args, want := range map[string]string{`, 2`: "int32", `, 2.0`: "float32", `, 1e0`: "float32"} {
		text := strings.ReplaceAll(nodeModel("Multiply", "", ", 3", args), `"dtype": "float32"`, `"dtype": "int32"`)
		d := nn.Decoder{Registry: layers.Builtin()}
		l, err := d.Decode(json.RawMessage(text))
		if err != nil {
			t.Fatal(err)
		}
		y, err := l.(nn.Model).Predict(context.Background(), &nn.Tensor{Spec: nn.Spec{Shape: nn.Shape{1, 3}}, F32: []float32{1, 2, 3}})
		if err != nil {
			t.Fatal(err)
		}
		if y[0].DType.String() != want {
			t.Errorf("int32%s is %v, want %s", args, y[0].DType, want)
		}
	}
}
