package layers

import (
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/op"
)

// RandomFlip mirrors half of the images while training. Keras 3 decides once for an image that may be flipped both ways, so it
// is turned by 180 degrees or left; Keras 2 decides twice.
//
// Source: keras/src/layers/preprocessing/image_preprocessing/random_flip.py
type RandomFlip struct {
	ImageLayer
	Mode string `json:"mode"` // horizontal, vertical, horizontal_and_vertical
}

// NewRandomFlip makes a RandomFlip layer.
func NewRandomFlip(mode string) *RandomFlip { return &RandomFlip{imageLayer("RandomFlip"), mode} }

// Build implements nn.Layer.
func (l *RandomFlip) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := float(g, images(g, c))
	if !slices.Contains([]string{"horizontal", "vertical", "horizontal_and_vertical"}, l.Mode) {
		g.Failf("mode must be horizontal, vertical or horizontal_and_vertical, found %q", l.Mode)
	}
	if !g.Training {
		return c.Keep(x)
	}
	drawn := uniform(g, x, false, [2]float32{0, 1}, [2]float32{0, 1})
	horizontal, vertical := column(g, drawn, 0), column(g, drawn, 0)
	if g.Keras2 {
		vertical = column(g, drawn, 1)
	}
	return c.Keep(fromLast(g, l.DataFormat, l.flip(g, toLast(g, l.DataFormat, x), horizontal, vertical)))
}

// flip mirrors the images, channels last, for which a number up to a half was drawn: [batch, 1].
func (l *RandomFlip) flip(g *nn.Graph, x, horizontal, vertical *nn.Value) *nn.Value {
	if l.Mode != "vertical" {
		x = flipAxis(g, x, 2, horizontal)
	}
	if l.Mode != "horizontal" {
		x = flipAxis(g, x, 1, vertical)
	}
	return x
}

func flipAxis(g *nn.Graph, x *nn.Value, axis int, drawn *nn.Value) *nn.Value {
	ranges := []op.Range{op.All(), op.All(), op.All(), op.All()}
	ranges[axis] = op.Range{Start: op.End, Stop: -op.End, Step: -1}
	chosen := g.Op(op.Binary{Fn: "less_equal"}, eachImage(g, drawn), g.Scalar(.5))
	return g.Op(op.Where{}, chosen, g.Op(op.Slice{Ranges: ranges}, x), x)
}

// mover is what the layers that move images about have in common.
type mover struct {
	ImageLayer
	FillMode      string  `json:"fill_mode"`     // constant, nearest, reflect, wrap
	FillValue     float32 `json:"fill_value"`    // of constant
	Interpolation string  `json:"interpolation"` // nearest, bilinear
}

func newMover(class string) mover {
	return mover{ImageLayer: imageLayer(class), FillMode: "reflect", Interpolation: "bilinear"}
}

// move draws numbers in ranges for each image while training, and moves it by them.
func (l *mover) move(g *nn.Graph, c nn.Call, kind string, ranges func() [][2]float32) []nn.Wire {
	x := float(g, images(g, c))
	if !g.Training {
		return c.Keep(x)
	}
	return c.Keep(l.warp(g, x, uniform(g, x, false, ranges()...), kind))
}

// warp moves images by the numbers of each.
func (l *mover) warp(g *nn.Graph, x, by *nn.Value, kind string) *nn.Value {
	o := op.Warp{Kind: kind, Fill: l.FillMode, Value: l.FillValue, Interpolation: l.Interpolation}
	return fromLast(g, l.DataFormat, g.Op(o, toLast(g, l.DataFormat, x), by))
}

// RandomRotation turns each image by its own angle while training: Factor is in full turns.
//
// Source: keras/src/layers/preprocessing/image_preprocessing/random_rotation.py
type RandomRotation struct {
	mover
	Factor Factor `json:"factor"`
}

// NewRandomRotation makes a RandomRotation layer, of up to factor of a turn either way.
func NewRandomRotation(factor float32) *RandomRotation {
	return &RandomRotation{newMover("RandomRotation"), Factor{factor}}
}

// Build implements nn.Layer.
func (l *RandomRotation) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	return l.move(g, c, "rotation", func() [][2]float32 {
		low, high := l.Factor.of(g, "factor", -1)
		return [][2]float32{{360 * low, 360 * high}}
	})
}

// RandomZoom makes what each image shows smaller (a positive factor) or larger while training; without a WidthFactor, in
// proportion.
//
// Source: keras/src/layers/preprocessing/image_preprocessing/random_zoom.py
type RandomZoom struct {
	mover
	HeightFactor Factor `json:"height_factor"`
	WidthFactor  Factor `json:"width_factor"`
}

// NewRandomZoom makes a RandomZoom layer, of up to factor of the size either way.
func NewRandomZoom(factor float32) *RandomZoom {
	return &RandomZoom{mover: newMover("RandomZoom"), HeightFactor: Factor{factor}}
}

// Build implements nn.Layer.
func (l *RandomZoom) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	x := float(g, images(g, c))
	if !g.Training {
		return c.Keep(x)
	}
	height, width := l.HeightFactor, l.WidthFactor
	if width == nil {
		width = height
	}
	var ranges [][2]float32
	for _, f := range []Factor{height, width} {
		low, high := f.of(g, "height_factor and width_factor", -1)
		if low <= -1 {
			g.Failf("height_factor and width_factor must be over -1, found %v", low)
		}
		ranges = append(ranges, [2]float32{1 + low, 1 + high})
	}
	by := uniform(g, x, false, ranges...)
	if l.WidthFactor == nil {
		h := column(g, by, 0)
		by = g.Op(op.Concat{Axis: 1}, h, h)
	}
	return c.Keep(l.warp(g, x, by, "zoom"))
}

// RandomTranslation shifts each image while training, by parts of its height and its width.
//
// Source: keras/src/layers/preprocessing/image_preprocessing/random_translation.py
type RandomTranslation struct {
	mover
	HeightFactor Factor `json:"height_factor"`
	WidthFactor  Factor `json:"width_factor"`
}

// NewRandomTranslation makes a RandomTranslation layer, of up to the factors either way.
func NewRandomTranslation(height, width float32) *RandomTranslation {
	return &RandomTranslation{newMover("RandomTranslation"), Factor{height}, Factor{width}}
}

// Build implements nn.Layer.
func (l *RandomTranslation) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	return l.move(g, c, "translation", func() [][2]float32 {
		h0, h1 := l.HeightFactor.of(g, "height_factor", -1)
		w0, w1 := l.WidthFactor.of(g, "width_factor", -1)
		return [][2]float32{{h0, h1}, {w0, w1}}
	})
}
