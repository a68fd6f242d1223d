package train

import (
	"math"

	"kerasgo/internal/vec"
)

// epsilon is Keras's fuzz factor; low and high are the probabilities that crossentropies are clipped to.
const epsilon float32 = 1e-7

var low, high = epsilon, float32(1 - 1e-7)

// row is the loss of one row of predictions p, whose target is y, or, of a sparse loss, label. It adds scale times the
// gradient to dp, if that isn't nil. classes is the length that label smoothing goes by; tmp has room for a row.
//
// Source: keras/src/losses/losses.py, keras/src/backend/tensorflow/nn.py
func (l *Loss) row(p, y []float32, label, classes int, dp []float32, scale float32, tmp []float32) float64 {
	smooth := float32(l.LabelSmoothing)
	switch l.Name {
	case "mean_squared_error":
		return squared(p, y, dp, scale)
	case "mean_absolute_error":
		return absolute(p, y, dp, scale)
	case "mean_absolute_percentage_error":
		return percentage(p, y, dp, scale)
	case "mean_squared_logarithmic_error":
		return logarithmic(p, y, dp, scale)
	case "cosine_similarity":
		return cosine(p, y, dp, scale)
	case "huber":
		return huber(p, y, dp, scale, value(l.Delta, 1))
	case "log_cosh":
		return logCosh(p, y, dp, scale)
	case "kl_divergence":
		return divergence(p, y, dp, scale)
	case "poisson":
		return poisson(p, y, dp, scale)
	case "hinge", "squared_hinge":
		return hinge(p, y, dp, scale, l.Name == "squared_hinge")
	case "categorical_hinge":
		return categoricalHinge(p, y, dp, scale)
	case "dice":
		return dice(p, y, dp, scale)
	case "tversky":
		return tversky(p, y, dp, scale, value(l.Alpha, .5), value(l.Beta, .5))
	case "binary_focal_crossentropy":
		return l.binaryFocal(p, y, dp, scale)
	case "categorical_focal_crossentropy":
		return l.categoricalFocal(p, y, float32(classes), dp, scale, tmp)
	case "categorical_generalized_cross_entropy":
		return generalized(p, label, value(l.Q, .5), dp, scale)
	case "binary_crossentropy":
		if l.FromLogits {
			return binaryLogits(p, y, smooth, dp, scale)
		}
		return binary(p, y, smooth, dp, scale)
	case "categorical_crossentropy":
		if l.FromLogits {
			return categoricalLogits(p, y, smooth, smooth/float32(classes), dp, scale, tmp)
		}
		return categorical(p, y, smooth, smooth/float32(classes), dp, scale, tmp)
	}
	if l.FromLogits {
		return sparseLogits(p, label, dp, scale, tmp)
	}
	return sparse(p, label, dp, scale)
}

// clip bounds a probability; pass is 0 where the gradient stops.
func clip(p float32) (v, pass float32) {
	switch {
	case p < low:
		return low, 0
	case p > high:
		return high, 0
	}
	return p, 1
}

func binary(p, y []float32, smooth float32, dp []float32, scale float32) (sum float64) {
	n := float32(len(p))
	for i, v := range p {
		t := y[i]*(1-smooth) + smooth/2
		v, pass := clip(v)
		sum -= float64(t)*math.Log(float64(v)) + float64(1-t)*math.Log(float64(1-v))
		if dp != nil && pass != 0 {
			dp[i] += scale * ((1-t)/(1-v) - t/v) / n
		}
	}
	return sum / float64(n)
}

func binaryLogits(p, y []float32, smooth float32, dp []float32, scale float32) (sum float64) {
	n := float32(len(p))
	for i, v := range p {
		t := y[i]*(1-smooth) + smooth/2
		x := float64(v)
		sum += max(x, 0) - x*float64(t) + math.Log1p(math.Exp(-math.Abs(x)))
		if dp != nil {
			dp[i] += scale * (float32(1/(1+math.Exp(-x))) - t) / n
		}
	}
	return sum / float64(n)
}

// categorical normalises the row first, as Keras does, so its gradient passes through that as well.
func categorical(p, y []float32, smooth, share float32, dp []float32, scale float32, tmp []float32) (loss float64) {
	var total float64
	for _, v := range p {
		total += float64(v)
	}
	inv := float32(1 / total)
	var dot float64 // of the gradient by the normalised row, and that row
	for i, v := range p {
		t := y[i]*(1-smooth) + share
		q := v * inv
		c, pass := clip(q)
		loss -= float64(t) * math.Log(float64(c))
		tmp[i] = -t / c * pass
		dot += float64(tmp[i]) * float64(q)
	}
	if dp != nil {
		for i := range p {
			dp[i] += scale * inv * (tmp[i] - float32(dot))
		}
	}
	return loss
}

// softmax fills tmp with softmax(x) and returns log(sum(exp(x))). The largest of the softmax is 1/sum(exp(x-max)).
func softmax(tmp, x []float32) (logSum float64) {
	vec.Softmax(tmp, x, 1, len(x))
	return float64(vec.Max(x)) - math.Log(float64(vec.Max(tmp)))
}

