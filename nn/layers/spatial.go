package layers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"kerasgo/nn"
	"kerasgo/nn/op"
)

// Tuple is one number for each spatial axis, outermost first. In JSON, a single number stands for all of them.
type Tuple []int

// UnmarshalJSON reads a number or a list of them; null is no Tuple.
func (t *Tuple) UnmarshalJSON(raw []byte) error {
	var one *int
	if json.Unmarshal(raw, &one) == nil && one != nil {
		*t = Tuple{*one}
		return nil
	}
	return json.Unmarshal(raw, (*[]int)(t))
}

// all is a Tuple of equal numbers.
//
//go:noinline
func all(rank, n int) Tuple {
	t := make(Tuple, rank)
	for i := range t {
		t[i] = n
	}
	return t
}

// maxExtent bounds sizes, strides and dilations: none larger has a use, and products must not overflow.
const maxExtent = 1 << 24

// of is the Tuple for a number of axes; least is the smallest number that makes sense.
func (t Tuple) of(g *nn.Graph, key string, rank, least int) Tuple {
	b := g.Layer().Base()
	list := bytes.HasPrefix(b.Config(key), []byte("[")) && !strings.HasPrefix(b.Class, "ops.") // of one number: for one axis
	if len(t) == 1 && !list {
		t = all(rank, t[0])
	}
	if len(t) != rank {
		g.Failf("%s must have %d numbers, found %v", key, rank, t)
	}
	for _, n := range t {
		if n < least || n > maxExtent {
			g.Failf("%s must be between %d and %d, found %v", key, least, maxExtent, t)
		}
	}
	return t
}

// Pairs are two numbers, before and after, for each spatial axis. In JSON, one number stands for all of them, and one in
// the place of a pair for both.
type Pairs [][2]int

// UnmarshalJSON reads a number, a list of numbers, or a list of pairs.
func (p *Pairs) UnmarshalJSON(raw []byte) error {
	var one *int
	if json.Unmarshal(raw, &one) == nil && one != nil {
		*p = Pairs{{*one, *one}}
		return nil
	}
	var items []Tuple
	if err := json.Unmarshal(raw, &items); err != nil {
		return err
	}
	*p = nil
	for _, t := range items {
		switch len(t) {
		case 1:
			*p = append(*p, [2]int{t[0], t[0]})
		case 2:
			*p = append(*p, [2]int{t[0], t[1]})
		default:
			return fmt.Errorf("expected pairs, found %v", items)
		}
	}
	return nil
}

// of is the Pairs for a number of axes.
func (p Pairs) of(g *nn.Graph, key string, rank int) Pairs {
	for len(p) == 1 && len(p) < rank {
		p = append(p[:1:1], p[0])
	}
	if len(p) != rank {
		g.Failf("%s must have %d pairs, found %v", key, rank, p)
	}
	for _, n := range p {
		if min(n[0], n[1]) < 0 || max(n[0], n[1]) > maxExtent {
			g.Failf("%s must be between 0 and %d, found %v", key, maxExtent, p)
		}
	}
	return p
}

// checkRank refuses inputs that don't have one batch, rank spatial and one channel axis.
func checkRank(g *nn.Graph, x *nn.Value, rank int) {
	if len(x.Shape) != rank+2 {
		g.Failf("needs an input of %d dimensions, found shape %v", rank+2, x.Shape)
	}
}

// channelsFirst reads data_format.
func channelsFirst(g *nn.Graph, format string) bool {
	switch format {
	case "", "channels_last":
		return false
	case "channels_first":
		return true
	}
	g.Failf("data_format must be channels_last or channels_first, found %q", format)
	return false
}

// toLast moves channels to the last axis where data_format has them first; every operation here wants them there.
func toLast(g *nn.Graph, format string, x *nn.Value) *nn.Value {
	if !channelsFirst(g, format) {
		return x
	}
	perm := []int{0}
	for i := 2; i < len(x.Shape); i++ {
		perm = append(perm, i)
	}
	return g.Op(op.Transpose{Perm: append(perm, 1)}, x)
}

// fromLast is the inverse of toLast.
func fromLast(g *nn.Graph, format string, x *nn.Value) *nn.Value {
	if !channelsFirst(g, format) {
		return x
	}
	perm := []int{0, len(x.Shape) - 1}
	for i := 1; i < len(x.Shape)-1; i++ {
		perm = append(perm, i)
	}
	return g.Op(op.Transpose{Perm: perm}, x)
}

// alongSpatial spreads values for the spatial axes over all axes of the input, the others getting rest.
func alongSpatial[T any](g *nn.Graph, format string, spatial []T, rest T) []T {
	if channelsFirst(g, format) {
		return append([]T{rest, rest}, spatial...)
	}
	return append(append([]T{rest}, spatial...), rest)
}

// padding reads Keras's padding of a sliding window.
func padding(g *nn.Graph, name string) (same bool) {
	switch name {
	case "valid":
		return false
	case "same":
		return true
	}
	g.Failf("padding must be valid or same, found %q", name)
	return false
}
