package train

// Adadelta steps by the ratio of what steps and gradients were.
//
// Source: keras/src/optimizers/adadelta.py; Zeiler, 2012, arXiv:1212.5701
type Adadelta struct {
	OptimizerConfig
	Rho     float64 `json:"rho"`
	Epsilon float64 `json:"epsilon"`
}

// NewAdadelta makes an Adadelta with Keras's defaults.
func NewAdadelta() *Adadelta {
	return &Adadelta{OptimizerConfig: newOptimizerConfig("adadelta", .001), Rho: .95, Epsilon: 1e-7}
}

func (*Adadelta) class() string { return "Adadelta" }

func (*Adadelta) slots(vars []*variable) []slot {
	return grouped(vars, []string{"accumulated_grad", "accumulated_delta_var"})
}

func (o *Adadelta) update(w, g, q []float32, s [][]float32, at moment) {
	rho, rest, eps := float32(o.Rho), float32(1-o.Rho), float32(o.Epsilon)
	grads, steps := s[0], s[1]
	for i, d := range g {
		grads[i] = float32(rho*grads[i]) + float32(rest*square(d, q, i))
		from, to := sqrt(steps[i]+eps), sqrt(grads[i]+eps)
		by := -float32(from*d) / to
		if q == nil {
			steps[i] = float32(rho*steps[i]) + float32(rest*float32(by*by))
		} else {
			steps[i] = float32(rho*steps[i]) + float32(rest*float32(q[i]*float32(from/to*(from/to))))
		}
		w[i] += float32(at.rate * by)
	}
}

// Adagrad divides the gradient by the root of the sum of its squares.
//
// Source: keras/src/optimizers/adagrad.py
type Adagrad struct {
	OptimizerConfig
	InitialAccumulatorValue float64 `json:"initial_accumulator_value"`
	Epsilon                 float64 `json:"epsilon"`
}

// NewAdagrad makes an Adagrad with Keras's defaults.
func NewAdagrad() *Adagrad {
	return &Adagrad{OptimizerConfig: newOptimizerConfig("adagrad", .001), InitialAccumulatorValue: .1, Epsilon: 1e-7}
}

func (*Adagrad) class() string { return "Adagrad" }

func (o *Adagrad) slots(vars []*variable) []slot {
	list := grouped(vars, []string{"accumulator"})
	for i := range list {
		list[i].fill = float32(o.InitialAccumulatorValue)
	}
	return list
}

func (o *Adagrad) update(w, g, q []float32, s [][]float32, at moment) {
	eps, sum := float32(o.Epsilon), s[0]
	for i, d := range g {
		sum[i] += square(d, q, i)
		w[i] -= float32(at.rate*d) / sqrt(sum[i]+eps)
	}
}

// Ftrl follows the regularized leader.
//
// Source: keras/src/optimizers/ftrl.py; McMahan et al., 2013
type Ftrl struct {
	OptimizerConfig
	LearningRatePower       float64 `json:"learning_rate_power"`
	InitialAccumulatorValue float64 `json:"initial_accumulator_value"`
	L1                      float64 `json:"l1_regularization_strength"`
	L2                      float64 `json:"l2_regularization_strength"`
	L2Shrinkage             float64 `json:"l2_shrinkage_regularization_strength"`
	Beta                    float64 `json:"beta"`
}

// NewFtrl makes an Ftrl with Keras's defaults.
func NewFtrl() *Ftrl {
	return &Ftrl{OptimizerConfig: newOptimizerConfig("ftrl", .001), LearningRatePower: -.5, InitialAccumulatorValue: .1}
}

func (*Ftrl) class() string { return "Ftrl" }

func (o *Ftrl) check() error {
	if o.LearningRatePower > 0 {
		return badValue("learning_rate_power", "must be 0 or less")
	}
	for _, c := range []struct {
		key   string
		value float64
	}{{"initial_accumulator_value", o.InitialAccumulatorValue}, {"l1_regularization_strength", o.L1},
		{"l2_regularization_strength", o.L2}, {"l2_shrinkage_regularization_strength", o.L2Shrinkage}} {
		if c.value < 0 {
			return badValue(c.key, "must be 0 or more")
		}
	}
	return nil
}

func (o *Ftrl) slots(vars []*variable) []slot {
	list := grouped(vars, []string{"accumulator", "linear"})
	for i := 0; i < len(list); i += 2 {
		list[i].fill = float32(o.InitialAccumulatorValue)
	}
	return list
}

func (o *Ftrl) update(w, g, q []float32, s [][]float32, at moment) {
	to, l1 := float32(-o.LearningRatePower), float32(o.L1)
	l2, shrink := float32(o.L2)+float32(o.Beta)/float32(2*at.rate), float32(2*o.L2Shrinkage)
	sum, linear := s[0], s[1]
	for i, d := range g {
		more := sum[i] + square(d, q, i)
		root := pow(more, to)
		linear[i] += d + float32(shrink*w[i]) - float32((root-pow(sum[i], to))/at.rate*w[i])
		w[i] = (min(max(linear[i], -l1), l1) - linear[i]) / (root/at.rate + float32(2*l2))
		sum[i] = more
	}
}
