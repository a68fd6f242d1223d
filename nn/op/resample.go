package op

import (
	"fmt"
	"math"
	"sync"

	"kerasgo/nn/graph"
)

// Resample makes images [batch, height, width, channels] of another size, as tf.image.resize does: To is height and width.
// Antialias widens the kernel where images shrink (not of nearest and area, which have none). Aspect "crop" takes the
// largest middle part with To's proportions first, "pad" puts Fill around the images until they have them. float32; nearest
// takes any numbers.
//
// Source: keras/src/backend/tensorflow/image.py, resize; tensorflow/core/kernels/image
type Resample struct {
	To        [2]int
	Method    string // nearest, bilinear, bicubic, lanczos3, lanczos5, area
	Antialias bool
	Aspect    string // "", crop, pad
	Fill      float32
}

// Infer implements graph.Op.
func (o Resample) Infer(in []Spec) ([]Spec, error) {
	x := in[0].Shape
	switch {
	case o.Method != "nearest" && o.Method != "area" && taps(o.Method) == 0:
		return nil, fmt.Errorf("there is no interpolation %q", o.Method)
	case o.Method != "nearest" && in[0].DType.Storage() != graph.StoreF32:
		return nil, needFloat32(in[0])
	case in[0].DType == graph.String:
		return nil, fmt.Errorf("can't resize %v", in[0])
	case o.Aspect != "" && o.Aspect != "crop" && o.Aspect != "pad":
		return nil, fmt.Errorf("images can't keep their proportions by %q", o.Aspect)
	case len(x) != 4 || o.To[0] < 1 || o.To[1] < 1 || x[1] == 0 || x[2] == 0 || max(o.To[0], o.To[1], x[1], x[2]) > maxSide:
		return nil, fmt.Errorf("can't resize images of shape %v to %v", x, o.To)
	}
	y := Shape{x[0], o.To[0], o.To[1], x[3]}
	if x[1] > 0 && x[2] > 0 {
		if v, h := o.axes(x); max(v.n, h.n) > maxSide {
			return nil, fmt.Errorf("images of shape %v would be padded to %d by %d", x, v.n, h.n)
		}
	}
	return []Spec{{Shape: y, DType: in[0].DType}}, bounded(y)
}

// maxSide bounds the sides of images, so that their positions are exact in float32.
const maxSide = 1 << 23

// FLOPs implements graph.Coster.
func (o Resample) FLOPs(in, out []Spec) int64 {
	v, h := o.axes(in[0].Shape)
	return 2 * int64(v.taps+h.taps) * int64(out[0].Shape.Size())
}

// axis is how one side is resampled: of n elements, which begin shift before or after the image's, m are made.
type axis struct {
	method    string
	antialias bool
	n, m      int
	shift     int // what element 0 is in the image; negative: it is padding
	size      int // of the image
	taps      int
}

// axes are those of the height and of the width.
func (o Resample) axes(x Shape) (v, h axis) {
	v = axis{method: o.Method, antialias: o.Antialias, n: x[1], m: o.To[0], size: x[1]}
	h = axis{method: o.Method, antialias: o.Antialias, n: x[2], m: o.To[1], size: x[2]}
	high := int(float32(x[2]*o.To[0]) / float32(o.To[1])) // To's proportions at the image's width
	wide := int(float32(x[1]*o.To[1]) / float32(o.To[0]))
	switch o.Aspect {
	case "crop":
		v.n, h.n = max(min(v.n, high), 1), max(min(h.n, wide), 1)
		v.shift, h.shift = (x[1]-v.n)/2, (x[2]-h.n)/2
	case "pad":
		v.shift, h.shift = -max(high-v.n, 0)/2, -max(wide-h.n, 0)/2
		v.n, h.n = v.n-2*v.shift, h.n-2*h.shift
	}
	v.taps, h.taps = v.count(), h.count()
	return v, h
}

// scale is how many elements one of the result stands for.
func (a axis) scale() float32 { return float32(a.n) / float32(a.m) }

// widening is by how much antialiasing widens the kernel.
func (a axis) widening() float32 {
	if a.antialias {
		return max(a.inverse(), 1)
	}
	return 1
}

// inverse is scale as TensorFlow's scale_and_translate rounds it: by way of the enlargement.
func (a axis) inverse() float32 { return 1 / (float32(a.m) / float32(a.n)) }

// spans says that the method is scale_and_translate's.
func (a axis) spans() bool { return a.antialias && taps(a.method) > 0 }

func (a axis) radius() float32 { return float32(taps(a.method) / 2) }

