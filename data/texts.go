package data

import (
	"strings"
	"unicode/utf8"

	"kerasgo/internal/safeio"
	"kerasgo/nn/graph"
)

// Texts is a Source of .txt files in one folder for each class: a string a row, for a TextVectorization layer. Its target is
// the number of the class, int32, as that of [Images].
//
// Source: keras/src/utils/text_dataset_utils.py
type Texts struct {
	Classes []string
	limits  safeio.Limits
	most    int
	*folder
}

// OpenTexts lists the .txt files under dir, in the order that Keras draws from the seed. A file is UTF-8 text, of which at
// most the first maxBytes bytes are read, as max_length says in Keras; 0 is all of it.
func OpenTexts(dir string, maxBytes int, seed uint64, limits safeio.Limits) (*Texts, error) {
	f, err := listFolder(dir, []string{".txt"}, seed, limits)
	if err != nil {
		return nil, err
	}
	return &Texts{Classes: f.classes, limits: limits, most: maxBytes, folder: f}, nil
}

// Read implements Source.
func (s *Texts) Read(b *Batch, rows []int) error {
	resize(&b.X, 1)
	s.label(b, rows)
	x := roomOf(&b.X[0], graph.String, len(rows), nil)
	for i, r := range rows {
		var err error
		if x.Str[i], err = s.text(s.files[r]); err != nil {
			return safeio.At(err, safeio.Where{File: s.files[r]})
		}
	}
	return nil
}

func (s *Texts) text(path string) (string, error) {
	f, size, err := safeio.OpenRegular(path, s.limits)
	if err != nil {
		return "", err
	}
	defer f.Close()
	if s.most > 0 {
		size = min(size, int64(s.most))
	}
	if most := s.limits.OrDefaults().MaxJSONBytes; size > most {
		return "", &safeio.LimitError{Msg: "the text is " + safeio.Bytes(uint64(size)), Limit: safeio.Bytes(uint64(most))}
	}
	raw := make([]byte, size)
	if err := safeio.ReadFull(f, raw, 0); err != nil {
		return "", err
	}
	if s.most == 0 && !utf8.Valid(raw) {
		return "", &safeio.FormatError{Msg: "isn't UTF-8 text"}
	}
	return strings.ToValidUTF8(string(raw), ""), nil
}
