package layers

import "kerasgo/nn"

// imageOps slide windows over images.
func imageOps() map[string]func() nn.Layer {
	type pool struct {
		PoolSize   Tuple  `json:"pool_size"`
		Strides    Tuple  `json:"strides"`
		Padding    string `json:"padding"`
		DataFormat string `json:"data_format"`
	}
	window := func(max bool) func() nn.Layer {
		return node(pool{Padding: "valid"}, func(a *operands, c pool) *nn.Value {
			l := &Pooling{PoolSize: c.PoolSize, Strides: c.Strides, Padding: c.Padding, DataFormat: c.DataFormat,
				rank: len(a.tensor(0, "inputs").Shape) - 2, max: max}
			return l.Build(a.Graph, a.call)[0].Value
		})
	}
	return map[string]func() nn.Layer{"MaxPool": window(true), "AveragePool": window(false)}
}
