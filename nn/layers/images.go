package layers

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/op"
)

// Factor is how strong an augmentation is, as Keras's layers take it: one number, or the two that it is drawn between.
type Factor []float32

// UnmarshalJSON reads a number or a list of two; null is no Factor.
func (f *Factor) UnmarshalJSON(raw []byte) error {
	var one *float32
	if json.Unmarshal(raw, &one) == nil {
		if *f = nil; one != nil {
			*f = Factor{*one}
		}
		return nil
	}
	if err := json.Unmarshal(raw, (*[]float32)(f)); err != nil || len(*f) != 2 {
		return fmt.Errorf("a factor must be a number or a list of two")
	}
	return nil
}

// MarshalJSON writes null, a number or a list.
func (f Factor) MarshalJSON() ([]byte, error) {
	switch len(f) {
	case 0:
		return []byte("null"), nil
	case 1:
		return json.Marshal(f[0])
	}
	return json.Marshal([]float32(f))
}

// of is the range: a number stands for itself both ways, as far as least; it must not be over 1.
func (f Factor) of(g *nn.Graph, key string, least float32) (low, high float32) {
	switch {
	case len(f) == 0 || len(f) > 2:
		g.Failf("%s must be a number or two, found %v", key, []float32(f))
	case slices.ContainsFunc(f, func(v float32) bool { return v != v || math.IsInf(float64(v), 0) }) || len(f) == 1 && (f[0] < least || f[0] > 1):
		g.Failf("%s must be between %v and 1, found %v", key, least, []float32(f))
	case len(f) == 2:
		return min(f[0], f[1]), max(f[0], f[1])
	}
	high = max(f[0], -f[0])
	return max(-high, least), high
}

// valueRange is the lowest and the highest value that pixels have.
type valueRange []float32

// of is the range, in order.
func (v valueRange) of(g *nn.Graph) (low, high float32) {
	if len(v) != 2 {
		g.Failf("value_range must be two numbers, found %v", []float32(v))
	}
	return min(v[0], v[1]), max(v[0], v[1])
}

// ImageLayer is what Keras's image preprocessing layers have in common.
//
// Source: keras/src/layers/preprocessing/image_preprocessing/base_image_preprocessing_layer.py
type ImageLayer struct {
	nn.Common
	DataFormat        string  `json:"data_format"`
	BoundingBoxFormat *string `json:"bounding_box_format"` // of the boxes that may come with images in a pipeline of data; not in a model
}

func imageLayer(class string) ImageLayer {
	return ImageLayer{Common: base(class), DataFormat: "channels_last"}
}

// images is the batch of images that the layer is called with; single ones, and labels, boxes and masks beside them, are for
// pipelines of data.
func images(g *nn.Graph, c nn.Call) *nn.Value {
	if len(c.Ins()) != 1 {
		g.Unsupportedf("", "is called with more than images")
	}
	x := c.In().Value
	checkRank(g, x, 2)
	return x
}

// uniform draws numbers for each image: [batch, number of ranges].
func uniform(g *nn.Graph, x *nn.Value, once bool, ranges ...[2]float32) *nn.Value {
	o := op.Uniform{Once: once, Path: g.Path, Call: g.CallIndex()}
	for _, r := range ranges {
		o.Low, o.High = append(o.Low, r[0]), append(o.High, r[1])
	}
	return g.Op(o, x)
}

// eachImage gives what was drawn, one number for each image, the rank of images.
func eachImage(g *nn.Graph, drawn *nn.Value) *nn.Value { return regroup(g, drawn, 1, 1, 1, 1, 1) }

// column is one of the numbers drawn for each image.
func column(g *nn.Graph, drawn *nn.Value, i int) *nn.Value {
	return g.Op(op.Slice{Ranges: []op.Range{op.All(), {Start: i, Stop: i + 1, Step: 1}}}, drawn)
}
