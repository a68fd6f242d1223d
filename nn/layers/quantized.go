package layers

import (
	"encoding/json"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// quantizing is what layers with quantized weights have in their config.
type quantizing struct {
	Quantization json.RawMessage `json:"quantization_config"`
}

// quantizesInputs says whether inputs become int8 as well: by default those of int8 layers do, those of int4 layers don't.
//
// Source: keras/src/quantizers/quantization_config.py
func (l *quantizing) quantizesInputs(g *nn.Graph) bool {
	var config *struct {
		Config struct {
			Activations *struct {
				Class  string `json:"class_name"`
				Config struct {
					Range   [2]float64 `json:"value_range"`
					Epsilon float64    `json:"epsilon"`
				} `json:"config"`
			} `json:"activation_quantizer"`
		} `json:"config"`
	}
	if len(l.Quantization) > 0 {
		if err := json.Unmarshal(l.Quantization, &config); err != nil {
			g.Failf("quantization_config: %v", err)
		}
	}
	if config == nil {
		return g.Policy().Mode == "int8"
	}
	a := config.Config.Activations
	if a != nil && (a.Class != "AbsMaxQuantizer" || a.Config.Range != [2]float64{-127, 127} || a.Config.Epsilon != 1e-7) {
		g.Unsupportedf("quantization_config", "inputs can be quantized by AbsMaxQuantizer to [-127, 127] alone, found %.64q", a.Class)
	}
	return a != nil
}

// quantizeInputs makes int8 of x, as floats, over axes, and the scale that did: 127 / (max|x| + 1e-7).
//
// Source: keras/src/quantizers/quantizers.py, abs_max_quantize
func quantizeInputs(g *nn.Graph, x *nn.Value, axes ...int) (q, scale *nn.Value) {
	top := g.Op(op.Reduce{Fn: "max", Axes: axes, Keep: true}, g.Op(op.Unary{Fn: "absolute"}, x))
	top = g.Op(op.Binary{Fn: "add"}, top, g.ScalarOf(1e-7, x.DType))
	scale = g.Op(op.Binary{Fn: "divide"}, g.ScalarOf(127, x.DType), top)
	q = g.Op(op.Unary{Fn: "round"}, g.Op(op.Binary{Fn: "multiply"}, x, scale))
	return cast(g, g.Op(op.Unary{Fn: "clip", Args: [3]float32{-127, 127}}, q), graph.Float32), scale
}

// fixed declares a weight that isn't trained and returns its value; floats in what the layer computes in.
func fixed(g *nn.Graph, c *nn.Common, name string, d nn.DType, init nn.Init, shape ...int) *nn.Value {
	v := g.Graph.Weight(c.State(g, name, init, nn.Spec{Shape: shape, DType: d}))
	if d.Float() {
		return computed(g, v)
	}
	return v
}

// quantizedMatrix is a quantized matrix [rows, columns].
type quantizedMatrix struct {
	numbers *nn.Value // int8 [rows, columns]
	scale   *nn.Value // divides: [columns], or of an embedding [rows]; multiplies, where there are blocks: [groups, columns]
	zero    *nn.Value // of blocks
	groups  *nn.Value // of blocks: each row's
}

// matrix declares the weights of a quantized matrix that sums over its rows.
func (l *quantizing) matrix(g *nn.Graph, c *nn.Common, name string, rows, columns int) (m quantizedMatrix) {
	p := g.Policy()
	if p.Mode == "int8" {
		m.numbers = fixed(g, c, name, graph.Int8, nn.Zeros, rows, columns)
	} else {
		packed := fixed(g, c, name, graph.Int8, nn.Zeros, rows, (columns+1)/2)
		m.numbers = g.Op(op.Unpack4{N: columns}, packed)
	}
	if p.Mode == "int8" || p.Block < 0 {
		m.scale = fixed(g, c, name+"_scale", graph.Float32, nn.Ones, columns)
		return m
	}
	groups := (rows + p.Block - 1) / p.Block
	m.scale = fixed(g, c, name+"_scale", graph.Float32, nn.Ones, groups, columns)
	m.zero = fixed(g, c, name+"_zero", graph.Int8, nn.Zeros, groups, columns)
	m.groups = cast(g, fixed(g, c, "g_idx", graph.Float32, blocks(p.Block), rows), graph.Int32)
	return m
}

// blocks numbers groups of neighbours.
func blocks(size int) nn.Init {
	return func(t *nn.Tensor, _ *nn.Rand) {
		for i := range t.F32 {
			t.F32[i] = float32(i / size)
		}
	}
}

// times is x·matrix.
//
// Source: keras/src/layers/core/dense.py, _int8_call and _int4_call
func (l *quantizing) times(g *nn.Graph, x *nn.Value, m quantizedMatrix) *nn.Value {
	x = float(g, x)
	if m.groups != nil {
		scale, zero := g.Op(op.Gather{}, m.scale, m.groups), g.Op(op.Gather{}, m.zero, m.groups)
		kernel := binary(g, "subtract", cast(g, m.numbers, scale.DType), cast(g, zero, scale.DType))
		return g.Op(op.Dense{}, x, computed(g, binary(g, "multiply", kernel, scale)), nil)
	}
	if !l.quantizesInputs(g) {
		return binary(g, "divide", g.Op(op.Dense{}, x, computed(g, m.numbers), nil), m.scale)
	}
	q, scale := quantizeInputs(g, x, len(x.Shape)-1)
	y := computed(g, g.Op(op.Dense{}, q, cast(g, m.numbers, graph.Float32), nil))
	return binary(g, "divide", y, binary(g, "multiply", m.scale, scale))
}

// lookup is rows of a quantized embedding [n, d], whose rows have scales.
//
// Source: keras/src/layers/core/embedding.py, _int8_call and _int4_call
func (l *quantizing) lookup(g *nn.Graph, c *nn.Common, ids *nn.Value, n, d int) *nn.Value {
	p := g.Policy()
	var table *nn.Value
	if p.Mode == "int8" {
		table = fixed(g, c, "embeddings", graph.Int8, nn.Zeros, n, d)
	} else {
		table = g.Op(op.Unpack4{N: d}, fixed(g, c, "embeddings", graph.Int8, nn.Zeros, n, (d+1)/2))
	}
	rows := computed(g, g.Op(op.Gather{}, table, ids))
	if p.Mode == "int8" || p.Block < 0 {
		scale := g.Op(op.View{To: nn.Shape{n, 1}}, fixed(g, c, "embeddings_scale", graph.Float32, nn.Ones, n))
		return binary(g, "divide", rows, g.Op(op.Gather{}, scale, ids))
	}
	groups := (d + p.Block - 1) / p.Block
	scale := g.Op(op.Gather{}, fixed(g, c, "embeddings_scale", graph.Float32, nn.Ones, n, groups), ids)
	zero := g.Op(op.Gather{}, fixed(g, c, "embeddings_zero", graph.Int8, nn.Zeros, n, groups), ids)
	of := cast(g, fixed(g, c, "g_idx", graph.Float32, blocks(p.Block), d), graph.Int32)
	each := op.Take{Axis: len(ids.Shape)}
	rows = binary(g, "subtract", rows, computed(g, g.Op(each, zero, of)))
	return binary(g, "multiply", rows, g.Op(each, scale, of))
}

// savedOrder is how Keras orders the weights of a kernel in a file, quantized or not; others aren't written.
func savedOrder(name string) []string {
	return []string{name, "bias", "reverse_embeddings", name + "_scale", name + "_zero", "g_idx", "reverse_embeddings_scale",
		"reverse_embeddings_zero"}
}
