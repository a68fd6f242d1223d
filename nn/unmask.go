package nn

// Unmask makes values lose their masks for every later call, as Keras 3's MultiHeadAttention takes them off its inputs: the
// sum of such a layer and its own query has no mask there. Masks that a call names itself stay.
//
// Source: keras/src/layers/attention/multi_head_attention.py, call
func (g *Graph) Unmask(vs ...*Value) {
	if g.unmasked == nil {
		g.unmasked = map[*Value]bool{}
	}
	for _, v := range vs {
		g.unmasked[v] = true
	}
}

// stripped is a call's arguments without the masks that were taken off.
func (g *Graph) stripped(a any) any {
	switch a := a.(type) {
	case Wire:
		if g.unmasked[a.Value] {
			a.Mask = nil
		}
		return a
	case []any:
		out := make([]any, len(a))
		for i, e := range a {
			out[i] = g.stripped(e)
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(a))
		for k, e := range a {
			out[k] = g.stripped(e)
		}
		return out
	}
	return a
}

// strip is stripped of a whole call.
func (g *Graph) strip(c Call) Call {
	if len(g.unmasked) > 0 {
		c.Args, _ = g.stripped(c.Args).([]any)
		c.Kw, _ = g.stripped(c.Kw).(map[string]any)
	}
	return c
}
