package nn

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
)

// Functional is Keras's Functional model: a graph of layer calls.
//
// Source: keras/src/models/functional.py
type Functional struct {
	Common
	Layers  []Layer   `json:"layers"`
	Inputs  Structure `json:"input_layers"`
	Outputs Structure `json:"output_layers"`
	modelState

	nodes [][]inbound // of each layer, by its position in Layers
}

// Ref is a tensor of a functional model: Keras's [layer, node, tensor].
type Ref struct {
	Layer        string
	Node, Tensor int
}

// Structure is what a model takes or returns: a Ref, a list or a dict of them.
type Structure struct {
	Refs []Ref    // flattened; a dict by its sorted keys
	Keys []string // of a dict

	order []int // of a dict: positions in Refs, in the file's order
	raw   json.RawMessage
}

// inbound is one recorded call: arguments as JSON, with Refs in the place of tensors.
type inbound struct {
	args   []any
	kwargs map[string]any
}

// UnmarshalJSON reads ["layer", 0, 0], a list, or a dict of those.
func (s *Structure) UnmarshalJSON(raw []byte) error {
	s.raw = bytes.Clone(raw)
	var dict map[string]json.RawMessage
	if json.Unmarshal(raw, &dict) == nil {
		for _, key := range sortedKeys(dict) { // Keras flattens by sorted keys, whatever the order it was given
			var v any
			if err := json.Unmarshal(dict[key], &v); err != nil {
				return err
			}
			for range appendRefs(v, &s.Refs) {
				s.Keys = append(s.Keys, key)
			}
		}
		s.order = fileOrder(raw, s.Keys)
		return nil
	}
	var v any
	if err := json.Unmarshal(raw, &v); err != nil {
		return err
	}
	appendRefs(v, &s.Refs)
	return nil
}

// fileOrder are the positions of sorted keys in the order in which a JSON object has them.
func fileOrder(raw []byte, keys []string) (order []int) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	_, _ = dec.Token() // the brace: raw is known to be an object
	for dec.More() {
		key, err := dec.Token()
		var skip json.RawMessage
		if err != nil || dec.Decode(&skip) != nil {
			return nil
		}
		for i, k := range keys {
			if k == key && !slices.Contains(order, i) {
				order = append(order, i)
			}
		}
	}
	return order
}

// OutputOrder are positions in a model's outputs in the order in which its file lists them. It differs from the outputs'
// own where they are a dict, which Keras flattens by sorted keys.
func OutputOrder(m Model) []int {
	names := m.OutputNames()
	if f, ok := m.(*Functional); ok && len(f.Outputs.order) == len(names) {
		return f.Outputs.order
	}
	order := make([]int, len(names))
	for i := range order {
		order[i] = i
	}
	return order
}

// MarshalJSON writes what was read, or a list of Refs.
func (s Structure) MarshalJSON() ([]byte, error) {
	if s.raw != nil {
		return s.raw, nil
	}
	list := [][]any{}
	for _, r := range s.Refs {
		list = append(list, []any{r.Layer, r.Node, r.Tensor})
	}
	return json.Marshal(list)
}

// appendRefs finds references in v, returning those it added.
func appendRefs(v any, out *[]Ref) []Ref {
	at := len(*out)
	var visit func(v any)
	visit = func(v any) {
		if dict, ok := v.(map[string]any); ok {
			for _, key := range sortedKeys(dict) {
				visit(dict[key])
			}
			return
		}
		list, ok := v.([]any)
		if !ok {
			return
		}
		if r, ok := refOf(list); ok {
			*out = append(*out, r)
			return
		}
		for _, e := range list {
			visit(e)
		}
	}
	visit(v)
	return (*out)[at:]
}

func refOf(list []any) (Ref, bool) {
	if len(list) != 3 {
		return Ref{}, false
	}
	name, ok := list[0].(string)
	node, ok1 := NumberOf(list[1])
	tensor, ok2 := NumberOf(list[2])
	return Ref{name, int(node), int(tensor)}, ok && ok1 && ok2
}

// position finds a layer by name; -1 if there is none.
func (m *Functional) position(name string) int {
	return slices.IndexFunc(m.Layers, func(l Layer) bool { return l.Base().Name == name })
}

