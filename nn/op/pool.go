package op

import (
	"fmt"
	"math"

	"kerasgo/internal/vec"
	"kerasgo/nn/graph"
)

// Pool takes the maximum or the mean of each channel under a window: x [batch, spatial..., channels]. Padding counts for
// neither. As in TensorFlow, a maximum passes over NaN and starts from the lowest finite number.
type Pool struct {
	Window
	Max bool // else the mean
}

// Infer implements graph.Op.
func (o Pool) Infer(in []Spec) ([]Spec, error) {
	if err := needFloat32(in[0]); err != nil {
		return nil, err
	}
	spatial, err := o.slide(in[0].Shape)
	if err != nil {
		return nil, err
	}
	x := in[0].Shape
	return specs(f32(append(append(Shape{x[0]}, spatial...), x.Last())...))
}

// needFloat32 refuses what the float32 kernels can't read.
func needFloat32(in ...Spec) error {
	for _, s := range in {
		if s.DType.Storage() != graph.StoreF32 {
			return fmt.Errorf("needs float32, found %v", s)
		}
	}
	return nil
}

// FLOPs implements graph.Coster: one an element under a window.
func (o Pool) FLOPs(_, out []Spec) int64 {
	n := int64(out[0].Shape.Size())
	for _, s := range o.Size {
		n *= int64(s)
	}
	return n
}

// Forward implements graph.Op.
func (o Pool) Forward(r *Run, in, out []*Tensor) {
	l := newLoop(meanRow)
	if o.Max {
		l.body = maxRow
	}
	l.box, l.x, l.y = o.box(in[0].Shape), in[0].F32, out[0].F32
	l.run(r, l.box.batch*l.box.out[0]*l.box.out[1], len(in[0].F32))
}

// row finds the taps along the outer axes of output row i, and where its input and output begin.
func (l *loop) row(i int) (d0, d1, h0, h1, x, y int) {
	b := &l.box
	d0, d1 = b.taps(0, i/b.out[1]%b.out[0])
	h0, h1 = b.taps(1, i%b.out[1])
	image := b.in[0] * b.in[1] * b.in[2] * b.channels
	return d0, d1, h0, h1, i / (b.out[1] * b.out[0]) * image, i * b.out[2] * b.channels
}

// line is where line (d, h) of the example at x begins.
func (b *box) line(x, d, h int) int { return x + (d*b.in[1]+h)*b.in[2]*b.channels }

// maxRow makes one row of output positions.
func maxRow(l *loop, i int) {
	b := &l.box
	c := b.channels
	d0, d1, h0, h1, x, y := l.row(i)
	for o := range b.out[2] {
		w0, w1 := b.taps(2, o)
		to := l.y[y+o*c:][:c]
		for k := range to {
			to[k] = -math.MaxFloat32
		}
		for d := d0; d < d1; d++ {
			for h := h0; h < h1; h++ {
				at := b.line(x, d, h)
				for from := l.x[at+w0*c : at+w1*c]; len(from) > 0; from = from[c:] {
					vec.Larger(to, from[:c], to) // NaN isn't
				}
			}
		}
	}
}

// meanRow makes one row of output positions.
func meanRow(l *loop, i int) {
	b := &l.box
	c := b.channels
	d0, d1, h0, h1, x, y := l.row(i)
	for o := range b.out[2] {
		w0, w1 := b.taps(2, o)
		to := l.y[y+o*c:][:c]
		clear(to)
		for d := d0; d < d1; d++ {
			for h := h0; h < h1; h++ {
				at := b.line(x, d, h)
				for from := l.x[at+w0*c : at+w1*c]; len(from) > 0; from = from[c:] {
					vec.Add(to, to, from[:c])
				}
			}
		}
		vec.Scale(to, to, 1/float32((d1-d0)*(h1-h0)*(w1-w0)))
	}
}

// Backward implements graph.Op. The gradient of a maximum goes to the first element that has it; over three axes, as in
// TensorFlow, to all that have it.
func (o Pool) Backward(r *Run, in, out, dout, din []*Tensor) {
	l := newLoop(meanBack)
	l.box = o.box(in[0].Shape)
	l.dy, l.dx = dout[0].F32, din[0].F32
	if o.Max {
		l.x, l.y, l.z = in[0].F32, out[0].F32, r.Dirty(l.box.batch*l.box.channels)
		if l.body = maxBack; len(o.Size) == 3 {
			l.body = maxBackAll
		}
	}
	l.run(r, l.box.batch, len(l.dx))
}

// windows calls f for every window of example i: with the offset of its output, and those of its taps in order.
func (l *loop) windows(i int, f func(y int, taps []int)) {
	b := &l.box
	var few [64]int
	taps := few[:0]
	for row := i * b.out[0] * b.out[1]; row < (i+1)*b.out[0]*b.out[1]; row++ {
		d0, d1, h0, h1, x, y := l.row(row)
		for o := range b.out[2] {
			w0, w1 := b.taps(2, o)
			taps = taps[:0]
			for d := d0; d < d1; d++ {
				for h := h0; h < h1; h++ {
					for w := w0; w < w1; w++ {
						taps = append(taps, b.line(x, d, h)+w*b.channels)
					}
				}
			}
			f(y+o*b.channels, taps)
		}
	}
}

func meanBack(l *loop, i int) {
	c := l.box.channels
	l.windows(i, func(y int, taps []int) {
		for _, at := range taps {
			vec.Axpy(l.dx[at:][:c], 1/float32(len(taps)), l.dy[y:][:c])
		}
	})
}

func maxBack(l *loop, i int) {
	c := l.box.channels
	rest := l.z[i*c:][:c] // of the gradient, not passed on yet
	l.windows(i, func(y int, taps []int) {
		copy(rest, l.dy[y:])
		for _, at := range taps {
			passFirst(l.dx[at:][:c], l.x[at:], l.y[y:], rest)
		}
		if len(taps) > 0 { // where nothing was greater than what maximums start from
			vec.Add(l.dx[taps[0]:][:c], l.dx[taps[0]:][:c], rest)
		}
	})
}

func maxBackAll(l *loop, i int) {
	c := l.box.channels
	l.windows(i, func(y int, taps []int) {
		for _, at := range taps {
			passAll(l.dx[at:][:c], l.x[at:], l.y[y:], l.dy[y:])
		}
	})
}

// passFirst moves dy to dx where x is the maximum, to the bit. Which element is it can't be foreseen, so it doesn't branch.
func passFirst(dx, x, top, dy []float32) {
	x, top, dy = x[:len(dx)], top[:len(dx)], dy[:len(dx)]
	for c, v := range x {
		differs := uint64(math.Float32bits(v) ^ math.Float32bits(top[c]))
		is := uint32((differs - 1) >> 32) // all ones, or none: differs has 32 bits
		d := math.Float32bits(dy[c])
		dx[c] += math.Float32frombits(d & is)
		dy[c] = math.Float32frombits(d &^ is)
	}
}

// passAll adds dy to dx where x is the maximum.
func passAll(dx, x, top, dy []float32) {
	x, top, dy = x[:len(dx)], top[:len(dx)], dy[:len(dx)]
	for c, v := range x {
		if v == top[c] {
			dx[c] += dy[c]
		}
	}
}
