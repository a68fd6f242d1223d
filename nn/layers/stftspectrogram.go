package layers

import (
	"encoding/json"
	"math"
	"math/bits"

	"kerasgo/nn"
	"kerasgo/nn/op"
)

// STFTSpectrogram is the short-time Fourier transform of signals [batch, time, channels] as two convolutions, whose kernels
// may be trained: [batch, frames, channels*bins], or with ExpandDims [batch, frames, bins, channels], of FFTLength/2+1 bins.
// Mode says what of it: log, magnitude, psd, real, imag, angle or stft (real and imaginary bins in a row).
//
// Source: keras/src/layers/preprocessing/stft_spectrogram.py
type STFTSpectrogram struct {
	nn.Common
	Mode        string      `json:"mode"`
	FrameLength int         `json:"frame_length"`
	FrameStep   *int        `json:"frame_step"` // nil: half of FrameLength
	FFTLength   *int        `json:"fft_length"` // nil: the power of two from FrameLength on
	Window      *WindowName `json:"window"`     // nil: none
	Periodic    bool        `json:"periodic"`
	Scaling     *string     `json:"scaling"` // density, spectrum; nil: none
	Padding     string      `json:"padding"`
	ExpandDims  bool        `json:"expand_dims"`
	DataFormat  string      `json:"data_format"`
}

// NewSTFTSpectrogram makes an STFTSpectrogram of frames of that many samples.
func NewSTFTSpectrogram(frameLength int) *STFTSpectrogram {
	density := "density"
	return &STFTSpectrogram{Common: base("STFTSpectrogram"), Mode: "log", FrameLength: frameLength, Window: &WindowName{Name: "hann"},
		Scaling: &density, Padding: "valid", DataFormat: "channels_last"}
}

// maxFrame bounds the frames of spectrograms: a kernel is as long as a frame and half as wide.
const maxFrame = 1 << 16

// Build implements nn.Layer.
func (l *STFTSpectrogram) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	n := l.FrameLength
	if n < 1 || n > maxFrame {
		g.Failf("frame_length can't be %d", n)
	}
	step, length := n/2, 1<<bits.Len(uint(n-1))
	if l.FrameStep != nil {
		step = *l.FrameStep
	}
	if l.FFTLength != nil {
		length = *l.FFTLength
	}
	if step < 1 || step > n {
		g.Failf("frame_step can't be %d for frames of %d", step, n)
	}
	if length < n || length > maxFrame {
		g.Failf("fft_length can't be %d for frames of %d", length, n)
	}
	if l.Scaling != nil && *l.Scaling != "density" && *l.Scaling != "spectrum" {
		g.Failf("unknown scaling %q", *l.Scaling)
	}
	window := l.Window.make(g, n, l.Periodic)
	x := c.In().Value
	if len(x.Shape) != 3 {
		g.Failf("takes signals of 3 dimensions, found shape %v", x.Shape)
	}
	if l.DataFormat != "channels_first" {
		x = transpose(g, x, 0, 2, 1)
	}
	channels, bins := positive(g, "the number of channels", x.Shape[1]), length/2+1
	x = regroup(g, regroup(g, x, 0, 2, -1), 2, 0, 1) // [batch*channels, time, 1]
	part := func(name string, f func(float64) float64) *nn.Value {
		kernel := l.Weight(g, name, l.initial(window, length, f), n, 1, bins)
		w := op.Window{Size: []int{n}, Strides: []int{step}, Dilation: []int{1}, Same: padding(g, l.Padding)}
		return regroup(g, g.Op(op.Conv{Window: w, Groups: 1}, x, kernel, nil), 0, 1, -1, channels) // [batch, channels, frames, bins]
	}
	var re, im *nn.Value
	if l.Mode != "imag" {
		re = part("real_kernel", math.Cos)
	}
	if l.Mode != "real" {
		im = part("imag_kernel", math.Sin)
	}
	return nn.Drop(l.arrange(g, l.of(g, re, im, bins)))
}

// initial draws a kernel: the windowed cosines or sines of a transform of that length.
//
// Source: keras/src/initializers/constant_initializers.py, STFT
func (l *STFTSpectrogram) initial(window []float64, length int, f func(float64) float64) nn.Init {
	scale := 1.
	if window != nil && l.Scaling != nil {
		sum, squares := 0., 0.
		for _, w := range window {
			sum, squares = sum+math.Abs(w), squares+w*w
		}
		if scale = sum; *l.Scaling == "density" {
			scale = math.Sqrt(squares)
		}
	}
	return func(t *nn.Tensor, _ *nn.Rand) {
		bins := t.Shape.Last()
		for i := range t.F32 {
			time, bin := i/bins, i%bins
			v := f(-2 * math.Pi * float64(time*bin%length) / float64(length))
			if window != nil {
				v *= window[time] / scale
			}
			t.F32[i] = float32(v)
		}
	}
}