// InputSpecs implements Model.
func (m *Functional) InputSpecs() (specs []InputSpec) {
	for _, r := range m.Inputs.Refs {
		if i := m.position(r.Layer); i >= 0 {
			if in, ok := m.Layers[i].(*InputLayer); ok {
				specs = append(specs, InputSpec{in.Name, in.spec()})
			}
		}
	}
	return specs
}

// OutputNames implements Model.
func (m *Functional) OutputNames() (names []string) {
	for i, r := range m.Outputs.Refs {
		if m.Outputs.Keys != nil {
			names = append(names, m.Outputs.Keys[i])
		} else {
			names = append(names, r.Layer)
		}
	}
	return uniqueNames(names)
}

// Predict implements Model.
func (m *Functional) Predict(ctx context.Context, x ...*Tensor) ([]*Tensor, error) {
	return m.predict(ctx, m, x)
}

// parse reads the layers' inbound nodes, once.
func (m *Functional) parse() error {
	if m.nodes != nil {
		return nil
	}
	nodes := make([][]inbound, len(m.Layers))
	for i, l := range m.Layers {
		var calls []struct {
			Args   []any          `json:"args"`
			Kwargs map[string]any `json:"kwargs"`
		}
		if raw := l.Base().envelope["inbound_nodes"]; raw != nil {
			if err := unmarshalNumbers(raw, &calls); err != nil {
				return fmt.Errorf("layer %q: inbound_nodes must be a list of {args, kwargs}, found %s", l.Base().Name, abridge(raw))
			}
		}
		for _, c := range calls {
			kw, _ := tensorRefs(c.Kwargs).(map[string]any)
			args, _ := tensorRefs(c.Args).([]any)
			nodes[i] = append(nodes[i], inbound{args, kw})
		}
	}
	m.nodes = nodes
	return nil
}

// unmarshalNumbers is json.Unmarshal that leaves numbers as they are written.
func unmarshalNumbers(raw json.RawMessage, v any) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	return d.Decode(v)
}

// pythonNumber tells an int from a float, as what an operation makes of them differs in dtype.
func pythonNumber(n json.Number) any {
	if i, err := strconv.Atoi(n.String()); err == nil {
		return i
	}
	f, _ := n.Float64() // too large is infinite
	return f
}

// tensorRefs puts Refs, Slices, Tensors and numbers in the place of their JSON.
func tensorRefs(a any) any {
	switch a := a.(type) {
	case json.Number:
		return pythonNumber(a)
	case []any:
		out := make([]any, len(a))
		for i, e := range a {
			out[i] = tensorRefs(e)
		}
		return out
	case map[string]any:
		config, _ := a["config"].(map[string]any)
		switch a["class_name"] {
		case "__keras_tensor__":
			history, _ := tensorRefs(config["keras_history"]).([]any)
			if r, ok := refOf(history); ok {
				return r
			}
		case "__slice__":
			return Slice{tensorRefs(config["start"]), tensorRefs(config["stop"]), tensorRefs(config["step"])}
		case "__tuple__":
			items, _ := a["items"].([]any)
			return tensorRefs(items)
		case "__ellipsis__":
			return Ellipsis{}
		case "__numpy__", "__tensor__":
			if t, err := ArrayOf(tensorRefs(config["value"])); err == nil {
				if dtype, ok := config["dtype"].(string); ok {
					if t, err = typed(t, dtype); err == nil {
						return t
					}
				}
			}
		}
		out := map[string]any{}
		for k, e := range a {
			out[k] = tensorRefs(e)
		}
		return out
	}
	return a
}

// Ellipsis is Python's ... among a call's arguments.
type Ellipsis struct{}

