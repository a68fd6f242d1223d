package graph

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"

	"kerasgo/internal/par"
)

// Run is what an operation may ask of the run it is part of.
type Run struct {
	Seed, Step uint64    // of random streams
	Pool       *par.Pool // nil: one thread

	scratch []float32
	used    int
	wide    []float64
	err     error
	fresh   bool // see Fresh
}

// Setter is an operation whose Backward heeds Run.Fresh.
type Setter interface{ Sets() }

// Fresh says, in the Backward of a Setter, that din[0] holds nothing yet, not even zeros: all of it is to be set.
func (r *Run) Fresh() bool { return r.fresh }

// Fail reports bad data (an id out of range); the first report wins, and the run returns it.
func (r *Run) Fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf(format, args...)
	}
}

// Err is what was reported, nil if nothing was.
func (r *Run) Err() error { return r.err }

// Scratch returns zeros that last until the operation returns.
func (r *Run) Scratch(n int) []float32 {
	s := r.Dirty(n)
	clear(s)
	return s
}

// Dirty is Scratch with whatever values were there before.
func (r *Run) Dirty(n int) []float32 {
	if r.used+n > len(r.scratch) {
		r.scratch, r.used = make([]float32, 2*(r.used+n)), 0
	}
	s := r.scratch[r.used:][:n:n]
	r.used += n
	return s
}

// Wide returns n float64 of whatever value that last until the operation returns; an operation asks once.
func (r *Run) Wide(n int) []float64 {
	if n > len(r.wide) {
		r.wide = make([]float64, n)
	}
	return r.wide[:n]
}

// Stream is the random stream of one call of one layer in one step: a function of the seed, the layer's path, the call's
// index and the step, so neither threads nor a resumed run change what is drawn.
func (r *Run) Stream(path string, call int) *rand.Rand {
	return Stream(r.Seed, path, uint64(call), r.Step)
}

// Key is a number drawn from Stream, and costs no allocation.
func (r *Run) Key(path string, call int) uint64 {
	h := uint64(14695981039346656037) // FNV-1a, as in Stream
	for i := range len(path) {
		h = (h ^ uint64(path[i])) * 1099511628211
	}
	var p rand.PCG
	p.Seed(r.Seed^h, uint64(call)<<48^r.Step)
	return p.Uint64()
}

// Stream is a PCG stream that is a function of its arguments.
func Stream(seed uint64, path string, call, step uint64) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(path))
	return rand.New(rand.NewPCG(seed^h.Sum64(), call<<48^step))
}

// frame is the operands of one node.
type frame struct{ in, out, dout, din []*Tensor }

// binding is a graph bound to concrete input shapes.
type binding struct {
	shapes []Shape
	sizes  []int     // that data decided
	val    []*Tensor // by Value.ID; nil: not kept
	grad   []*Tensor // by Value.ID; nil: not wanted
	stale  []bool    // by Value.ID: grad holds what another step left
	frames []frame   // by node
	alias  []alias
}

// alias is a view of an input, whose data changes from run to run.
type alias struct{ view, of *Tensor }

// bindings are remembered so that the last, smaller batch of an epoch doesn't cost two allocations of everything.
const bindings = 4

// exec is what both executors share.
type exec struct {
	Run
	g        *Graph
	cur      *binding
	recent   []*binding
	maxBytes int64
	probe    probe
}

// find makes the binding of the shapes of in and of what data decides current; false if there is none yet.
func (x *exec) find(in []*Tensor) bool {
	for i, b := range x.recent {
		if !b.fits(in) || !slices.Equal(b.sizes, x.probe.sizes) {
			continue
		}
		if i > 0 {
			copy(x.recent[1:], x.recent[:i])
			x.recent[0] = b
		}
		x.cur = b
		return true
	}
	return false
}

func (b *binding) fits(in []*Tensor) bool {
	if len(b.shapes) != len(in) {
		return false
	}
	for i, s := range b.shapes {
		if !slices.Equal(s, in[i].Shape) {
			return false
		}
	}
	return true
}

// bind makes a tensor of each value; place finds room for what nodes make, under x's limit.
func (x *exec) bind(in []*Tensor, place func(specs []Spec) ([]*Tensor, error)) error {
	specs, err := x.g.resolve(in, x.probe.sizes)
	if err != nil {
		return err
	}
	val, err := place(specs)
	if err != nil {
		return err
	}
	b := &binding{val: val, sizes: slices.Clone(x.probe.sizes)}
	for _, t := range in {
		b.shapes = append(b.shapes, slices.Clone(t.Shape))
	}
	for i, v := range x.g.Values {
		switch {
		case v.Weight != nil:
			if v.Weight.Data == nil {
				return fmt.Errorf("weight %s has no value", v.Weight.Path)
			}
			b.val[i] = v.Weight.Data
		case v.Const != nil:
			b.val[i] = v.Const
		case v.Node == nil:
			b.val[i] = &Tensor{Spec: specs[i]}
		}
	}
	for _, n := range x.g.Nodes {
		b.frames = append(b.frames, frame{in: pick(b.val, n.In), out: pick(b.val, n.Out)})
	}
	x.cur = b
	x.recent = append([]*binding{b}, x.recent[:min(len(x.recent), bindings-1)]...)
	return nil
}

// pick looks values up by ID; nil stays nil.
func pick(table []*Tensor, vs []*Value) []*Tensor {
	out := make([]*Tensor, len(vs))
	for i, v := range vs {
		if v != nil {
			out[i] = table[v.ID]
		}
	}
	return out
}

// LimitError is a run that would need more memory than its caller allows.
type LimitError struct{ Bytes, Max int64 }

func (e *LimitError) Error() string {
	return fmt.Sprintf("activations need %d MiB (limit %d MiB)", e.Bytes>>20, e.Max>>20)
}

func (x *exec) limit(bytes int64) error {
	if x.maxBytes > 0 && bytes > x.maxBytes {
		return &LimitError{bytes, x.maxBytes}
	}
	return nil
}

func (x *exec) forward(ctx context.Context, in []*Tensor) error {
	b := x.cur
	for i, v := range x.g.Inputs {
		to := b.val[v.ID]
		to.F32, to.F64, to.I32, to.I64, to.Str = in[i].F32, in[i].F64, in[i].I32, in[i].I64, in[i].Str
	}
	for _, a := range b.alias {
		a.view.F32, a.view.F64, a.view.I32, a.view.I64, a.view.Str = a.of.F32, a.of.F64, a.of.I32, a.of.I64, a.of.Str
	}
	x.err = nil
	for i, n := range x.g.Nodes {
		if f := &b.frames[i]; f.out != nil {
			x.used = 0
			n.Op.Forward(&x.Run, f.in, f.out)
			if x.err != nil {
				return &OpError{n.Path, n.Op, x.err}
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// elementBytes is what one element takes where it is stored.
func elementBytes(d DType) int64 {
	switch d.Storage() {
	case StoreF64, StoreI64:
		return 8
	case StoreStr:
		return 16
	}
	return 4
}