// of makes what the mode asks for of both parts.
func (l *STFTSpectrogram) of(g *nn.Graph, re, im *nn.Value, bins int) *nn.Value {
	unary := func(fn string, x *nn.Value) *nn.Value { return g.Op(op.Unary{Fn: fn}, x) }
	switch l.Mode {
	case "real":
		return re
	case "imag":
		return im
	case "angle":
		return binary(g, "arctan2", im, re)
	case "stft":
		return g.Op(op.Concat{Axis: 3}, re, im)
	}
	power := binary(g, "add", unary("square", re), unary("square", im))
	if l.Mode == "psd" { // all bins but the first and the last stand for two
		twice := nn.NewTensor(bins)
		for i := range twice.F32 {
			if twice.F32[i] = 2; i == 0 || i == bins-1 {
				twice.F32[i] = 1
			}
		}
		return binary(g, "multiply", power, g.Const(twice))
	}
	magnitude := unary("sqrt", binary(g, "maximum", power, g.Scalar(epsilon)))
	switch l.Mode {
	case "magnitude":
		return magnitude
	case "log":
		return unary("log", binary(g, "maximum", magnitude, g.Scalar(epsilon)))
	}
	g.Failf("unknown mode %q", l.Mode)
	return nil
}

// arrange puts the axes of [batch, channels, frames, bins] where the config wants them.
func (l *STFTSpectrogram) arrange(g *nn.Graph, y *nn.Value) *nn.Value {
	first := l.DataFormat == "channels_first"
	switch {
	case l.ExpandDims && first:
		return y
	case l.ExpandDims:
		return transpose(g, y, 0, 2, 3, 1)
	case first:
		return regroup(g, transpose(g, y, 0, 1, 3, 2), 1, 2, -1)
	}
	return regroup(g, transpose(g, y, 0, 2, 1, 3), 2, 2, -1)
}

// WindowName is a window's name in a config, or its values.
type WindowName struct {
	Name   string
	Values []float64
}

// UnmarshalJSON reads a name or numbers.
func (w *WindowName) UnmarshalJSON(raw []byte) error {
	*w = WindowName{}
	if json.Unmarshal(raw, &w.Name) == nil {
		return nil
	}
	return json.Unmarshal(raw, &w.Values)
}

// MarshalJSON writes what UnmarshalJSON reads.
func (w WindowName) MarshalJSON() ([]byte, error) {
	if w.Name != "" {
		return json.Marshal(w.Name)
	}
	return json.Marshal(w.Values)
}

// cosineWindows are sums of cosines, by their coefficients.
//
// Source: scipy/signal/windows
func cosineWindow(name string) []float64 {
	switch name {
	case "hann", "hanning", "han":
		return []float64{.5, .5}
	case "hamming", "hamm", "ham":
		return []float64{.54, 1 - .54}
	case "blackman", "black", "blk":
		return []float64{.42, .50, .08}
	case "nuttall", "nutl", "nut":
		return []float64{.3635819, .4891775, .1365995, .0106411}
	case "blackmanharris", "blackharr", "bkh":
		return []float64{.35875, .48829, .14128, .01168}
	case "flattop", "flat", "flt":
		return []float64{.21557895, .41663158, .277263158, .083578947, .006947368}
	case "boxcar", "box", "ones", "rect", "rectangular":
		return []float64{1}
	}
	return nil
}

// make is the window of n samples as SciPy's get_window makes it; nil: none.
func (w *WindowName) make(g *nn.Graph, n int, periodic bool) []float64 {
	if w == nil {
		return nil
	}
	if w.Name == "" {
		if len(w.Values) != n {
			g.Failf("window must have %d values, has %d", n, len(w.Values))
		}
		return w.Values
	}
	out, span := make([]float64, n), n-1
	if periodic {
		span = n
	}
	terms := cosineWindow(w.Name)
	for i := range out {
		x := float64(i) / float64(span)
		switch {
		case n == 1:
			out[i] = 1
		case terms != nil:
			sign := 1.
			for k, a := range terms {
				out[i] += sign * a * math.Cos(2*math.Pi*float64(k)*x)
				sign = -sign
			}
		case w.Name == "bartlett" || w.Name == "bart" || w.Name == "brt":
			out[i] = 1 - math.Abs(2*x-1)
		case w.Name == "cosine" || w.Name == "halfcosine":
			out[i] = math.Sin(math.Pi / float64(span+1) * (float64(i) + .5))
		default:
			g.Unsupportedf("window", "window %.40q isn't supported; hann, hamming, blackman, nuttall, blackmanharris, flattop, boxcar, bartlett and cosine are", w.Name)
		}
	}
	return out
}
