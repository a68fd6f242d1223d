package labels

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"kerasgo/internal/safeio"
)

func TestParse(t *testing.T) {
	catDog := []string{"cat", "dog"}
	for _, c := range []struct {
		text string
		want []string
		err  string
	}{
		{"cat\ndog\n", catDog, ""},
		{"\ufeffcat\r\ndog\r\n\r\n", catDog, ""},
		{" cat \ndog", catDog, ""},
		{`["cat", "dog"]`, catDog, ""},
		{`{"1": "dog", "0": "cat"}`, catDog, ""},
		{`{"0": ["n1", "cat"], "1": ["n2", "dog"]}`, catDog, ""},
		{`[["n1", "cat"], "dog"]`, catDog, ""},
		{`{"dog": 1, "cat": 0}`, catDog, ""},
		{`{"1": 0, "0": 1}`, []string{"1", "0"}, ""},
		{"", nil, "no labels"},
		{"{}", nil, "no labels"},
		{"cat\n\ndog", nil, "class 1 has no label"},
		{`["cat", ""]`, nil, "class 1 has no label"},
		{`["cat", 2]`, nil, "class 1: want"},
		{`["cat", null]`, nil, "class 1: want"},
		{`{"0": null}`, nil, `"0": want`},
		{`{"0": ["n1", null]}`, nil, `"0": want`},
		{`{"0": "cat", "2": "dog"}`, nil, "class 1 of 2 is missing"},
		{`{"0": "cat", "0": "dog"}`, nil, "class 0 stands twice"},
		{`{"cat": 0, "dog": 0}`, nil, "class 0 stands twice"},
		{`{"a": "cat"}`, nil, `"a" isn't a class`},
		{`{"0": "cat"} x`, nil, "text after"},
		{`{"0": "cat"`, nil, "EOF"},
		{`["cat"`, nil, "unexpected end"},
		{"cat\x1b[31m\n", nil, "control characters"},
		{"cat\u202edog\n", nil, "control characters"},
		{"\xff", nil, "UTF-8"},
	} {
		got, err := Parse([]byte(c.text))
		if (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%q: %v, want %q", c.text, err, c.err)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
		var f *safeio.FormatError
		if err != nil && !errors.As(err, &f) {
			t.Errorf("%q: %T", c.text, err)
		}
	}
}

func TestOpen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "l.txt")
	if err := os.WriteFile(path, []byte("a\nb\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if got, err := Open(path, safeio.Limits{}); err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Error(got, err)
	}
	if _, err := Open(path, safeio.Limits{MaxJSONBytes: 3}); err == nil || !strings.Contains(err.Error(), "l.txt") {
		t.Errorf("a file over the limit: %v", err)
	}
	if _, err := Open(t.TempDir(), safeio.Limits{}); err == nil {
		t.Error("a directory was read")
	}
}

func TestBuiltin(t *testing.T) {
	if l, ok := Builtin("mnist"); !ok || len(l) != 10 || l[7] != "7" {
		t.Error(l, ok)
	}
	if _, ok := Builtin("none"); ok {
		t.Error("a list of nothing")
	}
}
