package layers

import (
	"encoding/json"
	"fmt"
	"slices"
	"sort"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// Axes is Keras's axis argument: one axis, a list of them, or None (nil), which means all, or what a layer says.
type Axes []int

// UnmarshalJSON reads null, a number or a list.
func (a *Axes) UnmarshalJSON(raw []byte) error {
	var one *int
	if json.Unmarshal(raw, &one) == nil {
		if *a = nil; one != nil {
			*a = Axes{*one}
		}
		return nil
	}
	if *a = (Axes{}); json.Unmarshal(raw, (*[]int)(a)) != nil {
		return fmt.Errorf("an axis must be a number, a list of numbers or null")
	}
	return nil
}

// MarshalJSON writes null, a number or a list.
func (a Axes) MarshalJSON() ([]byte, error) {
	switch len(a) {
	case 0:
		if a == nil {
			return []byte("null"), nil
		}
	case 1:
		return json.Marshal(a[0])
	}
	return json.Marshal([]int(a))
}

// of resolves negative axes of a shape of the given rank; sorted, each once. nil stands for every axis.
func (a Axes) of(g *nn.Graph, rank int) []int {
	out := []int{}
	for i := 0; a == nil && i < rank; i++ {
		out = append(out, i)
	}
	for _, axis := range a {
		out = append(out, axisOf(g, axis, rank))
	}
	sort.Slice(out, func(i, j int) bool { return out[i] < out[j] })
	return slices.Compact(out)
}

func axisOf(g *nn.Graph, axis, rank int) int {
	a, err := op.Axis(axis, rank)
	if err != nil {
		g.Failf("%v", err)
	}
	return a
}

// cast converts x to a dtype, where it isn't of that one.
//
//go:noinline
func cast(g *nn.Graph, x *nn.Value, d nn.DType) *nn.Value {
	if x.DType == d {
		return x
	}
	return g.Op(op.Cast{To: d}, x)
}

// float converts integers and bools to what the layer computes in.
//
//go:noinline
func float(g *nn.Graph, x *nn.Value) *nn.Value {
	if x.DType.Float() {
		return x
	}
	return cast(g, x, g.Policy().Compute)
}

// full converts to float32, or keeps float64: what Keras normalises in, whatever the layer computes in.
func full(g *nn.Graph, x *nn.Value) *nn.Value {
	if x == nil || x.DType == graph.Float64 {
		return x
	}
	return cast(g, x, graph.Float32)
}

// computed converts to what the layer computes in.
func computed(g *nn.Graph, x *nn.Value) *nn.Value { return cast(g, x, g.Policy().Compute) }

// widths orders the dtypes of one kind; what two operands become is the wider.
var widths = [...]graph.DType{graph.Bool, graph.Int8, graph.Uint8, graph.Int16, graph.Uint16, graph.Int32, graph.Uint32,
	graph.Int64, graph.Float16, graph.BFloat16, graph.Float32, graph.Float64}

// common is the dtype that Keras gives the result of operands of two dtypes: any float wins over any integer.
//
// Source: keras/src/backend/common/dtypes.py
func common(g *nn.Graph, a, b nn.DType) nn.DType {
	if a == b {
		return a
	}
	i, j := slices.Index(widths[:], a), slices.Index(widths[:], b)
	if i < 0 || j < 0 {
		g.Failf("can't compute with %v and %v", a, b)
	}
	if i > j {
		a, b, i, j = b, a, j, i
	}
	switch {
	case a == graph.Int8 && b == graph.Uint8:
		return graph.Int16
	case a == graph.Int16 && b == graph.Uint16, a == graph.Int8 && b == graph.Uint16:
		return graph.Int32
	case b == graph.Uint32 && (a == graph.Int8 || a == graph.Int16 || a == graph.Int32):
		return graph.Int64
	case a == graph.Float16 && b == graph.BFloat16:
		return graph.Float32
	case b == graph.Float16 || b == graph.BFloat16 || b == graph.Float32 || b == graph.Float64:
		return b
	}
	return widths[j]
}

// binary applies a function of two operands in their common dtype.
//
//go:noinline
func binary(g *nn.Graph, fn string, a, b *nn.Value) *nn.Value {
	d := common(g, a.DType, b.DType)
	return g.Op(op.Binary{Fn: fn}, cast(g, a, d), cast(g, b, d))
}

// regroup puts axes in the place of n axes from at on.
//
//go:noinline
func regroup(g *nn.Graph, x *nn.Value, at, n int, to ...int) *nn.Value {
	return g.Op(op.Regroup{At: at, N: n, To: to}, x)
}

//
//go:noinline
func transpose(g *nn.Graph, x *nn.Value, perm ...int) *nn.Value {
	if slices.IsSorted(perm) {
		return x
	}
	return g.Op(op.Transpose{Perm: perm}, x)
}

// split brings an axis that was merged back: shape s had its axes [from, to) in one; at most one of them may be unknown.
func split(g *nn.Graph, x *nn.Value, at int, s nn.Shape) *nn.Value {
	return regroup(g, x, at, 1, s...)
}

// allTrue is a mask of x's shape that masks nothing.
func allTrue(g *nn.Graph, x *nn.Value) *nn.Value {
	return g.Op(op.FillLike{Value: 1, DType: graph.Bool}, x)
}
