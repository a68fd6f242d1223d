// Package testcheck holds the conformance checks that tests share: a golden that real Keras wrote goes through config round
// trip, weight order, Interpreter, Plan, allocations, gradients and updated state.
package testcheck

import (
	"archive/zip"
	"bufio"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/sbinet/npyio/npy"

	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// Golden is one .npz of testdata/golden; scripts/goldens/common.py says what is in it.
type Golden struct {
	Meta   Meta
	Arrays map[string]*nn.Tensor
}

// Meta is the golden's description.
type Meta struct {
	Case      string          `json:"case"`
	Class     string          `json:"class"`
	Keras     string          `json:"keras"`
	Framework string          `json:"framework"` // keras or tf_keras
	Tolerance float64         `json:"tolerance"`
	Model     json.RawMessage `json:"model"`
	Weights   []struct {
		Path      string `json:"path"`
		Trainable bool   `json:"trainable"`
		Shape     []int  `json:"shape"`
	} `json:"weights"`
	Inputs  []string `json:"inputs"`
	Outputs []string `json:"outputs"`
	Trains  bool     `json:"trains"`
	DTypes  []string `json:"dtypes"` // of the outputs, where they aren't plain
	Zeroed  []string `json:"zeroed"` // layers whose dropout rate was zero in the training pass
}

// ReadGolden reads a golden.
func ReadGolden(path string) (*Golden, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	g := &Golden{Arrays: map[string]*nn.Tensor{}}
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		name := strings.TrimSuffix(f.Name, ".npy")
		t, err := readArray(r)
		r.Close()
		if err != nil {
			return nil, fmt.Errorf("%s: %s: %w", path, name, err)
		}
		if name != "meta" {
			g.Arrays[name] = t
			continue
		}
		raw := make([]byte, len(t.I32))
		for i, v := range t.I32 {
			raw[i] = byte(v)
		}
		if err := json.Unmarshal(raw, &g.Meta); err != nil {
			return nil, err
		}
	}
	return g, nil
}

func readArray(r io.Reader) (*nn.Tensor, error) {
	b := bufio.NewReader(r)
	n, err := npy.NewReader(b)
	if err != nil {
		return nil, err
	}
	shape := nn.Shape(n.Header.Descr.Shape)
	if n.Header.Descr.Fortran {
		return nil, fmt.Errorf("a golden is in C order")
	}
	s := nn.Spec{Shape: shape}
	if kind := strings.TrimLeft(n.Header.Descr.Type, "<|"); strings.HasPrefix(kind, "U") {
		return readWords(b, kind, shape)
	}
	switch strings.TrimLeft(n.Header.Descr.Type, "<|") {
	case "f4":
		t := graph.New(s)
		return t, n.Read(&t.F32)
	case "f8":
		s.DType = graph.Float64
		t := graph.New(s)
		return t, n.Read(&t.F64)
	case "f2":
		v := make([]uint16, shape.Size()) // npyio knows no halves
		err := binary.Read(b, binary.LittleEndian, v)
		s.DType = graph.Float16
		t := graph.New(s)
		for i, x := range v {
			t.F32[i] = half(x)
		}
		return t, err
	case "i4":
		s.DType = graph.Int32
		t := graph.New(s)
		return t, n.Read(&t.I32)
	case "i8":
		s.DType = graph.Int64
		t := graph.New(s)
		return t, n.Read(&t.I64)
	case "i1":
		return small[int8](n, s, graph.Int8)
	case "i2":
		return small[int16](n, s, graph.Int16)
	case "u1":
		return small[uint8](n, s, graph.Uint8)
	case "u2":
		return small[uint16](n, s, graph.Uint16)
	case "u4":
		var v []uint32
		err := n.Read(&v)
		s.DType = graph.Uint32
		t := graph.New(s)
		for i, x := range v {
			t.I64[i] = int64(x)
		}
		return t, err
	case "b1":
		var v []bool
		err := n.Read(&v)
		s.DType = graph.Bool
		t := graph.New(s)
		for i, x := range v {
			if x {
				t.I32[i] = 1
			}
		}
		return t, err
	}
	return nil, fmt.Errorf("dtype %s", n.Header.Descr.Type)
}

