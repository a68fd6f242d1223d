package layers

import (
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// CenterCrop takes the middle of images. Where they are smaller, it takes the largest middle part of the wanted proportions and
// enlarges it.
//
// Source: keras/src/layers/preprocessing/image_preprocessing/center_crop.py
type CenterCrop struct {
	ImageLayer
	Height int `json:"height"`
	Width  int `json:"width"`
}

// NewCenterCrop makes a CenterCrop layer.
func NewCenterCrop(height, width int) *CenterCrop {
	return &CenterCrop{imageLayer("CenterCrop"), height, width}
}

// Build implements nn.Layer.
func (l *CenterCrop) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := toLast(g, l.DataFormat, float(g, images(g, c)))
	size := [2]int(Tuple{l.Height, l.Width}.of(g, "height and width", 2, 1))
	if fits(x, size) {
		x = g.Op(op.Crop{Size: size}, x)
	} else {
		x = smartResize(g, x, size)
	}
	return c.Keep(fromLast(g, l.DataFormat, x))
}

// fits says that images aren't known to be smaller than size.
func fits(x *nn.Value, size [2]int) bool {
	h, w := x.Shape[1], x.Shape[2]
	return (h == graph.Unknown || h >= size[0]) && (w == graph.Unknown || w >= size[1])
}

// middle is the largest middle part of images that has the proportions of size: where it begins, and how large it is.
//
// Source: keras/src/utils/image_utils.py, smart_resize
func middle(g *nn.Graph, x *nn.Value, size [2]int) (at, part [2]int) {
	h, w := x.Shape[1], x.Shape[2]
	if h == graph.Unknown || w == graph.Unknown {
		g.Failf("needs images of a known height and width, found shape %v", x.Shape)
	}
	part[0] = max(min(h, int(float64(w*size[0])/float64(size[1]))), 1)
	part[1] = max(min(w, int(float64(h*size[1])/float64(size[0]))), 1)
	return [2]int{(h - part[0]) / 2, (w - part[1]) / 2}, part
}

// cutOut takes a part of images; what reaches over their edge is left out.
func cutOut(g *nn.Graph, x *nn.Value, at, size [2]int) *nn.Value {
	rows, columns := op.Range{Start: at[0], Stop: at[0] + size[0], Step: 1}, op.Range{Start: at[1], Stop: at[1] + size[1], Step: 1}
	return g.Op(op.Slice{Ranges: []op.Range{op.All(), rows, columns}}, x)
}

// smartResize is Keras's smart_resize, bilinear.
func smartResize(g *nn.Graph, x *nn.Value, size [2]int) *nn.Value {
	o := op.Resample{To: size, Method: "bilinear"}
	if x.Shape[1] == graph.Unknown || x.Shape[2] == graph.Unknown {
		o.Aspect = "crop"
		return g.Op(o, x)
	}
	at, part := middle(g, x, size)
	return g.Op(o, cutOut(g, x, at, part))
}

// RandomCrop takes a part of images while training, in the same place for all of a batch; where they aren't larger both ways,
// what CenterCrop's middle gives, resized. In inference Keras 3 lets images pass as they are; Keras 2 takes CenterCrop's resized
// middle.
//
// Source: keras/src/layers/preprocessing/image_preprocessing/random_crop.py
type RandomCrop struct {
	ImageLayer
	Height int `json:"height"`
	Width  int `json:"width"`
}

// NewRandomCrop makes a RandomCrop layer.
func NewRandomCrop(height, width int) *RandomCrop {
	return &RandomCrop{ImageLayer: imageLayer("RandomCrop"), Height: height, Width: width}
}

// Build implements nn.Layer.
func (l *RandomCrop) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := images(g, c)
	if !g.Training && !g.Keras2 {
		return c.Keep(x)
	}
	size := [2]int(Tuple{l.Height, l.Width}.of(g, "height and width", 2, 1))
	x = toLast(g, l.DataFormat, float(g, x))
	least := size
	if !g.Keras2 { // only larger images are cropped
		least = [2]int{size[0] + 1, size[1] + 1}
	}
	switch {
	case g.Training && fits(x, least):
		x = g.Op(op.Crop{Size: size}, x, uniform(g, x, true, [2]float32{0, 1}, [2]float32{0, 1}))
	case g.Keras2:
		x = smartResize(g, x, size)
	default:
		at, _ := middle(g, x, size)
		if x = cutOut(g, x, at, size); x.Shape[1] != size[0] || x.Shape[2] != size[1] {
			x = g.Op(op.Resample{To: size, Method: "bilinear"}, x)
		}
	}
	return c.Keep(fromLast(g, l.DataFormat, x))
}
