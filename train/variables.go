package train

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"

	"kerasgo/internal/par"
	"kerasgo/internal/vec"
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// variable is a trained weight with what the optimizer keeps of it.
type variable struct {
	weight *nn.Weight
	value  *nn.Value  // in the training graph
	grad   *nn.Tensor // of this step; nil: the loss doesn't depend on it
	slots  []*nn.Tensor
	factor float32 // that clipping scales the gradient by

	path    string     // Keras's, which has a Sequential model's name before it
	decay   float32    // weight decay
	average *nn.Tensor // of the weight over time
	summed  *nn.Tensor // gradients that wait for their step

	lookups   []lookup // what embeddings looked up in it, if nothing else reads it
	penalized bool
	square    *nn.Tensor // see squared
	absolute  bool       // square has absolute values instead
}

// lookup are rows that an embedding read, and their ids.
type lookup struct{ ids, rows *nn.Value }

// lookups are the values that embeddings read from w; nil if something else reads it, too.
func lookups(g *graph.Graph, w *nn.Value) (out []lookup) {
	for _, n := range g.Nodes {
		for i, v := range n.In {
			if v != w {
				continue
			}
			if _, ok := n.Op.(op.Gather); !ok || i != 0 {
				return nil
			}
			out = append(out, lookup{n.In[1], n.Out[0]})
		}
	}
	return out
}

// norm is the squared norm that clipping goes by. TensorFlow's gradient of an embedding is a list of rows, one for each
// lookup; Keras takes the norm of that list, in which repeated ids aren't added up.
func (v *variable) norm(run *graph.Interp) (sum float64) {
	if v.grad == nil {
		return 0
	}
	if v.lookups == nil {
		return float64(vec.Dot(v.grad.F32, v.grad.F32))
	}
	for _, l := range v.lookups {
		if g := run.Grad(l.rows); g != nil {
			sum += float64(vec.Dot(g.F32, g.F32))
		}
	}
	return sum
}

// squares are the gradient's, where they aren't just the squares of its elements; else nil.
func (v *variable) squares() []float32 {
	if v.square == nil {
		return nil
	}
	return v.square.F32
}

// clipped bounds each row of an embedding's gradient before rows of one id are added up, as Keras does.
func (v *variable) clipped(run *graph.Interp, limit float32) {
	if v.lookups == nil || v.grad == nil {
		return
	}
	clear(v.grad.F32)
	d := v.weight.Shape[1]
	for _, l := range v.lookups {
		g := run.Grad(l.rows)
		if g == nil {
			continue
		}
		for i, id := range run.Value(l.ids).I32 {
			row := v.grad.F32[int(id)*d:][:d]
			for k, x := range g.F32[i*d:][:d] {
				x = min(max(x, -limit), limit)
				g.F32[i*d+k] = x
				row[k] += x
			}
		}
	}
}

// squared adds up the squares of an embedding's gradient. They, too, are a list of rows in Keras: a row that was looked up
// twice counts with the squares of both gradients, not with that of their sum. So do absolute values.
func (v *variable) squared(run *graph.Interp) {
	if v.square == nil || v.grad == nil {
		return
	}
	q, d := v.square.F32, v.weight.Shape[1]
	clear(q)
	for _, l := range v.lookups {
		g := run.Grad(l.rows)
		if g == nil {
			continue
		}
		for i, id := range run.Value(l.ids).I32 {
			row, of := q[int(id)*d:][:d], g.F32[i*d:][:d]
			if !v.absolute {
				vec.MulAdd(row, of, of)
				continue
			}
			for k, x := range of {
				row[k] += max(x, -x)
			}
		}
	}
	switch {
	case v.factor == 1:
	case v.absolute:
		vec.Scale(q, q, v.factor)
	default:
		vec.Scale(q, q, float32(v.factor*v.factor))
	}
}

// state holds the optimizer's variables, which are the ones that nn.TrainingState lists: nothing is copied.
type state struct {
	iteration *nn.Tensor // int64
	rate      *nn.Tensor // float32
	vars      []*variable
	list      []nn.Variable
	all       []float32  // what the optimizer keeps that belongs to no weight
	scaling   *lossScale // nil: the loss isn't scaled
}

