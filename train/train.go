// Package train trains Keras models: losses, metrics, optimizers and callbacks are Keras 3's, and so are their numbers.
//
// A model brings its compile config from its file, or gets one from [Compile]; [Fit] trains it, [Evaluate] measures it.
// What Keras's optimizer keeps between calls stays on the model (nn.TrainingState), so a loaded model goes on where its
// file stopped, and a saved one hands over.
//
// The same seed gives the same bits, whatever the number of threads.
package train

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"

	"kerasgo/data"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// Options are fit()'s arguments; the zero value is Keras's default.
type Options struct {
	Epochs       int // 0: 1
	BatchSize    int // 0: 32
	InitialEpoch int
	// NoShuffle keeps the rows in order; else each epoch has an order of its own, drawn from Seed.
	NoShuffle bool
	Seed      uint64 // of the rows' order and of dropout
	// Validation is measured after each epoch; else ValidationSplit is the part of the rows, the last ones, that is.
	Validation          data.Source
	ValidationSplit     float64
	ValidationBatchSize int // 0: BatchSize
	// StepsPerEpoch ends an epoch after so many batches, and the next one goes on behind them; where the rows end, so does the
	// epoch, and the next one begins anew, as over arrays in Keras. 0: all of them.
	StepsPerEpoch int
	// ValidationSteps measures so many batches, from the first; 0: all of them.
	ValidationSteps int
	// ValidationFreq measures validation after each so many epochs; 0: after each. ValidationEpochs names the epochs instead,
	// from 1.
	ValidationFreq   int
	ValidationEpochs []int
	// ClassWeight says how much each class counts (1 where it says nothing). Of models with one output.
	ClassWeight map[int]float64
	// NoWeightDecay are regular expressions: weights whose path one of them finds, such as "bias", don't decay.
	NoWeightDecay []string
	Callbacks     []Callback
	Threads       int // 0: as many as there are processors
	// MaxBytes limits the memory of activations; 0: no limit.
	MaxBytes int64
	// AllowNaN goes on when the loss is NaN or infinite, as Keras does; else that ends training with a *NaNError.
	AllowNaN bool
	// Resume goes on from a checkpoint of this training, in the middle of an epoch, too; nil: from the beginning, or from what a
	// [BackupAndRestore] among the callbacks finds.
	Resume *Checkpoint
}

// NaNError is a loss that isn't a number. The weights are as they were before the step.
type NaNError struct {
	Epoch, Step, Steps int // from 1
	Loss               float64
}

func (e *NaNError) Error() string {
	return fmt.Sprintf("the loss is %v at step %d/%d of epoch %d: the learning rate may be too high, or the data holds values that aren't numbers",
		e.Loss, e.Step, e.Steps, e.Epoch)
}

func or(n, otherwise int) int {
	if n > 0 {
		return n
	}
	return otherwise
}

// Fit trains m on d and returns what Keras's fit returns. m must have been compiled. An optimizer with moving averages
// (use_ema) leaves them as the weights. When ctx ends, the batch in hand is
// finished and ctx's error is returned with the history so far; the model is then as after that batch. Training that goes on
// from a checkpoint returns the history from its first epoch on.
//
// Source: keras/src/backend/tensorflow/trainer.py
func Fit(ctx context.Context, m nn.Model, d data.Source, o Options) (*History, error) {
	val := o.Validation
	if val == nil && o.ValidationSplit != 0 {
		var err error
		if d, val, err = data.Split(d, o.ValidationSplit); err != nil {
			return nil, err
		}
	}
	if d.Len() == 0 {
		return nil, errors.New("there are no rows to train on")
	}
	if o.StepsPerEpoch < 0 || o.ValidationSteps < 0 || o.ValidationFreq < 0 {
		return nil, fmt.Errorf("steps per epoch, validation steps and frequency are 1 or more, or 0 for Keras's default, found %d, %d, %d",
			o.StepsPerEpoch, o.ValidationSteps, o.ValidationFreq)
	}
	t, err := NewTrainer(m, o)
	if err != nil {
		return nil, err
	}
	defer t.Close()
	defer closeStream(d)
	f := &fit{Trainer: t, o: o, d: d, val: val, history: &History{Values: map[string][]float64{}}}
	epochs, batch := or(o.Epochs, 1), or(o.BatchSize, defaultBatch)
	f.pass = (d.Len() + batch - 1) / batch
	f.state = State{Model: m, Epochs: epochs, Steps: f.pass, trainer: t}
	if o.StepsPerEpoch > 0 {
		f.state.Steps = min(o.StepsPerEpoch, f.pass)
	}
	err = f.run(ctx, epochs, batch)
	t.finish()
	return f.history, err
}

