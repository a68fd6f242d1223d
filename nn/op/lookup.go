package op

import (
	"fmt"

	"kerasgo/nn/graph"
)

// Vocabulary maps terms to ids. Terms that it lacks get First + a hash modulo OOV: of strings FarmHash (SipHash with Salt), of
// integers the remainder, or with Farm the hash of their decimal text. With no OOV id they are errors.
type Vocabulary struct {
	Strings map[string]int64
	Ints    map[int64]int64
	OOV     int
	First   int64
	Farm    bool
	Salt    *[2]uint64
}

// word is the id of a string; false: there is none.
func (v *Vocabulary) word(s string) (int64, bool) {
	id, ok := v.Strings[s]
	switch {
	case ok:
		return id, true
	case v.OOV == 0:
		return 0, false
	case v.OOV == 1:
		return v.First, true
	}
	return v.First + bucket(s, v.Salt, uint64(v.OOV)), true
}

func (v *Vocabulary) number(n int64) (int64, bool) {
	id, ok := v.Ints[n]
	switch {
	case ok:
		return id, true
	case v.OOV == 0:
		return 0, false
	case v.OOV == 1:
		return v.First, true
	case v.Farm:
		return v.First + bucketOf(n, v.Salt, uint64(v.OOV)), true
	}
	m := int64(v.OOV)
	return v.First + (n%m+m)%m, true
}

const noVocabulary = "the layer has no vocabulary: it was not adapted, or the file doesn't hold it"

const noOOV = "%s isn't in the vocabulary, and num_oov_indices is 0"

// Lookup is the id of each term: strings or int64, of any shape, to int64.
//
// Source: keras/src/layers/preprocessing/index_lookup.py
type Lookup struct {
	noGrad
	*Vocabulary
	Empty bool // the vocabulary isn't there: nothing can be looked up
}

// Infer implements graph.Op.
func (o Lookup) Infer(in []Spec) ([]Spec, error) {
	if d := in[0].DType; d != graph.String && d != graph.Int64 || (d == graph.String) != (o.Strings != nil) {
		return nil, fmt.Errorf("the vocabulary isn't of %v", d)
	}
	return specs(Spec{Shape: in[0].Shape, DType: graph.Int64})
}

// Forward implements graph.Op.
func (o Lookup) Forward(r *Run, in, out []*Tensor) {
	if o.Empty {
		r.Fail(noVocabulary)
		return
	}
	for i, s := range in[0].Str {
		id, ok := o.word(s)
		if out[0].I64[i] = id; !ok {
			r.Fail(noOOV, fmt.Sprintf("%.80q", s))
			return
		}
	}
	for i, n := range in[0].I64 {
		id, ok := o.number(n)
		if out[0].I64[i] = id; !ok {
			r.Fail(noOOV, fmt.Sprint(n))
			return
		}
	}
}

// Terms is the way back: the term of each int64 id; ids below From or beyond the list are OOV terms.
type Terms struct {
	noGrad
	Strings []string // nil: the terms are Ints
	Ints    []int64
	From    int64
	OOVText string
	OOVInt  int64
	Mask    bool // id 0 is the mask's
	Text    string
	Int     int64
	Empty   bool // the vocabulary isn't there: nothing can be looked up
}

// Infer implements graph.Op.
func (o Terms) Infer(in []Spec) ([]Spec, error) {
	if in[0].DType != graph.Int64 {
		return nil, fmt.Errorf("ids must be int64, found %v", in[0].DType)
	}
	d := graph.Int64
	if o.Strings != nil {
		d = graph.String
	}
	return specs(Spec{Shape: in[0].Shape, DType: d})
}

// Forward implements graph.Op.
func (o Terms) Forward(r *Run, in, out []*Tensor) {
	if o.Empty {
		r.Fail(noVocabulary)
		return
	}
	for i, id := range in[0].I64 {
		at := id - o.From
		if o.Strings != nil {
			switch {
			case o.Mask && id == 0:
				out[0].Str[i] = o.Text
			case at >= 0 && at < int64(len(o.Strings)):
				out[0].Str[i] = o.Strings[at]
			default:
				out[0].Str[i] = o.OOVText
			}
			continue
		}
		switch {
		case o.Mask && id == 0:
			out[0].I64[i] = o.Int
		case at >= 0 && at < int64(len(o.Ints)):
			out[0].I64[i] = o.Ints[at]
		default:
			out[0].I64[i] = o.OOVInt
		}
	}
}

// Digitize is the number of boundaries that are not above each element: x [...] to int32 [...]. NaN lies above all of
// them.
//
// Source: tensorflow/core/kernels/bucketize_op.cc
type Digitize struct {
	noGrad
	Boundaries []float32 // ascending
}

// Infer implements graph.Op.
func (o Digitize) Infer(in []Spec) ([]Spec, error) {
	if in[0].DType.Storage() != graph.StoreF32 {
		return nil, fmt.Errorf("can't digitize %v", in[0].DType)
	}
	return specs(Spec{Shape: in[0].Shape, DType: graph.Int32})
}

// Forward implements graph.Op.
func (o Digitize) Forward(_ *Run, in, out []*Tensor) {
	for i, v := range in[0].F32 {
		at, end := 0, len(o.Boundaries)
		for at < end { // the first boundary above v
			if mid := (at + end) / 2; v < o.Boundaries[mid] {
				end = mid
			} else {
				at = mid + 1
			}
		}
		out[0].I32[i] = int32(at)
	}
}
