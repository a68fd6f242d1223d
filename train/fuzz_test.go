package train_test

import (
	"testing"

	"kerasgo/train"
)

// FuzzConfig reads any JSON as a compile config; what is read can be written and read again.
func FuzzConfig(f *testing.F) {
	f.Add([]byte(`{"optimizer": {"class_name": "SGD", "config": {"momentum": 0.9}}, "loss": ["mse", null], "metrics": {"a": ["mae"]}, "loss_weights": [1, 2]}`))
	f.Add([]byte(`{"optimizer": "adam", "loss": {"b": {"class_name": "BinaryCrossentropy", "config": {"from_logits": true}}}, "weighted_metrics": [["acc"], []]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		outputs := []string{"a", "b"}
		c, err := train.DecodeConfig(raw, outputs)
		if err != nil {
			return
		}
		again, err := c.Encode()
		if err != nil {
			return // a loss that can't have the options it was given
		}
		if _, err := train.DecodeConfig(again, outputs); err != nil {
			t.Errorf("%s\nwas written as %s\n%v", raw, again, err)
		}
	})
}
