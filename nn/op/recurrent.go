package op

import (
	"fmt"
	"sync"

	"kerasgo/internal/gemm"
	"kerasgo/nn/graph"
)

// Cell is one step of a built-in recurrence, over all rows of a batch. Kinds: LSTM, GRU, SimpleRNN.
type Cell interface {
	// sizes are the gates (blocks of Units columns in the kernels), the states, and the blocks that a step saves for
	// Backward beside its gates.
	sizes() (gates, states, saved int)
	// step takes the projected input z [B, gates·U], to which it adds, and makes next from prev (states·[B, U]).
	step(s *cellRun, z, prev, next, saved []float32)
	// back turns dnext (states·[B, U]) into dz [B, gates·U], and adds to dprev what doesn't go through the recurrent kernel's
	// gradient. It returns what dz is, seen from that kernel: dz itself, but for GRU.
	back(s *cellRun, z, prev, next, saved, dnext, dz, dprev []float32) (recurrent []float32)
}

// Recurrent runs a Cell over time. Inputs: z [B, T, gates·Units] (x·kernel + bias), recurrent kernel [Units, gates·Units],
// recurrent bias? [gates·Units], mask? [B, T], factor? [B, Units] (recurrent dropout: multiplies the state), then
// optionally the initial states [B, Units].
//
// Outputs: the last output [B, Units]; the sequence [B, T, Units], in the order of processing; the final states; and what
// Backward needs. A masked step keeps the states and repeats the last output (at first zero), or gives zero.
type Recurrent struct {
	Cell                  Cell
	Units                 int
	Backwards, ZeroMasked bool

	packed *packedCell
}

// packedCell is the recurrent kernel in a Plan: whole, and for a GRU that resets before the product, in two parts.
type packedCell struct{ all, gates, last *gemm.Packed }

const (
	inZ = iota
	inKernel
	inBias
	inMask
	inFactor
	inStates
)

// Infer implements graph.Op.
func (o Recurrent) Infer(in []Spec) ([]Spec, error) {
	g, states, saved := o.Cell.sizes()
	z := in[inZ].Shape
	if len(z) != 3 || z[2] != g*o.Units {
		return nil, fmt.Errorf("needs [batch, time, %d], found %v", g*o.Units, z)
	}
	if len(in) > inStates && len(in) != inStates+states {
		return nil, fmt.Errorf("has %d states, found %d", states, len(in)-inStates)
	}
	b, t, u := z[0], z[1], o.Units
	for _, s := range in[min(inStates, len(in)):] {
		if len(s.Shape) != 2 || s.Shape[1] != u && s.Shape[1] != graph.Unknown {
			return nil, fmt.Errorf("an initial state is [batch, %d], found %v", u, s.Shape)
		}
	}
	out := []Spec{f32(b, u), f32(b, t, u)}
	for range states {
		out = append(out, f32(b, u))
	}
	steps := t
	if t != graph.Unknown {
		steps++
	}
	return append(out, f32(steps, states, b, u), f32(t, b, (g+saved)*u)), nil
}

// FLOPs implements graph.Coster.
func (o Recurrent) FLOPs(in, _ []Spec) int64 { return int64(in[inZ].Shape.Size()) * int64(2*o.Units+4) }

// Pack implements graph.Packer.
func (o Recurrent) Pack(in []*Tensor) (graph.Op, []bool) {
	k := in[inKernel]
	if k == nil || o.packed != nil {
		return nil, nil
	}
	u, n := o.Units, k.Shape[1]
	if gru, ok := o.Cell.(GRU); ok && !gru.ResetAfter {
		o.packed = &packedCell{gates: gemm.Pack(u, 2*u, k.F32, n), last: gemm.Pack(u, u, k.F32[2*u:], n)}
	} else {
		o.packed = &packedCell{all: gemm.Pack(u, n, k.F32, n)}
	}
	drop := make([]bool, len(in))
	drop[inKernel] = true
	return o, drop
}

// cellRun is what a cell's step may use.
type cellRun struct {
	r      *Run
	u, b   int
	kernel []float32 // [u, gates·u]; nil where packed
	packed *packedCell
	bias   []float32 // recurrent; nil: none
}

// times adds h·kernel[:, from:from+n] to z [B, ldz], at column at.
func (s *cellRun) times(h, z []float32, ldz, at, from, n, width int) {
	e := gemm.Epilogue{Accumulate: true}
	if s.packed == nil {
		gemm.NN(s.r.Pool, s.b, n, s.u, h, s.u, s.kernel[from:], width, z[at:], ldz, e)
		return
	}
	p := s.packed.all
	if p == nil {
		if p = s.packed.gates; from > 0 {
			p = s.packed.last
		}
	}
	gemm.Mul(s.r.Pool, s.b, h, s.u, p, z[at:], ldz, e)
}

