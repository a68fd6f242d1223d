// Package conv computes convolutions over NHWC float32 images: forward, the two
// gradients, depthwise and transposed. A one-dimensional convolution is one of
// height 1.
//
// A convolution is a matrix product without its matrix: in NHWC the inputs that one
// kernel row needs for one output pixel are contiguous, so the tiles of
// internal/kernel read them in place (or from a band of rows copied into a frame
// of zeros). Results are canonical sums, cut at each of these segments: they do
// not depend on the batch, the threads or the assembly tier.
package conv

import "fmt"

// A Geometry is the shape of a convolution. Sizes are in pixels and channels.
type Geometry struct {
	N, H, W, C             int // images: count, height, width, channels
	KH, KW                 int // kernel
	SH, SW                 int // strides
	DH, DW                 int // dilation; 1 is none
	PadT, PadL, PadB, PadR int // zeros around the image
	OH, OW, Out            int // output: height, width, channels
	Groups                 int // channel groups; Out and C are multiples
}

// taps returns the kernel's number of weights per channel pair.
func (g *Geometry) taps() int { return g.KH * g.KW }

// inGroup and outGroup are the channels of one group.
func (g *Geometry) inGroup() int  { return g.C / g.Groups }
func (g *Geometry) outGroup() int { return g.Out / g.Groups }

// padded reports whether the kernel reaches beyond the image.
func (g *Geometry) padded() bool { return g.PadT|g.PadL|g.PadB|g.PadR != 0 }

// product reports whether the convolution is a plain matrix product, of rows by the
// kernel's [k][Out]: a pointwise one, or one whose kernel covers the image.
func (g *Geometry) product() (rows, k int, ok bool) {
	if g.Groups != 1 || g.padded() {
		return 0, 0, false
	}
	pointwise := g.taps() == 1 && g.SH == 1 && g.SW == 1 && g.OH == g.H && g.OW == g.W
	covering := g.KH == g.H && g.KW == g.W && g.DH == 1 && g.DW == 1 && g.OH == 1 && g.OW == 1
	return g.N * g.OH * g.OW, g.taps() * g.C, pointwise || covering
}

// depthwise reports whether each channel is convolved on its own. (With one input
// channel the usual way is better.)
func (g *Geometry) depthwise() bool { return g.Groups == g.C && g.C > 1 }

// work is the number of multiply-adds.
func (g *Geometry) work() int {
	return g.N * g.OH * g.OW * g.taps() * g.inGroup() * g.Out
}

// check panics unless the sizes are positive and fit together: the tiles don't look.
// The output may be smaller than the kernel allows, never larger.
func (g *Geometry) check() {
	for _, v := range []int{g.C, g.KH, g.KW, g.SH, g.SW, g.DH, g.DW, g.Out, g.Groups} {
		if v < 1 {
			panic(fmt.Sprintf("conv: bad geometry %+v", *g))
		}
	}
	for _, v := range []int{g.N, g.H, g.W, g.PadT, g.PadL, g.PadB, g.PadR, g.OH, g.OW} {
		if v < 0 {
			panic(fmt.Sprintf("conv: bad geometry %+v", *g))
		}
	}
	if !g.empty() && (g.H == 0 || g.W == 0) || g.C%g.Groups != 0 || g.Out%g.Groups != 0 ||
		g.OH > 0 && (g.OH-1)*g.SH+(g.KH-1)*g.DH >= g.H+g.PadT+g.PadB ||
		g.OW > 0 && (g.OW-1)*g.SW+(g.KW-1)*g.DW >= g.W+g.PadL+g.PadR {
		panic(fmt.Sprintf("conv: geometry does not fit: %+v", *g))
	}
}

// empty reports whether there is no output.
func (g *Geometry) empty() bool { return g.N == 0 || g.OH == 0 || g.OW == 0 }

// need panics if s has fewer than n elements.
func need(name string, s []float32, n int) {
	if len(s) < n {
		panic(fmt.Sprintf("conv: %s has %d elements, %d needed", name, len(s), n))
	}
}

func (g *Geometry) inputSize() int  { return g.N * g.H * g.W * g.C }
func (g *Geometry) outputSize() int { return g.N * g.OH * g.OW * g.Out }
func (g *Geometry) kernelSize() int { return g.taps() * g.inGroup() * g.Out }

func ceilDiv(a, b int) int { return (a + b - 1) / b }
