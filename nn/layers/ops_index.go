package layers

import (
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// indexOps pick elements.
func indexOps() map[string]func() nn.Layer {
	type slice struct {
		Shape nn.Dims `json:"shape"`
	}
	type oneHot struct {
		Classes int    `json:"num_classes"`
		Axis    int    `json:"axis"`
		DType   string `json:"dtype"`
		Sparse  bool   `json:"sparse"`
	}
	return map[string]func() nn.Layer{
		"GetItem": plain(getItem),
		"Slice": node(slice{}, func(a *operands, c slice) *nn.Value {
			x := a.tensor(0, "inputs")
			starts, ok := a.arg(1, "start_indices").([]any)
			if !ok || len(starts) != len(x.Shape) || len(c.Shape) != len(x.Shape) {
				a.Unsupportedf("start_indices", "start_indices and shape must be %d numbers each", len(x.Shape))
			}
			ranges := make([]op.Range, len(starts))
			for d, n := range dims(c.Shape) {
				from, ok := starts[d].(int)
				if !ok || from < 0 {
					a.Unsupportedf("start_indices", "start_indices must be numbers, found %v", starts[d])
				}
				ranges[d] = op.Range{Start: from, Stop: op.End, Step: 1}
				if n >= 0 {
					ranges[d].Stop = from + min(n, maxExtent)
				}
			}
			return a.Op(op.Slice{Ranges: ranges}, x)
		}),
		"Take": node(axisConfig{}, func(a *operands, c axisConfig) *nn.Value {
			x, d := a.ravelled(a.x(), c.Axis)
			return a.Op(op.Take{Axis: d}, x, cast(a.Graph, a.tensor(1, "indices"), graph.Int32))
		}),
		"TakeAlongAxis": node(axisConfig{}, func(a *operands, c axisConfig) *nn.Value {
			x, d := a.ravelled(a.x(), c.Axis)
			ids := cast(a.Graph, a.tensor(1, "indices"), graph.Int32)
			if c.Axis == nil {
				ids = a.Op(op.View{To: nn.Shape{-1}}, ids)
			}
			return a.Op(op.Take{Axis: d, Along: true}, x, ids)
		}),
		"OneHot": node(oneHot{Axis: -1}, func(a *operands, c oneHot) *nn.Value {
			if c.Sparse {
				a.Unsupportedf("sparse", "sparse tensors are not supported")
			}
			y := a.Op(op.OneHot{Classes: c.Classes, Axis: c.Axis}, cast(a.Graph, a.tensor(0, "x"), graph.Int32))
			return cast(a.Graph, y, a.dtypeOf(c.DType, graph.Float32))
		}),
	}
}

// getItem is Python's x[...]: numbers, slices, None, an ellipsis.
func getItem(a *operands) *nn.Value {
	x := a.x()
	keys, ok := a.arg(1, "key").([]any)
	if !ok {
		keys = []any{a.arg(1, "key")}
	}
	used := 0
	for _, k := range keys {
		switch k.(type) {
		case int, nn.Slice:
			used++
		case nil, nn.Ellipsis:
		default:
			a.Unsupportedf("key", "indices of type %T are not supported", k)
		}
	}
	if used > len(x.Shape) {
		a.Failf("too many indices for shape %v: %d", x.Shape, used)
	}
	if !slices.ContainsFunc(keys, func(k any) bool { return k == nn.Ellipsis{} }) {
		keys = append(slices.Clone(keys), nn.Ellipsis{})
	}
	var ranges []op.Range
	var shape []int // of each axis of the result: 1 is new, 0 is dropped, -1 stays
	whole := true
	for _, k := range keys {
		switch k := k.(type) {
		case int:
			ranges, shape, whole = append(ranges, op.At(k)), append(shape, 0), false
		case nn.Slice:
			r := rangeOf(a, k)
			ranges, shape, whole = append(ranges, r), append(shape, -1), whole && r == op.All()
		case nil:
			shape = append(shape, 1)
		case nn.Ellipsis:
			for range len(x.Shape) - used {
				ranges, shape = append(ranges, op.All()), append(shape, -1)
			}
			used = len(x.Shape) // a second ellipsis stands for nothing
		}
	}
	if !whole {
		x = a.Op(op.Slice{Ranges: ranges}, x)
	}
	at := 0
	for _, s := range shape {
		switch s {
		case 0:
			x = regroup(a.Graph, x, at, 1)
		case 1:
			x = regroup(a.Graph, x, at, 0, 1)
			at++
		default:
			at++
		}
	}
	return x
}

// rangeOf reads Python's slice object.
func rangeOf(a *operands, s nn.Slice) op.Range {
	number := func(v any, otherwise int) int {
		switch v := v.(type) {
		case nil:
			return otherwise
		case int:
			return v
		}
		a.Unsupportedf("key", "slices with bounds of type %T are not supported", v)
		return 0
	}
	step := number(s.Step, 1)
	switch {
	case step == 0 || step < -maxExtent || step > maxExtent:
		a.Failf("a slice's step can't be %d", step)
	case step < 0:
		return op.Range{Start: number(s.Start, op.End), Stop: number(s.Stop, -op.End), Step: step}
	}
	return op.Range{Start: number(s.Start, 0), Stop: number(s.Stop, op.End), Step: step}
}

// orderOps sort and search.
func orderOps() map[string]func() nn.Layer {
	type topK struct {
		K      int  `json:"k"`
		Sorted bool `json:"sorted"`
	}
	type arg struct {
		Axis *int `json:"axis"`
		Keep bool `json:"keepdims"`
	}
	extreme := func(least bool) func() nn.Layer {
		return node(arg{}, func(a *operands, c arg) *nn.Value {
			whole := a.x()
			x, d := a.ravelled(whole, c.Axis)
			y := a.Op(op.ArgReduce{Axis: d, Min: least, Keep: c.Keep && c.Axis != nil}, x)
			if c.Keep && c.Axis == nil {
				return regroup(a.Graph, y, 0, 0, all(len(whole.Shape), 1)...)
			}
			return y
		})
	}
	sort := func(output int) func() nn.Layer {
		return node(axisConfig{}, func(a *operands, c axisConfig) *nn.Value {
			x, d := a.ravelled(a.x(), c.Axis)
			return a.Ops(op.Sort{Axis: d}, x)[output]
		})
	}
	cumulate := func(product bool) func() nn.Layer {
		type config struct {
			Axis  *int   `json:"axis"`
			DType string `json:"dtype"`
		}
		return node(config{}, func(a *operands, c config) *nn.Value {
			x, d := a.ravelled(a.x(), c.Axis)
			return a.Op(op.Cumulate{Axis: d, Product: product}, cast(a.Graph, x, a.dtypeOf(c.DType, summed(x.DType))))
		})
	}
	return map[string]func() nn.Layer{
		"Argmax": extreme(false), "Argmin": extreme(true),
		"Sort": sort(0), "Argsort": sort(1),
		"Cumsum": cumulate(false), "Cumprod": cumulate(true),
		"TopK": nodes(topK{}, func(a *operands, c topK) []*nn.Value {
			if c.K < 1 {
				a.Failf("k must be positive, found %d", c.K)
			}
			return a.Ops(op.Sort{Axis: -1, K: c.K, Descending: true}, a.x())
		}),
	}
}

// summed is the dtype of a sum: of bools and small integers, int32.
func summed(d nn.DType) nn.DType {
	switch d {
	case graph.Bool, graph.Int8, graph.Int16, graph.Uint8, graph.Uint16:
		return graph.Int32
	}
	return d
}
