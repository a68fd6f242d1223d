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
//
// Where the state is convolved, spatial axes follow B and T above: each position has Units of its own, and the recurrent
// kernel is [size..., Units, gates·Units]. The mask may be for whole steps or for each position.
type Recurrent struct {
	Cell                  Cell
	Units                 int
	Backwards, ZeroMasked bool
	// Over is how the state is convolved with the recurrent kernel, to its own size; zero: a product. Its Groups are 1, or
	// the gates where each has a factor of its own, [B, spatial..., gates·Units].
	Over Conv

	packed *packedCell
}

// packedCell is the recurrent kernel in a Plan: whole, for a GRU that resets before the product in two parts, or as a
// convolution.
type packedCell struct {
	all, gates, last *gemm.Packed
	conv             *packedKernel
}

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
	z, rank := in[inZ].Shape, len(o.Over.Size)
	if len(z) != 3+rank || z.Last() != g*o.Units {
		return nil, fmt.Errorf("needs [batch, time, %d] with %d spatial axes, found %v", g*o.Units, rank, z)
	}
	if len(in) > inStates && len(in) != inStates+states {
		return nil, fmt.Errorf("has %d states, found %d", states, len(in)-inStates)
	}
	b, t, spatial := z[0], z[1], z[2:len(z)-1]
	state := append(append(Shape{b}, spatial...), o.Units)
	for _, s := range in[min(inStates, len(in)):] {
		if !agree(s.Shape, state) {
			return nil, fmt.Errorf("an initial state is %v, found %v", state, s.Shape)
		}
	}
	if m := in[inMask].Shape; m != nil && !agree(m, z[:2]) && !agree(m, z[:len(z)-1]) {
		return nil, fmt.Errorf("a mask %v doesn't fit the steps of %v", m, z)
	}
	out := []Spec{f32(state...), f32(append(append(Shape{b, t}, spatial...), o.Units)...)}
	for range states {
		out = append(out, f32(state...))
	}
	steps := t
	if t != graph.Unknown {
		steps++
	}
	trail, kept := append(Shape{steps, states}, state...), append(append(Shape{t, b}, spatial...), (g+saved)*o.Units)
	return append(out, f32(trail...), f32(kept...)), nil
}

// FLOPs implements graph.Coster.
func (o Recurrent) FLOPs(in, _ []Spec) int64 {
	n := int64(2 * o.Units)
	for _, k := range o.Over.Size {
		n *= int64(k)
	}
	return int64(in[inZ].Shape.Size()) * (n + 4)
}

// Pack implements graph.Packer.
func (o Recurrent) Pack(in []*Tensor) (graph.Op, []bool) {
	k := in[inKernel]
	if k == nil || o.packed != nil {
		return nil, nil
	}
	u, n := o.Units, k.Shape.Last()
	if o.convolves() {
		o.packed = &packedCell{conv: o.Over.pack(k)}
	} else if gru, ok := o.Cell.(GRU); ok && !gru.ResetAfter {
		o.packed = &packedCell{gates: gemm.Pack(u, 2*u, k.F32, n), last: gemm.Pack(u, u, k.F32[2*u:], n)}
	} else {
		o.packed = &packedCell{all: gemm.Pack(u, n, k.F32, n)}
	}
	drop := make([]bool, len(in))
	drop[inKernel] = true
	return o, drop
}

// cellRun is what a cell's step may use. Its rows are those of the batch, each as often as there are positions.
type cellRun struct {
	r      *Run
	u, b   int
	grid   grid
	kernel []float32 // [u, gates·u]; nil where packed
	packed *packedCell
	bias   []float32 // recurrent; nil: none

	// Of Backward: a row of units, room for gradients, and the kernel transposed.
	row  []float32
	room *gradRoom
	back *gemm.Packed
	own  packedCell // of a forward pass without a Plan
}

