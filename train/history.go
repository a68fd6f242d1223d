package train

import (
	"bytes"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
)

// Log is one number that an epoch or a batch ends with.
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
}

func (h *History) add(epoch int, logs Logs) {
	h.Epochs = append(h.Epochs, epoch)
	for _, l := range logs {
		h.Values[l.Name] = append(h.Values[l.Name], l.Value)
	}
}

// Last is the last value of a name; NaN if there is none.
func (h *History) Last(name string) float64 {
	if v := h.Values[name]; len(v) > 0 {
		return v[len(v)-1]
	}
	return math.NaN()
}

// MarshalJSON writes {"loss": [...], ...} by name; what isn't a number is null.
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
		b.WriteString(": [")
		for k, v := range h.Values[name] {
			if k > 0 {
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
	b.WriteByte('}')
	return b.Bytes(), nil
}
