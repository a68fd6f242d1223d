package train

import (
	"context"
	"fmt"
	"math"
	"slices"

	"kerasgo/data"
	"kerasgo/internal/par"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// Trainer trains a model a batch at a time; [Fit] is a loop around one. Nothing is allocated in steady state. It isn't for
// use by several goroutines at once, and nothing else may write to the model's weights meanwhile.
type Trainer struct {
	*state
	model   nn.Model
	config  *Config
	opt     Optimizer
	scaled  *LossScaleOptimizer // that opt is inside of; nil: of none
	o       Options
	pool    *par.Pool
	step    optimizerStep
	tracks  []penalty
	limits  constraints
	fitting executor
	eval    executor
}

// NewTrainer makes a trainer of a compiled model. Its weights must have values.
func NewTrainer(m nn.Model, o Options) (*Trainer, error) {
	t, err := newTrainer(m, o)
	if err != nil {
		return nil, err
	}
	if err := t.keepSlots(m, t.opt, t.scaled); err != nil {
		t.Close()
		return nil, err
	}
	if err := t.decays(t.opt, o.NoWeightDecay); err != nil {
		t.Close()
		return nil, err
	}
	t.step = newStep(t.opt, t.vars)
	t.finish()
	return t, nil
}

// newTrainer makes what evaluation needs: all but what the optimizer keeps.
func newTrainer(m nn.Model, o Options) (*Trainer, error) {
	c, err := ConfigOf(m)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, fmt.Errorf("model %q isn't compiled: it has no optimizer and no loss", m.Base().Name)
	}
	outputs := m.OutputNames()
	if err := c.check(outputs); err != nil {
		return nil, err
	}
	if len(o.ClassWeight) > 0 && len(outputs) > 1 {
		return nil, fmt.Errorf("class weights are for models with one output, this one has %d", len(outputs))
	}
	t := &Trainer{model: m, config: c, opt: c.Optimizer, o: o}
	if s, ok := t.opt.(*LossScaleOptimizer); ok {
		t.opt, t.scaled = s.Inner, s
	}
	t.fitting.training = true
	for _, e := range []*executor{&t.fitting, &t.eval} {
		if err := e.trace(m, c); err != nil {
			return nil, err
		}
	}
	if t.state, err = newState(m, t.opt); err != nil {
		return nil, err
	}
	if t.tracks, t.limits, err = penalties(m, t.vars); err != nil {
		return nil, err
	}
	for _, e := range []*executor{&t.fitting, &t.eval} {
		if e.activity, err = activities(e.g); err != nil {
			return nil, err
		}
	}
	t.pool = par.New(o.Threads)
	return t, nil
}

// check tells whether there is a loss, and one for each output if there are several.
func (c *Config) check(outputs []string) error {
	if len(c.Loss) > 1 && len(c.Loss) != len(outputs) {
		return &nn.FormatError{Where: nn.Where{Object: "compile config", Key: "loss"}, Msg: "number of losses",
			Want: fmt.Sprint(len(outputs)), Got: fmt.Sprint(len(c.Loss))}
	}
	if !slices.ContainsFunc(c.Loss, func(l Loss) bool { return l.Name != "" }) {
		return fmt.Errorf("the model is compiled without a loss")
	}
	if n := len(c.LossWeights); n > 0 && n != len(c.Loss) && n != len(outputs) {
		return &nn.FormatError{Where: nn.Where{Object: "compile config", Key: "loss_weights"}, Msg: "number of weights",
			Want: fmt.Sprint(len(c.Loss)), Got: fmt.Sprint(n)}
	}
	for key, sets := range map[string][][]Metric{"metrics": c.Metrics, "weighted_metrics": c.Weighted} {
		if len(sets) > 0 && len(sets) != len(outputs) {
			return &nn.FormatError{Where: nn.Where{Object: "compile config", Key: key}, Msg: "number of lists",
				Want: fmt.Sprint(len(outputs)), Got: fmt.Sprint(len(sets))}
		}
	}
	return nil
}

// Close ends the trainer's threads. The model keeps the optimizer's state.
func (t *Trainer) Close() { t.pool.Close() }

// finish hands what training changed over to the model.
func (t *Trainer) finish() {
	raw := t.model.Training().Compile
	if c := t.opt.common(); c.Schedule == nil && float32(c.LearningRate) != t.rate.F32[0] {
		raw = withRate(raw, float64(t.rate.F32[0]))
	}
	nn.SetTraining(t.model, &nn.TrainingState{Compile: raw, Variables: t.list})
	nn.WeightsChanged(t.model)
}

// ResetMetrics starts the running means anew, as Keras does before each epoch.
func (t *Trainer) ResetMetrics() { t.fitting.reset() }

// TrainOnBatch makes one step and returns the means since ResetMetrics, which last until the next step.
func (t *Trainer) TrainOnBatch(ctx context.Context, b *data.Batch) (Logs, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return t.train(b, nil)
}

