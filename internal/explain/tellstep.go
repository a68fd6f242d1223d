package explain

import (
	"fmt"
	"math"
	"slices"
)

// tellStep tells one step from the picture to the loss after it.
func (l *Lesson) tellStep(p *page, s *step) {
	id := func(name string) string { return fmt.Sprintf("step%d-%s", s.number, name) }
	title := func(name string) string { return fmt.Sprintf("Step %d: %s", s.number, name) }
	defer l.rewind(s)()
	l.tellHidden(p.section(id("hidden"), title("forward, the hidden layer"), s.number), s)
	l.tellScores(p.section(id("scores"), title("forward, the scores"), s.number), s)
	l.tellSoftmax(p.section(id("softmax"), title("softmax and the loss"), s.number), s)
	l.tellBackOut(p.section(id("output"), title("backward, the output layer"), s.number), s)
	l.tellBackHidden(p.section(id("back"), title("backward, the hidden layer"), s.number), s)
	l.tellAdam(p.section(id("adam"), title("Adam's update"), s.number), s)
	l.tellAfter(p.section(id("after"), title("the loss after"), s.number), s)
}

// of names a table of a step.
func (s *step) of(name string) string { return fmt.Sprintf("%s, step %d", name, s.number) }

func (l *Lesson) tellHidden(sec *section, s *step) {
	u := l.o.Units
	sec.add(para("Each pixel times its weight, all of them added up, and the bias: that is z. Then relu: h is z, or 0 where z is negative. A unit with h = 0 is silent: it doesn't look at this picture, and learns nothing from it."))
	i, j := l.ink[0], l.follow
	w := s.before[0][i*u+j]
	sec.add(formula{fmt.Sprintf("x%d times its weight to h%d = %s × %s = %s", i, j, num(l.x[i]), bracket(w), num(l.x[i]*w))})
	t := table{caption: s.of("Pixels times weights"), corner: "pixel", cols: append([]string{"x"}, l.names("h")...)}
	for _, i := range l.ink {
		t.row(fmt.Sprintf("x%d", i), append([]string{num(l.x[i])}, l.each(func(j int) string { return num(l.x[i] * s.before[0][i*u+j]) })...)...)
	}
	t.row("bias", append([]string{"."}, l.each(func(j int) string { return num(s.before[1][j]) })...)...)
	t.total("z = sum", append([]string{"."}, l.each(func(j int) string { return num(s.z[j]) })...)...)
	t.total("h = relu", append([]string{"."}, l.each(func(j int) string { return num(s.h[j]) })...)...)
	sec.add(t)
	silent := 0
	for _, h := range s.h {
		if h == 0 {
			silent++
		}
	}
	if silent == u {
		sec.add(para("All units are silent in this draw: relu gives 0 everywhere, so in this step only the biases of the output layer can learn. Try another --seed."))
	} else {
		sec.add(para(fmt.Sprintf("Silent units here: %d of %d.", silent, u)))
	}
}

func (l *Lesson) tellScores(sec *section, s *step) {
	d := l.o.Digit
	sec.add(para("The output layer does the same with the hidden values: each h times its weight to a digit, added up, and the bias. The sum is the digit's score."))
	if l.full {
		t := table{caption: s.of("Hidden values times weights"), corner: "digit", cols: append(l.names("h"), "bias", "score")}
		for c := range classes {
			cells := l.each(func(j int) string { return num(s.h[j] * s.before[2][j*classes+c]) })
			t.row(fmt.Sprint(c), append(cells, num(s.before[3][c]), num(s.s[c]))...)
		}
		sec.add(t)
		return
	}
	t := table{caption: s.of(fmt.Sprintf("The score of %d", d)), corner: "unit", cols: []string{"h", fmt.Sprintf("weight to %d", d), "product"}}
	for j, h := range s.h {
		if h != 0 {
			w := s.before[2][j*classes+d]
			t.row(fmt.Sprintf("h%d", j), num(h), num(w), num(h*w))
		}
	}
	t.row("bias", ".", ".", num(s.before[3][d]))
	t.total("score", ".", ".", num(s.s[d]))
	sec.add(para(fmt.Sprintf("Here are the units that aren't silent, and the score of %d; the other digits' scores are found the same way.", d)), t)
}

