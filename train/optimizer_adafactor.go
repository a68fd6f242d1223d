package train

import (
	"math"
	"slices"

	"kerasgo/internal/vec"
	"kerasgo/nn"
)

// Adafactor keeps sums of squares by row and by column alone.
//
// Source: keras/src/optimizers/adafactor.py; Shazeer and Stern, 2018, arXiv:1804.04235
type Adafactor struct {
	OptimizerConfig
	Beta2Decay    float64 `json:"beta_2_decay"`
	Epsilon1      float64 `json:"epsilon_1"`
	Epsilon2      float64 `json:"epsilon_2"`
	ClipThreshold float64 `json:"clip_threshold"`
	// RelativeStep bounds the rate by one over the root of the step, which Keras does without it, too.
	RelativeStep bool `json:"relative_step"`
}

// NewAdafactor makes an Adafactor with Keras's defaults.
func NewAdafactor() *Adafactor {
	return &Adafactor{OptimizerConfig: newOptimizerConfig("adafactor", .001), Beta2Decay: -.8, Epsilon1: 1e-30, Epsilon2: 1e-3,
		ClipThreshold: 1, RelativeStep: true}
}

func (*Adafactor) class() string { return "Adafactor" }

// slots are rows' and columns' means (of weights with one axis a number that Keras keeps and doesn't use) and the squares.
func (*Adafactor) slots(vars []*variable) (list []slot) {
	for _, v := range vars {
		row, column := slot{of: v, name: v.weight.Name, full: true}, slot{of: v, name: v.weight.Name, full: true}
		if n := len(v.weight.Shape); n < 2 {
			row.idle, column.idle = true, true
		} else {
			row.spec = nn.Spec{Shape: slices.Clone(v.weight.Shape[:n-1])}
			column.spec = nn.Spec{Shape: append(slices.Clone(v.weight.Shape[:n-2]), v.weight.Shape[n-1])}
		}
		list = append(list, row, column, slot{of: v, name: "velocity", spec: v.weight.Spec})
	}
	return list
}

func (*Adafactor) update(_, _, _ []float32, _ [][]float32, _ moment) {}

func (*Adafactor) scratch(v *variable) int { return v.weight.Shape.Size() }

func (o *Adafactor) updateAll(p *variable, s [][]float32, u []float32, at moment) {
	step, w, g := float32(at.step), p.weight.Data.F32, p.grad.F32
	alpha := max(float32(o.Epsilon2), rms(w)) * min(at.rate, 1/sqrt(step))
	beta := 1 - pow(step, float32(o.Beta2Decay))
	eps := float32(o.Epsilon1)
	v, q := s[2], p.squares()
	if n := len(p.weight.Shape); n < 2 {
		for i, d := range g {
			v[i] = float32(beta*v[i]) + float32((1-beta)*(float32(d*d)+eps))
		}
	} else {
		rows, columns := p.weight.Shape[n-2], p.weight.Shape[n-1]
		for b := range p.weight.Shape[:n-2].Size() {
			at := b * rows * columns
			var squares []float32 // of an embedding's rows
			if q != nil {
				squares = q[at:][:rows*columns]
			}
			factored(v[at:][:rows*columns], g[at:][:rows*columns], squares, s[0][b*rows:][:rows], s[1][b*columns:][:columns], beta, eps)
		}
	}
	for i, d := range g {
		u[i] = d / sqrt(v[i])
	}
	size := rms(u)
	if q != nil {
		var sum float64
		for i, d := range q {
			sum += float64(d / v[i])
		}
		size = float32(math.Sqrt(sum / float64(len(q))))
	}
	vec.Axpy(w, -alpha/max(1, size/float32(o.ClipThreshold)), u)
}

// factored updates the means of a matrix of gradients by row and by column, and makes squares of them.
func factored(v, g, q, row, column []float32, beta, eps float32) {
	var all float64
	for i := range row {
		var sum float64
		for k := range column {
			sum += float64(square(g[i*len(column)+k], q, i*len(column)+k) + eps)
		}
		row[i] = float32(beta*row[i]) + float32((1-beta)*float32(sum/float64(len(column))))
		all += float64(row[i])
	}
	for k := range column {
		var sum float64
		for i := range row {
			sum += float64(square(g[i*len(column)+k], q, i*len(column)+k) + eps)
		}
		column[k] = float32(beta*column[k]) + float32((1-beta)*float32(sum/float64(len(row))))
	}
	mean := float32(all / float64(len(row)))
	for i := range row {
		r := row[i] / mean
		for k, c := range column {
			v[i*len(column)+k] = r * c
		}
	}
}

func rms(x []float32) float32 {
	if len(x) == 0 {
		return 0
	}
	return float32(math.Sqrt(float64(vec.Dot(x, x)) / float64(len(x))))
}
