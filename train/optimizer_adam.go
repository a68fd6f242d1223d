package train

import (
	"math"

	"kerasgo/internal/vec"
	"kerasgo/nn"
)

// Adam is Keras's Adam.
//
// Source: keras/src/optimizers/adam.py; Kingma et al., 2014, arXiv:1412.6980
type Adam struct {
	OptimizerConfig
	Beta1   float64 `json:"beta_1"`
	Beta2   float64 `json:"beta_2"`
	Epsilon float64 `json:"epsilon"`
	AMSGrad bool    `json:"amsgrad"`
}

// NewAdam makes an Adam with Keras's defaults.
func NewAdam() *Adam {
	return &Adam{OptimizerConfig: newOptimizerConfig("adam", .001), Beta1: .9, Beta2: .999, Epsilon: 1e-7}
}

func (*Adam) class() string { return "Adam" }

func (o *Adam) slots(vars []*variable) []slot {
	s := grouped(vars, []string{"momentum", "velocity"})
	if o.AMSGrad {
		s = append(s, grouped(vars, []string{"velocity_hat"})...)
	}
	return s
}

func (o *Adam) update(w, g, q []float32, s [][]float32, at moment) {
	var top []float32
	if o.AMSGrad {
		top = s[2]
	}
	adam(w, g, q, s[0], s[1], top, adamRate(o.Beta1, o.Beta2, at), o.Beta1, o.Beta2, float32(o.Epsilon))
}

// adam is Adam's update; top are the largest squares, if it is to go by those.
func adam(w, g, q, m, v, top []float32, alpha float32, beta1, beta2 float64, eps float32) {
	switch {
	case top == nil && q == nil:
		vec.Adam(w, m, v, g, alpha, beta1, beta2, eps)
		return
	case top == nil:
		vec.AdamSquares(w, m, v, g, q, alpha, beta1, beta2, eps)
		return
	}
	c1, c2 := float32(1-beta1), float32(1-beta2)
	for i, d := range g {
		m[i] += float32((d - m[i]) * c1)
		v[i] += float32((square(d, q, i) - v[i]) * c2)
		by := v[i]
		if top != nil {
			top[i] = max(top[i], by)
			by = top[i]
		}
		w[i] -= m[i] * alpha / (sqrt(by) + eps)
	}
}

// square is that of d, the gradient's element i, unless q has it.
func square(d float32, q []float32, i int) float32 {
	if q != nil {
		return q[i]
	}
	return d * d
}

// adamRate is the learning rate, corrected for moments that start from zero.
func adamRate(beta1, beta2 float64, at moment) float32 {
	return at.rate * sqrt(1-power(beta2, at.step)) / (1 - power(beta1, at.step))
}

func power(beta float64, step int64) float32 { return pow(float32(beta), float32(step)) }

func pow(a, b float32) float32 { return float32(math.Pow(float64(a), float64(b))) }

func sqrt(v float32) float32 { return float32(math.Sqrt(float64(v))) }

// AdamW is Adam with its weight decay on.
//
// Source: keras/src/optimizers/adamw.py; Loshchilov and Hutter, 2017, arXiv:1711.05101
type AdamW struct{ Adam }

// NewAdamW makes an AdamW with Keras's defaults.
func NewAdamW() *AdamW {
	o := &AdamW{*NewAdam()}
	decay := .004
	o.Name, o.WeightDecay = "adam_w", &decay
	return o
}

func (*AdamW) class() string { return "AdamW" }

func (o *AdamW) check() error {
	if o.WeightDecay == nil {
		return badValue("weight_decay", "must be a number")
	}
	return nil
}

// Adamax is Adam by the largest gradient instead of the mean square.
//
// Source: keras/src/optimizers/adamax.py
type Adamax struct {
	OptimizerConfig
	Beta1   float64 `json:"beta_1"`
	Beta2   float64 `json:"beta_2"`
	Epsilon float64 `json:"epsilon"`
}

// NewAdamax makes an Adamax with Keras's defaults.
func NewAdamax() *Adamax {
	return &Adamax{OptimizerConfig: newOptimizerConfig("adamax", .001), Beta1: .9, Beta2: .999, Epsilon: 1e-7}
}

func (*Adamax) class() string { return "Adamax" }

func (*Adamax) slots(vars []*variable) []slot { return grouped(vars, []string{"momentum", "norm"}) }

func (o *Adamax) update(w, g, q []float32, s [][]float32, at moment) {
	c, beta2, eps, rest := float32(1-o.Beta1), float32(o.Beta2), float32(o.Epsilon), 1-power(o.Beta1, at.step)
	m, u := s[0], s[1]
	for i, d := range g {
		m[i] += float32((d - m[i]) * c)
		size := max(d, -d)
		if q != nil { // absolute values of an embedding's rows
			size = q[i]
		}
		u[i] = max(float32(beta2*u[i]), size)
		w[i] -= float32(at.rate*m[i]) / float32(rest*(u[i]+eps))
	}
}

// Nadam is Adam with Nesterov's momentum.
//
// Source: keras/src/optimizers/nadam.py
type Nadam struct {
	OptimizerConfig
	Beta1   float64 `json:"beta_1"`
	Beta2   float64 `json:"beta_2"`
	Epsilon float64 `json:"epsilon"`
}

// NewNadam makes a Nadam with Keras's defaults.
func NewNadam() *Nadam {
	return &Nadam{OptimizerConfig: newOptimizerConfig("nadam", .001), Beta1: .9, Beta2: .999, Epsilon: 1e-7}
}

func (*Nadam) class() string { return "Nadam" }

func (*Nadam) slots(vars []*variable) []slot {
	list := grouped(vars, []string{"momentum", "velocity"})
	return append(list, slot{name: "variable", spec: nn.Spec{Shape: nn.Shape{}}, fill: 1}) // the product of all momenta
}

func (o *Nadam) momentum(step int64) float32 {
	return float32(o.Beta1) * (1 - float32(.5*pow(.96, float32(step))))
}

// begin takes the step's momentum into the product.
func (o *Nadam) begin(at moment) { at.all[0] *= o.momentum(at.step) }

func (o *Nadam) update(w, g, q []float32, s [][]float32, at moment) {
	now, next, product := o.momentum(at.step), o.momentum(at.step+1), at.all[0]
	c1, c2, eps, rest := 1-float32(o.Beta1), 1-float32(o.Beta2), float32(o.Epsilon), 1-power(o.Beta2, at.step)
	later := float32(product * next)
	m, v := s[0], s[1]
	for i, d := range g {
		m[i] += float32((d - m[i]) * c1)
		v[i] += float32((square(d, q, i) - v[i]) * c2)
		mean := float32(next*m[i])/(1-later) + float32((1-now)*d)/(1-product)
		w[i] -= float32(mean*at.rate) / (sqrt(v[i]/rest) + eps)
	}
}