// cellRuns are reused so that a run allocates nothing.
var cellRuns = sync.Pool{New: func() any { return new(cellRun) }}

// run readies a cellRun; put it back into cellRuns.
func (o Recurrent) run(r *Run, in []*Tensor) *cellRun {
	s := cellRuns.Get().(*cellRun)
	*s = cellRun{r: r, u: o.Units, b: in[inZ].Shape[0], packed: o.packed}
	if in[inKernel] != nil {
		s.kernel = in[inKernel].F32
	}
	if in[inBias] != nil {
		s.bias = in[inBias].F32
	}
	return s
}

// at is the step of the input that is processed t-th.
func (o Recurrent) at(t, steps int) int {
	if o.Backwards {
		return steps - 1 - t
	}
	return t
}

// gatherStep copies step at of x [B, T, n] to rows [B, n]; scatterStep adds back.
func gatherStep(rows, x []float32, at, steps, n int) {
	for b := range len(rows) / max(n, 1) {
		copy(rows[b*n:][:n], x[(b*steps+at)*n:])
	}
}

func scatterStep(x, rows []float32, at, steps, n int) {
	for b := range len(rows) / max(n, 1) {
		add(x[(b*steps+at)*n:][:n], rows[b*n:][:n])
	}
}

// hidden is the state that meets the recurrent kernel: prev's first block, by the factor of recurrent dropout.
func hidden(buf, prev []float32, factor *Tensor) []float32 {
	if factor == nil {
		return prev
	}
	copy(buf, prev)
	for i, f := range factor.F32 {
		buf[i] *= f
	}
	return buf
}

// Forward implements graph.Op.
func (o Recurrent) Forward(r *Run, in, out []*Tensor) {
	g, states, saved := o.Cell.sizes()
	u, b, steps := o.Units, in[inZ].Shape[0], in[inZ].Shape[1]
	s := o.run(r, in)
	defer cellRuns.Put(s)
	size, width := states*b*u, (g+saved)*u
	trail, kept := out[2+states], out[3+states]
	buf := r.Scratch(2*size + b*width)
	prev, spare, rows := buf[:size], buf[size:2*size], buf[2*size:]
	if trail != nil {
		prev = trail.F32[:size]
		clear(prev)
	}
	for i := range len(in) - inStates {
		copy(prev[i*b*u:][:b*u], in[inStates+i].F32)
	}
	var factored []float32
	if in[inFactor] != nil {
		factored = r.Dirty(size)
	}
	last := out[0].F32
	clear(last)
	for t := range steps {
		next, step := spare, rows
		if trail != nil {
			next = trail.F32[(t+1)*size:][:size]
		}
		if kept != nil {
			step = kept.F32[t*b*width:][:b*width]
		}
		z, save := step[:b*g*u], step[b*g*u:]
		at := o.at(t, steps)
		gatherStep(z, in[inZ].F32, at, steps, g*u)
		from := prev
		if factored != nil {
			copy(factored, prev)
			hidden(factored[:b*u], prev[:b*u], in[inFactor])
			from = factored
		}
		o.Cell.step(s, z, from, next, save)
		for row := range b {
			y := last[row*u:][:u]
			if in[inMask] == nil || in[inMask].I32[row*steps+at] != 0 {
				copy(y, next[row*u:][:u])
			} else {
				for i := range states {
					at := (i*b + row) * u
					copy(next[at:][:u], prev[at:][:u])
				}
				if o.ZeroMasked {
					clear(y)
				}
			}
			if out[1] != nil {
				copy(out[1].F32[(row*steps+t)*u:][:u], y)
			}
		}
		if trail == nil {
			spare = prev
		}
		prev = next
	}
	for i := range states {
		if out[2+i] != nil {
			copy(out[2+i].F32, prev[i*b*u:][:b*u])
		}
	}
}

