package layers

import (
	"errors"
	"math"
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// Discretization is the number of boundaries at or below each number, int32 [...], or vectors of len(BinBoundaries)+1 as
// OutputMode says. The boundaries are in the config, or Adapt found NumBins of about equal weight.
//
// Source: keras/src/layers/preprocessing/discretization.py
type Discretization struct {
	nn.Common
	BinBoundaries []float64 `json:"bin_boundaries"`
	NumBins       *int      `json:"num_bins"`
	Epsilon       float64   `json:"epsilon"`
	OutputMode    string    `json:"output_mode"`
	Sparse        bool      `json:"sparse"`
}

// NewDiscretization makes a Discretization of ascending boundaries.
func NewDiscretization(boundaries ...float64) *Discretization {
	return &Discretization{Common: base("Discretization"), BinBoundaries: boundaries, Epsilon: .01, OutputMode: "int"}
}

// Build implements nn.Layer.
func (l *Discretization) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	if l.Sparse {
		g.Unsupportedf("sparse", "sparse outputs aren't supported")
	}
	if l.BinBoundaries == nil {
		g.Failf("has no bin_boundaries: it was not adapted, or the file doesn't hold them")
	}
	if !slices.IsSorted(l.BinBoundaries) {
		g.Failf("bin_boundaries must ascend")
	}
	bins := g.Op(op.Digitize{Boundaries: narrow(l.BinBoundaries)}, cast(g, c.In().Value, graph.Float32))
	if l.OutputMode == "int" {
		if g.Keras2 {
			bins = cast(g, bins, outputType(g, l.Base(), graph.Int64))
		}
		return nn.Drop(bins)
	}
	return nn.Drop(encoded(g, l.Base(), l.OutputMode, len(l.BinBoundaries)+1, bins))
}

// encoded makes vectors of ids in the layer's dtype.
func encoded(g *nn.Graph, b *nn.Common, mode string, depth int, ids *nn.Value, weights ...*nn.Value) *nn.Value {
	if mode != "one_hot" && mode != "multi_hot" && mode != "count" {
		g.Failf("unknown output_mode %q", mode)
	}
	if depth < 1 || depth > math.MaxInt32 {
		g.Failf("a vector can't have %d numbers", depth)
	}
	in := append([]*nn.Value{cast(g, ids, graph.Int64)}, weights...)
	return cast(g, g.Op(op.Encode{Mode: mode, Depth: depth, To: graph.Float32}, in...), outputType(g, b, graph.Float32))
}

// outputType is the dtype of a layer's config, which for layers that make integers is that of their output.
func outputType(g *nn.Graph, b *nn.Common, otherwise nn.DType) nn.DType {
	if b.DType == nil {
		if !b.Configured() { // made in Go: what a file will say
			b.DType = []byte(`"` + otherwise.String() + `"`)
		}
		return otherwise
	}
	d, err := graph.ParseDType(nn.ComputeDType(b.DType))
	if err != nil || d == graph.String {
		g.Unsupportedf("dtype", "dtype %.64s is not supported", b.DType)
	}
	return d
}

// Adapt finds NumBins bins of about equal weight in all numbers of the batches. It sets BinBoundaries.
func (l *Discretization) Adapt(batches ...*nn.Tensor) error {
	if l.NumBins == nil || *l.NumBins < 1 {
		return errors.New("adapt needs num_bins, without bin_boundaries")
	}
	if !(l.Epsilon > 1e-6 && l.Epsilon < 1) {
		return errors.New("epsilon must be between 0 and 1")
	}
	var all summary
	for _, x := range batches {
		f, err := x.As(graph.Float32)
		if err != nil {
			return err
		}
		next := summarize(f.F32, l.Epsilon)
		all = summary{append(next.values, all.values...), append(next.weights, all.weights...)}
		all.sort()
		all = all.compress(l.Epsilon)
	}
	if len(all.values) == 0 {
		return errors.New("there are no numbers to adapt to")
	}
	all = all.compress(1 / float64(*l.NumBins))
	l.BinBoundaries = slices.Clone(all.values[:len(all.values)-1])
	if l.BinBoundaries == nil {
		l.BinBoundaries = []float64{}
	}
	return nil
}

// summary stands for many numbers: values in order, and how many numbers each stands for.
type summary struct{ values, weights []float64 }

// summarize picks numbers at even steps of their order.
func summarize(numbers []float32, epsilon float64) (s summary) {
	v := slices.Clone(numbers)
	slices.SortFunc(v, func(a, b float32) int { // NaN last, as NumPy sorts
		switch {
		case a < b || b != b && a == a:
			return -1
		case a > b || a != a && b == b:
			return 1
		}
		return 0
	})
	step := max(float64(len(v))/(1/epsilon), 1)
	for i := int(step - 1); i < len(v); i += int(step) {
		s.values, s.weights = append(s.values, float64(v[i])), append(s.weights, float64(float32(step)))
	}
	return s
}

func (s summary) sort() {
	order := make([]int, len(s.values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case s.values[a] < s.values[b]:
			return -1
		case s.values[a] > s.values[b]:
			return 1
		}
		return 0
	})
	values, weights := slices.Clone(s.values), slices.Clone(s.weights)
	for i, at := range order {
		s.values[i], s.weights[i] = values[at], weights[at]
	}
}

// compress makes 1/epsilon values of a summary, by interpolation of the cumulated weights. The result is rounded to
// float32, as Keras keeps it.
func (s summary) compress(epsilon float64) (out summary) {
	if float64(len(s.values))*epsilon < 1 {
		return s
	}
	total := make([]float64, len(s.weights))
	var sum float32 // NumPy cumulates float32 in float32
	for i, w := range s.weights {
		sum += float32(w)
		total[i] = float64(sum)
	}
	percent := make([]float64, len(total))
	for i := range total {
		percent[i] = float64(float32(total[i]) / sum)
	}
	before := 0.
	for i := range int(math.Ceil(1 / epsilon)) {
		p := epsilon + float64(i)*epsilon
		w := interpolate(p, percent, total)
		out.values = append(out.values, float64(float32(interpolate(p, percent, s.values))))
		out.weights = append(out.weights, float64(float32(w-before)))
		before = w
	}
	return out
}

// interpolate is NumPy's interp: linear between points, the first and last value outside.
func interpolate(x float64, xs, ys []float64) float64 {
	last := len(xs) - 1
	at, found := slices.BinarySearch(xs, x)
	for found && at < last && xs[at+1] == x {
		at++
	}
	switch {
	case found || at == 0:
		return ys[at]
	case at > last:
		return ys[last]
	}
	slope := (ys[at] - ys[at-1]) / (xs[at] - xs[at-1])
	return float64(slope*(x-xs[at-1])) + ys[at-1]
}
