package train

import (
	"encoding/json"
	"math"
	"slices"

	"kerasgo/nn"
)

// meter is a metric that isn't a mean over rows.
type meter interface {
	reset()
	// update takes a batch: n rows of c predictions and targets. w weighs the rows; nil: all alike.
	update(p, y []float32, n, c int, w []float32) error
	value() float64
}

// lister is a meter with a list of values: value is then their mean.
type lister interface {
	meter
	// values appends them to dst, which is empty; nil: value is all there is.
	values(dst []float64) []float64
}

func average(list []float64) float64 {
	var sum float64
	for _, v := range list {
		sum += v
	}
	return over(sum, float64(len(list)))
}

// meterConfig are the options of metrics, under Keras's keys.
type meterConfig struct {
	Thresholds       json.RawMessage `json:"thresholds"`
	TopK             int             `json:"top_k"`
	ClassID          *int            `json:"class_id"`
	NumThresholds    *int            `json:"num_thresholds"`
	Curve            string          `json:"curve"`
	SummationMethod  string          `json:"summation_method"`
	MultiLabel       bool            `json:"multi_label"`
	LabelWeights     json.RawMessage `json:"label_weights"`
	FromLogits       bool            `json:"from_logits"`
	Average          *string         `json:"average"`
	Beta             *float64        `json:"beta"`
	Threshold        *float64        `json:"threshold"`
	NumClasses       int             `json:"num_classes"`
	TargetClassIDs   []int           `json:"target_class_ids"`
	IgnoreClass      *int            `json:"ignore_class"`
	SparseTrue       *bool           `json:"sparse_y_true"`
	SparsePred       *bool           `json:"sparse_y_pred"`
	Axis             *int            `json:"axis"`
	ClassAggregation json.RawMessage `json:"class_aggregation"`
	NumRegressors    int             `json:"num_regressors"`
	Specificity      *float64        `json:"specificity"`
	Sensitivity      *float64        `json:"sensitivity"`
	Recall           *float64        `json:"recall"`
	Precision        *float64        `json:"precision"`
	K                *int            `json:"k"`
	FromSortedIDs    bool            `json:"from_sorted_ids"`
}

// meterNames are the classes of metrics that aren't means over rows, and those of rows that no loss is.
var meterNames = [...]string{"AUC", "Precision", "Recall", "TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives",
	"SensitivityAtSpecificity", "SpecificityAtSensitivity", "PrecisionAtRecall", "RecallAtPrecision", "F1Score", "FBetaScore",
	"IoU", "BinaryIoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU", "R2Score", "RootMeanSquaredError"}

var rowNames = [...]string{"TopKCategoricalAccuracy", "SparseTopKCategoricalAccuracy", "PearsonCorrelation", "ConcordanceCorrelation"}

// classOf finds a metric's class by its name or its name in snake case.
func classOf(name string, classes []string) string {
	for _, c := range classes {
		if name == c || name == nn.SnakeCase(c) {
			return c
		}
	}
	return ""
}

// newMeter makes the meter of a class.
func newMeter(class string, c meterConfig) (meter, error) {
	bad := func(key string) error {
		return unsupported(key, "the metric %s with this %s is not supported", class, key)
	}
	if c.Axis != nil && *c.Axis != -1 {
		return nil, bad("axis")
	}
	switch class {
	case "RootMeanSquaredError":
		return &rootMean{}, nil
	case "R2Score":
		m := &r2{regressors: c.NumRegressors, by: "uniform_average"}
		if c.ClassAggregation != nil {
			m.by = ""
			if json.Unmarshal(c.ClassAggregation, &m.by) != nil || m.by != "" && m.by != "uniform_average" && m.by != "variance_weighted_average" {
				return nil, bad("class_aggregation")
			}
		}
		return m, nil
	case "F1Score", "FBetaScore":
		m := &fScore{beta: value(c.Beta, 1), threshold: c.Threshold}
		if c.Average != nil {
			if m.average = *c.Average; !slices.Contains([]string{"micro", "macro", "weighted"}, m.average) {
				return nil, bad("average")
			}
		}
		if class == "F1Score" {
			m.beta = 1
		}
		return m, nil
	case "IoU", "BinaryIoU", "MeanIoU", "OneHotIoU", "OneHotMeanIoU":
		return newIoU(class, c, bad)
	}
	return newConfusion(class, c, bad)
}

// rootMean is the root of the mean square.
type rootMean struct{ mean }

func (m *rootMean) reset() { m.mean = mean{} }

func (m *rootMean) update(p, y []float32, n, c int, w []float32) error {
	for i := range n {
		m.total += weightOf(w, i) * squared(p[i*c:][:c], y[i*c:][:c], nil, 0)
		m.count += weightOf(w, i)
	}
	return nil
}

func (m *rootMean) value() float64 { return math.Sqrt(m.mean.value()) }

func weightOf(w []float32, i int) float64 {
	if w == nil {
		return 1
	}
	return float64(w[i])
}