func (l *Lesson) tellSoftmax(sec *section, s *step) {
	d := l.o.Digit
	top := slices.Max(s.s)
	var sum float64
	t := table{caption: s.of("Softmax"), corner: "digit", cols: []string{"score", "score - max", "exp", "p = exp / sum"}}
	for c, score := range s.s {
		e := math.Exp(float64(score) - float64(top))
		sum += e
		t.row(fmt.Sprint(c), num(score), num(float64(score)-float64(top)), num(e), num(s.p[c]))
	}
	t.total("sum", ".", ".", num(sum), "1")
	sec.add(para("Softmax makes probabilities of scores: e to the power of each, divided by the sum of all. The largest score is taken away first, which changes nothing, as it cancels, but keeps e to the power of it from overflowing."),
		formula{fmt.Sprintf("max = %s", num(top))}, t,
		formula{fmt.Sprintf("p%d = exp / sum = %s / %s = %s", d, num(math.Exp(float64(s.s[d])-float64(top))), num(sum), num(s.p[d]))})
	guess := 0
	for c, p := range s.p {
		if p > s.p[guess] {
			guess = c
		}
	}
	text := fmt.Sprintf("The network thinks it is a %d, and gives the truth, %d, %s.", guess, d, num(s.p[d]))
	if guess == d {
		text = fmt.Sprintf("The network thinks it is a %d, which is right, and is %s sure.", guess, num(s.p[d]))
	}
	sec.add(para(text+" The loss says how wrong that is: the cross-entropy, -ln of the probability that the truth got. Certainty (1) costs nothing, a guess among ten costs ln 10 = 2.302585, and there is no limit to what being surely wrong costs."),
		formula{fmt.Sprintf("loss = -ln(p%d) = -ln(%s) = %s", d, num(s.p[d]), num(s.loss))})
}

func (l *Lesson) tellBackOut(sec *section, s *step) {
	d := l.o.Digit
	sec.add(para("Which way should each number move? Its gradient says how much the loss grows when the number grows by a little. Softmax and cross-entropy together have the simplest of gradients: of each score, its probability minus what should have been, 1 for the truth and 0 for all else. The truth's score has to rise, all others have to fall."))
	t := table{caption: s.of("Gradient of the scores"), corner: "digit", cols: []string{"p", "target", "d = p - target"}}
	for c, v := range s.ds {
		target := "0"
		if c == d {
			target = "1"
		}
		t.row(fmt.Sprint(c), num(s.p[c]), target, num(v))
	}
	sec.add(t, figure{alt: "The gradient of each score as a bar: only the truth's is below 0", svg: drawBars(s.ds, d)})
	j := l.follow
	sec.add(para("A weight's gradient is what came in through it times the gradient of where it leads. A bias's is the latter alone, for what comes in through it is 1."),
		formula{fmt.Sprintf("gradient of h%d's weight to %d = h%d × d%d = %s × %s = %s", j, d, j, d, num(s.h[j]), bracket(s.ds[d]), num(s.grad[2][j*classes+d]))},
		l.outputTable(s.of("Gradients of the output weights"), func(k, i int) string { return num(s.grad[k][i]) }))
	up := l.difference(2, j*classes+d)
	w := s.before[2][j*classes+d]
	sec.add(para(fmt.Sprintf("Is that true? Move the weight, which is %s, by %v up and down, run the network each time, and see how the loss changes: the numeric gradient, a central difference. It needs two runs for each weight, which is why nobody trains that way; but it can't be wrong.", num(w), nudge)),
		formula{
			fmt.Sprintf("loss with the weight at %s = %s", num(float64(w)+nudge), fine(up.up)),
			fmt.Sprintf("loss with the weight at %s = %s", num(float64(w)-nudge), fine(up.down)),
			fmt.Sprintf("numeric gradient = (loss up - loss down) / (2 × %v) = (%s - %s) / 0.02 = %s", nudge, fine(up.up), fine(up.down), num(up.slope)),
		})
	l.tellNumeric(sec, s, l.outputTable, "Numeric check of the output weights")
}

