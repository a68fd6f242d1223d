package train

import (
	"fmt"
	"math"
	"regexp"
	"strings"

	"kerasgo/internal/vec"
	"kerasgo/nn"
)

// Muon makes the momentum of matrices orthogonal before it steps; all other weights have Adam.
//
// Source: keras/src/optimizers/muon.py; Jordan et al., 2024; Liu et al., 2025, arXiv:2502.16982
type Muon struct {
	OptimizerConfig
	AdamBeta1 float64 `json:"adam_beta_1"`
	AdamBeta2 float64 `json:"adam_beta_2"`
	Epsilon   float64 `json:"epsilon"`
	// ExcludeLayers are regular expressions: weights whose path one of them finds have Adam.
	ExcludeLayers     []string `json:"exclude_layers"`
	A                 float64  `json:"muon_a"`
	B                 float64  `json:"muon_b"`
	C                 float64  `json:"muon_c"`
	AdamLRRatio       float64  `json:"adam_lr_ratio"`
	Momentum          float64  `json:"momentum"`
	NSSteps           int      `json:"ns_steps"` // of the Newton-Schulz iteration
	Nesterov          bool     `json:"nesterov"`
	ExcludeEmbeddings bool     `json:"exclude_embeddings"`
	AdamWeightDecay   *float64 `json:"adam_weight_decay"`
	RMSRate           *float64 `json:"rms_rate"` // nil: steps aren't scaled by the matrix's size
}

// NewMuon makes a Muon with Keras's defaults.
func NewMuon() *Muon {
	decay, adamDecay, rate := .004, .004, .2
	o := &Muon{OptimizerConfig: newOptimizerConfig("muon", .001), AdamBeta1: .9, AdamBeta2: .999, Epsilon: 1e-7, ExcludeLayers: []string{},
		A: 3.4445, B: -4.775, C: 2.0315, AdamLRRatio: 1, Momentum: .95, NSSteps: 5, Nesterov: true, ExcludeEmbeddings: true,
		AdamWeightDecay: &adamDecay, RMSRate: &rate}
	o.WeightDecay = &decay
	return o
}

func (*Muon) class() string { return "Muon" }

func (o *Muon) check() error {
	for _, pattern := range o.ExcludeLayers {
		if _, err := regexp.Compile(pattern); err != nil {
			return unsupported("exclude_layers", "the pattern %q can't be used: %v", pattern, err)
		}
	}
	if o.NSSteps < 0 || o.NSSteps > 1000 {
		return &nn.FormatError{Where: nn.Where{Object: "compile config", Key: "ns_steps"}, Msg: "must be from 0 to 1000", Got: fmt.Sprint(o.NSSteps)}
	}
	return nil
}

// adam tells whether a weight has Adam.
func (o *Muon) adam(v *variable) bool {
	if len(v.weight.Shape) != 2 || o.ExcludeEmbeddings && strings.Contains(strings.ToLower(v.path), "embedding") {
		return true
	}
	for _, pattern := range o.ExcludeLayers {
		if found, err := regexp.MatchString(pattern, v.path); found && err == nil {
			return true
		}
	}
	return false
}

func (o *Muon) slots(vars []*variable) (list []slot) {
	for _, v := range vars {
		list = append(list, slot{of: v, name: "momentum", spec: v.weight.Spec})
		if o.adam(v) {
			list = append(list, slot{of: v, name: "velocity", spec: v.weight.Spec})
		}
	}
	return list
}

// decay is the weight decay of a weight: matrices have their own.
func (o *Muon) decay(v *variable) *float64 {
	if o.adam(v) {
		return o.AdamWeightDecay
	}
	return o.WeightDecay
}

func (*Muon) update(_, _, _ []float32, _ [][]float32, _ moment) {}

// scratch is for the matrix, what it becomes, and two products of it with itself.
func (o *Muon) scratch(v *variable) int {
	if o.adam(v) {
		return 0
	}
	n := min(v.weight.Shape[0], v.weight.Shape[1])
	return 2*v.weight.Shape.Size() + 2*n*n
}

func (o *Muon) updateAll(p *variable, s [][]float32, scratch []float32, at moment) {
	w, g, m := p.weight.Data.F32, p.grad.F32, s[0]
	if len(s) == 2 {
		at.rate = float32(at.rate * float32(o.AdamLRRatio))
		adam(w, g, p.squares(), m, s[1], nil, adamRate(o.AdamBeta1, o.AdamBeta2, at), o.AdamBeta1, o.AdamBeta2, float32(o.Epsilon))
		return
	}
	rest, momentum := float32(o.Momentum-1), float32(o.Momentum)
	rows, columns := p.weight.Shape[0], p.weight.Shape[1]
	wide := rows <= columns // else it is turned over
	x := scratch[:len(w)]
	for i, d := range g {
		m[i] += d + float32(m[i]*rest)
		if v := m[i]; wide {
			x[i] = v
		} else {
			x[i%columns*rows+i/columns] = v
		}
	}
	if o.Nesterov {
		vec.Scale(x, x, momentum)
		for i, d := range g {
			if wide {
				x[i] += d
			} else {
				x[i%columns*rows+i/columns] += d
			}
		}
	}
	n, k := min(rows, columns), max(rows, columns)
	x = o.orthogonal(x, scratch[len(w):], n, k)
	rate := at.rate
	if o.RMSRate != nil {
		rate *= float32(math.Sqrt(float64(k))) * float32(*o.RMSRate)
	}
	if wide {
		vec.Axpy(w, -rate, x)
		return
	}
	for i := range w {
		w[i] -= float32(rate * x[i%columns*rows+i/columns])
	}
}

// orthogonal brings the singular values of the n×k matrix x near 1, by Newton and Schulz. It may return scratch's memory.
func (o *Muon) orthogonal(x, scratch []float32, n, k int) []float32 {
	vec.Scale(x, x, 1/(sqrt(vec.Dot(x, x))+1e-7))
	next, square, fourth := scratch[:n*k], scratch[n*k:][:n*n], scratch[n*k+n*n:][:n*n]
	a, b, c := float32(o.A), float32(o.B), float32(o.C)
	for range o.NSSteps {
		for i := range n {
			for j := range n {
				square[i*n+j] = vec.Dot(x[i*k:][:k], x[j*k:][:k])
			}
		}
		for i := range n { // fourth = b·square + c·square·square
			row := fourth[i*n:][:n]
			vec.Scale(row, square[i*n:][:n], b)
			for j := range n {
				vec.Axpy(row, float32(c*square[i*n+j]), square[j*n:][:n])
			}
		}
		for i := range n { // next = a·x + fourth·x
			row := next[i*k:][:k]
			vec.Scale(row, x[i*k:][:k], a)
			for j := range n {
				vec.Axpy(row, fourth[i*n+j], x[j*k:][:k])
			}
		}
		x, next = next, x
	}
	return x
}
