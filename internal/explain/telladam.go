package explain

import (
	"fmt"
	"math"
	"strconv"
)

// Adam's constants, as train.NewAdam has them.
const (
	beta1, beta2, epsilon = 0.9, 0.999, 1e-7
)

// followed is a weight whose update is spelled out: number i of group k.
type followed struct {
	name string
	k, i int
}

// followed are a few of each kind.
func (l *Lesson) followed(s *step) []followed {
	d, j, x := l.o.Digit, l.follow, l.brightest()
	other := -1 // the likeliest wrong digit
	for c, p := range s.p {
		if c != d && (other < 0 || p > s.p[other]) {
			other = c
		}
	}
	return []followed{
		{fmt.Sprintf("x%d to h%d", x, j), 0, x*l.o.Units + j},
		{fmt.Sprintf("h%d to %d", j, d), 2, j*classes + d},
		{fmt.Sprintf("h%d to %d", j, other), 2, j*classes + other},
		{fmt.Sprintf("bias of %d", d), 3, d},
	}
}

func (l *Lesson) tellAdam(sec *section, s *step) {
	n := float64(s.number)
	alpha := l.o.Rate * math.Sqrt(1-math.Pow(beta2, n)) / (1 - math.Pow(beta1, n))
	sec.add(para("Gradient descent would take from each weight its gradient times the learning rate. Adam is cleverer: for each weight it keeps m, a running mean of its gradients, and v, a running mean of their squares, and moves the weight by m / sqrt(v): steady gradients make full steps, jumpy ones small steps, and it doesn't matter how large gradients are in general."),
		formula{
			"m = 0.9 m + 0.1 g",
			"v = 0.999 v + 0.001 g²",
			fmt.Sprintf("rate of this step = rate × sqrt(1 - 0.999^n) / (1 - 0.9^n) = %s × sqrt(1 - 0.999^%d) / (1 - 0.9^%d) = %s", strconv.FormatFloat(l.o.Rate, 'g', -1, 64), s.number, s.number, num(alpha)),
			"weight after = weight - rate of this step × m / (sqrt(v) + 0.0000001)",
		},
		para("Both means start at 0 and would be too small at first; the factor with the n-th powers, the bias correction, makes up for that. (Keras puts both corrections into the rate, as here.) The 0.0000001 only keeps 0 from being divided by 0."))
	list := l.followed(s)
	t := table{caption: s.of("Adam"), corner: "of the weight"}
	lines := []struct {
		name string
		cell func(k, i int) string
	}{
		{"weight", func(k, i int) string { return num(s.before[k][i]) }},
		{"g, its gradient", func(k, i int) string { return num(s.grad[k][i]) }},
		{"m before", func(k, i int) string { return num(s.m0[k][i]) }},
		{"m", func(k, i int) string { return num(s.m[k][i]) }},
		{"v before", func(k, i int) string { return num(s.v0[k][i]) }},
		{"v", func(k, i int) string { return num(s.v[k][i]) }},
		{"step", func(k, i int) string {
			return num(alpha * float64(s.m[k][i]) / (math.Sqrt(float64(s.v[k][i])) + epsilon))
		}},
		{"weight after", func(k, i int) string { return num(s.after[k][i]) }},
	}
	for _, f := range list {
		t.cols = append(t.cols, f.name)
	}
	for _, line := range lines {
		var cells []string
		for _, f := range list {
			cells = append(cells, line.cell(f.k, f.i))
		}
		t.row(line.name, cells...)
	}
	sec.add(t)
	if s.number == 1 {
		sec.add(para(fmt.Sprintf("In the first step m / sqrt(v) is the same for all, up to its sign: every weight with a gradient moves by almost exactly the learning rate, %v. Others don't move.", l.o.Rate)))
	}
	f := list[1]
	w, g, m, v := s.before[f.k][f.i], s.grad[f.k][f.i], s.m[f.k][f.i], s.v[f.k][f.i]
	sec.add(para("For "+f.name+", in full:"), formula{
		fmt.Sprintf("m = 0.9 m + 0.1 g = 0.9 × %s + 0.1 × %s = %s", bracket(s.m0[f.k][f.i]), bracket(g), num(m)),
		fmt.Sprintf("v = 0.999 v + 0.001 g² = 0.999 × %s + 0.001 × %s^2 = %s", num(s.v0[f.k][f.i]), bracket(g), num(v)),
		fmt.Sprintf("step = rate of this step × m / (sqrt(v) + 0.0000001) = %s × %s / (sqrt(%s) + 0.0000001) = %s",
			num(alpha), bracket(m), num(v), num(alpha*float64(m)/(math.Sqrt(float64(v))+epsilon))),
		fmt.Sprintf("weight after = weight - step = %s - %s = %s", num(w), bracket(alpha*float64(m)/(math.Sqrt(float64(v))+epsilon)), num(s.after[f.k][f.i])),
	}, para("All others move the same way, each by its own gradient:"))
	l.tellKernels(sec, &s.after, fmt.Sprintf("after step %d", s.number))
}
