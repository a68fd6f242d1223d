package nn

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Registry makes the layer of a class, with Keras's defaults. Keys are class names, "Dense", or "ops.Multiply" for the
// operation nodes of a functional graph, whose class names repeat those of layers.
type Registry map[string]func() Layer

type object = map[string]json.RawMessage

// Decoder turns Keras 3's JSON into layers, strictly: a key that isn't known passes only if its value is null, false, []
// or {}, or if it can't change what is computed.
type Decoder struct {
	Registry Registry
	// Custom are layers of the caller's own, by the name that Python registered them under ("MyLib>Antirectifier") or by class.
	// They go before Registry's.
	Custom Registry
	// Functions take the place of Python code: by the name of a Lambda layer, or for activations that aren't known, by
	// "LAYER.activation" or by their name in the file ("<lambda>").
	Functions map[string]Function

	File   string          // for errors
	Ignore map[string]bool // "Dense.lora_rank": keys that pass whatever their value
	Warn   func(string)    // told of keys that passed unknown; may be nil
	// MaxLayers and MaxDepth bound the model; 0: 100,000 and 64.
	MaxLayers, MaxDepth int

	unsupported   UnsupportedErrors
	layers, depth int
	warned        map[string]bool
	used          map[string]bool // of Functions
}

// Known says that the registry has the class.
func (d *Decoder) Known(class string) bool { return d.Registry[class] != nil }

// Decode reads {class_name, module, config, ...}. Everything that isn't supported is reported at once, as
// UnsupportedErrors.
func (d *Decoder) Decode(raw json.RawMessage) (Layer, error) {
	l, err := d.Layer(raw)
	if err != nil {
		return nil, err
	}
	if len(d.unsupported) > 0 {
		return nil, d.unsupported
	}
	return l, nil
}

// unknown stands for a layer that isn't supported until all of them are found.
type unknown struct{ Common }

func (*unknown) Build(g *Graph, _ Call) []Wire {
	g.Failf("is not supported")
	return nil
}

// Layer decodes a layer inside a model; what isn't supported is collected, for Decode to report.
func (d *Decoder) Layer(raw json.RawMessage) (Layer, error) {
	if d.depth++; d.depth > either(d.MaxDepth, maxDepth) {
		return nil, &LimitError{Where: Where{File: d.File}, Msg: "layers are nested too deep", Limit: fmt.Sprint(either(d.MaxDepth, maxDepth))}
	}
	defer func() { d.depth-- }()
	if d.layers++; d.layers > either(d.MaxLayers, 100_000) {
		return nil, &LimitError{Where: Where{File: d.File}, Msg: "too many layers", Limit: fmt.Sprint(either(d.MaxLayers, 100_000))}
	}
	var env, config object
	if err := json.Unmarshal(raw, &env); err != nil || env == nil {
		return nil, &FormatError{Where: Where{File: d.File}, Msg: "a layer must be an object with class_name and config", Got: abridge(raw), Err: err}
	}
	class := text(env["class_name"])
	if CustomName(class, "") != "" { // as legacy files have it
		env["registered_name"] = env["class_name"]
		class = class[strings.LastIndexByte(class, '>')+1:]
		env["class_name"] = quote(class)
	}
	if strings.Contains(text(env["module"]), ".ops") { // keras.layers.Multiply and keras.ops.multiply share a class name
		class = "ops." + class
	}
	if raw, ok := env["config"]; ok {
		if err := json.Unmarshal(raw, &config); err != nil {
			return nil, &FormatError{Where: Where{File: d.File, Class: class}, Msg: "config must be an object", Got: abridge(raw), Err: err}
		}
	}
	where := Where{File: d.File, Layer: text(config["name"]), Class: class}
	if strings.TrimPrefix(class, "ops.") == "" {
		return nil, &FormatError{Where: where, Msg: "a layer without class_name", Got: abridge(raw)}
	}
	create := d.constructor(where, env)
	if create == nil {
		d.reject(d.unknownClass(where, env))
		return &unknown{Common{Name: where.Layer, Class: class}}, nil
	}
	l := create()
	b := l.Base()
	b.Class, b.Trainable, b.envelope, b.extra, b.read = class, true, env, object{}, map[string]readField{}
	if config["name"] == nil { // some operations write it beside their config alone
		b.Name = text(env["name"])
	}
	delete(env, "config")
	fields := fieldsOf(l)
	for _, key := range slices.Sorted(maps.Keys(config)) {
		value := config[key]
		where.Key = key
		f, known := fields[key]
		switch {
		case known:
			if err := d.field(f, value, where); err != nil {
				if list := asUnsupported(err); list != nil {
					for _, u := range list {
						if u.Class == "" && u.Layer == "" {
							u.Where = where
						}
					}
					d.unsupported = append(d.unsupported, list...)
				} else if where := where; !carriesPlace(err) {
					return nil, &FormatError{Where: where, Msg: "bad value " + abridge(value), Err: err}
				} else {
					return nil, err
				}
			}
			if !holdsLayers(f) {
				now, _ := encodeField(f)
				b.read[key] = readField{value, now}
			} else {
				b.read[key] = readField{}
			}
		case inert(key) || harmless(value) || d.Ignore[class+"."+key]:
			d.passed(where)
			b.extra[key] = value
		default:
			d.reject(&UnsupportedError{Where: where, Msg: "unknown key with value " + abridge(value)})
		}
	}
	return l, nil
}

