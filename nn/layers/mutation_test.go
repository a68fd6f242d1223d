package layers_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"kerasgo/internal/testcheck"
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
	"kerasgo/nn/op"
)

// mutation is a mistake that somebody could make, made on purpose: in a weight, in a config key, or in what a layer said in
// operations. A golden that can't tell proves nothing.
type mutation struct {
	golden, mistake string

	weight func(w named) // changes weights' values
	key    string        // sets this config key, wherever a layer has it,
	value  any           // to this value
	node   edit          // replaces a node
}

var mutations = []mutation{
	{golden: "Dense/rank2", mistake: "kernel transposed", weight: on("kernel", transposed)},
	{golden: "Dense/rank2", mistake: "bias dropped", weight: on("bias", (*nn.Tensor).Zero)},
	{golden: "Dense/rank3", mistake: "kernel transposed", weight: on("kernel", transposed)},
	{golden: "Dense/gelu", mistake: "silu", key: "activation", value: "silu"},
	{golden: "Dense/softmax", mistake: "softmax over the batch", node: replace(func(op.Softmax) graph.Op { return op.Softmax{Axis: 0} })},

	{golden: "LSTM/last", mistake: "gates i and f swapped", weight: on("", gates(4, 0, 1))},
	{golden: "LSTM/last", mistake: "gates c and o swapped", weight: on("", gates(4, 2, 3))},
	{golden: "LSTM/last", mistake: "gates i and f swapped in the recurrent kernel alone", weight: on("recurrent_kernel", gates(4, 0, 1))},
	{golden: "LSTM/last", mistake: "gates c and o swapped in the bias alone", weight: on("bias", gates(4, 2, 3))},
	{golden: "LSTM/last", mistake: "recurrent kernel transposed", weight: on("recurrent_kernel", transposed)},
	{golden: "LSTM/last", mistake: "bias dropped", weight: on("bias", (*nn.Tensor).Zero)},
	{golden: "LSTM/last", mistake: "hard sigmoid for the gates", key: "recurrent_activation", value: "hard_sigmoid"},
	{golden: "LSTM/last", mistake: "time runs backwards", key: "go_backwards", value: true},
	{golden: "LSTM/backwards", mistake: "time runs forwards", key: "go_backwards", value: false},
	{golden: "LSTM/masked_sequences", mistake: "mask dropped", node: without[op.Recurrent](3)},
	{golden: "LSTM/masked_last", mistake: "mask dropped", node: without[op.Recurrent](3)},
	{golden: "LSTM/masked_sequences", mistake: "a masked step gives zero", key: "zero_output_for_mask", value: true},
	{golden: "LSTM/initial_state", mistake: "states h and c swapped", node: swapped[op.Recurrent](5, 6)},

	{golden: "GRU/last", mistake: "gates z and r swapped", weight: on("", gates(3, 0, 1))},
	{golden: "GRU/last", mistake: "gates r and h swapped", weight: on("", gates(3, 1, 2))},
	{golden: "GRU/last", mistake: "the two biases swapped", weight: on("bias", rowsSwapped)},
	{golden: "GRU/last", mistake: "recurrent bias dropped", node: without[op.Recurrent](2)},
	{golden: "GRU/reset_before", mistake: "gates z and r swapped", weight: on("", gates(3, 0, 1))},
	{golden: "GRU/masked_last", mistake: "mask dropped", node: without[op.Recurrent](3)},
	{golden: "SimpleRNN/last", mistake: "recurrent kernel transposed", weight: on("recurrent_kernel", transposed)},

	{golden: "RNN/lstm_hard_sigmoid", mistake: "sigmoid for the gates", key: "recurrent_activation", value: "sigmoid"},
	{golden: "StackedRNNCells/masked", mistake: "masks dropped", node: without[op.Recurrent](3)},
	{golden: "StackedRNNCells/masked_backwards", mistake: "mask not turned round for the later cells", node: replace(func(o op.Slice) graph.Op {
		if len(o.Ranges) == 2 { // the others pick a GRU's biases
			o.Ranges = []op.Range{op.All(), op.All()}
		}
		return o
	})},
	{golden: "StackedRNNCells/twins", mistake: "gates i and f swapped", weight: on("", gates(4, 0, 1))},

	{golden: "ConvLSTM2D/last", mistake: "gates i and f swapped", weight: on("", gates(4, 0, 1))},
	{golden: "ConvLSTM2D/last", mistake: "recurrent kernel turned round", weight: on("recurrent_kernel", flipped)},
	{golden: "ConvLSTM2D/last", mistake: "height and width of the kernel swapped", weight: on("kernel", spatialTransposed)},
	{golden: "ConvLSTM2D/last", mistake: "the state convolved with the larger half of the padding first", node: replace(func(o op.Recurrent) graph.Op {
		o.Over.Same, o.Over.Pad = false, [][2]int{{1, 0}, {1, 0}}
		return o
	})},
	{golden: "ConvLSTM2D/dilation", mistake: "the state convolved with the input's dilation", node: replace(func(o op.Recurrent) graph.Op {
		o.Over.Dilation = []int{2, 2}
		return o
	})},
	{golden: "ConvLSTM2D/masked", mistake: "mask dropped", node: without[op.Recurrent](3)},
	{golden: "ConvLSTM2D/masked_pixels", mistake: "mask dropped", node: without[op.Recurrent](3)},
	{golden: "ConvLSTM2D/backwards", mistake: "time runs forwards", key: "go_backwards", value: false},

	{golden: "Bidirectional/lstm", mistake: "forward and backward swapped", weight: swapDirections},
	{golden: "Bidirectional/sum", mistake: "mul for sum", key: "merge_mode", value: "mul"},
	{golden: "Bidirectional/lstm_sequences", mistake: "backward sequence not turned round", node: replace(func(op.Slice) graph.Op { return op.Slice{Ranges: []op.Range{op.All(), op.All()}} })},

	{golden: "Conv2D/valid", mistake: "kernel turned round, as convolutions in books are", weight: on("kernel", flipped)},
	{golden: "Conv2D/valid", mistake: "height and width of the kernel swapped", weight: on("kernel", spatialTransposed)},
	{golden: "Conv2D/valid", mistake: "channels in and out swapped", weight: on("kernel", transposedTail)},
	{golden: "Conv2D/valid", mistake: "bias dropped", weight: on("bias", (*nn.Tensor).Zero)},
	{golden: "Conv2D/strided_same_even", mistake: "the larger half of the padding first", node: replace(func(o op.Conv) graph.Op {
		o.Window = shifted(o.Window, 8, 6)
		return o
	})},
	{golden: "Conv2D/strided_same", mistake: "padding as for stride 1", node: replace(func(o op.Conv) graph.Op {
		o.Same, o.Pad = false, [][2]int{{1, 0}, {0, 1}}
		return o
	})},
	{golden: "Conv2D/groups", mistake: "output channels dealt out to the groups", weight: on("kernel", interleaved(2))},
	{golden: "Conv1D/causal", mistake: "padding on both sides", key: "padding", value: "same"},
	{golden: "Conv1D/causal_dilated", mistake: "padding after", node: replace(func(o op.Conv) graph.Op {
		o.Pad = [][2]int{{o.Pad[0][1], o.Pad[0][0]}}
		return o
	})},
	{golden: "DepthwiseConv2D/multiplier", mistake: "multipliers before channels", weight: on("kernel", transposedTail)},
	{golden: "SeparableConv2D/valid", mistake: "depthwise kernel turned round", weight: on("depthwise_kernel", flipped)},
	{golden: "Conv2DTranspose/valid", mistake: "kernel turned round", weight: on("kernel", flipped)},

	{golden: "MaxPooling2D/overlapping_same", mistake: "window off by one", node: replace(func(o op.Pool) graph.Op {
		o.Window = shifted(o.Window, 6, 7)
		return o
	})},
	{golden: "MaxPooling2D/plain", mistake: "the mean", node: replace(func(o op.Pool) graph.Op { return op.Pool{Window: o.Window} })},
	{golden: "AveragePooling2D/overlapping_same", mistake: "padding counts", node: countingPadding},
	{golden: "GlobalAveragePooling1D/masked", mistake: "mask dropped", node: without[op.GlobalPool](1)},
	{golden: "GlobalMaxPooling2D/plain", mistake: "the mean", node: replace(func(o op.GlobalPool) graph.Op {
		return op.GlobalPool{ChannelsFirst: o.ChannelsFirst, KeepDims: o.KeepDims}
	})},
	{golden: "ZeroPadding2D/uneven", mistake: "sides swapped", node: replace(func(o op.Pad) graph.Op {
		by := slices.Clone(o.By)
		for i, p := range by {
			by[i] = [2]int{p[1], p[0]}
		}
		return op.Pad{By: by}
	})},
	{golden: "UpSampling2D/bilinear", mistake: "nearest", key: "interpolation", value: "nearest"},

	{golden: "BatchNormalization/rank4", mistake: "gamma and beta swapped", weight: exchange("gamma", "beta")},
	{golden: "BatchNormalization/rank4", mistake: "mean and variance swapped", weight: exchange("moving_mean", "moving_variance")},
	{golden: "BatchNormalization/rank4", mistake: "epsilon of LayerNormalization's kind", key: "epsilon", value: 1e-5},
	{golden: "BatchNormalization/rank4", mistake: "the batch's own moments", node: batchMoments},
	{golden: "LayerNormalization/last", mistake: "gamma and beta swapped", weight: exchange("gamma", "beta")},
	{golden: "LayerNormalization/last", mistake: "a hundredth of epsilon more", key: "epsilon", value: 1e-2},

	{golden: "Embedding/plain", mistake: "rows off by one", weight: on("embeddings", rolled)},
	{golden: "PReLU/full", mistake: "slopes dropped", weight: on("alpha", (*nn.Tensor).Zero)},
	{golden: "LeakyReLU/plain", mistake: "PyTorch's slope", key: "negative_slope", value: 0.01},
	{golden: "ELU/plain", mistake: "half of alpha", key: "alpha", value: 0.5},
	{golden: "Subtract/two", mistake: "operands swapped", node: swapped[op.Binary](0, 1)},
	{golden: "Concatenate/last", mistake: "operands swapped", node: swapped[op.Concat](0, 1)},
	{golden: "Permute/rank4", mistake: "axes not moved", node: untransposed},
	{golden: "Flatten/channels_first", mistake: "channels stay first", key: "data_format", value: "channels_last"},
	{golden: "Resizing/bilinear_down", mistake: "nearest", key: "interpolation", value: "nearest"},
	{golden: "Resizing/bilinear_antialias", mistake: "the kernel isn't widened", key: "antialias", value: false},
	{golden: "Resizing/bicubic_antialias", mistake: "the kernel isn't widened", key: "antialias", value: false},
	{golden: "Resizing/bicubic_up", mistake: "the other cubic kernel", key: "antialias", value: true},
	{golden: "Resizing/area_mixed", mistake: "bilinear", key: "interpolation", value: "bilinear"},
	{golden: "Resizing/crop_wide", mistake: "stretched", key: "crop_to_aspect_ratio", value: false},
	{golden: "Resizing/pad_value_tall", mistake: "zeros around", key: "fill_value", value: 0.0},
	{golden: "Resizing/pad_nearest_wide", mistake: "zeros around", key: "fill_value", value: 0.0},
	{golden: "Resizing/channels_first", mistake: "channels last", key: "data_format", value: "channels_last"},
	{golden: "CenterCrop/larger", mistake: "stretched", key: "height", value: 8},
	{golden: "AutoContrast/unit", mistake: "another range", key: "value_range", value: []float64{0, 255}},
	{golden: "ContrastLimitedAdaptiveHistogramEqualization/uneven", mistake: "not limited", key: "clip_limit", value: 0.0},
	{golden: "ContrastLimitedAdaptiveHistogramEqualization/uneven", mistake: "tiles turned", key: "tile_grid_size", value: []int{4, 3}},
	{golden: "Rescaling/offset", mistake: "offset dropped", key: "offset", value: 0.0},
	{golden: "Activation/hard_sigmoid", mistake: "sigmoid", key: "activation", value: "sigmoid"},
	{golden: "Activation/gelu", mistake: "the approximation by tanh", node: tanhGelu},
	{golden: "Masking/value", mistake: "zero is masked", key: "mask_value", value: 0.0},

	{golden: "Model/nested", mistake: "gamma and beta swapped inside", weight: exchange("gamma", "beta")},
	{golden: "Model/shared_layer", mistake: "bias dropped", weight: on("bias", (*nn.Tensor).Zero)},
	{golden: "Model/lstm_stack", mistake: "masks dropped", node: without[op.Recurrent](3)},
}

