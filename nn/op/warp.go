package op

import (
	"fmt"
	"math"
	"slices"
	"sync"
)

// Warp turns, zooms or shifts images [batch, height, width, channels], each by its own numbers: the second input, [batch, n].
// Each element of the result is read from where it comes from in the image; what Fill says stands outside of it. float32.
//
// The gradient is the transpose of what was done. TensorFlow's is another warp, by the inverse, which that only approximates.
//
// Source: tensorflow/core/kernels/image/image_ops.h; keras/src/layers/preprocessing/image_preprocessing
type Warp struct {
	Kind          string  // rotation: degrees; zoom: of height and of width; translation: down and right, in heights and widths
	Fill          string  // constant, nearest, reflect, wrap
	Value         float32 // of constant
	Interpolation string  // nearest, bilinear
}

// numbersOf is how many numbers a kind of Warp takes; 0: there is none of that name.
func numbersOf(kind string) int {
	switch kind {
	case "rotation":
		return 1
	case "zoom", "translation":
		return 2
	}
	return 0
}

// Infer implements graph.Op.
func (o Warp) Infer(in []Spec) ([]Spec, error) {
	if err := needFloat32(in[0], in[1]); err != nil {
		return nil, err
	}
	x, n := in[0].Shape, numbersOf(o.Kind)
	switch {
	case n == 0:
		return nil, fmt.Errorf("images can't be moved by %q", o.Kind)
	case len(x) != 4 || len(in[1].Shape) != 2 || in[1].Shape[1] != n || max(x[1], x[2]) > maxSide:
		return nil, fmt.Errorf("%s needs images and %d numbers for each, found shapes %v and %v", o.Kind, n, x, in[1].Shape)
	case !slices.Contains([]string{"constant", "nearest", "reflect", "wrap"}, o.Fill):
		return nil, fmt.Errorf("there is no fill mode %q", o.Fill)
	case o.Interpolation != "nearest" && o.Interpolation != "bilinear":
		return nil, fmt.Errorf("images can't be moved by interpolation %q", o.Interpolation)
	}
	return in[:1:1], nil
}

// affine is where an element of the result comes from: x = [0]x + [1]y + [2], y = [3]x + [4]y + [5].
type affine [6]float32

// affine makes the transformation of one image from its numbers.
func (o Warp) affine(by []float32, height, width int) affine {
	h, w := float32(height), float32(width)
	switch o.Kind {
	case "rotation":
		angle := float64(by[0] * float32(math.Pi/180))
		cos, sin := float32(math.Cos(angle)), float32(math.Sin(angle))
		cx, cy := .5*(w-1), .5*(h-1)
		return affine{cos, -sin, cx - float32(cx*cos) + float32(cy*sin), sin, cos, cy - float32(cx*sin) - float32(cy*cos)}
	case "zoom":
		return affine{by[1], 0, float32((w - 1) / 2 * (1 - by[1])), 0, by[0], float32((h - 1) / 2 * (1 - by[0]))}
	}
	return affine{1, 0, -float32(by[1] * w), 0, 1, -float32(by[0] * h)}
}

// inside brings a coordinate beyond an axis of n elements back, as the fill mode says; constant leaves it.
func (o Warp) inside(at float32, n int) float32 {
	last := float32(n - 1)
	switch o.Fill {
	case "constant":
		return at
	case "reflect": // abcd to dcba|abcd|dcba
		at = reflected(at, n)
	case "wrap": // abcd to abcd|abcd|abcd
		at = wrapped(at, n)
	}
	return max(0, min(at, last)) // NaN stays
}

func reflected(at float32, n int) float32 {
	twice := float32(2 * n)
	switch {
	case at < 0 && n == 1, at > float32(n-1) && n == 1:
		return 0
	case at < 0:
		at = float32(2*n*int(-at/twice)) + at
		if at < float32(-n) {
			return at + twice
		}
		return -at - 1
	case at > float32(n-1):
		at -= float32(2 * n * int(at/twice))
		if at >= float32(n) {
			return twice - at - 1
		}
	}
	return at
}

