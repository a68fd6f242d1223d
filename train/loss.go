package train

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"kerasgo/internal/vec"
	"kerasgo/nn"
)

// Loss is one of Keras's losses. The zero Loss is none.
type Loss struct {
	// Name is the function's: mean_squared_error, mean_absolute_error, binary_crossentropy, categorical_crossentropy,
	// sparse_categorical_crossentropy, or crossentropy, which the shapes decide. ParseLoss knows the short names.
	Name           string
	FromLogits     bool
	LabelSmoothing float64
	// Reduction is how the rows' losses become one: "" (sum_over_batch_size), mean, sum or mean_with_sample_weight.
	Reduction string

	class bool // was an object in the file
}

// lossClasses are the classes' names by the functions'.
var lossNames = [...]struct{ name, class, short string }{
	{"mean_squared_error", "MeanSquaredError", "mse"},
	{"mean_absolute_error", "MeanAbsoluteError", "mae"},
	{"binary_crossentropy", "BinaryCrossentropy", "bce"},
	{"categorical_crossentropy", "CategoricalCrossentropy", "cce"},
	{"sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", "scce"},
	{"crossentropy", "", "ce"},
}

// ParseLoss finds a loss by Keras's name of the function or the class: mse, MeanSquaredError, ...
func ParseLoss(name string) (Loss, error) {
	for _, l := range lossNames {
		if name == l.name || name == l.class || name == l.short || (name == "MSE" || name == "MAE" || name == "BCE") && nn.SnakeCase(name) == l.short {
			return Loss{Name: l.name, class: name == l.class}, nil
		}
	}
	known := make([]string, len(lossNames))
	for i, l := range lossNames {
		known[i] = l.name
	}
	return Loss{}, unsupported("loss", "the loss %q is not supported%s", name, near(name, known))
}

func near(name string, known []string) string {
	if n := nn.Nearest(name, known); n != "" {
		return fmt.Sprintf(" (nearest: %s)", n)
	}
	return ""
}

func decodeLoss(raw json.RawMessage) (Loss, error) {
	if null(raw) {
		return Loss{}, nil
	}
	name, config, err := named(raw, "loss")
	if err != nil {
		return Loss{}, err
	}
	l, err := ParseLoss(name)
	if err != nil || config == nil {
		return l, err
	}
	return l, l.configure(config, "loss")
}

// configure reads the config of a loss object, or what a metric has of it.
func (l *Loss) configure(config json.RawMessage, key string) error {
	c := struct {
		FromLogits     *bool    `json:"from_logits"`
		LabelSmoothing *float64 `json:"label_smoothing"`
		Axis           *int     `json:"axis"`
		IgnoreClass    *int     `json:"ignore_class"`
		Reduction      *string  `json:"reduction"`
	}{}
	if json.Unmarshal(config, &c) != nil {
		return malformed(key, config)
	}
	if c.FromLogits != nil {
		l.FromLogits = *c.FromLogits
	}
	if c.LabelSmoothing != nil {
		if l.LabelSmoothing = *c.LabelSmoothing; !(l.LabelSmoothing >= 0 && l.LabelSmoothing <= 1) {
			return malformed("label_smoothing", config)
		}
	}
	if c.Axis != nil && *c.Axis != -1 {
		return unsupported("axis", "%s over axis %d is not supported", l.Name, *c.Axis)
	}
	if c.IgnoreClass != nil {
		return unsupported("ignore_class", "%s with ignore_class is not supported", l.Name)
	}
	if c.Reduction != nil {
		switch l.Reduction = *c.Reduction; l.Reduction {
		case "sum_over_batch_size", "mean", "sum", "mean_with_sample_weight":
		case "auto": // Keras 2
			l.Reduction = ""
		default:
			return unsupported("reduction", "reduction %q is not supported", l.Reduction)
		}
	}
	return nil
}

func (l Loss) encode() (json.RawMessage, error) {
	if l.Name == "" {
		return json.RawMessage("null"), nil
	}
	if !l.class && !l.FromLogits && l.LabelSmoothing == 0 && l.Reduction == "" {
		return json.Marshal(l.Name)
	}
	i := slices.IndexFunc(lossNames[:], func(n struct{ name, class, short string }) bool { return n.name == l.Name })
	if i < 0 || lossNames[i].class == "" {
		return nil, unsupported("loss", "the loss %q has no options", l.Name)
	}
	c := map[string]any{"name": l.Name, "reduction": "sum_over_batch_size"}
	if l.Reduction != "" {
		c["reduction"] = l.Reduction
	}
	if l.crossentropy() {
		c["from_logits"] = l.FromLogits
		if l.sparse() {
			c["ignore_class"] = nil
		} else {
			c["label_smoothing"], c["axis"] = l.LabelSmoothing, -1
		}
	}
	return json.Marshal(map[string]any{"module": "keras.losses", "class_name": lossNames[i].class, "config": c, "registered_name": nil})
}

func (l Loss) crossentropy() bool {
	return l.Name != "mean_squared_error" && l.Name != "mean_absolute_error"
}

func (l Loss) sparse() bool { return l.Name == "sparse_categorical_crossentropy" }

// epsilon is Keras's fuzz factor; low and high are the probabilities that crossentropies are clipped to.
const epsilon float32 = 1e-7

var low, high = epsilon, float32(1 - 1e-7)

// row is the loss of one row of predictions p, whose target is y, or, of a sparse loss, label. It adds scale times the
// gradient to dp, if that isn't nil. tmp has room for a row.
//
// Source: keras/src/losses/losses.py, keras/src/backend/tensorflow/nn.py
func (l Loss) row(p, y []float32, label int, dp []float32, scale float32, tmp []float32) float64 {
	switch l.Name {
	case "mean_squared_error":
		return squared(p, y, dp, scale)
	case "mean_absolute_error":
		return absolute(p, y, dp, scale)
	case "binary_crossentropy":
		if l.FromLogits {
			return binaryLogits(p, y, float32(l.LabelSmoothing), dp, scale)
		}
		return binary(p, y, float32(l.LabelSmoothing), dp, scale)
	case "categorical_crossentropy":
		if l.FromLogits {
			return categoricalLogits(p, y, float32(l.LabelSmoothing), dp, scale, tmp)
		}
		return categorical(p, y, float32(l.LabelSmoothing), dp, scale, tmp)
	}
	if l.FromLogits {
		return sparseLogits(p, label, dp, scale, tmp)
	}
	return sparse(p, label, dp, scale)
}

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
func categorical(p, y []float32, smooth float32, dp []float32, scale float32, tmp []float32) (loss float64) {
	var total float64
	for _, v := range p {
		total += float64(v)
	}
	inv := float32(1 / total)
	share := smooth / float32(len(p))
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
func categoricalLogits(p, y []float32, smooth float32, dp []float32, scale float32, tmp []float32) (loss float64) {
	logSum := softmax(tmp, p)
	share := smooth / float32(len(p))
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
