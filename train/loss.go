package train

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"kerasgo/nn"
)

// Loss is one of Keras's losses. The zero Loss is none.
type Loss struct {
	// Name is the function's: mean_squared_error, huber, dice, ...; or crossentropy, which the shapes decide. ParseLoss knows
	// the classes' and the short names.
	Name           string
	FromLogits     bool    // of crossentropies
	LabelSmoothing float64 // of crossentropies
	// Reduction is how the rows' losses become one: "" (sum_over_batch_size), mean, sum or mean_with_sample_weight.
	Reduction string
	// Axes are what a row of the loss spans: nil is Keras's default, the last axis, or everything (dice, tversky).
	Axes []int
	// IgnoreClass is a label whose rows don't count; of sparse_categorical_crossentropy.
	IgnoreClass *int
	// Alpha, Beta, Gamma, Delta, Margin and Q are the parameters that Keras calls so; nil is Keras's default.
	Alpha, Beta, Gamma, Delta, Margin, Q *float64
	ClassBalancing                       bool // apply_class_balancing of binary_focal_crossentropy
	KeepDiagonal                         bool // remove_diagonal=False of circle

	class bool // was an object in the file
}

// lossName is a loss by its names: the function's, the class's, and the short one.
type lossName struct{ name, class, short string }

var lossNames = [...]lossName{
	{"mean_squared_error", "MeanSquaredError", "mse"},
	{"mean_absolute_error", "MeanAbsoluteError", "mae"},
	{"mean_absolute_percentage_error", "MeanAbsolutePercentageError", "mape"},
	{"mean_squared_logarithmic_error", "MeanSquaredLogarithmicError", "msle"},
	{"binary_crossentropy", "BinaryCrossentropy", "bce"},
	{"categorical_crossentropy", "CategoricalCrossentropy", "cce"},
	{"sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", "scce"},
	{"binary_focal_crossentropy", "BinaryFocalCrossentropy", ""},
	{"categorical_focal_crossentropy", "CategoricalFocalCrossentropy", ""},
	{"categorical_generalized_cross_entropy", "CategoricalGeneralizedCrossEntropy", ""},
	{"crossentropy", "", "ce"},
	{"kl_divergence", "KLDivergence", "kld"},
	{"poisson", "Poisson", ""},
	{"cosine_similarity", "CosineSimilarity", ""},
	{"huber", "Huber", "huber_loss"},
	{"log_cosh", "LogCosh", "logcosh"},
	{"hinge", "Hinge", ""},
	{"squared_hinge", "SquaredHinge", ""},
	{"categorical_hinge", "CategoricalHinge", ""},
	{"dice", "Dice", ""},
	{"tversky", "Tversky", ""},
	{"circle", "Circle", ""},
	{"ctc", "CTC", ""},
}

