package main

import (
	"fmt"
	"math"

	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// comparison is how far two tensors are apart. Numbers that aren't finite are null in JSON.
type comparison struct {
	Name     string   `json:"name"`
	Agrees   bool     `json:"agrees"`
	MaxAbs   *float64 `json:"max_abs"`  // max|a-b|
	Relative *float64 `json:"relative"` // max|a-b| / max|b|
	Cosine   *float64 `json:"cosine"`
	Shape    []int    `json:"shape"`
	Want     []int    `json:"expected_shape,omitempty"` // where it differs
}

// measure compares a with b. NaN against NaN is equal, and so is an infinity against itself; against anything else they
// are infinitely off.
func measure(name string, a, b *nn.Tensor, tolerance float64) comparison {
	c := comparison{Name: name, Shape: append([]int{}, a.Shape...)}
	if !a.Shape.Equal(b.Shape) || (a.DType == graph.String) != (b.DType == graph.String) {
		c.Want = append([]int{}, b.Shape...)
		return c
	}
	if a.DType == graph.String {
		c.Agrees = true
		for i := range a.Str {
			c.Agrees = c.Agrees && a.Str[i] == b.Str[i]
		}
		return c
	}
	x, y := wide(a), wide(b)
	var worst, top, dot, xx, yy float64
	for i, v := range x {
		w := y[i]
		if d := math.Abs(v - w); v == w || v != v && w != w {
		} else if d != d {
			worst = math.Inf(1)
		} else {
			worst = max(worst, d)
		}
		if !math.IsInf(w, 0) && w == w {
			top = max(top, math.Abs(w))
		}
		if p := v * w; p-p == 0 {
			dot, xx, yy = dot+p, xx+v*v, yy+w*w
		}
	}
	relative, cosine := worst, 1.0
	if top > 0 {
		relative = worst / top
	}
	if xx > 0 || yy > 0 {
		cosine = dot / math.Sqrt(xx*yy)
	}
	c.Agrees = relative <= tolerance
	c.MaxAbs, c.Relative, c.Cosine = finite(worst), finite(relative), finite(cosine)
	return c
}

func wide(t *nn.Tensor) []float64 {
	d := graph.New(nn.Spec{Shape: t.Shape, DType: graph.Float64})
	graph.Cast(d, t)
	return d.F64
}

func finite(v float64) *float64 {
	if v-v != 0 {
		return nil
	}
	return &v
}

// text is the comparison's columns.
func (c comparison) text() string {
	if c.Want != nil {
		return fmt.Sprintf("shape %v, expected %v", nn.Shape(c.Shape), nn.Shape(c.Want))
	}
	number := func(v *float64, format string) string {
		if v == nil {
			return fmt.Sprintf("%10s", "inf")
		}
		return fmt.Sprintf(format, *v)
	}
	return number(c.MaxAbs, "%10.3g") + "  " + number(c.Relative, "%10.3g") + "  " + number(c.Cosine, "%12.9f")
}
