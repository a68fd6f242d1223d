package nn

import (
	"bytes"
	"encoding/json"
	"fmt"

	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// Activation is Keras's activation argument: a name ("" is linear), or a layer used as one.
type Activation struct {
	Name  string
	Layer Layer
	raw   json.RawMessage // as it was read
	fn    Function        // of a name that isn't known
}

// Act names an activation: relu, softmax, ...
func Act(name string) Activation { return Activation{Name: name} }

// Linear says that nothing is applied.
func (a Activation) Linear() bool { return a.Layer == nil && (a.Name == "" || a.Name == "linear") }

// MarshalJSON writes what was read, or the name.
func (a Activation) MarshalJSON() ([]byte, error) {
	switch {
	case a.raw != nil:
		return a.raw, nil
	case a.Layer != nil:
		return Encode(a.Layer)
	case a.Name == "":
		return []byte(`"linear"`), nil
	}
	return json.Marshal(a.Name)
}

// decode reads a name, null, {"class_name": "function", "config": name}, or a layer's object.
func (a *Activation) decode(d *Decoder, raw json.RawMessage, where Where) error {
	a.raw = raw
	if bytes.Equal(raw, []byte("null")) {
		a.Name = ""
		return nil
	}
	var name string
	if json.Unmarshal(raw, &name) == nil {
		return a.set(d, name, where)
	}
	var env struct {
		Class      string          `json:"class_name"`
		Config     json.RawMessage `json:"config"`
		Registered *string         `json:"registered_name"`
	}
	if err := json.Unmarshal(raw, &env); err != nil {
		return err
	}
	if json.Unmarshal(env.Config, &name) == nil && name != "" { // {"class_name": "function", "config": "relu"}
		return a.set(d, name, where)
	}
	if env.Class == "" { // {"value": bytecode}
		env.Class = "<lambda>"
	}
	if d.Known(env.Class) {
		l, err := d.Layer(raw)
		a.Layer = l
		return err
	}
	return a.set(d, env.Class, where)
}

func (a *Activation) set(d *Decoder, name string, where Where) error {
	if a.Name = op.CanonicalActivation(name); a.Name != "" {
		return nil
	}
	if a.fn = d.function(where.Layer+"."+where.Key, name); a.fn == nil {
		return &UnsupportedError{Where: where, Msg: fmt.Sprintf("activation %q isn't known", name)}
	}
	a.Name = name
	return nil
}

// Activate says an activation.
func (g *Graph) Activate(a Activation, x *Value) *Value {
	if a.Layer != nil {
		return g.Apply(a.Layer, Wires(Wire{Value: x}))[0].Value
	}
	if a.Linear() {
		return x
	}
	if a.fn != nil {
		return g.call(a.fn, []Wire{{Value: x}})
	}
	o, err := op.Activation(a.Name)
	if err != nil {
		g.Failf("%v", err)
	}
	if !x.DType.Float() && a.Name != "relu" && a.Name != "relu6" { // those two keep integers
		x = g.Op(op.Cast{To: graph.Float32}, x)
	}
	return g.Op(o, x)
}
