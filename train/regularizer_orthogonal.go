package train

import (
	"encoding/json"
	"math"

	"kerasgo/nn"
)

// orthogonal is factor times the mean of |cos| between different rows, or columns, of a matrix.
//
// Source: keras/src/regularizers/regularizers.py, OrthogonalRegularizer
type orthogonal struct {
	factor  float64
	columns bool
	unit    []float64 // the matrix with vectors of length one
	pull    []float64 // gradient of one of them
}

func decodeOrthogonal(config json.RawMessage, where nn.Where) (*orthogonal, error) {
	c := struct {
		Factor *float64 `json:"factor"`
		Mode   string   `json:"mode"`
	}{}
	if config != nil && json.Unmarshal(config, &c) != nil || c.Mode != "" && c.Mode != "rows" && c.Mode != "columns" {
		return nil, &nn.FormatError{Where: where, Msg: "bad regularizer"}
	}
	return &orthogonal{factor: value(c.Factor, .01), columns: c.Mode == "columns"}, nil
}

// measure is the penalty of x; it adds the gradient to g, if that isn't nil.
func (o *orthogonal) measure(x []float32, shape nn.Shape, g []float32) float64 {
	n, length, step, next := shape[0], shape[1], shape[1], 1
	if o.columns {
		n, length, step, next = shape[1], shape[0], 1, shape[1]
	}
	if len(o.unit) < n*length {
		o.unit, o.pull = make([]float64, n*length), make([]float64, length)
	}
	norm := func(i int) float64 { // as Keras bounds it
		var squares float64
		for k := range length {
			v := float64(x[i*step+k*next])
			squares += v * v
		}
		return math.Sqrt(max(squares, 1e-14))
	}
	for i := range n {
		by := norm(i)
		for k := range length {
			o.unit[i*length+k] = float64(x[i*step+k*next]) / by
		}
	}
	pairs := float64(n) * (float64(n) - 1) / 2
	var total float64
	for i := range n {
		u := o.unit[i*length:][:length]
		clear(o.pull)
		for j := range n {
			if j == i {
				continue
			}
			v := o.unit[j*length:][:length]
			var cos float64
			for k, a := range u {
				cos += a * v[k]
			}
			total += math.Abs(cos)
			if cos != 0 {
				for k, b := range v {
					o.pull[k] += math.Copysign(b, b*cos)
				}
			}
		}
		if g == nil {
			continue
		}
		var along float64
		for k, d := range o.pull {
			along += d * u[k]
		}
		scale := o.factor / pairs / norm(i)
		for k, d := range o.pull {
			g[i*step+k*next] += float32(scale * (d - along*u[k]))
		}
	}
	return o.factor * .5 * total / pairs
}
