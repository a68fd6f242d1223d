package nn

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// Policy is a layer's dtype policy: what it computes in, what its variables are kept in, and how they were quantized.
//
// Source: keras/src/dtype_policies/dtype_policy.py
type Policy struct {
	Compute, Variable DType
	Mode              string // of quantization: int8, int4; "": none
	Block             int    // of int4: rows that share a scale; -1: all
}

// policyConfig is a policy as a config writes it: a name, or an object that holds one.
type policyConfig struct {
	Class  string `json:"class_name"`
	Config struct {
		Name    string          `json:"name"`
		Mode    string          `json:"mode"`
		Source  string          `json:"source_name"`
		Default json.RawMessage `json:"default_policy"`
	} `json:"config"`
}

// policyName is the name of a policy, mode_from_source where it is quantized; float32 where nothing is said.
func policyName(raw json.RawMessage) string {
	var name string
	var object policyConfig
	switch {
	case len(raw) == 0 || json.Unmarshal(raw, &name) == nil:
	case json.Unmarshal(raw, &object) != nil:
	case object.Config.Mode != "":
		source := object.Config.Source
		if source == "" {
			source = "float32"
		}
		return object.Config.Mode + "_from_" + source
	case len(object.Config.Default) > 0 && len(object.Config.Default) < len(raw):
		return policyName(object.Config.Default)
	default:
		name = object.Config.Name
	}
	if name == "" {
		return "float32"
	}
	return name
}

// ComputeDType is what a config's dtype (a name, or a DTypePolicy object) computes in; "float32" where nothing is said.
func ComputeDType(raw json.RawMessage) string {
	name := policyName(raw)
	if _, source, quantized := strings.Cut(name, "_from_"); quantized {
		name = source
	}
	switch name {
	case "mixed_float16":
		return "float16"
	case "mixed_bfloat16":
		return "bfloat16"
	}
	return name
}

// ParsePolicy reads a config's dtype. What computes in no kind of float is a policy of preprocessing layers, whose
// values' dtypes are their inputs'; here it is float32's.
func ParsePolicy(raw json.RawMessage) (p Policy, err error) {
	name := policyName(raw)
	mode, _, quantized := strings.Cut(name, "_from_")
	if quantized {
		if p.Mode, p.Block, err = quantization(mode); err != nil {
			return p, err
		}
	}
	if p.Compute, err = graph.ParseDType(ComputeDType(raw)); err != nil {
		return p, fmt.Errorf("dtype policy %.64q is not supported", name)
	}
	if !p.Compute.Float() {
		p.Compute = graph.Float32
	}
	if p.Variable = p.Compute; strings.HasSuffix(name, "mixed_float16") || strings.HasSuffix(name, "mixed_bfloat16") {
		p.Variable = graph.Float32
	}
	return p, nil
}

// quantization reads int8, int4 or int4/128.
func quantization(mode string) (kind string, block int, err error) {
	kind, size, blocks := strings.Cut(mode, "/")
	switch {
	case kind == "int8" && !blocks, kind == "int4" && !blocks:
		return kind, -1, nil
	case kind == "int4":
		if block, err = strconv.Atoi(size); err == nil && (block > 0 || block == -1) {
			return kind, block, nil
		}
	}
	return "", 0, fmt.Errorf("layers quantized as %.64q are not supported; int8 and int4 are", mode)
}

// Policy is that of the layer being built. Layers that others make inside themselves have their maker's.
func (g *Graph) Policy() Policy {
	for i := len(g.stack) - 1; i >= 0; i-- {
		b := g.stack[i].Base()
		if _, model := g.stack[i].(Model); model || isOperation(b) {
			break
		}
		if b.DType != nil || b.read != nil {
			p, err := ParsePolicy(b.DType)
			if err != nil {
				g.Unsupportedf("dtype", "%v", err)
			}
			return p
		}
	}
	return Policy{Compute: graph.Float32, Variable: graph.Float32, Block: -1}
}

func isOperation(b *Common) bool { return strings.HasPrefix(b.Class, "ops.") }

// keepsInputs is a layer whose inputs aren't converted to the dtype that it computes in: Keras's autocast = False.
type keepsInputs interface{ KeepsInputs() }

// autocast converts the floats that a layer is called with to what it computes in, as Keras does on the way into every
// layer but models; integers stay.
//
// Source: keras/src/layers/layer.py
func (g *Graph) autocast(l Layer, c Call) Call {
	_, model := l.(Model)
	_, keeps := l.(keepsInputs)
	_, input := l.(*InputLayer)
	if model || input || isOperation(l.Base()) {
		return c
	}
	p := g.Policy()
	if g.Training && p != (Policy{Compute: graph.Float32, Variable: graph.Float32, Block: p.Block}) {
		g.Unsupportedf("dtype", "training of layers of dtype %.64q is not supported", policyName(l.Base().DType))
	}
	if keeps {
		return c
	}
	args, _ := g.castAll(c.Args, p.Compute).([]any)
	kw, _ := g.castAll(c.Kw, p.Compute).(map[string]any)
	return Call{Args: args, Kw: kw}
}

func (g *Graph) castAll(a any, to DType) any {
	switch a := a.(type) {
	case Wire:
		if a.Value != nil {
			a.Value = g.castFloat(a.Value, to)
		}
		return a
	case *Tensor:
		if t, err := a.As(to); err == nil && a.DType.Float() {
			return t
		}
	case []any:
		for i, e := range a {
			if now := g.castAll(e, to); different(now, e) {
				a = append(a[:0:0], a...)
				a[i] = now
			}
		}
		return a
	case map[string]any:
		out := make(map[string]any, len(a))
		for k, e := range a {
			out[k] = g.castAll(e, to)
		}
		return out
	}
	return a
}

// different says that an argument was replaced; lists are replaced as a whole.
func different(a, b any) bool {
	switch a := a.(type) {
	case Wire:
		return a != b
	case *Tensor:
		return a != b
	case []any, map[string]any:
		return true
	}
	return false
}

// castFloat converts floats to another float dtype; what isn't a float stays.
func (g *Graph) castFloat(v *Value, to DType) *Value {
	if !v.DType.Float() || v.DType == to {
		return v
	}
	return g.Op(op.Cast{To: to}, v)
}
