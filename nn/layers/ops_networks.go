package layers

import (
	"math"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// networkOps are keras.ops.nn's losses, statistics and attention.
//
// Source: keras/src/backend/tensorflow/nn.py
func networkOps() map[string]func() nn.Layer {
	type batchNorm struct {
		Axis    int     `json:"axis"`
		Epsilon float64 `json:"epsilon"`
	}
	type logits struct {
		Logits bool `json:"from_logits"`
		Axis   int  `json:"axis"`
	}
	type moments struct {
		Axes         Axes `json:"axes"`
		Keep         bool `json:"keepdims"`
		Synchronized bool `json:"synchronized"`
	}
	type multiHot struct {
		Classes int    `json:"num_classes"`
		Axis    int    `json:"axis"`
		DType   string `json:"dtype"`
		Sparse  bool   `json:"sparse"`
	}
	type psnr struct {
		Max float64 `json:"max_val"`
	}
	type inTop struct {
		K int `json:"k"`
	}
	type sequences struct {
		Length int `json:"sequence_length"`
		Stride int `json:"sequence_stride"`
	}
	return map[string]func() nn.Layer{
		"BatchNorm": node(batchNorm{Axis: -1, Epsilon: 1e-3}, func(a *operands, c batchNorm) *nn.Value {
			x := a.x()
			d := axisOf(a.Graph, c.Axis, len(x.Shape))
			along := func(i int, name string) *nn.Value {
				if i > 2 && a.arg(i, name) == nil { // neither an offset nor a scale is needed
					return nil
				}
				v := a.tensor(i, name)
				return regroup(a.Graph, v, len(v.Shape), 0, all(len(x.Shape)-1-d, 1)...)
			}
			mean, variance, offset, scale := along(1, "mean"), along(2, "variance"), along(3, "offset"), along(4, "scale")
			inv := a.unary("rsqrt", a.bin("add", variance, a.like(variance, c.Epsilon)))
			if scale != nil {
				inv = a.bin("multiply", inv, scale)
			}
			shift := a.unary("negative", a.bin("multiply", mean, inv))
			if offset != nil {
				shift = a.bin("add", shift, offset)
			}
			return a.bin("add", a.bin("multiply", x, inv), shift)
		}),
		"BinaryCrossentropy": node(logits{}, func(a *operands, c logits) *nn.Value {
			target, x := a.tensor(0, "target"), float(a.Graph, a.tensor(1, "output"))
			target = cast(a.Graph, target, x.DType)
			if c.Logits {
				return a.bin("subtract", a.unary("softplus", x), a.bin("multiply", x, target))
			}
			x = a.unary("clip", x, epsilon7, 1-epsilon7)
			one := a.like(x, 1)
			y := a.bin("multiply", target, a.unary("log", x))
			y = a.bin("add", y, a.bin("multiply", a.bin("subtract", one, target), a.unary("log", a.bin("subtract", one, x))))
			return a.unary("negative", y)
		}),
		"CategoricalCrossentropy": node(logits{Axis: -1}, func(a *operands, c logits) *nn.Value {
			x := float(a.Graph, a.tensor(1, "output"))
			target := cast(a.Graph, a.tensor(0, "target"), x.DType)
			axes := Axes{c.Axis}
			if c.Logits { // the gradient is softmax - target, even of targets that don't sum to one
				x = a.bin("subtract", x, a.unary("stop_gradient", reduce(a, "max", x, axes, true)))
				sum := a.unary("log", reduce(a, "sum", a.unary("exp", x), axes, false))
				more := a.bin("subtract", reduce(a, "sum", target, axes, false), a.like(target, 1))
				y := a.bin("subtract", sum, reduce(a, "sum", a.bin("multiply", target, x), axes, false))
				return a.bin("add", y, a.bin("multiply", more, a.unary("stop_gradient", sum)))
			}
			x = a.bin("divide", x, reduce(a, "sum", x, axes, true))
			x = a.unary("log", a.unary("clip", x, epsilon7, 1-epsilon7))
			return a.unary("negative", reduce(a, "sum", a.bin("multiply", target, x), axes, false))
		}),
		"SparseCategoricalCrossentropy": node(logits{Axis: -1}, func(a *operands, c logits) *nn.Value {
			x := float(a.Graph, a.tensor(1, "output"))
			rank := len(x.Shape)
			if axisOf(a.Graph, c.Axis, rank) != rank-1 {
				a.Failf("axis must be the last, found %d", c.Axis)
			}
			if !c.Logits {
				x = a.unary("log", a.unary("clip", x, epsilon7, 1-epsilon7))
			}
			target := cast(a.Graph, a.tensor(0, "target"), graph.Int32)
			if len(target.Shape) == rank-1 {
				target = regroup(a.Graph, target, rank-1, 0, 1)
			}
			y := a.Op(op.Take{Axis: rank - 1, Along: true}, a.Op(op.LogSoftmax{Axis: -1}, x), target)
			return a.unary("negative", regroup(a.Graph, y, rank-1, 1))
		}),
		"Moments": nodes(moments{}, func(a *operands, c moments) []*nn.Value {
			if c.Synchronized {
				a.Unsupportedf("synchronized", "replicas are not supported")
			}
			x := float(a.Graph, a.x())
			mean := reduce(a, "mean", x, c.Axes, true)
			variance := reduce(a, "mean", a.unary("square", a.bin("subtract", x, a.unary("stop_gradient", mean))), c.Axes, c.Keep)
			if !c.Keep {
				mean = reduce(a, "mean", x, c.Axes, false)
			}
			return []*nn.Value{mean, variance}
		}),
		"MultiHot": node(multiHot{Axis: -1}, func(a *operands, c multiHot) *nn.Value {
			if c.Sparse {
				a.Unsupportedf("sparse", "sparse tensors are not supported")
			}
			x := a.tensor(0, "inputs")
			y := a.Op(op.OneHot{Classes: c.Classes, Axis: c.Axis}, cast(a.Graph, x, graph.Int32))
			y = a.Op(op.Reduce{Fn: "max", Axes: []int{min(1, len(x.Shape)-1)}}, y)
			return cast(a.Graph, y, a.dtypeOf(c.DType, graph.Float32))
		}),
		"PSNR": node(psnr{}, func(a *operands, c psnr) *nn.Value {
			x, y := a.floats("x1", "x2")
			mse := reduce(a, "mean", a.unary("square", a.bin("subtract", x, y)), nil, false)
			return a.bin("subtract", a.like(x, 20*math.Log10(c.Max)), a.bin("multiply", a.like(x, 10), a.unary("log10", mse)))
		}),
		"CDist": plain(func(a *operands) *nn.Value {
			x, y := a.pair(0, "x", "y")
			m, n := len(x.Shape), len(y.Shape)
			if m < 2 || n < 2 {
				a.Failf("needs two axes, found shapes %v and %v", x.Shape, y.Shape)
			}
			d := a.bin("subtract", regroup(a.Graph, x, m-1, 0, 1), regroup(a.Graph, y, n-2, 0, 1))
			return a.unary("sqrt", a.Op(op.Reduce{Fn: "sum", Axes: []int{len(d.Shape) - 1}}, a.unary("square", d)))
		}),
		"InTopK": node(inTop{}, func(a *operands, c inTop) *nn.Value {
			target, x := cast(a.Graph, a.tensor(0, "targets"), graph.Int32), a.tensor(1, "predictions")
			at := a.Op(op.Take{Axis: 1, Along: true}, x, regroup(a.Graph, target, 1, 0, 1))
			above := a.Op(op.Reduce{Fn: "sum", Axes: []int{1}}, cast(a.Graph, a.Op(op.Binary{Fn: "greater"}, x, at), graph.Int32))
			return a.Op(op.Binary{Fn: "less"}, above, a.number(float64(c.K), graph.Int32))
		}),
		"ExtractSequences": node(sequences{}, func(a *operands, c sequences) *nn.Value {
			x := a.x()
			last := len(x.Shape) - 1
			n := a.fixedSize(x, last)
			if c.Length < 1 || c.Stride < 1 || c.Length > maxExtent || c.Stride > maxExtent {
				a.Failf("can't cut sequences of %d at every %d", c.Length, c.Stride)
			}
			frames := max(0, (n-c.Length+c.Stride)/c.Stride)
			if n < c.Length {
				frames = 0
			}
			ids := a.ids(frames*c.Length, func(i int) int { return i/c.Length*c.Stride + i%c.Length })
			return regroup(a.Graph, a.Op(op.Take{Axis: last}, x, ids), last, 1, frames, c.Length)
		}),
		"DotProductAttention": node(attentionConfig{}, dotProduct),
	}
}

// epsilon7 is keras.config.epsilon().
const epsilon7 = 1e-7

type attentionConfig struct {
	Causal bool     `json:"is_causal"`
	Flash  *bool    `json:"flash_attention"`
	Cap    *float64 `json:"attn_logits_soft_cap"` // TensorFlow's Keras takes no notice of it
}

func dotProduct(a *operands, c attentionConfig) *nn.Value {
	if c.Flash != nil && *c.Flash {
		a.Unsupportedf("flash_attention", "not with TensorFlow")
	}
	q, k, v := a.tensor(0, "query"), a.tensor(1, "key"), a.tensor(2, "value")
	d := common(a.Graph, common(a.Graph, q.DType, k.DType), v.DType)
	q, k, v = cast(a.Graph, q, d), cast(a.Graph, k, d), cast(a.Graph, v, d)
	if len(q.Shape) != 4 || len(k.Shape) != 4 || len(v.Shape) != 4 {
		a.Failf("needs four axes, found shapes %v, %v and %v", q.Shape, k.Shape, v.Shape)
	}
	if n, m := a.fixedSize(q, 2), a.fixedSize(k, 2); n > m && m > 1 {
		by := op.Upsample{By: []int{1, 1, n / m, 1}}
		k, v = a.Op(by, k), a.Op(by, v)
	}
	scale := 1 / math.Sqrt(float64(a.fixedSize(k, 3)))
	if s := a.arg(5, "scale"); s != nil {
		n, ok := nn.NumberOf(s)
		if !ok {
			a.Unsupportedf("scale", "must be a number, found %T", s)
		}
		scale = n
	}
	x := einsum(a.Graph, "btnh,bsnh->bnts", q, k)
	if d == graph.Float16 || d == graph.BFloat16 {
		x = cast(a.Graph, x, graph.Float32)
	}
	x = a.bin("multiply", x, a.like(x, scale))
	if a.arg(3, "bias") != nil {
		x = a.bin("add", x, cast(a.Graph, cast(a.Graph, a.tensor(3, "bias"), d), x.DType))
	}
	hide := func(see *nn.Value) { x = a.where(see, x, a.like(x, -.7*3.38953e38)) }
	if c.Causal {
		t, s := a.fixedSize(x, 2), a.fixedSize(x, 3)
		hide(a.mask(t, s, func(i, j int) bool { return j <= i }))
	}
	if a.arg(4, "mask") != nil {
		hide(cast(a.Graph, a.tensor(4, "mask"), graph.Bool))
	}
	p := cast(a.Graph, a.Op(op.Softmax{Axis: -1}, x), d)
	return einsum(a.Graph, "bnts,bsnh->btnh", p, v)
}