// Backward implements graph.Op: backpropagation through time. The recurrent kernel's gradient is one product over all
// steps at the end.
func (o Recurrent) Backward(r *Run, in, out, dout, din []*Tensor) {
	g, states, saved := o.Cell.sizes()
	u, b, steps := o.Units, in[inZ].Shape[0], in[inZ].Shape[1]
	if b == 0 || steps == 0 {
		return
	}
	s := o.run(r, in)
	defer cellRuns.Put(s)
	size, width, n := states*b*u, (g+saved)*u, g*u
	trail, kept := out[2+states].F32, out[3+states].F32
	buf := r.Scratch(2*size + b*u + 2*steps*b*n + steps*b*u)
	dnext, dprev, dy := buf[:size], buf[size:2*size], buf[2*size:][:b*u]
	rest := buf[2*size+b*u:]
	dzs, drs, hs := rest[:steps*b*n], rest[steps*b*n:][:steps*b*n], rest[2*steps*b*n:]
	for i := range states {
		if d := dout[2+i]; d != nil {
			copy(dnext[i*b*u:][:b*u], d.F32)
		}
	}
	if dout[0] != nil {
		copy(dy, dout[0].F32)
	}
	mask := in[inMask]
	dh := r.Dirty(b * u)
	held := r.Dirty(size)
	factored := r.Dirty(size)
	for t := steps - 1; t >= 0; t-- {
		at := o.at(t, steps)
		if dout[1] != nil {
			for row := range b {
				add(dy[row*u:][:u], dout[1].F32[(row*steps+t)*u:][:u])
			}
		}
		// A masked row's states pass by the step; its output is an earlier one.
		copy(held, dnext)
		for row := range b {
			if mask == nil || mask.I32[row*steps+at] != 0 {
				add(dnext[row*u:][:u], dy[row*u:][:u])
				clear(dy[row*u:][:u])
				for i := range states {
					clear(held[(i*b+row)*u:][:u])
				}
				continue
			}
			for i := range states {
				clear(dnext[(i*b+row)*u:][:u])
			}
			if o.ZeroMasked {
				clear(dy[row*u:][:u])
			}
		}
		prev, next := trail[t*size:][:size], trail[(t+1)*size:][:size]
		step := kept[t*b*width:][:b*width]
		from := prev
		if in[inFactor] != nil {
			copy(factored, prev)
			hidden(factored[:b*u], prev[:b*u], in[inFactor])
			from = factored
		}
		dz := dzs[t*b*n:][:b*n]
		clear(dprev)
		through := o.Cell.back(s, step[:b*n], from, next, step[b*n:], dnext, dz, dprev)
		if mask != nil { // a masked step computed something that nobody used
			for row := range b {
				if mask.I32[row*steps+at] == 0 {
					clear(dz[row*n:][:n])
					clear(through[row*n:][:n])
					for i := range states {
						clear(dprev[(i*b+row)*u:][:u])
					}
				}
			}
		}
		copy(drs[t*b*n:][:b*n], through)
		copy(hs[t*b*u:][:b*u], from[:b*u])
		clear(dh)
		o.Cell.(chained).chain(s, through, from, step[b*n:], dh)
		add(dprev[:b*u], dh)
		if in[inFactor] != nil {
			for i, f := range in[inFactor].F32 {
				dprev[i] *= f
			}
		}
		add(dprev, held)
		dnext, dprev = dprev, dnext
		if din[inZ] != nil {
			scatterStep(din[inZ].F32, dz, at, steps, n)
		}
	}
	if din[inKernel] != nil {
		o.Cell.(chained).kernel(s, hs, drs, kept, steps, width, din[inKernel].F32)
	}
	if in[inBias] != nil && din[inBias] != nil {
		sumRows(din[inBias].F32, drs)
	}
	for i := range len(in) - inStates {
		if d := din[inStates+i]; d != nil {
			add(d.F32, dnext[i*b*u:][:b*u])
		}
	}
}

// chained is how a cell's recurrent product goes backward.
type chained interface {
	// chain adds to dh [B, U] the gradient through the recurrent kernel.
	chain(s *cellRun, dz, prev, saved, dh []float32)
	// kernel adds to dk the recurrent kernel's gradient, over all steps: hs [T·B, U], dzs [T·B, gates·U].
	kernel(s *cellRun, hs, dzs, kept []float32, steps, width int, dk []float32)
}

// plainChain is that of a cell whose gates all see the state itself.
func plainChain(s *cellRun, dz, dh []float32, n int) {
	gemm.NT(s.r.Pool, s.b, s.u, n, dz, n, s.kernel, n, dh, s.u, gemm.Epilogue{Accumulate: true})
}

func plainKernel(s *cellRun, hs, dzs []float32, steps, n int, dk []float32) {
	gemm.TN(s.r.Pool, s.u, n, steps*s.b, hs, s.u, dzs, n, dk, n, gemm.Epilogue{Accumulate: true})
}

// set applies the function to a slice, on this thread; no function copies.
func (o Unary) set(y, x []float32) {
	if o.Fn == "" || o.Fn == "linear" {
		copy(y, x)
		return
	}
	p := function(o.Fn)
	p.apply(y, x, o.Args)
}

// derivative is the function's, from input and output.
func (o Unary) derivative() func(x, y float32) float32 {
	switch o.Fn {
	case "", "linear":
		return func(_, _ float32) float32 { return 1 }
	case "tanh":
		return func(_, y float32) float32 { return 1 - y*y }
	case "sigmoid":
		return func(_, y float32) float32 { return y * (1 - y) }
	}
	p := function(o.Fn)
	return func(x, y float32) float32 { return float32(p.slopeAt(float64(x), float64(y), o.Args)) }
}
