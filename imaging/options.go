package imaging

import (
	"fmt"
	"strconv"
	"strings"
)

// Filter is how an image is resized.
type Filter uint8

// The filters, named as keras.utils.load_img's interpolation. All but Nearest
// are antialiased in Pillow's engine and widen when they shrink an image; the
// TensorFlow engine has Nearest and Bilinear, neither antialiased.
const (
	Nearest Filter = iota
	Bilinear
	Bicubic
	Lanczos
	Box
	Hamming
)

var filterNames = [...]string{Nearest: "nearest", Bilinear: "bilinear", Bicubic: "bicubic", Lanczos: "lanczos", Box: "box", Hamming: "hamming"}

// String is the filter's name as Keras spells it.
func (f Filter) String() string { return nameOf(filterNames[:], int(f)) }

// ParseFilter reads a filter's name.
func ParseFilter(s string) (Filter, error) {
	i, err := parseName("resize filter", filterNames[:], s)
	return Filter(i), err
}

// Engine is whose resizing arithmetic is followed.
type Engine uint8

// The engines. They differ by up to 193 levels on the same image and filter.
const (
	PIL Engine = iota // keras.utils.load_img: 8-bit samples, antialiased
	TF                // tf.image.resize, keras.ops.image.resize, keras.layers.Resizing: float32, half-pixel centres
)

var engineNames = [...]string{PIL: "pil", TF: "tf"}

// String is the engine's name as flags spell it.
func (e Engine) String() string { return nameOf(engineNames[:], int(e)) }

// ParseEngine reads pil or tf.
func ParseEngine(s string) (Engine, error) {
	i, err := parseName("resize engine", engineNames[:], s)
	return Engine(i), err
}

// Aspect is what happens to an image whose proportions aren't the target's.
type Aspect uint8

// The ways. Crop is keras.utils.load_img(keep_aspect_ratio=True), or in the
// TensorFlow engine crop_to_aspect_ratio; Pad is PIL.ImageOps.pad, or in the
// TensorFlow engine pad_to_aspect_ratio, with black.
const (
	Stretch Aspect = iota
	Crop
	Pad
)

var aspectNames = [...]string{Stretch: "stretch", Crop: "crop", Pad: "pad"}

// String is the way's name as flags spell it.
func (a Aspect) String() string { return nameOf(aspectNames[:], int(a)) }

// ParseAspect reads stretch, crop or pad.
func ParseAspect(s string) (Aspect, error) {
	i, err := parseName("aspect", aspectNames[:], s)
	return Aspect(i), err
}

// Mode is a way to map pixel values to what a network expects.
type Mode uint8

// The modes; x is a sample from 0 to 255, all arithmetic float32.
const (
	None    Mode = iota // x
	Scale               // x / 255
	TFMode              // x / 127.5 - 1
	Torch               // (x / 255 - mean) / std, ImageNet's per colour
	Caffe               // blue, green, red, less ImageNet's means
	Rescale             // x * scale + offset, as keras.layers.Rescaling
)

var modeNames = [...]string{None: "none", Scale: "scale", TFMode: "tf", Torch: "torch", Caffe: "caffe", Rescale: "rescale"}

// String is the mode's name as keras.applications spells it.
func (m Mode) String() string { return nameOf(modeNames[:], int(m)) }

// Preprocess is a [Mode] with Rescale's parameters.
//
// Source: keras/src/applications/imagenet_utils.py, keras/src/layers/preprocessing/rescaling.py.
type Preprocess struct {
	Mode          Mode
	Scale, Offset float32 // of Rescale only
}

// ParsePreprocess reads none, scale, tf, torch, caffe or rescale=SCALE,OFFSET.
func ParsePreprocess(s string) (Preprocess, error) {
	name, args, hasArgs := strings.Cut(s, "=")
	i, err := parseName("preprocessing", modeNames[:], name)
	if err != nil {
		return Preprocess{}, err
	}
	p := Preprocess{Mode: Mode(i)}
	if p.Mode != Rescale {
		if hasArgs {
			return Preprocess{}, fmt.Errorf("preprocessing %q takes no value", name)
		}
		return p, nil
	}
	scale, offset, ok := strings.Cut(args, ",")
	if !ok {
		return Preprocess{}, fmt.Errorf("preprocessing %q: want rescale=SCALE,OFFSET", s)
	}
	for _, v := range []struct {
		text string
		dst  *float32
	}{{scale, &p.Scale}, {offset, &p.Offset}} {
		f, err := strconv.ParseFloat(v.text, 32)
		if err != nil || f-f != 0 { // neither an infinity nor NaN
			return Preprocess{}, fmt.Errorf("preprocessing %q: %q isn't a finite number", s, v.text)
		}
		*v.dst = float32(f)
	}
	return p, nil
}

// String is what [ParsePreprocess] reads.
func (p Preprocess) String() string {
	if p.Mode == Rescale {
		return fmt.Sprintf("rescale=%v,%v", p.Scale, p.Offset)
	}
	return p.Mode.String()
}

// Options says how an image becomes a network's input. The zero value is
// keras.utils.load_img's default: the image's own size, RGB, 0 to 255.
type Options struct {
	Height, Width int // target size in pixels; 0, 0 keeps the image's own
	Filter        Filter
	Engine        Engine
	Aspect        Aspect
	Color         Color
	Preprocess    Preprocess
}

// Check reports what can't be done together, before any image is read.
func (o Options) Check() error {
	switch {
	case o.Height < 0 || o.Width < 0 || (o.Height == 0) != (o.Width == 0):
		return fmt.Errorf("imaging: %dx%d isn't a size", o.Height, o.Width)
	case o.Height > maxSide || o.Width > maxSide || int64(o.Height)*int64(o.Width) > maxTarget:
		return fmt.Errorf("imaging: a target of %dx%d is larger than %d pixels", o.Height, o.Width, maxTarget)
	case int(o.Filter) >= len(filterNames) || int(o.Engine) >= len(engineNames) || int(o.Aspect) >= len(aspectNames) ||
		int(o.Color) >= len(colorNames) || int(o.Preprocess.Mode) >= len(modeNames):
		return fmt.Errorf("imaging: unknown option in %+v", o)
	case o.Engine == TF && o.Filter != Nearest && o.Filter != Bilinear:
		return fmt.Errorf("imaging: the tf engine has nearest and bilinear, not %v", o.Filter)
	case (o.Preprocess.Mode == Torch || o.Preprocess.Mode == Caffe) && o.Color.Channels() != 3:
		return fmt.Errorf("imaging: preprocessing %v is for three colours, not %v", o.Preprocess.Mode, o.Color)
	}
	return nil
}

// maxTarget bounds a target's pixels: four of the largest images that are read
// by default.
const maxTarget = 200_000_000

// Shape is the height, width and channels of what [Options.Fill] writes for m.
func (o Options) Shape(m *Image) (h, w, c int) {
	if o.Height == 0 && o.Width == 0 {
		return m.H, m.W, o.Color.Channels()
	}
	return o.Height, o.Width, o.Color.Channels()
}

// nameOf is a constant's name.
func nameOf(names []string, i int) string {
	if i < len(names) {
		return names[i]
	}
	return fmt.Sprintf("unknown(%d)", i)
}

// parseName is a name's constant.
func parseName(what string, names []string, s string) (int, error) {
	for i, n := range names {
		if n == s {
			return i, nil
		}
	}
	return 0, fmt.Errorf("unknown %s %q: want %s", what, s, strings.Join(names, ", "))
}
