package op

import (
	"fmt"
	"sync"
	"unicode/utf8"

	"kerasgo/nn/graph"
)

// Text turns strings into the ids of their words: strings [n] or [n, 1] to int64 [n, Length] (shorter rows end in zeros, longer
// ones are cut), or to [n, the longest row of the batch] where Length is 0. With Split "", strings [n, k] are the words
// themselves. In the modes "multi_hot" and "count" the rows become vectors of Depth numbers instead, as Encode's.
//
// Case and punctuation are ASCII's, as are the spaces that part words; other text passes as it is.
//
// Source: keras/src/layers/preprocessing/text_vectorization.py
type Text struct {
	noGrad
	Terms        map[string]int64
	OOV          int64  // the id of all other terms
	Empty        bool   // the vocabulary isn't there: nothing can be looked up
	Lower, Strip bool   // A-Z to a-z; without punctuation
	Split        string // whitespace, character or ""
	NGrams       []int  // how many words make a term, joined by spaces: [1] for words alone
	Length       int
	Mode         string // int, multi_hot or count
	Depth        int
}

// Infer implements graph.Op.
func (o Text) Infer(in []Spec) ([]Spec, error) {
	s := in[0].Shape
	switch {
	case in[0].DType != graph.String:
		return nil, fmt.Errorf("text must be strings, found %v", in[0].DType)
	case o.Split != "" && len(s) != 1 && (len(s) != 2 || s[1] != 1):
		return nil, fmt.Errorf("strings that are split must have shape [n] or [n, 1], found %v", s)
	case o.Split == "" && len(s) != 2:
		return nil, fmt.Errorf("words must have shape [n, k], found %v", s)
	}
	width := graph.Unknown
	switch {
	case o.Mode != "int":
		width = o.Depth
	case o.Length > 0:
		width = o.Length
	case o.Split == "" && s[1] >= 0:
		width = o.count(s[1])
	}
	return specs(Spec{Shape: Shape{s[0], width}, DType: graph.Int64})
}

// textRow is what one row is taken apart in.
type textRow struct {
	text  []byte
	words [][2]int // from, to in text
	gram  []byte
}

var textRows = sync.Pool{New: func() any { return new(textRow) }}

// Measure implements graph.Measurer.
func (o Text) Measure(_ *Run, in []*Tensor) int {
	if o.Mode != "int" {
		return o.Depth
	}
	if o.Length > 0 {
		return o.Length
	}
	row := textRows.Get().(*textRow)
	defer textRows.Put(row)
	longest := 0
	for i := range in[0].Shape[0] {
		o.split(row, in[0], i)
		longest = max(longest, o.count(len(row.words)))
	}
	return longest
}

// count is how many terms a row of n words has.
func (o Text) count(n int) (terms int) {
	for _, k := range o.NGrams {
		terms += max(n-k+1, 0)
	}
	return terms
}

// Forward implements graph.Op.
func (o Text) Forward(r *Run, in, out []*Tensor) {
	if o.Empty {
		r.Fail(noVocabulary)
		return
	}
	out[0].Zero()
	row := textRows.Get().(*textRow)
	defer textRows.Put(row)
	width := out[0].Shape[1]
	encode := Encode{Mode: o.Mode, Depth: o.Depth}
	for i := range in[0].Shape[0] {
		o.split(row, in[0], i)
		y := out[0].I64[i*width:][:width]
		n := 0
		for _, k := range o.NGrams {
			for from := 0; from+k <= len(row.words); from++ {
				term := row.term(from, k)
				id, ok := o.Terms[string(term)]
				if !ok {
					id = o.OOV
				}
				switch {
				case o.Mode != "int" && id >= 0 && id < int64(o.Depth):
					encode.mark(out[0], i*width+int(id), 1)
				case o.Mode == "int" && n < width:
					y[n] = id
				}
				n++
			}
		}
	}
}

// split finds the words of row i.
func (o Text) split(row *textRow, x *Tensor, i int) {
	row.text, row.words = row.text[:0], row.words[:0]
	if o.Split == "" {
		k := x.Shape[1]
		for _, s := range x.Str[i*k:][:k] {
			from := len(row.text)
			o.standardize(row, s)
			row.words = append(row.words, [2]int{from, len(row.text)})
		}
		return
	}
	o.standardize(row, x.Str[i])
	if o.Split == "character" {
		row.characters()
		return
	}
	from := -1
	for at, c := range row.text {
		space := c == ' ' || c >= '\t' && c <= '\r'
		switch {
		case space && from >= 0:
			row.words = append(row.words, [2]int{from, at})
			from = -1
		case !space && from < 0:
			from = at
		}
	}
	if from >= 0 {
		row.words = append(row.words, [2]int{from, len(row.text)})
	}
}

// standardize appends s to the row's text.
func (o Text) standardize(row *textRow, s string) {
	for i := range len(s) {
		c := s[i]
		switch {
		case o.Strip && punctuation(c):
		case o.Lower && c >= 'A' && c <= 'Z':
			row.text = append(row.text, c+'a'-'A')
		default:
			row.text = append(row.text, c)
		}
	}
}

func punctuation(c byte) bool {
	return c >= '!' && c <= '/' || c >= ':' && c <= '@' || c >= '[' && c <= '`' || c >= '{' && c <= '~'
}

// characters makes a word of each character; a byte that isn't UTF-8 becomes U+FFFD.
func (row *textRow) characters() {
	end := len(row.text)
	for at := 0; at < end; {
		_, n := utf8.DecodeRune(row.text[at:end])
		word := [2]int{at, at + n}
		if n == 1 && row.text[at] >= utf8.RuneSelf {
			word[0] = len(row.text)
			row.text = utf8.AppendRune(row.text, utf8.RuneError)
			word[1] = len(row.text)
		}
		row.words = append(row.words, word)
		at += n
	}
}

// term is k words from one on, with spaces between.
func (row *textRow) term(from, k int) []byte {
	if k == 1 {
		w := row.words[from]
		return row.text[w[0]:w[1]]
	}
	row.gram = row.gram[:0]
	for i, w := range row.words[from:][:k] {
		if i > 0 {
			row.gram = append(row.gram, ' ')
		}
		row.gram = append(row.gram, row.text[w[0]:w[1]]...)
	}
	return row.gram
}

// Words are the terms of each row, as Forward would look them up: what a vocabulary is learned from.
func (o Text) Words(x *Tensor) ([][]string, error) {
	if _, err := o.Infer([]Spec{x.Spec}); err != nil {
		return nil, err
	}
	out := make([][]string, x.Shape[0])
	var row textRow
	for i := range out {
		o.split(&row, x, i)
		for _, k := range o.NGrams {
			for from := 0; from+k <= len(row.words); from++ {
				out[i] = append(out[i], string(row.term(from, k)))
			}
		}
	}
	return out, nil
}
