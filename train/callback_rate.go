package train

import "fmt"

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
	var best float64
	var have bool
	var wait, cooling int
	return Callback{
		TrainBegin: func(*State) error {
			have, wait, cooling = false, 0, 0
			return nil
		},
		EpochEnd: func(s *State) error {
			rate := s.LearningRate()
			s.logRate(rate)
			v, err := m.value(s)
			if err != nil {
				return err
			}
			if cooling > 0 {
				cooling--
				wait = 0
			}
			if !have || m.better(v, best) {
				best, have, wait = v, true, 0
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
	}, nil
}

// LearningRateScheduler sets the learning rate before each epoch, numbered from 0, from the one before, and logs learning_rate.
//
// Source: keras/src/callbacks/learning_rate_scheduler.py
func LearningRateScheduler(schedule func(epoch int, rate float64) float64) Callback {
	return Callback{
		EpochBegin: func(s *State) error {
			s.SetLearningRate(schedule(s.Epoch, s.LearningRate()))
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
