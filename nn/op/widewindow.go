package op

import "math"

// forwardWide sums the taps of each output position directly. The kernel's groups read neighbouring channels.
func (o Conv) forwardWide(in []*Tensor, y *Tensor) {
	x, kernel := in[0].F64, in[1]
	if y.Len() == 0 {
		return
	}
	b := o.box(in[0].Shape)
	_, n := o.channels(kernel.Shape)
	groups := max(o.Groups, 1)
	if o.Depthwise {
		groups = b.channels
	}
	bias := wideBias(in)
	b.eachTap(func(k, i, j int) {
		if k < 0 { // a new position
			to := y.F64[j*n:][:n]
			if clear(to); bias != nil {
				copy(to, bias)
			}
			return
		}
		each(x[i*b.channels:][:b.channels], kernel.F64, y.F64[j*n:][:n], k, groups, o.Depthwise)
	})
}

// each adds one tap: of the channels from, through the kernel's step k, to the channels to.
func each(from, kernel, to []float64, k, groups int, depthwise bool) {
	c, n := len(from)/groups, len(to)/groups
	for g := range groups {
		for p, v := range from[g*c:][:c] {
			row := kernel[(k*c+p)*n*groups+g*n:]
			if depthwise {
				row = kernel[(k*groups+g)*n:]
			}
			for q, w := range row[:n] {
				to[g*n+q] += v * w
			}
		}
	}
}

// eachTap calls f for every output position j, first with k = -1, then for each step k of the window that lies on an input
// position i.
func (b *box) eachTap(f func(k, i, j int)) {
	j := 0
	for n := range b.batch {
		for o0 := range b.out[0] {
			for o1 := range b.out[1] {
				for o2 := range b.out[2] {
					f(-1, 0, j)
					b.tapsOf(n, [3]int{o0, o1, o2}, func(k, i int) { f(k, i, j) })
					j++
				}
			}
		}
	}
}

func (b *box) tapsOf(n int, at [3]int, f func(k, i int)) {
	k := 0
	for k0 := range b.size[0] {
		for k1 := range b.size[1] {
			for k2 := range b.size[2] {
				i, inside := n, true
				for axis, step := range [3]int{k0, k1, k2} {
					p := at[axis]*b.stride[axis] + step*b.dilate[axis] - b.low[axis]
					inside = inside && p >= 0 && p < b.in[axis]
					i = i*b.in[axis] + p
				}
				if inside {
					f(k, i)
				}
				k++
			}
		}
	}
}

// forwardWide runs the convolution from the output to the input backwards.
func (o ConvTranspose) forwardWide(in []*Tensor, y *Tensor) {
	x, kernel, bias := in[0], in[1].F64, wideBias(in)
	if y.Len() == 0 {
		return
	}
	b, c, n := o.box(x.Shape, y.Shape), x.Shape.Last(), y.Shape.Last()
	clear(y.F64)
	b.eachTap(func(k, i, j int) {
		if k < 0 {
			return
		}
		from, to := x.F64[j*c:][:c], y.F64[i*n:][:n]
		for q := range to {
			for p, v := range from {
				to[q] += v * kernel[(k*n+q)*c+p]
			}
		}
	})
	for i := range y.F64 {
		if bias != nil {
			y.F64[i] += bias[i%n]
		}
	}
}

// pool is a Pool of any kind of number; maximums start from lowest.
func pool[T number](o Pool, shape Shape, y, x []T, lowest T) {
	b := o.box(shape)
	c := b.channels
	j := 0
	for n := range b.batch {
		for o0 := range b.out[0] {
			for o1 := range b.out[1] {
				for o2 := range b.out[2] {
					to, count := y[j*c:][:c], 0
					j++
					for p := range to {
						if to[p] = 0; o.Max {
							to[p] = lowest
						}
					}
					b.tapsOf(n, [3]int{o0, o1, o2}, func(_, i int) {
						count++
						for p, v := range x[i*c:][:c] {
							if !o.Max {
								to[p] += v
							} else if v > to[p] { // NaN isn't
								to[p] = v
							}
						}
					})
					for p := range to {
						if !o.Max {
							to[p] /= T(count)
						}
					}
				}
			}
		}
	}
}

func (o GlobalPool) forwardWide(in []*Tensor, y *Tensor) {
	batch, positions, channels := o.sizes(in[0].Shape)
	step, next := channels, 1 // between positions, between channels
	if o.ChannelsFirst {
		step, next = 1, positions
	}
	mask := maskOf(in, 1)
	for b := range batch {
		for c := range channels {
			x := in[0].F64[b*positions*channels+c*next:]
			sum, top, count := 0.0, math.Inf(-1), 0
			for p := range positions {
				if mask == nil || mask.I32[b*positions+p] != 0 {
					sum, top = sum+x[p*step], max(top, x[p*step])
					count++
				}
			}
			if y.F64[b*channels+c] = top; !o.Max {
				y.F64[b*channels+c] = sum / float64(count)
			}
		}
	}
}

func (o AdaptivePool) forwardWide(x, y *Tensor) {
	outer, n, step := lines(x.Shape, o.Axis)
	for b := range outer {
		for i := range o.To {
			from, to := o.window(i, n)
			for c := range step {
				sum, top := 0.0, math.Inf(-1)
				for k := from; k < to; k++ {
					v := x.F64[(b*n+k)*step+c]
					sum, top = sum+v, max(top, v)
				}
				if at := (b*o.To+i)*step + c; o.Max {
					y.F64[at] = top
				} else {
					y.F64[at] = sum / float64(to-from)
				}
			}
		}
	}
}

func (o BatchNorm) forwardWide(in []*Tensor, y *Tensor) {
	outer, n, step := lines(in[0].Shape, o.Axis)
	for c := range n {
		scale := 1 / math.Sqrt(in[4].F64[c]+decimal(o.Eps))
		if in[1] != nil {
			scale *= in[1].F64[c]
		}
		shift := -in[3].F64[c] * scale
		if in[2] != nil {
			shift += in[2].F64[c]
		}
		for b := range outer {
			at := (b*n + c) * step
			for i, v := range in[0].F64[at:][:step] {
				y.F64[at+i] = v*scale + shift
			}
		}
	}
}

func (o Normalize) forwardWide(in, out []*Tensor) {
	x, y := in[0].F64, out[0].F64
	keep, reduced := reduction(in[0].Shape, o.Axes)
	n := float64(o.count(in[0].Shape))
	keep.each(func(at, _, _ int) {
		var mean, sum float64
		if o.centers() {
			reduced.each(func(i, _, _ int) { mean += x[at+i] })
			mean /= n
		}
		reduced.each(func(i, _, _ int) { sum += (x[at+i] - mean) * (x[at+i] - mean) })
		inv := 1 / math.Sqrt(sum/n+decimal(o.Eps))
		if o.Kind == UnitNorm {
			inv = min(1/math.Sqrt(sum), 1/decimal(o.Eps))
		}
		if o.Kind != CenterNorm {
			mean = 0
		}
		reduced.each(func(i, _, _ int) { y[at+i] = (x[at+i] - mean) * inv })
	})
	if in[1] != nil {
		l, gamma := newNest(in[0].Shape, in[0].Shape, in[1].Shape), in[1].F64
		l.each(func(i, k, _ int) { y[i] *= gamma[k] })
	}
	if in[2] != nil {
		l, beta := newNest(in[0].Shape, in[0].Shape, in[2].Shape), in[2].F64
		l.each(func(i, k, _ int) { y[i] += beta[k] })
	}
}
