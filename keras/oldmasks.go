package keras

import (
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
)

// oldMasks refuses to write, as Keras 3's, a model of Keras 2 that merges masks where that shows in its outputs: Keras 2
// keeps what all inputs keep, Keras 3 what any does, and Keras 3's Multiply, Maximum and Minimum pass over masked elements.
//
// Source: tf_keras/src/layers/merging/base_merge.py, keras/src/layers/merging/base_merge.py
func oldMasks(m nn.Model) error {
	if !nn.OriginOf(m).Translated {
		return nil
	}
	g, outs, err := nn.Trace(m, false)
	if err != nil {
		return err
	}
	needed := map[*graph.Value]bool{}
	for _, o := range outs {
		reach(o.Value, needed)
	}
	for _, c := range g.Calls {
		class := c.Layer.Base().Class
		if a, ok := c.Layer.(*layers.MultiHeadAttention); ok && (a.Dropout > 0 || len(c.Out) > 1) && needed[c.Out[0].Value] &&
			slices.ContainsFunc(c.In, func(w nn.Wire) bool { return w.Mask != nil }) {
			return &UnsupportedError{Where: nn.Where{Layer: a.Name, Class: class},
				Msg: "Keras 3 masks otherwise than Keras 2 where nothing is left to attend to: zero, not a mean"}
		}
		if !isMerge(class) || class == "Dot" || len(c.In) < 2 || len(c.Out) != 1 ||
			!slices.ContainsFunc(c.In, func(w nn.Wire) bool { return w.Mask != nil }) {
			continue
		}
		values := needed[c.Out[0].Value] && slices.Contains([]string{"Multiply", "Maximum", "Minimum"}, class)
		if values || c.Out[0].Mask != nil && needed[c.Out[0].Mask] {
			return &UnsupportedError{Where: nn.Where{Layer: c.Layer.Base().Name, Class: class},
				Msg: "Keras 3 merges masks otherwise than Keras 2, which this model's numbers depend on"}
		}
	}
	return nil
}

// reach finds all values that v is computed from. Graphs are deep, so it keeps its own stack.
func reach(v *graph.Value, seen map[*graph.Value]bool) {
	stack := []*graph.Value{v}
	for len(stack) > 0 {
		v := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if v == nil || seen[v] {
			continue
		}
		seen[v] = true
		if v.Node != nil {
			stack = append(stack, v.Node.In...)
		}
	}
}