// maxWarnings bounds what one file says.
const maxWarnings = 100

// passed warns of an unknown key that may pass, once for all layers of a class.
func (d *Decoder) passed(where Where) {
	id := where.Class + "." + where.Key
	if d.Warn == nil || inert(where.Key) || d.warned[id] || len(d.warned) >= maxWarnings {
		return
	}
	if d.warned == nil {
		d.warned = map[string]bool{}
	}
	d.warned[id] = true
	d.Warn(fmt.Sprintf("%v isn't known; it is kept", where))
}

func carriesPlace(err error) bool {
	switch err.(type) {
	case *FormatError, *LimitError:
		return true
	}
	return false
}

func (d *Decoder) reject(u *UnsupportedError) { d.unsupported = append(d.unsupported, u) }

func (d *Decoder) unknownClass(w Where, env object) *UnsupportedError {
	class := strings.TrimPrefix(w.Class, "ops.")
	switch {
	case class == "Lambda":
		return &UnsupportedError{Where: w, Msg: "Lambda holds Python code, which is never run"}
	}
	msg := "unknown layer"
	if class != w.Class {
		msg = "unknown operation"
	}
	if r := text(env["registered_name"]); r != "" && r != class {
		msg = fmt.Sprintf("custom layer %q", r)
	} else if foreign(env) {
		msg = fmt.Sprintf("custom layer %q of module %q", class, text(env["module"]))
	} else if near := Nearest(w.Class, d.Registry.kin(w.Class)); near != "" {
		msg += fmt.Sprintf(" (nearest: %s)", strings.TrimPrefix(near, "ops."))
	}
	return &UnsupportedError{Where: w, Msg: msg}
}

// kin are the classes of the same kind as class: layers, or operation nodes.
func (r Registry) kin(class string) (names []string) {
	for name := range r {
		if strings.HasPrefix(name, "ops.") == strings.HasPrefix(class, "ops.") {
			names = append(names, name)
		}
	}
	return names
}

func either(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}

// abridge is the beginning of a JSON value, on one line.
func abridge(raw []byte) string {
	var b bytes.Buffer
	if json.Compact(&b, raw) == nil {
		raw = b.Bytes()
	}
	if len(raw) > 80 {
		return string(bytes.ToValidUTF8(raw[:80], nil)) + "..."
	}
	return string(raw)
}

func text(raw json.RawMessage) (s string) {
	_ = json.Unmarshal(raw, &s)
	return s
}

// inertKeys don't change what a trained model computes.
var inertKeys = []string{"seed", "unit_forget_bias", "renorm_momentum", "batch_input_shape", "autocast", "quantization_config",
	"gradient_accumulation_steps", "synchronized", "fused", "virtual_batch_size", "input_length"}

func inert(key string) bool {
	return strings.HasSuffix(key, "_initializer") || strings.HasSuffix(key, "_regularizer") ||
		strings.HasSuffix(key, "_constraint") || slices.Contains(inertKeys, key)
}

func harmless(value json.RawMessage) bool {
	return slices.Contains([]string{"null", "false", "[]", "{}"}, string(bytes.TrimSpace(value)))
}

// fieldsOf finds config fields by JSON key, through embedded structs.
func fieldsOf(l Layer) map[string]reflect.Value {
	fields := map[string]reflect.Value{}
	var visit func(v reflect.Value)
	visit = func(v reflect.Value) {
		for i := range v.NumField() {
			f := v.Type().Field(i)
			tag := f.Tag.Get("json")
			switch {
			case (f.Anonymous || tag == ",inline") && f.Type.Kind() == reflect.Struct:
				visit(v.Field(i))
			case tag == ",inline" && f.Type.Kind() == reflect.Interface: // a pointer to the struct
				visit(v.Field(i).Elem().Elem())
			case tag != "" && tag != "-":
				if _, shadowed := fields[tag]; !shadowed {
					fields[tag] = v.Field(i)
				}
			}
		}
	}
	visit(reflect.ValueOf(l).Elem())
	return fields
}

