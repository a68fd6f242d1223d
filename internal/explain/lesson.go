// Package explain shows how a network learns: it trains the smallest network that reads digits on one picture, keeps every
// number of the first steps, and tells them as text or as a web page. The numbers are the engine's own; what a reader
// computes from the printed ones must come out the same, and a test does compute it.
package explain

import (
	"context"
	"embed"
	"fmt"
	"math"
	"slices"

	"kerasgo/data"
	"kerasgo/imaging"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/layers"
	"kerasgo/train"
)

// digits are ten pictures of MNIST's test set, one of each digit.
//
//go:embed digits/*.png
var digits embed.FS

const (
	classes = 10
	// nudge is how far a weight is moved for a central difference: little enough for the curve to be straight, far enough
	// for float32 to feel it.
	nudge = 0.01
	// fullest is the number of products with the pixels up to which all are printed without being asked for.
	fullest = 2000
)

// Options say what is explained.
type Options struct {
	Picture *imaging.Image // any picture of a digit; nil: a picture of Digit from MNIST's test set
	Digit   int            // what the picture shows, 0 to 9
	Size    int            // of the picture that the network sees, Size x Size pixels, 1 to 28
	Units   int            // of the hidden layer
	Seed    uint64         // of the first weights
	Rate    float64        // Adam's learning rate
	Until   float64        // go on until the loss is below this
	Most    int            // but for no more steps than this
	Steps   int            // steps that are told in full
	All     bool           // print all weights, however many
}

// Check finds what can't be explained.
func (o *Options) Check() error {
	switch {
	case o.Digit < 0 || o.Digit >= classes:
		return fmt.Errorf("the digit must be 0 to 9, found %d", o.Digit)
	case o.Size < 1 || o.Size > 28:
		return fmt.Errorf("the picture must be 1 to 28 pixels wide, found %d", o.Size)
	case o.Units < 1 || o.Units > 1024:
		return fmt.Errorf("the hidden layer must have 1 to 1024 units, found %d", o.Units)
	case !(o.Rate > 0) || math.IsInf(o.Rate, 0):
		return fmt.Errorf("the learning rate must be above 0, found %v", o.Rate)
	case !(o.Until >= 0):
		return fmt.Errorf("the loss to reach must be 0 or more, found %v", o.Until)
	case o.Most < 1 || o.Most > 100_000:
		return fmt.Errorf("the most steps must be 1 to 100000, found %d", o.Most)
	case o.Steps < 1 || o.Steps > o.Most || o.Steps > 20:
		return fmt.Errorf("the steps to tell must be 1 to 20, and no more than the most steps, found %d", o.Steps)
	}
	return nil
}

// four are the numbers of each weight, in Keras's order: the hidden layer's kernel [pixels, units] and bias [units], the
// output layer's kernel [units, classes] and bias [classes].
type four [4][]float32

func (f *four) clone() (out four) {
	for i, v := range f {
		out[i] = slices.Clone(v)
	}
	return out
}

// step is all that happens in one.
type step struct {
	number       int
	before       four // the weights
	z, h, s, p   []float32
	loss         float64
	ds, dh, dz   []float32 // gradients of the scores, of the hidden values after and before relu
	grad         four
	m0, v0, m, v four // Adam's memory before and after
	after        four
	nextS, nextP []float32
	nextLoss     float64
}

// Lesson is a network with everything that happened to it.
type Lesson struct {
	o       Options
	inputs  int
	picture *imaging.Image // as it came, gray
	small   *imaging.Image // as the network sees it
	x       []float32
	ink     []int // pixels that aren't 0
	shown   []int // hidden units that are told in full
	full    bool  // those are all
	follow  int   // the hidden unit whose weights are followed
	steps   []step
	losses  []float64 // before each step, and after the last
	reached bool
	model   *nn.Sequential
	probe   *probe
}

// New trains and keeps what happens. The errors are of the options, the picture, or a loss that isn't a number.
func New(ctx context.Context, o Options) (*Lesson, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	l := &Lesson{o: o, inputs: o.Size * o.Size}
	if err := l.look(); err != nil {
		return nil, err
	}
	if err := l.build(); err != nil {
		return nil, err
	}
	return l, l.learn(ctx)
}