// TestMutations shows that the goldens notice: each mistake must put an output further off than any golden may be, while
// without it the same golden passes.
func TestMutations(t *testing.T) {
	for _, m := range mutations {
		t.Run(m.golden+"/"+strings.ReplaceAll(m.mistake, " ", "_"), func(t *testing.T) {
			g, err := testcheck.ReadGolden("../../testdata/golden/" + m.golden + ".npz")
			if err != nil {
				t.Fatal(err)
			}
			if off := worst(t, g, mutation{}); off > g.Meta.Tolerance {
				t.Fatalf("without the mistake, the model is off by %.2g already", off)
			}
			if off := worst(t, g, m); !(off > g.Meta.Tolerance) {
				t.Errorf("nobody notices: %.2g", off)
			}
		})
	}
}

// worst runs a golden with a mistake and returns how far its outputs are off, at most.
func worst(t *testing.T, g *testcheck.Golden, m mutation) (off float64) {
	t.Helper()
	raw := g.Meta.Model
	if m.key != "" {
		raw = setKey(t, raw, m.key, m.value)
	}
	d := nn.Decoder{Registry: layers.Builtin()}
	l, err := d.Decode(raw)
	if err != nil {
		t.Fatal(err)
	}
	model := l.(nn.Model)
	ws, err := g.SetWeights(model)
	if err != nil {
		t.Fatal(err)
	}
	if m.weight != nil {
		before := make([]*nn.Tensor, len(ws))
		for i, w := range ws {
			before[i] = w.Data.Clone()
		}
		m.weight(ws)
		if !slices.ContainsFunc(ws, func(w *nn.Weight) bool { return testcheck.Off(w.Data, before[slices.Index(ws, w)]) > 0 }) {
			t.Fatal("no weight changed")
		}
	}
	in, err := g.Inputs(model)
	if err != nil {
		t.Fatal(err)
	}
	tr, _, err := nn.Trace(model, false)
	if err != nil {
		t.Fatal(err)
	}
	traced := tr.Graph
	if m.node != nil {
		changed := 0
		traced = graph.Rewrite(traced, func(p *graph.Rewriter, n *graph.Node, in []*nn.Value) []*nn.Value {
			out := m.node(p, n, slices.Clone(in))
			if out != nil {
				changed++
			}
			return out
		})
		if changed == 0 {
			t.Fatal("no operation changed")
		}
	}
	run := graph.NewInterp(traced, 0)
	if err := run.Forward(context.Background(), in...); err != nil {
		t.Fatal(err)
	}
	for i, v := range traced.Outputs {
		off = max(off, testcheck.Off(run.Value(v), g.Arrays[fmt.Sprintf("y_%d", i)]))
	}
	return off
}

// setKey sets a config key in every layer that has it.
func setKey(t *testing.T, raw json.RawMessage, key string, value any) json.RawMessage {
	t.Helper()
	var root any
	if err := json.Unmarshal(raw, &root); err != nil {
		t.Fatal(err)
	}
	found := 0
	var visit func(v any)
	visit = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				visit(e)
			}
		case map[string]any:
			if c, ok := v["config"].(map[string]any); ok {
				if _, ok := c[key]; ok {
					c[key] = value
					found++
				}
			}
			for _, e := range v {
				visit(e)
			}
		}
	}
	visit(root)
	if found == 0 {
		t.Fatalf("no layer has the key %q", key)
	}
	out, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
