package train

import "kerasgo/internal/vec"

// Lamb is Adam with each weight's step as long as the weight says.
//
// Source: keras/src/optimizers/lamb.py; You et al., 2019, arXiv:1904.00962
type Lamb struct {
	OptimizerConfig
	Beta1   float64 `json:"beta_1"`
	Beta2   float64 `json:"beta_2"`
	Epsilon float64 `json:"epsilon"`
}

// NewLamb makes a Lamb with Keras's defaults.
func NewLamb() *Lamb {
	return &Lamb{OptimizerConfig: newOptimizerConfig("lamb", .001), Beta1: .9, Beta2: .999, Epsilon: 1e-7}
}

func (*Lamb) class() string { return "Lamb" }

func (*Lamb) slots(vars []*variable) []slot { return grouped(vars, []string{"momentum", "velocity"}) }

func (*Lamb) update(_, _, _ []float32, _ [][]float32, _ moment) {}

func (*Lamb) scratch(v *variable) int { return v.weight.Shape.Size() }

func (o *Lamb) updateAll(p *variable, s [][]float32, by []float32, at moment) {
	c1, c2, eps := float32(1-o.Beta1), float32(1-o.Beta2), float32(o.Epsilon)
	rest1, rest2 := 1-power(o.Beta1, at.step), 1-power(o.Beta2, at.step)
	w, m, v, q := p.weight.Data.F32, s[0], s[1], p.squares()
	for i, d := range p.grad.F32 {
		m[i] += float32((d - m[i]) * c1)
		v[i] += float32((square(d, q, i) - v[i]) * c2)
		by[i] = m[i] / rest1 / (sqrt(v[i]/rest2) + eps)
	}
	ratio := float32(1)
	if weight, step := sqrt(vec.Dot(w, w)), sqrt(vec.Dot(by, by)); weight > 0 && step > 0 {
		ratio = weight / step
	}
	vec.Axpy(w, -float32(ratio*at.rate), by)
}

// ScheduleFreeAdamW is AdamW that needs no schedule: it trains an average of its weights. It starts from the weights as they
// are, as it does in Keras when a model comes from a file; Keras's fit of a model that was just compiled starts from zeros.
//
// Source: keras/src/optimizers/schedule_free_adamw.py; Defazio et al., 2024, arXiv:2405.15682
type ScheduleFreeAdamW struct {
	OptimizerConfig
	Beta1       float64 `json:"beta_1"`
	Beta2       float64 `json:"beta_2"`
	Epsilon     float64 `json:"epsilon"`
	WarmupSteps int     `json:"warmup_steps"`
}

// NewScheduleFreeAdamW makes a ScheduleFreeAdamW with Keras's defaults.
func NewScheduleFreeAdamW() *ScheduleFreeAdamW {
	return &ScheduleFreeAdamW{OptimizerConfig: newOptimizerConfig("schedule_free_adam_w", .0025), Beta1: .9, Beta2: .999, Epsilon: 1e-8}
}

func (*ScheduleFreeAdamW) class() string { return "ScheduleFreeAdamW" }

func (o *ScheduleFreeAdamW) check() error {
	if !(o.Beta1 > 0) {
		return badValue("beta_1", "must be more than 0")
	}
	return nil
}

func (*ScheduleFreeAdamW) slots(vars []*variable) []slot {
	list := grouped(vars, []string{"momentum", "velocity"})
	for i := 0; i < len(list); i += 2 {
		list[i].copy = true
	}
	return list
}

func (o *ScheduleFreeAdamW) update(w, g, q []float32, s [][]float32, at moment) {
	rate, step := at.rate, float32(at.step)
	if o.WarmupSteps > 0 {
		rate *= min(step/float32(o.WarmupSteps), 1)
	}
	b1, c2, eps := float32(o.Beta1), 1-float32(o.Beta2), float32(o.Epsilon)
	rest, share := 1-power(o.Beta2, at.step), 1/step
	z, v := s[0], s[1]
	for i, d := range g {
		v[i] += float32((square(d, q, i) - v[i]) * c2)
		z[i] -= float32(rate*d) / (sqrt(v[i]/rest) + eps)
		// Keras takes the average out of the weight by the new z, though it was made with the old one.
		x := (w[i] - float32((1-b1)*z[i])) / b1
		x = float32((1-share)*x) + float32(share*z[i])
		w[i] = float32((1-b1)*z[i]) + float32(b1*x)
	}
}
