package op_test

import (
	"context"
	"testing"

	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// benchmark runs one operation as a Plan does, on one thread.
func benchmark(b *testing.B, o graph.Op, in ...*graph.Tensor) {
	b.Helper()
	g := graph.NewGraph()
	vs := []*graph.Value{g.Input(in[0].Spec)}
	consts := make([]*graph.Tensor, len(in))
	for i, x := range in[1:] {
		if x == nil {
			vs = append(vs, nil)
			continue
		}
		vs, consts[i+1] = append(vs, g.Const(x)), x
	}
	if p, ok := o.(graph.Packer); ok {
		packed, drop := p.Pack(consts)
		for i, d := range drop {
			if d {
				vs[i] = nil
			}
		}
		o = packed
	}
	out, err := g.Add(o, vs...)
	if err != nil {
		b.Fatal(err)
	}
	g.Outputs = out
	run := graph.NewPlan(g, 0).Runner(nil)
	flops, err := g.FLOPs(in[:1])
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := run.Run(context.Background(), in[0]); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(flops)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
}

func square(size, stride int, same bool) op.Window {
	return op.Window{Size: []int{size, size}, Strides: []int{stride, stride}, Same: same}
}

func BenchmarkConv(b *testing.B) {
	b.Run("3x3/56x56x64", func(b *testing.B) {
		benchmark(b, op.Conv{Window: square(3, 1, true), Groups: 1}, drawn(1, 1, 56, 56, 64), drawn(2, 3, 3, 64, 64), nil)
	})
	b.Run("1x1/56x56x64-256", func(b *testing.B) {
		benchmark(b, op.Conv{Window: square(1, 1, false), Groups: 1}, drawn(1, 1, 56, 56, 64), drawn(2, 1, 1, 64, 256), nil)
	})
	b.Run("7x7s2/224x224x3", func(b *testing.B) {
		benchmark(b, op.Conv{Window: square(7, 2, true), Groups: 1}, drawn(1, 1, 224, 224, 3), drawn(2, 7, 7, 3, 64), nil)
	})
	b.Run("depthwise/56x56x128", func(b *testing.B) {
		benchmark(b, op.Conv{Window: square(3, 1, true), Depthwise: true}, drawn(1, 1, 56, 56, 128), drawn(2, 3, 3, 128, 1), nil)
	})
	b.Run("transposed/28x28x64", func(b *testing.B) {
		benchmark(b, op.ConvTranspose{Window: square(3, 2, true)}, drawn(1, 1, 28, 28, 64), drawn(2, 3, 3, 32, 64), nil)
	})
}

func BenchmarkPool(b *testing.B) {
	x := drawn(1, 1, 112, 112, 64)
	b.Run("max3x3s2", func(b *testing.B) { benchmark(b, op.Pool{Window: square(3, 2, true), Max: true}, x) })
	b.Run("mean3x3s2", func(b *testing.B) { benchmark(b, op.Pool{Window: square(3, 2, true)}, x) })
	b.Run("max2x2/26x26x32", func(b *testing.B) {
		benchmark(b, op.Pool{Window: square(2, 2, false), Max: true}, drawn(1, 1, 26, 26, 32))
	})
	b.Run("global", func(b *testing.B) { benchmark(b, op.GlobalPool{}, drawn(1, 1, 7, 7, 2048)) })
}

func BenchmarkReshapeImages(b *testing.B) {
	x := drawn(1, 1, 112, 112, 64)
	b.Run("pad", func(b *testing.B) { benchmark(b, op.Pad{By: [][2]int{{}, {1, 1}, {1, 1}, {}}}, x) })
	b.Run("nearest", func(b *testing.B) { benchmark(b, op.Upsample{By: []int{1, 2, 2, 1}}, x) })
	b.Run("bilinear", func(b *testing.B) { benchmark(b, op.Resize{By: [2]int{2, 2}, Method: "bilinear"}, x) })
}

// BenchmarkBackward runs forward and backward, of a batch as training has it.
func BenchmarkBackward(b *testing.B) {
	for _, c := range []struct {
		name string
		o    graph.Op
		in   []*graph.Tensor
	}{
		{"conv/32x26x26x32-64", op.Conv{Window: square(3, 1, false), Groups: 1}, []*graph.Tensor{drawn(1, 32, 26, 26, 32), drawn(2, 3, 3, 32, 64), drawn(3, 64)}},
		{"depthwise/32x28x28x64", op.Conv{Window: square(3, 1, true), Depthwise: true}, []*graph.Tensor{drawn(1, 32, 28, 28, 64), drawn(2, 3, 3, 64, 1), drawn(3, 64)}},
		{"transposed/8x14x14x64", op.ConvTranspose{Window: square(3, 2, true)}, []*graph.Tensor{drawn(1, 8, 14, 14, 64), drawn(2, 3, 3, 32, 64), drawn(3, 32)}},
		{"max/32x26x26x32", op.Pool{Window: square(2, 2, false), Max: true}, []*graph.Tensor{drawn(1, 32, 26, 26, 32)}},
		{"mean/32x26x26x32", op.Pool{Window: square(2, 2, false)}, []*graph.Tensor{drawn(1, 32, 26, 26, 32)}},
		{"bilinear/8x14x14x64", op.Resize{By: [2]int{2, 2}, Method: "bilinear"}, []*graph.Tensor{drawn(1, 8, 14, 14, 64)}},
	} {
		b.Run(c.name, func(b *testing.B) {
			g := graph.NewGraph()
			g.WantInputGrads()
			vs := make([]*graph.Value, len(c.in))
			for i, x := range c.in {
				vs[i] = g.Input(x.Spec)
			}
			out, err := g.Add(c.o, vs...)
			if err != nil {
				b.Fatal(err)
			}
			run := graph.NewInterp(g, 0, out[0])
			b.ReportAllocs()
			for b.Loop() {
				if err := run.Forward(context.Background(), c.in...); err != nil {
					b.Fatal(err)
				}
				run.Backward()
			}
		})
	}
}
