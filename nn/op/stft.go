package op

import (
	"fmt"
	"sync"

	"kerasgo/nn/graph"
)

// STFT is the short-time Fourier transform along the last axis: x [..., t] to real and imaginary parts, both [..., frames,
// n/2+1]. Every Step samples a frame of n samples is multiplied by the window and transformed. With Center, x is first
// extended by n/2 samples at both ends, mirrored; it must be longer than that.
//
// Source: keras/src/backend/tensorflow/math.py, stft
type STFT struct {
	Step   int
	Center bool

	window []float64
	fft    *fourier
	work   *sync.Pool
}

// NewSTFT makes an STFT whose frames are as long as the window.
func NewSTFT(window []float32, step int, center bool) STFT {
	o := STFT{Step: step, Center: center, fft: newFourier(len(window))}
	for _, w := range window {
		o.window = append(o.window, float64(w))
	}
	n := len(window)
	o.work = &sync.Pool{New: func() any {
		return &frameWork{x: make([]complex128, n), room: make([]complex128, o.fft.room())}
	}}
	return o
}

// frameWork is where one frame is transformed.
type frameWork struct{ x, room []complex128 }

// Infer implements graph.Op.
func (o STFT) Infer(in []Spec) ([]Spec, error) {
	x, n := in[0].Shape, len(o.window)
	if in[0].DType != graph.Float32 || len(x) == 0 {
		return nil, fmt.Errorf("takes float32 with an axis of time, found %v", in[0])
	}
	frames := graph.Unknown
	if t := x.Last(); t != graph.Unknown {
		if o.Center && t <= n/2 {
			return nil, fmt.Errorf("%d samples are too few for frames of %d: they must be more than half", t, n)
		}
		if o.Center {
			t += n / 2 * 2
		}
		if t < n {
			return nil, fmt.Errorf("%d samples are fewer than a frame of %d", t, n)
		}
		frames = 1 + (t-n)/o.Step
	}
	s := Spec{Shape: x.With(1, frames, n/2+1)}
	return specs(s, s)
}

// at is where sample i of the extended signal lies.
func (o STFT) at(i, t int) int {
	if !o.Center {
		return i
	}
	i -= len(o.window) / 2
	if i < 0 {
		return -i
	}
	if i >= t {
		return 2*(t-1) - i
	}
	return i
}

// Forward implements graph.Op.
func (o STFT) Forward(r *Run, in, out []*Tensor) {
	t, frames, bins := in[0].Shape.Last(), out[0].Shape[len(out[0].Shape)-2], out[0].Shape.Last()
	if bins == 0 || frames == 0 || out[0].Len() == 0 {
		return
	}
	task := stftTasks.Get().(*stftTask)
	task.o, task.x, task.re, task.im, task.t, task.frames = o, in[0].F32, out[0].F32, out[1].F32, t, frames
	r.Pool.Run(out[0].Len()/bins, task)
	*task = stftTask{}
	stftTasks.Put(task)
}

var stftTasks = sync.Pool{New: func() any { return new(stftTask) }}

// stftTask transforms frames.
type stftTask struct {
	o         STFT
	x, re, im []float32
	t, frames int
}

// Do transforms one frame.
func (k *stftTask) Do(_, i int) {
	w := k.o.work.Get().(*frameWork)
	x := k.x[i/k.frames*k.t:][:k.t]
	from := i % k.frames * k.o.Step
	for j, win := range k.o.window {
		w.x[j] = complex(float64(float32(win)*x[k.o.at(from+j, k.t)]), 0)
	}
	k.o.fft.transform(w.x, w.room)
	bins := len(w.x)/2 + 1
	re, im := k.re[i*bins:][:bins], k.im[i*bins:][:bins]
	for j := range re {
		re[j], im[j] = float32(real(w.x[j])), float32(imag(w.x[j]))
	}
	k.o.work.Put(w)
}

// Backward implements graph.Op: the transform's transpose, frame by frame.
func (o STFT) Backward(_ *Run, in, out, dout, din []*Tensor) {
	t, frames, bins := in[0].Shape.Last(), out[0].Shape[len(out[0].Shape)-2], out[0].Shape.Last()
	w := o.work.Get().(*frameWork)
	for i := range out[0].Len() / bins {
		clear(w.x)
		for j := range bins {
			var re, im float32
			if dout[0] != nil {
				re = dout[0].F32[i*bins+j]
			}
			if dout[1] != nil {
				im = dout[1].F32[i*bins+j]
			}
			w.x[j] = complex(float64(re), float64(-im))
		}
		o.fft.transform(w.x, w.room)
		dx := din[0].F32[i/frames*t:][:t]
		for j, win := range o.window {
			dx[o.at(i%frames*o.Step+j, t)] += float32(win * real(w.x[j]))
		}
	}
	o.work.Put(w)
}
