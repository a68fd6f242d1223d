package layers

import (
	"encoding/json"
	"errors"
	"math"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// TextVectorization parts texts [n] or [n, 1] into words and maps them to the ids of a vocabulary, int64 [n, words] (rows end in
// zeros), or to vectors [n, terms] as OutputMode says. Id 0 is the padding's, 1 that of words the vocabulary lacks.
//
// The functions that Keras lets stand for Standardize and Split are Python code and refused.
//
// Source: keras/src/layers/preprocessing/text_vectorization.py
type TextVectorization struct {
	nn.Common
	MaxTokens            *int      `json:"max_tokens"`
	Standardize          *Named    `json:"standardize"` // lower_and_strip_punctuation, lower, strip_punctuation; nil: as it is
	Split                *Named    `json:"split"`       // whitespace, character; nil: the strings are words
	NGrams               NGrams    `json:"ngrams"`
	OutputMode           string    `json:"output_mode"`
	OutputSequenceLength *int      `json:"output_sequence_length"` // nil: as long as the longest row of a batch
	PadToMaxTokens       bool      `json:"pad_to_max_tokens"`
	Sparse               bool      `json:"sparse"`
	Ragged               bool      `json:"ragged"`
	Vocabulary           Words     `json:"vocabulary"`
	IDFWeights           []float64 `json:"idf_weights"`
	Encoding             string    `json:"encoding"`
	VocabularySize       *int      `json:"vocabulary_size"`

	inner *StringLookup
}

// NewTextVectorization makes a TextVectorization of a vocabulary; of none: one that Adapt gives it.
func NewTextVectorization(vocabulary ...string) *TextVectorization {
	standardize, split := Named("lower_and_strip_punctuation"), Named("whitespace")
	return &TextVectorization{Common: base("TextVectorization"), Standardize: &standardize, Split: &split,
		OutputMode: "int", Vocabulary: vocabulary, Encoding: "utf-8"}
}

// words is the StringLookup inside, with the options as they are now.
func (l *TextVectorization) words() *StringLookup {
	if l.inner == nil {
		l.inner = NewStringLookup()
	}
	padding := ""
	s := l.inner
	s.MaxTokens, s.MaskToken, s.Vocabulary, s.IDFWeights, s.OutputMode = l.MaxTokens, &padding, l.Vocabulary, l.IDFWeights, l.OutputMode
	s.PadToMaxTokens, s.Sparse, s.Encoding, s.VocabularySize = l.PadToMaxTokens, l.Sparse, l.Encoding, l.VocabularySize
	return s
}

// op is what parts the text.
func (l *TextVectorization) op() (op.Text, error) {
	o := op.Text{Split: l.Split.name(), NGrams: l.NGrams.widths(), Mode: "int"}
	switch l.Standardize.name() {
	case "lower_and_strip_punctuation":
		o.Lower, o.Strip = true, true
	case "lower":
		o.Lower = true
	case "strip_punctuation":
		o.Strip = true
	case "":
	default:
		return o, errors.New("unknown standardize " + quoted(l.Standardize.name()))
	}
	if o.Split != "whitespace" && o.Split != "character" && o.Split != "" {
		return o, errors.New("unknown split " + quoted(o.Split))
	}
	for _, n := range o.NGrams {
		if n < 1 {
			return o, errors.New("ngrams must be positive")
		}
	}
	return o, nil
}

// Build implements nn.Layer.
func (l *TextVectorization) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	if l.Ragged {
		g.Unsupportedf("ragged", "ragged outputs aren't supported")
	}
	t, err := l.words().lookup()
	if err != nil {
		g.Failf("%v", err)
	}
	t.check(g, l.Sparse, false)
	utf8Only(g, l.Encoding)
	text, err := l.op()
	if err != nil {
		g.Failf("%v", err)
	}
	text.Terms, text.OOV, text.Empty = t.ids(), int64(t.first()), t.tokens == nil
	if n := l.OutputSequenceLength; n != nil {
		if *n < 1 || *n > math.MaxInt32 || t.mode != "int" {
			g.Failf("output_sequence_length can't be %d in output mode %q", *n, t.mode)
		}
		text.Length = *n
	}
	x := c.In().Value
	if x.DType != graph.String {
		g.Failf("takes strings, found %v", x.DType)
	}
	if l.Split.name() == "" {
		return nn.Drop(t.vectors(g, l.whole(g, text, x)))
	}
	switch t.mode {
	case "int":
		return nn.Drop(g.Op(text, x))
	case "one_hot":
		g.Unsupportedf("output_mode", "one_hot of texts that are split is a ragged output, which isn't supported")
	case "tf_idf":
		text.Mode, text.Depth = "count", t.depth(g)
	default:
		text.Mode, text.Depth = t.mode, t.depth(g)
	}
	return nn.Drop(t.weigh(g, g.Op(text, x)))
}

