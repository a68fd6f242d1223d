package keras

import (
	"fmt"
	"slices"
	"strings"

	"kerasgo/internal/hdf5"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// origin is what the Keras that wrote weights did otherwise than today's.
type origin struct {
	one    bool // Keras 1: gate by gate, and kernels laid out as images were
	theano bool // whose convolutions turn kernels round
}

// originOf reads the attributes of a legacy file's weights.
func originOf(g *hdf5.Group, files []saved) origin {
	version, _ := attrText(g, "keras_version")
	backend, _ := attrText(g, "backend")
	one := strings.HasPrefix(version, "1")
	if version == "" { // before 1.1 it wasn't said
		one = slices.ContainsFunc(files, func(f saved) bool {
			return slices.ContainsFunc(f.weights, func(n string) bool {
				n = strings.TrimSuffix(n, ":0")
				return strings.HasSuffix(n, "_W") || strings.Contains(n, "_W_")
			})
		})
	}
	return origin{one, backend == "theano"}
}

// layout is a weight's values as an older file has them: in one dataset or several, in another order.
type layout struct {
	sets   []*hdf5.Dataset
	shape  nn.Shape               // of each dataset
	at     func(int) (set, e int) // where an element of the weight is
	second int                    // so much further is what is added to it; 0: nothing
}

// read makes the weight's tensor.
func (o layout) read(s nn.Spec) (*nn.Tensor, error) {
	parts := make([]*nn.Tensor, len(o.sets))
	for i, set := range o.sets {
		var err error
		if parts[i], err = readTensor(set, nn.Spec{Shape: o.shape, DType: s.DType}); err != nil {
			return nil, err
		}
	}
	t := graph.New(s)
	for i := range t.F32 {
		set, e := o.at(i)
		if t.F32[i] = parts[set].F32[e]; o.second > 0 {
			t.F32[i] += parts[set].F32[e+o.second]
		}
	}
	for i := range t.F64 {
		set, e := o.at(i)
		if t.F64[i] = parts[set].F64[e]; o.second > 0 {
			t.F64[i] += parts[set].F64[e+o.second]
		}
	}
	return t, nil
}

// moved says where an element of a tensor of shape s is in one whose axis i is the tensor's axis axes[i]; the first turned
// axes run backwards.
func moved(s nn.Shape, axes []int, turned int) (from nn.Shape, at func(int) int) {
	steps := make([]int, len(s)) // in from, of the tensor's axes
	step := 1
	from = make(nn.Shape, len(axes))
	for i := len(axes) - 1; i >= 0; i-- {
		from[i] = s[axes[i]]
		steps[axes[i]] = step
		step *= from[i]
	}
	return from, func(i int) (at int) {
		for d := len(s) - 1; d >= 0; d-- {
			n := i % s[d]
			if i /= s[d]; d < turned {
				n = s[d] - 1 - n
			}
			at += n * steps[d]
		}
		return at
	}
}

// axesOf is the order of a kernel's axes in a file: of Keras 1's channels_first kernels [filters, channels, ...], and as they are else.
func (w origin) axesOf(l nn.Layer, rank int) []int {
	first := text(l.Base().Config("data_format")) == "channels_first"
	class := l.Base().Class
	axes := make([]int, 0, rank)
	switch {
	case w.one && class == "Conv2DTranspose" && first:
		return []int{2, 3, 0, 1}
	case w.one && class == "Conv2DTranspose":
		return []int{0, 1, 3, 2}
	case w.one && first && slices.Contains([]string{"Conv2D", "Conv3D", "ConvLSTM2D"}, class):
		axes = append(axes, rank-1, rank-2)
	}
	for d := range rank - len(axes) {
		axes = append(axes, d)
	}
	return axes
}

// turns says how many of a kernel's axes Theano turns round.
func (w origin) turns(l nn.Layer, rank int) int {
	if w.theano && slices.Contains([]string{"Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "ConvLSTM2D"}, l.Base().Class) {
		return rank - 2
	}
	return 0
}

// kernel finds the layout of a convolution's kernel; nil where it is as today.
func (w origin) kernel(l nn.Layer, weight *nn.Weight, set *hdf5.Dataset) *layout {
	rank := len(weight.Shape)
	if !strings.HasPrefix(l.Base().Class, "Conv") || rank < 3 {
		return nil
	}
	axes, turned := w.axesOf(l, rank), w.turns(l, rank)
	from, at := moved(weight.Shape, axes, turned)
	if l.Base().Class == "Conv1D" && w.one { // an image of width one: [length, 1, in, out], or as Theano had it
		s := weight.Shape
		if from = (nn.Shape{s[0], 1, s[1], s[2]}); !from.Equal(set.Shape()) {
			_, at = moved(s, []int{2, 1, 0}, turned)
			from = nn.Shape{s[2], s[1], s[0], 1}
		}
	} else if turned == 0 && slices.IsSorted(axes) {
		return nil
	}
	return &layout{sets: []*hdf5.Dataset{set}, shape: from, at: func(i int) (int, int) { return 0, at(i) }}
}

// gates joins the gates of a recurrence along the last axis.
func (w origin) gates(l nn.Layer, weight *nn.Weight, sets []*hdf5.Dataset) *layout {
	n, last := len(sets), weight.Shape.Last()
	part := slices.Clone(weight.Shape)
	part[len(part)-1] = last / n
	axes, turned := make([]int, len(part)), 0
	for i := range axes {
		axes[i] = i
	}
	if len(part) > 2 {
		axes, turned = w.axesOf(l, len(part)), w.turns(l, len(part))
	}
	from, at := moved(part, axes, turned)
	u := part.Last()
	return &layout{sets: sets, shape: from, at: func(i int) (int, int) {
		return i % last / u, at(i/last*u + i%u)
	}}
}

// owner is a layer with weights of its own, and those.
type owner struct {
	layer nn.Layer
	own   []*nn.Weight
}

// owners lists the layers inside l that hold weights, in order. A cell that its layer made is that layer.
func owners(l nn.Layer) (out []owner) {
	var visit func(l, as nn.Layer, depth int)
	visit = func(l, as nn.Layer, depth int) {
		if own := slices.DeleteFunc(l.Base().Own(), isSeed); len(own) > 0 {
			out = append(out, owner{as, own})
		}
		for _, c := range l.Base().Children() {
			if depth >= maxNesting {
				return
			}
			if c.Attr == "cell" && !c.Layer.Base().Configured() {
				visit(c.Layer, as, depth+1)
			} else {
				visit(c.Layer, c.Layer, depth+1)
			}
		}
	}
	visit(l, l, 0)
	return out
}

// keras1Jobs pairs a layer's weights with the datasets of Keras 1: 12 for an LSTM and 9 for a GRU, unless it kept them joined.
//
// Source: keras/engine/saving.py (Keras 2.2), preprocess_weights_for_loading
func (w origin) keras1Jobs(f saved, l nn.Layer) (jobs []job, err error) {
	names := f.weights
	where := safeio.Where{Object: f.group.Path(), Layer: l.Base().Name, Class: l.Base().Class}
	take := func() (*hdf5.Dataset, error) {
		if len(names) == 0 {
			return nil, &FormatError{Where: where, Msg: "the file has too few weights for this layer", Got: fmt.Sprint(len(f.weights))}
		}
		name := names[0]
		names = names[1:]
		set, err := f.group.Dataset(name)
		return set, safeio.At(err, where)
	}
	for _, trained := range []bool{true, false} {
		for _, o := range owners(l) {
			ws := slices.DeleteFunc(slices.Clone(o.own), func(w *nn.Weight) bool { return w.Trainable != trained })
			if len(ws) == 0 {
				continue
			}
			order := map[string][]int{"LSTM": {0, 2, 1, 3}, "ConvLSTM2D": {0, 2, 1, 3}, "GRU": {0, 1, 2}}[o.layer.Base().Class] // i, c, f, o was the order
			if order != nil && len(ws) == 3 && len(names) > 0 {
				first := strings.TrimSuffix(names[0], ":0")
				if !strings.HasSuffix(first, "_W_i") && !strings.HasSuffix(first, "_W_z") {
					order = nil
				}
			}
			if order == nil || len(ws) != 3 {
				for _, weight := range ws {
					set, err := take()
					if err != nil {
						return nil, err
					}
					jobs = append(jobs, job{w: weight, set: set, layer: o.layer, old: w.kernel(o.layer, weight, set)})
				}
				continue
			}
			sets := make([]*hdf5.Dataset, 3*len(order))
			for i := range sets {
				if sets[i], err = take(); err != nil {
					return nil, err
				}
			}
			for i, weight := range ws {
				var parts []*hdf5.Dataset
				for _, gate := range order {
					parts = append(parts, sets[3*gate+i])
				}
				jobs = append(jobs, job{w: weight, set: parts[0], layer: o.layer, old: w.gates(o.layer, weight, parts)})
			}
		}
	}
	if len(names) > 0 {
		return nil, &FormatError{Where: where, Msg: "the file has too many weights for this layer", Got: fmt.Sprintf("%.10q", names)}
	}
	return jobs, nil
}

// theanoJobs turns the kernels round that Keras 2 on Theano wrote.
func (w origin) theanoJobs(jobs []job, l nn.Layer) {
	by := map[*nn.Weight]nn.Layer{}
	for _, o := range owners(l) {
		for _, weight := range o.own {
			by[weight] = o.layer
		}
	}
	for i, j := range jobs {
		if o := by[j.w]; o != nil && (j.w.Name == "kernel" || o.Base().Class == "ConvLSTM2D" && j.w.Name == "recurrent_kernel") {
			jobs[i].old = w.kernel(o, j.w, j.set)
		}
	}
}

// cudnnJobs finds the layers that cuDNN's wrote, by a bias of two halves: their kernels lie otherwise, and the halves are
// summed (LSTM) or rows (GRU).
//
// Source: keras/engine/saving.py (Keras 2.2), _convert_rnn_weights
func cudnnJobs(jobs []job) {
	for i := 0; i+2 < len(jobs); i++ {
		k, r, b := &jobs[i], &jobs[i+1], &jobs[i+2]
		if k.w.Name != "kernel" || r.w.Name != "recurrent_kernel" || b.w.Name != "bias" || len(r.w.Shape) != 2 || len(k.w.Shape) != 2 || len(b.set.Shape()) != 1 {
			continue
		}
		in, u, all := k.w.Shape[0], r.w.Shape[0], r.w.Shape[1]
		switch {
		case b.set.Shape()[0] != 2*all || u == 0:
			continue
		case all == 4*u && len(b.w.Shape) == 1:
			b.old = &layout{sets: []*hdf5.Dataset{b.set}, shape: nn.Shape{2 * all}, second: all}
		case all == 3*u && len(b.w.Shape) == 2:
			b.old = &layout{sets: []*hdf5.Dataset{b.set}, shape: nn.Shape{2 * all}}
		default:
			continue
		}
		b.old.at = func(i int) (int, int) { return 0, i }
		k.old = &layout{sets: []*hdf5.Dataset{k.set}, shape: k.w.Shape, at: func(i int) (int, int) { // by columns where Keras goes by rows
			gate, n := i%all/u, i/all+i%u*in
			return 0, n/u*all + gate*u + n%u
		}}
		r.old = &layout{sets: []*hdf5.Dataset{r.set}, shape: r.w.Shape, at: func(i int) (int, int) {
			return 0, i%u*all + i%all/u*u + i/all
		}}
	}
}
