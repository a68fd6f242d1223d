package layers

import (
	"errors"
	"fmt"
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// Adapter is a layer that learns its state from data, before training: Normalization, Discretization, StringLookup,
// IntegerLookup and TextVectorization. Each call begins anew. What a model compiled before doesn't see it: call
// nn.WeightsChanged, or compile again.
type Adapter interface {
	nn.Layer
	// Adapt learns from batches; their first axis is the rows'.
	Adapt(batches ...*nn.Tensor) error
}

// Adapt finds the mean and the variance of all rows of the batches, for each position along Axis.
func (l *Normalization) Adapt(batches ...*nn.Tensor) error {
	if l.Mean.Values != nil || l.Variance.Values != nil {
		return errors.New("a layer that was given its mean and variance can't be adapted")
	}
	var shape nn.Shape
	var keep []int
	var count float64
	var mean, squares []float64 // squares: of the differences from the mean
	for i, x := range batches {
		if x.DType == graph.String {
			return errors.New("adapt takes numbers, found strings")
		}
		wide := graph.New(nn.Spec{Shape: x.Shape, DType: graph.Float64})
		graph.Cast(wide, x)
		if i == 0 {
			shape = x.Shape
			for _, a := range l.Axis {
				at, err := op.Axis(a, len(shape))
				if err != nil {
					return err
				}
				keep = append(keep, at)
			}
			slices.Sort(keep)
			keep = slices.Compact(keep)
			n := 1
			for _, a := range keep {
				n *= shape[a]
			}
			mean, squares = make([]float64, n), make([]float64, n)
		}
		for _, a := range keep {
			if len(x.Shape) != len(shape) || x.Shape[a] != shape[a] {
				return fmt.Errorf("batch %d has shape %v, the first has %v", i, x.Shape, shape)
			}
		}
		if len(mean) == 0 || x.Len() == 0 {
			continue
		}
		each := float64(x.Len() / len(mean))
		m, v := moments(wide.F64, x.Shape, keep, len(mean))
		for k := range mean {
			d := m[k] - mean[k]
			mean[k] += d * each / (count + each)
			squares[k] += v[k] + d*d*count*each/(count+each)
		}
		count += each
	}
	if count == 0 {
		return errors.New("there are no rows to adapt to")
	}
	for k := range squares {
		squares[k] /= count
	}
	l.learned = [2][]float32{narrow(mean), narrow(squares)}
	for _, w := range l.Own() {
		for k, name := range []string{"mean", "variance"} {
			if w.Name != name {
				continue
			}
			if w.Shape.Size() != len(mean) {
				return fmt.Errorf("weight %s has shape %v, the data gives %d numbers", w.Path, w.Shape, len(mean))
			}
			w.Data = graph.FromF32(slices.Clone(l.learned[k]), w.Shape...)
		}
	}
	return nil
}

// first draws a weight: what was learned, else by otherwise.
func (l *Normalization) first(which int, otherwise nn.Init) nn.Init {
	return func(t *nn.Tensor, rng *nn.Rand) {
		if otherwise(t, rng); len(l.learned[which]) == len(t.F32) {
			copy(t.F32, l.learned[which])
		}
	}
}

// moments are the means of x over all axes but those kept, and the sums of the squared differences from them.
func moments(x []float64, s nn.Shape, keep []int, n int) (mean, squares []float64) {
	mean, squares = make([]float64, n), make([]float64, n)
	each := float64(len(x) / n)
	place := func(i int) (at int) {
		step := 1
		for a := len(s) - 1; a >= 0; a-- {
			if slices.Contains(keep, a) {
				at += i % s[a] * step
				step *= s[a]
			}
			i /= s[a]
		}
		return at
	}
	for i, v := range x {
		mean[place(i)] += v / each
	}
	for i, v := range x {
		d := v - mean[place(i)]
		squares[place(i)] += d * d
	}
	return mean, squares
}
