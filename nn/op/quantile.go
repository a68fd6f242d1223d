package op

import (
	"fmt"
	"math"
	"slices"

	"kerasgo/nn/graph"
)

// Quantile finds, along the last axis of x [..., n], what lies at each of the second input's fractions q [m]: [..., m]. Method
// says what stands between two elements: linear, lower, higher, midpoint or nearest. A line with NaN is NaN; where skip is
// set, its NaN are left out.
//
// Source: keras/src/backend/tensorflow/numpy.py, _quantile
func Quantile(method string, skip bool) (Plain, error) {
	if !slices.Contains([]string{"linear", "lower", "higher", "midpoint", "nearest"}, method) {
		return Plain{}, fmt.Errorf("unknown method %q", method)
	}
	o := quantile{method, skip}
	return Plain{&plain{name: "quantile", infer: o.infer, room: o.room, run: func(k *Arrays) { o.each(k, put) },
		back: func(k *Arrays) { o.each(k, pull) }}}, nil
}

type quantile struct {
	method string
	skip   bool
}

func (quantile) infer(in []Spec) ([]Spec, error) {
	x, q := in[0].Shape, in[1].Shape
	if len(x) == 0 || len(q) != 1 || x.Last() == 0 {
		return nil, fmt.Errorf("needs elements along an axis and a list of fractions, found shapes %v and %v", x, q)
	}
	return []Spec{{Shape: x.With(1, q[0]), DType: in[0].DType}}, nil
}

func (quantile) room(in, _ []Array) int {
	if in[0].Shape == nil || slices.Contains(in[0].Shape, graph.Unknown) {
		return 0
	}
	return in[0].Shape.Last()
}

// each sorts the positions of each line and calls f for each fraction, with two positions and the weight of the first.
func (o quantile) each(k *Arrays, f func(k *Arrays, at, low, high int, weight float64)) {
	x, q := k.in[0], k.in[1].X
	n := x.Shape.Last()
	for row := range rowsOf(x, n) {
		line, order := x.X[row*n:][:n], k.work[:0]
		odd := false
		for i, v := range line {
			switch {
			case v == v:
				order = append(order, float64(i))
			default:
				odd = true
			}
		}
		sortBy(order, line)
		for j, part := range q {
			at := row*len(q) + j
			if odd && !o.skip || len(order) == 0 {
				if k.dout == nil {
					k.out[0].X[at] = math.NaN()
				}
				continue
			}
			low, high, weight := o.between(len(order), part)
			f(k, at, row*n+int(order[low]), row*n+int(order[high]), weight)
		}
	}
}

func put(k *Arrays, at, low, high int, weight float64) {
	x, y := k.in[0].X, k.out[0].X
	if y[at] = x[high]; weight != 0 {
		y[at] = x[low]*weight + x[high]*(1-weight)
	}
}

func pull(k *Arrays, at, low, high int, weight float64) {
	if dx := k.din[0].X; dx != nil {
		dx[low] += weight * k.dout[0].X[at]
		dx[high] += (1 - weight) * k.dout[0].X[at]
	}
}

// between is which of n sorted elements a fraction lies between, and the weight of the lower.
func (o quantile) between(n int, part float64) (low, high int, weight float64) {
	at := float64(n-1) * part
	clip := func(v float64) int { return int(clamp(v, 0, float64(n-1))) }
	switch o.method {
	case "lower":
		return clip(math.Floor(at)), clip(math.Floor(at)), 0
	case "higher":
		return clip(math.Ceil(at)), clip(math.Ceil(at)), 0
	case "nearest":
		return clip(math.RoundToEven(at)), clip(math.RoundToEven(at)), 0
	case "midpoint":
		return clip(math.Floor(at)), clip(math.Ceil(at)), .5
	}
	low = max(clip(math.Ceil(at))-1, 0)
	high = min(low+1, n-1)
	return low, high, float64(float32(float64(high) - at))
}

// sortBy sorts positions by what stands there, as a heap.
func sortBy(order, x []float64) {
	sink := func(i, n int) {
		for 2*i+1 < n {
			c := 2*i + 1
			if c+1 < n && x[int(order[c])] < x[int(order[c+1])] {
				c++
			}
			if x[int(order[i])] >= x[int(order[c])] {
				return
			}
			order[i], order[c] = order[c], order[i]
			i = c
		}
	}
	for i := len(order)/2 - 1; i >= 0; i-- {
		sink(i, len(order))
	}
	for n := len(order) - 1; n > 0; n-- {
		order[0], order[n] = order[n], order[0]
		sink(0, n)
	}
}
