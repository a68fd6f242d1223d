package nn

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"

	"kerasgo/internal/par"
	"kerasgo/nn/graph"
)

// Model is a layer that knows its inputs: a *Sequential or a *Functional.
type Model interface {
	Layer
	// InputSpecs names and describes the inputs, in order; the batch dimension is usually Unknown.
	InputSpecs() []InputSpec
	// OutputNames are Keras's output_names: of the layers, or the keys where the outputs are a dict; repeats get _1, _2.
	OutputNames() []string
	// Predict runs the model on whole inputs, at most 32 rows at a time as Keras does, on all processors. The result is the caller's.
	Predict(ctx context.Context, x ...*Tensor) ([]*Tensor, error)
	// Training is the compile config and the optimizer state that came with the file, or that training left; nil: none.
	Training() *TrainingState

	state() *modelState
}

// InputSpec is an input of a model.
type InputSpec struct {
	Name string
	Spec
}

// TrainingState is what a Keras file keeps for going on with training: keras reads and writes it, train uses it.
type TrainingState struct {
	// Compile is Keras's compile_config (optimizer, loss, metrics, ...), verbatim; nil: the model wasn't compiled.
	Compile json.RawMessage
	// Variables are the optimizer's, in its order, under Keras 3's names without the optimizer's own: iteration,
	// learning_rate, then for each trained weight its slots: dense_kernel_momentum, dense_kernel_velocity.
	Variables []Variable
}

// Variable is a named tensor.
type Variable struct {
	Name  string
	Value *Tensor
}

// modelState is what every model has beside its config.
type modelState struct {
	training *TrainingState
	origin   Origin
	version  atomic.Uint64 // of the weights

	mu      sync.Mutex
	plan    *Plan
	planned uint64
}

func (s *modelState) state() *modelState { return s }

// Training implements Model.
func (s *modelState) Training() *TrainingState { return s.training }

// SetTraining replaces what a file will keep of training.
func SetTraining(m Model, t *TrainingState) { m.state().training = t }

// WeightsChanged tells m that somebody wrote to its weights' data, so that Predict compiles anew.
func WeightsChanged(m Model) { m.state().version.Add(1) }

// Layers are the layers of a model, one level down.
func Layers(m Model) []Layer {
	switch m := m.(type) {
	case *Sequential:
		return m.Layers
	case *Functional:
		return m.Layers
	}
	return nil
}

// Declare builds the model once, so that all weights are known.
func Declare(m Model) error {
	_, _, err := Trace(m, false)
	return err
}

// InitWeights draws the weights that have no value yet, each from a stream of its own: a function of the seed and the
// weight's path.
func InitWeights(m Model, seed uint64) error {
	if err := Declare(m); err != nil {
		return err
	}
	for w := range Weights(m) {
		if w.Data == nil {
			drawWeight(w, seed)
		}
	}
	WeightsChanged(m)
	return nil
}

func drawWeight(w *Weight, seed uint64) {
	w.Data = graph.New(w.Spec)
	if w.Init != nil {
		w.Init(w.Data, graph.Stream(seed, w.Path, 0, 0))
	}
}

// Rand is what initializers draw from.
type Rand = rand.Rand

// predictBatch is Keras's default batch_size.
const predictBatch = 32

