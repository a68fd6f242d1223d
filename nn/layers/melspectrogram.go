package layers

import (
	"math"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// MelSpectrogram is the power of signals [batch, time] (or [time]) in bands of the mel scale, in decibels: [batch, NumMelBins,
// frames]. Decibels lie at most TopDB below the loudest of the whole batch.
//
// Source: keras/src/layers/preprocessing/mel_spectrogram.py
type MelSpectrogram struct {
	nn.Common
	FFTLength      int         `json:"fft_length"`
	SequenceStride int         `json:"sequence_stride"`
	SequenceLength *int        `json:"sequence_length"` // nil: FFTLength
	Window         *WindowName `json:"window"`          // nil: none
	SamplingRate   float64     `json:"sampling_rate"`   // Hz
	NumMelBins     int         `json:"num_mel_bins"`
	MinFreq        float64     `json:"min_freq"` // Hz
	MaxFreq        *float64    `json:"max_freq"` // Hz; nil: half of SamplingRate
	PowerToDB      bool        `json:"power_to_db"`
	TopDB          float64     `json:"top_db"`
	MagExp         float64     `json:"mag_exp"`
	MinPower       float64     `json:"min_power"`
	RefPower       float64     `json:"ref_power"`
}

// NewMelSpectrogram makes a MelSpectrogram.
func NewMelSpectrogram() *MelSpectrogram {
	return &MelSpectrogram{Common: base("MelSpectrogram"), FFTLength: 2048, SequenceStride: 512, Window: &WindowName{Name: "hann"},
		SamplingRate: 16000, NumMelBins: 128, MinFreq: 20, PowerToDB: true, TopDB: 80, MagExp: 2, MinPower: 1e-10, RefPower: 1}
}

// Build implements nn.Layer.
func (l *MelSpectrogram) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	n := l.FFTLength
	if l.SequenceLength != nil && *l.SequenceLength != 0 {
		n = *l.SequenceLength
	}
	top := math.Trunc(l.SamplingRate / 2)
	if l.MaxFreq != nil && *l.MaxFreq != 0 {
		top = *l.MaxFreq
	}
	switch {
	case l.FFTLength < 2 || l.FFTLength > maxFrame:
		g.Failf("fft_length can't be %d", l.FFTLength)
	case n < 1 || n > l.FFTLength:
		g.Failf("sequence_length can't be %d for an fft_length of %d", n, l.FFTLength)
	case l.SequenceStride < 1:
		g.Failf("sequence_stride can't be %d", l.SequenceStride)
	case l.NumMelBins < 1 || l.NumMelBins > maxFrame:
		g.Failf("num_mel_bins can't be %d", l.NumMelBins)
	case !(l.SamplingRate > 0):
		g.Failf("sampling_rate can't be %v", l.SamplingRate)
	}
	x := cast(g, c.In().Value, graph.Float32)
	parts := g.Ops(op.NewSTFT(centered(l.window(g, n), l.FFTLength), l.SequenceStride, true), x)
	unary := func(fn string, x *nn.Value) *nn.Value { return g.Op(op.Unary{Fn: fn}, x) }
	y := unary("sqrt", binary(g, "add", unary("square", parts[0]), unary("square", parts[1])))
	if l.MagExp == 2 {
		y = unary("square", y)
	} else {
		y = binary(g, "power", y, g.Scalar(float32(l.MagExp)))
	}
	y = g.Op(op.MatMul{}, y, g.Const(l.bands(l.FFTLength/2+1, top)))
	if l.PowerToDB {
		y = l.decibels(g, y)
	}
	if len(y.Shape) == 2 {
		return nn.Drop(transpose(g, y, 1, 0))
	}
	return nn.Drop(transpose(g, y, 0, 2, 1))
}

// window is TensorFlow's, which for odd lengths isn't periodic.
func (l *MelSpectrogram) window(g *nn.Graph, n int) []float32 {
	out := make([]float32, n)
	if l.Window == nil {
		for i := range out {
			out[i] = 1
		}
		return out
	}
	var a, b float64
	switch l.Window.Name {
	case "hann":
		a, b = .5, .5
	case "hamming":
		a, b = .54, .46
	case "":
		if len(l.Window.Values) != n {
			g.Failf("window must have %d values, has %d", n, len(l.Window.Values))
		}
		return narrow(l.Window.Values)
	default:
		g.Unsupportedf("window", "window %.40q isn't one that Keras knows here: hann and hamming are", l.Window.Name)
	}
	span := max(n-1+(1-n%2), 1)
	for i := range out {
		out[i] = float32(a - b*math.Cos(2*math.Pi*float64(i)/float64(span)))
	}
	if n == 1 {
		out[0] = 1
	}
	return out
}

// centered extends a window by zeros on both sides.
func centered(window []float32, n int) []float32 {
	out := make([]float32, n)
	copy(out[(n-len(window))/2:], window)
	return out
}

// bands is the matrix [bins, NumMelBins] of triangles that overlap by half on the mel scale. Each step is rounded to
// float32, as Keras computes it: narrow triangles leave differences of large numbers.
func (l *MelSpectrogram) bands(bins int, top float64) *nn.Tensor {
	mel := func(hertz float32) float32 { return 1127 * float32(math.Log(float64(1+hertz/700))) }
	t := nn.NewTensor(bins, l.NumMelBins)
	edges := linspace(mel(float32(l.MinFreq)), mel(float32(top)), l.NumMelBins+2)
	for i, hertz := range linspace(0, float32(l.SamplingRate)/2, bins) {
		if i == 0 { // the constant part is left out
			continue
		}
		m := mel(hertz)
		for k := range l.NumMelBins {
			up := (m - edges[k]) / (edges[k+1] - edges[k])
			down := (edges[k+2] - m) / (edges[k+2] - edges[k+1])
			t.F32[i*l.NumMelBins+k] = max(0, min(up, down))
		}
	}
	return t
}

// linspace is n numbers at even steps, ends included, in float32.
func linspace(from, to float32, n int) []float32 {
	out := make([]float32, n)
	step := (to - from) / float32(max(n-1, 1))
	for i := range out {
		out[i] = from + float32(step*float32(i))
	}
	if out[0] = from; n > 1 {
		out[n-1] = to
	}
	return out
}

// decibels is 10·log10 of powers against RefPower.
func (l *MelSpectrogram) decibels(g *nn.Graph, y *nn.Value) *nn.Value {
	tens := func(x *nn.Value) *nn.Value {
		return binary(g, "multiply", g.Op(op.Unary{Fn: "log10"}, x), g.Scalar(10))
	}
	y = tens(binary(g, "maximum", y, g.Scalar(float32(l.MinPower))))
	ref := max(math.Abs(l.RefPower), l.MinPower)
	y = binary(g, "subtract", y, g.Scalar(10*float32(math.Log10(ref))))
	axes := make([]int, len(y.Shape))
	for i := range axes {
		axes[i] = i
	}
	loudest := g.Op(op.Reduce{Fn: "max", Axes: axes, Keep: true}, y)
	return binary(g, "maximum", y, binary(g, "subtract", loudest, g.Scalar(float32(l.TopDB))))
}
