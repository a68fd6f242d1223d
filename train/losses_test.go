package train_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"kerasgo/internal/testcheck"
	"kerasgo/nn"
	"kerasgo/train"
)

// TestAllLosses compares every loss and its options with Keras's: values within 1e-5, gradients within 1e-4 of range.
func TestAllLosses(t *testing.T) {
	var meta struct {
		Cases []struct {
			Loss  json.RawMessage `json:"loss"`
			Value float64         `json:"value"`
		} `json:"cases"`
	}
	arrays := readMeta(t, "../testdata/losses/losses.npz", &meta)
	if len(meta.Cases) < 70 {
		t.Fatalf("%d cases", len(meta.Cases))
	}
	for i, c := range meta.Cases {
		at := func(name string) *nn.Tensor { return arrays[fmt.Sprintf("%s_%d", name, i)] }
		t.Run(fmt.Sprintf("%d", i), func(t *testing.T) {
			value, gradient, err := train.LossAndGradient(c.Loss, "", at("p"), at("t"), at("sw"), at("m"))
			if err != nil {
				t.Fatalf("%s: %v", c.Loss, err)
			}
			if !(math.Abs(value-c.Value) <= 1e-5*max(1e-2, math.Abs(c.Value))) {
				t.Errorf("%s is %v, in Keras %v", c.Loss, value, c.Value)
			}
			if off := testcheck.Off(gradient, at("g")); !(off <= 1e-4) {
				t.Errorf("%s: the gradient is off by %.2g of range", c.Loss, off)
			}
		})
	}
}

// TestLossConfig writes each loss that Keras wrote and must read the same again.
func TestLossConfig(t *testing.T) {
	var meta struct {
		Cases []struct {
			Loss json.RawMessage `json:"loss"`
		} `json:"cases"`
	}
	readMeta(t, "../testdata/losses/losses.npz", &meta)
	for _, c := range meta.Cases {
		if err := train.LossRoundTrip(c.Loss); err != nil {
			t.Error(err)
		}
	}
}
