package train

import (
	"fmt"
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// lossOf is the loss of a batch, without its weight among several; if train, it seeds the gradient. c is the last axis.
//
// Source: keras/src/losses/loss.py, reduce_weighted_values
func (o *output) lossOf(run *graph.Interp, y, sample *nn.Tensor, c int, rows []int, train bool) (float64, error) {
	v, l := o.of(o.loss, y.Shape)
	if l.Name == "binary_focal_crossentropy" && v != o.value {
		if _, ok := o.value.Node.Op.(op.Softmax); ok {
			return 0, unsupported("loss", "binary_focal_crossentropy of a softmax is not supported")
		}
	}
	p := run.Value(v)
	var dp []float32
	if g := run.Grad(v); train && g != nil {
		dp = g.F32
	}
	switch {
	case l.Name == "ctc":
		return o.ctc(run, p, y, sample, dp, rows)
	case l.Name == "circle":
		return o.circle(run, &l, p, y, sample, dp)
	}
	n := p.Shape.Size() / max(c, 1)
	var keep []bool
	if l.IgnoreClass != nil {
		keep = o.ignore(y, *l.IgnoreClass)
	}
	o.target.ignored = keep
	dense, labels, err := o.target.read(l.sparse(), c, rows, o.name)
	o.target.ignored, o.target.haveLabels = nil, o.target.haveLabels && keep == nil
	if err != nil {
		return 0, err
	}
	dense = o.hinged(l, dense)
	classes, in, out := c, p.F32, dp
	if l.Axes != nil || l.whole() {
		if err := o.move(&l, p.Shape); err != nil {
			return 0, err
		}
		o.moved.load(p.F32, dense)
		n, c, in, dense = o.moved.rows, o.moved.length, o.moved.p, o.moved.y
		if dp != nil {
			out = o.moved.d
		}
		o.room(c)
	}
	if sample != nil && len(sample.Shape) > 1 && o.moved == nil {
		sample = o.spread(sample, n)
	}
	w, divisor, err := o.scales(run, sample, n, l.whole() && l.Axes == nil, keep)
	if err != nil || divisor == 0 {
		return 0, err
	}
	var total float64
	for i := range n {
		scale := float64(1)
		if w != nil {
			if scale = float64(w[i]); scale == 0 {
				continue
			}
		}
		var dst []float32
		if dp != nil {
			dst = out[i*c:][:c]
		}
		total += scale * l.row(in[i*c:][:c], at(dense, i, c), label(labels, i), classes, dst, float32(scale*o.lossWeight/divisor), o.tmp[:c])
	}
	if dp != nil && o.moved != nil {
		o.moved.store(dp)
	}
	return total / divisor, nil
}

// scales are the weights of n losses and what their sum is divided by. The loss of a whole batch is one number, which
// Keras multiplies by every weight before it reduces.
func (o *output) scales(run *graph.Interp, sample *nn.Tensor, n int, whole bool, keep []bool) ([]float32, float64, error) {
	reduction := o.loss.Reduction
	count := n
	if whole {
		switch {
		case o.mask != nil:
			count = run.Value(o.mask).Len()
		case sample != nil:
			count = sample.Len()
		}
	}
	w, err := o.weights(run, sample, count, reduction, keep)
	if err != nil {
		return nil, 0, err
	}
	divisor := float64(count)
	switch {
	case whole && w == nil, reduction == "sum":
		divisor = 1
	case reduction == "mean_with_sample_weight" && w != nil:
		if divisor = sum(w); sample == o.sample && sample != nil && o.mask == nil && keep == nil {
			divisor *= float64(o.samples) / float64(n) // Keras adds up the weights as they were given
		}
	}
	if whole && w != nil {
		o.whole[0] = float32(sum(w))
		w = o.whole[:]
	}
	return w, divisor, nil
}

// move arranges for rows that span the axes of l.
func (o *output) move(l *Loss, shape nn.Shape) error {
	axes := l.Axes
	if axes == nil {
		for a := range shape {
			axes = append(axes, a)
		}
	}
	if o.moved == nil || !o.movedShape.Equal(shape) {
		if o.moved = newPermuted(axes, shape); o.moved == nil {
			return unsupported("axis", "%s over axis %v of predictions of shape %v is not supported", l.Name, l.Axes, shape)
		}
		o.movedShape = slices.Clone(shape)
	}
	return nil
}

func (o *output) room(c int) {
	if len(o.tmp) < c {
		o.tmp = make([]float32, c)
	}
}

// hinged are the targets that a hinge wants.
func (o *output) hinged(l Loss, dense []float32) []float32 {
	if l.Name != "hinge" && l.Name != "squared_hinge" {
		return dense
	}
	if len(o.signs) < len(dense) {
		o.signs = make([]float32, len(dense))
	}
	return signs(o.signs[:len(dense)], dense)
}

// ignore tells which targets aren't of the class that doesn't count.
func (o *output) ignore(y *nn.Tensor, class int) []bool {
	o.keep = o.keep[:0]
	for i := range y.Len() {
		o.keep = append(o.keep, number(y, i) != float64(class))
	}
	return o.keep
}

func (o *output) ctc(run *graph.Interp, p, y, sample *nn.Tensor, dp []float32, rows []int) (float64, error) {
	if len(p.Shape) != 3 || len(y.Shape) != 2 || y.Shape[0] != p.Shape[0] || p.Shape[1] == 0 {
		return 0, o.target.misfit(o.name, nn.Shape{p.Shape[0], -1})
	}
	if o.mask != nil {
		return 0, unsupported("loss", "ctc with a mask (output %q) is not supported", o.name)
	}
	n, steps, c, width := p.Shape[0], p.Shape[1], p.Shape[2], y.Shape[1]
	w, divisor, err := o.scales(run, sample, n, false, nil)
	if err != nil || divisor == 0 {
		return 0, err
	}
	var total float64
	labels := make([]int, 0, width)
	for i := range n {
		length := 0
		labels = labels[:0]
		for k := range width {
			v := number(y, i*width+k)
			if !(v >= 0 && v < float64(c)) {
				return 0, fmt.Errorf("the target of output %q in row %d is %v, expected a class from 0 to %d", o.name, rowOf(rows, i, n), v, c-1)
			}
			if v != 0 {
				length++
			}
			labels = append(labels, int(v))
		}
		scale := float64(1)
		if w != nil {
			scale = float64(w[i])
		}
		var dst []float32
		if dp != nil {
			dst = dp[i*steps*c:][:steps*c]
		}
		if scale != 0 {
			total += scale * connectionist(p.F32[i*steps*c:][:steps*c], steps, c, labels[:length], dst, float32(scale*o.lossWeight/divisor))
		}
	}
	return total / divisor, nil
}

func (o *output) circle(run *graph.Interp, l *Loss, p, y, sample *nn.Tensor, dp []float32) (float64, error) {
	if len(p.Shape) != 2 || y.Len() != p.Shape[0] {
		return 0, o.target.misfit(o.name, nn.Shape{p.Shape[0]})
	}
	n, c := p.Shape[0], p.Shape[1]
	labels := make([]int, n)
	for i := range labels {
		labels[i] = int(number(y, i))
	}
	o.losses = slices.Grow(o.losses[:0], n)[:n]
	l.circle(o.losses, p.F32, labels, c, nil, nil)
	o.keep = o.keep[:0]
	for _, v := range o.losses {
		o.keep = append(o.keep, v > 0)
	}
	w, divisor, err := o.scales(run, sample, n, false, o.keep)
	if err != nil || divisor == 0 {
		return 0, err
	}
	var total float64
	scales := make([]float32, n)
	for i, v := range o.losses {
		total += v * float64(w[i])
		scales[i] = float32(float64(w[i]) * o.lossWeight / divisor)
	}
	if dp != nil {
		l.circle(o.losses, p.F32, labels, c, dp, scales)
	}
	return total / divisor, nil
}
