package train

import "kerasgo/internal/vec"

// SGD is gradient descent, with momentum or without.
//
// Source: keras/src/optimizers/sgd.py
type SGD struct {
	OptimizerConfig
	Momentum float64 `json:"momentum"`
	Nesterov bool    `json:"nesterov"`
}

// NewSGD makes an SGD with Keras's defaults.
func NewSGD() *SGD { return &SGD{OptimizerConfig: newOptimizerConfig("sgd", .01)} }

func (*SGD) class() string { return "SGD" }

func (o *SGD) slots(vars []*variable) []slot {
	if o.Momentum == 0 {
		return nil
	}
	return grouped(vars, []string{"momentum"})
}

func (o *SGD) update(w, g, _ []float32, s [][]float32, at moment) {
	if o.Momentum == 0 {
		vec.SGD(w, g, at.rate)
		return
	}
	vec.Momentum(w, s[0], g, at.rate, float32(o.Momentum), o.Nesterov)
}

// RMSprop divides the gradient by the root of its mean square.
//
// Source: keras/src/optimizers/rmsprop.py
type RMSprop struct {
	OptimizerConfig
	Rho      float64 `json:"rho"`
	Momentum float64 `json:"momentum"`
	Epsilon  float64 `json:"epsilon"`
	Centered bool    `json:"centered"`
}

// NewRMSprop makes an RMSprop with Keras's defaults.
func NewRMSprop() *RMSprop {
	return &RMSprop{OptimizerConfig: newOptimizerConfig("rm_sprop", .001), Rho: .9, Epsilon: 1e-7}
}

func (*RMSprop) class() string { return "RMSprop" }

func (o *RMSprop) slots(vars []*variable) []slot {
	s := grouped(vars, []string{"velocity"})
	if o.Momentum > 0 {
		s = append(s, grouped(vars, []string{"momentum"})...)
	}
	if o.Centered {
		s = append(s, grouped(vars, []string{"average_gradient"})...)
	}
	return s
}

func (o *RMSprop) update(w, g, q []float32, s [][]float32, at moment) {
	rho, rest, eps, momentum := float32(o.Rho), float32(1-o.Rho), float32(o.Epsilon), float32(o.Momentum)
	v := s[0]
	var moved, average []float32
	if o.Momentum > 0 {
		moved = s[1]
	}
	if o.Centered {
		average = s[len(s)-1]
	}
	for i, d := range g {
		v[i] = float32(rho*v[i]) + float32(rest*square(d, q, i))
		root := v[i] + eps
		if average != nil {
			average[i] = float32(rho*average[i]) + float32(rest*d)
			root = v[i] - float32(average[i]*average[i]) + eps
		}
		by := at.rate * d / sqrt(root)
		if moved != nil {
			moved[i] = float32(momentum*moved[i]) + by
			by = moved[i]
		}
		w[i] -= by
	}
}

// Lion steps by the sign of a mean of gradients.
//
// Source: keras/src/optimizers/lion.py; Chen et al., 2023, arXiv:2302.06675
type Lion struct {
	OptimizerConfig
	Beta1 float64 `json:"beta_1"`
	Beta2 float64 `json:"beta_2"`
}

// NewLion makes a Lion with Keras's defaults.
func NewLion() *Lion {
	return &Lion{OptimizerConfig: newOptimizerConfig("lion", .001), Beta1: .9, Beta2: .99}
}

func (*Lion) class() string { return "Lion" }

func (o *Lion) check() error {
	if !(o.Beta1 > 0 && o.Beta1 <= 1) {
		return badValue("beta_1", "must be more than 0, and 1 at most")
	}
	return nil
}

func (*Lion) slots(vars []*variable) []slot { return grouped(vars, []string{"momentum"}) }

func (o *Lion) update(w, g, _ []float32, s [][]float32, at moment) {
	b1, b2, m := float32(o.Beta1), float32(o.Beta2), s[0]
	for i, d := range g {
		switch c := float32(m[i]*b1) + float32(d*(1-b1)); {
		case c > 0:
			w[i] -= at.rate
		case c < 0:
			w[i] += at.rate
		case c != c:
			w[i] = c
		}
		m[i] = float32(m[i]*b2) + float32(d*(1-b2))
	}
}
