package op

import (
	"fmt"
	"slices"

	"kerasgo/nn/graph"
)

// Take picks elements along an axis by index (int32, the second input); negative indices count from the end. Each index
// gives a whole slice, so the indices' axes stand where Axis stood; when Along, indices have the input's rank and pick
// one element each.
type Take struct {
	Axis  int
	Along bool
}

// Infer implements graph.Op.
func (o Take) Infer(in []Spec) ([]Spec, error) {
	x, ids := in[0].Shape, in[1].Shape
	a, err := Axis(o.Axis, len(x))
	if err != nil {
		return nil, err
	}
	if in[1].DType.Storage() != graph.StoreI32 || in[0].DType == graph.String {
		return nil, fmt.Errorf("needs numbers and int32 indices, found %v and %v", in[0].DType, in[1].DType)
	}
	y := append(append(slices.Clone(x[:a]), ids...), x[a+1:]...)
	if o.Along {
		if len(ids) != len(x) {
			return nil, fmt.Errorf("indices need the input's rank, found shapes %v and %v", x, ids)
		}
		for d := range x {
			if d != a && x[d] != ids[d] && x[d] != graph.Unknown && ids[d] != graph.Unknown {
				return nil, fmt.Errorf("shapes %v and %v differ beside axis %d", x, ids, o.Axis)
			}
		}
		y = ids
	}
	return []Spec{{Shape: y, DType: in[0].DType}}, checkRank(y)
}

// visit calls f with the offset of each run of elements that is taken, and where it goes; false: an index is outside.
func (o Take) visit(r *Run, in []*Tensor, f func(from, to, n int)) {
	outer, n, step := lines(in[0].Shape, o.Axis)
	ids := in[1].I32
	resolve := func(id int32) (int, bool) {
		i := int(id)
		if i < 0 {
			i += n
		}
		if i < 0 || i >= n {
			r.Fail("index %d is outside an axis of %d", id, n)
			return 0, false
		}
		return i, true
	}
	if o.Along {
		_, taken, _ := lines(in[1].Shape, o.Axis)
		for at, id := range ids {
			i, ok := resolve(id)
			if !ok {
				return
			}
			f(at/(taken*step)*n*step+i*step+at%step, at, 1)
		}
		return
	}
	for b := range outer {
		for k, id := range ids {
			i, ok := resolve(id)
			if !ok {
				return
			}
			f((b*n+i)*step, (b*len(ids)+k)*step, step)
		}
	}
}

// Forward implements graph.Op.
func (o Take) Forward(r *Run, in, out []*Tensor) {
	x, y := in[0], out[0]
	o.visit(r, in, func(from, to, n int) {
		switch x.DType.Storage() {
		case graph.StoreF32:
			copy(y.F32[to:][:n], x.F32[from:])
		case graph.StoreF64:
			copy(y.F64[to:][:n], x.F64[from:])
		case graph.StoreI32:
			copy(y.I32[to:][:n], x.I32[from:])
		case graph.StoreI64:
			copy(y.I64[to:][:n], x.I64[from:])
		}
	})
}

// Backward implements graph.Op.
func (o Take) Backward(r *Run, in, _, dout, din []*Tensor) {
	if din[0] != nil {
		o.visit(r, in, func(from, to, n int) { add(din[0].F32[from:][:n], dout[0].F32[to:][:n]) })
	}
}

// OneHot makes float32 rows of Classes along a new axis (its place in the output): one at the index, zero elsewhere.
// Indices outside give only zeros, as in TensorFlow.
type OneHot struct {
	Classes, Axis int
	noGrad
}

// Infer implements graph.Op.
func (o OneHot) Infer(in []Spec) ([]Spec, error) {
	a, err := Axis(o.Axis, len(in[0].Shape)+1)
	if err != nil {
		return nil, err
	}
	if in[0].DType.Storage() != graph.StoreI32 || o.Classes < 0 || o.Classes > 1<<31-1 {
		return nil, fmt.Errorf("needs int32 indices and a number of classes, found %v and %d", in[0].DType, o.Classes)
	}
	y := slices.Insert(slices.Clone(in[0].Shape), a, o.Classes)
	return []Spec{f32(y...)}, bounded(y)
}

// Forward implements graph.Op.
func (o OneHot) Forward(_ *Run, in, out []*Tensor) {
	_, n, step := lines(out[0].Shape, o.Axis)
	y := out[0].F32
	clear(y)
	for i, id := range in[0].I32 {
		if id >= 0 && int(id) < n {
			y[(i/step*n+int(id))*step+i%step] = 1
		}
	}
}

// Sort sorts along an axis, and its second output are the indices (int32) in the input; equal elements keep their order.
// With K, only the first K are kept (0: all).
type Sort struct {
	Axis, K    int
	Descending bool
}

// Infer implements graph.Op.
func (o Sort) Infer(in []Spec) ([]Spec, error) {
	a, err := Axis(o.Axis, len(in[0].Shape))
	if err != nil {
		return nil, err
	}
	if in[0].DType != graph.Float32 && in[0].DType != graph.Int32 {
		return nil, fmt.Errorf("can't sort %v", in[0].DType)
	}
	y := slices.Clone(in[0].Shape)
	if o.K > 0 {
		if y[a] != graph.Unknown && y[a] < o.K {
			return nil, fmt.Errorf("axis %d of shape %v has fewer than %d elements", o.Axis, y, o.K)
		}
		y[a] = o.K
	}
	return []Spec{{Shape: y, DType: in[0].DType}, {Shape: y, DType: graph.Int32}}, nil
}

// Forward implements graph.Op.
func (o Sort) Forward(r *Run, in, out []*Tensor) {
	if in[0].DType.Storage() == graph.StoreF32 {
		sortLines(r, o, in[0], out, in[0].F32, data(out[0]))
	} else {
		var y []int32
		if out[0] != nil {
			y = out[0].I32
		}
		sortLines(r, o, in[0], out, in[0].I32, y)
	}
}

// sortLines sorts positions, which the run's scratch room, of float32, holds exactly up to 2^24; longer lines are refused.
func sortLines[T float32 | int32](r *Run, o Sort, x *Tensor, out []*Tensor, v, y []T) {
	outer, n, step := lines(x.Shape, o.Axis)
	if n > 1<<24 {
		r.Fail("can't sort %d elements, more than %d", n, 1<<24)
		return
	}
	k := n
	if o.K > 0 {
		k = o.K
	}
	order := r.Dirty(n)
	for b := range outer {
		for s := range step {
			line := v[b*n*step+s:]
			for i := range order {
				order[i] = float32(i)
			}
			slices.SortStableFunc(order, func(p, q float32) int {
				a, c := line[int(p)*step], line[int(q)*step]
				if o.Descending {
					a, c = c, a
				}
				switch {
				case a < c:
					return -1
				case a > c:
					return 1
				}
				return 0
			})
			for i := range k {
				at := (b*k+i)*step + s
				if y != nil {
					y[at] = line[int(order[i])*step]
				}
				if out[1] != nil {
					out[1].I32[at] = int32(order[i])
				}
			}
		}
	}
}

// Backward implements graph.Op.
func (o Sort) Backward(_ *Run, in, out, dout, din []*Tensor) {
	if dout[0] == nil || din[0] == nil {
		return
	}
	outer, k, step := lines(out[1].Shape, o.Axis)
	_, n, _ := lines(in[0].Shape, o.Axis)
	for b := range outer {
		for i := range k {
			for s := range step {
				at := (b*k+i)*step + s
				din[0].F32[(b*n+int(out[1].I32[at]))*step+s] += dout[0].F32[at]
			}
		}
	}
}