func (s *modelState) predict(ctx context.Context, m Model, x []*Tensor) ([]*Tensor, error) {
	x, rows, err := s.inputs(m, x)
	if err != nil {
		return nil, err
	}
	plan, err := s.compiled(m)
	if err != nil {
		return nil, err
	}
	pool := par.New(0)
	defer pool.Close()
	run := plan.plan.Runner(pool)
	var out []*Tensor
	for at := 0; at < max(rows, 1); at += predictBatch {
		part := make([]*Tensor, len(x))
		for i, t := range x {
			part[i] = t.Rows(at, min(at+predictBatch, rows))
		}
		ys, err := run.Run(ctx, part...)
		if err != nil {
			return nil, err
		}
		if rows <= predictBatch { // whole, so that outputs needn't have a batch axis
			for _, y := range ys {
				out = append(out, y.Clone())
			}
			return out, nil
		}
		for i, y := range ys {
			n := part[0].Shape[0]
			if len(y.Shape) == 0 || y.Shape[0]%n != 0 {
				return nil, fmt.Errorf("output %d has shape %v for %d rows, so batches of it can't be joined: give at most %d rows", i, y.Shape, n, predictBatch)
			}
			if at > 0 && !y.Shape[1:].Equal(out[i].Shape[1:]) { // words are padded to the longest row of a batch
				return nil, fmt.Errorf("output %d has rows of %v, and of %v in an earlier batch, so they can't be joined: give at most %d rows",
					i, y.Shape[1:], out[i].Shape[1:], predictBatch)
			}
			each := y.Shape[0] / n
			if at == 0 {
				out = append(out, graph.New(Spec{Shape: append(Shape{rows * each}, y.Shape[1:]...), DType: y.DType}))
			}
			out[i].Rows(at*each, at*each+y.Shape[0]).CopyFrom(y)
		}
	}
	return out, nil
}

// inputs converts x to the dtypes that the model takes and checks the shapes.
func (s *modelState) inputs(m Model, x []*Tensor) ([]*Tensor, int, error) {
	specs := m.InputSpecs()
	if len(x) != len(specs) {
		return nil, 0, fmt.Errorf("model %q has %d inputs, found %d", m.Base().Name, len(specs), len(x))
	}
	x = slices.Clone(x)
	for i, sp := range specs {
		var err error
		if x[i], err = FitInput(sp, x[i]); err != nil {
			return nil, 0, err
		}
		if x[i].Shape[0] != x[0].Shape[0] {
			return nil, 0, fmt.Errorf("inputs have %d and %d rows", x[0].Shape[0], x[i].Shape[0])
		}
	}
	return x, x[0].Shape[0], nil
}

// FitInput converts x to the dtype of an input and checks its shape; a missing last axis of one is added, as Keras does.
func FitInput(s InputSpec, x *Tensor) (*Tensor, error) {
	t, err := x.As(s.DType)
	if err != nil {
		return nil, &graph.ShapeError{Input: fmt.Sprintf("input %q", s.Name), Want: s.Spec, Got: x.Spec}
	}
	if len(t.Shape) == len(s.Shape)-1 && s.Shape.Last() == 1 {
		t = t.Reshaped(append(slices.Clone(t.Shape), 1)...)
	}
	ok := len(t.Shape) == len(s.Shape) && len(t.Shape) > 0
	for i := 0; ok && i < len(s.Shape); i++ {
		ok = s.Shape[i] == graph.Unknown || s.Shape[i] == t.Shape[i]
	}
	if !ok {
		return nil, &graph.ShapeError{Input: fmt.Sprintf("input %q", s.Name), Want: s.Spec, Got: x.Spec}
	}
	return t, nil
}

func (s *modelState) compiled(m Model) (*Plan, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v := s.version.Load(); s.plan == nil || s.planned != v {
		p, err := Compile(m, CompileOptions{})
		if err != nil {
			return nil, err
		}
		s.plan, s.planned = p, v
	}
	return s.plan, nil
}

// uniqueNames gives repeats the suffixes _1, _2, passing over those that are names themselves.
func uniqueNames(names []string) []string {
	taken := map[string]bool{}
	for _, n := range names {
		taken[n] = true
	}
	seen, next := map[string]bool{}, map[string]int{}
	out := make([]string, len(names))
	for i, n := range names {
		if out[i] = n; seen[n] {
			for out[i] = n; taken[out[i]]; {
				next[n]++
				out[i] = fmt.Sprintf("%s_%d", n, next[n])
			}
			taken[out[i]] = true
		}
		seen[n] = true
	}
	return out
}