// categoricalLogits has TensorFlow's gradient, softmax - y, which takes the targets to sum to one.
func categoricalLogits(p, y []float32, smooth, share float32, dp []float32, scale float32, tmp []float32) (loss float64) {
	logSum := softmax(tmp, p)
	for i, v := range p {
		t := y[i]*(1-smooth) + share
		loss += float64(t) * (logSum - float64(v))
		if dp != nil {
			dp[i] += scale * (tmp[i] - t)
		}
	}
	return loss
}

// sparse takes the logarithms of the clipped probabilities for logits, as Keras does: they are normalised once more.
func sparse(p []float32, label int, dp []float32, scale float32) float64 {
	var total float64
	for _, v := range p {
		c, _ := clip(v)
		total += float64(c)
	}
	at, _ := clip(p[label])
	if dp != nil {
		for i, v := range p {
			if c, pass := clip(v); pass != 0 {
				d := 1 / float32(total)
				if i == label {
					d -= 1 / c
				}
				dp[i] += scale * d
			}
		}
	}
	return math.Log(total) - math.Log(float64(at))
}

func sparseLogits(p []float32, label int, dp []float32, scale float32, tmp []float32) float64 {
	logSum := softmax(tmp, p)
	if dp != nil {
		for i, v := range tmp {
			dp[i] += scale * v
		}
		dp[label] -= scale
	}
	return logSum - float64(p[label])
}

// binaryFocal weighs the crossentropy of what is already right down.
//
// Source: keras/src/losses/losses.py, binary_focal_crossentropy
func (l *Loss) binaryFocal(p, y []float32, dp []float32, scale float32) (sum float64) {
	alpha, gamma, smooth, n := l.alpha(), l.gamma(), l.LabelSmoothing, float64(len(p))
	for i, v := range p {
		t := float64(y[i])*(1-smooth) + smooth/2
		x := float64(v)
		s, ds := x, 1.0
		var entropy, slope float64 // and its derivative by x
		if l.FromLogits {
			s = 1 / (1 + math.Exp(-x))
			ds = s * (1 - s)
			entropy, slope = max(x, 0)-x*t+math.Log1p(math.Exp(-math.Abs(x))), s-t
		} else {
			c, pass := clip(v)
			q := float64(c)
			entropy = -(t*math.Log(q) + (1-t)*math.Log(1-q))
			slope = float64(pass) * ((1-t)/(1-q) - t/q)
		}
		off := 1 - (t*s + (1-t)*(1-s))
		factor := math.Pow(off, gamma)
		weight := 1.0
		if l.ClassBalancing {
			weight = t*alpha + (1-t)*(1-alpha)
		}
		sum += weight * factor * entropy
		if dp != nil {
			dp[i] += scale * float32(weight*(factor*slope-gamma*math.Pow(off, gamma-1)*(2*t-1)*ds*entropy)/n)
		}
	}
	return sum / n
}

// categoricalFocal is the same of several classes; its gradient passes through normalisation and, of logits, softmax.
//
// Source: keras/src/losses/losses.py, categorical_focal_crossentropy
func (l *Loss) categoricalFocal(p, y []float32, classes float32, dp []float32, scale float32, tmp []float32) (loss float64) {
	alpha, gamma, smooth := l.alpha(), l.gamma(), float32(l.LabelSmoothing)
	copy(tmp, p)
	if l.FromLogits {
		vec.Softmax(tmp, p, 1, len(p))
	}
	var total, dot, dotSoft float64
	for _, v := range tmp[:len(p)] {
		total += float64(v)
	}
	slope := func(i int) float64 { // by the normalised probability
		c, pass := clip(float32(float64(tmp[i]) / total))
		o, t := float64(c), float64(y[i]*(1-smooth)+smooth/classes)
		return float64(pass) * alpha * t * (gamma*math.Pow(1-o, gamma-1)*math.Log(o) - math.Pow(1-o, gamma)/o)
	}
	for i := range p {
		q := float64(tmp[i]) / total
		c, _ := clip(float32(q))
		o, t := float64(c), float64(y[i]*(1-smooth)+smooth/classes)
		loss -= alpha * math.Pow(1-o, gamma) * t * math.Log(o)
		if dp != nil {
			dot += slope(i) * q
		}
	}
	if dp == nil {
		return loss
	}
	if l.FromLogits {
		for i := range p {
			dotSoft += (slope(i) - dot) / total * float64(tmp[i])
		}
	}
	for i := range p {
		d := (slope(i) - dot) / total
		if l.FromLogits {
			d = float64(tmp[i]) * (d - dotSoft)
		}
		dp[i] += scale * float32(d)
	}
	return loss
}

// generalized is (1 - p^q) / q of the true class.
func generalized(p []float32, label int, q float64, dp []float32, scale float32) float64 {
	v := float64(p[label])
	if dp != nil {
		dp[label] -= scale * float32(math.Pow(v, q-1))
	}
	return (1 - math.Pow(v, q)) / q
}
