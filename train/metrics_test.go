package train_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"kerasgo/nn"
	"kerasgo/train"
)

// TestAllMetrics feeds every metric with the batches that Keras's saw; each must report the same number under the same name.
func TestAllMetrics(t *testing.T) {
	var meta struct {
		Cases []struct {
			Metric json.RawMessage `json:"metric"`
			Name   string          `json:"name"`
			Value  json.RawMessage `json:"value"` // a number, or a list of them
		} `json:"cases"`
	}
	arrays := readMeta(t, "../testdata/losses/metrics.npz", &meta)
	if len(meta.Cases) < 100 {
		t.Fatalf("%d cases", len(meta.Cases))
	}
	for i, c := range meta.Cases {
		var p, y, w []*nn.Tensor
		for k := 0; arrays[fmt.Sprintf("p_%d_%d", i, k)] != nil; k++ {
			at := func(s string) *nn.Tensor { return arrays[fmt.Sprintf("%s_%d_%d", s, i, k)] }
			p, y, w = append(p, at("p")), append(y, at("t")), append(w, at("w"))
		}
		name, v, list, err := train.MetricOf(c.Metric, p, y, w)
		if err != nil {
			t.Errorf("%s: %v", c.Metric, err)
			continue
		}
		var want []float64
		if json.Unmarshal(c.Value, &want) != nil {
			want = make([]float64, 1)
			if err := json.Unmarshal(c.Value, &want[0]); err != nil {
				t.Fatal(err)
			}
			if list != nil {
				t.Errorf("%s is a list: %v, in Keras %s", c.Metric, list, c.Value)
			}
			list = []float64{v}
		}
		if name != c.Name || len(list) != len(want) {
			t.Errorf("%s (case %d) is %s: %v, in Keras %s: %v", c.Metric, i, name, list, c.Name, want)
			continue
		}
		for k, v := range list {
			if !(math.Abs(v-want[k]) <= 1e-5*max(1e-1, math.Abs(want[k]))) {
				t.Errorf("%s (case %d) is %s: %v, in Keras %v", c.Metric, i, name, list, want)
			}
		}
	}
}
