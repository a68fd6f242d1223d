package main

import (
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"

	"kerasgo/internal/kernel/gen/simd"
)

const (
	signBit = 1 << 31
	absMask = signBit - 1

	// Beyond these, e^x rounds to zero and to infinity.
	expLo, expHi = -104, 89
	log2e        = 1.44269504088896341
	// ln 2 in two parts; the first has few enough bits for n*ln2Hi to be exact.
	ln2Hi, ln2Lo = -0.693145751953125, -1.42860682030941723212e-6

	// Where tanh and its rational approximation are both 1.
	tanhLimit = 9
	// Beyond this, erf is 1.
	erfLimit = 4

	// tanh GELU: 1 + tanh(sqrt(2/pi)(x + 0.044715x³)) = 2 sigmoid(x (linear + cubic x²)).
	geluLinear = 2 * 0.79788456080286536
	geluCubic  = geluLinear * 0.044715
)

var (
	// e^r = 1 + r + r²(1/2 + ...), |r| <= ln2/2, highest power first (Cephes expf,
	// S. Moshier).
	expPoly   = []float32{1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 0.5, 1, 1}
	expConsts = append([]float32{expLo, expHi, log2e, ln2Hi, ln2Lo}, expPoly...)

	// tanh x = x P(x²)/Q(x²), highest power first (Eigen, generic_fast_tanh_float).
	tanhP      = []float32{-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08, 1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03}
	tanhQ      = []float32{1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03}
	tanhConsts = append(append([]float32{tanhLimit, -tanhLimit, 1, -1}, tanhP...), tanhQ...)

	// erf x = x P(x²)/Q(x²), |x| <= 4, highest power first (Eigen, generic_fast_erf_float).
	erfP       = []float32{-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05, -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02}
	erfQ       = []float32{-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03, -1.42647390514189e-02}
	erfConsts  = append(append([]float32{erfLimit, -erfLimit, 1, -1}, erfP...), erfQ...)
	geluConsts = append([]float32{0.5, math.Sqrt2 / 2, geluCubic, geluLinear}, erfConsts...)
)

func (g gen) holdExp() {
	g.c.Hold(g.Target, expConsts...)
}

// exp returns e^x as 2^n * e^r and may overwrite x. NaN stays NaN, the results
// overflow to infinity and underflow through the subnormals to zero.
func (g gen) exp(x vec) vec {
	simd.Clamp(x, g.c.Reg(g.Target, expLo), g.c.Reg(g.Target, expHi))
	n, i := g.Vec(), g.Vec()
	VMULPS(g.c.Op(log2e), x, n)
	VCVTPS2DQ(n, i) // rounds to nearest
	VCVTDQ2PS(i, n)
	VFMADD231PS(g.c.Op(ln2Hi), n, x)
	VFMADD231PS(g.c.Op(ln2Lo), n, x)
	p := g.polynomial(x, expPoly)
	if g.Wide() {
		VSCALEFPS(n, p, p)
		return p
	}
	// In two steps, as 2^n alone may not be a float32; only the last one rounds.
	h := g.Vec()
	VPSRAD(Imm(1), i, h)
	VPSUBD(h, i, i)
	for _, e := range []vec{h, i} {
		VPADDD(g.c.WordOp(127), e, e)
		VPSLLD(Imm(23), e, e)
		VMULPS(e, p, p)
	}
	return p
}

// polynomial evaluates coefficients, highest power first, at x.
func (g gen) polynomial(x vec, coefficients []float32) vec {
	p := g.Vec()
	VMOVUPS(g.c.Op(coefficients[0]), p)
	for _, k := range coefficients[1:] {
		VFMADD213PS(g.c.Op(k), x, p)
	}
	return p
}

// sigmoid returns 1/(1+e^-x), from e = e^-|x|: 1/(1+e) or e/(1+e).
func (g gen) sigmoid(x vec) vec {
	e := g.Vec()
	if g.Wide() {
		VPORD(g.c.WordOp(signBit), x, e)
	} else {
		VORPS(g.c.WordOp(signBit), x, e)
	}
	e = g.exp(e)
	d := g.Vec()
	VADDPS(g.c.Op(1), e, d)
	y := g.bySign(x, e, g.c.Reg(g.Target, 1))
	VDIVPS(d, y, y)
	return y
}

