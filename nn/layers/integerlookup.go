package layers

import (
	"encoding/json"
	"errors"
	"strconv"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// IntegerLookup maps integers to the ids of a vocabulary, [...] to int64 [...], or to vectors as OutputMode says; with Invert,
// ids to integers. The vocabulary is in the config, or it was learned by Adapt.
//
// Source: keras/src/layers/preprocessing/integer_lookup.py
type IntegerLookup struct {
	nn.Common
	MaxTokens       *int      `json:"max_tokens"`
	NumOOVIndices   int       `json:"num_oov_indices"`
	MaskToken       *int64    `json:"mask_token"`
	OOVToken        *int64    `json:"oov_token"`
	Vocabulary      Integers  `json:"vocabulary"`
	VocabularyDType string    `json:"vocabulary_dtype"`
	IDFWeights      []float64 `json:"idf_weights"`
	Invert          bool      `json:"invert"`
	OutputMode      string    `json:"output_mode"`
	PadToMaxTokens  bool      `json:"pad_to_max_tokens"`
	Sparse          bool      `json:"sparse"`
	VocabularySize  *int      `json:"vocabulary_size"`
	OOVMethod       string    `json:"oov_method"` // floormod or farmhash
	Salt            Salt      `json:"salt"`

	table *lookup[int64]
}

// NewIntegerLookup makes an IntegerLookup of a vocabulary; of none: one that Adapt gives it.
func NewIntegerLookup(vocabulary ...int64) *IntegerLookup {
	unknown := int64(-1)
	return &IntegerLookup{Common: base("IntegerLookup"), NumOOVIndices: 1, OOVToken: &unknown, Vocabulary: vocabulary,
		VocabularyDType: "int64", OutputMode: "int", OOVMethod: "floormod"}
}

// lookup is the layer's table, as its fields are now.
func (l *IntegerLookup) lookup() (*lookup[int64], error) {
	t := &lookup[int64]{maskToken: l.MaskToken, oovToken: l.OOVToken, maxTokens: l.MaxTokens, oov: l.NumOOVIndices,
		mode: oldMode(l.OutputMode), pad: l.PadToMaxTokens && oldMode(l.OutputMode) != "int", size: l.VocabularySize}
	if l.Vocabulary != nil {
		return t, t.set(l.Vocabulary, l.IDFWeights, l.Invert)
	}
	if l.table != nil {
		t.tokens, t.weights = l.table.tokens, l.table.weights
	}
	return t, nil
}

// Build implements nn.Layer.
func (l *IntegerLookup) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	t, err := l.lookup()
	if err != nil {
		g.Failf("%v", err)
	}
	t.check(g, l.Sparse, l.Invert)
	if l.OOVMethod != "floormod" && l.OOVMethod != "farmhash" {
		g.Failf("unknown oov_method %q", l.OOVMethod)
	}
	x := cast(g, c.In().Value, graph.Int64)
	if l.Invert {
		terms := op.Terms{Ints: t.tokens, From: int64(t.start()), Empty: t.tokens == nil}
		if l.OOVToken != nil {
			terms.OOVInt = *l.OOVToken
		}
		if l.MaskToken != nil {
			terms.Mask, terms.Int = true, *l.MaskToken
		}
		return nn.Drop(g.Op(terms, x))
	}
	v := &op.Vocabulary{Ints: t.ids(), OOV: t.oov, First: int64(t.first()), Farm: l.OOVMethod == "farmhash", Salt: l.Salt.Key}
	return nn.Drop(t.vectors(g, g.Op(op.Lookup{Vocabulary: v, Empty: t.tokens == nil}, x)))
}

// Terms is the vocabulary with its special tokens in front, so that a term's place is its id; nil: there is none yet.
func (l *IntegerLookup) Terms() []int64 {
	t, err := l.lookup()
	if err != nil {
		return nil
	}
	return t.all()
}

// Adapt learns the vocabulary of integers: the terms by how often they occur, the larger first where they do as often.
// Documents are as StringLookup's.
func (l *IntegerLookup) Adapt(batches ...*nn.Tensor) error {
	if l.Vocabulary != nil {
		return errors.New("a layer that was given its vocabulary can't be adapted")
	}
	var all [][]int64
	for _, x := range batches {
		ints, err := x.As(graph.Int64)
		if err != nil {
			return err
		}
		all = append(all, documents(x.Shape, ints.I64, len(batches) == 1)...)
	}
	t, err := l.lookup()
	if err == nil {
		err = t.learn(all)
	}
	if err == nil {
		size := t.start() + len(t.tokens)
		l.table, l.VocabularySize = t, &size
	}
	return err
}

// Kept implements nn.Keeper.
func (l *IntegerLookup) Kept() nn.Kept {
	t, err := l.lookup()
	if err != nil {
		return nn.Kept{}
	}
	return t.kept(l.Vocabulary != nil)
}

// Restore implements nn.Keeper.
func (l *IntegerLookup) Restore(k nn.Kept) error {
	t, err := l.lookup()
	if err != nil {
		return nil // Build says so
	}
	parse := func(line string) (int64, error) { return strconv.ParseInt(line, 10, 64) }
	if err := t.restore(k, l.Vocabulary != nil, l.Invert, parse); err != nil {
		return err
	}
	l.table = t
	return nil
}

// Inline implements nn.Keeper.
func (l *IntegerLookup) Inline() {
	if t, err := l.lookup(); err == nil && l.Vocabulary == nil && t.tokens != nil {
		l.Vocabulary, l.IDFWeights = t.all(), widen(t.weights, t.start()+len(t.tokens))
	}
}

// Integers is a vocabulary of integers in a config; nil: null. The path of a file is refused, as Words does.
type Integers []int64

// UnmarshalJSON reads null or a list of integers.
func (w *Integers) UnmarshalJSON(raw []byte) error {
	var path *string
	if json.Unmarshal(raw, &path) == nil && path != nil {
		return outsideFile(*path)
	}
	return json.Unmarshal(raw, (*[]int64)(w))
}
