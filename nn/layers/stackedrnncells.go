package layers

import (
	"fmt"

	"kerasgo/nn"
	"kerasgo/nn/op"
)

// StackedRNNCells is several cells as one: each takes what the one before it gives in the same step. The states are those
// of the cells, in order.
//
// Source: keras/src/layers/rnn/stacked_rnn_cells.py
type StackedRNNCells struct {
	nn.Common
	Cells []nn.Layer `json:"cells"`
}

// NewStackedRNNCells stacks cells.
func NewStackedRNNCells(cells ...nn.Layer) *StackedRNNCells {
	return &StackedRNNCells{base("StackedRNNCells"), cells}
}

func (l *StackedRNNCells) twin() nn.Layer {
	t := &StackedRNNCells{Common: copiedCommon(&l.Common)}
	for _, k := range l.Cells {
		if k, ok := k.(cell); ok {
			t.Cells = append(t.Cells, k.twin())
		}
	}
	return t
}

// Build implements nn.Layer.
func (l *StackedRNNCells) Build(g *nn.Graph, c nn.Call) []nn.Wire { return step(g, c, l) }

// cells are the cells, each with a name of its own.
func (l *StackedRNNCells) cells(g *nn.Graph) (out []cell) {
	if len(l.Cells) == 0 {
		g.Failf("has no cells")
	}
	for i, k := range l.Cells {
		if k != nil && k.Base().Name == "" && i > 0 {
			k.Base().Name = fmt.Sprintf("%s_%d", nn.SnakeCase(k.Base().Class), i)
		}
		out = append(out, cellOf(g, k))
		l.Adopt("cells", k)
	}
	return out
}

func (l *StackedRNNCells) states(g *nn.Graph, x nn.Shape) (out []nn.Shape) {
	for _, k := range l.cells(g) {
		out = append(out, k.states(g, x)...)
	}
	return out
}

// over runs one cell over all steps, then the next over what it gave. That is the same as all of them step by step: a
// masked step keeps every state, so what a cell gives there reaches nobody.
func (l *StackedRNNCells) over(g *nn.Graph, s series) (last, all *nn.Value, final []*nn.Value) {
	cells, initial := l.cells(g), s.initial
	for i, k := range cells {
		step := s
		step.zeroMasked = s.zeroMasked && i == len(cells)-1
		if initial != nil {
			n := len(k.states(g, s.x.Shape))
			step.initial, initial = initial[:n], initial[n:]
		}
		var after []*nn.Value
		g.Inside(k, func() { last, all, after = k.over(g, step) })
		final = append(final, after...)
		if s.x = all; s.backwards { // a cell gives its steps in the order in which it took them
			s.backwards = false
			if s.mask != nil && i < len(cells)-1 {
				s.mask = g.Op(op.Slice{Ranges: []op.Range{op.All(), {Start: op.End, Stop: -op.End, Step: -1}}}, s.mask)
			}
		}
	}
	return last, all, final
}
