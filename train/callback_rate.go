package train

import (
	"fmt"

	"kerasgo/nn"
)

// ReduceLROnPlateau are the arguments of Keras's callback of that name.
//
// Source: keras/src/callbacks/reduce_lr_on_plateau.py
type ReduceLROnPlateau struct {
	Monitor  string   // "": val_loss
	Factor   float64  // that the learning rate is multiplied by, under 1; 0: 0.1
	Patience int      // epochs without improvement; 0: 10
	Mode     string   // min, max, or "" by the name
	MinDelta *float64 // nil: 1e-4
	Cooldown int      // epochs after a reduction in which nothing is counted
	MinLR    float64
}

// Callback lowers the learning rate when the value has stopped getting better, and logs learning_rate.
func (r ReduceLROnPlateau) Callback() (Callback, error) {
	m, err := newMonitor(r.Monitor, r.Mode, value(r.MinDelta, 1e-4))
	if err != nil {
		return Callback{}, err
	}
	if r.Factor == 0 {
		r.Factor = .1
	}
	if !(r.Factor > 0 && r.Factor < 1) {
		return Callback{}, fmt.Errorf("factor must be over 0 and under 1, found %v", r.Factor)
	}
	patience := or(r.Patience, 10)
	var best record
	var wait, cooling int
	return Callback{
		Name: fmt.Sprintf("ReduceLROnPlateau(%s, factor %v, patience %d)", m.name, r.Factor, patience),
		TrainBegin: func(s *State) error {
			best, wait, cooling = record{}, 0, 0
			return s.settable()
		},
		EpochEnd: func(s *State) error {
			rate := s.LearningRate()
			s.logRate(rate)
			v, there, err := m.value(s)
			if err != nil || !there {
				return err
			}
			if cooling > 0 {
				cooling--
				wait = 0
			}
			if !best.have || m.better(v, best.value) {
				best, wait = record{v, true}, 0
				return nil
			}
			if cooling > 0 {
				return nil
			}
			if wait++; wait >= patience && rate > float64(float32(r.MinLR)) {
				s.SetLearningRate(max(rate*r.Factor, r.MinLR))
				cooling, wait = r.Cooldown, 0
			}
			return nil
		},
		Save: func() (map[string]*nn.Tensor, error) { return best.save(float64(wait), float64(cooling)), nil },
		Load: func(_ *State, memory map[string]*nn.Tensor) (err error) {
			best, err = loadRecord(memory, &wait, &cooling)
			return err
		},
	}, nil
}

// LearningRateScheduler sets the learning rate before each epoch, numbered from 0, from the one before, and logs learning_rate.
// An optimizer whose learning rate is a schedule already is an error, as it is in Keras.
//
// Source: keras/src/callbacks/learning_rate_scheduler.py
func LearningRateScheduler(schedule func(epoch int, rate float64) float64) Callback {
	return Callback{
		TrainBegin: func(s *State) error { return s.settable() },
		EpochBegin: func(s *State) error {
			rate := schedule(s.Epoch, s.LearningRate())
			if rate-rate != 0 {
				return fmt.Errorf("the learning rate of epoch %d is %v", s.Epoch+1, rate)
			}
			s.SetLearningRate(rate)
			return nil
		},
		EpochEnd: func(s *State) error {
			s.logRate(s.LearningRate())
			return nil
		},
	}
}

// logRate adds the learning rate to an epoch's logs and to the history, as Keras's callbacks do.
func (s *State) logRate(rate float64) {
	if _, ok := s.Logs.Get("learning_rate"); ok {
		return
	}
	s.Logs = append(s.Logs, Log{"learning_rate", rate})
}

// settable tells whether the learning rate is a number, not a schedule.
func (s *State) settable() error {
	if c := s.trainer.opt.common().Schedule; c != nil {
		return fmt.Errorf("the learning rate follows a schedule (%s) and can't be set", c.class())
	}
	return nil
}
