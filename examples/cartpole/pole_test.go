package main

import (
	"math"
	"strings"
	"testing"
)

// TestPole holds the physics to what must be true of it: nothing prefers a side, a push moves the cart its way and tips the
// pole the other, by as much as the equations say, and a cart that is pushed to one side loses its pole within a dozen steps.
func TestPole(t *testing.T) {
	left, right := pole{angle: 0.02}, pole{angle: -0.02}
	for range 30 {
		left.push(false)
		right.push(true)
	}
	if left.x != -right.x || left.angle != -right.angle {
		t.Errorf("the mirror image went elsewhere: %+v, %+v", left, right)
	}
	p := pole{}
	p.push(true)
	p.push(true)
	if p.x <= 0 || p.angle >= 0 {
		t.Errorf("pushed to the right: %+v", p)
	}
	// Upright at rest, the push alone acts: the equations, solved by hand.
	turn := -(force / totalMass) / (half * (4.0/3 - poleMass/totalMass))
	p = pole{}
	if p.push(true); math.Abs(p.spin-interval*turn) > 1e-12 {
		t.Errorf("spin %v after a push, expected %v", p.spin, interval*turn)
	}
	for _, side := range []bool{false, true} {
		p := pole{}
		for !p.over() {
			p.push(side)
		}
		if p.steps > 12 || p.steps < 8 {
			t.Errorf("pushed to one side, the pole stood %d steps", p.steps)
		}
	}
	if s := (&pole{x: -1, angle: 0.1}).String(); strings.Count(s, "|") != 6 || strings.Count(s, "#") != 7 || !strings.Contains(s, "step 0") {
		t.Errorf("the picture is\n%s", s)
	}
}
