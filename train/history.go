package train

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Log is one number that an epoch or a batch ends with; of a metric that has several (State.List) their mean, as Keras's bar shows it.
type Log struct {
	Name  string
	Value float64
}

// Logs are sorted by name, as Keras reports them; validation follows.
type Logs []Log

// Get finds a value by name.
func (l Logs) Get(name string) (float64, bool) {
	for _, e := range l {
		if e.Name == name {
			return e.Value, true
		}
	}
	return math.NaN(), false
}

// Names lists the names.
func (l Logs) Names() (names []string) {
	for _, e := range l {
		names = append(names, e.Name)
	}
	return names
}

// History is what each epoch ended with: Keras's History.history.
type History struct {
	Epochs []int // numbers of the epochs, from 0
	Values map[string][]float64
	Lists  map[string][][]float64 // by name, of metrics with several numbers, at several thresholds or for each class: Values has their means
}

func (h *History) add(epoch int, logs Logs) {
	h.Epochs = append(h.Epochs, epoch)
	for _, l := range logs {
		h.Values[l.Name] = append(h.Values[l.Name], l.Value)
	}
}

// List are the numbers of a metric that has several, at several thresholds or for each class; nil for others.
func (s *State) List(name string) []float64 {
	e := &s.trainer.fitting
	if v, ok := strings.CutPrefix(name, "val_"); ok {
		name, e = v, &s.trainer.eval
	}
	for _, entry := range e.entries {
		if entry.name == name {
			return entry.mean.values()
		}
	}
	return nil
}

// addLists adds what the means of this epoch's logs are means of.
func (h *History) addLists(s *State) {
	for _, l := range s.Logs {
		if list := s.List(l.Name); list != nil {
			if h.Lists == nil {
				h.Lists = map[string][][]float64{}
			}
			h.Lists[l.Name] = append(h.Lists[l.Name], list)
		}
	}
}

// Last is the last value of a name; NaN if there is none.
func (h *History) Last(name string) float64 {
	if v := h.Values[name]; len(v) > 0 {
		return v[len(v)-1]
	}
	return math.NaN()
}

// MarshalJSON writes {"loss": [...], ...} by name; what isn't a number is null, and a metric of several numbers has a list an epoch.
func (h *History) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, name := range slices.Sorted(maps.Keys(h.Values)) {
		if i > 0 {
			b.WriteString(", ")
		}
		key, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		b.Write(key)
		b.WriteString(": ")
		lists := h.Lists[name]
		if lists == nil {
			writeNumbers(&b, h.Values[name])
			continue
		}
		b.WriteByte('[')
		for k, list := range lists {
			if k > 0 {
				b.WriteString(", ")
			}
			writeNumbers(&b, list)
		}
		b.WriteByte(']')
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

func writeNumbers(b *bytes.Buffer, list []float64) {
	b.WriteByte('[')
	for i, v := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		if math.IsNaN(v) || math.IsInf(v, 0) {
			b.WriteString("null")
		} else {
			b.WriteString(strconv.FormatFloat(v, 'g', -1, 64))
		}
	}
	b.WriteByte(']')
}
