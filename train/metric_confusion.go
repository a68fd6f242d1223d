package train

import (
	"encoding/json"
	"math"
	"slices"
)

// counts are of one threshold.
type counts struct{ tp, fp, tn, fn float64 }

// confusion counts at thresholds; what it reports depends on its class.
//
// Source: keras/src/metrics/confusion_metrics.py, metrics_utils.py
type confusion struct {
	class      string
	thresholds []float32
	even       bool
	topK       int
	classID    int // -1: all
	at         float64
	curve, sum string
	multi      bool
	weights    []float64 // of labels
	logits     bool

	labels int // of multi
	cells  []counts
	kept   []bool
	each   []float64 // values at the thresholds, where that is what is reported
}

func newConfusion(class string, c meterConfig, bad func(string) error) (meter, error) {
	m := &confusion{class: class, topK: c.TopK, classID: -1}
	if c.ClassID != nil {
		if m.classID = *c.ClassID; m.classID < 0 {
			return nil, bad("class_id")
		}
	}
	if m.topK < 0 {
		return nil, bad("top_k")
	}
	var given []float64
	var one float64
	if !null(c.Thresholds) {
		if json.Unmarshal(c.Thresholds, &one) == nil {
			given = []float64{one}
		} else if json.Unmarshal(c.Thresholds, &given) != nil || len(given) == 0 {
			return nil, bad("thresholds")
		}
	}
	n := 200
	if c.NumThresholds != nil {
		n = *c.NumThresholds
	}
	if n < 1 || n > 1<<20 {
		return nil, bad("num_thresholds")
	}
	between := func() (all []float64) {
		for i := range max(n-2, 0) {
			all = append(all, float64(i+1)/float64(n-1))
		}
		return all
	}
	constraint := map[string]*float64{"SensitivityAtSpecificity": c.Specificity, "SpecificityAtSensitivity": c.Sensitivity,
		"PrecisionAtRecall": c.Recall, "RecallAtPrecision": c.Precision}
	switch at, constrained := constraint[class]; {
	case constrained:
		if at == nil {
			return nil, unsupported("metrics", "the metric %s needs its argument", class)
		}
		m.at = *at
		given = append(append([]float64{0}, between()...), 1)
		if n == 1 {
			given = []float64{.5}
		}
	case class == "AUC":
		if given == nil {
			given = between()
		}
		slices.Sort(given)
		given = append(append([]float64{-1e-7}, given...), 1+1e-7)
		m.curve, m.sum, m.multi, m.logits = c.Curve, c.SummationMethod, c.MultiLabel, c.FromLogits
		if m.curve != "" && m.curve != "ROC" && m.curve != "PR" && m.curve != "PRGAIN" {
			return nil, bad("curve")
		}
		if m.sum != "" && m.sum != "interpolation" && m.sum != "majoring" && m.sum != "minoring" {
			return nil, bad("summation_method")
		}
		if !null(c.LabelWeights) && json.Unmarshal(c.LabelWeights, &m.weights) != nil {
			tensor := struct {
				Config struct {
					Value []float64 `json:"value"`
				} `json:"config"`
			}{}
			if json.Unmarshal(c.LabelWeights, &tensor) != nil || tensor.Config.Value == nil {
				return nil, bad("label_weights")
			}
			m.weights = tensor.Config.Value
		}
	case given == nil:
		given = []float64{.5}
		if m.topK > 0 {
			given = []float64{-1e10}
		}
	}
	m.even = len(given) > 2
	for i, t := range given {
		even := float64(float32(i)) / float64(len(given)-1)
		m.even = m.even && math.Abs(t-even) <= 1e-7*1.01+1e-5*even
		m.thresholds = append(m.thresholds, float32(t))
	}
	return m, nil
}

func (m *confusion) reset() { clear(m.cells) }

func (m *confusion) update(p, y []float32, n, c int, w []float32) error {
	labels := 1
	if m.multi {
		labels = c
	}
	if m.classID >= c || m.weights != nil && len(m.weights) != c {
		return unsupported("metrics", "%s of %d classes with its class_id or label_weights is not supported", m.class, c)
	}
	if k := len(m.thresholds) * labels; len(m.cells) != k {
		m.cells, m.labels = make([]counts, k), labels
	}
	if len(m.kept) < c {
		m.kept = make([]bool, c)
	}
	for i := range n {
		row := p[i*c:][:c]
		m.filter(row)
		for j, v := range row {
			if m.classID >= 0 && j != m.classID {
				continue
			}
			if m.topK > 0 && !m.kept[j] {
				v = -1e10
			}
			if m.logits {
				v = float32(1 / (1 + math.Exp(-float64(v))))
			}
			f := weightOf(w, i)
			if m.weights != nil && !m.multi {
				f *= m.weights[j]
			}
			m.count(v, y[i*c+j] != 0, f, j%labels)
		}
	}
	return nil
}

