package nn

import (
	"bytes"
	"encoding/json"
	"math"
)

// Initializer is Keras's initializer argument: how a weight is drawn before anything is learnt. The zero value leaves the
// choice to the layer.
//
// Source: keras/src/initializers/random_initializers.py, constant_initializers.py
type Initializer struct {
	draw Init
	raw  json.RawMessage // as it was read
}

// Or is how the weight is drawn, or the layer's default.
func (i Initializer) Or(otherwise Init) Init {
	if i.draw == nil {
		return otherwise
	}
	return i.draw
}

// InitBy is an initializer of the caller's own.
func InitBy(draw Init) Initializer { return Initializer{draw: draw} }

// MarshalJSON writes what was read.
func (i Initializer) MarshalJSON() ([]byte, error) {
	if i.raw == nil {
		return []byte("null"), nil
	}
	return i.raw, nil
}

// decode reads {"class_name": "GlorotUniform", "config": {...}} or a name. An initializer doesn't change what a trained
// model computes, so one that isn't known is only refused when a weight is drawn from it.
func (i *Initializer) decode(_ *Decoder, raw json.RawMessage, _ Where) error {
	i.raw = bytes.Clone(raw)
	var env struct {
		Class  string            `json:"class_name"`
		Config initializerConfig `json:"config"`
	}
	if json.Unmarshal(raw, &env.Class) != nil {
		if err := json.Unmarshal(raw, &env); err != nil {
			i.draw = nil
			return nil
		}
	}
	i.draw = env.Config.init(env.Class)
	return nil
}

// initializerConfig is the config of all of them; nil fields are their defaults.
type initializerConfig struct {
	Value        *float32 `json:"value"`
	Mean         *float64 `json:"mean"`
	Stddev       *float64 `json:"stddev"`
	Minval       *float64 `json:"minval"`
	Maxval       *float64 `json:"maxval"`
	Scale        *float64 `json:"scale"`
	Gain         *float64 `json:"gain"`
	Mode         string   `json:"mode"`
	Distribution string   `json:"distribution"`
}

func or(p *float64, otherwise float64) float64 {
	if p == nil {
		return otherwise
	}
	return *p
}

// init is the initializer of a class, in Keras's spelling or in snake_case; nil if there is none.
func (c initializerConfig) init(class string) Init {
	switch SnakeCase(class) {
	case "zeros", "zero":
		return Zeros
	case "ones", "one":
		return Ones
	case "constant":
		if c.Value == nil {
			return Zeros
		}
		return Constant(*c.Value)
	case "random_normal":
		return RandomNormal(or(c.Mean, 0), or(c.Stddev, .05))
	case "truncated_normal":
		return TruncatedNormal(or(c.Mean, 0), or(c.Stddev, .05))
	case "random_uniform":
		return RandomUniform(or(c.Minval, -.05), or(c.Maxval, .05))
	case "glorot_uniform":
		return GlorotUniform
	case "glorot_normal":
		return VarianceScaling(1, "fan_avg", "truncated_normal")
	case "he_uniform":
		return VarianceScaling(2, "fan_in", "uniform")
	case "he_normal":
		return VarianceScaling(2, "fan_in", "truncated_normal")
	case "lecun_uniform":
		return VarianceScaling(1, "fan_in", "uniform")
	case "lecun_normal":
		return VarianceScaling(1, "fan_in", "truncated_normal")
	case "variance_scaling":
		mode, dist := c.Mode, c.Distribution
		if mode == "" {
			mode = "fan_in"
		}
		if dist == "" {
			dist = "truncated_normal"
		}
		return VarianceScaling(or(c.Scale, 1), mode, dist)
	case "orthogonal", "orthogonal_initializer":
		return Orthogonal(or(c.Gain, 1))
	case "identity", "identity_initializer":
		return Eye(or(c.Gain, 1))
	}
	return nil
}

// Zeros fills with 0.
func Zeros(t *Tensor, _ *Rand) { t.Zero() }

// Ones fills with 1.
func Ones(t *Tensor, rng *Rand) { Constant(1)(t, rng) }

// Constant fills with v.
func Constant(v float32) Init {
	return func(t *Tensor, _ *Rand) {
		for i := range t.F32 {
			t.F32[i] = v
		}
		for i := range t.I32 {
			t.I32[i] = int32(v)
		}
		for i := range t.I64 {
			t.I64[i] = int64(v)
		}
	}
}