// count is how many elements one of the result is made of, at most.
func (a axis) count() int {
	switch {
	case a.method == "nearest":
		return 1
	case a.method == "area":
		return int(math.Ceil(float64(a.scale()))) + 2
	case a.spans():
		return min(2*int(math.Ceil(float64(a.radius()*a.widening())))+1, a.n)
	}
	return taps(a.method)
}

// first is the first element that result k is made of; it may lie outside where its weight is 0.
func (a axis) first(k int) int {
	switch {
	case a.method == "nearest":
		return min(int((float32(k)+.5)*a.scale()), a.n-1)
	case a.method == "area":
		return int(float32(k) * a.scale())
	case a.spans():
		at := (float32(k) + .5) * a.inverse()
		return min(max(int(math.Ceil(float64(at-float32(a.radius()*a.widening())-.5))), 0), a.n-1)
	}
	return firstTap(k, a.n, a.m, a.taps)
}

// weights are those of the taps of every result: [m][taps].
func (a axis) weights(r *Run) []float32 {
	if a.method != "nearest" && a.method != "area" && !a.spans() {
		return Resize{Method: a.method}.weights(r, a.n, a.m)
	}
	all := r.Scratch(a.m * a.taps)
	for k := range a.m {
		w := all[k*a.taps:][:a.taps]
		switch a.method {
		case "nearest":
			w[0] = 1
		case "area":
			a.area(w, k)
		default:
			a.span(w, k)
		}
	}
	return all
}

// area are the parts of the elements that result k covers.
func (a axis) area(w []float32, k int) {
	from, to := float32(k)*a.scale(), float32(k+1)*a.scale()
	first := int(from)
	for i := range w {
		left, right := max(float32(first+i), from), min(float32(first+i+1), to)
		if right > left {
			at := min(first+i, a.n-1) - first // past the end, by a rounding: the last element
			w[at] += (right - left) / a.scale()
		}
	}
}

// span is a kernel centred on result k, over the elements that exist.
//
// Source: tensorflow/core/kernels/image/scale_and_translate_op.cc, ComputeSpansCore
func (a axis) span(w []float32, k int) {
	at, wide := (float32(k)+.5)*a.inverse(), a.widening()
	end := min(max(int(math.Floor(float64(at+float32(a.radius()*wide)-.5))), 0), a.n-1) + 1
	first, narrow := a.first(k), 1/wide
	var sum float32
	for i := range min(end-first, len(w)) {
		w[i] = a.kernel(float64((float32(first+i) + .5 - at) * narrow))
		sum += w[i]
	}
	for i := range w {
		if sum != 0 {
			w[i] *= 1 / sum
		}
	}
}

func (a axis) kernel(x float64) float32 {
	x = math.Abs(x)
	switch a.method {
	case "bilinear":
		return float32(max(1-x, 0))
	case "bicubic":
		if x >= 2 {
			return 0
		}
		return cubic(x)
	}
	return lanczos(x, float64(a.radius()))
}

// piece is the taps of result k that are in the image: the first element and the weights; the rest of them is padding.
func (a axis) piece(all []float32, k int) (first int, in []float32, outside float32) {
	w := all[k*a.taps:][:a.taps]
	first = a.first(k) + a.shift
	low := min(max(-first, 0), len(w))
	high := min(max(a.size-first, low), len(w))
	if a.shift < 0 {
		for i, v := range w {
			if i < low || i >= high {
				outside += v
			}
		}
	}
	return first + low, w[low:high], outside
}

// resampling is one pass of Resample over its images, reused so that a run allocates nothing: along columns, each line of
// n*inner elements becomes one of m*inner.
type resampling struct {
	axis
	x, y, w []float32
	inner   int
	fill    float32
	back    bool // x is the gradient of the result, y takes that of the image
}

var resamplings = sync.Pool{New: func() any { return new(resampling) }}

// Do implements par.Task: image or row i.
func (t *resampling) Do(_, i int) {
	small, large := t.size*t.inner, t.m*t.inner
	if t.back {
		to, from := t.y[i*small:][:small], t.x[i*large:][:large]
		for k := range t.m {
			first, w, _ := t.piece(t.w, k)
			spread(to, from[k*t.inner:][:t.inner], first, w)
		}
		return
	}
	from, to := t.x[i*small:][:small], t.y[i*large:][:large]
	if t.method == "bilinear" && !t.antialias {
		t.lerp(to, from)
		return
	}
	for k := range t.m {
		first, w, outside := t.piece(t.w, k)
		line := to[k*t.inner:][:t.inner]
		mix(line, from, first, w)
		if outside != 0 {
			for j := range line {
				line[j] += outside * t.fill
			}
		}
	}
}

