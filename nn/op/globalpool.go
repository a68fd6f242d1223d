package op

import (
	"errors"
	"fmt"
	"math"

	"kerasgo/internal/vec"
)

// GlobalPool takes the maximum (which keeps NaN) or the mean of each channel over all spatial axes: [batch, spatial...,
// channels] to [batch, channels]. The second input, nil or a bool mask [batch, time], leaves steps out of a mean.
type GlobalPool struct {
	Max           bool // else the mean
	ChannelsFirst bool // [batch, channels, spatial...]
	KeepDims      bool // the spatial axes stay, with size 1
}

// Infer implements graph.Op.
func (o GlobalPool) Infer(in []Spec) ([]Spec, error) {
	x := in[0].Shape
	if err := needFloat32(in[0]); err != nil {
		return nil, err
	}
	if len(x) < 3 {
		return nil, fmt.Errorf("needs an input of three dimensions or more, found shape %v", x)
	}
	if len(in) > 1 && in[1].Shape != nil && (o.Max || len(x) != 3 || len(in[1].Shape) != 2) {
		return nil, errors.New("only the mean over one axis takes a mask")
	}
	channels, axes := x.Last(), make(Shape, len(x)-2)
	for i := range axes {
		axes[i] = 1
	}
	if o.ChannelsFirst {
		channels = x[1]
	}
	switch {
	case !o.KeepDims:
		return specs(f32(x[0], channels))
	case o.ChannelsFirst:
		return specs(f32(append(Shape{x[0], channels}, axes...)...))
	}
	return specs(f32(append(append(Shape{x[0]}, axes...), channels)...))
}

// FLOPs implements graph.Coster.
func (GlobalPool) FLOPs(in, _ []Spec) int64 { return int64(in[0].Shape.Size()) }

// sizes are the examples, the positions and the channels of x.
func (o GlobalPool) sizes(x Shape) (batch, positions, channels int) {
	if o.ChannelsFirst {
		return x[0], x[2:].Size(), x[1]
	}
	return x[0], x[1 : len(x)-1].Size(), x.Last()
}

// Forward implements graph.Op.
func (o GlobalPool) Forward(r *Run, in, out []*Tensor) {
	batch, positions, channels := o.sizes(in[0].Shape)
	l := newLoop(globalMean)
	if o.Max {
		l.body = globalMax
	}
	if !o.Max && !o.ChannelsFirst {
		l.z = r.Dirty(batch * channels)
	}
	if m := maskOf(in, 1); m != nil {
		l.mask = m.I32
	}
	l.x, l.y, l.n = in[0].F32, out[0].F32, [4]int{positions, channels, int(truth(o.ChannelsFirst))}
	l.run(r, batch, len(in[0].F32))
}

// sumBlock is how many positions are added before the sum is added to the total, so that errors don't grow with the size.
const sumBlock = 256

func globalMean(l *loop, i int) {
	positions, c := l.n[0], l.n[1]
	x, y := l.x[i*positions*c:][:positions*c], l.y[i*c:][:c]
	count := positions
	var mask []int32
	if l.mask != nil {
		mask = l.mask[i*positions:][:positions]
		count = 0
		for _, m := range mask {
			count += int(m)
		}
	}
	switch {
	case l.n[2] == 1 && mask == nil:
		for k := range y {
			y[k] = vec.Sum(x[k*positions:][:positions])
		}
	case l.n[2] == 1:
		for k := range y {
			var sum float64
			for p, v := range x[k*positions:][:positions] {
				if mask[p] != 0 {
					sum += float64(v)
				}
			}
			y[k] = float32(sum)
		}
	default:
		clear(y)
		part := l.z[i*c:][:c]
		for from := 0; from < positions; from += sumBlock {
			clear(part)
			for p := from; p < min(from+sumBlock, positions); p++ {
				if mask == nil || mask[p] != 0 {
					vec.Add(part, part, x[p*c:][:c])
				}
			}
			vec.Add(y, y, part)
		}
	}
	for k := range y {
		y[k] /= float32(count)
	}
}

func globalMax(l *loop, i int) {
	positions, c, first := l.n[0], l.n[1], l.n[2] == 1
	x, y := l.x[i*positions*c:][:positions*c], l.y[i*c:][:c]
	for k := range y {
		y[k] = float32(math.Inf(-1))
	}
	if first {
		for k := range y {
			for _, v := range x[k*positions:][:positions] {
				y[k] = max(y[k], v)
			}
		}
		return
	}
	for ; len(x) > 0 && c > 0; x = x[c:] {
		for k, v := range x[:c] {
			y[k] = max(y[k], v)
		}
	}
}

// Backward implements graph.Op. Elements that share a maximum share its gradient, as in TensorFlow.
func (o GlobalPool) Backward(_ *Run, in, out, dout, din []*Tensor) {
	batch, positions, channels := o.sizes(in[0].Shape)
	step, next := channels, 1 // between positions, between channels
	if o.ChannelsFirst {
		step, next = 1, positions
	}
	mask := maskOf(in, 1)
	for b := range batch {
		for c := range channels {
			at := b*positions*channels + c*next
			x, dx := in[0].F32[at:], din[0].F32[at:]
			dy, top := dout[0].F32[b*channels+c], out[0].F32[b*channels+c]
			takes := func(p int) bool {
				return (!o.Max || x[p*step] == top) && (mask == nil || mask.I32[b*positions+p] != 0)
			}
			count := 0
			for p := range positions {
				if takes(p) {
					count++
				}
			}
			for p := range positions {
				if takes(p) {
					dx[p*step] += dy / float32(count)
				}
			}
		}
	}
}
