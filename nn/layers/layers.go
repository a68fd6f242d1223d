// Package layers is Keras's vocabulary: each layer is Keras's config as a struct, and says its part of the graph in
// operations of nn/op. The registry below is all of it: a layer is one file, one line here, and one golden.
//
// New* functions make layers with Keras's defaults; fields may be set before the layer is first built.
package layers

import (
	"maps"

	"kerasgo/nn"
)

// Builtin is a new registry of the layers and operation nodes that this package knows.
func Builtin() nn.Registry {
	r := nn.Registry{
		"Activation":             func() nn.Layer { return NewActivation("linear") },
		"ActivityRegularization": func() nn.Layer { return NewActivityRegularization(0, 0) },
		"Add":                    func() nn.Layer { return NewAdd() },
		"AlphaDropout":           func() nn.Layer { return NewAlphaDropout(0) },
		"Average":                func() nn.Layer { return NewAverage() },
		"AveragePooling1D":       func() nn.Layer { return NewAveragePooling1D(2) },
		"AveragePooling2D":       func() nn.Layer { return NewAveragePooling2D(2) },
		"AveragePooling3D":       func() nn.Layer { return NewAveragePooling3D(2) },
		"BatchNormalization":     func() nn.Layer { return NewBatchNormalization() },
		"Bidirectional":          func() nn.Layer { return NewBidirectional(nil) },
		"Concatenate":            func() nn.Layer { return NewConcatenate(-1) },
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
		"Dot":                    func() nn.Layer { return NewDot(-1, -1) },
		"Dropout":                func() nn.Layer { return NewDropout(0) },
		"ELU":                    func() nn.Layer { return NewELU(1) },
		"Embedding":              func() nn.Layer { return NewEmbedding(0, 0) },
		"Flatten":                func() nn.Layer { return NewFlatten() },
		"Functional":             func() nn.Layer { return &nn.Functional{} },
		"GRU":                    func() nn.Layer { return NewGRU(0) },
		"GaussianDropout":        func() nn.Layer { return NewGaussianDropout(0) },
		"GaussianNoise":          func() nn.Layer { return NewGaussianNoise(0) },
		"GlobalAveragePooling1D": func() nn.Layer { return NewGlobalAveragePooling1D() },
		"GlobalAveragePooling2D": func() nn.Layer { return NewGlobalAveragePooling2D() },
		"GlobalAveragePooling3D": func() nn.Layer { return NewGlobalAveragePooling3D() },
		"GlobalMaxPooling1D":     func() nn.Layer { return NewGlobalMaxPooling1D() },
		"GlobalMaxPooling2D":     func() nn.Layer { return NewGlobalMaxPooling2D() },
		"GlobalMaxPooling3D":     func() nn.Layer { return NewGlobalMaxPooling3D() },
		"GroupNormalization":     func() nn.Layer { return NewGroupNormalization(32) },
		"Identity":               func() nn.Layer { return NewIdentity() },
		"InputLayer":             func() nn.Layer { return &nn.InputLayer{} },
		"LSTM":                   func() nn.Layer { return NewLSTM(0) },
		"LayerNormalization":     func() nn.Layer { return NewLayerNormalization() },
		"LeakyReLU":              func() nn.Layer { return NewLeakyReLU(.3) },
		"Masking":                func() nn.Layer { return NewMasking(0) },
		"MaxPooling1D":           func() nn.Layer { return NewMaxPooling1D(2) },
		"MaxPooling2D":           func() nn.Layer { return NewMaxPooling2D(2) },
		"MaxPooling3D":           func() nn.Layer { return NewMaxPooling3D(2) },
		"Maximum":                func() nn.Layer { return NewMaximum() },
		"Minimum":                func() nn.Layer { return NewMinimum() },
		"Model":                  func() nn.Layer { return &nn.Functional{} },
		"Multiply":               func() nn.Layer { return NewMultiply() },
		"Normalization":          func() nn.Layer { return NewNormalization() },
		"PReLU":                  func() nn.Layer { return NewPReLU() },
		"Permute":                func() nn.Layer { return NewPermute() },
		"RMSNormalization":       func() nn.Layer { return NewRMSNormalization() },
		"ReLU":                   func() nn.Layer { return NewReLU() },
		"RepeatVector":           func() nn.Layer { return NewRepeatVector(0) },
		"Rescaling":              func() nn.Layer { return NewRescaling(1, 0) },
		"Reshape":                func() nn.Layer { return NewReshape() },
		"SeparableConv1D":        func() nn.Layer { return NewSeparableConv1D(0, 1, "") },
		"SeparableConv2D":        func() nn.Layer { return NewSeparableConv2D(0, 1, "") },
		"Sequential":             func() nn.Layer { return &nn.Sequential{} },
		"SimpleRNN":              func() nn.Layer { return NewSimpleRNN(0) },
		"Softmax":                func() nn.Layer { return NewSoftmax() },
		"SpatialDropout1D":       func() nn.Layer { return NewSpatialDropout1D(0) },
		"SpatialDropout2D":       func() nn.Layer { return NewSpatialDropout2D(0) },
		"SpatialDropout3D":       func() nn.Layer { return NewSpatialDropout3D(0) },
		"Subtract":               func() nn.Layer { return NewSubtract() },
		"TimeDistributed":        func() nn.Layer { return NewTimeDistributed(nil) },
		"UnitNormalization":      func() nn.Layer { return NewUnitNormalization() },
		"UpSampling1D":           func() nn.Layer { return NewUpSampling1D(2) },
		"UpSampling2D":           func() nn.Layer { return NewUpSampling2D(2, 2, "nearest") },
		"UpSampling3D":           func() nn.Layer { return NewUpSampling3D(2, 2, 2) },
		"ZeroPadding1D":          func() nn.Layer { return NewZeroPadding1D(1, 1) },
		"ZeroPadding2D":          func() nn.Layer { return NewZeroPadding2D([2]int{1, 1}, [2]int{1, 1}) },
		"ZeroPadding3D":          func() nn.Layer { return NewZeroPadding3D([2]int{1, 1}, [2]int{1, 1}, [2]int{1, 1}) },
	}
	maps.Copy(r, operations())
	return r
}

// base is Common for a layer made in Go.
func base(class string) nn.Common { return nn.Common{Class: class, Trainable: true} }
