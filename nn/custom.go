package nn

import (
	"encoding/json"
	"strings"
)

// Function is what a Lambda layer or a custom activation computes, said in operations; in are the tensors that it is called
// with. Its gradient follows from theirs.
type Function func(g *Graph, in ...*Value) *Value

// Lambda is Keras's Lambda layer, whose Python code is never run: a Function that the reader was given under the layer's name
// takes its place. The config is kept to the letter and written back. As in Keras, no mask leaves it.
//
// Source: keras/src/layers/core/lambda_layer.py
type Lambda struct {
	Common
	Function          json.RawMessage `json:"function"`
	FunctionType      json.RawMessage `json:"function_type"` // Keras 2's
	Module            json.RawMessage `json:"module"`
	OutputShape       json.RawMessage `json:"output_shape"`
	OutputShapeType   json.RawMessage `json:"output_shape_type"`
	OutputShapeModule json.RawMessage `json:"output_shape_module"`
	Arguments         json.RawMessage `json:"arguments"` // of the Python function: the Go function is free to differ
	Mask              json.RawMessage `json:"mask"`

	function Function
}

// Build implements Layer.
func (l *Lambda) Build(g *Graph, c Call) []Wire {
	if len(l.Mask) > 0 && !harmless(l.Mask) {
		g.Unsupportedf("mask", "a mask made by Python code")
	}
	return Drop(g.call(l.function, c.Ins()))
}

func (g *Graph) call(f Function, in []Wire) *Value {
	if f == nil {
		g.Failf("has no function")
	}
	values := make([]*Value, len(in))
	for i, w := range in {
		values[i] = w.Value
	}
	y := f(g, values...)
	if y == nil {
		g.Failf("its function returned nothing")
	}
	return y
}

// function finds what was given for a Lambda layer, "NAME", or for an activation, "LAYER.activation" or its name in the file.
func (d *Decoder) function(names ...string) Function {
	for _, name := range names {
		if f := d.Functions[name]; f != nil {
			if d.used == nil {
				d.used = map[string]bool{}
			}
			d.used[name] = true
			return f
		}
	}
	return nil
}

// Unused are the names of Functions that nothing in the files read so far asked for, sorted.
func (d *Decoder) Unused() (names []string) {
	for _, name := range sortedKeys(d.Functions) {
		if !d.used[name] {
			names = append(names, name)
		}
	}
	return names
}

// CustomName is the name under which Python's register_keras_serializable knows a class that isn't Keras's own, such as
// "MyLib>Antirectifier"; or "". Legacy .h5 files write it as the class.
func CustomName(class, registered string) string {
	for _, name := range []string{registered, class} {
		if owner, _, ok := strings.Cut(name, ">"); ok && !strings.EqualFold(owner, "keras") {
			return name
		}
	}
	return ""
}

// constructor finds what makes a layer of a class. One that calls itself custom is never taken for Keras's of the same name.
func (d *Decoder) constructor(where Where, env object) func() Layer {
	if where.Class == "Lambda" {
		if f := d.function(where.Layer); f != nil {
			return func() Layer { return &Lambda{function: f} }
		}
	}
	custom := CustomName(text(env["class_name"]), text(env["registered_name"]))
	for _, name := range []string{custom, where.Class} {
		if create := d.Custom[name]; create != nil {
			return create
		}
	}
	if custom != "" || foreign(env) {
		return d.Registry[custom]
	}
	return d.Registry[where.Class]
}

// foreign says that a class comes from a module that isn't Keras's, as Python writes of classes that weren't registered.
func foreign(env object) bool {
	owner, _, _ := strings.Cut(text(env["module"]), ".")
	return owner != "" && owner != "keras" && owner != "tf_keras" && owner != "tensorflow"
}
