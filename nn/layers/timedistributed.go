package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// TimeDistributed applies a layer to every step: [batch, time, ...], as if each step were a row.
//
// Source: keras/src/layers/rnn/time_distributed.py
type TimeDistributed struct {
	nn.Common
	Layer nn.Layer `json:"layer"`
}

// NewTimeDistributed makes a TimeDistributed layer.
func NewTimeDistributed(layer nn.Layer) *TimeDistributed {
	return &TimeDistributed{Common: base("TimeDistributed"), Layer: layer}
}

// Build implements nn.Layer.
func (l *TimeDistributed) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	if l.Layer == nil {
		g.Failf("has no layer")
	}
	if b := l.Layer.Base(); b.Name == "" {
		b.Name = nn.SnakeCase(b.Class)
	}
	l.Adopt("layer", l.Layer)
	x := c.In()
	if len(x.Shape) < 2 {
		g.Failf("needs [batch, time, ...], found %v", x.Shape)
	}
	if g.Training && x.Shape[1] > 0 && hasMoments(l.Layer) {
		return l.stepByStep(g, x)
	}
	in := nn.Wire{Value: g.Op(op.FoldTime{}, x.Value)}
	if x.Mask != nil && len(x.Mask.Shape) > 2 {
		in.Mask = g.Op(op.FoldTime{}, x.Mask)
	}
	var out []nn.Wire
	for _, y := range g.Apply(l.Layer, nn.Wires(in)) {
		out = append(out, nn.Wire{Value: g.Op(op.UnfoldTime{}, y.Value, x.Value), Mask: x.Mask})
	}
	return out
}

// hasMoments says that a layer sees its batch as a whole in training, so that steps mustn't be mixed.
func hasMoments(l nn.Layer) bool {
	if _, ok := l.(*BatchNormalization); ok {
		return true
	}
	if m, ok := l.(nn.Model); ok {
		for _, k := range nn.Layers(m) {
			if hasMoments(k) {
				return true
			}
		}
	}
	return false
}

// stepByStep calls the layer once a step.
func (l *TimeDistributed) stepByStep(g *nn.Graph, x nn.Wire) []nn.Wire {
	var steps []*nn.Value
	for t := range x.Shape[1] {
		step := g.Op(op.Slice{Ranges: []op.Range{op.All(), op.At(t)}}, x.Value)
		in := g.Op(op.View{Lead: 1, To: append(nn.Shape{}, x.Shape[2:]...)}, step)
		y := g.Apply(l.Layer, nn.Wires(nn.Wire{Value: in}))[0]
		steps = append(steps, g.Op(op.View{Lead: 1, To: append(nn.Shape{1}, y.Shape[1:]...)}, y.Value))
	}
	return []nn.Wire{{Value: g.Op(op.Concat{Axis: 1}, steps...), Mask: x.Mask}}
}
