package train

import (
	"encoding/json"
	"slices"
	"strings"

	"kerasgo/nn"
)

// Metric is one of Keras's metrics that are means over the rows: an accuracy, or a loss.
type Metric struct {
	Name string // as reported
	// Fn is accuracy (binary, categorical or sparse, as the shapes say), binary_accuracy, categorical_accuracy,
	// sparse_categorical_accuracy, or the name of a loss.
	Fn        string
	Threshold float32 // of binary_accuracy; 0: one half

	loss   Loss            // if Fn is one
	class  string          // of those that aren't means over rows, and of correlations and top k
	config meterConfig     // of class
	meters bool            // class has a meter
	raw    json.RawMessage // as it was read
}

// accuracies are the names of accuracies, and of their classes.
var accuracies = [...][2]string{{"accuracy", ""}, {"binary_accuracy", "BinaryAccuracy"}, {"categorical_accuracy", "CategoricalAccuracy"},
	{"sparse_categorical_accuracy", "SparseCategoricalAccuracy"}}

// ParseMetric finds a metric by Keras's name: accuracy, acc, mse, SparseCategoricalAccuracy, ...
func ParseMetric(name string) (Metric, error) {
	m := Metric{Name: name}
	if s := strings.ToLower(name); s == "accuracy" || s == "acc" {
		m.Fn = "accuracy"
		return m, nil
	}
	if c := classOf(name, append(meterNames[:], rowNames[:]...)); c != "" {
		m.Fn, m.class, m.meters = nn.SnakeCase(c), c, slices.Contains(meterNames[:], c)
		return m, nil
	}
	known := append([]string{"accuracy"}, meterNames[:]...)
	for _, a := range accuracies {
		if name == a[0] || name == a[1] {
			m.Fn = a[0]
			return m, nil
		}
		known = append(known, a[0])
	}
	l, err := ParseLoss(name)
	if name == "LogCoshError" || name == "log_cosh_error" {
		l, err = ParseLoss("log_cosh")
	}
	if err != nil || l.Name == "crossentropy" || l.whole() || l.Name == "circle" || l.Name == "ctc" {
		return m, unsupported("metrics", "the metric %q is not supported%s", name, near(name, known))
	}
	m.Fn, m.loss = l.Name, l
	return m, nil
}

func decodeMetric(raw json.RawMessage, key string) (Metric, error) {
	name, config, err := named(raw, key)
	if err != nil {
		return Metric{}, err
	}
	c := struct {
		Name      string          `json:"name"`
		Fn        json.RawMessage `json:"fn"`
		Threshold float32         `json:"threshold"`
	}{}
	if config != nil && json.Unmarshal(config, &c) != nil {
		return Metric{}, malformed(key, raw)
	}
	if name == "MeanMetricWrapper" { // Keras 2, and functions as metrics
		if name, _, err = named(c.Fn, key); err != nil {
			return Metric{}, err
		}
	}
	m, err := ParseMetric(name)
	if err != nil {
		return m, err
	}
	if name == "Accuracy" && config != nil {
		m.Fn = "equality"
	}
	if m.class != "" {
		if config != nil && json.Unmarshal(config, &m.config) != nil {
			return m, malformed(key, raw)
		}
		if m.config.FromSortedIDs || m.config.K != nil && *m.config.K < 1 || !m.meters && m.config.Axis != nil && *m.config.Axis != -1 {
			return m, unsupported(key, "the metric %q with this k, axis or from_sorted_ids is not supported", name)
		}
		if m.meters {
			if _, err := newMeter(m.class, m.config); err != nil {
				return m, err
			}
		}
		m.Threshold = 0
	}
	m.raw, m.Threshold = raw, c.Threshold
	if c.Name != "" {
		m.Name = c.Name
	}
	if config != nil && m.loss.Name != "" {
		if err = m.loss.configure(config, key); err == nil && (m.loss.Axes != nil || m.loss.IgnoreClass != nil) {
			err = unsupported(key, "the metric %q with axis or ignore_class is not supported", name)
		}
		m.loss.Reduction = ""
	}
	return m, err
}

func (m Metric) encode() any {
	if m.raw != nil {
		return m.raw
	}
	return m.Name
}

// row is the metric of one row; see Loss.row.
//
// Source: keras/src/metrics/accuracy_metrics.py
func (m *Metric) row(p, y []float32, label, classes int, tmp []float32) float64 {
	switch m.Fn {
	case "binary_accuracy":
		threshold := m.Threshold
		if threshold == 0 {
			threshold = .5
		}
		var right int
		for i, v := range p {
			var bit float32
			if v > threshold {
				bit = 1
			}
			if y[i] == bit {
				right++
			}
		}
		return float64(right) / float64(len(p))
	case "equality":
		var right int
		for i, v := range p {
			if v == y[i] {
				right++
			}
		}
		return float64(right) / float64(len(p))
	case "top_k_categorical_accuracy":
		return truth(topK(p, argmax(y), m.k()))
	case "sparse_top_k_categorical_accuracy":
		return truth(topK(p, label, m.k()))
	case "pearson_correlation", "concordance_correlation":
		return correlation(p, y, m.Fn == "concordance_correlation")
	case "categorical_accuracy":
		return truth(argmax(p) == argmax(y))
	case "sparse_categorical_accuracy":
		return truth(argmax(p) == label)
	}
	v := m.loss.row(p, y, label, classes, nil, 0, tmp)
	if m.loss.Name == "cosine_similarity" {
		return -v // the metric is the similarity, the loss its opposite
	}
	return v
}

// k is that of the top k.
func (m *Metric) k() int {
	if m.config.K == nil {
		return 5
	}
	return *m.config.K
}

func (m *Metric) sparse() bool {
	return m.Fn == "sparse_categorical_accuracy" || m.Fn == "sparse_top_k_categorical_accuracy" || m.loss.sparse()
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

func argmax(x []float32) (at int) {
	for i, v := range x {
		if v > x[at] {
			at = i
		}
	}
	return at
}

// mean is a running mean, or what a meter says in its place.
type mean struct {
	total, count float64
	meter        meter
}

func (m *mean) value() float64 {
	if m.meter != nil {
		return m.meter.value()
	}
	if m.count == 0 {
		return 0
	}
	return m.total / m.count
}

// values are those of a meter that has a list of them; nil: it has one value.
func (m *mean) values() []float64 {
	if l, ok := m.meter.(lister); ok {
		return l.values(nil)
	}
	return nil
}