// small reads integers that are stored as int32.
func small[T int8 | int16 | uint8 | uint16](n *npy.Reader, s nn.Spec, d nn.DType) (*nn.Tensor, error) {
	var v []T
	err := n.Read(&v)
	s.DType = d
	t := graph.New(s)
	for i, x := range v {
		t.I32[i] = int32(x)
	}
	return t, err
}

// half is the number that an IEEE half holds.
func half(h uint16) float32 {
	m, e := float64(h&0x3ff), int(h>>10&0x1f)
	switch {
	case e == 0x1f:
		m = math.Inf(1)
	case e == 0:
		m = math.Ldexp(m, -24)
	default:
		m = math.Ldexp(m+1024, e-25)
	}
	if h>>15 != 0 {
		m = -m
	}
	return float32(m)
}

// Inputs are x_0, x_1, ... in the dtypes that the model takes.
func (g *Golden) Inputs(m nn.Model) ([]*nn.Tensor, error) {
	var in []*nn.Tensor
	for i, s := range m.InputSpecs() {
		x := g.Arrays[fmt.Sprintf("x_%d", i)]
		if x == nil {
			return nil, fmt.Errorf("there is no x_%d", i)
		}
		x, err := nn.FitInput(s, x)
		if err != nil {
			return nil, err
		}
		in = append(in, x)
	}
	return in, nil
}

// SetWeights declares m's weights and gives them the golden's values, in order; it checks names and shapes.
func (g *Golden) SetWeights(m nn.Model) ([]*nn.Weight, error) {
	if err := nn.Declare(m); err != nil {
		return nil, err
	}
	var ws []*nn.Weight
	for w := range nn.Weights(m) {
		if w.State && strings.Contains(w.Name, "seed_generator") {
			continue
		}
		ws = append(ws, w)
	}
	if len(ws) != len(g.Meta.Weights) {
		return nil, fmt.Errorf("%d weights, Keras has %d", len(ws), len(g.Meta.Weights))
	}
	for i, w := range ws {
		want := g.Meta.Weights[i]
		name := strings.TrimSuffix(want.Path[strings.LastIndex(want.Path, "/")+1:], ":0")
		if g.Meta.Framework == "tf_keras" && name == "depthwise_kernel" && w.Name == "kernel" { // Keras 2's name of DepthwiseConv's
			name = w.Name
		}
		if w.Name != name || !w.Shape.Equal(want.Shape) {
			return nil, fmt.Errorf("weight %d is %s %v, Keras has %s %v", i, w.Path, w.Shape, want.Path, want.Shape)
		}
		data, err := g.Arrays[fmt.Sprintf("w_%d", i)].As(w.DType)
		if err != nil {
			return nil, err
		}
		w.Data = data.Clone()
	}
	nn.WeightsChanged(m)
	return ws, nil
}

// Off is max|a-b| / max|b|; NaN in one and not in the other is infinitely off.
func Off(a, b *nn.Tensor) float64 {
	if !a.Shape.Equal(b.Shape) {
		return math.Inf(1)
	}
	if a.DType == graph.String || b.DType == graph.String {
		return offWords(a, b)
	}
	x, y := floats(a), floats(b)
	var worst, top float64
	for i, v := range x {
		w := y[i]
		top = max(top, math.Abs(w))
		switch {
		case v == w || v != v && w != w:
		case v != v || w != w || math.IsInf(v, 0) || math.IsInf(w, 0):
			return math.Inf(1)
		default:
			worst = max(worst, math.Abs(v-w))
		}
	}
	if top == 0 {
		return worst
	}
	return worst / top
}

func floats(t *nn.Tensor) []float64 {
	d := graph.New(nn.Spec{Shape: t.Shape, DType: graph.Float64})
	if t.DType == graph.String {
		return nil
	}
	graph.Cast(d, t)
	return d.F64
}
