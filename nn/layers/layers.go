// Package layers is Keras's vocabulary: each layer is Keras's config as a struct, and says its part of the graph in
// operations of nn/op. The registry below is all of it: a layer is one file, one line here, and one golden.
//
// New* functions make layers with Keras's defaults; fields may be set before the layer is first built.
package layers

import "kerasgo/nn"

// Builtin is a new registry of the layers and operation nodes that this package knows.
func Builtin() nn.Registry {
	r := nn.Registry{
		"Activation":         func() nn.Layer { return NewActivation("linear") },
		"BatchNormalization": func() nn.Layer { return NewBatchNormalization() },
		"Dense":              func() nn.Layer { return NewDense(0, "") },
		"Dropout":            func() nn.Layer { return NewDropout(0) },
		"Flatten":            func() nn.Layer { return NewFlatten() },
		"Functional":         func() nn.Layer { return &nn.Functional{} },
		"InputLayer":         func() nn.Layer { return &nn.InputLayer{} },
		"Model":              func() nn.Layer { return &nn.Functional{} },
		"Sequential":         func() nn.Layer { return &nn.Sequential{} },
	}
	return r
}

// base is Common for a layer made in Go.
func base(class string) nn.Common { return nn.Common{Class: class, Trainable: true} }
