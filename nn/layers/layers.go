// Package layers is Keras's vocabulary: each layer is Keras's config as a struct, and says its part of the graph in
// operations of nn/op. The registry below is all of it: a layer is one file, one line here, and one golden.
//
// New* functions make layers with Keras's defaults; fields may be set before the layer is first built.
package layers

import "kerasgo/nn"

// Builtin is a new registry of the layers and operation nodes that this package knows.
func Builtin() nn.Registry {
	r := nn.Registry{
		"Activation":             func() nn.Layer { return NewActivation("linear") },
		"AveragePooling1D":       func() nn.Layer { return NewAveragePooling1D(2) },
		"AveragePooling2D":       func() nn.Layer { return NewAveragePooling2D(2) },
		"AveragePooling3D":       func() nn.Layer { return NewAveragePooling3D(2) },
		"BatchNormalization":     func() nn.Layer { return NewBatchNormalization() },
		"Bidirectional":          func() nn.Layer { return NewBidirectional(nil) },
		"Conv1D":                 func() nn.Layer { return NewConv1D(0, 1, "") },
		"Conv1DTranspose":        func() nn.Layer { return NewConv1DTranspose(0, 1, "") },
		"Conv2D":                 func() nn.Layer { return NewConv2D(0, 1, "") },
		"Conv2DTranspose":        func() nn.Layer { return NewConv2DTranspose(0, 1, "") },
		"Conv3D":                 func() nn.Layer { return NewConv3D(0, 1, "") },
		"Conv3DTranspose":        func() nn.Layer { return NewConv3DTranspose(0, 1, "") },
		"Cropping1D":             func() nn.Layer { return NewCropping1D(1, 1) },
		"Cropping2D":             func() nn.Layer { return NewCropping2D([2]int{}, [2]int{}) },
		"Cropping3D":             func() nn.Layer { return NewCropping3D([2]int{1, 1}, [2]int{1, 1}, [2]int{1, 1}) },
		"Dense":                  func() nn.Layer { return NewDense(0, "") },
		"DepthwiseConv1D":        func() nn.Layer { return NewDepthwiseConv1D(1, "") },
		"DepthwiseConv2D":        func() nn.Layer { return NewDepthwiseConv2D(1, "") },
		"Dropout":                func() nn.Layer { return NewDropout(0) },
		"Embedding":              func() nn.Layer { return NewEmbedding(0, 0) },
		"Flatten":                func() nn.Layer { return NewFlatten() },
		"Functional":             func() nn.Layer { return &nn.Functional{} },
		"GRU":                    func() nn.Layer { return NewGRU(0) },
		"GlobalAveragePooling1D": func() nn.Layer { return NewGlobalAveragePooling1D() },
		"GlobalAveragePooling2D": func() nn.Layer { return NewGlobalAveragePooling2D() },
		"GlobalAveragePooling3D": func() nn.Layer { return NewGlobalAveragePooling3D() },
		"GlobalMaxPooling1D":     func() nn.Layer { return NewGlobalMaxPooling1D() },
		"GlobalMaxPooling2D":     func() nn.Layer { return NewGlobalMaxPooling2D() },
		"GlobalMaxPooling3D":     func() nn.Layer { return NewGlobalMaxPooling3D() },
		"InputLayer":             func() nn.Layer { return &nn.InputLayer{} },
		"LSTM":                   func() nn.Layer { return NewLSTM(0) },
		"Masking":                func() nn.Layer { return NewMasking(0) },
		"MaxPooling1D":           func() nn.Layer { return NewMaxPooling1D(2) },
		"MaxPooling2D":           func() nn.Layer { return NewMaxPooling2D(2) },
		"MaxPooling3D":           func() nn.Layer { return NewMaxPooling3D(2) },
		"Model":                  func() nn.Layer { return &nn.Functional{} },
		"RepeatVector":           func() nn.Layer { return NewRepeatVector(0) },
		"SeparableConv1D":        func() nn.Layer { return NewSeparableConv1D(0, 1, "") },
		"SeparableConv2D":        func() nn.Layer { return NewSeparableConv2D(0, 1, "") },
		"Sequential":             func() nn.Layer { return &nn.Sequential{} },
		"SimpleRNN":              func() nn.Layer { return NewSimpleRNN(0) },
		"TimeDistributed":        func() nn.Layer { return NewTimeDistributed(nil) },
		"UpSampling1D":           func() nn.Layer { return NewUpSampling1D(2) },
		"UpSampling2D":           func() nn.Layer { return NewUpSampling2D(2, 2, "nearest") },
		"UpSampling3D":           func() nn.Layer { return NewUpSampling3D(2, 2, 2) },
		"ZeroPadding1D":          func() nn.Layer { return NewZeroPadding1D(1, 1) },
		"ZeroPadding2D":          func() nn.Layer { return NewZeroPadding2D([2]int{1, 1}, [2]int{1, 1}) },
		"ZeroPadding3D":          func() nn.Layer { return NewZeroPadding3D([2]int{1, 1}, [2]int{1, 1}, [2]int{1, 1}) },
	}
	return r
}

// base is Common for a layer made in Go.
func base(class string) nn.Common { return nn.Common{Class: class, Trainable: true} }