// look reads the picture.
func (l *Lesson) look() (err error) {
	m := l.o.Picture
	if m == nil {
		files, err := digits.ReadDir("digits")
		if err != nil {
			return err
		}
		raw, err := digits.ReadFile("digits/" + files[l.o.Digit].Name())
		if err != nil {
			return err
		}
		if m, err = imaging.Decode(raw, safeio.Limits{}); err != nil {
			return err
		}
	}
	gray := func(size int) (*imaging.Image, []float32, error) {
		x := make([]float32, size*size)
		p := imaging.Options{Color: imaging.Gray, Height: size, Width: size, Filter: imaging.Box}
		if err := p.Fill(x, m); err != nil {
			return nil, nil, err
		}
		g := &imaging.Image{W: size, H: size, C: 1, Pix: make([]byte, len(x))}
		for i, v := range x {
			g.Pix[i] = byte(v)
			x[i] = v / 255
		}
		return g, x, nil
	}
	if l.picture, _, err = gray(28); err != nil {
		return err
	}
	if l.small, l.x, err = gray(l.o.Size); err != nil {
		return err
	}
	for i, v := range l.x {
		if v != 0 {
			l.ink = append(l.ink, i)
		}
	}
	if len(l.ink) == 0 {
		return fmt.Errorf("the picture is black: the digit must be bright on a dark ground, as in MNIST")
	}
	return nil
}

// build makes the network and draws its weights.
func (l *Lesson) build() (err error) {
	l.model, err = nn.NewSequential(nn.NewInput(l.o.Size, l.o.Size), layers.NewFlatten(), layers.NewDense(l.o.Units, "relu"), layers.NewDense(classes, "softmax"))
	if err != nil {
		return err
	}
	if err := nn.InitWeights(l.model, l.o.Seed); err != nil {
		return err
	}
	loss, err := train.ParseLoss("sparse_categorical_crossentropy")
	if err != nil {
		return err
	}
	adam := train.NewAdam()
	adam.LearningRate = l.o.Rate
	if err := train.Compile(l.model, train.Config{Optimizer: adam, Loss: []train.Loss{loss}}); err != nil {
		return err
	}
	l.probe, err = newProbe(l.model, l.x, l.o.Size)
	return err
}

// weights are the model's own: what is written to them, the model learns.
func (l *Lesson) weights() (f four) {
	i := 0
	for w := range nn.Weights(l.model) {
		f[i] = w.Data.F32
		i++
	}
	return f
}

// memory is what Adam keeps: its means m and v, of each weight.
func (l *Lesson) memory() (m, v four) {
	slots := l.model.Training().Variables
	slots = slots[len(slots)-8:] // after iteration and learning_rate: m and v of each weight
	for i := range m {
		m[i], v[i] = slots[2*i].Value.F32, slots[2*i+1].Value.F32
	}
	return m.clone(), v.clone()
}

// learn makes the steps.
func (l *Lesson) learn(ctx context.Context) error {
	t, err := train.NewTrainer(l.model, train.Options{Threads: 1})
	if err != nil {
		return err
	}
	defer t.Close()
	batch := &data.Batch{X: []*nn.Tensor{graph.FromF32(l.x, 1, l.o.Size, l.o.Size)}, Y: []*nn.Tensor{graph.FromI32([]int32{int32(l.o.Digit)}, 1)}}
	for n := 1; n <= l.o.Most; n++ {
		told := n <= l.o.Steps
		if _, _, loss := l.probe.run(l.o.Digit); loss < l.o.Until && !told {
			break
		}
		var s step
		if told {
			s = step{number: n}
			w := l.weights()
			s.before = w.clone()
			s.m0, s.v0 = l.memory()
		}
		t.ResetMetrics()
		logs, err := t.TrainOnBatch(ctx, batch)
		if err != nil {
			return err
		}
		s.loss, _ = logs.Get("loss")
		l.losses = append(l.losses, s.loss)
		if !told {
			continue
		}
		l.record(&s, t.Interp())
		l.steps = append(l.steps, s)
	}
	_, _, last := l.probe.run(l.o.Digit)
	l.losses = append(l.losses, last)
	l.reached = last < l.o.Until
	l.choose()
	return nil
}

