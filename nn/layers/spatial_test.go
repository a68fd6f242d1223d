package layers_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"kerasgo/internal/testcheck"
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
	"kerasgo/nn/op"
)

// spatialLayers are one of each kind that slides or cuts along spatial axes, with nothing left at its default, for an
// input of 6 channels.
func spatialLayers() map[string]func() nn.Layer {
	kinds := map[string]func() nn.Layer{}
	for rank := 1; rank <= 3; rank++ {
		size, strides := layers.Tuple{2, 3, 2}[:rank], layers.Tuple{2, 1, 3}[:rank]
		kinds[fmt.Sprintf("Conv%dD", rank)] = func() nn.Layer {
			l := []func(int, int, string) *layers.Conv{layers.NewConv1D, layers.NewConv2D, layers.NewConv3D}[rank-1](4, 1, "relu")
			l.KernelSize, l.Strides, l.Padding, l.Groups = size, strides, "same", 2
			return l
		}
		kinds[fmt.Sprintf("Conv%dDTranspose", rank)] = func() nn.Layer {
			l := []func(int, int, string) *layers.ConvTranspose{layers.NewConv1DTranspose, layers.NewConv2DTranspose,
				layers.NewConv3DTranspose}[rank-1](5, 1, "")
			l.KernelSize, l.Strides, l.Padding = size, strides, "same"
			return l
		}
		for i, create := range [][]func(int) *layers.Pooling{
			{layers.NewMaxPooling1D, layers.NewMaxPooling2D, layers.NewMaxPooling3D},
			{layers.NewAveragePooling1D, layers.NewAveragePooling2D, layers.NewAveragePooling3D}} {
			kinds[fmt.Sprintf("Pooling%dD %d", rank, i)] = func() nn.Layer {
				l := create[rank-1](1)
				l.PoolSize, l.Strides, l.Padding = size, strides, "same"
				return l
			}
		}
		for i, create := range []func() *layers.GlobalPooling{layers.NewGlobalMaxPooling1D, layers.NewGlobalMaxPooling2D,
			layers.NewGlobalMaxPooling3D, layers.NewGlobalAveragePooling1D, layers.NewGlobalAveragePooling2D,
			layers.NewGlobalAveragePooling3D} {
			if i%3 == rank-1 {
				kinds[fmt.Sprintf("GlobalPooling%dD %d", rank, i/3)] = func() nn.Layer {
					l := create()
					l.KeepDims = true
					return l
				}
			}
		}
	}
	for rank := 1; rank <= 2; rank++ {
		kinds[fmt.Sprintf("DepthwiseConv%dD", rank)] = func() nn.Layer {
			l := []func(int, string) *layers.DepthwiseConv{layers.NewDepthwiseConv1D, layers.NewDepthwiseConv2D}[rank-1](3, "")
			l.DepthMultiplier, l.Padding = 2, "same"
			return l
		}
		kinds[fmt.Sprintf("SeparableConv%dD", rank)] = func() nn.Layer {
			return []func(int, int, string) *layers.SeparableConv{layers.NewSeparableConv1D, layers.NewSeparableConv2D}[rank-1](7, 3, "tanh")
		}
	}
	a, b, c := [2]int{1, 0}, [2]int{0, 2}, [2]int{1, 1}
	kinds["ZeroPadding1D"] = func() nn.Layer { return layers.NewZeroPadding1D(1, 2) }
	kinds["ZeroPadding2D"] = func() nn.Layer { return layers.NewZeroPadding2D(a, b) }
	kinds["ZeroPadding3D"] = func() nn.Layer { return layers.NewZeroPadding3D(a, b, c) }
	kinds["Cropping2D"] = func() nn.Layer { return layers.NewCropping2D(a, b) }
	kinds["Cropping3D"] = func() nn.Layer { return layers.NewCropping3D(a, b, c) }
	kinds["UpSampling2D"] = func() nn.Layer { return layers.NewUpSampling2D(2, 3, "nearest") }
	kinds["UpSampling2D bilinear"] = func() nn.Layer { return layers.NewUpSampling2D(2, 3, "bilinear") }
	kinds["UpSampling3D"] = func() nn.Layer { return layers.NewUpSampling3D(2, 1, 3) }
	return kinds
}