// whole takes the strings as words: [n, k], or [n] of one word each.
func (l *TextVectorization) whole(g *nn.Graph, text op.Text, x *nn.Value) *nn.Value {
	switch len(x.Shape) {
	case 2:
		return g.Op(text, x)
	case 1:
		if text.Length > 0 || len(text.NGrams) > 1 || text.NGrams[0] > 1 {
			g.Failf("words that aren't split must have two axes, found %v", x.Shape)
		}
		y := g.Op(text, g.Op(op.View{To: nn.Shape{graph.Unknown, 1}}, x))
		return g.Op(op.View{To: nn.Shape{graph.Unknown}}, y)
	}
	g.Failf("words that aren't split must have one axis or two, found %v", x.Shape)
	return nil
}

// Terms is the vocabulary with its special tokens in front, so that a term's place is its id; nil: there is none yet.
func (l *TextVectorization) Terms() []string { return l.words().Terms() }

// Adapt learns the vocabulary of texts, each a document, as StringLookup.Adapt does of words.
func (l *TextVectorization) Adapt(batches ...*nn.Tensor) error {
	if l.Vocabulary != nil {
		return errors.New("a layer that was given its vocabulary can't be adapted")
	}
	text, err := l.op()
	if err != nil {
		return err
	}
	var all [][]string
	for _, x := range batches {
		if len(x.Shape) == 1 && l.Split.name() == "" {
			x = x.Reshaped(x.Len(), 1)
		}
		words, err := text.Words(x)
		if err != nil {
			return err
		}
		all = append(all, words...)
	}
	if err := l.words().learn(all); err != nil {
		return err
	}
	l.VocabularySize = l.inner.VocabularySize
	return nil
}

// Kept implements nn.Keeper.
func (l *TextVectorization) Kept() nn.Kept {
	k := l.words().Kept()
	k.Twin = "_lookup_layer"
	return k
}

// Restore implements nn.Keeper.
func (l *TextVectorization) Restore(k nn.Kept) error { return l.words().Restore(k) }

// Inline implements nn.Keeper.
func (l *TextVectorization) Inline() {
	s := l.words()
	s.Inline()
	l.Vocabulary, l.IDFWeights = s.Vocabulary, s.IDFWeights
}

// Named is a name in a config. Functions, which Keras takes there too, are refused.
type Named string

// UnmarshalJSON reads a name.
func (n *Named) UnmarshalJSON(raw []byte) error {
	if json.Unmarshal(raw, (*string)(n)) != nil {
		return nn.UnsupportedErrors{{Msg: "a function of one's own isn't supported"}}
	}
	return nil
}

// name is that of n; "": none.
func (n *Named) name() string {
	if n == nil {
		return ""
	}
	return string(*n)
}

// NGrams is Keras's ngrams argument: null (no Widths), n for all widths up to n, or a list of widths.
type NGrams struct {
	UpTo   int
	Widths []int
}

// widths lists how many words make a term.
func (n NGrams) widths() []int {
	if n.UpTo > 0 {
		out := make([]int, min(n.UpTo, maxNGram))
		for i := range out {
			out[i] = i + 1
		}
		return out
	}
	if n.Widths != nil {
		return n.Widths
	}
	return []int{1}
}

// maxNGram bounds what a config may ask for.
const maxNGram = 1000

// UnmarshalJSON reads null, a number or a list.
func (n *NGrams) UnmarshalJSON(raw []byte) error {
	*n = NGrams{}
	if string(raw) == "null" {
		return nil
	}
	if json.Unmarshal(raw, &n.Widths) == nil && len(n.Widths) > 0 && len(n.Widths) <= maxNGram {
		return nil
	}
	if err := json.Unmarshal(raw, &n.UpTo); err != nil || n.UpTo < 1 || n.UpTo > maxNGram {
		return errors.New("ngrams must be a positive number, or a list of them")
	}
	return nil
}

// MarshalJSON writes what UnmarshalJSON reads.
func (n NGrams) MarshalJSON() ([]byte, error) {
	if n.UpTo > 0 {
		return json.Marshal(n.UpTo)
	}
	return json.Marshal(n.Widths)
}
