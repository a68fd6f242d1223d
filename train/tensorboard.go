package train

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"kerasgo/nn"
)

// TensorBoard are the arguments of Keras's callback of that name. It writes event files that TensorBoard shows, under the
// names that Keras gives things: LogDir/train holds epoch_loss, epoch_learning_rate and so on, LogDir/validation the same of
// validation and evaluation_loss_vs_iterations. Each call of [Fit] adds a file, so a run that goes on continues its curves.
//
// Steps of batches are counted from the first epoch, also where training starts with a later one (Keras counts from where
// fit began). With UpdateFreq over 1, Keras writes the values of those epochs alone whose last batch's number it divides; here
// every epoch has its values. Keras's write_images, embeddings_freq and profile_batch have no counterpart, and of write_graph
// the model is written, not TensorFlow's operations.
//
// Source: keras/src/callbacks/tensorboard.py
type TensorBoard struct {
	LogDir        string // "": logs
	HistogramFreq int    // epochs between histograms of the weights; 0: none
	// UpdateFreq is how many batches lie between the values of batches, batch_loss and so on: 1 is Keras's "batch"; 0,
	// Keras's "epoch", writes none.
	UpdateFreq          int
	WriteStepsPerSecond bool
	// WriteGraph gives the model's config as JSON, keras.ToJSON for one; nil is Keras's write_graph=False.
	WriteGraph func(nn.Model) ([]byte, error)
}

// Callback writes the files while training goes on. A failing write ends training.
func (b TensorBoard) Callback() (Callback, error) {
	if b.HistogramFreq < 0 || b.UpdateFreq < 0 {
		return Callback{}, fmt.Errorf("histogram_freq and update_freq must be 0 or more, found %d and %d", b.HistogramFreq, b.UpdateFreq)
	}
	if b.LogDir == "" {
		b.LogDir = "logs"
	}
	w := &boardWriter{TensorBoard: b}
	return Callback{TrainBegin: w.begin, EpochBegin: w.epochBegin, BatchEnd: w.batchEnd, EpochEnd: w.epochEnd,
		TrainEnd: func(*State) error { return w.end() }}, nil
}

// boardWriter is the callback at work. Its files are made when there is something to write.
type boardWriter struct {
	TensorBoard
	training, validation *eventFile
	epoch, batch         time.Time // when they began
	iteration            int64     // that the epoch began with
}

// to opens a file that isn't open yet.
func (w *boardWriter) to(file **eventFile, part string) (*eventFile, error) {
	if *file == nil {
		f, err := newEventFile(filepath.Join(w.LogDir, part))
		if err != nil {
			return nil, fmt.Errorf("event files: %w", err)
		}
		*file = f
	}
	return *file, nil
}

func (w *boardWriter) begin(s *State) error {
	if err := w.end(); err != nil { // of a run that ended with an error
		return err
	}
	if w.WriteGraph == nil {
		return nil
	}
	f, err := w.to(&w.training, "train")
	if err != nil {
		return err
	}
	config, err := w.WriteGraph(s.Model)
	if err != nil {
		return err
	}
	return f.model(config)
}

func (w *boardWriter) end() error {
	err := errors.Join(w.training.close(), w.validation.close())
	w.training, w.validation = nil, nil
	return err
}

func (w *boardWriter) epochBegin(s *State) error {
	w.epoch = time.Now()
	w.batch, w.iteration = w.epoch, s.trainer.iteration.I64[0]
	return nil
}

func (w *boardWriter) batchEnd(s *State) error {
	step := int64(s.Epoch)*int64(s.Steps) + int64(s.Step)
	took := time.Since(w.batch)
	w.batch = w.batch.Add(took)
	if w.UpdateFreq == 0 || step%int64(w.UpdateFreq) != 0 {
		return nil
	}
	f, err := w.to(&w.training, "train")
	if err != nil {
		return err
	}
	if w.WriteStepsPerSecond {
		if err := f.scalar("batch_steps_per_second", step, 1/took.Seconds()); err != nil {
			return err
		}
	}
	for _, l := range s.Logs {
		if err := f.scalar("batch_"+l.Name, step, l.Value); err != nil {
			return err
		}
	}
	return nil
}

func (w *boardWriter) epochEnd(s *State) error {
	iteration := s.trainer.iteration.I64[0]
	var own, val Logs
	for _, l := range s.Logs {
		if name, is := strings.CutPrefix(l.Name, "val_"); is {
			val = append(val, Log{name, l.Value})
		} else if l.Name != "learning_rate" {
			own = append(own, l)
		}
	}
	if len(val) > 0 {
		f, err := w.to(&w.validation, "validation")
		if err != nil {
			return err
		}
		for _, l := range val {
			if err := f.scalar("evaluation_"+l.Name+"_vs_iterations", iteration, l.Value); err != nil {
				return err
			}
		}
		for _, l := range val {
			if err := f.scalar("epoch_"+l.Name, int64(s.Epoch), l.Value); err != nil {
				return err
			}
		}
	}
	own = append(own, Log{"learning_rate", float64(s.trainer.opt.common().rateAt(iteration, s.trainer.rate.F32[0]))})
	if w.WriteStepsPerSecond {
		own = append(own, Log{"steps_per_second", float64(iteration-w.iteration) / time.Since(w.epoch).Seconds()})
	}
	f, err := w.to(&w.training, "train")
	if err != nil {
		return err
	}
	for _, l := range own {
		if err := f.scalar("epoch_"+l.Name, int64(s.Epoch), l.Value); err != nil {
			return err
		}
	}
	if w.HistogramFreq > 0 && s.Epoch%w.HistogramFreq == 0 {
		return w.histograms(f, s)
	}
	return nil
}

// histograms writes the weights of each layer, under Keras's variable paths: those of a Sequential model begin with its name.
func (w *boardWriter) histograms(f *eventFile, s *State) error {
	prefix := ""
	if _, ok := s.Model.(*nn.Sequential); ok {
		prefix = s.Model.Base().Name + "/"
	}
	for v := range nn.Weights(s.Model) {
		if v.State && strings.Contains(v.Name, "seed_generator") || v.Data == nil {
			continue
		}
		if err := f.histogram(strings.ReplaceAll(prefix+v.Path, ":", "_")+"/histogram", int64(s.Epoch), v.Data); err != nil {
			return err
		}
	}
	return nil
}