// lerp is what mix would do for bilinear, rounded as TensorFlow rounds it: integers are rounded once more, at halves too.
//
// Source: tensorflow/core/kernels/image/resize_bilinear_op.cc
func (t *resampling) lerp(to, from []float32) {
	for k := range t.m {
		at := float64(center(k, t.n, t.m))
		floor := math.Floor(at)
		part := float32(at - floor)
		low, high := max(int(floor), 0)+t.shift, min(int(math.Ceil(at)), t.n-1)+t.shift
		for j := range t.inner {
			a, b := t.fill, t.fill
			if low >= 0 && low < t.size {
				a = from[low*t.inner+j]
			}
			if high >= 0 && high < t.size {
				b = from[high*t.inner+j]
			}
			to[k*t.inner+j] = a + float32((b-a)*part)
		}
	}
}

// pass runs a resampling of n lines.
func (a axis) pass(r *Run, y, x []float32, n, inner int, fill float32, back bool) {
	t := resamplings.Get().(*resampling)
	*t = resampling{a, x, y, a.weights(r), inner, fill, back}
	if len(x)+len(y) < serialWork {
		for i := range n {
			t.Do(0, i)
		}
	} else {
		r.Pool.Run(n, t)
	}
	*t = resampling{}
	resamplings.Put(t)
}

// columnsFirst says that rows first would need room out of all proportion between the two passes: for images of one column
// that become images of one row.
func columnsFirst(x, y Shape) bool {
	return float64(x[1])*float64(y[2]) > 16*max(float64(x[1])*float64(x[2]), float64(y[1])*float64(y[2]))
}

// Forward implements graph.Op: rows first, into room as high as x, then columns, as TensorFlow does.
func (o Resample) Forward(r *Run, in, out []*Tensor) {
	x, y := in[0].Shape, out[0].Shape
	if out[0].Len() == 0 {
		return
	}
	v, h := o.axes(x)
	if o.Method == "nearest" {
		switch in[0].DType.Storage() {
		case graph.StoreF32:
			nearest(v, h, out[0].F32, in[0].F32, x, o.Fill)
		case graph.StoreF64:
			nearest(v, h, out[0].F64, in[0].F64, x, float64(o.Fill))
		case graph.StoreI32:
			nearest(v, h, out[0].I32, in[0].I32, x, int32(o.Fill))
		case graph.StoreI64:
			nearest(v, h, out[0].I64, in[0].I64, x, int64(o.Fill))
		}
		return
	}
	if columnsFirst(x, y) {
		low := r.Dirty(x[0] * y[1] * x[2] * x[3])
		v.pass(r, low, in[0].F32, x[0], x[2]*x[3], o.Fill, false)
		h.pass(r, out[0].F32, low, x[0]*y[1], x[3], o.Fill, false)
		return
	}
	wide := r.Dirty(x[0] * x[1] * y[2] * x[3])
	h.pass(r, wide, in[0].F32, x[0]*x[1], x[3], o.Fill, false)
	v.pass(r, out[0].F32, wide, x[0], y[2]*x[3], o.Fill, false)
}

// nearest copies the nearest elements.
func nearest[T number](v, h axis, y, x []T, s Shape, fill T) {
	c, at := s[3], 0
	for b := range s[0] {
		for i := range v.m {
			row := v.first(i) + v.shift
			for k := range h.m {
				column := h.first(k) + h.shift
				to := y[at:][:c]
				at += c
				if row < 0 || row >= v.size || column < 0 || column >= h.size {
					for j := range to {
						to[j] = fill
					}
					continue
				}
				copy(to, x[((b*s[1]+row)*s[2]+column)*c:])
			}
		}
	}
}

// Backward implements graph.Op: the transpose of both steps.
func (o Resample) Backward(r *Run, in, out, dout, din []*Tensor) {
	x, y := in[0].Shape, out[0].Shape
	if out[0].Len() == 0 || din[0].F32 == nil {
		return
	}
	v, h := o.axes(x)
	if columnsFirst(x, y) {
		low := r.Scratch(x[0] * y[1] * x[2] * x[3])
		h.pass(r, low, dout[0].F32, x[0]*y[1], x[3], 0, true)
		v.pass(r, din[0].F32, low, x[0], x[2]*x[3], 0, true)
		return
	}
	wide := r.Scratch(x[0] * x[1] * y[2] * x[3])
	v.pass(r, wide, dout[0].F32, x[0], y[2]*x[3], 0, true)
	h.pass(r, din[0].F32, wide, x[0]*x[1], x[3], 0, true)
}
