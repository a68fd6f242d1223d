package kernel

import (
	"math"
	"unsafe"
)

// newGenericVec returns the plain Go loops. Their arithmetic is the assembly's with
// fused multiply-adds split in two.
func newGenericVec() Vec {
	return Vec{
		Add: binary(func(x, y float32) float32 { return x + y }),
		Sub: binary(func(x, y float32) float32 { return x - y }),
		Mul: binary(func(x, y float32) float32 { return x * y }),
		Larger: binary(func(x, y float32) float32 {
			if x > y {
				return x
			}
			return y
		}),
		Exp:     unary(exp32),
		Sigmoid: unary(sigmoid32),
		Silu:    unary(func(x float32) float32 { return x * sigmoid32(x) }),
		Tanh:    unary(tanh32),
		Erf:     unary(erf32),
		Gelu: unary(func(x float32) float32 {
			return float32(x*0.5) * (erf32(float32(x*(math.Sqrt2/2))) + 1)
		}),
		GeluTanh: unary(func(x float32) float32 {
			const linear = 2 * 0.79788456080286536
			return x * sigmoid32(x*(float32(float32(x*x)*(linear*0.044715))+linear))
		}),
		ReluGrad: gradient(func(dy, y float32) float32 {
			if y > 0 {
				return dy
			}
			return 0
		}),
		SigmoidGrad: gradient(func(dy, y float32) float32 { return float32(dy * float32(y*(1-y))) }),
		TanhGrad:    gradient(func(dy, y float32) float32 { return float32(dy * (1 - float32(y*y))) }),
		ClampGrad: func(dst, dy, y *float32, n int, lo, hi float32) {
			d, v := unsafe.Slice(dst, n), unsafe.Slice(y, n)
			for i, g := range unsafe.Slice(dy, n) {
				if v[i] > lo && v[i] < hi {
					d[i] += g
				}
			}
		},
		MulAdd: func(dst, a, b *float32, n int) {
			d, y := unsafe.Slice(dst, n), unsafe.Slice(b, n)
			for i, x := range unsafe.Slice(a, n) {
				d[i] += float32(x * y[i])
			}
		},
		Dropout: genericDropout,
		Scale: func(dst, src *float32, n int, s float32) {
			d := unsafe.Slice(dst, n)
			for i, x := range unsafe.Slice(src, n) {
				d[i] = s * x
			}
		},
		Axpy: func(dst, src *float32, n int, s float32) {
			d := unsafe.Slice(dst, n)
			for i, x := range unsafe.Slice(src, n) {
				d[i] += float32(s * x)
			}
		},
		Clamp: func(dst, src *float32, n int, lo, hi float32) {
			d := unsafe.Slice(dst, n)
			for i, x := range unsafe.Slice(src, n) {
				d[i] = Clamp(x, lo, hi)
			}
		},
		Leaky: func(dst, src *float32, n int, s float32) {
			d := unsafe.Slice(dst, n)
			for i, x := range unsafe.Slice(src, n) {
				if math.Signbit(float64(x)) {
					x = s * x
				}
				d[i] = x
			}
		},
		Normalize: func(dst, src, gamma, beta *float32, n int, mean, inv float32) {
			d, g, b := unsafe.Slice(dst, n), unsafe.Slice(gamma, n), unsafe.Slice(beta, n)
			for i, x := range unsafe.Slice(src, n) {
				d[i] = float32(float32((x-mean)*inv)*g[i]) + b[i]
			}
		},
		Adam: func(w, m, v, g *float32, n int, c1, c2, alpha, eps float32) {
			adam(w, m, v, g, nil, n, c1, c2, alpha, eps)
		},
		AdamSquares: adam,
		Sum:         func(src *float32, n int) float32 { return reduce(n, unsafe.Slice(src, n), identity) },
		Squares:     squares,
		Dot:         dot,
		Max:         maximum,
		ExpSum:      expSum,
	}
}

func identity(x float32, _ int) float32 { return x }

func unary(f func(float32) float32) func(dst, src *float32, n int) {
	return func(dst, src *float32, n int) {
		d := unsafe.Slice(dst, n)
		for i, x := range unsafe.Slice(src, n) {
			d[i] = f(x)
		}
	}
}

func binary(f func(x, y float32) float32) func(dst, a, b *float32, n int) {
	return func(dst, a, b *float32, n int) {
		d, y := unsafe.Slice(dst, n), unsafe.Slice(b, n)
		for i, x := range unsafe.Slice(a, n) {
			d[i] = f(x, y[i])
		}
	}
}

