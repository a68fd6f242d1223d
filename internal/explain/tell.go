package explain

import (
	"fmt"
	"math"
	"slices"
)

// tell puts the lesson into words, numbers and pictures.
func (l *Lesson) tell() *page {
	p := &page{title: "A network learns, number by number"}
	l.tellPicture(p)
	l.tellNetwork(p)
	l.tellWeights(p)
	for i := range l.steps {
		l.tellStep(p, &l.steps[i])
	}
	l.tellLosses(p)
	return p
}

func (l *Lesson) tellPicture(p *page) {
	s := p.section("picture", "The picture", 0)
	text := fmt.Sprintf("A network knows nothing but numbers. This picture shows a %d. ", l.o.Digit)
	switch {
	case l.o.Size == 28:
		text += "It has 28 x 28 pixels, as all of MNIST, a byte each: 0 is black, 255 is white."
	case 28%l.o.Size == 0:
		text += fmt.Sprintf("MNIST's pictures have 28 x 28 pixels. So that everything can be followed by hand, each square of %[1]d x %[1]d pixels became its mean, which leaves %[2]d x %[2]d bytes: 0 is black, 255 is white.", 28/l.o.Size, l.o.Size)
	default:
		text += fmt.Sprintf("So that everything can be followed by hand, it was shrunk to %[1]d x %[1]d pixels, a byte each: 0 is black, 255 is white.", l.o.Size)
	}
	s.add(para(text), figure{alt: fmt.Sprintf("The digit %d: on the left as MNIST has it, on the right as the network sees it", l.o.Digit), text: blocks(l.small), svg: l.drawPictures()})
	t := table{caption: "Bytes", corner: "row", heat: true}
	for c := range l.o.Size {
		t.cols = append(t.cols, fmt.Sprint(c))
	}
	for r := range l.o.Size {
		var cells []string
		for _, b := range l.small.Pix[r*l.o.Size:][:l.o.Size] {
			cells = append(cells, fmt.Sprint(b))
		}
		t.row(fmt.Sprint(r), cells...)
	}
	first := l.ink[0]
	s.add(t, para(fmt.Sprintf("Flatten puts the pixels in a row, x0 to x%d: the pixel in row r, column c is x(%d r + c). Divided by 255, each lies between 0 and 1. Only %d of them aren't 0, and only these will matter: whatever a black pixel is multiplied by is 0.",
		l.inputs-1, l.o.Size, len(l.ink))),
		formula{fmt.Sprintf("x%d = %d / 255 = %s", first, l.small.Pix[first], num(l.x[first]))},
		para("Numbers are float32, as in Keras, and are printed with 7 significant digits. What you compute from the printed numbers agrees in five digits or more; of sums whose terms cancel, in five digits of the terms. Pixels and hidden units are counted from 0."))
}

func (l *Lesson) tellNetwork(p *page) {
	s := p.section("network", "The network", 0)
	n, u := l.inputs, l.o.Units
	s.add(para("Three layers. A Dense layer multiplies each of its inputs by a weight, one for each pair of input and output, adds a bias to each output, and sends the sums through its activation: relu turns what is negative into 0, softmax makes probabilities. Weights and biases are the parameters, and learning means changing them."),
		figure{alt: fmt.Sprintf("The network, with the values of the first step: %d pixels, %d hidden units (of which %d are drawn), %d digits; lines are weights, blue above 0, orange below", n, u, len(l.drawn()), classes), text: []string{
			fmt.Sprintf("%d pixels -> %d hidden units, relu -> %d scores, softmax -> %d probabilities", n, u, classes, classes)}, svg: l.drawNetwork()})
	t := table{caption: "Layers", corner: "layer", cols: []string{"gives", "weights", "biases", "parameters"}}
	t.row(fmt.Sprintf("Flatten(%d, %d)", l.o.Size, l.o.Size), count(n), "0", "0", "0")
	t.row(fmt.Sprintf("Dense(%d, relu)", u), count(u), fmt.Sprintf("%d x %d", n, u), count(u), count(n*u+u))
	t.row("Dense(10, softmax)", "10", fmt.Sprintf("%d x 10", u), "10", count(u*10+10))
	s.add(t, formula{fmt.Sprintf("parameters = inputs × units + units, of each Dense = %d × %d + %d + %d × 10 + 10 = %d", n, u, u, u, n*u+u+u*10+10)})
}