func wrapped(at float32, n int) float32 {
	switch {
	case at < 0 && n == 1, at > float32(n-1) && n == 1:
		return 0
	case at < 0:
		return at + float32(n*(int(-at/float32(n-1))+1))
	case at > float32(n-1):
		return at - float32(n*int(at/float32(n-1)))
	}
	return at
}

// taps calls f for each element of an image that the result's at (row, column) is made of: where it is, and its weight; -1
// stands for the fill value.
func (o Warp) taps(m affine, row, column, height, width int, f func(at int, weight float32)) {
	x := float32(m[0]*float32(column)) + float32(m[1]*float32(row)) + m[2]
	y := float32(m[3]*float32(column)) + float32(m[4]*float32(row)) + m[5]
	x, y = o.inside(x, width), o.inside(y, height)
	place := func(i, k float64) int {
		if i >= 0 && i < float64(height) && k >= 0 && k < float64(width) {
			return int(i)*width + int(k)
		}
		return -1
	}
	if o.Interpolation == "nearest" {
		f(place(math.Round(float64(y)), math.Round(float64(x))), 1)
		return
	}
	top, left := math.Floor(float64(y)), math.Floor(float64(x))
	down, right := y-float32(top), x-float32(left)
	up, west := float32(top)+1-y, float32(left)+1-x
	f(place(top, left), up*west)
	f(place(top, left+1), up*right)
	f(place(top+1, left), down*west)
	f(place(top+1, left+1), down*right)
}

// warping is a Warp over its images, reused so that a run allocates nothing.
type warping struct {
	Warp
	x, y, by []float32
	shape    Shape
	back     bool // y is the gradient of the result, x takes that of the images
}

var warpings = sync.Pool{New: func() any { return new(warping) }}

// Do implements par.Task: row i of all images', or backwards image i.
func (t *warping) Do(_, i int) {
	h := t.shape[1]
	if !t.back {
		t.row(i/h, i%h)
		return
	}
	for row := range h {
		t.row(i, row)
	}
}

func (t *warping) row(image, row int) {
	h, w, c, n := t.shape[1], t.shape[2], t.shape[3], numbersOf(t.Kind)
	m := t.affine(t.by[image*n:][:n], h, w)
	x, y := t.x[image*h*w*c:][:h*w*c], t.y[(image*h+row)*w*c:][:w*c]
	for column := range w {
		here := y[column*c:][:c]
		if !t.back {
			clear(here)
		}
		t.taps(m, row, column, h, w, func(at int, weight float32) {
			switch {
			case at < 0 && !t.back:
				for k := range here {
					here[k] += float32(weight * t.Value)
				}
			case at < 0:
			case t.back:
				for k, d := range here {
					x[at*c+k] += float32(weight * d)
				}
			default:
				for k, v := range x[at*c:][:c] {
					here[k] += float32(weight * v)
				}
			}
		})
	}
}

func (o Warp) run(r *Run, x, y, by []float32, s Shape, back bool) {
	if len(x) == 0 {
		return
	}
	t := warpings.Get().(*warping)
	*t = warping{o, x, y, by, s, back}
	n := s[0] * s[1]
	if back {
		n = s[0]
	}
	r.Pool.Run(n, t)
	*t = warping{}
	warpings.Put(t)
}

// Forward implements graph.Op.
func (o Warp) Forward(r *Run, in, out []*Tensor) {
	o.run(r, in[0].F32, out[0].F32, in[1].F32, in[0].Shape, false)
}

// Backward implements graph.Op: no gradient of the numbers.
func (o Warp) Backward(r *Run, in, _, dout, din []*Tensor) {
	if din[0] != nil {
		o.run(r, din[0].F32, dout[0].F32, in[1].F32, in[0].Shape, true)
	}
}
