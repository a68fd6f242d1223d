package layers

import (
	"encoding/json"
	"errors"
	"strings"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// StringLookup maps strings to the ids of a vocabulary, [...] to int64 [...], or to vectors as OutputMode says; with Invert,
// ids to strings. The vocabulary is in the config, or it was learned by Adapt.
//
// Source: keras/src/layers/preprocessing/string_lookup.py
type StringLookup struct {
	nn.Common
	MaxTokens      *int      `json:"max_tokens"`
	NumOOVIndices  int       `json:"num_oov_indices"`
	MaskToken      *string   `json:"mask_token"`
	OOVToken       *string   `json:"oov_token"`
	Vocabulary     Words     `json:"vocabulary"`
	IDFWeights     []float64 `json:"idf_weights"`
	Invert         bool      `json:"invert"`
	OutputMode     string    `json:"output_mode"`
	PadToMaxTokens bool      `json:"pad_to_max_tokens"`
	Sparse         bool      `json:"sparse"`
	Encoding       string    `json:"encoding"`
	VocabularySize *int      `json:"vocabulary_size"`
	OOVMethod      string    `json:"oov_method"`
	Salt           Salt      `json:"salt"`

	table *lookup[string]
}

// NewStringLookup makes a StringLookup of a vocabulary; of none: one that Adapt gives it.
func NewStringLookup(vocabulary ...string) *StringLookup {
	unknown := "[UNK]"
	return &StringLookup{Common: base("StringLookup"), NumOOVIndices: 1, OOVToken: &unknown, Vocabulary: vocabulary, OutputMode: "int",
		Encoding: "utf-8", OOVMethod: "floormod"}
}

// lookup is the layer's table, as its fields are now.
func (l *StringLookup) lookup() (*lookup[string], error) {
	t := &lookup[string]{maskToken: l.MaskToken, oovToken: l.OOVToken, maxTokens: l.MaxTokens, oov: l.NumOOVIndices,
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
func (l *StringLookup) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	t, err := l.lookup()
	if err != nil {
		g.Failf("%v", err)
	}
	t.check(g, l.Sparse, l.Invert)
	utf8Only(g, l.Encoding)
	x := c.In().Value
	if l.Invert {
		terms := op.Terms{Strings: t.tokens, From: int64(t.start()), Empty: t.tokens == nil}
		if terms.Strings == nil {
			terms.Strings = []string{}
		}
		if l.OOVToken != nil {
			terms.OOVText = *l.OOVToken
		}
		if l.MaskToken != nil {
			terms.Mask, terms.Text = true, *l.MaskToken
		}
		return nn.Drop(g.Op(terms, cast(g, x, graph.Int64)))
	}
	v := &op.Vocabulary{Strings: t.ids(), OOV: t.oov, First: int64(t.first()), Salt: l.Salt.Key}
	return nn.Drop(t.vectors(g, g.Op(op.Lookup{Vocabulary: v, Empty: t.tokens == nil}, x)))
}

// Terms is the vocabulary with its special tokens in front, so that a term's place is its id; nil: there is none yet.
func (l *StringLookup) Terms() []string {
	t, err := l.lookup()
	if err != nil {
		return nil
	}
	return t.all()
}

// Adapt learns the vocabulary of strings: the terms by how often they occur, the later in byte order first where they do as
// often. A vector is one document for each element, a matrix one for each row, as Keras's adapt has it. What the model
// compiled before doesn't change.
func (l *StringLookup) Adapt(batches ...*nn.Tensor) error {
	if l.Vocabulary != nil {
		return errors.New("a layer that was given its vocabulary can't be adapted")
	}
	var all [][]string
	for _, x := range batches {
		if x.DType != graph.String {
			return errors.New("adapt takes strings, found " + x.DType.String())
		}
		all = append(all, documents(x.Shape, x.Str, len(batches) == 1)...)
	}
	return l.learn(all)
}

func (l *StringLookup) learn(all [][]string) error {
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

// documents are the rows of a batch. A vector that is all there is holds a document in each element, one among other
// batches is a single document.
func documents[T term](s nn.Shape, all []T, alone bool) (out [][]T) {
	n := len(all)
	switch {
	case len(s) == 1 && alone:
		n = 1
	case len(s) > 1:
		n = s[1:].Size()
	}
	for ; n > 0 && len(all) >= n; all = all[n:] {
		out = append(out, all[:n])
	}
	return out
}

// Kept implements nn.Keeper.
func (l *StringLookup) Kept() nn.Kept {
	t, err := l.lookup()
	if err != nil {
		return nn.Kept{}
	}
	return t.kept(l.Vocabulary != nil)
}

// Restore implements nn.Keeper.
func (l *StringLookup) Restore(k nn.Kept) error {
	t, err := l.lookup()
	if err != nil {
		return nil // Build says so
	}
	if err := t.restore(k, l.Vocabulary != nil, l.Invert, func(line string) (string, error) { return line, nil }); err != nil {
		return err
	}
	l.table = t
	return nil
}

// Inline implements nn.Keeper.
func (l *StringLookup) Inline() {
	if t, err := l.lookup(); err == nil && l.Vocabulary == nil && t.tokens != nil {
		l.Vocabulary, l.IDFWeights = t.all(), widen(t.weights, t.start()+len(t.tokens))
	}
}

// widen is the first n of weights as a config has them; nil stays nil.
func widen(weights []float32, n int) (out []float64) {
	for _, w := range weights[:min(n, len(weights))] {
		out = append(out, float64(w))
	}
	return out
}

// oldMode is an output mode, by the name it has today.
func oldMode(mode string) string {
	switch mode {
	case "binary":
		return "multi_hot"
	case "tf-idf":
		return "tf_idf"
	}
	return mode
}

func utf8Only(g *nn.Graph, encoding string) {
	if e := strings.ReplaceAll(strings.ToLower(encoding), "_", "-"); e != "utf-8" && e != "utf8" && e != "" {
		g.Unsupportedf("encoding", "strings encoded as %.40q aren't supported; utf-8 is", encoding)
	}
}

// Words is a vocabulary of strings in a config; nil: null. The path of a file is refused: files outside are never opened.
type Words []string

// UnmarshalJSON reads null or a list of strings.
func (w *Words) UnmarshalJSON(raw []byte) error {
	var path *string
	if json.Unmarshal(raw, &path) == nil && path != nil {
		return outsideFile(*path)
	}
	return json.Unmarshal(raw, (*[]string)(w))
}

func outsideFile(path string) error {
	return nn.UnsupportedErrors{{Where: nn.Where{Key: "vocabulary"}, Msg: "a vocabulary in a file of its own is never opened: " + quoted(path)}}
}
