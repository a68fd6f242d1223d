package op

import (
	"errors"
	"fmt"

	"kerasgo/nn/graph"
)

// Window slides over the spatial axes of [batch, spatial..., channels], one to three of them, outermost first.
type Window struct {
	Size, Strides []int
	Dilation      []int // nil: 1
	// Same pads so that an axis of n has ceil(n / stride) positions; the smaller half of the padding comes first.
	Same bool
	// Pad is how many zeros are before and after each axis, when not Same; nil: none.
	Pad [][2]int
}

// maxElements bounds what a shape rule may make of a declared size; beyond it, products of dimensions could overflow.
const maxElements = 1 << 48

// bounded says that a shape is small enough to compute with.
func bounded(s Shape) error {
	n := 1
	for _, d := range s {
		if d > maxElements || d > 0 && n > maxElements/d {
			return fmt.Errorf("shape %v is too large", s)
		}
		n *= max(d, 1)
	}
	return nil
}

func (w Window) dilation(i int) int {
	if w.Dilation == nil {
		return 1
	}
	return w.Dilation[i]
}

// span is how many elements of axis i the window covers.
func (w Window) span(i int) int { return (w.Size[i]-1)*w.dilation(i) + 1 }

// axis is the number of positions along axis i of n elements, and the padding before and after it.
func (w Window) axis(i, n int) (out, low, high int) {
	span, stride := w.span(i), w.Strides[i]
	if w.Same {
		out = (n + stride - 1) / stride
		total := max((out-1)*stride+span-n, 0)
		return out, total / 2, total - total/2
	}
	if w.Pad != nil {
		low, high = w.Pad[i][0], w.Pad[i][1]
	}
	if n += low + high; n < span {
		return 0, low, high
	}
	return (n-span)/stride + 1, low, high
}

// errEmpty is an input smaller than the window, as Keras refuses it.
var errEmpty = errors.New("the input is smaller than the window")

// slide is the output's spatial shape.
func (w Window) slide(x Shape) (spatial Shape, err error) {
	if len(x) != len(w.Size)+2 {
		return nil, fmt.Errorf("needs an input of %d dimensions, found shape %v", len(w.Size)+2, x)
	}
	for i, n := range x[1 : len(x)-1] {
		if n == graph.Unknown {
			spatial = append(spatial, n)
			continue
		}
		out, _, _ := w.axis(i, n)
		if out <= 0 && n > 0 {
			return nil, fmt.Errorf("%w: shape %v, window %v, dilation %v", errEmpty, x, w.Size, w.Dilation)
		}
		spatial = append(spatial, out)
	}
	return spatial, nil
}

// box is a Window over concrete sizes, made three-dimensional by leading axes of one.
type box struct {
	batch, channels                    int
	in, out, size, stride, dilate, low [3]int
}

func (w Window) box(x Shape) box {
	b := box{batch: x[0], channels: x.Last()}
	for k := range 3 {
		b.in[k], b.out[k], b.size[k], b.stride[k], b.dilate[k] = 1, 1, 1, 1, 1
		if i := k - 3 + len(w.Size); i >= 0 {
			n := x[1+i]
			b.in[k], b.size[k], b.stride[k], b.dilate[k] = n, w.Size[i], w.Strides[i], w.dilation(i)
			b.out[k], b.low[k], _ = w.axis(i, n)
		}
	}
	return b
}

// taps are the elements [from, to) of axis k that the window at position o covers; for windows without dilation.
func (b *box) taps(k, o int) (from, to int) {
	from = o*b.stride[k] - b.low[k]
	return max(from, 0), min(from+b.size[k], b.in[k])
}
