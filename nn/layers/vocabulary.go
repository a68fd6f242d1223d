package layers

import (
	"fmt"
	"math"
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// term is what vocabularies are of.
type term interface{ ~string | ~int64 }

// lookup is what StringLookup, IntegerLookup and TextVectorization share: a vocabulary, and what is made of its ids.
//
// Ids are, in this order: the mask token's (0, in output mode "int" where there is a mask token), NumOOVIndices for terms
// that the vocabulary lacks, then the vocabulary's.
//
// Source: keras/src/layers/preprocessing/index_lookup.py
type lookup[T term] struct {
	maskToken, oovToken *T
	maxTokens           *int
	oov                 int
	mode                string
	pad                 bool
	size                *int // of the vocabulary with special tokens, as the config says

	tokens  []T // without special tokens
	weights []float32
}

// first is the id of the first OOV term.
func (l *lookup[T]) first() int {
	if l.maskToken != nil && l.mode == "int" {
		return 1
	}
	return 0
}

// start is the id of the first term of the vocabulary.
func (l *lookup[T]) start() int { return l.first() + l.oov }

// check looks at the options that every lookup has.
func (l *lookup[T]) check(g *nn.Graph, sparse, invert bool) {
	if err := l.bounded(len(l.tokens)); err != nil {
		g.Failf("%v", err)
	}
	switch {
	case sparse:
		g.Unsupportedf("sparse", "sparse outputs aren't supported")
	case !slices.Contains([]string{"int", "one_hot", "multi_hot", "count", "tf_idf"}, l.mode):
		g.Failf("unknown output_mode %q", l.mode)
	case invert && l.mode != "int":
		g.Failf("output_mode must be \"int\" when invert is true, found %q", l.mode)
	case l.pad && (l.maxTokens == nil || *l.maxTokens <= 0):
		g.Failf("pad_to_max_tokens needs max_tokens")
	}
}

// maxTerms bounds the vectors that a config of a few bytes may ask for.
const maxTerms = 1 << 24

// bounded checks what sizes follow from, before they do.
func (l *lookup[T]) bounded(terms int) error {
	switch {
	case l.oov < 0 || l.oov > maxTerms:
		return fmt.Errorf("num_oov_indices can't be %d", l.oov)
	case l.pad && l.maxTokens != nil && *l.maxTokens > max(maxTerms, terms):
		return fmt.Errorf("max_tokens can't be %d where vectors are padded to it", *l.maxTokens)
	case l.tokens == nil && l.size != nil && *l.size > max(maxTerms, terms):
		return fmt.Errorf("vocabulary_size can't be %d", *l.size)
	}
	return nil
}

// set takes a vocabulary, with or without the special tokens in front; idf are the weights of "tf_idf".
func (l *lookup[T]) set(terms []T, idf []float64, invert bool) error {
	if err := l.bounded(len(terms)); err != nil {
		return err
	}
	special := len(terms) >= l.start()
	for i := 0; special && i < l.start(); i++ {
		want := l.oovToken
		if i < l.first() {
			want = l.maskToken
		}
		special = want != nil && terms[i] == *want
	}
	tokens := terms
	if special {
		tokens = terms[l.start():]
	}
	if len(terms) == 0 {
		return fmt.Errorf("the vocabulary is empty")
	}
	seen := make(map[T]bool, len(tokens))
	for _, t := range tokens {
		switch {
		case seen[t]:
			return fmt.Errorf("the vocabulary holds %s twice", quoted(t))
		case l.maskToken != nil && t == *l.maskToken:
			return fmt.Errorf("the vocabulary holds the mask token %s at an unexpected place", quoted(t))
		case invert && l.oovToken != nil && t == *l.oovToken:
			return fmt.Errorf("the vocabulary holds the OOV token %s at an unexpected place", quoted(t))
		}
		seen[t] = true
	}
	size := l.start() + len(tokens)
	if l.maxTokens != nil && size > *l.maxTokens {
		return fmt.Errorf("the vocabulary has %d terms, max_tokens is %d", size, *l.maxTokens)
	}
	var weights []float32
	if l.mode == "tf_idf" {
		depth := l.depthOf(size)
		switch {
		case special && len(idf) == depth: // padded already, as files hold them
			weights = narrow(idf)
		case len(idf) != len(terms):
			return fmt.Errorf("there are %d terms and %d idf_weights", len(terms), len(idf))
		default:
			if !special {
				idf = slices.Concat(slices.Repeat([]float64{average(idf)}, l.start()), idf)
			}
			weights = append(narrow(idf), make([]float32, depth-len(idf))...)
		}
	}
	l.tokens, l.weights = slices.Clone(tokens), weights
	return nil
}

func narrow(v []float64) []float32 {
	out := make([]float32, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}

func average(v []float64) (sum float64) {
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

func quoted[T term](t T) string {
	if s, ok := any(t).(string); ok {
		return fmt.Sprintf("%.80q", s)
	}
	return fmt.Sprint(t)
}

// depthOf is how many numbers a vector of the output has, for a vocabulary of that size.
func (l *lookup[T]) depthOf(size int) int {
	if l.pad && l.maxTokens != nil {
		return max(*l.maxTokens, size)
	}
	return size
}

// depth is how many numbers a vector of the output has.
func (l *lookup[T]) depth(g *nn.Graph) int {
	switch {
	case l.tokens != nil:
		return l.depthOf(l.start() + len(l.tokens))
	case l.pad && l.maxTokens != nil:
		return *l.maxTokens
	case l.size != nil && *l.size > 0:
		return *l.size
	}
	g.Failf("has no vocabulary: it was not adapted, or the file doesn't hold it")
	return 0
}

// ids maps terms to ids; without a vocabulary, to nothing.
func (l *lookup[T]) ids() map[T]int64 {
	ids := make(map[T]int64, len(l.tokens)+1)
	for i, t := range l.tokens {
		ids[t] = int64(l.start() + i)
	}
	if l.maskToken != nil {
		ids[*l.maskToken] = 0
		if l.mode != "int" {
			ids[*l.maskToken] = math.MaxInt64 // leaves no trace
		}
	}
	return ids
}

// vectors makes of ids what the output mode says. Keras 3 gives int64, Keras 2 the layer's dtype.
func (l *lookup[T]) vectors(g *nn.Graph, ids *nn.Value) *nn.Value {
	if l.mode == "int" {
		return ids
	}
	mode := l.mode
	if mode == "tf_idf" {
		mode = "count"
	}
	return l.weigh(g, g.Op(op.Encode{Mode: mode, Depth: l.depth(g), To: graph.Int64}, ids))
}

// weigh multiplies counts by idf weights, in the mode that asks for it.
func (l *lookup[T]) weigh(g *nn.Graph, counts *nn.Value) *nn.Value {
	if l.mode == "tf_idf" {
		weights := l.weights
		if weights == nil {
			weights = make([]float32, l.depth(g))
		}
		return binary(g, "multiply", cast(g, counts, graph.Float32), g.Const(graph.FromF32(weights, len(weights))))
	}
	if g.Keras2 {
		return cast(g, counts, graph.Float32)
	}
	return counts
}

// all is the vocabulary with its special tokens, as Keras's get_vocabulary has it; nil: none is set.
func (l *lookup[T]) all() (out []T) {
	if l.tokens == nil {
		return nil
	}
	for i := range l.start() {
		var t T
		switch {
		case i < l.first():
			t = *l.maskToken
		case l.oovToken != nil:
			t = *l.oovToken
		}
		out = append(out, t)
	}
	return append(out, l.tokens...)
}
