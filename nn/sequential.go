package nn

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"kerasgo/nn/graph"
)

// Sequential is Keras's Sequential: layers, one after the other.
//
// Source: keras/src/models/sequential.py
type Sequential struct {
	Common
	Layers     []Layer         `json:"layers"`
	BuildShape json.RawMessage `json:"build_input_shape"`
	modelState
}

// NewSequential builds a model whose first layer is an InputLayer, and names the layers as Keras does: dense, dense_1.
// Its weights are drawn from seed zero; see InitWeights for another seed (before anything else is done with the model).
func NewSequential(layers ...Layer) (*Sequential, error) {
	m := &Sequential{Common: Common{Name: "sequential", Trainable: true, Class: "Sequential"}, Layers: layers}
	nameLayers(layers)
	if len(layers) == 0 {
		return nil, fmt.Errorf("a Sequential model needs layers")
	}
	return m, Declare(m)
}

// nameLayers gives layers without a name the snake_case of their class, numbered from the second on.
func nameLayers(layers []Layer) {
	counts := map[string]int{}
	for _, l := range layers {
		b := l.Base()
		base := SnakeCase(b.Class)
		if b.Name == "" {
			if b.Name = base; counts[base] > 0 {
				b.Name = fmt.Sprintf("%s_%d", base, counts[base])
			}
		}
		counts[base]++
	}
}

// InputSpecs implements Model.
func (m *Sequential) InputSpecs() []InputSpec {
	if len(m.Layers) == 0 {
		return nil
	}
	switch first := m.Layers[0].(type) {
	case *InputLayer:
		return []InputSpec{{first.Name, first.spec()}}
	case Model:
		return first.InputSpecs()
	}
	var dims []*int
	if json.Unmarshal(m.BuildShape, &dims) == nil && len(dims) > 0 {
		return []InputSpec{{m.Layers[0].Base().Name + "_input", Spec{Shape: shapeOf(dims)}}}
	}
	return nil
}

// OutputNames implements Model.
func (m *Sequential) OutputNames() []string { return []string{m.Layers[len(m.Layers)-1].Base().Name} }

// Predict implements Model.
func (m *Sequential) Predict(ctx context.Context, x ...*Tensor) ([]*Tensor, error) {
	return m.predict(ctx, m, x)
}

// Build implements Layer.
func (m *Sequential) Build(g *Graph, c Call) []Wire {
	if len(m.Layers) == 0 {
		g.Failf("has no layers")
	}
	m.Adopt("layers", m.Layers...)
	out := c.Ins()
	for _, l := range m.Layers {
		out = g.Apply(l, Wires(out...))
	}
	return out
}

// InputLayer is an input of a model.
//
// Source: keras/src/layers/core/input_layer.py
type InputLayer struct {
	Common
	BatchShape Dims `json:"batch_shape"`
	Sparse     bool `json:"sparse"`
	Ragged     bool `json:"ragged"`
	Optional   bool `json:"optional"`
}

// Dims is a shape in a config; nil is None.
type Dims []*int

// NewInput is an InputLayer without the batch dimension: NewInput(28, 28). A dimension may be graph.Unknown.
func NewInput(dims ...int) *InputLayer {
	l := &InputLayer{Common: Common{Class: "InputLayer", Trainable: true}, BatchShape: Dims{nil}}
	for _, d := range dims {
		if d == graph.Unknown {
			l.BatchShape = append(l.BatchShape, nil)
		} else {
			l.BatchShape = append(l.BatchShape, &d)
		}
	}
	return l
}

// Typed sets the dtype: int32 for token ids.
func (l *InputLayer) Typed(d DType) *InputLayer {
	l.DType = quote(d.String())
	return l
}

// Build implements Layer.
func (l *InputLayer) Build(g *Graph, c Call) []Wire {
	if l.Sparse || l.Ragged {
		g.Unsupportedf("sparse", "sparse and ragged inputs are not supported")
	}
	if d := ComputeDType(l.DType); d != "" {
		if _, err := graph.ParseDType(d); err != nil {
			g.Unsupportedf("dtype", "inputs of dtype %.64q are not supported", d)
		}
	}
	return []Wire{c.In()}
}

func (l *InputLayer) spec() Spec {
	s := Spec{Shape: shapeOf(l.BatchShape)}
	if d, err := graph.ParseDType(ComputeDType(l.DType)); err == nil {
		s.DType = d
	}
	return s
}

func shapeOf(dims []*int) (s Shape) {
	for _, d := range dims {
		if d == nil || *d < 0 {
			s = append(s, graph.Unknown)
		} else {
			s = append(s, *d)
		}
	}
	return s
}

// SnakeCase is Keras's to_snake_case: MaxPooling2D becomes max_pooling2d, LSTM becomes lstm.
//
// Source: keras/src/utils/naming.py
func SnakeCase(class string) string {
	lower := func(r rune) bool { return 'a' <= r && r <= 'z' }
	upper := func(r rune) bool { return 'A' <= r && r <= 'Z' }
	word := make([]rune, 0, len(class))
	for _, r := range class {
		if r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) {
			word = append(word, r)
		}
	}
	var s strings.Builder
	for i, r := range word {
		// A capital starts a word after a small letter, and where a small letter follows: the B of MyBox and of ABox.
		if i > 0 && upper(r) && (lower(word[i-1]) || i+1 < len(word) && lower(word[i+1])) {
			s.WriteByte('_')
		}
		s.WriteRune(unicode.ToLower(r))
	}
	return s.String()
}