// r2 is the coefficient of determination.
//
// Source: keras/src/metrics/regression_metrics.py, R2Score
type r2 struct {
	by         string // "": one for each class
	regressors int
	samples    float64
	each       []float64 // scores, where there is one a class
	classes    []struct{ sum, squares, residual, count float64 }
}

func (m *r2) reset() { m.samples = 0; clear(m.classes) }

func (m *r2) update(p, y []float32, n, c int, w []float32) error {
	if len(m.classes) != c {
		m.classes = make([]struct{ sum, squares, residual, count float64 }, c)
	}
	for i := range n * c {
		k, f, t := &m.classes[i%c], weightOf(w, i/c), float64(y[i])
		d := t - float64(p[i])
		k.sum += f * t
		k.squares += f * t * t
		k.residual += f * d * d
		k.count += f
	}
	m.samples += float64(n * c)
	return nil
}

func (m *r2) value() float64 {
	if m.by == "" {
		return average(m.values(m.each[:0]))
	}
	var scores, totals float64
	for i := range m.classes {
		score, total := m.score(i)
		f := 1.0
		if m.by == "variance_weighted_average" {
			f = total
		}
		scores += f * score
		totals += f
	}
	return m.adjusted(scores / totals)
}

// values implements lister.
func (m *r2) values(dst []float64) []float64 {
	if m.by != "" {
		return nil
	}
	for i := range m.classes {
		score, _ := m.score(i)
		dst = append(dst, m.adjusted(score))
	}
	m.each = dst
	return dst
}

// score is that of a class, and its variance.
func (m *r2) score(i int) (score, total float64) {
	k := &m.classes[i]
	total = k.squares - k.sum*k.sum/k.count
	if score = 1 - k.residual/total; math.IsInf(score, 0) {
		score = 0
	}
	return score, total
}

func (m *r2) adjusted(score float64) float64 {
	if p := float64(m.regressors); p != 0 && p < m.samples-1 {
		return 1 - (1-score)*(m.samples-1)/(m.samples-p-1)
	}
	return score
}

// fScore weighs precision against recall.
//
// Source: keras/src/metrics/f_score_metrics.py
type fScore struct {
	average   string // "": none
	beta      float64
	threshold *float64
	classes   []struct{ tp, fp, fn, weight float64 }
	each      []float64 // scores of the classes
}

func (m *fScore) reset() { clear(m.classes) }

func (m *fScore) update(p, y []float32, n, c int, w []float32) error {
	size := c
	if m.average == "micro" {
		size = 1
	}
	if len(m.classes) != size {
		m.classes = make([]struct{ tp, fp, fn, weight float64 }, size)
	}
	for i := range n {
		row := p[i*c:][:c]
		top := slices.Max(row)
		for j, v := range row {
			hit, t, f := 0.0, float64(y[i*c+j]), weightOf(w, i)
			if m.threshold == nil && v >= top && math.Abs(float64(v)) > 1e-9 || m.threshold != nil && v > float32(*m.threshold) {
				hit = 1
			}
			k := &m.classes[j%size]
			k.tp += f * hit * t
			k.fp += f * hit * (1 - t)
			k.fn += f * (1 - hit) * t
			k.weight += f * t
		}
	}
	return nil
}

func (m *fScore) value() float64 {
	m.each = m.scores(m.each[:0])
	if m.average != "weighted" {
		return average(m.each)
	}
	var total, all float64
	for i, k := range m.classes {
		total += m.each[i] * k.weight
		all += k.weight
	}
	return total / (all + 1e-7)
}

// values implements lister.
func (m *fScore) values(dst []float64) []float64 {
	if m.average != "" {
		return nil
	}
	return m.scores(dst)
}

func (m *fScore) scores(dst []float64) []float64 {
	const eps = 1e-7
	for _, k := range m.classes {
		precision, recall := k.tp/(k.tp+k.fp+eps), k.tp/(k.tp+k.fn+eps)
		b := m.beta * m.beta
		dst = append(dst, precision*recall/(b*precision+recall+eps)*(1+b))
	}
	return dst
}

// topK tells whether fewer than k predictions are over that of the label, as TensorFlow's in_top_k does.
func topK(p []float32, label, k int) bool {
	if v := p[label]; v-v != 0 {
		return false
	}
	over := 0
	for _, v := range p {
		if v > p[label] {
			over++
		}
	}
	return over < k
}

// correlation is Pearson's or the concordance correlation of a row, as Keras computes them.
//
// Source: keras/src/metrics/correlation_metrics.py
func correlation(p, y []float32, concordance bool) float64 {
	n := float64(len(p))
	var mp, my, vp, vy, both, odd float64
	for i, v := range p {
		mp += float64(v) / n
		my += float64(y[i]) / n
	}
	for i, v := range p {
		dp, dy := float64(v)-mp, float64(y[i])-my
		vp += dp * dp / n
		vy += dy * dy / n
		both += dp * dy / n
		odd += (float64(y[i]) - mp) * dp / n // Keras takes the predictions' mean from both
	}
	if concordance {
		return 2 * odd / (vp + vy + (my-mp)*(my-mp) + 1e-7)
	}
	return both / math.Sqrt(vp*vy)
}