// Build implements Layer: it makes each recorded call once its arguments are there, a layer's calls in order.
func (m *Functional) Build(g *Graph, c Call) (outs []Wire) {
	if err := m.parse(); err != nil {
		g.Failf("%v", err)
	}
	m.Adopt("layers", m.Layers...) // weights go by this order, not by the calls'
	given := c.Ins()
	if len(given) != len(m.Inputs.Refs) {
		g.Failf("takes %d inputs, found %d", len(m.Inputs.Refs), len(given))
	}
	done := map[string][][]Wire{}
	for i, r := range m.Inputs.Refs {
		at := m.position(r.Layer)
		if at < 0 {
			g.Failf("input %q names no layer", r.Layer)
		}
		done[r.Layer] = [][]Wire{g.Apply(m.Layers[at], Wires(given[i]))}
	}
	find := func(r Ref) (Wire, bool) {
		calls := done[r.Layer]
		if r.Node < 0 || r.Tensor < 0 || r.Node >= len(calls) || r.Tensor >= len(calls[r.Node]) {
			return Wire{}, false
		}
		return calls[r.Node][r.Tensor], true
	}
	m.makeCalls(g, done, find)
	for _, r := range m.Outputs.Refs {
		at := r
		if i := m.position(r.Layer); i >= 0 {
			at.Node -= firstCall(m.Layers[i])
		}
		w, ok := find(at)
		if !ok {
			g.Failf("output [%q, %d, %d] is never made: %s", r.Layer, r.Node, r.Tensor, m.stuck(done))
		}
		outs = append(outs, w)
	}
	return outs
}

// makeCalls makes every recorded call whose arguments can be made, a layer's calls in order. A layer whose next call lacks
// arguments is looked at again when the last of them is there, so that time doesn't grow with the square of the layers
// whatever the file's order is.
func (m *Functional) makeCalls(g *Graph, done map[string][][]Wire, find func(Ref) (Wire, bool)) {
	type made struct {
		layer string
		node  int
	}
	waiting := map[made][]int{}
	lacks := make([]int, len(m.Layers)) // arguments of each layer's next call
	queue := make([]int, len(m.Layers))
	for i := range queue {
		queue[i] = i
	}
	for ; len(queue) > 0; queue = queue[1:] {
		i := queue[0]
		l := m.Layers[i]
		name := l.Base().Name
		for len(done[name]) < len(m.nodes[i]) {
			call := m.nodes[i][len(done[name])]
			lack := func(r Ref) {
				lacks[i]++
				waiting[made{r.Layer, r.Node}] = append(waiting[made{r.Layer, r.Node}], i)
			}
			args, _ := bindArgs(call.args, find, lack).([]any)
			kw, _ := bindArgs(call.kwargs, find, lack).(map[string]any)
			if lacks[i] > 0 {
				break
			}
			now := made{name, len(done[name])}
			done[name] = append(done[name], g.Apply(l, Call{Args: args, Kw: kw}))
			for _, w := range waiting[now] {
				if lacks[w]--; lacks[w] == 0 {
					queue = append(queue, w)
				}
			}
			delete(waiting, now)
		}
	}
}

// firstCall is the number that a model's outputs give the first call of a layer: Keras counts the call that made a Functional
// there, though not among the arguments of calls.
//
// Source: keras/src/models/functional.py, get_config and serialize_node
func firstCall(l Layer) int {
	if _, ok := l.(*Functional); ok {
		return 1
	}
	return 0
}

// stuck names the layers whose calls wait for something: a cycle, or a reference to nothing.
func (m *Functional) stuck(done map[string][][]Wire) string {
	var names []string
	for i, l := range m.Layers {
		if len(done[l.Base().Name]) < len(m.nodes[i]) {
			names = append(names, l.Base().Name)
		}
	}
	if len(names) == 0 {
		return "no such call"
	}
	const most = 10
	more := ""
	if len(names) > most {
		names, more = names[:most], fmt.Sprintf(" and %d more", len(names)-most)
	}
	return fmt.Sprintf("a cycle or a missing tensor among layers %.64q%s", names, more)
}

// bindArgs puts wires in the place of Refs; lack is told of those that aren't made yet.
func bindArgs(a any, find func(Ref) (Wire, bool), lack func(Ref)) any {
	switch a := a.(type) {
	case Ref:
		w, ok := find(a)
		if !ok {
			lack(a)
		}
		return w
	case []any:
		out := make([]any, len(a))
		for i, e := range a {
			out[i] = bindArgs(e, find, lack)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(a))
		for k, e := range a {
			out[k] = bindArgs(e, find, lack)
		}
		return out
	case Slice:
		return Slice{bindArgs(a.Start, find, lack), bindArgs(a.Stop, find, lack), bindArgs(a.Step, find, lack)}
	}
	return a
}
