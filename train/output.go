package train

import (
	"fmt"
	"math"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// output is one output of a model with what is measured on it.
type output struct {
	name   string
	value  *nn.Value
	mask   *nn.Value // nil: none
	logits *nn.Value // what the softmax or sigmoid that made value was given; nil: nothing like that made it

	loss       Loss
	lossWeight float64
	lossMean   mean // of the unweighted loss
	metrics    []tracked
	weighted   []tracked

	target  target
	weight  []float32  // of each loss value in this batch; nil: one
	sample  *nn.Tensor // sample weights, repeated for each value of a sample
	samples int        // how many there were
	tmp     []float32
	moved   *permuted // of a loss with axes of its own
	signs   []float32
	keep    []bool
	losses  []float64
	whole   [1]float32

	movedShape nn.Shape
}

// tracked is a metric and its running mean.
type tracked struct {
	Metric
	mean  mean
	meter meter // of what isn't a mean over rows
}

// newOutput finds where the gradient of a loss starts. Keras's crossentropies take the logits of the softmax or sigmoid that
// made the output, whichever of the two it was, so that no probability rounds to zero.
//
// Source: keras/src/backend/tensorflow/nn.py, _get_logits
func newOutput(name string, w nn.Wire) *output {
	o := &output{name: name, value: w.Value, mask: w.Mask, lossWeight: 1}
	if n := w.Node; n != nil {
		switch f := n.Op.(type) {
		case op.Softmax:
			o.logits = n.In[0]
		case op.Unary:
			if f.Fn == "sigmoid" {
				o.logits = n.In[0]
			}
		}
	}
	return o
}

// resolve chooses accuracies and crossentropies by the shapes of target and output, as Keras does.
//
// Source: keras/src/trainers/compile_utils.py
func (o *output) resolve(y nn.Shape) {
	p := o.value.Shape
	binary := p.Last() == 1
	sparse := len(y) < len(p) || y.Last() == 1 && p.Last() > 1
	choose := func(one, few, many string) string {
		switch {
		case binary:
			return one
		case sparse:
			return few
		}
		return many
	}
	if o.loss.Name == "crossentropy" {
		o.loss.Name = choose("binary_crossentropy", "sparse_categorical_crossentropy", "categorical_crossentropy")
	}
	for _, list := range [][]tracked{o.metrics, o.weighted} {
		for i := range list {
			if list[i].Fn == "accuracy" {
				list[i].Fn = choose("binary_accuracy", "sparse_categorical_accuracy", "categorical_accuracy")
			}
		}
	}
}

// squeezed says that the output's last axis of one is dropped to meet a target without it; what follows is then no longer
// what a sigmoid made.
func (o *output) squeezed(y nn.Shape) bool {
	p := o.value.Shape
	return len(p) == len(y)+1 && len(y) > 1 && p.Last() == 1
}

// of is what a loss reads: the value, or its logits.
func (o *output) of(l Loss, y nn.Shape) (*nn.Value, Loss) {
	if l.crossentropy() && o.logits != nil && !o.squeezed(y) {
		l.FromLogits = true
		return o.logits, l
	}
	return o.value, l
}

// root is where the gradient starts.
func (o *output) root(y nn.Shape) *nn.Value {
	v, _ := o.of(o.loss, y)
	return v
}

// measure computes the loss of a batch and, if train, seeds its gradient; it updates the running means. rows are the rows'
// numbers, for errors.
func (o *output) measure(run *graph.Interp, y, sample *nn.Tensor, rows []int, train bool) (loss float64, err error) {
	shape := run.Value(o.value).Shape
	c := shape.Last()
	if o.squeezed(y.Shape) {
		c = y.Shape.Last()
	}
	n := shape.Size() / max(c, 1)
	if err := o.target.set(y, shape, c, o.name); err != nil {
		return 0, err
	}
	if len(o.tmp) < c {
		o.tmp = make([]float32, c)
	}
	plain, err := o.weights(run, nil, n, "sum", nil) // metrics see the mask, and weighted ones the sample weights
	if err != nil {
		return 0, err
	}
	if err := o.track(run, o.metrics, y, plain, nil, n, c, rows); err != nil {
		return 0, err
	}
	if len(o.weighted) > 0 {
		each := o.spread(sample, n)
		w, err := o.weights(run, each, n, "sum", nil)
		if err != nil {
			return 0, err
		}
		if err := o.track(run, o.weighted, y, w, each, n, c, rows); err != nil {
			return 0, err
		}
	}
	if o.loss.Name == "" {
		return 0, nil
	}
	loss, err = o.lossOf(run, y, sample, c, rows, train)
	if err != nil {
		return 0, err
	}
	o.lossMean.total += loss // each batch counts alike, as in Keras; in the total loss, each row does
	o.lossMean.count++
	return loss * o.lossWeight, nil
}

func at(dense []float32, i, c int) []float32 {
	if dense == nil {
		return nil
	}
	return dense[i*c:][:c]
}

func label(labels []int, i int) int {
	if labels == nil {
		return 0
	}
	return labels[i]
}

// track updates the means of metrics. w weighs the rows' values, as the mask does, too; nil: all alike. Meters see no mask,
// only the sample weights.
//
// Source: keras/src/metrics/reduction_metrics.py
func (o *output) track(run *graph.Interp, list []tracked, y *nn.Tensor, w []float32, sample *nn.Tensor, n, c int, rows []int) error {
	each := float64(max(n/max(len(rows), 1), 1)) // values a row of the batch
	for i := range list {
		m := &list[i]
		metric := m.Metric
		v := o.value
		if metric.loss.Name != "" {
			v, metric.loss = o.of(metric.loss, y.Shape)
		}
		p := run.Value(v).F32
		if m.meters {
			var alone []float32
			if sample != nil {
				alone = sample.F32
			}
			if err := o.meter(m, p, alone, n, c, rows); err != nil {
				return err
			}
			continue
		}
		dense, labels, err := o.target.read(metric.sparse(), c, rows, o.name)
		if err != nil {
			return err
		}
		dense = o.hinged(metric.loss, dense)
		for k := range n {
			scale := float64(1)
			if w != nil {
				if scale = float64(w[k]); scale == 0 {
					continue
				}
			}
			m.mean.total += scale * metric.row(p[k*c:][:c], at(dense, k, c), label(labels, k), c, o.tmp[:c]) / each
			m.mean.count += scale / each
		}
	}
	return nil
}

// meter updates a metric that isn't a mean over rows. A mean that was reset has no meter.
func (o *output) meter(m *tracked, p, w []float32, n, c int, rows []int) (err error) {
	if m.meter == nil {
		if m.meter, err = newMeter(m.class, m.config); err != nil {
			return err
		}
	}
	if m.mean.meter == nil {
		m.meter.reset()
		m.mean.meter = m.meter
	}
	dense, _, err := o.target.read(false, c, rows, o.name)
	if err != nil {
		return err
	}
	return m.meter.update(p, dense, n, c, w)
}

// weights are those of the loss values: sample weights times mask and keep. Where the reduction is a mean, a mask's zeros don't count.
//
// Source: keras/src/losses/loss.py, apply_mask
func (o *output) weights(run *graph.Interp, sample *nn.Tensor, n int, reduction string, keep []bool) ([]float32, error) {
	var mask *nn.Tensor
	if o.mask != nil {
		mask = run.Value(o.mask)
	}
	if sample == nil && mask == nil && keep == nil {
		return nil, nil
	}
	if sample != nil && len(sample.F32) != n {
		return nil, fmt.Errorf("output %q: %d sample weights of shape %v don't fit %d losses", o.name, len(sample.F32), sample.Shape, n)
	}
	if mask != nil && len(mask.I32) != n {
		return nil, unsupported("", "output %q has a mask of shape %v for %d losses, which is not supported", o.name, mask.Shape, n)
	}
	if cap(o.weight) < n {
		o.weight = make([]float32, n)
	}
	w := o.weight[:n]
	kept := float32(1)
	counts := func(i int) bool { return (mask == nil || mask.I32[i] != 0) && (keep == nil || keep[i]) }
	if (mask != nil || keep != nil) && (reduction == "" || reduction == "mean" || reduction == "sum_over_batch_size") {
		var valid int
		for i := range n {
			if counts(i) {
				valid++
			}
		}
		kept = float32(n) / float32(max(valid, 1))
	}
	for i := range w {
		w[i] = 1
		if sample != nil {
			w[i] = sample.F32[i]
		}
		if counts(i) {
			w[i] *= kept
		} else {
			w[i] = 0
		}
	}
	return w, nil
}

// spread gives each of n values its sample weight, where a sample has one for all of its values.
//
// Source: keras/src/losses/loss.py, squeeze_or_expand_to_same_rank, and NumPy's broadcasting
func (o *output) spread(sample *nn.Tensor, n int) *nn.Tensor {
	if sample == nil || sample.Len() == n || sample.Len() == 0 || n%sample.Len() != 0 || sample.Shape[0] != sample.Len() {
		return sample // what doesn't fit, weights refuses
	}
	if o.sample == nil || o.sample.Len() != n {
		o.sample = graph.NewTensor(n)
	}
	o.samples = sample.Len()
	each := n / o.samples
	for i := range o.sample.F32 {
		o.sample.F32[i] = sample.F32[i/each]
	}
	return o.sample
}

func sum(x []float32) (s float64) {
	for _, v := range x {
		s += float64(v)
	}
	return s
}

// target is what an output should have been, as floats or as class numbers, whichever is asked for.
type target struct {
	y          *nn.Tensor
	dense      []float32
	labels     []int
	haveDense  bool
	haveLabels bool
	n          int // losses
	shape      nn.Shape
	ignored    []bool // labels that count; nil: all
}

// set takes the target of a batch and checks its shape against the output's. c is the length of a row of the loss.
func (t *target) set(y *nn.Tensor, p nn.Shape, c int, name string) error {
	t.y, t.haveDense, t.haveLabels, t.shape = y, false, false, p
	if y.DType == graph.String {
		return fmt.Errorf("the target of output %q is text", name)
	}
	t.n = p.Size() / max(c, 1)
	if y.Shape[0] != p[0] {
		return t.misfit(name, p)
	}
	return nil
}

func (t *target) misfit(name string, want nn.Shape) error {
	return &graph.ShapeError{Input: fmt.Sprintf("target of output %q", name), Want: nn.Spec{Shape: want, DType: t.y.DType}, Got: t.y.Spec}
}

// read is the target in the form that a loss wants.
func (t *target) read(sparse bool, c int, rows []int, name string) (dense []float32, labels []int, err error) {
	if sparse {
		if t.y.Shape.Size() != t.n {
			return nil, nil, t.misfit(name, t.shape.With(1))
		}
		if !t.haveLabels || t.ignored != nil {
			if err := t.readLabels(c, rows, name); err != nil {
				return nil, nil, err
			}
			t.haveLabels = true
		}
		return nil, t.labels, nil
	}
	n := t.y.Shape.Size()
	if n != t.n*c {
		return nil, nil, t.misfit(name, t.shape)
	}
	if !t.haveDense {
		if t.y.DType.Storage() == graph.StoreF32 {
			t.dense = t.y.F32
		} else {
			if cap(t.dense) < n {
				t.dense = make([]float32, n)
			}
			t.dense = t.dense[:n]
			floats(t.dense, t.y)
		}
		for i, v := range t.dense {
			if v-v != 0 {
				return nil, nil, fmt.Errorf("the target of output %q in row %d is %v", name, rowOf(rows, i, n), v)
			}
		}
		t.haveDense = true
	}
	return t.dense, nil, nil
}

func (t *target) readLabels(c int, rows []int, name string) error {
	n := t.y.Shape.Size()
	if cap(t.labels) < n {
		t.labels = make([]int, n)
	}
	t.labels = t.labels[:n]
	for i := range t.labels {
		v := number(t.y, i)
		if t.ignored != nil && !t.ignored[i] {
			v = 0
		}
		if !(v > -1 && v < float64(c)) {
			return fmt.Errorf("the target of output %q in row %d is %v, expected a class from 0 to %d", name, rowOf(rows, i, n), v, c-1)
		}
		t.labels[i] = int(v)
	}
	return nil
}

func rowOf(rows []int, i, n int) int {
	if len(rows) == 0 || n == 0 {
		return i
	}
	return rows[i*len(rows)/n]
}

// number is element i.
func number(t *nn.Tensor, i int) float64 {
	switch t.DType.Storage() {
	case graph.StoreF32:
		return float64(t.F32[i])
	case graph.StoreF64:
		return t.F64[i]
	case graph.StoreI32:
		return float64(t.I32[i])
	case graph.StoreI64:
		return float64(t.I64[i])
	}
	return math.NaN()
}

func floats(dst []float32, t *nn.Tensor) {
	for i := range dst {
		dst[i] = float32(number(t, i))
	}
}
