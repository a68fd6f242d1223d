package train

import "math"

func squared(p, y, dp []float32, scale float32) (sum float64) {
	n := float32(len(p))
	for i, v := range p {
		d := v - y[i]
		sum += float64(d) * float64(d)
		if dp != nil {
			dp[i] += scale * 2 * d / n
		}
	}
	return sum / float64(n)
}

func absolute(p, y, dp []float32, scale float32) (sum float64) {
	n := float32(len(p))
	for i, v := range p {
		d := v - y[i]
		sum += math.Abs(float64(d))
		if dp != nil && d != 0 {
			dp[i] += float32(math.Copysign(float64(scale/n), float64(d)))
		}
	}
	return sum / float64(n)
}

func percentage(p, y, dp []float32, scale float32) (sum float64) {
	n := float32(len(p))
	for i, v := range p {
		size := max(float32(math.Abs(float64(y[i]))), epsilon)
		d := v - y[i]
		sum += math.Abs(float64(d)) / float64(size)
		if dp != nil && d != 0 {
			dp[i] += float32(math.Copysign(float64(scale*100/(n*size)), float64(d)))
		}
	}
	return 100 * sum / float64(n)
}

func logarithmic(p, y, dp []float32, scale float32) (sum float64) {
	n := float64(len(p))
	for i, v := range p {
		d := math.Log1p(float64(max(v, epsilon))) - math.Log1p(float64(max(y[i], epsilon)))
		sum += d * d
		if dp != nil && v >= epsilon {
			dp[i] += scale * float32(2*d/(n*(float64(v)+1)))
		}
	}
	return sum / n
}

// unit is what x is multiplied by to have length one, and whether that depends on x.
//
// Source: keras/src/ops/nn.py, normalize
func unit(x []float32) (by float64, pass bool) {
	var squares float64
	for _, v := range x {
		squares += float64(v) * float64(v)
	}
	by = 1 / math.Sqrt(squares)
	if by > 1e7 {
		return 1e7, false
	}
	return by, true
}

func cosine(p, y, dp []float32, scale float32) float64 {
	byP, pass := unit(p)
	byY, _ := unit(y)
	var dot float64
	for i, v := range p {
		dot += float64(v) * byP * float64(y[i]) * byY
	}
	if dp != nil {
		for i, v := range p {
			d := float64(y[i]) * byY
			if pass {
				d -= dot * float64(v) * byP
			}
			dp[i] -= scale * float32(d*byP)
		}
	}
	return -dot
}

func huber(p, y, dp []float32, scale float32, delta float64) (sum float64) {
	n := float64(len(p))
	for i, v := range p {
		e := float64(v - y[i])
		if math.Abs(e) <= delta {
			sum += e * e / 2
		} else {
			sum += delta*math.Abs(e) - delta*delta/2
			e = math.Copysign(delta, e)
		}
		if dp != nil {
			dp[i] += scale * float32(e/n)
		}
	}
	return sum / n
}

func logCosh(p, y, dp []float32, scale float32) (sum float64) {
	n := float64(len(p))
	for i, v := range p {
		e := float64(v - y[i])
		sum += math.Abs(e) + math.Log1p(math.Exp(-2*math.Abs(e))) - math.Ln2
		if dp != nil {
			dp[i] += scale * float32(math.Tanh(e)/n)
		}
	}
	return sum / n
}

func divergence(p, y, dp []float32, scale float32) (sum float64) {
	for i, v := range p {
		t, c := float64(min(max(y[i], epsilon), 1)), float64(min(max(v, epsilon), 1))
		sum += t * math.Log(t/c)
		if dp != nil && v >= epsilon && v <= 1 {
			dp[i] -= scale * float32(t/c)
		}
	}
	return sum
}

func poisson(p, y, dp []float32, scale float32) (sum float64) {
	n := float64(len(p))
	for i, v := range p {
		e := float64(v + epsilon)
		sum += float64(v) - float64(y[i])*math.Log(e)
		if dp != nil {
			dp[i] += scale * float32((1-float64(y[i])/e)/n)
		}
	}
	return sum / n
}

// hinge takes targets of -1 and 1.
func hinge(p, y, dp []float32, scale float32, square bool) (sum float64) {
	n := float64(len(p))
	for i, v := range p {
		m := 1 - float64(y[i])*float64(v)
		if m < 0 {
			continue
		}
		d := -float64(y[i])
		if square {
			d *= 2 * m
			m *= m
		}
		sum += m
		if dp != nil {
			dp[i] += scale * float32(d/n)
		}
	}
	return sum / n
}

// signs turns targets into -1 and 1 where all of a batch are 0 or 1, as Keras's hinges do. dst has y's length.
//
// Source: keras/src/losses/losses.py, convert_binary_labels_to_hinge
func signs(dst, y []float32) []float32 {
	for _, v := range y {
		if v != 0 && v != 1 {
			return y
		}
	}
	for i, v := range y {
		dst[i] = 2*v - 1
	}
	return dst
}

// categoricalHinge shares the gradient of a maximum among equals, as TensorFlow does.
func categoricalHinge(p, y, dp []float32, scale float32) float64 {
	var pos float64
	neg, ties := float32(math.Inf(-1)), float32(1)
	for i, v := range p {
		pos += float64(y[i]) * float64(v)
		switch m := (1 - y[i]) * v; {
		case m > neg:
			neg, ties = m, 1
		case m == neg:
			ties++
		}
	}
	loss := float64(neg) - pos + 1
	if loss < 0 {
		return 0
	}
	if dp != nil {
		for i, v := range p {
			d := -y[i]
			if (1-y[i])*v == neg {
				d += (1 - y[i]) / ties
			}
			dp[i] += scale * d
		}
	}
	return loss
}

func dice(p, y, dp []float32, scale float32) float64 {
	var both float64
	all := float64(epsilon)
	for i, v := range p {
		both += float64(v) * float64(y[i])
		all += float64(v) + float64(y[i])
	}
	if dp != nil {
		for i := range p {
			dp[i] -= scale * float32(2*(float64(y[i])*all-both)/(all*all))
		}
	}
	return 1 - 2*both/all
}

func tversky(p, y, dp []float32, scale float32, alpha, beta float64) float64 {
	var both, missed, wrong float64
	for i, v := range p {
		both += float64(v) * float64(y[i])
		missed += float64(1-v) * float64(y[i])
		wrong += float64(v) * float64(1-y[i])
	}
	all := both + alpha*missed + beta*wrong + float64(epsilon)
	if dp != nil {
		for i := range p {
			t := float64(y[i])
			dp[i] -= scale * float32((t*all-both*(t-alpha*t+beta*(1-t)))/(all*all))
		}
	}
	return 1 - both/all
}
