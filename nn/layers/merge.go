package layers

import (
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// Merge combines inputs element by element, broadcasting them: Add, Subtract, Multiply, Average, Maximum, Minimum. The
// output's mask is the OR of the inputs', none if one has none. (Keras 2's, in a model of that origin, is the AND of those
// that there are, and what is masked is computed like the rest.)
//
// Source: keras/src/layers/merging/base_merge.py
type Merge struct {
	nn.Common
	fn string
}

func newMerge(class, fn string) *Merge { return &Merge{Common: base(class), fn: fn} }

// NewAdd makes an Add layer.
func NewAdd() *Merge { return newMerge("Add", "add") }

// NewSubtract makes a Subtract layer, of two inputs.
func NewSubtract() *Merge { return newMerge("Subtract", "subtract") }

// NewMultiply makes a Multiply layer.
func NewMultiply() *Merge { return newMerge("Multiply", "multiply") }

// NewAverage makes an Average layer.
func NewAverage() *Merge { return newMerge("Average", "add") }

// NewMaximum makes a Maximum layer.
func NewMaximum() *Merge { return newMerge("Maximum", "maximum") }

// NewMinimum makes a Minimum layer.
func NewMinimum() *Merge { return newMerge("Minimum", "minimum") }

// TakesList implements nn.Merger.
func (*Merge) TakesList() {}

// Build implements nn.Layer.
func (l *Merge) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	ins := c.Ins()
	if len(ins) == 0 || l.fn == "subtract" && len(ins) != 2 {
		g.Failf("can't merge %d inputs", len(ins))
	}
	rank := 0
	for _, in := range ins {
		rank = max(rank, len(in.Shape))
	}
	for i, in := range ins {
		if missing := rank - len(in.Shape); missing > 0 { // Keras puts the axes that are missing behind the batch
			x := regroup(g, in.Value, min(1, len(in.Shape)), 0, slices.Repeat([]int{1}, missing)...)
			ins[i] = nn.Wire{Value: x} // without the mask, for what is computed
		}
	}
	y := ins[0].Value
	switch {
	case l.fn == "multiply" && !g.Keras2:
		y = l.product(g, ins)
	case (l.fn == "maximum" || l.fn == "minimum") && !g.Keras2:
		y = l.extreme(g, ins)
	default:
		for _, in := range ins[1:] {
			y = binary(g, l.fn, y, in.Value)
		}
	}
	if l.Class == "Average" {
		y = float(g, y)
		y = binary(g, "divide", y, g.ScalarOf(float64(len(ins)), y.DType))
	}
	if g.Keras2 {
		return []nn.Wire{{Value: y, Mask: bothMasks(g, c.Ins())}}
	}
	return []nn.Wire{{Value: y, Mask: eitherMask(g, c.Ins())}}
}

// product takes masked elements as ones; where all inputs are masked, zeros stand for what none of them keeps.
//
// Source: keras/src/layers/merging/multiply.py
func (l *Merge) product(g *nn.Graph, ins []nn.Wire) *nn.Value {
	var y, kept *nn.Value
	masked := true
	for _, in := range ins {
		x, mask := in.Value, wideMask(g, in)
		if mask == nil {
			masked = false
		} else {
			x = g.Op(op.Where{}, mask, x, g.Op(op.FillLike{Value: 1, DType: x.DType}, x))
			if kept == nil {
				kept = mask
			} else {
				kept = g.Op(op.Binary{Fn: "logical_or"}, kept, mask)
			}
		}
		if y == nil {
			y = x
		} else {
			y = binary(g, "multiply", y, x)
		}
	}
	if masked {
		y = g.Op(op.Where{}, kept, y, g.Op(op.FillLike{DType: y.DType}, y))
	}
	return y
}

