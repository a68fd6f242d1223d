package main

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

// pole is a cart on a track with a pole hinged to it, which is to be kept upright by pushing the cart left or right.
//
// Source: the equations, constants and limits of Barto, Sutton and Anderson, "Neuronlike adaptive elements that can solve
// difficult learning control problems", 1983, as CartPole-v1 of Gymnasium has them (its angle's limit is 12 degrees).
type pole struct {
	x, speed    float64 // of the cart: m, m/s
	angle, spin float64 // of the pole, from upright: rad, rad/s
	steps       int
}

const (
	gravity   = 9.8  // m/s²
	cartMass  = 1.0  // kg
	poleMass  = 0.1  // kg
	half      = 0.5  // of the pole's length, m
	force     = 10.0 // of a push, N
	interval  = 0.02 // s
	edge      = 2.4  // of the track, m
	fallen    = 12 * math.Pi / 180
	longest   = 500 // steps of an episode
	observed  = 4   // numbers of what is observed
	pushes    = 2   // left, right
	totalMass = cartMass + poleMass
)

// newPole starts an episode, almost at rest.
func newPole(rng *rand.Rand) pole {
	near := func() float64 { return rng.Float64()*0.1 - 0.05 }
	return pole{x: near(), speed: near(), angle: near(), spin: near()}
}

// push moves time on by one interval.
func (p *pole) push(right bool) {
	f := -force
	if right {
		f = force
	}
	sin, cos := math.Sincos(p.angle)
	t := (f + poleMass*half*p.spin*p.spin*sin) / totalMass
	turn := (gravity*sin - cos*t) / (half * (4.0/3 - poleMass*cos*cos/totalMass))
	push := t - poleMass*half*turn*cos/totalMass
	p.x += interval * p.speed
	p.speed += interval * push
	p.angle += interval * p.spin
	p.spin += interval * turn
	p.steps++
}

// over says that the pole fell, the cart left the track, or that it is enough.
func (p *pole) over() bool {
	return math.Abs(p.x) > edge || math.Abs(p.angle) > fallen || p.steps >= longest
}

// observe is what the agent sees.
func (p *pole) observe(to []float32) {
	to[0], to[1], to[2], to[3] = float32(p.x), float32(p.speed), float32(p.angle), float32(p.spin)
}

// String draws the pole, leaning eight times as much as it does.
func (p *pole) String() string {
	const width, height = 61, 6
	var lines [height + 1][]byte
	for i := range lines {
		lines[i] = []byte(strings.Repeat(" ", width))
	}
	set := func(line int, column float64, c byte) {
		if at := int(math.Round(column)); at >= 0 && at < width {
			lines[line][at] = c
		}
	}
	middle := (p.x + edge) / (2 * edge) * (width - 1)
	for i := range height {
		set(height-1-i, middle+float64(i+1)*math.Tan(max(-1.2, min(1.2, 8*p.angle))), '|')
	}
	for d := -3.0; d <= 3; d++ {
		set(height, middle+d, '#')
	}
	var out strings.Builder
	for _, l := range lines {
		fmt.Fprintf(&out, "%s\n", strings.TrimRight(string(l), " "))
	}
	fmt.Fprintf(&out, "%s step %d\n", strings.Repeat("=", width), p.steps)
	return out.String()
}
