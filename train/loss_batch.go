package train

import (
	"math"

	"kerasgo/nn"
)

// permuted moves the axes that a row of a loss spans to the end, so that a row is a stretch; axes are sorted and from 0.
type permuted struct {
	rows, length int
	index        []int // of each element, in the order of the rows
	p, y, d      []float32
}

// spans checks axes against a shape and tells which of its axes a row spans.
func spans(axes []int, rank int) ([]bool, bool) {
	in := make([]bool, rank)
	for _, a := range axes {
		if a < 0 {
			a += rank
		}
		if a < 0 || a >= rank || in[a] {
			return nil, false
		}
		in[a] = true
	}
	return in, true
}

// newPermuted is nil where axes don't fit the shape.
func newPermuted(axes []int, shape nn.Shape) *permuted {
	in, ok := spans(axes, len(shape))
	if !ok {
		return nil
	}
	strides := make([]int, len(shape))
	step := 1
	for i := len(shape) - 1; i >= 0; i-- {
		strides[i] = step
		step *= shape[i]
	}
	m := &permuted{rows: 1, length: 1, index: []int{0}}
	for _, inner := range []bool{false, true} {
		for a, size := range shape {
			if in[a] != inner {
				continue
			}
			next := make([]int, 0, len(m.index)*size)
			for _, at := range m.index {
				for k := range size {
					next = append(next, at+k*strides[a])
				}
			}
			m.index = next
			if inner {
				m.length *= size
			} else {
				m.rows *= size
			}
		}
	}
	m.p, m.y, m.d = make([]float32, step), make([]float32, step), make([]float32, step)
	return m
}

func (m *permuted) load(p, y []float32) {
	for i, at := range m.index {
		m.p[i], m.y[i] = p[at], y[at]
	}
	clear(m.d)
}

func (m *permuted) store(dp []float32) {
	for i, at := range m.index {
		dp[at] += m.d[i]
	}
}

// circle are the losses of n embeddings of c numbers, and, where scales is given, their gradients times scales.
//
// Source: keras/src/losses/losses.py, circle
func (l *Loss) circle(losses []float64, p []float32, labels []int, c int, dp []float32, scales []float32) {
	gamma, margin := l.gamma(), value(l.Margin, .4)
	n := len(labels)
	logits := make([]float64, n) // of one row
	slopes := make([]float64, n)
	for i := range n {
		maxima := [2]float64{math.Inf(-1), math.Inf(-1)}
		for j := range n {
			dot := float64(0)
			for k := range c {
				dot += float64(p[i*c+k]) * float64(p[j*c+k])
			}
			d, pass := 1-dot, 1.0
			if d < 0 {
				d, pass = 0, 0
			}
			if labels[i] == labels[j] {
				w, act := margin+d, 1.0
				if w < 0 {
					w, act = 0, 0
				}
				logits[j] = -gamma * w * (margin - d)
				slopes[j] = -gamma * (act*(margin-d) - w) * pass
				if i == j && !l.KeepDiagonal {
					continue
				}
				maxima[0] = max(maxima[0], logits[j])
			} else {
				w, act := 1+margin-d, 1.0
				if w < 0 {
					w, act = 0, 0
				}
				logits[j] = gamma * w * (1 - margin - d)
				slopes[j] = gamma * (-act*(1-margin-d) - w) * pass
				maxima[1] = max(maxima[1], logits[j])
			}
		}
		losses[i] = 0
		if math.IsInf(maxima[0], -1) || math.IsInf(maxima[1], -1) {
			continue // no pair to tell apart: softplus(-inf)
		}
		var sums [2]float64
		side := func(j int) int {
			switch {
			case labels[i] != labels[j]:
				return 1
			case i == j && !l.KeepDiagonal:
				return -1
			}
			return 0
		}
		for j := range n {
			if s := side(j); s >= 0 {
				logits[j] = math.Exp(logits[j] - maxima[s])
				sums[s] += logits[j]
			}
		}
		x := maxima[0] + math.Log(sums[0]) + maxima[1] + math.Log(sums[1])
		losses[i] = max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
		if dp == nil || scales[i] == 0 {
			continue
		}
		outer := float64(scales[i]) / (1 + math.Exp(-x))
		for j := range n {
			s := side(j)
			if s < 0 {
				continue
			}
			g := float32(-outer * logits[j] / sums[s] * slopes[j])
			for k := range c {
				pi, pj := p[i*c+k], p[j*c+k]
				dp[i*c+k] += g * pj
				dp[j*c+k] += g * pi
			}
		}
	}
}

// connectionist is the CTC loss of steps x c logits against labels, blank being 0: minus the logarithm of the probability
// of all paths that spell them. It adds scale times the gradient to dp, if that isn't nil.
//
// Source: keras/src/losses/losses.py, ctc; Graves et al., "Connectionist Temporal Classification" (2006)
func connectionist(p []float32, steps, c int, labels []int, dp []float32, scale float32) float64 {
	s := 2*len(labels) + 1
	symbol := func(i int) int {
		if i%2 == 0 {
			return 0
		}
		return labels[i/2]
	}
	logp := make([]float64, steps*c)
	for t := range steps {
		row := p[t*c:][:c]
		top := math.Inf(-1)
		for _, v := range row {
			top = max(top, float64(v))
		}
		var sum float64
		for _, v := range row {
			sum += math.Exp(float64(v) - top)
		}
		for k, v := range row {
			logp[t*c+k] = float64(v) - top - math.Log(sum)
		}
	}
	add := func(a, b float64) float64 {
		if a < b {
			a, b = b, a
		}
		if math.IsInf(b, -1) {
			return a
		}
		return a + math.Log1p(math.Exp(b-a))
	}
	forward, backward := make([]float64, steps*s), make([]float64, steps*s)
	for i := range forward {
		forward[i], backward[i] = math.Inf(-1), math.Inf(-1)
	}
	skips := func(i int) bool { return i%2 == 1 && i >= 2 && symbol(i) != symbol(i-2) }
	for t := range steps {
		for i := range s {
			v := math.Inf(-1)
			if t == 0 {
				if i < 2 {
					v = 0
				}
			} else {
				before := forward[(t-1)*s:][:s]
				v = before[i]
				if i >= 1 {
					v = add(v, before[i-1])
				}
				if skips(i) {
					v = add(v, before[i-2])
				}
			}
			forward[t*s+i] = v + logp[t*c+symbol(i)]
		}
	}
	last := forward[(steps-1)*s:]
	total := last[s-1]
	if s > 1 {
		total = add(total, last[s-2])
	}
	if dp == nil || math.IsInf(total, -1) {
		return -total
	}
	for t := steps - 1; t >= 0; t-- {
		for i := range s {
			v := math.Inf(-1)
			if t == steps-1 {
				if i >= s-2 {
					v = 0
				}
			} else {
				after := func(k int) float64 { return backward[(t+1)*s+k] + logp[(t+1)*c+symbol(k)] }
				v = after(i)
				if i+1 < s {
					v = add(v, after(i+1))
				}
				if i+2 < s && skips(i+2) {
					v = add(v, after(i+2))
				}
			}
			backward[t*s+i] = v
		}
		for k := range c {
			dp[t*c+k] += scale * float32(math.Exp(logp[t*c+k]))
		}
		for i := range s {
			dp[t*c+symbol(i)] -= scale * float32(math.Exp(forward[t*s+i]+backward[t*s+i]-total))
		}
	}
	return -total
}