// ParseLoss finds a loss by Keras's name of the function or the class: mse, MeanSquaredError, ...
func ParseLoss(name string) (Loss, error) {
	for _, l := range lossNames {
		if name == l.name || name == l.class || name == l.short || l.short != "" && name == strings.ToUpper(l.short) {
			if name != "" {
				return Loss{Name: l.name, class: name == l.class}, nil
			}
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
		FromLogits     *bool           `json:"from_logits"`
		LabelSmoothing *float64        `json:"label_smoothing"`
		Axis           json.RawMessage `json:"axis"`
		IgnoreClass    *int            `json:"ignore_class"`
		Reduction      *string         `json:"reduction"`
		Alpha          json.RawMessage `json:"alpha"`
		Beta           *float64        `json:"beta"`
		Gamma          *float64        `json:"gamma"`
		Delta          *float64        `json:"delta"`
		Margin         *float64        `json:"margin"`
		Q              *float64        `json:"q"`
		Balancing      bool            `json:"apply_class_balancing"`
		RemoveDiagonal *bool           `json:"remove_diagonal"`
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
	if !null(c.Alpha) {
		if json.Unmarshal(c.Alpha, &l.Alpha) != nil {
			return unsupported("alpha", "%s with an alpha for each class is not supported", l.Name)
		}
	}
	l.IgnoreClass, l.Beta, l.Gamma, l.Delta, l.Margin, l.Q = c.IgnoreClass, c.Beta, c.Gamma, c.Delta, c.Margin, c.Q
	l.ClassBalancing, l.KeepDiagonal = c.Balancing, c.RemoveDiagonal != nil && !*c.RemoveDiagonal
	if l.Q != nil && !(*l.Q > 0 && *l.Q < 1) {
		return malformed("q", config)
	}
	if err := l.axes(c.Axis); err != nil {
		return err
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

// axes reads an axis, or several of dice and tversky.
func (l *Loss) axes(raw json.RawMessage) error {
	if null(raw) {
		return nil
	}
	var one int
	if json.Unmarshal(raw, &one) == nil {
		if one != -1 || l.whole() {
			l.Axes = []int{one}
		}
	} else if json.Unmarshal(raw, &l.Axes) != nil {
		return malformed("axis", raw)
	}
	if l.Axes != nil && (len(l.Axes) != 1 && !l.whole() || l.sparse()) {
		return unsupported("axis", "%s over axis %s is not supported", l.Name, raw)
	}
	return nil
}

func (l Loss) encode() (json.RawMessage, error) {
	if l.Name == "" {
		return json.RawMessage("null"), nil
	}
	plain := !l.FromLogits && l.LabelSmoothing == 0 && l.Reduction == "" && l.Axes == nil && l.IgnoreClass == nil && l.Alpha == nil &&
		l.Beta == nil && l.Gamma == nil && l.Delta == nil && l.Margin == nil && l.Q == nil && !l.ClassBalancing && !l.KeepDiagonal
	if !l.class && plain {
		return json.Marshal(l.Name)
	}
	i := slices.IndexFunc(lossNames[:], func(n lossName) bool { return n.name == l.Name })
	if i < 0 || lossNames[i].class == "" {
		return nil, unsupported("loss", "the loss %q has no options", l.Name)
	}
	c := map[string]any{"name": l.Name, "reduction": "sum_over_batch_size"}
	if l.Reduction != "" {
		c["reduction"] = l.Reduction
	}
	axis := func(otherwise any) {
		switch len(l.Axes) {
		case 0:
			c["axis"] = otherwise
		case 1:
			c["axis"] = l.Axes[0]
		default:
			c["axis"] = l.Axes
		}
	}
	switch l.Name {
	case "sparse_categorical_crossentropy":
		c["from_logits"], c["ignore_class"] = l.FromLogits, l.IgnoreClass
	case "binary_crossentropy", "categorical_crossentropy", "binary_focal_crossentropy", "categorical_focal_crossentropy":
		c["from_logits"], c["label_smoothing"] = l.FromLogits, l.LabelSmoothing
		axis(-1)
		if strings.Contains(l.Name, "focal") {
			c["alpha"], c["gamma"] = l.alpha(), l.gamma()
		}
		if l.Name == "binary_focal_crossentropy" {
			c["apply_class_balancing"] = l.ClassBalancing
		}
	case "categorical_generalized_cross_entropy":
		c["q"] = value(l.Q, .5)
	case "huber":
		c["name"] = "huber_loss"
		if l.Delta != nil {
			c["delta"] = *l.Delta
		}
	case "dice":
		axis(nil)
	case "tversky":
		c["alpha"], c["beta"] = value(l.Alpha, .5), value(l.Beta, .5)
		axis(nil)
	case "circle":
		c["gamma"], c["margin"], c["remove_diagonal"] = l.gamma(), value(l.Margin, .4), !l.KeepDiagonal
	}
	return json.Marshal(map[string]any{"module": "keras.losses", "class_name": lossNames[i].class, "config": c, "registered_name": nil})
}

// crossentropy says that the logits of a softmax or sigmoid take the place of its output.
func (l Loss) crossentropy() bool {
	switch l.Name {
	case "binary_crossentropy", "categorical_crossentropy", "sparse_categorical_crossentropy", "binary_focal_crossentropy":
		return true
	}
	return false
}

// sparse says that targets are class numbers.
func (l Loss) sparse() bool {
	return l.Name == "sparse_categorical_crossentropy" || l.Name == "categorical_generalized_cross_entropy"
}

// whole says that without axes the loss is one number for the batch.
func (l Loss) whole() bool { return l.Name == "dice" || l.Name == "tversky" }

func value(p *float64, otherwise float64) float64 {
	if p == nil {
		return otherwise
	}
	return *p
}

func (l Loss) alpha() float64 { return value(l.Alpha, .25) }

func (l Loss) gamma() float64 {
	if l.Name == "circle" {
		return value(l.Gamma, 80)
	}
	return value(l.Gamma, 2)
}
