package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"

	"kerasgo/imaging"
	"kerasgo/keras"
	"kerasgo/nn"
	"kerasgo/nn/layers"
)

// modelFlags are what every subcommand takes to open a model.
type modelFlags struct {
	weights string
	ignore  []string
}

func (f modelFlags) open(path string) (nn.Model, error) {
	return keras.LoadOptions(path, keras.Options{Weights: f.weights, IgnoreKeys: f.ignore})
}

// sidecar is what may lie beside a model, as NAME.kinfer.json, to say how its inputs are made and its classes called.
type sidecar struct {
	Preprocess string   `json:"preprocess"`
	Color      string   `json:"color"`
	Resize     string   `json:"resize"`
	Labels     []string `json:"labels"`
}

// readSidecar reads model.kinfer.json beside model.keras; a missing one is an empty one.
func readSidecar(model string) (s sidecar, err error) {
	raw, err := os.ReadFile(strings.TrimSuffix(model, filepath.Ext(model)) + ".kinfer.json")
	if os.IsNotExist(err) {
		return s, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &s)
	}
	return s, err
}

// applications are the preprocess_input modes of keras.applications whose models don't preprocess themselves, by the
// beginning of the model's name.
//
// Source: keras/src/applications/*.py
var applications = []struct{ prefix, mode string }{
	{"densenet", "torch"},
	{"inception", "tf"},
	{"mobilenetv3", "none"},
	{"MobilenetV3", "none"},
	{"mobilenet", "tf"},
	{"nasnet", "tf"},
	{"NASNet", "tf"},
	{"resnet50v2", "tf"},
	{"resnet101v2", "tf"},
	{"resnet152v2", "tf"},
	{"resnet", "caffe"},
	{"vgg", "caffe"},
	{"xception", "tf"},
}

// choosePreprocess says how pixels become the model's input, and why.
func choosePreprocess(m nn.Model, side sidecar) (p imaging.Preprocess, why string, err error) {
	if name := normaliser(m); name != "" {
		return p, "the model's own layer " + name, nil
	}
	if side.Preprocess != "" {
		p, err = imaging.ParsePreprocess(side.Preprocess)
		return p, "the file beside the model", err
	}
	for _, a := range applications {
		if strings.HasPrefix(m.Base().Name, a.prefix) {
			p, err = imaging.ParsePreprocess(a.mode)
			return p, "keras.applications, by the model's name", err
		}
	}
	return p, "nothing says otherwise; see --preprocess", nil
}

// normaliser names a layer that rescales or normalises inside the model.
func normaliser(m nn.Model) string {
	for _, l := range nn.Layers(m) {
		switch l := l.(type) {
		case *layers.Rescaling, *layers.Normalization:
			return l.Base().Name
		case nn.Model:
			if name := normaliser(l); name != "" {
				return name
			}
		}
	}
	return ""
}
