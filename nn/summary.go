package nn

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// SummaryOptions say what Summary prints; the zero value is Keras's default on a terminal of 80 columns.
type SummaryOptions struct {
	Width        int  // of a line; 0: 88, or 108 where layers branch, and at most Columns-4, as Keras has it
	Columns      int  // of the terminal; 0: 80
	ExpandNested bool // list the layers of models inside, indented
	Trainable    bool // say of each layer whether it is trained
	Arithmetic   bool // say how each count comes about: 784 x 128 + 128
}

// Summary is what Keras's model.summary() prints, character for character: a table of the layers, their output shapes and
// parameters, and the totals. Arithmetic adds a column that Keras hasn't.
//
// Source: keras/src/utils/summary_utils.py
func Summary(m Model, o SummaryOptions) (string, error) {
	s := summary{m: m, o: o, built: len(m.InputSpecs()) > 0}
	if s.built {
		if err := Declare(m); err != nil {
			return "", err
		}
		s.shapes = outputShapes(m)
	}
	s.graph, _ = m.(*Functional)
	if s.graph != nil {
		if err := s.graph.parse(); err != nil {
			return "", err
		}
		if s.graph.chain() {
			s.graph = nil
		}
	}
	columns, width, err := s.columns()
	if err != nil {
		return "", err
	}
	var rows [][]string
	for _, l := range Layers(m) {
		if _, input := l.(*InputLayer); !input || m.Base().Class != "Sequential" {
			rows = append(rows, s.rows(l, 0, s.shapes)...)
		}
	}
	if s.built {
		if err := Declare(m); err != nil { // models inside were traced on their own
			return "", err
		}
	}
	return fmt.Sprintf("Model: \"%s\"\n", m.Base().Name) + renderTable(columns, rows, width) + s.totals(), nil
}

type summary struct {
	m      Model
	o      SummaryOptions
	graph  *Functional // where the layers aren't a chain
	built  bool
	shapes map[Layer]string
}

// columns are the table's columns and its width.
func (s *summary) columns() ([]column, int, error) {
	length, positions := 88, []float64{.45, .80, 1}
	columns := []column{{header: "Layer (type)"}, {header: "Output Shape"}, {header: "Param #", align: right}}
	if s.graph != nil {
		length, positions = 108, []float64{.3, .56, .74, 1}
		columns = append(columns, column{header: "Connected to"})
	}
	if s.o.Arithmetic {
		for i := range positions {
			positions[i] *= .75
		}
		length, positions = length+24, append(positions, 1)
		columns = append(columns, column{header: "Arithmetic"})
	}
	if s.o.Trainable {
		for i := range positions {
			positions[i] *= .90
		}
		length, positions = length+12, append(positions, 1)
		columns = append(columns, column{header: "Trainable", align: center})
	}
	terminal := s.o.Columns
	if terminal == 0 {
		terminal = 80
	}
	width := either(s.o.Width, min(length, terminal-4))
	at := 0
	for i, p := range positions {
		columns[i].width = int(p*float64(width)) - at
		at += columns[i].width
		if columns[i].width < 4 {
			return nil, 0, fmt.Errorf("a line of %d characters is too narrow for a summary", width)
		}
	}
	return columns, width, nil
}

// rows are a layer's row and, where asked for, those of the layers inside.
func (s *summary) rows(l Layer, level int, shapes map[Layer]string) [][]string {
	name := l.Base().Name
	if level > 0 {
		name = strings.Repeat("   ", level) + "└ " + name
	}
	shape, params := "?", "0 (unbuilt)"
	weights := countable(l)
	if !s.built && builtAtOnce(l.Base().Class) {
		params = "0"
	}
	if s.built {
		params = thousands(count(weights))
		if shapes[l] != "" {
			shape = shapes[l]
		}
	}
	row := []string{fmt.Sprintf("%s (%s)", name, strings.TrimPrefix(l.Base().Class, "ops.")), shape, params}
	if s.graph != nil {
		row = append(row, s.graph.connections(l))
	}
	if s.o.Arithmetic {
		row = append(row, arithmetic(weights))
	}
	if s.o.Trainable {
		mark := "-"
		if len(weights) > 0 {
			if mark = "N"; l.Base().Trainable {
				mark = "Y"
			}
		}
		row = append(row, mark)
	}
	rows := [][]string{row}
	inner, ok := l.(Model)
	if !s.o.ExpandNested || !ok {
		return rows
	}
	own := shapes
	if s.built && len(inner.InputSpecs()) > 0 {
		own = outputShapes(inner)
	}
	for _, k := range Layers(inner) {
		if _, input := k.(*InputLayer); !strings.HasPrefix(k.Base().Class, "ops.") && !(input && inner.Base().Class == "Sequential") {
			rows = append(rows, s.rows(k, level+1, own)...)
		}
	}
	return rows
}

// builtAtOnce says that Keras counts a layer as built before it saw an input.
//
// Source: keras/src/layers, _build_at_init
func builtAtOnce(class string) bool {
	switch class {
	case "Activation", "ActivityRegularization", "AlphaDropout", "Dropout", "ELU", "GaussianDropout", "GaussianNoise", "Identity", "LeakyReLU",
		"Masking", "ReLU", "Softmax", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "UnitNormalization":
		return true
	}
	return strings.Contains(class, "Pooling")
}

