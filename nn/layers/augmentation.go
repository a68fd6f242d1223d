package layers

import (
	"encoding/json"

	"kerasgo/nn"
)

// Augmentation is those of Keras's augmentation layers that are run, not trained with: AugMix, CutMix, Equalization,
// MaxNumBoundingBoxes, MixUp, RandAugment, RandomColorDegeneration, RandomColorJitter, RandomElasticTransform, RandomErasing,
// RandomGaussianBlur, RandomGrayscale, RandomHue, RandomInvert, RandomPerspective, RandomPosterization, RandomSaturation,
// RandomSharpness, RandomShear and Solarization. In inference images pass through them, made floats by some; a training graph
// refuses them by name. Which keys a class has is Keras's affair: none changes what is computed, and all are written back.
//
// Source: keras/src/layers/preprocessing/image_preprocessing
type Augmentation struct {
	nn.Common
	AdditionFactor    json.RawMessage `json:"addition_factor"`
	AllOps            json.RawMessage `json:"all_ops"`
	Alpha             json.RawMessage `json:"alpha"`
	Bins              json.RawMessage `json:"bins"`
	BoundingBoxFormat json.RawMessage `json:"bounding_box_format"`
	BrightnessFactor  json.RawMessage `json:"brightness_factor"`
	ChainDepth        json.RawMessage `json:"chain_depth"`
	ContrastFactor    json.RawMessage `json:"contrast_factor"`
	DataFormat        json.RawMessage `json:"data_format"`
	Factor            json.RawMessage `json:"factor"`
	FillMode          json.RawMessage `json:"fill_mode"`
	FillValue         json.RawMessage `json:"fill_value"`
	HueFactor         json.RawMessage `json:"hue_factor"`
	Interpolation     json.RawMessage `json:"interpolation"`
	KernelSize        json.RawMessage `json:"kernel_size"`
	MaxNumber         json.RawMessage `json:"max_number"`
	NumChains         json.RawMessage `json:"num_chains"`
	NumOps            json.RawMessage `json:"num_ops"`
	SaturationFactor  json.RawMessage `json:"saturation_factor"`
	Scale             json.RawMessage `json:"scale"`
	Sigma             json.RawMessage `json:"sigma"`
	ThresholdFactor   json.RawMessage `json:"threshold_factor"`
	ValueRange        json.RawMessage `json:"value_range"`
	XFactor           json.RawMessage `json:"x_factor"`
	YFactor           json.RawMessage `json:"y_factor"`

	floats bool // integers become floats
}

// rarer are the classes of Augmentation, and one of a long name.
func rarer() nn.Registry {
	r := nn.Registry{
		"ContrastLimitedAdaptiveHistogramEqualization": func() nn.Layer { return NewContrastLimitedAdaptiveHistogramEqualization() },
	}
	for class, floats := range map[string]bool{"AugMix": true, "CutMix": true, "Equalization": false, "MaxNumBoundingBoxes": false,
		"MixUp": false, "RandAugment": true, "RandomColorDegeneration": false, "RandomColorJitter": false, "RandomElasticTransform": true,
		"RandomErasing": true, "RandomGaussianBlur": true, "RandomGrayscale": false, "RandomHue": false, "RandomInvert": false,
		"RandomPerspective": true, "RandomPosterization": false, "RandomSaturation": false, "RandomSharpness": true, "RandomShear": true,
		"Solarization": true} {
		r[class] = func() nn.Layer { return &Augmentation{Common: base(class), floats: floats} }
	}
	return r
}

// Build implements nn.Layer.
func (l *Augmentation) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := images(g, c)
	if g.Training {
		g.Unsupportedf("", "it runs, but can't be trained with; take the layer out, or augment the data")
	}
	if l.floats {
		x = float(g, x)
	}
	return c.Keep(x)
}
