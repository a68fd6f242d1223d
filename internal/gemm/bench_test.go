package gemm

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"kerasgo/internal/kernel"
)

// BenchmarkMul and its siblings report GFLOP/s of one thread in every tier.
func BenchmarkMul(b *testing.B) {
	bench(b, [][3]int{{1, 128, 784}, {1, 512, 128}, {4, 512, 128}, {32, 128, 784}, {32, 10, 128}, {128, 256, 256}, {512, 512, 512}, {3136, 64, 64}, {196, 256, 2304}},
		func(isa *kernel.ISA, m, n, k int, x, y, z []float32) func() {
			p := PackFor(isa, k, n, y, n)
			return func() { Mul(nil, m, x, k, p, z, n, Epilogue{}) }
		})
}

func BenchmarkNN(b *testing.B) {
	bench(b, [][3]int{{1, 128, 784}, {32, 128, 784}, {128, 256, 256}, {512, 512, 512}},
		func(isa *kernel.ISA, m, n, k int, x, y, z []float32) func() {
			return func() { nn(isa, nil, m, n, k, x, k, y, n, z, n, Epilogue{}) }
		})
}

func BenchmarkNT(b *testing.B) {
	bench(b, [][3]int{{1, 784, 128}, {32, 784, 128}, {32, 128, 10}, {128, 128, 64}, {512, 512, 512}},
		func(isa *kernel.ISA, m, n, k int, x, y, z []float32) func() {
			return func() { nt(isa, nil, m, n, k, x, k, y, k, z, n, Epilogue{}) }
		})
}

func BenchmarkTN(b *testing.B) {
	bench(b, [][3]int{{784, 128, 32}, {128, 10, 32}, {64, 64, 3136}, {512, 512, 512}},
		func(isa *kernel.ISA, m, n, k int, x, y, z []float32) func() {
			return func() { tn(isa, nil, m, n, k, x, m, y, n, z, n, Epilogue{}) }
		})
}

func bench(b *testing.B, shapes [][3]int, prepare func(isa *kernel.ISA, m, n, k int, x, y, z []float32) func()) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, s := range shapes {
		m, n, k := s[0], s[1], s[2]
		x, y, z := random(r, m*k), random(r, k*n), make([]float32, m*n)
		for _, isa := range kernel.All() {
			b.Run(fmt.Sprintf("m=%d/n=%d/k=%d/impl=%s", m, n, k, isa.Name), func(b *testing.B) {
				f := prepare(isa, m, n, k, x, y, z)
				b.ReportAllocs()
				for b.Loop() {
					f()
				}
				b.ReportMetric(2*float64(m)*float64(n)*float64(k)*float64(b.N)/float64(b.Elapsed().Nanoseconds()), "GFLOP/s")
			})
		}
	}
}
