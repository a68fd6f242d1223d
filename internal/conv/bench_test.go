package conv

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"kerasgo/internal/gemm"
	"kerasgo/internal/kernel"
)

// BenchmarkConv reports GFLOP/s of one thread, for layers of known networks.
func BenchmarkConv(b *testing.B) {
	square := func(n, h, c, k, s, out, groups int) Geometry {
		return fit(Geometry{N: n, H: h, W: h, C: c, KH: k, KW: k, SH: s, SW: s, DH: 1, DW: 1, Out: out, Groups: groups}, true)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, g := range []Geometry{
		square(1, 56, 64, 3, 1, 64, 1),
		square(1, 14, 256, 3, 1, 256, 1),
		square(1, 7, 512, 3, 1, 512, 1),
		square(1, 224, 3, 7, 2, 64, 1),
		square(1, 28, 1, 3, 1, 32, 1),
		square(1, 56, 64, 1, 1, 256, 1),
		square(1, 56, 128, 3, 1, 128, 128),
		square(1, 112, 96, 3, 2, 96, 96),
		fit(Geometry{N: 1, H: 1, W: 5000, C: 64, KH: 1, KW: 3, SH: 1, SW: 1, DH: 1, DW: 4, Out: 64, Groups: 1}, true),
	} {
		x, w, y, dw := random(r, g.inputSize()), random(r, g.kernelSize()), make([]float32, g.outputSize()), make([]float32, g.kernelSize())
		name := fmt.Sprintf("in=%dx%dx%d/k=%dx%d/s=%d/out=%d/groups=%d", g.H, g.W, g.C, g.KH, g.KW, g.SW, g.Out, g.Groups)
		for _, isa := range kernel.All()[1:] {
			packed := packFor(isa, g, w)
			dx := make([]float32, len(x))
			for what, f := range map[string]func(){
				"forward": func() { Forward(nil, g, x, packed, y, gemm.Epilogue{Hi: 6}) },
				"data":    func() { backwardData(isa, nil, g, y, w, dx, gemm.Epilogue{}) },
				"filter":  func() { backwardFilter(isa, nil, g, x, y, dw) },
			} {
				b.Run(name+"/pass="+what+"/impl="+isa.Name, func(b *testing.B) {
					b.ReportAllocs()
					for b.Loop() {
						f()
					}
					b.ReportMetric(2*float64(g.work())*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
				})
			}
		}
	}
}
