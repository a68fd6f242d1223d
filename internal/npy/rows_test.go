package npy

import (
	"bytes"
	"strings"
	"testing"

	"kerasgo/internal/safeio"
	"kerasgo/nn/graph"
)

func archive(t *testing.T, arrays ...*graph.Tensor) ([]byte, *Archive) {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for i, a := range arrays {
		if err := w.Write(string(rune('a'+i)), a); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	a, err := NewArchive(bytes.NewReader(b.Bytes()), int64(b.Len()), safeio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes(), a
}

// TestRows reads rows apart, and all in a scan: they are those of the array as a whole.
func TestRows(t *testing.T) {
	long := graph.NewTensor(3000, 150) // of several pieces
	for i := range long.F32 {
		long.F32[i] = float32(i)
	}
	text := graph.New(graph.Spec{Shape: graph.Shape{3}, DType: graph.String})
	copy(text.Str, []string{"one", "", "drei"})
	raw, a := archive(t, long, text)
	r, ok, err := a.Rows("a")
	if err != nil || !ok || !r.Shape.Equal(long.Shape) {
		t.Fatal(r, ok, err)
	}
	got := graph.NewTensor(2, 150)
	if err := r.Read(got, []int{2999, 7}); err != nil || got.F32[0] != 2999*150 || got.F32[299] != 7*150+149 {
		t.Error(got.F32[0], got.F32[299], err)
	}
	if err := r.Read(got, []int{0, 3000}); err == nil {
		t.Error("a row that isn't there")
	}
	next := 0
	err = r.Scan(func(first int, piece *graph.Tensor) error {
		if first != next {
			t.Errorf("a piece from row %d, want %d", first, next)
		}
		for i, v := range piece.F32 {
			if v != float32(first*150+i) {
				t.Fatalf("element %d of row %d: %v", i, first, v)
			}
		}
		next += piece.Shape[0]
		return nil
	})
	if err != nil || next != 3000 {
		t.Error(next, err)
	}
	s, ok, err := a.Rows("b")
	words := graph.New(graph.Spec{Shape: graph.Shape{2}, DType: graph.String})
	if err != nil || !ok || s.Read(words, []int{2, 0}) != nil || words.Str[0] != "drei" || words.Str[1] != "one" {
		t.Error(words.Str, ok, err)
	}
	raw = bytes.Clone(raw)
	raw[len(raw)/2] ^= 1 // within the long one
	if a, err = NewArchive(bytes.NewReader(raw), int64(len(raw)), safeio.Limits{}); err != nil {
		t.Fatal(err)
	}
	if r, _, err = a.Rows("a"); err != nil {
		t.Fatal(err)
	}
	if err := r.Scan(func(int, *graph.Tensor) error { return nil }); err == nil || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("a flipped bit: %v", err)
	}
}