func (g gen) functions() {
	d, s := []string{"dst"}, []string{"src"}
	g.elementwise("exp", "is dst = e^src.", d, s, nil, func() func(in, _ []vec) []vec {
		g.holdExp()
		return func(in, _ []vec) []vec { return []vec{g.exp(in[0])} }
	})
	g.elementwise("sigmoid", "is dst = 1/(1+e^-src).", d, s, nil, func() func(in, _ []vec) []vec {
		g.holdExp()
		g.c.HoldWord(g.Target, signBit)
		return func(in, _ []vec) []vec { return []vec{g.sigmoid(in[0])} }
	})
	g.elementwise("silu", "is dst = src/(1+e^-src).", d, s, nil, func() func(in, _ []vec) []vec {
		g.holdExp()
		g.c.HoldWord(g.Target, signBit)
		return func(in, _ []vec) []vec {
			y := g.sigmoid(in[0])
			VMULPS(in[0], y, y)
			return []vec{y}
		}
	})
	g.elementwise("tanh", "is dst = tanh(src).", d, s, nil, func() func(in, _ []vec) []vec {
		g.c.Hold(g.Target, tanhConsts...)
		return func(in, _ []vec) []vec { return []vec{g.rational(in[0], tanhLimit, tanhP, tanhQ)} }
	})
	g.elementwise("erf", "is dst = erf(src).", d, s, nil, func() func(in, _ []vec) []vec {
		g.c.Hold(g.Target, erfConsts...)
		return func(in, _ []vec) []vec { return []vec{g.erf(in[0])} }
	})
	g.elementwise("gelu", "is dst = src/2 * (1 + erf(src/sqrt 2)).", d, s, nil, func() func(in, _ []vec) []vec {
		g.c.Hold(g.Target, geluConsts...)
		return func(in, _ []vec) []vec {
			t := g.Vec()
			VMULPS(g.c.Op(math.Sqrt2/2), in[0], t)
			t = g.erf(t)
			VADDPS(g.c.Op(1), t, t)
			VMULPS(g.c.Op(0.5), in[0], in[0])
			VMULPS(in[0], t, t)
			return []vec{t}
		}
	})
	g.elementwise("geluTanh", "is dst = src/2 * (1 + tanh(sqrt(2/pi) * (src + 0.044715*src^3))).", d, s, nil, func() func(in, _ []vec) []vec {
		g.holdExp()
		g.c.HoldWord(g.Target, signBit)
		g.c.Hold(g.Target, geluLinear, geluCubic)
		return func(in, _ []vec) []vec {
			u, c := g.Vec(), g.Vec()
			VMULPS(in[0], in[0], u)
			VMOVUPS(g.c.Op(geluLinear), c)
			VFMADD231PS(g.c.Op(geluCubic), u, c)
			VMULPS(in[0], c, c)
			y := g.sigmoid(c)
			VMULPS(in[0], y, y)
			return []vec{y}
		}
	})
}

// rational returns x P(x²)/Q(x²) for x limited to [-limit, limit], itself limited to
// [-1, 1], which the approximation leaves by an ulp. It may overwrite x.
func (g gen) rational(x vec, limit float32, p, q []float32) vec {
	simd.Clamp(x, g.c.Reg(g.Target, -limit), g.c.Reg(g.Target, limit))
	sq := g.Vec()
	VMULPS(x, x, sq)
	y := g.polynomial(sq, p)
	VDIVPS(g.polynomial(sq, q), y, y)
	VMULPS(x, y, y) // last, so that a subnormal x comes through
	simd.Clamp(y, g.c.Reg(g.Target, -1), g.c.Reg(g.Target, 1))
	return y
}

func (g gen) erf(x vec) vec { return g.rational(x, erfLimit, erfP, erfQ) }
