package op

import (
	"fmt"
	"sync"

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
	l.runs(i, func(taps []int, y, n int) { vec.MaxPool(l.y[y:], l.x, taps, n, l.box.channels, l.box.stride[2]) })
}

// tapLists are reused so that a run allocates nothing.
var tapLists = sync.Pool{New: func() any { return new([]int) }}

// runs cuts output row i into runs of positions whose windows have as many taps, and calls f with the offsets of the first
// one's taps, the offset of its output, and the number of positions: one beside the border, all others together.
func (l *loop) runs(i int, f func(taps []int, y, n int)) {
	b := &l.box
	c := b.channels
	d0, d1, h0, h1, x, y := l.row(i)
	list := tapLists.Get().(*[]int)
	for o, n := 0, 1; o < b.out[2]; o += n {
		w0, w1 := b.taps(2, o)
		taps := (*list)[:0]
		for d := d0; d < d1; d++ {
			for h := h0; h < h1; h++ {
				for w := w0; w < w1; w++ {
					taps = append(taps, b.line(x, d, h)+w*c)
				}
			}
		}
		n = 1
		if w1-w0 == b.size[2] {
			n = max(1, min(b.out[2], (b.in[2]+b.low[2]-b.size[2])/b.stride[2]+1)-o)
		}
		f(taps, y+o*c, n)
		*list = taps
	}
	tapLists.Put(list)
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

// Sets implements graph.Setter.
func (Pool) Sets() {}

// Backward implements graph.Op. The gradient of a maximum goes to the first element that has it; over three axes, as in
// TensorFlow, to all that have it.
func (o Pool) Backward(r *Run, in, out, dout, din []*Tensor) {
	l := newLoop(meanBack)
	l.box = o.box(in[0].Shape)
	l.dy, l.dx, l.fresh = dout[0].F32, din[0].F32, r.Fresh()
	if o.Max {
		l.x, l.y = in[0].F32, out[0].F32
		if l.body = maxBack; len(o.Size) == 3 {
			l.body = maxBackAll
		}
	}
	l.run(r, l.box.batch, len(l.dx))
}

// windows calls f for every window of example i: with the offset of its output, and those of its taps in order.
func (l *loop) windows(i int, f func(y int, taps []int)) {
	b := &l.box
	list := tapLists.Get().(*[]int)
	taps := *list
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
	*list = taps
	tapLists.Put(list)
}

// start readies the gradient of example i.
func (l *loop) start(i int) {
	if n := len(l.dx) / l.box.batch; l.fresh {
		clear(l.dx[i*n:][:n])
	}
}

func meanBack(l *loop, i int) {
	l.start(i)
	c := l.box.channels
	l.windows(i, func(y int, taps []int) {
		for _, at := range taps {
			vec.Axpy(l.dx[at:][:c], 1/float32(len(taps)), l.dy[y:][:c])
		}
	})
}

func maxBack(l *loop, i int) {
	l.start(i)
	rows := l.box.out[0] * l.box.out[1]
	for row := i * rows; row < (i+1)*rows; row++ {
		l.runs(row, func(taps []int, y, n int) {
			vec.MaxPoolGrad(l.dx, l.x, l.y[y:], l.dy[y:], taps, n, l.box.channels, l.box.stride[2])
		})
	}
}

func maxBackAll(l *loop, i int) {
	l.start(i)
	c := l.box.channels
	l.windows(i, func(y int, taps []int) {
		for _, at := range taps {
			passAll(l.dx[at:][:c], l.x[at:], l.y[y:], l.dy[y:])
		}
	})
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