// filter keeps the largest predictions, the first of equals.
func (m *confusion) filter(row []float32) {
	clear(m.kept)
	for range min(m.topK, len(row)) {
		best := -1
		for j, v := range row {
			if !m.kept[j] && (best < 0 || v > row[best]) {
				best = j
			}
		}
		m.kept[best] = true
	}
}

// count adds a prediction at each threshold. Where thresholds are even, Keras goes by the bucket that holds it.
func (m *confusion) count(v float32, truth bool, f float64, label int) {
	last := len(m.thresholds)
	bucket := -1
	if m.even {
		bucket = int(math.Ceil(float64(min(max(v, 0), 1)*float32(last-1)))) - 1
		if m.thresholds[0] < 0 {
			bucket = max(bucket, 0)
		}
		if v != v {
			bucket = -1
		}
	}
	for t := range last {
		positive := v > m.thresholds[t]
		if m.even {
			positive = t <= bucket
		}
		k := &m.cells[t*m.labels+label]
		switch {
		case truth && positive:
			k.tp += f
		case truth:
			k.fn += f
		case positive:
			k.fp += f
		default:
			k.tn += f
		}
	}
}

// over is a / b, and 0 where b is.
func over(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return a / b
}

func (m *confusion) value() float64 {
	if len(m.cells) == 0 {
		return 0
	}
	if m.class == "AUC" {
		return m.auc()
	}
	if m.simple() {
		m.each = m.rates(m.each[:0])
		return average(m.each)
	}
	var best float64
	for _, k := range m.cells {
		recall, specificity, precision := over(k.tp, k.tp+k.fn), over(k.tn, k.tn+k.fp), over(k.tp, k.tp+k.fp)
		constrained, dependent := recall, precision
		switch m.class {
		case "SensitivityAtSpecificity":
			constrained, dependent = specificity, recall
		case "SpecificityAtSensitivity":
			constrained, dependent = recall, specificity
		case "RecallAtPrecision":
			constrained, dependent = precision, recall
		}
		if float32(constrained) >= float32(m.at) {
			best = max(best, dependent)
		}
	}
	return best
}

// simple says that the class reports a number for each threshold.
func (m *confusion) simple() bool {
	switch m.class {
	case "TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives", "Precision", "Recall":
		return true
	}
	return false
}

// values implements lister.
func (m *confusion) values(dst []float64) []float64 {
	if !m.simple() || len(m.thresholds) == 1 {
		return nil
	}
	return m.rates(dst)
}

// rates appends what a simple class reports of each threshold.
func (m *confusion) rates(dst []float64) []float64 {
	for i := range m.thresholds {
		var k counts
		if len(m.cells) > 0 {
			k = m.cells[i]
		}
		var v float64
		switch m.class {
		case "TruePositives":
			v = k.tp
		case "TrueNegatives":
			v = k.tn
		case "FalsePositives":
			v = k.fp
		case "FalseNegatives":
			v = k.fn
		case "Precision":
			v = over(k.tp, k.tp+k.fp)
		case "Recall":
			v = over(k.tp, k.tp+k.fn)
		}
		dst = append(dst, v)
	}
	return dst
}

func (m *confusion) auc() float64 {
	var total, all float64
	for l := range m.labels {
		f := 1.0
		if m.multi && m.weights != nil {
			f = m.weights[l]
		}
		for t := 1; t < len(m.thresholds); t++ {
			total += f * m.area(m.cells[(t-1)*m.labels+l], m.cells[t*m.labels+l])
		}
		all += f
	}
	return over(total, all)
}

// area is that under the curve between two thresholds.
func (m *confusion) area(a, b counts) float64 {
	interpolated := m.sum == "" || m.sum == "interpolation"
	if m.curve == "PR" && interpolated {
		dtp, pa, pb := a.tp-b.tp, a.tp+a.fp, b.tp+b.fp
		slope := over(dtp, max(pa-pb, 0))
		ratio := 1.0
		if pa > 0 && pb > 0 {
			ratio = pa / pb
		}
		return over(slope*(dtp+(b.tp-slope*pb)*math.Log(ratio)), b.tp+b.fn)
	}
	xa, ya := m.point(a)
	xb, yb := m.point(b)
	height := max(ya, yb)
	switch {
	case interpolated:
		height = (ya + yb) / 2
	case m.sum == "minoring":
		height = min(ya, yb)
	}
	return (xa - xb) * height
}

func (m *confusion) point(k counts) (x, y float64) {
	switch m.curve {
	case "PR":
		return over(k.tp, k.tp+k.fn), over(k.tp, k.tp+k.fp)
	case "PRGAIN":
		if k.tp == 0 {
			return 0, 1
		}
		scale := over(k.tp+k.fn, k.tn+k.fp)
		return max(1-scale*k.fn/k.tp, 0), 1 - scale*k.fp/k.tp
	}
	return over(k.fp, k.fp+k.tn), over(k.tp, k.tp+k.fn)
}
