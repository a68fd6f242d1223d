package op

import "math"

// Softmax normalises along an axis: exp(x - max) / sum. A row of all -inf gives NaN, as in TensorFlow.
type Softmax struct{ Axis int }

// Infer implements graph.Op.
func (o Softmax) Infer(in []Spec) ([]Spec, error) {
	_, err := Axis(o.Axis, len(in[0].Shape))
	return in[:1:1], err
}

// InPlace implements graph.InPlacer.
func (Softmax) InPlace() bool { return true }

// FLOPs implements graph.Coster.
func (Softmax) FLOPs(in, _ []Spec) int64 { return 5 * int64(in[0].Shape.Size()) }

// lines cuts a shape at an axis: outer blocks of n elements, a step apart.
func lines(s Shape, axis int) (outer, n, step int) {
	a, _ := Axis(axis, len(s)) // Infer has checked it
	outer, step = 1, 1
	for _, d := range s[:a] {
		outer *= d
	}
	for _, d := range s[a+1:] {
		step *= d
	}
	return outer, s[a], step
}

// Forward implements graph.Op.
func (o Softmax) Forward(_ *Run, in, out []*Tensor) {
	outer, n, step := lines(in[0].Shape, o.Axis)
	for b := range outer {
		for s := range step {
			x, y := in[0].F32[b*n*step+s:], out[0].F32[b*n*step+s:]
			softmaxLine(y, x, n, step)
		}
	}
}

func softmaxLine(y, x []float32, n, step int) {
	top := float32(math.Inf(-1))
	for i := 0; i < n*step; i += step {
		top = max(top, x[i])
	}
	var sum float64
	for i := 0; i < n*step; i += step {
		e := math.Exp(float64(x[i] - top))
		y[i] = float32(e)
		sum += e
	}
	for i := 0; i < n*step; i += step {
		y[i] = float32(float64(y[i]) / sum)
	}
}

// Backward implements graph.Op.
func (o Softmax) Backward(_ *Run, in, out, dout, din []*Tensor) {
	outer, n, step := lines(in[0].Shape, o.Axis)
	for b := range outer {
		for s := range step {
			at := b*n*step + s
			y, dy, dx := out[0].F32[at:], dout[0].F32[at:], din[0].F32[at:]
			var dot float64
			for i := 0; i < n*step; i += step {
				dot += float64(y[i]) * float64(dy[i])
			}
			for i := 0; i < n*step; i += step {
				dx[i] += y[i] * (dy[i] - float32(dot))
			}
		}
	}
}
