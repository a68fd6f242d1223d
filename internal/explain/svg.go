package explain

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"kerasgo/imaging"
)

// most is how many hidden units pictures show.
const most = 10

// drawn are those: all that are told, or the followed one and others that aren't silent.
func (l *Lesson) drawn() []int {
	if l.full {
		return l.shown[:min(len(l.shown), most)]
	}
	list := []int{l.follow}
	for j, h := range l.steps[0].h {
		if h != 0 && j != l.follow && len(list) < most {
			list = append(list, j)
		}
	}
	slices.Sort(list)
	return list
}

// gray draws a picture of a digit in a square: ink is what is bright.
func (d *drawing) gray(m *imaging.Image, x, y, side float64) {
	cell := side / float64(m.W)
	for i, v := range m.Pix {
		if v != 0 {
			d.f(`<rect class="ink" x="%.2f" y="%.2f" width="%.2f" height="%.2f" fill-opacity="%.2f"/>`,
				x+float64(i%m.W)*cell, y+float64(i/m.W)*cell, cell+.3, cell+.3, float64(v)/255)
		}
	}
	d.f(`<rect class="frame" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, x, y, side, side)
}

// heat draws signed numbers in a square, in two colours.
func (d *drawing) heat(v []float32, size int, top float32, x, y, width float64) {
	cell := width / float64(size)
	for i, w := range v {
		if a := math.Abs(float64(w)) / float64(top); a >= .005 {
			d.f(`<rect class="%s" x="%.2f" y="%.2f" width="%.2f" height="%.2f" fill-opacity="%.2f"/>`,
				side(w), x+float64(i%size)*cell, y+float64(i/size)*cell, cell, cell, a)
		}
	}
	d.f(`<rect class="frame" x="%.1f" y="%.1f" width="%.1f" height="%.1f"/>`, x, y, width, width)
}

func (l *Lesson) drawPictures() string {
	d := newDrawing(420, 200, fmt.Sprintf("A handwritten %d, and the same in %d x %d pixels", l.o.Digit, l.o.Size, l.o.Size))
	d.gray(l.picture, 5, 5, 190)
	d.gray(l.small, 225, 5, 190)
	return d.end()
}

// drawUnits draws a kernel [pixels, units], a square for each unit.
func (l *Lesson) drawUnits(kernel []float32, alt string) string {
	const side, gap, perLine = 84.0, 22.0, 8
	list := l.drawn()
	lines := (len(list) + perLine - 1) / perLine
	var top float32
	for _, w := range kernel {
		top = max(top, w, -w)
	}
	if top == 0 {
		top = 1
	}
	d := newDrawing(int(min(float64(len(list)), perLine)*(side+gap)), lines*int(side+gap+4), alt)
	for n, j := range list {
		x, y := float64(n%perLine)*(side+gap)+2, float64(n/perLine)*(side+gap+4)+18
		v := make([]float32, l.inputs)
		for i := range v {
			v[i] = kernel[i*l.o.Units+j]
		}
		d.text(x+side/2, y-5, "middle", fmt.Sprintf("h%d", j))
		d.heat(v, l.o.Size, top, x, y, side)
	}
	return d.end()
}

func (l *Lesson) drawKernels() string {
	return l.drawUnits(l.steps[0].before[0], "Heat maps of the hidden units' first weights: noise")
}

func (l *Lesson) drawGradients(s *step) string {
	return l.drawUnits(s.grad[0], "Heat maps of the gradients: each shows the digit")
}

// drawNetwork draws picture, hidden units and digits with the first step's values.
func (l *Lesson) drawNetwork() string {
	const height, left, mid, right = 440.0, 150.0, 370.0, 600.0
	s := &l.steps[0]
	list := l.drawn()
	d := newDrawing(820, int(height)+10, "A picture, lines from it to the hidden units, lines from those to ten digits, coloured by weight")
	place := func(n, of int) float64 { return height * (float64(n) + .5) / float64(of) }
	var top float32
	for _, w := range s.before[2] {
		top = max(top, w, -w)
	}
	for n, j := range list {
		y := place(n, len(list))
		d.f(`<line class="axis" x1="%.0f" y1="%.1f" x2="%.0f" y2="%.1f"/>`, left, height/2, mid, y)
		for c := range classes {
			w := s.before[2][j*classes+c]
			d.f(`<line class="%s" x1="%.0f" y1="%.1f" x2="%.0f" y2="%.1f" stroke-width="%.1f" stroke-opacity=".6"/>`,
				side(w), mid, y, right, place(c, classes), .3+4*math.Abs(float64(w/top)))
		}
	}
	d.gray(l.small, 5, height/2-70, 140)
	for n, j := range list {
		y, class := place(n, len(list)), "node"
		if s.h[j] == 0 {
			class += " silent"
		}
		r := min(26, height/float64(len(list))/2-1)
		d.f(`<circle class="%s" cx="%.0f" cy="%.1f" r="%.1f"/>`, class, mid, y, r)
		if r > 14 {
			d.text(mid, y-2, "middle", fmt.Sprintf("h%d", j))
			d.text(mid, y+12, "middle", short(s.h[j]))
		}
	}
	for c, p := range s.p {
		y := place(c, classes)
		d.f(`<circle class="node" cx="%.0f" cy="%.1f" r="16"/>`, right, y)
		d.text(right, y+4, "middle", fmt.Sprint(c))
		d.f(`<rect class="pos" x="%.0f" y="%.1f" width="%.1f" height="14"/>`, right+28, y-7, 120*p)
		d.text(float64(right+34+120*p), y+4, "start", num(p))
	}
	return d.end()
}

// short fits into a circle.
func short(v float32) string {
	if v == 0 {
		return "0"
	}
	return fmt.Sprintf("%.3f", v)
}

// drawBars draws the gradients of the scores.
func drawBars(v []float32, digit int) string {
	const left, wide, line = 330.0, 250.0, 24.0
	d := newDrawing(680, int(line*classes)+10, fmt.Sprintf("Bars: the gradient of the score of %d is below 0, the nine others are above", digit))
	d.f(`<line class="axis" x1="%.0f" y1="0" x2="%.0f" y2="%.0f"/>`, left, left, line*classes)
	for c, g := range v {
		y, w := line*float64(c)+5, wide*math.Abs(float64(g))
		x, at, anchor := left, left+w+6, "start"
		if g < 0 {
			x, at, anchor = left-w, left-w-6, "end"
		}
		d.text(20, y+12, "middle", fmt.Sprint(c))
		d.f(`<rect class="%s" x="%.1f" y="%.1f" width="%.1f" height="16"/>`, side(g), x, y, w)
		d.text(at, y+12, anchor, num(g))
	}
	return d.end()
}

// drawCurve draws the losses over the steps, with the loss to reach.
func (l *Lesson) drawCurve() string {
	const left, top, width, height = 60.0, 15.0, 680.0, 300.0
	high, last := slices.Max(l.losses), len(l.losses)-1
	d := newDrawing(780, 360, "A falling curve")
	y := func(v float64) float64 { return top + height*(1-v/high) }
	d.f(`<line class="axis" x1="%.0f" y1="%.0f" x2="%.0f" y2="%.0f"/>`, left, top, left, top+height)
	d.f(`<line class="axis" x1="%.0f" y1="%.0f" x2="%.0f" y2="%.0f"/>`, left, top+height, left+width, top+height)
	d.f(`<line class="goal" x1="%.0f" y1="%.1f" x2="%.0f" y2="%.1f"/>`, left, y(min(l.o.Until, high)), left+width, y(min(l.o.Until, high)))
	var points strings.Builder
	each := max(1, last/800)
	for i := 0; i <= last; i++ {
		if i%each == 0 || i == last {
			fmt.Fprintf(&points, "%.1f,%.1f ", left+width*float64(i)/float64(max(last, 1)), y(l.losses[i]))
		}
	}
	d.f(`<polyline class="curve" points="%s"/>`, strings.TrimSpace(points.String()))
	d.text(left-6, y(high)+4, "end", fmt.Sprintf("%.2f", high))
	d.text(left-6, y(0)+4, "end", "0")
	d.text(left+width, top+height+20, "end", plural(last, "step"))
	d.text(left, top+height+20, "middle", "0")
	d.text(left+width, y(min(l.o.Until, high))-6, "end", fmt.Sprintf("loss %v", l.o.Until))
	return d.end()
}
