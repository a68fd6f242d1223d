package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kerasgo/imaging"
	"kerasgo/internal/cli"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/layers"
)

// sidecar is what kinfer reads beside a model, as NAME.kinfer.json: how its inputs are made and its classes called.
type sidecar struct {
	Preprocess string   `json:"preprocess,omitempty"`
	Color      string   `json:"color,omitempty"`
	Resize     string   `json:"resize,omitempty"`
	Engine     string   `json:"resize_engine,omitempty"`
	Labels     []string `json:"labels,omitempty"`
}

// readSidecar reads what lies beside a model; the zero value where nothing does.
func readSidecar(model string) (side sidecar, err error) {
	raw, err := os.ReadFile(sidecarPath(model))
	if os.IsNotExist(err) {
		return side, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &side)
	}
	if err != nil {
		return side, &safeio.FormatError{Where: safeio.Where{File: sidecarPath(model)}, Msg: "can't be read", Err: err}
	}
	return side, nil
}

// beside is what is to lie beside the trained model: of a folder of classes, their names and how its images were made; else
// what lay beside the model before.
func beside(model string, classes []string, o imaging.Options) (sidecar, error) {
	if classes == nil {
		return readSidecar(model)
	}
	side := sidecar{Labels: classes}
	if o.Height > 0 {
		side.Preprocess, side.Color, side.Resize, side.Engine = o.Preprocess.String(), o.Color.String(), o.Filter.String(), o.Engine.String()
	}
	return side, nil
}

func (s sidecar) empty() bool {
	return s.Preprocess == "" && s.Color == "" && s.Resize == "" && s.Engine == "" && s.Labels == nil
}

// sidecarPath is where the sidecar of a model lies.
func sidecarPath(model string) string {
	return strings.TrimSuffix(model, filepath.Ext(model)) + ".kinfer.json"
}

// imageOptions says how pixels become the input of a model of one image input; the zero value for other models. resized says
// that the model's sidecar names the filter.
func imageOptions(m nn.Model, model, preprocess string) (o imaging.Options, resized bool, err error) {
	side, err := readSidecar(model)
	if err != nil {
		return o, false, err
	}
	if preprocess == "auto" {
		preprocess = "none"
		if side.Preprocess != "" && !normalises(m) {
			preprocess = side.Preprocess
		}
	}
	if o.Preprocess, err = imaging.ParsePreprocess(preprocess); err != nil {
		return o, false, &cli.Error{Code: cli.Usage, Err: err}
	}
	specs := m.InputSpecs()
	if len(specs) != 1 {
		return o, false, nil
	}
	switch s := specs[0].Shape; {
	case len(s) == 3 && s[1] > 0 && s[2] > 0:
		o.Height, o.Width, o.Color = s[1], s[2], imaging.Gray
	case len(s) == 4 && s[1] > 0 && s[2] > 0 && (s[3] == 1 || s[3] == 3 || s[3] == 4):
		o.Height, o.Width = s[1], s[2]
		switch s[3] {
		case 1:
			o.Color = imaging.Gray
		case 4:
			o.Color = imaging.RGBA
		}
	}
	if side.Color != "" && o.Height > 0 {
		if o.Color, err = imaging.ParseColor(side.Color); err != nil {
			return o, false, err
		}
	}
	if side.Resize != "" {
		if o.Filter, err = imaging.ParseFilter(side.Resize); err == nil && side.Engine != "" {
			o.Engine, err = imaging.ParseEngine(side.Engine)
		}
	}
	return o, side.Resize != "", err
}

// normalises says that the model itself rescales or normalises its input.
func normalises(m nn.Model) bool {
	return slices.ContainsFunc(nn.Layers(m), normalising)
}

func normalising(l nn.Layer) bool {
	switch l := l.(type) {
	case *layers.Rescaling, *layers.Normalization:
		return true
	case *layers.Pipeline:
		return slices.ContainsFunc(l.Layers, normalising)
	case nn.Model:
		return normalises(l)
	}
	return false
}
