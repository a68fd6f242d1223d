package train

import (
	"fmt"

	"kerasgo/internal/safeio"
)

// rememberer is a meter that can be part of a checkpoint.
type rememberer interface {
	save() []float64
	load(v []float64) error
}

// measured is one running mean or metric of an executor.
type measured struct {
	name string
	mean *mean
	of   *tracked // nil: a loss
}

// meters are all of them, in an order that is the model's.
func (e *executor) meters() (all []measured) {
	all = append(all, measured{name: "loss", mean: &e.total})
	for _, o := range e.outs {
		all = append(all, measured{name: o.name + " loss", mean: &o.lossMean})
		for _, set := range [][]tracked{o.metrics, o.weighted} {
			for i := range set {
				all = append(all, measured{o.name + " " + set[i].Name, &set[i].mean, &set[i]})
			}
		}
	}
	return all
}

// save is sum, count, whether there is a meter, and its own numbers.
func (l measured) save() ([]float64, error) {
	v := []float64{l.mean.total, l.mean.count, 0}
	if l.mean.meter == nil {
		return v, nil
	}
	r, ok := l.mean.meter.(rememberer)
	if !ok {
		return nil, unsupported("metrics", "a checkpoint within an epoch with the metric %s is not supported; one after each epoch is", l.name)
	}
	v[2] = 1
	return append(v, r.save()...), nil
}

// load takes back what save returned.
func (l measured) load(v []float64) (err error) {
	if len(v) < 3 || v[2] != 0 && (l.of == nil || !l.of.meters) {
		return badMeter(3, len(v))
	}
	*l.mean = mean{total: v[0], count: v[1]}
	if v[2] == 0 {
		return nil
	}
	if l.of.meter == nil {
		if l.of.meter, err = newMeter(l.of.class, l.of.config); err != nil {
			return err
		}
	}
	r, ok := l.of.meter.(rememberer)
	if !ok {
		return badMeter(0, len(v)-3)
	}
	l.of.meter.reset()
	l.mean.meter = l.of.meter
	return r.load(v[3:])
}

func badMeter(want, got int) error {
	return &safeio.FormatError{Msg: "the number of a metric's numbers", Want: fmt.Sprint(want), Got: fmt.Sprint(got)}
}

func (m *rootMean) save() []float64 { return []float64{m.total, m.count} }

func (m *rootMean) load(v []float64) error {
	if len(v) != 2 {
		return badMeter(2, len(v))
	}
	m.total, m.count = v[0], v[1]
	return nil
}

func (m *r2) save() []float64 {
	v := []float64{m.samples}
	for _, k := range m.classes {
		v = append(v, k.sum, k.squares, k.residual, k.count)
	}
	return v
}

func (m *r2) load(v []float64) error {
	if len(v)%4 != 1 {
		return badMeter(5, len(v))
	}
	m.samples = v[0]
	m.classes = make([]struct{ sum, squares, residual, count float64 }, len(v)/4)
	for i := range m.classes {
		k := v[1+4*i:]
		m.classes[i] = struct{ sum, squares, residual, count float64 }{k[0], k[1], k[2], k[3]}
	}
	return nil
}

func (m *fScore) save() (v []float64) {
	for _, k := range m.classes {
		v = append(v, k.tp, k.fp, k.fn, k.weight)
	}
	return v
}

func (m *fScore) load(v []float64) error {
	if len(v)%4 != 0 {
		return badMeter(4, len(v))
	}
	m.classes = make([]struct{ tp, fp, fn, weight float64 }, len(v)/4)
	for i := range m.classes {
		k := v[4*i:]
		m.classes[i] = struct{ tp, fp, fn, weight float64 }{k[0], k[1], k[2], k[3]}
	}
	return nil
}

func (m *confusion) save() (v []float64) {
	for _, k := range m.cells {
		v = append(v, k.tp, k.fp, k.tn, k.fn)
	}
	return v
}

func (m *confusion) load(v []float64) error {
	each := 4 * len(m.thresholds)
	if each == 0 || len(v)%each != 0 || len(v) == 0 {
		return badMeter(each, len(v))
	}
	m.labels, m.cells = len(v)/each, make([]counts, len(v)/4)
	for i := range m.cells {
		k := v[4*i:]
		m.cells[i] = counts{k[0], k[1], k[2], k[3]}
	}
	return nil
}

func (m *iou) save() []float64 { return m.table }

func (m *iou) load(v []float64) error {
	if len(v) != len(m.table) {
		return badMeter(len(m.table), len(v))
	}
	copy(m.table, v)
	return nil
}