func gradient(f func(dy, y float32) float32) func(dst, dy, y *float32, n int) {
	return func(dst, dy, y *float32, n int) {
		d, v := unsafe.Slice(dst, n), unsafe.Slice(y, n)
		for i, g := range unsafe.Slice(dy, n) {
			d[i] += f(g, v[i])
		}
	}
}

// adam goes by the squares q, or nil: those of g.
func adam(w, m, v, g, q *float32, n int, c1, c2, alpha, eps float32) {
	ws, ms, vs := unsafe.Slice(w, n), unsafe.Slice(m, n), unsafe.Slice(v, n)
	for i, x := range unsafe.Slice(g, n) {
		ms[i] += float32((x - ms[i]) * c1)
		square := float32(x * x)
		if q != nil {
			square = *offset(q, i)
		}
		vs[i] += float32((square - vs[i]) * c2)
		root := float32(math.Sqrt(float64(vs[i])))
		ws[i] -= float32(ms[i]*alpha) / (root + eps)
	}
}

// reduce sums f(x[i], i) in 16 partials and one tree.
func reduce(n int, x []float32, f func(x float32, i int) float32) float32 {
	var p [16]float32
	for i := range n {
		p[i%16] += f(x[i], i)
	}
	return tree(p)
}

func tree(p [16]float32) float32 {
	for w := 8; w > 0; w /= 2 {
		for i := range w {
			p[i] += p[i+w]
		}
	}
	return p[0]
}

func squares(src *float32, n int, mean float32) float32 {
	return reduce(n, unsafe.Slice(src, n), func(x float32, _ int) float32 { return float32((x - mean) * (x - mean)) })
}

func dot(a, b *float32, n int) float32 {
	y := unsafe.Slice(b, n)
	return reduce(n, unsafe.Slice(a, n), func(x float32, i int) float32 { return float32(x * y[i]) })
}

func maximum(src *float32, n int) float32 {
	m := float32(math.Inf(-1))
	for _, x := range unsafe.Slice(src, n) {
		if x > m {
			m = x
		}
	}
	return m
}

func expSum(dst, src *float32, n int, top float32) float32 {
	d := unsafe.Slice(dst, n)
	for i, x := range unsafe.Slice(src, n) {
		d[i] = exp32(x - top)
	}
	return reduce(n, d, identity)
}

// horner evaluates coefficients, highest power first, at x.
func horner(x float32, coefficients []float32) float32 {
	p := coefficients[0]
	for _, c := range coefficients[1:] {
		p = float32(p*x) + c
	}
	return p
}

// exp32 returns e^x: 2^n e^r with |r| <= ln2/2.
func exp32(x float32) float32 {
	x = Clamp(x, -104, 89)
	if x != x {
		return x
	}
	const ln2Hi, ln2Lo = -0.693145751953125, -1.42860682030941723212e-6
	n := float32(math.RoundToEven(float64(float32(x * math.Log2E))))
	x += float32(n * ln2Hi)
	x += float32(n * ln2Lo)
	p := horner(x, []float32{1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5, 1, 1})
	// In two steps, as 2^n alone may not be a float32; only the last one rounds.
	h := int(n) >> 1
	return p * power2(h) * power2(int(n)-h)
}

// power2 returns 2^n for -126 <= n <= 127.
func power2(n int) float32 { return math.Float32frombits(uint32(n+127) << 23) }

// sigmoid32 returns 1/(1+e^-x).
func sigmoid32(x float32) float32 {
	e := exp32(-float32(math.Abs(float64(x))))
	if math.Signbit(float64(x)) {
		return e / (1 + e)
	}
	return 1 / (1 + e)
}

// tanh32 is the rational approximation of Eigen's generic_fast_tanh_float.
func tanh32(x float32) float32 {
	return rational(x, 9,
		[]float32{-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08, 1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03},
		[]float32{1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03})
}

// erf32 is the rational approximation of Eigen's generic_fast_erf_float.
func erf32(x float32) float32 {
	return rational(x, 4,
		[]float32{-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05, -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02},
		[]float32{-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03, -1.42647390514189e-02})
}

// rational returns x P(x²)/Q(x²) for x limited to [-limit, limit], itself limited to
// [-1, 1].
func rational(x, limit float32, p, q []float32) float32 {
	x = Clamp(x, -limit, limit)
	s := float32(x * x)
	return Clamp(x*float32(horner(s, p)/horner(s, q)), -1, 1)
}