// newState lists the trained weights, in Keras's order.
func newState(m nn.Model, opt Optimizer) (*state, error) {
	s := &state{iteration: graph.New(nn.Spec{Shape: nn.Shape{}, DType: graph.Int64}), rate: graph.New(nn.Spec{Shape: nn.Shape{}})}
	s.rate.F32[0] = float32(opt.common().LearningRate)
	for w := range nn.Weights(m) {
		if !w.Trainable {
			continue
		}
		if w.DType != graph.Float32 {
			return nil, &nn.UnsupportedError{Where: nn.Where{Object: w.Path}, Msg: fmt.Sprintf("training weights of %v is not supported", w.DType)}
		}
		if w.Data == nil {
			return nil, fmt.Errorf("weight %s has no value yet", w.Path)
		}
		v := &variable{weight: w, path: w.Path}
		if _, ok := m.(*nn.Sequential); ok {
			v.path = m.Base().Name + "/" + w.Path
		}
		s.vars = append(s.vars, v)
	}
	return s, nil
}

// keepSlots makes what an optimizer keeps of each weight, and takes over what the model has of it. Names are Keras's, without
// the optimizer's and a Sequential model's own.
func (s *state) keepSlots(m nn.Model, opt Optimizer, scaled *LossScaleOptimizer) error {
	c := opt.common()
	s.list = nil
	if scaled != nil {
		s.scaling, s.list = newLossScale(scaled)
	}
	s.list = append(s.list, nn.Variable{Name: "iteration", Value: s.iteration})
	if c.Schedule == nil {
		s.list = append(s.list, nn.Variable{Name: "learning_rate", Value: s.rate})
	}
	keep := func(v *variable, name string) *nn.Tensor {
		t := graph.New(v.weight.Spec)
		s.list = append(s.list, nn.Variable{Name: strings.ReplaceAll(v.weight.Path, "/", "_") + "_" + name, Value: t})
		return t
	}
	if c.UseEMA {
		for _, v := range s.vars {
			v.average = keep(v, "average")
		}
	}
	if c.accumulates() > 1 {
		for _, v := range s.vars {
			v.summed = keep(v, "gradient_accumulator")
		}
	}
	for _, slot := range opt.slots(s.vars) {
		n := len(s.list)
		if s.keep(slot); scaled != nil && (slot.idle || slot.of == nil) { // Keras loses track of these there
			s.list = s.list[:n]
		}
	}
	var had []nn.Variable
	if m.Training() != nil {
		had = m.Training().Variables
	}
	return s.restore(had)
}

func (s *state) keep(slot slot) {
	if slot.idle {
		s.list = append(s.list, nn.Variable{Name: slot.name, Value: graph.New(nn.Spec{Shape: nn.Shape{}, DType: graph.Int32})})
		slot.of.slots = append(slot.of.slots, graph.New(nn.Spec{Shape: nn.Shape{0}}))
		return
	}
	t := graph.New(slot.spec)
	for i := range t.F32 {
		t.F32[i] = slot.fill
	}
	name := slot.name
	switch {
	case slot.of == nil:
		s.all = t.F32
	case slot.copy:
		copy(t.F32, slot.of.weight.Data.F32)
	}
	if slot.of != nil {
		slot.of.slots = append(slot.of.slots, t)
		if !slot.full {
			name = strings.ReplaceAll(slot.of.weight.Path, "/", "_") + "_" + name
		}
	}
	s.list = append(s.list, nn.Variable{Name: name, Value: t})
}

// decays says how much each weight decays. Those that a pattern finds don't.
//
// Source: keras/src/optimizers/base_optimizer.py, exclude_from_weight_decay
func (s *state) decays(opt Optimizer, exclude []string) error {
	var patterns []*regexp.Regexp
	for _, p := range exclude {
		re, err := regexp.Compile(p)
		if err != nil {
			return fmt.Errorf("weights without decay: %w", err)
		}
		patterns = append(patterns, re)
	}
	for _, v := range s.vars {
		decay := opt.common().WeightDecay
		if m, ok := opt.(*Muon); ok {
			decay = m.decay(v)
		}
		excluded := slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool { return p.MatchString(v.path) })
		if v.decay = 0; decay != nil && !excluded {
			v.decay = float32(*decay)
		}
	}
	return nil
}

