package layers

import (
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// segmentOps reduce by segments, and put elements where indices say.
func segmentOps() map[string]func() nn.Layer {
	type segments struct {
		Count  *int `json:"num_segments"`
		Sorted bool `json:"sorted"`
	}
	type scatter struct {
		Shape nn.Dims `json:"shape"`
	}
	type update struct {
		Reduction string `json:"reduction"`
	}
	table := map[string]func() nn.Layer{
		"Scatter": node(scatter{}, func(a *operands, c scatter) *nn.Value {
			by := a.tensor(1, "values")
			to := dims(c.Shape)
			if !to.Known() {
				a.Unsupportedf("shape", "must be known, found %v", to)
			}
			base := a.Op(op.BroadcastTo{To: to}, a.like(by, 0))
			return a.plain(op.Scatter("add"), base, cast(a.Graph, a.tensor(0, "indices"), graph.Int32), by)[0]
		}),
		"ScatterUpdate": node(update{}, func(a *operands, c update) *nn.Value {
			if !slices.Contains([]string{"", "add", "max", "min", "mul"}, c.Reduction) {
				a.Failf("unknown reduction %q", c.Reduction)
			}
			x := a.tensor(0, "inputs")
			return a.plain(op.Scatter(c.Reduction), x, cast(a.Graph, a.tensor(1, "indices"), graph.Int32), cast(a.Graph, a.tensor(2, "updates"), x.DType))[0]
		}),
		"SliceUpdate": plain(func(a *operands) *nn.Value {
			x := a.tensor(0, "inputs")
			by := cast(a.Graph, a.tensor(2, "updates"), x.DType)
			starts, ok := a.arg(1, "start_indices").([]any)
			if !ok || len(starts) != len(x.Shape) || len(by.Shape) != len(x.Shape) {
				a.Unsupportedf("start_indices", "must be %d numbers, and updates as many axes, found shape %v", len(x.Shape), by.Shape)
			}
			around, inside := make([][2]int, len(starts)), a.Op(op.FillLike{Value: 1, DType: graph.Bool}, by)
			for d := range starts {
				at, ok := starts[d].(int)
				if !ok {
					a.Unsupportedf("start_indices", "must be numbers, found %T", starts[d])
				}
				if n, m := a.fixedSize(x, d), a.fixedSize(by, d); m > n {
					a.Failf("updates %v don't fit shape %v", by.Shape, x.Shape)
				} else { // as XLA does, what would stand out is moved inside
					at = max(0, min(at, n-m))
					around[d] = [2]int{at, n - m - at}
				}
			}
			return a.where(a.Op(op.Pad{By: around}, inside), a.Op(op.Pad{By: around}, by), x)
		}),
	}
	for class, fn := range map[string]string{"SegmentSum": "sum", "SegmentProd": "prod", "SegmentMax": "max", "SegmentMin": "min"} {
		table[class] = node(segments{}, func(a *operands, c segments) *nn.Value {
			x, ids := a.tensor(0, "data"), a.tensor(1, "segment_ids")
			count := -1
			if c.Count != nil {
				if count = *c.Count; count < 0 || count > maxExtent {
					a.Failf("num_segments can't be %d", count)
				}
			}
			high := largest(x.DType)
			low := -high
			if !x.DType.Float() {
				low, high = extent(x.DType)
			}
			o := op.Segment(fn, count, c.Sorted, low, high)
			if a.Training && !o.Differentiable() {
				a.Unsupportedf("training", "segments' products have no gradient here")
			}
			var y *nn.Value
			if x = a.toEnd(x, 0); count < 0 {
				y = a.Op(o, x, ids)
			} else {
				y = a.Op(o.Plain, x, ids)
			}
			last := len(y.Shape) - 1
			return transpose(a.Graph, y, append([]int{last}, sequence(last)...)...)
		})
	}
	return table
}