// defaultBatch is Keras's batch_size.
const defaultBatch = 32

// fit is one call of Fit.
type fit struct {
	*Trainer
	o       Options
	d, val  data.Source
	state   State
	history *History
	facts   []fact // what a checkpoint of this training must agree with
	rows    []int
	pass    int        // batches in one pass over the rows
	full    data.Batch // and the last, smaller one of an epoch: two, so that neither is made anew
	rest    data.Batch
}

func (f *fit) run(ctx context.Context, epochs, batch int) error {
	s := &f.state
	if err := f.each(func(c Callback) func(*State) error { return c.TrainBegin }); err != nil {
		return err
	}
	f.rows = make([]int, f.d.Len())
	if err := f.describe(batch); err != nil {
		return err
	}
	from, err := f.resume()
	if err != nil {
		return err
	}
	s.Epoch = f.o.InitialEpoch
	begun := false // the epoch that training goes on in was begun before
	if from != nil {
		if s.Epoch, begun = from.meta.Epoch, from.meta.Begun; from.meta.Step > s.Steps {
			return &safeio.FormatError{Where: safeio.Where{File: from.path}, Msg: "the step", Want: fmt.Sprintf("at most %d", s.Steps), Got: fmt.Sprint(from.meta.Step)}
		}
	}
	var stopped error
	for ; s.Epoch < epochs && (begun || !s.stop); s.Epoch++ {
		s.Step, s.Logs = 0, nil
		if err := f.each(func(c Callback) func(*State) error { return c.EpochBegin }); err != nil {
			return err
		}
		if begun { // what EpochBegin changed was changed before the checkpoint
			if err := f.restore(from); err != nil {
				return err
			}
			begun = false
		}
		var err error
		if stopped, err = f.epoch(ctx, batch); err != nil {
			return err
		}
		s.Logs = append(Logs(nil), s.Logs...)
		s.unmeasured = f.val != nil && !f.o.measures(s.Epoch)
		if stopped == nil && f.val != nil && !s.unmeasured {
			if err := f.each(func(c Callback) func(*State) error { return c.TestBegin }); err != nil {
				return err
			}
			logs, err := f.evaluate(ctx, f.val, or(f.o.ValidationBatchSize, batch), f.o.ValidationSteps)
			if err != nil && (ctx.Err() == nil || !errors.Is(err, ctx.Err())) {
				return err
			}
			if stopped = err; stopped != nil { // the checkpoint is from between TestBegin and TestEnd
				if err := f.backups(func(b *backup) error { return b.save(f, s.Epoch, s.Step, true) }); err != nil {
					return err
				}
			}
			if err := f.each(func(c Callback) func(*State) error { return c.TestEnd }); err != nil {
				return err
			}
			if stopped != nil {
				break
			}
			for _, l := range logs {
				s.Logs = append(s.Logs, Log{"val_" + l.Name, l.Value})
			}
		}
		if stopped != nil {
			if err := f.backups(func(b *backup) error { return b.save(f, s.Epoch, s.Step, true) }); err != nil {
				return err
			}
			break
		}
		err = f.each(func(c Callback) func(*State) error { return c.EpochEnd })
		f.history.add(s.Epoch, s.Logs) // with what callbacks added
		f.history.addLists(s)
		if err != nil {
			return err
		}
		if err := f.backups(func(b *backup) error { return b.epochEnd(f) }); err != nil {
			return err
		}
	}
	if stopped == nil && epochs > f.o.InitialEpoch {
		f.average()
	}
	if err := f.each(func(c Callback) func(*State) error { return c.TrainEnd }); err != nil {
		return err
	}
	if stopped != nil {
		return stopped
	}
	return f.backups(func(b *backup) error { return b.trainEnd() })
}

// each calls one hook of every callback.
func (f *fit) each(hook func(Callback) func(*State) error) error {
	for _, c := range f.o.Callbacks {
		if h := hook(c); h != nil {
			if err := h(&f.state); err != nil {
				return err
			}
		}
	}
	return nil
}

// measures says whether validation follows an epoch.
//
// Source: keras/src/trainers/trainer.py, _should_eval
func (o *Options) measures(epoch int) bool {
	if o.ValidationEpochs != nil {
		return slices.Contains(o.ValidationEpochs, epoch+1)
	}
	return (epoch+1)%or(o.ValidationFreq, 1) == 0
}

