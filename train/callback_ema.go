package train

import (
	"fmt"

	"kerasgo/nn"
)

// SwapEMAWeights are the arguments of Keras's callback of that name, for optimizers with moving averages (UseEMA): validation
// measures the averages instead of the weights.
//
// Source: keras/src/callbacks/swap_ema_weights.py
type SwapEMAWeights struct {
	// OnEpoch leaves the averages in the model from each epoch's end to the next one's begin, too, for the callbacks that follow.
	OnEpoch bool
}

// Callback swaps weights and averages.
func (c SwapEMAWeights) Callback() Callback {
	in := false // the averages are in the model
	put := func(s *State, averages bool) error {
		if !s.trainer.opt.common().UseEMA {
			return fmt.Errorf("SwapEMAWeights needs an optimizer with use_ema")
		}
		if in == averages {
			return nil
		}
		in = averages
		for _, v := range s.trainer.vars {
			w, a := v.weight.Data.F32, v.average.F32
			for i := range w { // by sums, as Keras does, which rounds alike
				w[i] += a[i]
				a[i] = w[i] - a[i]
				w[i] -= a[i]
			}
		}
		return nil
	}
	k := Callback{
		Name: "SwapEMAWeights",
		Save: func() (map[string]*nn.Tensor, error) { return record{have: in}.save(), nil },
		Load: func(_ *State, memory map[string]*nn.Tensor) error {
			r, err := loadRecord(memory)
			in = r.have
			return err
		},
		TrainBegin: func(*State) error {
			in = false
			return nil
		},
		TestBegin: func(s *State) error { return put(s, true) },
		TestEnd:   func(s *State) error { return put(s, false) },
	}
	if c.OnEpoch {
		k.EpochBegin = func(s *State) error { return put(s, false) }
		k.EpochEnd = func(s *State) error {
			if err := put(s, true); err != nil {
				return err
			}
			if s.Epoch == s.Epochs-1 { // what Fit leaves are the averages
				for _, v := range s.trainer.vars {
					copy(v.average.F32, v.weight.Data.F32)
				}
			}
			return nil
		}
	}
	return k
}