func (l *Lesson) tellWeights(p *page) {
	s := p.section("weights", "The first weights", 0)
	n, u := l.inputs, l.o.Units
	limit := func(in, out int) string { return num(math.Sqrt(6 / float64(in+out))) }
	s.add(para(fmt.Sprintf("Before anything is learnt, biases are 0 and weights are drawn at random (here from seed %d), evenly between -limit and +limit. Glorot's limit keeps sums from growing or fading from layer to layer, however many inputs a layer has.", l.o.Seed)),
		formula{
			fmt.Sprintf("limit of the hidden layer = sqrt(6 / (inputs + units)) = sqrt(6 / (%d + %d)) = %s", n, u, limit(n, u)),
			fmt.Sprintf("limit of the output layer = sqrt(6 / (units + digits)) = sqrt(6 / (%d + 10)) = %s", u, limit(u, 10)),
		}, figure{alt: "The hidden units' weights as pictures: blue for above 0, orange for below", svg: l.drawKernels()})
	if !l.full {
		s.add(para(fmt.Sprintf("There are too many weights to print them all. This page follows hidden unit %d, the one whose weights move the loss most; what is said of it holds for the %d others. Their values, where they are used, are given without their sums; --all prints everything.", l.follow, u-1)))
	}
	l.tellKernels(s, &l.steps[0].before, "at the start")
}

// names are those of the hidden units that are told.
func (l *Lesson) names(prefix string) (out []string) {
	for _, j := range l.shown {
		out = append(out, fmt.Sprintf("%s%d", prefix, j))
	}
	return out
}

// each collects a cell for each hidden unit that is told.
func (l *Lesson) each(cell func(j int) string) (out []string) {
	for _, j := range l.shown {
		out = append(out, cell(j))
	}
	return out
}

// hiddenTable is a table by inked pixel, then bias, and hidden unit; weight tells the cell of weight i of group 0 or 1.
func (l *Lesson) hiddenTable(caption string, cell func(k, i int) string) table {
	t := table{caption: caption, corner: "from", cols: l.names("to h"), heat: true}
	for _, i := range l.ink {
		t.row(fmt.Sprintf("x%d", i), l.each(func(j int) string { return cell(0, i*l.o.Units+j) })...)
	}
	t.row("bias", l.each(func(j int) string { return cell(1, j) })...)
	return t
}

// outputTable is a table by digit and hidden unit, then bias; of groups 2 and 3.
func (l *Lesson) outputTable(caption string, cell func(k, i int) string) table {
	t := table{caption: caption, corner: "to digit", cols: append(l.names("from h"), "bias"), heat: true}
	for c := range classes {
		t.row(fmt.Sprint(c), append(l.each(func(j int) string { return cell(2, j*classes+c) }), cell(3, c))...)
	}
	return t
}

func (l *Lesson) tellKernels(s *section, w *four, when string) {
	cell := func(k, i int) string { return num(w[k][i]) }
	s.add(l.hiddenTable("Hidden weights "+when, cell), l.outputTable("Output weights "+when, cell))
}

func (l *Lesson) tellLosses(p *page) {
	s := p.section("again", "Again and again", 0)
	n := len(l.losses) - 1
	text := fmt.Sprintf("One step helps a little. The same step is made again, and again: after %s the loss is %s", plural(n, "step"), num(l.losses[n]))
	if l.reached {
		text += fmt.Sprintf(", below %v, and training stops there.", l.o.Until)
	} else {
		text += fmt.Sprintf("; %v wasn't reached in the steps allowed.", l.o.Until)
	}
	s.add(para(text), figure{alt: fmt.Sprintf("The loss falls from %s to %s in %s", num(l.losses[0]), num(l.losses[n]), plural(n, "step")), text: l.plotCurve(), svg: l.drawCurve()})
	t := table{caption: "Loss", corner: "steps made", cols: []string{"loss", fmt.Sprintf("p%d = exp(-loss)", l.o.Digit)}}
	var at []int
	for i := 1; i < n; i *= 10 {
		at = append(at, i, 2*i, 5*i)
	}
	at = append(at, 0, n)
	for _, told := range l.steps {
		at = append(at, told.number)
	}
	slices.Sort(at)
	for _, i := range slices.Compact(at) {
		if i <= n {
			t.row(fmt.Sprint(i), num(l.losses[i]), num(math.Exp(-l.losses[i])))
		}
	}
	s.add(t, para(fmt.Sprintf("Now it knows this one %d by heart, and nothing of any other picture. To read digits that it has never seen, it must learn from many: the same step, with the mean gradient of 32 pictures at a time, over all 60,000, ten times over. That is ktrain quickstart.", l.o.Digit)),
		para("The network of the first lesson, with all its 101,770 parameters, is told by: ktrain explain --size 28 --units 128"))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return count(n) + " " + what + "s"
}