// extreme passes over masked elements.
//
// Source: keras/src/layers/merging/base_merge.py, _apply_merge_op_and_or_mask
func (l *Merge) extreme(g *nn.Graph, ins []nn.Wire) *nn.Value {
	y, kept := ins[0].Value, wideMask(g, ins[0])
	for _, in := range ins[1:] {
		x, mask := in.Value, wideMask(g, in)
		d := common(g, x.DType, y.DType)
		x, y = cast(g, x, d), cast(g, y, d)
		if mask != nil {
			x = g.Op(op.Where{}, mask, x, y)
		}
		if kept != nil {
			y = g.Op(op.Where{}, kept, y, x)
		}
		if mask != nil && kept != nil {
			kept = g.Op(op.Binary{Fn: "logical_or"}, kept, mask)
		} else {
			kept = nil
		}
		y = binary(g, l.fn, y, x)
	}
	return y
}

// wideMask is the mask of an input with one more axis, so that it broadcasts over the features; nil if there is none.
func wideMask(g *nn.Graph, in nn.Wire) *nn.Value {
	if in.Mask == nil {
		return nil
	}
	return regroup(g, in.Mask, len(in.Mask.Shape), 0, 1)
}

// eitherMask is the OR of the inputs' masks, nil if one has none.
func eitherMask(g *nn.Graph, ins []nn.Wire) *nn.Value {
	mask := ins[0].Mask
	for _, in := range ins[1:] {
		if mask == nil || in.Mask == nil {
			return nil
		}
		mask = g.Op(op.Binary{Fn: "logical_or"}, mask, in.Mask)
	}
	return mask
}

// bothMasks is Keras 2's rule: the AND of the masks that there are.
func bothMasks(g *nn.Graph, ins []nn.Wire) (mask *nn.Value) {
	for _, in := range ins {
		switch {
		case mask == nil:
			mask = in.Mask
		case in.Mask != nil:
			mask = g.Op(op.Binary{Fn: "logical_and"}, mask, in.Mask)
		}
	}
	return mask
}

// Concatenate joins inputs along an axis.
//
// Source: keras/src/layers/merging/concatenate.py
type Concatenate struct {
	nn.Common
	Axis int `json:"axis"`
}

// NewConcatenate makes a Concatenate layer; Keras's default axis is -1.
func NewConcatenate(axis int) *Concatenate {
	return &Concatenate{Common: base("Concatenate"), Axis: axis}
}

// TakesList implements nn.Merger.
func (*Concatenate) TakesList() {}

// Build implements nn.Layer.
func (l *Concatenate) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	ins := c.Ins()
	if len(ins) == 0 {
		g.Failf("needs inputs")
	}
	xs := make([]*nn.Value, len(ins))
	d := ins[0].DType
	for _, in := range ins {
		d = common(g, d, in.DType)
	}
	for i, in := range ins {
		xs[i] = cast(g, in.Value, d)
	}
	y := g.Op(op.Concat{Axis: l.Axis}, xs...)
	return []nn.Wire{{Value: y, Mask: l.mask(g, ins)}}
}

// mask joins the inputs' masks, spread over their inputs' shapes, as the inputs were; a position of the result is kept
// if one of its features is (in Keras 2, if all are).
func (l *Concatenate) mask(g *nn.Graph, ins []nn.Wire) *nn.Value {
	if !slices.ContainsFunc(ins, func(w nn.Wire) bool { return w.Mask != nil }) {
		return nil
	}
	masks := make([]*nn.Value, len(ins))
	for i, in := range ins {
		switch m := in.Mask; {
		case m == nil:
			masks[i] = allTrue(g, in.Value)
		case len(m.Shape) < len(in.Shape):
			none := g.Op(op.FillLike{DType: graph.Bool}, in.Value)
			masks[i] = g.Op(op.Binary{Fn: "logical_or"}, regroup(g, m, len(m.Shape), 0, 1), none)
		default:
			masks[i] = m
		}
	}
	joined := g.Op(op.Concat{Axis: l.Axis}, masks...)
	fn := "any"
	if g.Keras2 {
		fn = "all"
	}
	return g.Op(op.Reduce{Fn: fn, Axes: []int{len(joined.Shape) - 1}}, joined)
}