// configReader is a field that reads itself with the decoder at hand.
type configReader interface {
	decode(d *Decoder, raw json.RawMessage, where Where) error
}

// readField is a config value as it was read, and as it was encoded right after: where that hasn't changed, what was read
// is written back to the letter.
type readField struct{ raw, encoded json.RawMessage }

// holdsLayers says that the field is a layer or a list of them, which remember what was read themselves.
func holdsLayers(f reflect.Value) bool {
	return f.Type().Implements(layerType) || f.Kind() == reflect.Slice && f.Type().Elem().Implements(layerType)
}

var layerType = reflect.TypeFor[Layer]()

// field sets a field; layers inside, alone or listed, come from the registry.
func (d *Decoder) field(f reflect.Value, raw json.RawMessage, where Where) error {
	if r, ok := f.Addr().Interface().(configReader); ok {
		return r.decode(d, raw, where)
	}
	null := bytes.Equal(bytes.TrimSpace(raw), []byte("null"))
	switch {
	case f.Kind() == reflect.Interface && f.Type().Implements(layerType):
		if null {
			return nil
		}
		l, err := d.Layer(raw)
		if err != nil {
			return err
		}
		v := reflect.ValueOf(l)
		if !v.Type().Implements(f.Type()) {
			if _, skip := l.(*unknown); skip {
				return nil
			}
			return fmt.Errorf("%s can't stand here", l.Base().Class)
		}
		f.Set(v)
		return nil
	case f.Kind() == reflect.Slice && f.Type().Elem().Implements(layerType):
		var items []json.RawMessage
		if err := json.Unmarshal(raw, &items); err != nil {
			return err
		}
		f.Set(reflect.MakeSlice(f.Type(), len(items), len(items)))
		for i, item := range items {
			if bytes.Equal(bytes.TrimSpace(item), []byte("null")) {
				return fmt.Errorf("element %d is null", i)
			}
			if err := d.field(f.Index(i), item, where); err != nil {
				return err
			}
		}
		return nil
	case null && !slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Map, reflect.Interface}, f.Kind()):
		return nil // the default, as Keras's constructors take None
	}
	return json.Unmarshal(raw, f.Addr().Interface())
}

// Encode writes a layer as it was read, with its fields as they are now.
func Encode(l Layer) (json.RawMessage, error) {
	b := l.Base()
	config, env := maps.Clone(b.extra), maps.Clone(b.envelope)
	if b.read == nil {
		config, env = object{}, object{"class_name": quote(b.Class), "module": quote(module(b.Class)), "registered_name": []byte("null")}
	}
	for key, f := range fieldsOf(l) {
		was, given := b.read[key]
		if b.read != nil && !given {
			continue
		}
		raw, err := encodeField(f)
		if err != nil {
			return nil, err
		}
		if given && was.raw != nil && bytes.Equal(raw, was.encoded) {
			raw = was.raw
		}
		config[key] = raw
	}
	if b.read == nil && b.DType == nil {
		config["dtype"] = quote("float32")
	}
	if c, ok := l.(configExtra); ok {
		if err := c.encodeExtra(config); err != nil {
			return nil, err
		}
	}
	raw, err := marshal(config)
	if err != nil {
		return nil, err
	}
	env["config"] = raw
	return marshal(env)
}

// configExtra is a model, whose config says more than its fields.
type configExtra interface{ encodeExtra(config object) error }

func module(class string) string {
	if class == "Functional" {
		return "keras.src.models.functional"
	}
	if class == "Sequential" {
		return "keras"
	}
	return "keras.layers"
}

func quote(s string) json.RawMessage {
	raw, _ := json.Marshal(s) // a string always marshals
	return raw
}

func encodeField(f reflect.Value) (json.RawMessage, error) {
	switch {
	case f.Kind() == reflect.Interface && f.Type().Implements(layerType):
		if f.IsNil() {
			return json.RawMessage("null"), nil
		}
		return Encode(f.Interface().(Layer))
	case f.Kind() == reflect.Slice && f.Type().Elem().Implements(layerType):
		items := []json.RawMessage{}
		for i := range f.Len() {
			raw, err := encodeField(f.Index(i))
			if err != nil {
				return nil, err
			}
			items = append(items, raw)
		}
		return marshal(items)
	}
	return marshal(f.Interface())
}

func marshal(v any) (json.RawMessage, error) {
	var buf bytes.Buffer
	e := json.NewEncoder(&buf)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(buf.Bytes()), err
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