// tellNumeric adds the table of central differences, and how far they are off.
func (l *Lesson) tellNumeric(sec *section, s *step, make func(string, func(k, i int) string) table, caption string) {
	var worst float64
	corners := false
	t := make(s.of(caption), func(k, i int) string {
		d := l.difference(k, i)
		if d.corner {
			corners = true
			return "corner"
		}
		worst = max(worst, math.Abs(d.slope-float64(s.grad[k][i])))
		return num(d.slope)
	})
	text := fmt.Sprintf("The largest difference between the two tables is %.0e: that much is lost to rounding in float32, and to the curve's bend.", worst)
	if corners {
		text += " A corner is where relu switches a unit on or off between the two runs: the slopes to the left and to the right differ there, and a difference across it says nothing."
	}
	sec.add(t, para(text))
}

func (l *Lesson) tellBackHidden(sec *section, s *step) {
	t := table{caption: s.of("Back through the output weights"), corner: "digit", cols: l.names("h")}
	for c := range classes {
		t.row(fmt.Sprint(c), l.each(func(j int) string { return num(s.ds[c] * s.before[2][j*classes+c]) })...)
	}
	t.total("sum: gradient of h", l.each(func(j int) string { return num(s.dh[j]) })...)
	t.row("relu let it through", l.each(func(j int) string {
		if s.z[j] > 0 {
			return "1"
		}
		return "0"
	})...)
	t.total("gradient of z", l.each(func(j int) string { return num(s.dz[j]) })...)
	i, j := l.brightest(), l.follow
	sec.add(para("A hidden value sends something to all ten scores, so its gradient comes back from all ten: each score's gradient times the weight between, added up. This is the chain rule, and going through the layers backwards with it is called backpropagation. Relu lets a gradient through where it let the value through, and stops it where it gave 0."),
		t, para("From there it is as before: a weight's gradient is its pixel times the gradient of z. Black pixels give 0: their weights stay as they are."),
		formula{fmt.Sprintf("gradient of x%d's weight to h%d = x%d × gradient of z%d = %s × %s = %s", i, j, i, j, num(l.x[i]), bracket(s.dz[j]), num(s.grad[0][i*l.o.Units+j]))},
		l.hiddenTable(s.of("Gradients of the hidden weights"), func(k, i int) string { return num(s.grad[k][i]) }),
		figure{alt: "The gradients of the hidden units' weights as pictures: the digit itself, blue where weights will fall, orange where they will rise", svg: l.drawGradients(s)})
	l.tellNumeric(sec, s, l.hiddenTable, "Numeric check of the hidden weights")
}

// brightest is the brightest pixel.
func (l *Lesson) brightest() (i int) {
	for _, k := range l.ink {
		if l.x[k] > l.x[i] {
			i = k
		}
	}
	return i
}

func (l *Lesson) tellAfter(sec *section, s *step) {
	d := l.o.Digit
	t := table{caption: s.of("Scores after"), corner: "digit", cols: []string{"score", "p", "p before"}}
	for c := range classes {
		t.row(fmt.Sprint(c), num(s.nextS[c]), num(s.nextP[c]), num(s.p[c]))
	}
	sec.add(para("The same picture through the network with its new weights:"), t, formula{
		fmt.Sprintf("loss after = -ln(p%d) = -ln(%s) = %s", d, num(s.nextP[d]), num(s.nextLoss)),
		fmt.Sprintf("change of the loss = %s - %s = %s", num(s.nextLoss), num(s.loss), num(s.nextLoss-s.loss)),
	})
}
