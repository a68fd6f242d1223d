package op

import (
	"fmt"
	"math"

	"kerasgo/nn/graph"
)

// Zip applies one of the rarer functions of two broadcast operands of one dtype, computed in int64 or float64; it makes what
// it takes. Fn is one of zips.
type Zip struct{ Fn string }

// zipped is a function on integers, on floats, and its derivatives; nil where there is none.
type zipped struct {
	ints   func(a, b int64) int64
	floats func(a, b float64) float64
	slopes func(a, b, y float64) (da, db float64)
}

// zips finds a function of two numbers.
//
// Source: keras/src/backend/tensorflow/numpy.py
func zips(name string) (z zipped) {
	switch name {
	case "bitwise_and":
		z.ints = func(a, b int64) int64 { return a & b }
	case "bitwise_or":
		z.ints = func(a, b int64) int64 { return a | b }
	case "bitwise_xor":
		z.ints = func(a, b int64) int64 { return a ^ b }
	case "left_shift":
		z.ints = func(a, b int64) int64 { return a << uint64(max(0, min(b, 63))) }
	case "right_shift":
		z.ints = func(a, b int64) int64 { return a >> uint64(max(0, min(b, 63))) }
	case "gcd":
		z.ints = gcd
	case "lcm":
		z.ints = func(a, b int64) int64 {
			if g := gcd(a, b); g != 0 {
				return max(a, -a) / g * max(b, -b)
			}
			return 0
		}
	case "fmod": // the sign is the dividend's
		z.ints = func(a, b int64) int64 {
			if b == 0 {
				return 0
			}
			return a % b
		}
		z.floats = math.Mod
		z.slopes = func(a, b, _ float64) (da, db float64) {
			return sign(a) * sign(a), -sign(a) * sign(b) * math.Floor(math.Abs(a)/math.Abs(b))
		}
	case "hypot":
		z.floats = func(a, b float64) float64 { return math.Hypot(a, b) }
		z.slopes = func(a, b, y float64) (da, db float64) { return a / y, b / y }
	case "heaviside":
		z.floats = func(a, b float64) float64 { return either(a < 0, 0, either(a > 0, 1, b)) }
		z.slopes = func(a, _, _ float64) (da, db float64) { return 0, when(!(a < 0 || a > 0)) }
	case "fmax", "fmin":
		z.floats = func(a, b float64) float64 { return either(b != b || a >= b, a, b) }
		if name == "fmin" {
			z.floats = func(a, b float64) float64 { return either(b != b || a <= b, a, b) }
		}
		z.slopes = func(a, _, y float64) (da, db float64) { return when(a == y), when(a != y) }
	case "logaddexp2":
		z.floats = func(a, b float64) float64 { return max(a, b) + math.Log1p(math.Exp2(-math.Abs(a-b)))/math.Ln2 }
		z.slopes = func(a, b, y float64) (da, db float64) { return math.Exp2(a - y), math.Exp2(b - y) }
	case "nextafter":
		z.floats = math.Nextafter
	}
	return z
}

func gcd(a, b int64) int64 {
	a, b = max(a, -a), max(b, -b)
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// Infer implements graph.Op.
func (o Zip) Infer(in []Spec) ([]Spec, error) {
	z, d := zips(o.Fn), in[0].DType
	switch {
	case z.ints == nil && z.floats == nil:
		return nil, fmt.Errorf("there is no function %q of two numbers", o.Fn)
	case d != in[1].DType, d == graph.String, d.Float() && z.floats == nil, !d.Float() && z.ints == nil:
		return nil, fmt.Errorf("%s doesn't take %v and %v", o.Fn, d, in[1].DType)
	}
	s, err := Broadcast(in[0].Shape, in[1].Shape)
	if err == nil {
		err = checkRank(s)
	}
	return []Spec{{Shape: s, DType: d}}, err
}

// Differentiable says that training may go through the operation.
func (o Zip) Differentiable() bool { z := zips(o.Fn); return z.slopes != nil || z.floats == nil }

// FLOPs implements graph.Coster.
func (Zip) FLOPs(_, out []Spec) int64 { return int64(out[0].Shape.Size()) }

// Forward implements graph.Op.
func (o Zip) Forward(_ *Run, in, out []*Tensor) {
	a, b, y, z := in[0], in[1], out[0], zips(o.Fn)
	l := newNest(y.Shape, a.Shape, b.Shape, y.Shape)
	k := 0
	switch y.DType.Storage() {
	case graph.StoreF32:
		l.each(func(i, j, _ int) { y.F32[k] = float32(z.floats(float64(a.F32[i]), float64(b.F32[j]))); k++ })
		y.Round()
	case graph.StoreF64:
		l.each(func(i, j, _ int) { y.F64[k] = z.floats(a.F64[i], b.F64[j]); k++ })
	case graph.StoreI32:
		l.each(func(i, j, _ int) { y.I32[k] = int32(z.ints(int64(a.I32[i]), int64(b.I32[j]))); k++ })
		wrap(y)
	case graph.StoreI64:
		l.each(func(i, j, _ int) { y.I64[k] = z.ints(a.I64[i], b.I64[j]); k++ })
	}
}

// Backward implements graph.Op, for float32.
func (o Zip) Backward(_ *Run, in, out, dout, din []*Tensor) {
	z := zips(o.Fn)
	if z.slopes == nil {
		return
	}
	a, b, y, dy := in[0].F32, in[1].F32, out[0].F32, dout[0].F32
	l := newNest(out[0].Shape, in[0].Shape, in[1].Shape, out[0].Shape)
	k := 0
	l.each(func(i, j, _ int) {
		da, db := z.slopes(float64(a[i]), float64(b[j]), float64(y[k]))
		if din[0] != nil {
			din[0].F32[i] += float32(da) * dy[k]
		}
		if din[1] != nil {
			din[1].F32[j] += float32(db) * dy[k]
		}
		k++
	})
}