// train is one step. Once it has begun, it is finished, whatever ends meanwhile. rows are the rows' numbers, for errors.
func (t *Trainer) train(b *data.Batch, rows []int) (Logs, error) {
	e := &t.fitting
	if err := t.ready(e, b); err != nil {
		return nil, err
	}
	e.run.Seed, e.run.Step = t.o.Seed, uint64(t.iteration.I64[0])
	if err := e.forward(context.Background(), b); err != nil {
		return nil, err
	}
	e.run.ZeroGrad()
	loss, err := e.measure(t, b, rows)
	if err != nil {
		return nil, err
	}
	if (math.IsNaN(loss) || math.IsInf(loss, 0)) && !t.o.AllowNaN {
		return nil, &NaNError{Epoch: 1, Step: int(t.iteration.I64[0]) + 1, Steps: int(t.iteration.I64[0]) + 1, Loss: loss}
	}
	e.run.Pull()
	for _, v := range t.vars {
		v.grad = e.run.Grad(v.value)
	}
	for i := range t.tracks {
		t.tracks[i].gradient()
	}
	t.apply(e.run)
	e.run.Commit()
	nn.WeightsChanged(t.model) // whoever trains by hand may predict between two steps
	return e.logs(), nil
}

// test measures a batch as evaluate() does.
func (t *Trainer) test(ctx context.Context, b *data.Batch, rows []int, first bool) error {
	e := &t.eval
	if err := t.ready(e, b); err != nil {
		return err
	}
	if first {
		e.reset()
	}
	if err := e.forward(ctx, b); err != nil {
		return err
	}
	if _, err := e.measure(t, b, rows); err != nil {
		return err
	}
	e.run.Commit()
	return nil
}

// ready makes the executor's interpreter, once the targets' shapes are known, and checks the batch.
func (t *Trainer) ready(e *executor, b *data.Batch) error {
	if len(b.Y) != len(e.outs) {
		return fmt.Errorf("the model has %d outputs, the data %d targets", len(e.outs), len(b.Y))
	}
	if n := len(b.Weight); n > 1 && n != len(e.outs) {
		return fmt.Errorf("the model has %d outputs, the data %d sample weights", len(e.outs), n)
	}
	if len(b.Weight) > 0 && len(t.o.ClassWeight) > 0 {
		return fmt.Errorf("class weights and sample weights can't be given together")
	}
	for i, y := range b.Y {
		if y == nil || len(y.Shape) == 0 {
			return fmt.Errorf("target %d has no rows", i)
		}
	}
	if e.run != nil {
		return nil
	}
	var roots []*nn.Value
	for i, o := range e.outs {
		if len(o.value.Shape) < 2 || o.value.DType != graph.Float32 {
			return &nn.UnsupportedError{Where: nn.Where{Object: "output " + o.name}, Msg: fmt.Sprintf("a loss of %v is not supported", o.value.Spec)}
		}
		o.resolve(b.Y[i].Shape)
		if o.loss.Name != "" {
			roots = append(roots, o.root(b.Y[i].Shape))
		}
	}
	for _, a := range e.activity {
		roots = append(roots, a.value)
	}
	if e.training {
		for _, v := range t.vars {
			v.value = e.g.Graph.Weight(v.weight)
			v.lookups = lookups(e.g.Graph, v.value)
			if t.opt.common().accumulates() > 1 {
				v.lookups = nil // sums of gradients are no lists of rows
			}
			t.sparse(v)
		}
	} else {
		roots = nil
	}
	e.run = graph.NewInterp(e.g.Graph, t.o.MaxBytes, roots...)
	e.run.Pool = t.pool
	return nil
}

// executor is the model traced for training or for inference, with what is measured on it.
type executor struct {
	training bool
	g        *nn.Graph
	run      *graph.Interp
	outs     []*output
	activity []activity
	inputs   []nn.InputSpec
	in       []*nn.Tensor // of this batch
	cast     []*nn.Tensor // inputs in the model's dtype
	total    mean
	entries  []entry
	report   Logs
	classes  *nn.Tensor // class weights of this batch
}

// entry is a line of the logs.
type entry struct {
	name string
	mean *mean
}

