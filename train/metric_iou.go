package train

// iou is the mean of intersection over union of classes.
//
// Source: keras/src/metrics/iou_metrics.py
type iou struct {
	classes   int
	targets   []int
	ignore    *int
	sparseY   bool
	sparseP   bool
	threshold *float64
	table     []float64 // true class by predicted class
}

func newIoU(class string, c meterConfig, bad func(string) error) (meter, error) {
	m := &iou{classes: c.NumClasses, targets: c.TargetClassIDs, ignore: c.IgnoreClass, sparseY: true, sparseP: true}
	if c.SparseTrue != nil {
		m.sparseY = *c.SparseTrue
	}
	if c.SparsePred != nil {
		m.sparseP = *c.SparsePred
	}
	switch class {
	case "BinaryIoU":
		half := value(c.Threshold, .5)
		m.classes, m.threshold = 2, &half
		if m.targets == nil {
			m.targets = []int{0, 1}
		}
	case "OneHotIoU", "OneHotMeanIoU":
		m.sparseY, m.sparseP = false, c.SparsePred != nil && *c.SparsePred
	}
	if m.classes < 1 || m.classes > 1<<12 {
		return nil, bad("num_classes")
	}
	if class == "MeanIoU" || class == "OneHotMeanIoU" {
		m.targets = nil
		for i := range m.classes {
			m.targets = append(m.targets, i)
		}
	}
	for _, t := range m.targets {
		if t < 0 || t >= m.classes {
			return nil, bad("target_class_ids")
		}
	}
	m.table = make([]float64, m.classes*m.classes)
	return m, nil
}

func (m *iou) reset() { clear(m.table) }

// update counts pairs of classes; weights are whole numbers, as Keras casts them.
func (m *iou) update(p, y []float32, n, c int, w []float32) error {
	if m.sparseP != m.sparseY {
		return unsupported("metrics", "an IoU of which only one of y_true and y_pred is sparse is not supported")
	}
	size := n * c
	if !m.sparseP {
		size = n
	}
	for i := range size {
		var a, b int
		f := weightOf(w, i)
		switch {
		case !m.sparseP:
			a, b = argmax(y[i*c:][:c]), argmax(p[i*c:][:c])
		case m.threshold != nil:
			a, f = whole(y[i]), weightOf(w, i/c)
			if p[i] >= float32(*m.threshold) {
				b = 1
			}
		default:
			a, b, f = whole(y[i]), whole(p[i]), weightOf(w, i/c)
		}
		if a < 0 || b < 0 || a >= m.classes || b >= m.classes || m.ignore != nil && a == *m.ignore {
			continue
		}
		m.table[a*m.classes+b] += float64(int(f))
	}
	return nil
}

// whole is a class number; -1 stands for what is none.
func whole(v float32) int {
	if !(v > -1 && v < 1<<24) {
		return -1
	}
	return int(v)
}

func (m *iou) value() float64 {
	var total, valid float64
	for _, k := range m.targets {
		var union float64
		for i := range m.classes {
			union += m.table[k*m.classes+i] + m.table[i*m.classes+k]
		}
		both := m.table[k*m.classes+k]
		if union -= both; union > 1e-9 {
			total += both / (union + 1e-7)
			valid++
		}
	}
	return total / (valid + 1e-7)
}