// totals are the lines below the table.
func (s *summary) totals() string {
	var trained, others []*Weight
	for _, w := range countable(s.m) {
		if w.Trainable {
			trained = append(trained, w)
		} else {
			others = append(others, w)
		}
	}
	var optimizer, bytes int
	if t := s.m.Training(); t != nil {
		for _, v := range t.Variables {
			optimizer += v.Value.Len()
			bytes += v.Value.Len() * v.Value.DType.Size()
		}
	}
	line := func(what string, n, bytes int) string {
		return fmt.Sprintf(" %s params: %s (%s)\n", what, thousands(n), memory(bytes))
	}
	out := line("Total", count(trained)+count(others)+optimizer, size(trained)+size(others)+bytes) +
		line("Trainable", count(trained), size(trained)) + line("Non-trainable", count(others), size(others))
	if optimizer > 0 {
		out += line("Optimizer", optimizer, bytes)
	}
	return out
}

// countable are a layer's weights without the seeds of random generators, each once.
func countable(l Layer) []*Weight {
	return slices.DeleteFunc(slices.Collect(Weights(l)), func(w *Weight) bool { return w.State && strings.Contains(w.Name, "seed_generator") })
}

func count(ws []*Weight) (n int) {
	for _, w := range ws {
		n += w.Shape.Size()
	}
	return n
}

func size(ws []*Weight) (n int) {
	for _, w := range ws {
		n += w.Shape.Size() * w.DType.Size()
	}
	return n
}

// arithmetic says how a layer's count comes about: the product of each weight's shape; equal ones together.
func arithmetic(ws []*Weight) string {
	var terms []string
	for i := 0; i < len(ws); {
		n := i
		for n < len(ws) && ws[n].Shape.Equal(ws[i].Shape) {
			n++
		}
		dims := make([]string, 0, len(ws[i].Shape)+1)
		if n-i > 1 {
			dims = append(dims, strconv.Itoa(n-i))
		}
		for _, d := range ws[i].Shape {
			dims = append(dims, strconv.Itoa(d))
		}
		if len(dims) == 0 {
			dims = []string{"1"}
		}
		terms = append(terms, strings.Join(dims, " x "))
		i = n
	}
	return strings.Join(terms, " + ")
}

// Arithmetic says how the number of a layer's parameters comes about: 784 x 128 + 128; "" if it has none.
func Arithmetic(l Layer) string { return arithmetic(countable(l)) }

// ParamCount is the number of a layer's parameters, those of layers inside included.
func ParamCount(l Layer) int { return count(countable(l)) }

// OutputShapes tells for each layer of a model, one level down, what it returns, as Summary prints it.
func OutputShapes(m Model) map[Layer]string { return outputShapes(m) }

func outputShapes(m Model) map[Layer]string {
	g, _, err := Trace(m, false)
	if err != nil {
		return nil
	}
	shapes := map[Layer]string{}
	for _, c := range g.Calls {
		shapes[c.Layer] = shapeText(c)
	}
	return shapes
}

func shapeText(c LayerCall) string {
	one := func(s Shape) string {
		dims := make([]string, len(s))
		for i, d := range s {
			if dims[i] = strconv.Itoa(d); d < 0 {
				dims[i] = "None"
			}
		}
		return "(" + strings.Join(dims, ", ") + ")"
	}
	if len(c.Out) == 1 {
		return one(c.Out[0].Shape)
	}
	parts := make([]string, len(c.Out))
	var keys []string
	if f, ok := c.Layer.(*Functional); ok {
		keys = f.Outputs.Keys
	}
	for i, w := range c.Out {
		if parts[i] = one(w.Shape); keys != nil {
			parts[i] = keys[i] + ": " + parts[i]
		}
	}
	if keys != nil {
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// chain says that the layers run one after another, each once, each on one tensor: then Keras prints no connections.
func (m *Functional) chain() bool {
	used := map[string]bool{}
	calls := 0
	for i, l := range m.Layers {
		if _, input := l.(*InputLayer); input {
			calls++
			continue
		}
		calls += len(m.nodes[i])
		if len(m.nodes[i]) > 1 {
			return false
		}
		for _, n := range m.nodes[i] {
			refs := n.refs()
			if len(refs) > 1 {
				return false
			}
			for _, r := range refs {
				used[r.Layer] = true
			}
		}
	}
	return calls-len(used) <= 1 // one end
}

// refs are the tensors of a call: those of its arguments, then of its keywords.
func (n inbound) refs() (out []Ref) {
	var visit func(v any)
	visit = func(v any) {
		switch v := v.(type) {
		case Ref:
			out = append(out, v)
		case []any:
			for _, e := range v {
				visit(e)
			}
		case map[string]any:
			for _, k := range sortedKeys(v) {
				visit(v[k])
			}
		case Slice:
			visit(v.Start)
			visit(v.Stop)
			visit(v.Step)
		}
	}
	visit(n.args)
	visit(n.kwargs)
	return out
}

// connections lists the tensors that a layer is called with.
func (m *Functional) connections(l Layer) string {
	var parts []string
	if i := slices.Index(m.Layers, l); i >= 0 {
		for _, n := range m.nodes[i] {
			for _, r := range n.refs() {
				parts = append(parts, fmt.Sprintf("%s[%d][%d]", r.Layer, r.Node, r.Tensor))
			}
		}
	}
	if parts == nil {
		return "-"
	}
	return strings.Join(parts, ", ")
}

func thousands(n int) string {
	s := strconv.Itoa(n)
	for at := len(s) - 3; at > 0; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}

// memory prints bytes as Keras does: 397.50 KB.
func memory(n int) string {
	v, units := float64(n), []string{"B", "KB", "MB", "GB", "TB", "PB"}
	u := 0
	for v >= 1024 && u < len(units)-1 {
		v /= 1024
		u++
	}
	return fmt.Sprintf("%.2f %s", v, units[u])
}