// sequential is a model of layers on an input of the kind's rank, its weights and moments drawn at random.
func sequential(t *testing.T, dims []int, ls ...nn.Layer) nn.Model {
	t.Helper()
	m, err := nn.NewSequential(append([]nn.Layer{nn.NewInput(dims...)}, ls...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.InitWeights(m, 1); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(5, 6))
	for w := range nn.Weights(m) {
		for i := range w.Data.F32 {
			w.Data.F32[i] = .2 + rng.Float32()
			if len(w.Shape) > 1 && i%2 == 0 {
				w.Data.F32[i] *= -1
			}
		}
	}
	return m
}

func normals(dims ...int) *nn.Tensor {
	rng := rand.New(rand.NewPCG(7, 8))
	x := graph.NewTensor(dims...)
	for i := range x.F32 {
		x.F32[i] = float32(rng.NormFloat64())
	}
	return x
}

// planned runs a compiled model, and tells its cost.
func planned(t *testing.T, m nn.Model, o nn.CompileOptions, x *nn.Tensor) (y *nn.Tensor, flops int64) {
	t.Helper()
	p, err := nn.Compile(m, o)
	if err != nil {
		t.Fatal(err)
	}
	run := p.Runner()
	defer run.Close()
	ys, err := run.Run(context.Background(), x)
	if err != nil {
		t.Fatal(err)
	}
	if flops, err = p.FLOPs(x); err != nil {
		t.Fatal(err)
	}
	return ys[0].Clone(), flops
}

var imageDims = map[string][]int{"1D": {7, 6}, "2D": {7, 5, 6}, "3D": {4, 5, 7, 6}}

func dimsOf(kind string) []int {
	for rank, dims := range imageDims {
		if strings.Contains(kind, rank) {
			return dims
		}
	}
	panic(kind)
}

// lastFirst moves the last of the given dimensions behind the batch, firstLast back.
func lastFirst(t *testing.T, x *nn.Tensor) *nn.Tensor {
	perm := []int{0, len(x.Shape) - 1}
	for i := 1; i < len(x.Shape)-1; i++ {
		perm = append(perm, i)
	}
	return permuted(t, x, perm)
}

func permuted(t *testing.T, x *nn.Tensor, perm []int) *nn.Tensor {
	t.Helper()
	o := op.Transpose{Perm: perm}
	out, err := o.Infer([]nn.Spec{x.Spec})
	if err != nil {
		t.Fatal(err)
	}
	y := graph.New(out[0])
	o.Forward(&graph.Run{}, []*nn.Tensor{x}, []*nn.Tensor{y})
	return y
}

// TestChannelsFirst: TensorFlow can't run most of these on a CPU, but the files exist. The same weights on the transposed
// input give the transposed output.
func TestChannelsFirst(t *testing.T) {
	for kind, create := range spatialLayers() {
		t.Run(kind, func(t *testing.T) {
			dims := dimsOf(kind)
			x := normals(append([]int{2}, dims...)...)
			y, _ := planned(t, sequential(t, dims, create()), nn.CompileOptions{}, x)

			first := create()
			setFormat(first, "channels_first")
			turned := append([]int{dims[len(dims)-1]}, dims[:len(dims)-1]...)
			got, _ := planned(t, sequential(t, turned, first), nn.CompileOptions{}, lastFirst(t, x))
			if want := lastFirst(t, y); !got.Shape.Equal(want.Shape) || testcheck.Off(got, want) > 1e-6 {
				t.Errorf("%v instead of %v, off by %g", got.Shape, want.Shape, testcheck.Off(got, want))
			}
		})
	}
}

func setFormat(l nn.Layer, format string) {
	switch l := l.(type) {
	case *layers.Conv:
		l.DataFormat = format
	case *layers.ConvTranspose:
		l.DataFormat = format
	case *layers.DepthwiseConv:
		l.DataFormat = format
	case *layers.SeparableConv:
		l.DataFormat = format
	case *layers.Pooling:
		l.DataFormat = format
	case *layers.GlobalPooling:
		l.DataFormat = format
	case *layers.ZeroPadding:
		l.DataFormat = format
	case *layers.ZeroPadding1D:
		l.DataFormat = format
	case *layers.Cropping:
		l.DataFormat = format
	case *layers.UpSampling2D:
		l.DataFormat = format
	case *layers.UpSampling3D:
		l.DataFormat = format
	default:
		panic(l)
	}
}

// TestConvolutionsFold: batch normalization and activation behind a convolution cost a Plan nothing, and change nothing.
func TestConvolutionsFold(t *testing.T) {
	for kind, create := range spatialLayers() {
		if !strings.Contains(kind, "Conv") {
			continue
		}
		t.Run(kind, func(t *testing.T) {
			dims, l := dimsOf(kind), create()
			if c, ok := l.(*layers.Conv); ok {
				c.Activation = nn.Activation{}
			}
			if c, ok := l.(*layers.SeparableConv); ok {
				c.Activation = nn.Activation{}
			}
			m := sequential(t, dims, l, layers.NewBatchNormalization(), layers.NewActivation("relu"))
			x := normals(append([]int{2}, dims...)...)
			want, all := planned(t, m, nn.CompileOptions{NoFuse: true}, x)
			got, fused := planned(t, m, nn.CompileOptions{}, x)
			if off := testcheck.Off(got, want); off > 2e-6 {
				t.Errorf("off by %g", off)
			}
			if saved := all - fused; saved != 3*int64(want.Len()) {
				t.Errorf("saves %d operations of %d", saved, 3*want.Len())
			}
		})
	}
}

// TestResidualsFold: so does an addition of another value of the same shape, before the activation.
func TestResidualsFold(t *testing.T) {
	build := func() (nn.Model, error) {
		b, x := nn.NewBuilder(), nn.Input(5, 4, 3)
		conv := layers.NewConv2D(3, 3, "")
		conv.Padding = "same"
		y := b.Call(layers.NewBatchNormalization(), b.Call(conv, x))
		y = b.Call(layers.NewActivation("tanh"), b.Call(layers.NewAdd(), x, y))
		other := b.Call(layers.NewDense(3, ""), y)
		return nn.NewFunctional([]*nn.Symbol{x}, []*nn.Symbol{b.Call(layers.NewAdd(), other, y)})
	}
	m, err := build()
	if err != nil {
		t.Fatal(err)
	}
	if err := nn.InitWeights(m, 3); err != nil {
		t.Fatal(err)
	}
	x := normals(2, 5, 4, 3)
	want, all := planned(t, m, nn.CompileOptions{NoFuse: true}, x)
	got, fused := planned(t, m, nn.CompileOptions{}, x)
	if off := testcheck.Off(got, want); off > 2e-6 {
		t.Errorf("off by %g", off)
	}
	if saved := all - fused; saved != 5*int64(want.Len()) { // bn counts twice, two additions, one tanh
		t.Errorf("saves %d operations of %d", saved, 5*want.Len())
	}
}

// TestSpatialConfigs: keys that make no sense are refused, naming the layer and the value.
func TestSpatialConfigs(t *testing.T) {
	for config, says := range map[string]string{
		`"Conv2D", "config": {"filters": 0, "kernel_size": [3, 3]}`:                              "filters",
		`"Conv2D", "config": {"filters": 4, "kernel_size": [3]}`:                                 "kernel_size",
		`"Conv2D", "config": {"filters": 4, "kernel_size": 3}`:                                   "",
		`"Conv2D", "config": {"filters": 4, "kernel_size": [3, 3, 3]}`:                           "kernel_size",
		`"Conv2D", "config": {"filters": 4, "kernel_size": [0, 3]}`:                              "kernel_size",
		`"Conv2D", "config": {"filters": 4, "kernel_size": [9, 3]}`:                              "smaller than the window",
		`"Conv2D", "config": {"filters": 4, "kernel_size": 1000000000}`:                          "kernel_size",
		`"Conv2D", "config": {"filters": 4, "kernel_size": 2, "padding": "causal"}`:              "causal",
		`"Conv2D", "config": {"filters": 4, "kernel_size": 2, "groups": 3}`:                      "groups",
		`"Conv2D", "config": {"filters": 4, "kernel_size": 2, "groups": -1}`:                     "groups",
		`"Conv2D", "config": {"filters": 4, "kernel_size": 2, "data_format": "NCHW"}`:            "data_format",
		`"Conv2D", "config": {"filters": 4, "kernel_size": 2, "strides": 2, "dilation_rate": 2}`: "dilation_rate",
		`"Conv1D", "config": {"filters": 4, "kernel_size": 2}`:                                   "3 dimensions",
		`"Conv2DTranspose", "config": {"filters": 4, "kernel_size": 2, "output_padding": 1}`:     "output_padding",
		`"DepthwiseConv2D", "config": {"depth_multiplier": 0, "kernel_size": 2}`:                 "depth_multiplier",
		`"MaxPooling2D", "config": {"pool_size": [2, -2]}`:                                       "pool_size",
		`"MaxPooling2D", "config": {"pool_size": 2, "strides": [0, 1]}`:                          "strides",
		`"MaxPooling2D", "config": {"pool_size": "2"}`:                                           "bad value",
		`"ZeroPadding2D", "config": {"padding": [[1, 2, 3], [1, 2]]}`:                            "pairs",
		`"ZeroPadding2D", "config": {"padding": [[-1, 2], [1, 2]]}`:                              "padding",
		`"Cropping2D", "config": {"cropping": [[3, 2], [0, 0]]}`:                                 "nothing is left",
		`"UpSampling2D", "config": {"size": [2, 2], "interpolation": "area"}`:                    "area",
		`"UpSampling2D", "config": {"size": [16777216, 16777216], "interpolation": "bilinear"}`:  "too large",
		`"GlobalMaxPooling2D", "config": {"keepdims": true, "adaptive": 3}`:                      "adaptive",
	} {
		raw := `{"class_name": "Sequential", "config": {"name": "m", "layers": [
			{"class_name": "InputLayer", "config": {"name": "x", "batch_shape": [null, 5, 6, 2]}}, {"class_name": ` + config + `}]}}`
		d := nn.Decoder{Registry: layers.Builtin()}
		l, err := d.Decode([]byte(raw))
		if err == nil {
			_, _, err = nn.Trace(l.(nn.Model), false)
		}
		switch {
		case says == "" && err != nil:
			t.Errorf("%s: %v", config, err)
		case says != "" && (err == nil || !strings.Contains(err.Error(), says)):
			t.Errorf("%s: found %v, not a word of %q", config, err, says)
		}
	}
}

// TestTuples: one number stands for all axes, as in Keras's constructors.
func TestTuples(t *testing.T) {
	for raw, want := range map[string]layers.Pairs{"2": {{2, 2}}, "[1, 2]": {{1, 1}, {2, 2}}, "[[1, 2], [3, 4]]": {{1, 2}, {3, 4}}, "null": nil} {
		var p layers.Pairs
		if err := p.UnmarshalJSON([]byte(raw)); err != nil || !slices.Equal(p, want) {
			t.Errorf("%s: %v %v", raw, p, err)
		}
	}
	for raw, want := range map[string]layers.Tuple{"2": {2}, "[1, 2]": {1, 2}, "null": nil} {
		var p layers.Tuple
		if err := p.UnmarshalJSON([]byte(raw)); err != nil || !slices.Equal(p, want) {
			t.Errorf("%s: %v %v", raw, p, err)
		}
	}
}