// times adds h·kernel[:, from:from+n] to z [B, ldz], at column at.
func (s *cellRun) times(h, z []float32, ldz, at, from, n, width int) {
	if s.grid.positions > 0 {
		s.convolve(h, z)
		return
	}
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

// packedSteps is from how many steps on it pays to pack a kernel for one run.
const packedSteps = 6

// cellRuns are reused so that a run allocates nothing.
var cellRuns = sync.Pool{New: func() any { return new(cellRun) }}

// factor is what multiplies the state as a whole; nil: nothing.
func (o Recurrent) factor(in []*Tensor) *Tensor {
	if o.Over.Groups > 1 { // each gate has its own
		return nil
	}
	return in[inFactor]
}

// run readies a cellRun; put it back into cellRuns.
func (o Recurrent) run(r *Run, in []*Tensor) *cellRun {
	s := cellRuns.Get().(*cellRun)
	*s = cellRun{r: r, u: o.Units, b: in[inZ].Shape[0], packed: o.packed, back: s.back, own: s.own}
	if o.convolves() {
		s.spread(o, in)
	}
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

// gatherStep copies step at of x [B, T, n] to rows [B, n]; scatterStep adds back, or where there is nothing yet sets.
func gatherStep(rows, x []float32, at, steps, n int) {
	for b := range len(rows) / max(n, 1) {
		copy(rows[b*n:][:n], x[(b*steps+at)*n:])
	}
}

func scatterStep(x, rows []float32, at, steps, n int, fresh bool) {
	for b := range len(rows) / max(n, 1) {
		addOrSet(x[(b*steps+at)*n:][:n], rows[b*n:][:n], fresh)
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
	s := o.run(r, in)
	defer cellRuns.Put(s)
	if o.convolves() && s.grid.kernel == nil {
		s.grid.kernel = o.Over.pack(in[inKernel])
	}
	u, b, steps := o.Units, s.b, in[inZ].Shape[1]
	if gru, ok := o.Cell.(GRU); !o.convolves() && s.packed == nil && steps >= packedSteps && (!ok || gru.ResetAfter) {
		s.own.all = gemm.Repack(s.own.all, u, g*u, s.kernel, g*u)
		s.packed = &s.own
	}
	m := o.masking(in)
	wide := b * u / max(m.rows, 1) // what a mask's element rules
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
	factor := o.factor(in)
	if factor != nil {
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
		gatherStep(z, in[inZ].F32, at, steps, s.positions()*g*u)
		from := prev
		if factored != nil {
			copy(factored, prev)
			hidden(factored[:b*u], prev[:b*u], factor)
			from = factored
		}
		o.Cell.step(s, z, from, next, save)
		if m.mask == nil {
			copy(last, next[:b*u])
		}
		for row := 0; row < m.rows && m.mask != nil; row++ {
			y := last[row*wide:][:wide]
			if m.real(row, at) {
				copy(y, next[row*wide:][:wide])
				continue
			}
			for i := range states {
				at := i*b*u + row*wide
				copy(next[at:][:wide], prev[at:][:wide])
			}
			if o.ZeroMasked {
				clear(y)
			}
		}
		if out[1] != nil {
			putStep(out[1].F32, last, t, steps, s.positions()*u)
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

// Sets implements graph.Setter.
func (Recurrent) Sets() {}

// Backward implements graph.Op: backpropagation through time. The recurrent kernel's gradient is one product over all
// steps at the end.
func (o Recurrent) Backward(r *Run, in, out, dout, din []*Tensor) {
	g, states, saved := o.Cell.sizes()
	fresh := r.Fresh()
	if len(in[inZ].F32) == 0 {
		return
	}
	s := o.run(r, in)
	defer cellRuns.Put(s)
	u, b, steps := o.Units, s.b, in[inZ].Shape[1]
	m := o.masking(in)
	wide := b * u / m.rows
	size, width, n := states*b*u, (g+saved)*u, g*u
	trail, kept := out[2+states].F32, out[3+states].F32
	buf := r.Dirty(2*size + b*u + u + steps*b*n + steps*b*u)
	dnext, dprev, dy := buf[:size], buf[size:2*size], buf[2*size:][:b*u]
	clear(dnext)
	clear(dy)
	rest := buf[2*size+b*u:]
	s.row, rest = rest[:u], rest[u:]
	dzs, hs := rest[:steps*b*n], rest[steps*b*n:]
	drs := dzs // what goes through the recurrent kernel, if that is something else
	if _, ok := o.Cell.(GRU); ok {
		drs = r.Dirty(steps * b * n)
	}
	s.room = gradRooms.Get().(*gradRoom)
	defer gradRooms.Put(s.room)
	if !o.convolves() {
		s.back = gemm.RepackT(s.back, n, u, s.kernel, n)
	}
	for i := range states {
		if d := dout[2+i]; d != nil {
			copy(dnext[i*b*u:][:b*u], d.F32)
		}
	}
	if dout[0] != nil {
		copy(dy, dout[0].F32)
	}
	factor := o.factor(in)
	held := r.Dirty(size)
	factored := r.Dirty(size)
	for t := steps - 1; t >= 0; t-- {
		at := o.at(t, steps)
		if dout[1] != nil {
			for row, n := 0, s.positions()*u; row < b*u/n; row++ {
				add(dy[row*n:][:n], dout[1].F32[(row*steps+t)*n:][:n])
			}
		}
		// A masked row's states pass by the step; its output is an earlier one.
		if m.mask == nil {
			add(dnext[:b*u], dy)
			clear(dy)
		} else {
			copy(held, dnext)
		}
		for row := 0; row < m.rows && m.mask != nil; row++ {
			if m.real(row, at) {
				add(dnext[row*wide:][:wide], dy[row*wide:][:wide])
				clear(dy[row*wide:][:wide])
				for i := range states {
					clear(held[i*b*u+row*wide:][:wide])
				}
				continue
			}
			for i := range states {
				clear(dnext[i*b*u+row*wide:][:wide])
			}
			if o.ZeroMasked {
				clear(dy[row*wide:][:wide])
			}
		}
		prev, next := trail[t*size:][:size], trail[(t+1)*size:][:size]
		step := kept[t*b*width:][:b*width]
		from := prev
		if factor != nil {
			copy(factored, prev)
			hidden(factored[:b*u], prev[:b*u], factor)
			from = factored
		}
		dz := dzs[t*b*n:][:b*n]
		clear(dprev)
		through := o.Cell.back(s, step[:b*n], from, next, step[b*n:], dnext, dz, dprev)
		for row := 0; row < m.rows && m.mask != nil; row++ { // a masked step computed something that nobody used
			if !m.real(row, at) {
				clear(dz[row*wide*g:][:wide*g])
				clear(through[row*wide*g:][:wide*g])
				for i := range states {
					clear(dprev[i*b*u+row*wide:][:wide])
				}
			}
		}
		if &through[0] != &dz[0] {
			copy(drs[t*b*n:][:b*n], through)
		}
		copy(hs[t*b*u:][:b*u], from[:b*u])
		o.Cell.(chained).chain(s, through, from, step[b*n:], dprev[:b*u])
		if factor != nil {
			for i, f := range factor.F32 {
				dprev[i] *= f
			}
		}
		if m.mask != nil {
			add(dprev, held)
		}
		dnext, dprev = dprev, dnext
		if din[inZ] != nil {
			scatterStep(din[inZ].F32, dz, at, steps, s.positions()*n, fresh)
		}
	}
	if din[inKernel] != nil {
		o.Cell.(chained).kernel(s, hs, drs, kept, steps, width, din[inKernel].F32)
	}
	if in[inBias] != nil && din[inBias] != nil {
		addRows(r, din[inBias].F32, drs)
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
	if s.grid.positions > 0 {
		s.convolveBack(dz, dh)
		return
	}
	gemm.Mul(s.r.Pool, s.b, dz, n, s.back, dh, s.u, gemm.Epilogue{Accumulate: true})
}

func plainKernel(s *cellRun, hs, dzs []float32, steps, n int, dk []float32) {
	if s.grid.positions > 0 {
		s.convolveFilter(hs, dzs, steps, dk)
		return
	}
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
