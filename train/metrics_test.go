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
			Value  float64         `json:"value"`
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
		name, v, err := train.MetricOf(c.Metric, p, y, w)
		if err != nil {
			t.Errorf("%s: %v", c.Metric, err)
		} else if name != c.Name || !(math.Abs(v-c.Value) <= 1e-5*max(1e-1, math.Abs(c.Value))) {
			t.Errorf("%s (case %d) is %s: %v, in Keras %s: %v", c.Metric, i, name, v, c.Name, c.Value)
		}
	}
}