// RandomNormal draws from a normal distribution.
func RandomNormal(mean, stddev float64) Init {
	return func(t *Tensor, rng *Rand) {
		for i := range t.F32 {
			t.F32[i] = float32(mean + stddev*rng.NormFloat64())
		}
	}
}

// TruncatedNormal draws from a normal distribution and draws again what is two standard deviations off or more.
func TruncatedNormal(mean, stddev float64) Init {
	return func(t *Tensor, rng *Rand) {
		for i := range t.F32 {
			v := rng.NormFloat64()
			for math.Abs(v) >= 2 {
				v = rng.NormFloat64()
			}
			t.F32[i] = float32(mean + stddev*v)
		}
	}
}

// RandomUniform draws from [low, high).
func RandomUniform(low, high float64) Init {
	return func(t *Tensor, rng *Rand) {
		for i := range t.F32 {
			t.F32[i] = float32(low + (high-low)*rng.Float64())
		}
	}
}

// GlorotUniform draws from ±sqrt(6 / (fan in + fan out)): Keras's default for kernels.
func GlorotUniform(t *Tensor, rng *Rand) { VarianceScaling(1, "fan_avg", "uniform")(t, rng) }

// truncation is the standard deviation of a unit normal distribution cut at two: Keras divides by it.
const truncation = .87962566103423978

// VarianceScaling draws with a variance of scale over the fan. mode is fan_in, fan_out or fan_avg; distribution is uniform,
// truncated_normal or untruncated_normal.
func VarianceScaling(scale float64, mode, distribution string) Init {
	return func(t *Tensor, rng *Rand) {
		in, out := fans(t.Shape)
		n := in
		switch mode {
		case "fan_out":
			n = out
		case "fan_avg":
			n = (in + out) / 2
		}
		s := scale / max(1, n)
		switch distribution {
		case "uniform":
			limit := math.Sqrt(3 * s)
			RandomUniform(-limit, limit)(t, rng)
		case "untruncated_normal":
			RandomNormal(0, math.Sqrt(s))(t, rng)
		default:
			TruncatedNormal(0, math.Sqrt(s)/truncation)(t, rng)
		}
	}
}

// fans are the numbers of inputs and outputs that one element of a weight connects.
func fans(s Shape) (in, out float64) {
	switch len(s) {
	case 0:
		return 1, 1
	case 1:
		return float64(s[0]), float64(s[0])
	}
	field := 1
	for _, d := range s[:len(s)-2] {
		field *= d
	}
	return float64(field * s[len(s)-2]), float64(field * s[len(s)-1])
}

// Orthogonal draws a random orthogonal matrix, by orthogonalising a normal one: Keras's default for recurrent kernels.
func Orthogonal(gain float64) Init {
	return func(t *Tensor, rng *Rand) {
		if len(t.Shape) < 2 || t.Len() == 0 {
			return
		}
		cols := t.Shape.Last()
		rows := t.Len() / cols
		n, m := max(rows, cols), min(rows, cols)
		q := make([][]float64, m) // orthonormal columns of length n
		for j := range q {
			q[j] = make([]float64, n)
			orthonormal(q[j], q[:j], rng)
		}
		for i := range rows {
			for j := range cols {
				row, col := i, j
				if rows < cols {
					row, col = j, i
				}
				t.F32[i*cols+j] = float32(gain * q[col][row])
			}
		}
	}
}

// orthonormal draws v, of length one and at right angles to the others. Gram-Schmidt's projection is done twice, which
// leaves no more than rounding; it takes a small part of what a QR decomposition would add to every binary.
func orthonormal(v []float64, others [][]float64, rng *Rand) {
	for {
		for i := range v {
			v[i] = rng.NormFloat64()
		}
		for range 2 {
			for _, u := range others {
				var dot float64
				for i, x := range u {
					dot += x * v[i]
				}
				for i, x := range u {
					v[i] -= dot * x
				}
			}
		}
		var square float64
		for _, x := range v {
			square += x * x
		}
		if length := math.Sqrt(square); length > 1e-6 {
			for i := range v {
				v[i] /= length
			}
			return
		}
	}
}

// Eye is gain on the diagonal of a matrix, else 0.
func Eye(gain float64) Init {
	return func(t *Tensor, _ *Rand) {
		t.Zero()
		if len(t.Shape) != 2 {
			return
		}
		for i := range min(t.Shape[0], t.Shape[1]) {
			t.F32[i*t.Shape[1]+i] = float32(gain)
		}
	}
}