// part is what an epoch does of a pass over the rows: the pass, whose order they have, and its batches from which to which.
// It follows from the epoch's number alone, so a resumed run does the same.
//
// Source: keras/src/trainers/epoch_iterator.py
func (f *fit) part(epoch int) (pass, from, to int) {
	parts := (f.pass + f.state.Steps - 1) / f.state.Steps
	if parts == 1 {
		return epoch, 0, f.pass
	}
	since := epoch - f.o.InitialEpoch
	from = since % parts * f.state.Steps
	return f.o.InitialEpoch + since/parts, from, min(from+f.state.Steps, f.pass)
}

// epoch makes one pass over the rows, or its part of one. stopped is why it ended early at the caller's wish.
func (f *fit) epoch(ctx context.Context, size int) (stopped, err error) {
	s := &f.state
	pass, first, last := f.part(s.Epoch)
	if err := begin(f.d, f.rows, f.o, pass); err != nil {
		return nil, err
	}
	end := min(last*size, len(f.rows))
	if s.Step == 0 {
		f.ResetMetrics()
	}
	from := read(f.d, f.rows[min((first+s.Step)*size, end):end], size, &f.full, &f.rest)
	defer from.close()
	for at := (first + s.Step) * size; at < end && !s.stop; at += size {
		if ctx.Err() != nil {
			return ctx.Err(), nil
		}
		rows := f.rows[at:min(at+size, len(f.rows))]
		b, err := from.batch(rows)
		if err != nil {
			return nil, err
		}
		if s.Logs, err = f.train(b, rows); err != nil {
			var nan *NaNError
			if errors.As(err, &nan) {
				nan.Epoch, nan.Step, nan.Steps = s.Epoch+1, s.Step+1, s.Steps
			}
			return nil, err
		}
		s.Step++
		for i := range f.o.Callbacks {
			if h := f.o.Callbacks[i].BatchEnd; h != nil {
				if err := h(s); err != nil {
					return nil, err
				}
			}
		}
		for i := range f.o.Callbacks {
			if b := f.o.Callbacks[i].backup; b != nil {
				if err := b.batchEnd(f); err != nil {
					return nil, err
				}
			}
		}
	}
	return nil, nil
}

// order fills rows with the order of an epoch: a function of the seed and the epoch alone, so a resumed run draws the same.
func order(rows []int, o Options, epoch int) {
	for i := range rows {
		rows[i] = i
	}
	if o.NoShuffle {
		return
	}
	shuffle(rows, graph.Stream(o.Seed, "shuffle", 0, uint64(epoch)))
}

func shuffle(rows []int, rng *rand.Rand) {
	for i := len(rows) - 1; i > 0; i-- {
		k := rng.IntN(i + 1)
		rows[i], rows[k] = rows[k], rows[i]
	}
}

// EvaluateOptions are evaluate()'s arguments; the zero value is Keras's default.
type EvaluateOptions struct {
	BatchSize int // 0: 32
	Steps     int // measure so many batches, from the first; 0: all
	Threads   int // 0: as many as there are processors
	MaxBytes  int64
}

// Evaluate measures loss and metrics of a compiled model on d.
func Evaluate(ctx context.Context, m nn.Model, d data.Source, o EvaluateOptions) (Logs, error) {
	t, err := newTrainer(m, Options{Threads: o.Threads, MaxBytes: o.MaxBytes})
	if err != nil {
		return nil, err
	}
	defer t.Close()
	return t.evaluate(ctx, d, or(o.BatchSize, defaultBatch), max(o.Steps, 0))
}

func (t *Trainer) evaluate(ctx context.Context, d data.Source, size, steps int) (Logs, error) {
	if d.Len() == 0 {
		return nil, errors.New("there are no rows to evaluate on")
	}
	rows := make([]int, d.Len())
	if err := begin(d, rows, Options{NoShuffle: true}, 0); err != nil {
		return nil, err
	}
	defer closeStream(d)
	if steps > 0 && steps <= len(rows)/size {
		rows = rows[:steps*size]
	}
	var full, rest data.Batch
	from := read(d, rows, size, &full, &rest)
	defer from.close()
	for at := 0; at < len(rows); at += size {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		part := rows[at:min(at+size, len(rows))]
		b, err := from.batch(part)
		if err != nil {
			return nil, err
		}
		if err := t.test(ctx, b, part, at == 0); err != nil {
			return nil, err
		}
	}
	return append(Logs(nil), t.eval.logs()...), nil
}
