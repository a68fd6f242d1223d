package train

import (
	"fmt"
	"math"
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

	lookups   []*nn.Value // what embeddings looked up in it, if nothing else reads it
	penalized bool
}

// lookups are the values that embeddings read from w; nil if something else reads it, too.
func lookups(g *graph.Graph, w *nn.Value) (out []*nn.Value) {
	for _, n := range g.Nodes {
		for i, v := range n.In {
			if v != w {
				continue
			}
			if _, ok := n.Op.(op.Gather); !ok || i != 0 {
				return nil
			}
			out = append(out, n.Out[0])
		}
	}
	return out
}

// squares is the squared norm that clipping goes by. TensorFlow's gradient of an embedding is a list of rows, one for each
// lookup; Keras takes the norm of that list, in which repeated ids aren't added up.
func (v *variable) squares(run *graph.Interp) (sum float64) {
	if v.grad == nil {
		return 0
	}
	if v.lookups == nil || v.penalized {
		return float64(vec.Dot(v.grad.F32, v.grad.F32))
	}
	for _, l := range v.lookups {
		if g := run.Grad(l); g != nil {
			sum += float64(vec.Dot(g.F32, g.F32))
		}
	}
	return sum
}

// state holds the optimizer's variables, which are the ones that nn.TrainingState lists: nothing is copied.
type state struct {
	iteration *nn.Tensor // int64
	rate      *nn.Tensor // float32
	vars      []*variable
	list      []nn.Variable
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
		s.vars = append(s.vars, &variable{weight: w})
	}
	return s, nil
}

// keepSlots makes what an optimizer keeps of each weight, and takes over what the model has of it. Names are Keras's, without
// the optimizer's and a Sequential model's own.
func (s *state) keepSlots(m nn.Model, opt Optimizer) error {
	s.list = []nn.Variable{{Name: "iteration", Value: s.iteration}, {Name: "learning_rate", Value: s.rate}}
	for _, group := range opt.slots() {
		for _, v := range s.vars {
			for _, name := range group {
				t := graph.New(v.weight.Spec)
				v.slots = append(v.slots, t)
				s.list = append(s.list, nn.Variable{Name: strings.ReplaceAll(v.weight.Path, "/", "_") + "_" + name, Value: t})
			}
		}
	}
	var had []nn.Variable
	if m.Training() != nil {
		had = m.Training().Variables
	}
	return s.restore(had)
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

// apply makes a step with the gradients that clip has seen.
//
// Source: keras/src/optimizers/base_optimizer.py, apply
func (t *Trainer) apply() {
	c := t.opt.common()
	t.step.rate, t.step.number, t.step.decay, t.step.limit = t.rate.F32[0], t.iteration.I64[0]+1, 0, 0
	if c.WeightDecay != nil {
		t.step.decay = float32(*c.WeightDecay)
	}
	if c.ClipValue != nil {
		t.step.limit = float32(*c.ClipValue)
	}
	t.pool.Run(len(t.step.parts), &t.step)
	t.iteration.I64[0]++
}

// clip finds what each gradient is scaled by.
func (t *Trainer) clip(run *graph.Interp) {
	c := t.opt.common()
	for _, v := range t.vars {
		v.factor = 1
		if c.ClipNorm != nil && *c.ClipNorm > 0 {
			if n := math.Sqrt(v.squares(run)); n > *c.ClipNorm {
				v.factor = float32(*c.ClipNorm / n)
			}
		}
	}
	if c.GlobalClipNorm != nil && *c.GlobalClipNorm > 0 {
		var total float64
		for _, v := range t.vars {
			total += v.squares(run)
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
}

// optimizerStep is the update of all weights as a parallel task: elementwise, so threads change no bits.
type optimizerStep struct {
	opt          Optimizer
	parts        []part
	rate         float32
	number       int64
	decay, limit float32
}

func newStep(opt Optimizer, vars []*variable) optimizerStep {
	s := optimizerStep{opt: opt}
	for _, v := range vars {
		for from := 0; from < v.weight.Shape.Size(); from += stretch {
			p := part{v: v, from: from, to: min(from+stretch, v.weight.Shape.Size())}
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
	if p.v.grad == nil {
		return
	}
	w, g := p.v.weight.Data.F32[p.from:p.to], p.v.grad.F32[p.from:p.to]
	if p.v.factor != 1 {
		vec.Scale(g, g, p.v.factor)
	}
	if s.limit > 0 {
		for k, v := range g {
			g[k] = min(max(v, -s.limit), s.limit)
		}
	}
	if s.decay != 0 {
		vec.Axpy(w, -s.decay*s.rate, w)
	}
	s.opt.update(w, g, p.slots, s.rate, s.number)
}
