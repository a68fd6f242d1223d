package train

import "kerasgo/nn/graph"

// Interp is the interpreter that training steps run on, nil before the first. After TrainOnBatch it holds that step's
// activations and gradients, until the next step; the weights that it refers to have moved on. For looking at, as
// ktrain explain does: running it would disturb the trainer.
func (t *Trainer) Interp() *graph.Interp { return t.fitting.run }