// record takes over what the step computed.
func (l *Lesson) record(s *step, run *graph.Interp) {
	w := l.weights()
	s.after = w.clone()
	s.m, s.v = l.memory()
	i := 0
	for weight := range nn.Weights(l.model) {
		s.grad[i] = slices.Clone(run.Grad(run.Graph().Weight(weight)).F32)
		i++
	}
	v := inside(run.Graph())
	value := func(v *nn.Value) []float32 { return slices.Clone(run.Value(v).F32) }
	slope := func(v *nn.Value) []float32 { return slices.Clone(run.Grad(v).F32) }
	s.z, s.h, s.s, s.p = value(v.z), value(v.h), value(v.s), value(v.p)
	s.ds, s.dh, s.dz = slope(v.s), slope(v.h), slope(v.z)
	s.nextS, s.nextP, s.nextLoss = l.probe.run(l.o.Digit)
}

// choose says which hidden unit is followed, the one whose weights move the loss most, and which are told in full.
func (l *Lesson) choose() {
	s := &l.steps[0]
	for j, d := range s.dz {
		if math.Abs(float64(d)) > math.Abs(float64(s.dz[l.follow])) {
			l.follow = j
		}
	}
	l.full = l.o.All || len(l.ink)*l.o.Units <= fullest
	if !l.full {
		l.shown = []int{l.follow}
		return
	}
	for j := range l.o.Units {
		l.shown = append(l.shown, j)
	}
}

// values are the network's: the hidden layer before and after relu, scores, and probabilities.
type values struct{ z, h, s, p *nn.Value }

// inside finds them in a graph.
func inside(g *graph.Graph) (v values) {
	for _, n := range g.Nodes {
		dense := len(n.In) > 1 && n.In[1] != nil && n.In[1].Weight != nil
		switch {
		case dense && v.z == nil:
			v.z = n.Out[0]
		case dense:
			v.s = n.Out[0]
		case n.In[0] == v.z:
			v.h = n.Out[0]
		case n.In[0] == v.s:
			v.p = n.Out[0]
		}
	}
	return v
}

// probe runs the network as its weights are at the moment.
type probe struct {
	exec *graph.Interp
	in   *nn.Tensor
	values
}

func newProbe(m nn.Model, x []float32, size int) (*probe, error) {
	g, _, err := nn.Trace(m, false)
	if err != nil {
		return nil, err
	}
	return &probe{graph.NewInterp(g.Graph, 0), graph.FromF32(x, 1, size, size), inside(g.Graph)}, nil
}

// run returns scores, probabilities, and the loss, in float64 from the scores on: a difference of two losses needs that.
func (p *probe) run(digit int) (scores, probabilities []float32, loss float64) {
	if err := p.exec.Forward(context.Background(), p.in); err != nil {
		return nil, nil, math.NaN()
	}
	scores, probabilities = slices.Clone(p.exec.Value(p.s).F32), slices.Clone(p.exec.Value(p.p).F32)
	top, sum := slices.Max(scores), 0.0
	for _, s := range scores {
		sum += math.Exp(float64(s) - float64(top))
	}
	return scores, probabilities, math.Log(sum) - (float64(scores[digit]) - float64(top))
}

// difference is a central one: the loss with a weight moved by nudge up and down.
type difference struct {
	up, down, slope float64
	corner          bool // a relu switched on or off on the way, so the curve has a corner there
}

// rewind gives the weights the values they had before a step, and returns what takes that back.
func (l *Lesson) rewind(s *step) (restore func()) {
	live := l.weights()
	kept := live.clone()
	for j := range live {
		copy(live[j], s.before[j])
	}
	return func() {
		for j := range live {
			copy(live[j], kept[j])
		}
	}
}

// difference is that of weight i of group k, at the weights as they are.
func (l *Lesson) difference(k, i int) (d difference) {
	live := l.weights()
	w := live[k][i]
	live[k][i] = w + nudge
	_, _, d.up = l.probe.run(l.o.Digit)
	on := l.active()
	live[k][i] = w - nudge
	_, _, d.down = l.probe.run(l.o.Digit)
	d.corner = !slices.Equal(on, l.active())
	d.slope = (d.up - d.down) / (2 * nudge)
	live[k][i] = w
	return d
}

// active says which hidden units were above 0 in the last run.
func (l *Lesson) active() (on []bool) {
	for _, v := range l.probe.exec.Value(l.probe.z).F32 {
		on = append(on, v > 0)
	}
	return on
}