// restore takes over variables, by position. Where the optimizer was never used there are none, or the first two alone.
func (s *state) restore(had []nn.Variable) error {
	if len(had) == 0 {
		return nil
	}
	if len(had) != len(s.list) {
		if len(had) <= 2 && had[0].Value != nil && had[0].Value.Len() == 1 && number(had[0].Value, 0) == 0 {
			return nil
		}
		return &nn.FormatError{Where: nn.Where{Object: "optimizer"}, Msg: "number of variables", Want: fmt.Sprint(len(s.list)), Got: fmt.Sprint(len(had))}
	}
	for i, v := range s.list {
		h := had[i].Value
		if h == nil || h.Len() != v.Value.Len() || len(h.Shape) > 0 && !h.Shape.Equal(v.Value.Shape) && v.Value.Len() != 1 {
			return &nn.FormatError{Where: nn.Where{Object: "optimizer", Key: had[i].Name}, Msg: "shape", Want: fmt.Sprint(v.Value.Shape)}
		}
		if h.DType == graph.String {
			return &nn.FormatError{Where: nn.Where{Object: "optimizer", Key: had[i].Name}, Msg: "text"}
		}
		graph.Cast(v.Value, h)
	}
	return nil
}

// apply makes a step with this batch's gradients; where gradients accumulate, every so many batches.
//
// Source: keras/src/optimizers/base_optimizer.py, apply
func (t *Trainer) apply(run *graph.Interp) {
	if t.scaling != nil && !t.scaling.finite(t.vars) {
		return
	}
	c, s := t.opt.common(), &t.step
	n, done := c.accumulates(), t.iteration.I64[0]
	t.rate.F32[0] = c.rateAt(done, t.rate.F32[0])
	s.at = moment{rate: t.rate.F32[0], step: done/n + 1, all: t.all}
	s.update, s.limit, s.keep, s.overwrite = (done+1)%n == 0, 0, 0, false
	if n > 1 {
		t.accumulate(s.update, float32(n))
	}
	if c.UseEMA {
		if done/n > 0 {
			s.keep = float32(c.EMAMomentum)
		}
		every := c.overwrites()
		s.overwrite = every > 0 && (done/n+1)%every == 0
	}
	if s.update {
		if c.ClipValue != nil {
			s.limit = float32(*c.ClipValue)
		}
		t.clip(run)
		for _, v := range t.vars {
			if s.limit > 0 {
				v.clipped(run, s.limit)
			}
			v.squared(run)
		}
		if o, ok := t.opt.(beginner); ok {
			o.begin(s.at)
		}
	}
	t.pool.Run(len(s.parts), s)
	if len(t.limits) > 0 {
		t.pool.Run(len(t.limits), &t.limits)
	}
	t.iteration.I64[0]++
}

// accumulate adds this batch's gradients to those that wait; at an update their mean takes the gradients' place.
func (t *Trainer) accumulate(update bool, n float32) {
	for _, v := range t.vars {
		if v.grad == nil {
			continue
		}
		if !update {
			vec.Add(v.summed.F32, v.summed.F32, v.grad.F32)
			continue
		}
		for i, g := range v.grad.F32 {
			v.grad.F32[i] = (g + v.summed.F32[i]) / n
		}
		clear(v.summed.F32)
	}
}

// average makes the averages over time the weights.
//
// Source: keras/src/optimizers/base_optimizer.py, finalize_variable_values
func (t *Trainer) average() {
	if !t.opt.common().UseEMA || t.iteration.I64[0] == 0 {
		return
	}
	for _, v := range t.vars {
		copy(v.weight.Data.F32, v.average.F32)
	}
}

