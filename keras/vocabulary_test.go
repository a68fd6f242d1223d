package keras_test

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
)

// TestBadVocabularies: what assets/ holds is as little trusted as everything else in a file.
func TestBadVocabularies(t *testing.T) {
	const entry = "assets/layers/text_vectorization/vocabulary.txt"
	for name, c := range map[string]struct{ entry, text, want string }{
		"twice":     {entry, "\n[UNK]\ndog\ncat\ndog", "twice"},
		"empty":     {entry, "", "place"},
		"mask":      {entry, "\n[UNK]\ndog\n\ncat", "place"},
		"no number": {"assets/layers/integer_lookup/vocabulary.txt", "0\n-1\nseven", "line 3"},
		"too large": {"assets/layers/integer_lookup/vocabulary.txt", "0\n-1\n99999999999999999999", "line 3"},
	} {
		t.Run(name, func(t *testing.T) {
			file := "texts"
			if strings.Contains(c.entry, "integer") {
				file = "lookups"
			}
			raw := replaced(t, "../testdata/models/"+file+".keras", c.entry, c.text)
			_, err := keras.Read(bytes.NewReader(raw), int64(len(raw)), keras.Options{})
			if !typed(err) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "assets/") {
				t.Errorf("%T: %v; want %q", err, err, c.want)
			}
		})
	}
}

// TestNoVocabulary: a model whose file lost it opens, and says so when it is run.
func TestNoVocabulary(t *testing.T) {
	raw := replaced(t, "../testdata/models/texts.keras", "assets/", "")
	m, err := keras.Read(bytes.NewReader(raw), int64(len(raw)), keras.Options{})
	if err != nil {
		t.Fatal(err)
	}
	x := &nn.Tensor{Spec: nn.Spec{Shape: nn.Shape{1}, DType: graph.String}, Str: []string{"a dog"}}
	if _, err := m.Predict(t.Context(), x); err == nil || !strings.Contains(err.Error(), "no vocabulary") {
		t.Errorf("%v", err)
	}
}

// TestVocabularyPath: a vocabulary outside the archive is never opened.
func TestVocabularyPath(t *testing.T) {
	raw := `{"module": "keras", "class_name": "Sequential", "config": {"name": "s", "layers": [
		{"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [null, 1], "dtype": "string", "name": "in"}},
		{"module": "keras.layers", "class_name": "StringLookup", "config": {"name": "l", "vocabulary": "/etc/passwd"}}]}}`
	_, err := keras.FromJSON([]byte(raw))
	if !typed(err) || !strings.Contains(err.Error(), `layer "l" (StringLookup)`) || !strings.Contains(err.Error(), "never opened") {
		t.Errorf("%v", err)
	}
}

// TestMadeHere writes adapted layers and reads them back, from every form that holds a model.
func TestMadeHere(t *testing.T) {
	text := layers.NewTextVectorization()
	x := &nn.Tensor{Spec: nn.Spec{Shape: nn.Shape{2, 1}, DType: graph.String}, Str: []string{"the dog saw the cat", "the end"}}
	if err := text.Adapt(x); err != nil {
		t.Fatal(err)
	}
	m, err := nn.NewSequential(nn.NewInput(1).Typed(graph.String), text)
	if err != nil {
		t.Fatal(err)
	}
	want, err := m.Predict(t.Context(), x)
	if err != nil {
		t.Fatal(err)
	}
	if want[0].I64[0] != 2 || !want[0].Shape.Equal(nn.Shape{2, 5}) {
		t.Fatalf("%v %v", want[0].Spec, want[0].I64)
	}
	for _, ext := range []string{".keras", ".h5"} {
		path := filepath.Join(t.TempDir(), "m"+ext)
		if err := keras.Save(path, m); err != nil {
			t.Fatal(err)
		}
		back, err := keras.Load(path)
		if err != nil {
			t.Fatal(err)
		}
		got, err := back.Predict(t.Context(), x)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range want[0].I64 {
			if got[0].I64[i] != v {
				t.Errorf("%s: %v, want %v", ext, got[0].I64, want[0].I64)
				break
			}
		}
	}
}

// replaced is an archive with the text of one entry changed; entries below a folder's name are left out.
func replaced(t *testing.T, file, entry, text string) []byte {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range z.File {
		if strings.HasSuffix(entry, "/") && strings.HasPrefix(f.Name, entry) {
			continue
		}
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		data, _ := io.ReadAll(r)
		if f.Name == entry {
			data = []byte(text)
		}
		e, err := w.Create(f.Name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
