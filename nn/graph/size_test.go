package graph

import (
	"errors"
	"strings"
	"testing"
)

// grow doubles its input's last axis; it is never run.
type grow struct{}

func (grow) Infer(in []Spec) ([]Spec, error) {
	s := append(Shape{}, in[0].Shape...)
	s[len(s)-1] *= 2
	return []Spec{{Shape: s, DType: in[0].DType}}, nil
}
func (grow) Forward(*Run, []*Tensor, []*Tensor)                        {}
func (grow) Backward(*Run, []*Tensor, []*Tensor, []*Tensor, []*Tensor) {}

// TestTooLarge: sizes are refused long before their products overflow, at build and when shapes are bound.
func TestTooLarge(t *testing.T) {
	g := NewGraph()
	v := g.Input(F32(Unknown, 2))
	for i := range 70 {
		out, err := g.Add(grow{}, v)
		if err != nil {
			if !strings.Contains(err.Error(), "too large") || i < 30 {
				t.Errorf("step %d: %v", i, err)
			}
			break
		}
		if v = out[0]; i == 69 {
			t.Error("2^71 elements are accepted")
		}
	}
	g = NewGraph()
	v = g.Input(F32(Unknown, 1<<20))
	out, err := g.Add(grow{}, v)
	if err != nil {
		t.Fatal(err)
	}
	g.Outputs = out
	if _, err := g.resolve([]*Tensor{{Spec: F32(1<<20, 1<<20)}}, nil); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("2^41 elements: %v", err)
	}
	var limit *LimitError
	if _, err := F32(1<<20, 1<<19).Bytes(1 << 32); !errors.As(err, &limit) || limit.Bytes != 1<<41 {
		t.Errorf("2 TiB: %v", err)
	}
	if _, err := F32(1<<62, 4).Bytes(0); err == nil {
		t.Error("2^64 elements have a size")
	}
	if n, err := F32(3, 5).Bytes(60); err != nil || n != 60 {
		t.Errorf("15 floats: %d bytes, %v", n, err)
	}
}
