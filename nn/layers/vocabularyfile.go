package layers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// learn makes the vocabulary of documents: by how often a term occurs, the later in its order first where as often.
func (l *lookup[T]) learn(documents [][]T) error {
	if err := l.bounded(0); err != nil {
		return err
	}
	counts, in := map[T]int{}, map[T]int{}
	for _, d := range documents {
		seen := map[T]bool{}
		for _, t := range d {
			if counts[t]++; !seen[t] {
				seen[t] = true
				in[t]++
			}
		}
	}
	for _, special := range []*T{l.maskToken, l.oovToken} {
		if special != nil {
			delete(counts, *special)
		}
	}
	tokens := make([]T, 0, len(counts))
	for t := range counts {
		tokens = append(tokens, t)
	}
	slices.SortFunc(tokens, func(a, b T) int {
		switch {
		case counts[a] != counts[b]:
			return counts[b] - counts[a]
		case a > b:
			return -1
		}
		return 1
	})
	if l.maxTokens != nil {
		tokens = tokens[:max(0, min(len(tokens), *l.maxTokens-l.start()))]
	}
	var weights []float32
	if l.mode == "tf_idf" {
		var sum float32
		for range l.start() {
			weights = append(weights, 0)
		}
		for _, t := range tokens {
			w := float32(math.Log(1 + float64(len(documents))/float64(1+in[t])))
			weights, sum = append(weights, w), sum+w
		}
		for i := range l.start() {
			weights[i] = sum / float32(len(tokens))
		}
		weights = append(weights, make([]float32, l.depthOf(len(weights))-len(weights))...)
	}
	l.tokens, l.weights = tokens, weights
	return nil
}

// vocabularyFile is where a .keras archive holds a vocabulary that the config doesn't.
const vocabularyFile = "vocabulary.txt"

// kept is what a file holds beside the config. inline: the vocabulary is in the config.
func (l *lookup[T]) kept(inline bool) (k nn.Kept) {
	if l.tokens != nil && !inline {
		var b bytes.Buffer
		for i, t := range l.all() {
			if i > 0 {
				b.WriteByte('\n')
			}
			fmt.Fprint(&b, t)
		}
		k.Files = map[string][]byte{vocabularyFile: b.Bytes()}
	}
	if l.weights != nil {
		k.Arrays = []nn.Variable{{Name: "idf_weights", Value: graph.FromF32(l.weights, len(l.weights))}}
	}
	return k
}

// restore takes what a file holds; parse reads a term.
func (l *lookup[T]) restore(k nn.Kept, inline, invert bool, parse func(line string) (T, error)) error {
	if inline {
		return nil
	}
	text, ok := k.Files[vocabularyFile]
	if !ok {
		return nil
	}
	var idf []float64
	for _, a := range k.Arrays {
		if a.Name == "idf_weights" {
			for _, w := range a.Value.F32 {
				idf = append(idf, float64(w))
			}
		}
	}
	if l.mode == "tf_idf" && idf == nil {
		return nil // weights weren't read; without them there is nothing to run
	}
	var terms []T
	for i, line := range lines(string(text)) {
		t, err := parse(line)
		if err != nil {
			return &nn.FormatError{Msg: fmt.Sprintf("%s: line %d isn't a term: %.80q", vocabularyFile, i+1, line)}
		}
		terms = append(terms, t)
	}
	if err := l.set(terms, idf, invert); err != nil {
		return &nn.FormatError{Msg: vocabularyFile + ": " + err.Error()}
	}
	return nil
}

// lines are a text's as Python's splitlines has them, without the empty ones at the end.
func lines(text string) []string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n", "\v", "\n", "\f", "\n", "\x1c", "\n", "\x1d", "\n", "\x1e", "\n",
		"\u0085", "\n", "\u2028", "\n", "\u2029", "\n").Replace(text)
	return strings.Split(strings.TrimRight(text, "\n"), "\n")
}

// Salt is Keras's salt argument: the key of SipHash, of two integers or one that is used twice; nil for FarmHash.
type Salt struct{ Key *[2]uint64 }

// UnmarshalJSON reads null, an integer or two.
func (s *Salt) UnmarshalJSON(raw []byte) error {
	s.Key = nil
	var one json.Number
	if bytes.Equal(raw, []byte("null")) {
		return nil
	}
	both := []json.Number{}
	if json.Unmarshal(raw, &both) != nil {
		if err := json.Unmarshal(raw, &one); err != nil {
			return err
		}
		both = []json.Number{one, one}
	}
	if len(both) != 2 {
		return fmt.Errorf("a salt must be an integer or two")
	}
	s.Key = new([2]uint64)
	for i, n := range both {
		if v, err := n.Int64(); err == nil {
			s.Key[i] = uint64(v)
		} else if s.Key[i], err = strconv.ParseUint(n.String(), 10, 64); err != nil {
			return fmt.Errorf("a salt must be an integer or two")
		}
	}
	return nil
}

// MarshalJSON writes null or two integers.
func (s Salt) MarshalJSON() ([]byte, error) { return json.Marshal(s.Key) }
