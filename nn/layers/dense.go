package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/op"
)

// Dense is act(x·kernel + bias) over the last axis: [..., K] to [..., Units].
//
// Source: keras/src/layers/core/dense.py
type Dense struct {
	nn.Common
	Units             int            `json:"units"`
	Activation        nn.Activation  `json:"activation"`
	UseBias           bool           `json:"use_bias"`
	KernelInitializer nn.Initializer `json:"kernel_initializer"`
	BiasInitializer   nn.Initializer `json:"bias_initializer"`
	lora
	quantizing
}

// NewDense makes a Dense layer; activation "" is linear.
func NewDense(units int, activation string) *Dense {
	return &Dense{Common: base("Dense"), Units: units, Activation: nn.Act(activation), UseBias: true}
}

// Build implements nn.Layer.
func (l *Dense) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := c.In()
	if l.Units <= 0 {
		g.Failf("units must be positive, found %d", l.Units)
	}
	if len(x.Shape) < 2 {
		g.Failf("needs an input of two dimensions or more, found %v", x.Shape)
	}
	if g.Policy().Mode != "" {
		return l.buildQuantized(g, c)
	}
	kernel := l.Variable(g, "kernel", l.KernelInitializer.Or(nn.GlorotUniform), x.Shape.Last(), l.Units)
	var bias *nn.Value
	if l.UseBias {
		bias = l.Weight(g, "bias", l.BiasInitializer.Or(nn.Zeros), l.Units)
	}
	kernel = l.adapted(g, &l.Common, "kernel", kernel)
	return c.Keep(g.Activate(l.Activation, g.Op(op.Dense{}, float(g, x.Value), kernel, bias)))
}

func (l *Dense) buildQuantized(g *nn.Graph, c nn.Call) []nn.Wire {
	if l.Rank != nil {
		g.Unsupportedf("lora_rank", "additions to quantized kernels are not supported")
	}
	x := c.In()
	y := l.times(g, x.Value, l.matrix(g, &l.Common, "kernel", x.Shape.Last(), l.Units))
	if l.UseBias {
		y = binary(g, "add", y, l.Weight(g, "bias", l.BiasInitializer.Or(nn.Zeros), l.Units))
	}
	return c.Keep(g.Activate(l.Activation, y))
}

// SavedOrder implements nn.Saver.
func (l *Dense) SavedOrder() []string { return savedOrder("kernel") }

// SavedData implements nn.Saver.
func (l *Dense) SavedData(w *nn.Weight) *nn.Tensor { return l.merged(&l.Common, "kernel", w) }
