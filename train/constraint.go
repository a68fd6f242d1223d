package train

import (
	"encoding/json"
	"fmt"

	"kerasgo/internal/par"
	"kerasgo/nn"
)

// constraint is what holds of a weight after each step.
//
// Source: keras/src/constraints/constraints.py
type constraint struct {
	kind                constraintKind
	least, most, strict float32
	axes                []int
}

type constraintKind uint8

const (
	unconstrained constraintKind = iota
	nonNegative
	unitNorm
	normLimits
)

// decodeConstraint reads a name or an object: non_neg, {"class_name": "MaxNorm", "config": {"max_value": 2, "axis": 0}}.
func decodeConstraint(raw json.RawMessage, where nn.Where, rank int) (constraint, error) {
	none := constraint{}
	name, config, err := named(raw, where.Key)
	if err != nil {
		return none, &nn.FormatError{Where: where, Msg: "bad constraint"}
	}
	var c struct {
		Max  *float64        `json:"max_value"`
		Min  *float64        `json:"min_value"`
		Rate *float64        `json:"rate"`
		Axis json.RawMessage `json:"axis"`
	}
	if config != nil && json.Unmarshal(config, &c) != nil {
		return none, &nn.FormatError{Where: where, Msg: "bad constraint"}
	}
	value := func(p *float64, otherwise float32) float32 {
		if p == nil {
			return otherwise
		}
		return float32(*p)
	}
	out := constraint{kind: normLimits, strict: 1}
	switch name {
	case "NonNeg", "non_neg":
		return constraint{kind: nonNegative}, nil
	case "Constraint", "constraint":
		return none, nil
	case "UnitNorm", "unit_norm":
		out.kind = unitNorm
	case "MaxNorm", "max_norm":
		out.most = value(c.Max, 2)
	case "MinMaxNorm", "min_max_norm":
		out.least, out.most, out.strict = value(c.Min, 0), value(c.Max, 1), value(c.Rate, 1)
	default:
		return none, &nn.UnsupportedError{Where: where, Msg: fmt.Sprintf("training under the constraint %q is not supported", name)}
	}
	var one int
	if len(c.Axis) == 0 {
		out.axes = []int{0}
	} else if json.Unmarshal(c.Axis, &one) == nil && !null(c.Axis) {
		out.axes = []int{one}
	} else if json.Unmarshal(c.Axis, &out.axes) != nil {
		return none, &nn.FormatError{Where: where, Msg: "bad axis", Got: string(c.Axis)}
	}
	if null(c.Axis) && len(c.Axis) > 0 { // None: the whole weight
		for i := range rank {
			out.axes = append(out.axes, i)
		}
	}
	for i, a := range out.axes {
		if a < -rank || a >= rank {
			return none, &nn.FormatError{Where: where, Msg: fmt.Sprintf("the weight has %d axes", rank), Got: fmt.Sprintf("axis %d", a)}
		}
		out.axes[i] = (a + rank) % rank
	}
	return out, nil
}

// constrained is a weight under a constraint.
type constrained struct {
	constraint
	v       *variable
	group   []int32   // of each element: which norm it belongs to
	squares []float64 // of each group
}

func newConstrained(c constraint, v *variable) *constrained {
	t := &constrained{constraint: c, v: v}
	if c.kind == nonNegative {
		return t
	}
	shape := v.weight.Shape
	steps, groups := make([]int, len(shape)), 1
	for i := len(shape) - 1; i >= 0; i-- {
		reduced := false
		for _, a := range c.axes {
			reduced = reduced || a == i
		}
		if !reduced {
			steps[i], groups = groups, groups*shape[i]
		}
	}
	t.group, t.squares = make([]int32, shape.Size()), make([]float64, groups)
	for i := range t.group {
		at, rest := 0, i
		for k := len(shape) - 1; k >= 0; k-- {
			at += rest % shape[k] * steps[k]
			rest /= shape[k]
		}
		t.group[i] = int32(at)
	}
	return t
}

// apply makes it hold.
func (t *constrained) apply() {
	w := t.v.weight.Data.F32
	if t.kind == nonNegative {
		for i, v := range w {
			w[i] = max(v, 0)
		}
		return
	}
	clear(t.squares)
	for i, v := range w {
		t.squares[t.group[i]] += float64(float32(v * v))
	}
	for i, sum := range t.squares { // of the norm becomes what the group is scaled by
		norm := sqrt(float32(sum))
		to := float32(1)
		if t.kind == normLimits {
			to = float32(t.strict*min(max(norm, t.least), t.most)) + float32((1-t.strict)*norm)
		}
		t.squares[i] = float64(to / (1e-7 + norm))
	}
	for i, v := range w {
		w[i] = v * float32(t.squares[t.group[i]])
	}
}

// constraints applies all of them as a parallel task: a weight belongs to one thread.
type constraints []*constrained

var _ par.Task = (*constraints)(nil)

// Do implements par.Task.
func (c *constraints) Do(_, i int) {
	if t := (*c)[i]; t.v.grad != nil {
		t.apply()
	}
}
