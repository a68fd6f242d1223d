package nn

import (
	"fmt"

	"kerasgo/nn/graph"
)

// ArrayOf makes a float32 tensor of numbers in nested lists, as JSON has them (a number has no axes).
func ArrayOf(v any) (*Tensor, error) {
	t := &Tensor{Spec: Spec{Shape: Shape{}}, F32: []float32{}}
	for e := v; ; {
		list, ok := e.([]any)
		if !ok {
			break
		}
		if t.Shape = append(t.Shape, len(list)); len(t.Shape) > maxDepth {
			return nil, fmt.Errorf("lists are nested more than %d deep", maxDepth)
		}
		if len(list) == 0 {
			break
		}
		e = list[0]
	}
	err := fillArray(t, v, t.Shape)
	return t, err
}

func fillArray(t *Tensor, v any, s Shape) error {
	list, ok := v.([]any)
	if len(s) == 0 {
		n, number := NumberOf(v)
		if !number {
			return fmt.Errorf("expected a number, found %T", v)
		}
		t.F32 = append(t.F32, float32(n))
		return nil
	}
	if !ok || len(list) != s[0] {
		return fmt.Errorf("nested lists must be of equal lengths")
	}
	for _, e := range list {
		if err := fillArray(t, e, s[1:]); err != nil {
			return err
		}
	}
	return nil
}

// NumberOf reads a number among a call's arguments: an int or a float64; a bool counts as 0 or 1, as in Python.
func NumberOf(v any) (float64, bool) {
	switch v := v.(type) {
	case float64:
		return v, true
	case int:
		return float64(v), true
	case bool:
		if v {
			return 1, true
		}
		return 0, true
	}
	return 0, false
}

// typed is t in another dtype.
func typed(t *Tensor, name string) (*Tensor, error) {
	d, err := graph.ParseDType(name)
	if err != nil {
		return nil, err
	}
	return t.As(d)
}
