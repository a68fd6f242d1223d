package layers

import (
	"strings"
	"testing"

	"kerasgo/internal/testcheck"
	"kerasgo/nn"
)

// TestSTFTKernels holds kernels that are drawn here to those that Keras drew.
func TestSTFTKernels(t *testing.T) {
	spectrum := "spectrum"
	for name, set := range map[string]func(*STFTSpectrogram){
		"hann":     func(*STFTSpectrogram) {},
		"hamming":  func(l *STFTSpectrogram) { l.Scaling = &spectrum },
		"blackman": func(l *STFTSpectrogram) { l.Scaling = nil },
		"bartlett": func(*STFTSpectrogram) {},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := testcheck.ReadGolden("../../testdata/golden/STFTSpectrogram/kernels_" + name + ".npz")
			if err != nil {
				t.Fatal(err)
			}
			l := NewSTFTSpectrogram(12)
			if name == "hann" {
				l.FrameLength = 16
			}
			l.Window.Name = name
			set(l)
			m, err := nn.NewSequential(nn.NewInput(70, 2), l)
			if err != nil {
				t.Fatal(err)
			}
			if err := nn.InitWeights(m, 0); err != nil {
				t.Fatal(err)
			}
			i := 0
			for w := range nn.Weights(m) {
				if off := testcheck.Off(w.Data, g.Arrays["w_"+string(rune('0'+i))]); !(off < 2e-6) {
					t.Errorf("%s is off by %g", w.Name, off)
				}
				i++
			}
			if i == 0 {
				t.Error("no weights")
			}
		})
	}
}

func TestSTFTRefusals(t *testing.T) {
	for want, set := range map[string]func(*STFTSpectrogram){
		"fft_length":   func(l *STFTSpectrogram) { n := 7; l.FFTLength = &n },
		"frame_step":   func(l *STFTSpectrogram) { n := 0; l.FrameStep = &n },
		"frame_length": func(l *STFTSpectrogram) { l.FrameLength = 1 << 40 },
		"window":       func(l *STFTSpectrogram) { l.Window.Name = "tukey" },
		"mode":         func(l *STFTSpectrogram) { l.Mode = "loud" },
	} {
		l := NewSTFTSpectrogram(12)
		set(l)
		if _, err := nn.NewSequential(nn.NewInput(70, 2), l); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