// sparse sees to embeddings, whose gradients are lists of rows in Keras (a regularizer or clipping by the global norm makes
// them whole).
func (t *Trainer) sparse(v *variable) {
	c := t.opt.common()
	if v.penalized {
		v.lookups = nil
	}
	if v.lookups == nil || c.GlobalClipNorm != nil && *c.GlobalClipNorm > 0 {
		return
	}
	switch t.opt.(type) {
	case *SGD, *Lion: // squares don't matter
	default:
		v.square = graph.New(v.weight.Spec)
		_, v.absolute = t.opt.(*Adamax)
	}
}

// clip finds what each gradient is scaled by.
func (t *Trainer) clip(run *graph.Interp) {
	c := t.opt.common()
	for _, v := range t.vars {
		v.factor = 1
		if c.ClipNorm != nil && *c.ClipNorm > 0 {
			if n := math.Sqrt(v.norm(run)); n > *c.ClipNorm {
				v.factor = float32(*c.ClipNorm / n)
			}
		}
	}
	if c.GlobalClipNorm != nil && *c.GlobalClipNorm > 0 {
		var total float64
		for _, v := range t.vars {
			total += v.norm(run)
		}
		if n := math.Sqrt(total); n > *c.GlobalClipNorm {
			for _, v := range t.vars {
				v.factor = float32(*c.GlobalClipNorm / n)
			}
		}
	}
}

// stretch is how many elements of a weight one thread updates at a time.
const stretch = 1 << 15

// part is a stretch of a weight, and the same of its slots.
type part struct {
	v        *variable
	from, to int
	slots    [][]float32
	scratch  []float32
}

// optimizerStep is the update of all weights as a parallel task: a stretch belongs to one thread, so threads change no bits.
type optimizerStep struct {
	opt       Optimizer
	whole     wholesale // the same, where it needs all of a weight at once
	ema       bool
	parts     []part
	at        moment
	update    bool    // else gradients only accumulate
	limit     float32 // of each value of a gradient; 0: none
	keep      float32 // of the averages
	overwrite bool    // weights become their averages
}

func newStep(opt Optimizer, vars []*variable) optimizerStep {
	s := optimizerStep{opt: opt, ema: opt.common().UseEMA}
	s.whole, _ = opt.(wholesale)
	for _, v := range vars {
		n := v.weight.Shape.Size()
		if s.whole != nil {
			p := part{v: v, to: n, scratch: make([]float32, s.whole.scratch(v))}
			for _, slot := range v.slots {
				p.slots = append(p.slots, slot.F32)
			}
			s.parts = append(s.parts, p)
			continue
		}
		for from := 0; from < n; from += stretch {
			p := part{v: v, from: from, to: min(from+stretch, n)}
			for _, slot := range v.slots {
				p.slots = append(p.slots, slot.F32[p.from:p.to])
			}
			s.parts = append(s.parts, p)
		}
	}
	return s
}

var _ par.Task = (*optimizerStep)(nil)

// Do implements par.Task.
func (s *optimizerStep) Do(_, i int) {
	p := &s.parts[i]
	w := p.v.weight.Data.F32[p.from:p.to]
	if s.update && p.v.grad != nil {
		s.step(p, w, p.v.grad.F32[p.from:p.to])
	}
	if s.ema {
		average, rest := p.v.average.F32[p.from:p.to], 1-s.keep
		for k, v := range w {
			average[k] = float32(s.keep*average[k]) + float32(rest*v)
		}
		if s.overwrite {
			copy(w, average)
		}
	}
}

func (s *optimizerStep) step(p *part, w, g []float32) {
	if p.v.factor != 1 {
		vec.Scale(g, g, p.v.factor)
	}
	if s.limit > 0 && p.v.lookups == nil {
		for k, v := range g {
			g[k] = min(max(v, -s.limit), s.limit)
		}
	}
	if p.v.decay != 0 {
		vec.Axpy(w, -p.v.decay*s.at.rate, w)
	}
	if s.whole != nil {
		s.whole.updateAll(p.v, p.slots, p.scratch, s.at)
		return
	}
	q := p.v.squares()
	if q != nil {
		q = q[p.from:p.to]
	}
	s.opt.update(w, g, q, p.slots, s.at)
}
