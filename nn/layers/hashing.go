package layers

import (
	"encoding/json"
	"errors"
	"math"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// Hashing is the bucket of each string or integer: FarmHash of its text, or SipHash with Salt, modulo NumBins. With MaskValue,
// bucket 0 is that value's alone. Int64 [...], or vectors as OutputMode says.
//
// Source: keras/src/layers/preprocessing/hashing.py
type Hashing struct {
	nn.Common
	NumBins    int       `json:"num_bins"`
	MaskValue  MaskValue `json:"mask_value"`
	Salt       Salt      `json:"salt"`
	OutputMode string    `json:"output_mode"`
	Sparse     bool      `json:"sparse"`
}

// NewHashing makes a Hashing layer.
func NewHashing(bins int) *Hashing {
	return &Hashing{Common: base("Hashing"), NumBins: bins, OutputMode: "int"}
}

// Build implements nn.Layer.
func (l *Hashing) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	if l.Sparse {
		g.Unsupportedf("sparse", "sparse outputs aren't supported")
	}
	if l.NumBins < 1 || l.NumBins > math.MaxInt32 {
		g.Failf("num_bins can't be %d", l.NumBins)
	}
	x := c.In().Value
	if l.OutputMode == "one_hot" && len(x.Shape) > 1 && x.Shape.Last() == 1 {
		x = regroup(g, x, len(x.Shape)-1, 1)
	}
	hash := op.Hash{Bins: l.NumBins, Salt: l.Salt.Key}
	switch m := l.MaskValue; {
	case m.Text == nil && m.Number == nil:
	case (x.DType == graph.String) != (m.Text != nil):
		g.Failf("mask_value isn't a value of %v", x.DType)
	case m.Text != nil:
		hash.Masks, hash.MaskStr = true, *m.Text
	default:
		hash.Masks, hash.Mask = true, *m.Number
	}
	if x.DType.Float() {
		if hash.Masks {
			g.Unsupportedf("mask_value", "a mask of floats isn't supported")
		}
		x = cast(g, x, graph.Int64)
	}
	ids := g.Op(hash, x)
	if l.OutputMode == "int" {
		return nn.Drop(cast(g, ids, outputType(g, l.Base(), graph.Int64)))
	}
	return nn.Drop(encoded(g, l.Base(), l.OutputMode, l.NumBins, ids))
}

// MaskValue is a string or an integer in a config; neither: null.
type MaskValue struct {
	Text   *string
	Number *int64
}

// UnmarshalJSON reads null, a string or an integer.
func (m *MaskValue) UnmarshalJSON(raw []byte) error {
	*m = MaskValue{}
	if json.Unmarshal(raw, &m.Text) == nil {
		return nil
	}
	if m.Text = nil; json.Unmarshal(raw, &m.Number) == nil {
		return nil
	}
	return errors.New("mask_value must be a string, an integer or null")
}

// MarshalJSON writes what UnmarshalJSON reads.
func (m MaskValue) MarshalJSON() ([]byte, error) {
	if m.Text != nil {
		return json.Marshal(m.Text)
	}
	return json.Marshal(m.Number)
}

// HashedCrossing is the bucket of two or more features together: strings or integers of one shape, [n] or [n, 1], to int64 of
// that shape, or with OutputMode "one_hot" to vectors of NumBins.
//
// Source: keras/src/layers/preprocessing/hashed_crossing.py
type HashedCrossing struct {
	nn.Common
	NumBins    int    `json:"num_bins"`
	OutputMode string `json:"output_mode"`
	Sparse     bool   `json:"sparse"`
}

// NewHashedCrossing makes a HashedCrossing layer.
func NewHashedCrossing(bins int) *HashedCrossing {
	return &HashedCrossing{Common: base("HashedCrossing"), NumBins: bins, OutputMode: "int"}
}

// Build implements nn.Layer.
func (l *HashedCrossing) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	if l.Sparse {
		g.Unsupportedf("sparse", "sparse outputs aren't supported")
	}
	if l.NumBins < 1 || l.NumBins > math.MaxInt32 {
		g.Failf("num_bins can't be %d", l.NumBins)
	}
	if l.OutputMode != "int" && l.OutputMode != "one_hot" {
		g.Failf("unknown output_mode %q", l.OutputMode)
	}
	var in []*nn.Value
	for _, w := range c.Ins() {
		if s := w.Shape; len(s) > 2 || len(s) == 2 && s[1] != 1 {
			g.Failf("inputs must have shape [n] or [n, 1], found %v", s)
		}
		in = append(in, w.Value)
	}
	if len(in) < 2 {
		g.Failf("takes two inputs or more, found %d", len(in))
	}
	ids := g.Op(op.Cross{Bins: l.NumBins}, in...)
	if l.OutputMode == "int" {
		return nn.Drop(cast(g, ids, outputType(g, l.Base(), graph.Int64)))
	}
	return nn.Drop(encoded(g, l.Base(), l.OutputMode, l.NumBins, ids))
}
