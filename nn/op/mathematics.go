package op

import (
	"math"

	"kerasgo/internal/vec"
)

// mathematics finds the element functions of keras.ops that are no activations, under Keras's names in snake case.
//
// Source: keras/src/ops/numpy.py, keras/src/ops/math.py
func mathematics(name string) pointwise {
	switch name {
	case "absolute":
		return simple(math.Abs, func(x, _ float64) float64 { return sign(x) })
	case "negative":
		return simple(func(x float64) float64 { return -x }, func(_, _ float64) float64 { return -1 })
	case "square":
		return simple(func(x float64) float64 { return x * x }, func(x, _ float64) float64 { return 2 * x })
	case "sqrt":
		return simple(math.Sqrt, func(_, y float64) float64 { return .5 / y })
	case "rsqrt":
		return simple(func(x float64) float64 { return 1 / math.Sqrt(x) }, func(x, y float64) float64 { return -.5 * y / x })
	case "cbrt":
		return simple(math.Cbrt, func(_, y float64) float64 { return 1 / (3 * y * y) })
	case "reciprocal":
		return simple(func(x float64) float64 { return 1 / x }, func(_, y float64) float64 { return -y * y })
	case "exp":
		return function("exponential")
	case "exp2":
		return simple(math.Exp2, func(_, y float64) float64 { return y * math.Ln2 })
	case "expm1":
		return simple(math.Expm1, func(_, y float64) float64 { return y + 1 })
	case "log":
		return simple(math.Log, func(x, _ float64) float64 { return 1 / x })
	case "log1p":
		return simple(math.Log1p, func(x, _ float64) float64 { return 1 / (1 + x) })
	case "log2":
		return simple(math.Log2, func(x, _ float64) float64 { return 1 / (x * math.Ln2) })
	case "log10":
		return simple(math.Log10, func(x, _ float64) float64 { return 1 / (x * math.Ln10) })
	case "erf":
		return simple(math.Erf, func(x, _ float64) float64 { return 2 / math.Sqrt(math.Pi) * math.Exp(-x*x) })
	case "erfinv":
		return simple(math.Erfinv, func(_, y float64) float64 { return math.Sqrt(math.Pi) / 2 * math.Exp(y*y) })
	case "deg2rad":
		return simple(func(x float64) float64 { return x * math.Pi / 180 }, func(_, _ float64) float64 { return math.Pi / 180 })
	case "rad2deg":
		return simple(func(x float64) float64 { return x * 180 / math.Pi }, func(_, _ float64) float64 { return 180 / math.Pi })
	case "floor":
		return simple(math.Floor, flat)
	case "ceil":
		return simple(math.Ceil, flat)
	case "round":
		return simple(math.RoundToEven, flat)
	case "trunc":
		return simple(math.Trunc, flat)
	case "sign":
		return simple(sign, flat)
	case "stop_gradient":
		return simple(func(x float64) float64 { return x }, flat)
	case "clip": // numbers: the bounds
		return pointwise{f: func(x float64, a numbers) float64 { return clamp(x, float64(a[0]), float64(a[1])) },
			df:    func(x, _ float64, a numbers) float64 { return when(x >= float64(a[0]) && x <= float64(a[1])) },
			slice: func(y, x []float32, a numbers) { vec.Clamp(y, x, a[0], a[1]) }}
	case "scale_offset": // numbers: the two; rounded after each step, as Rescaling does
		return pointwise{f: func(x float64, a numbers) float64 { return x*float64(a[0]) + float64(a[1]) },
			df: func(_, _ float64, a numbers) float64 { return float64(a[0]) },
			slice: func(y, x []float32, a numbers) {
				y = y[:len(x)]
				for i, v := range x {
					y[i] = float32(v*a[0]) + a[1]
				}
			}}
	}
	return trigonometry(name)
}

func trigonometry(name string) pointwise {
	switch name {
	case "sin":
		return simple(math.Sin, func(x, _ float64) float64 { return math.Cos(x) })
	case "cos":
		return simple(math.Cos, func(x, _ float64) float64 { return -math.Sin(x) })
	case "tan":
		return simple(math.Tan, func(_, y float64) float64 { return 1 + y*y })
	case "arcsin":
		return simple(math.Asin, func(x, _ float64) float64 { return 1 / math.Sqrt(1-x*x) })
	case "arccos":
		return simple(math.Acos, func(x, _ float64) float64 { return -1 / math.Sqrt(1-x*x) })
	case "arctan":
		return simple(math.Atan, func(x, _ float64) float64 { return 1 / (1 + x*x) })
	case "sinh":
		return simple(math.Sinh, func(x, _ float64) float64 { return math.Cosh(x) })
	case "cosh":
		return simple(math.Cosh, func(x, _ float64) float64 { return math.Sinh(x) })
	case "arcsinh":
		return simple(math.Asinh, func(x, _ float64) float64 { return 1 / math.Sqrt(x*x+1) })
	case "arccosh":
		return simple(math.Acosh, func(x, _ float64) float64 { return 1 / math.Sqrt(x*x-1) })
	case "arctanh":
		return simple(math.Atanh, func(x, _ float64) float64 { return 1 / (1 - x*x) })
	}
	return special(name)
}

// special finds the functions that few models use.
func special(name string) pointwise {
	switch name {
	case "erfc":
		return simple(math.Erfc, func(x, _ float64) float64 { return -2 / math.Sqrt(math.Pi) * math.Exp(-x*x) })
	case "i0":
		return simple(besselI0, func(x, _ float64) float64 { return besselI1(x) })
	case "sinc": // sin(πx)/πx
		return simple(func(x float64) float64 { return either(x == 0, 1, math.Sin(math.Pi*x)/(math.Pi*x)) }, func(x, y float64) float64 {
			return either(x == 0, 0, (math.Cos(math.Pi*x)-y)/x)
		})
	}
	return pointwise{}
}

// besselI0 is the modified Bessel function of the first kind, of order zero, by its series; terms fall from the x/2-th on.
func besselI0(x float64) float64 { return besselSeries(x, 0) }

func besselI1(x float64) float64 { return besselSeries(x, 1) }

func besselSeries(x float64, order int) float64 {
	term, sum := math.Pow(x/2, float64(order)), 0.0
	for k := 1; k < 2000 && sum+term != sum; k++ {
		sum += term
		term *= x * x / 4 / float64(k) / float64(k+order)
	}
	return sum
}

// HasFunction says that Unary knows a function of that name.
func HasFunction(name string) bool {
	p := function(name)
	return p.known()
}

// simple wraps a function without numbers of its own.
func simple(f func(float64) float64, df func(x, y float64) float64) pointwise {
	return pointwise{plain: f, slope: df}
}

func flat(_, _ float64) float64 { return 0 }

// sign keeps NaN.
func sign(x float64) float64 { return either(x > 0, 1, either(x < 0, -1, x)) }