func (e *executor) trace(m nn.Model, c *Config) error {
	g, wires, err := nn.Trace(m, e.training)
	if err != nil {
		return err
	}
	e.g, e.inputs = g, m.InputSpecs()
	e.in, e.cast = make([]*nn.Tensor, len(e.inputs)), make([]*nn.Tensor, len(e.inputs))
	names := m.OutputNames()
	if len(wires) != len(names) {
		return fmt.Errorf("model %q has %d outputs and %d names for them", m.Base().Name, len(wires), len(names))
	}
	losses := 0
	for i, w := range wires {
		o := newOutput(names[i], w)
		if len(c.Loss) == 1 {
			o.loss = c.Loss[0]
		} else {
			o.loss = c.Loss[i]
		}
		if o.loss.Name != "" {
			losses++
		}
		switch {
		case len(c.LossWeights) == len(wires):
			o.lossWeight = c.LossWeights[i]
		case len(c.LossWeights) == 1:
			o.lossWeight = c.LossWeights[0]
		}
		e.outs = append(e.outs, o)
	}
	e.entries = []entry{{"loss", &e.total}}
	seen := map[string]int{"loss": 1}
	add := func(name string, m *mean) {
		if n := seen[name]; n > 0 {
			seen[name]++
			name = fmt.Sprintf("%s_%d", name, n)
		}
		seen[name]++
		e.entries = append(e.entries, entry{name, m})
	}
	prefix := func(o *output) string {
		if len(wires) == 1 {
			return ""
		}
		return o.name + "_"
	}
	for i, o := range e.outs {
		if o.loss.Name != "" && losses > 1 {
			add(o.name+"_loss", &o.lossMean)
		}
		if len(c.Metrics) > 0 {
			o.metrics = trackedOf(c.Metrics[i])
		}
		if len(c.Weighted) > 0 {
			o.weighted = trackedOf(c.Weighted[i])
		}
	}
	for _, o := range e.outs {
		for k := range o.metrics {
			add(prefix(o)+o.metrics[k].Name, &o.metrics[k].mean)
		}
	}
	for _, o := range e.outs {
		for k := range o.weighted {
			name := prefix(o) + o.weighted[k].Name
			if seen[name] > 0 {
				name = prefix(o) + "weighted_" + o.weighted[k].Name
			}
			add(name, &o.weighted[k].mean)
		}
	}
	slices.SortFunc(e.entries, func(a, b entry) int {
		if a.name < b.name {
			return -1
		}
		return 1
	})
	e.report = make(Logs, len(e.entries))
	return nil
}

func trackedOf(set []Metric) (out []tracked) {
	for _, m := range set {
		out = append(out, tracked{Metric: m})
	}
	return out
}

func (e *executor) reset() {
	for i := range e.entries {
		*e.entries[i].mean = mean{}
	}
}

func (e *executor) logs() Logs {
	for i := range e.entries {
		e.report[i] = Log{e.entries[i].name, e.entries[i].mean.value()}
	}
	return e.report
}

// forward runs the model on the batch's inputs, converted to the model's types.
func (e *executor) forward(ctx context.Context, b *data.Batch) error {
	if len(b.X) != len(e.inputs) {
		return fmt.Errorf("the model has %d inputs, the data %d", len(e.inputs), len(b.X))
	}
	for i, x := range b.X {
		s := e.inputs[i]
		if x.DType != s.DType && x.DType != graph.String && s.DType != graph.String {
			if c := e.cast[i]; c == nil || !c.Shape.Equal(x.Shape) {
				e.cast[i] = graph.New(nn.Spec{Shape: slices.Clone(x.Shape), DType: s.DType})
			}
			graph.Cast(e.cast[i], x)
			x = e.cast[i]
		}
		if len(x.Shape) != len(s.Shape) || x.DType != s.DType {
			var err error
			if x, err = nn.FitInput(s, x); err != nil {
				return err
			}
		}
		e.in[i] = x
	}
	return e.run.Forward(ctx, e.in...)
}

// measure computes the total loss of the batch that was run, and seeds its gradients.
func (e *executor) measure(t *Trainer, b *data.Batch, rows []int) (float64, error) {
	var loss float64
	for i, o := range e.outs {
		var sample *nn.Tensor
		switch {
		case len(b.Weight) == 1:
			sample = b.Weight[0]
		case len(b.Weight) > 1:
			sample = b.Weight[i]
		case len(t.o.ClassWeight) > 0:
			var err error
			if sample, err = e.classWeights(b.Y[i], t.o.ClassWeight); err != nil {
				return 0, err
			}
		}
		if sample != nil && sample.DType != graph.Float32 {
			var err error
			if sample, err = sample.As(graph.Float32); err != nil {
				return 0, err
			}
		}
		l, err := o.measure(e.run, b.Y[i], sample, rows, e.training)
		if err != nil {
			return 0, err
		}
		loss += l
	}
	for _, p := range t.tracks {
		loss += p.loss()
	}
	for _, a := range e.activity {
		loss += a.measure(e.run, e.training)
	}
	n := float64(e.in[0].Shape[0])
	e.total.total += loss * n
	e.total.count += n
	return loss, nil
}

// classWeights are the sample weights that a target's classes stand for.
//
// Source: keras/src/trainers/data_adapters/data_adapter_utils.py
func (e *executor) classWeights(y *nn.Tensor, by map[int]float64) (*nn.Tensor, error) {
	rows := y.Shape[0]
	if e.classes == nil || e.classes.Shape[0] != rows {
		e.classes = graph.NewTensor(rows)
	}
	c := y.Shape[1:].Size()
	if len(y.Shape) > 2 {
		return nil, fmt.Errorf("class weights need one class a row, the target has shape %v", y.Shape)
	}
	for i := range rows {
		class := 0
		if c == 1 {
			class = int(math.Round(number(y, i)))
		} else {
			for k := range c {
				if number(y, i*c+k) > number(y, i*c+class) {
					class = k
				}
			}
		}
		w, ok := by[class]
		if !ok {
			w = 1
		}
		e.classes.F32[i] = float32(w)
	}
	return e.classes, nil
}
