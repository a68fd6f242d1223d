package layers

import (
	"reflect"
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
	"kerasgo/nn/op"
)

// operation is a node of a functional graph that applies a function of keras.ops: no weights, no mask.
//
// Source: keras/src/ops
type operation struct {
	Config any `json:",inline"` // a pointer to a struct; before Common, so that dtype is the operation's own
	nn.Common
	build func(a *operands) []*nn.Value
}

// Build implements nn.Layer.
func (l *operation) Build(g *nn.Graph, c nn.Call) []nn.Wire {
	return nn.Drop(l.build(&operands{g, c})...)
}

// node makes operations: defaults are what a config that leaves a key out means.
func node[C any](defaults C, build func(a *operands, c C) *nn.Value) func() nn.Layer {
	return made(defaults, build)
}

// nodes is node for operations of several outputs.
func nodes[C any](defaults C, build func(a *operands, c C) []*nn.Value) func() nn.Layer {
	return made(defaults, build)
}

// made makes what node and nodes say, whose types agree. One type and one function serve all configs: generic ones would put
// theirs into every binary some hundred times.
//
//go:noinline
func made(defaults, build any) func() nn.Layer {
	return func() nn.Layer {
		config := reflect.New(reflect.TypeOf(defaults))
		config.Elem().Set(reflect.ValueOf(defaults))
		return &operation{config.Interface(), nn.Common{Trainable: true}, func(a *operands) []*nn.Value {
			out := reflect.ValueOf(build).Call([]reflect.Value{reflect.ValueOf(a), config.Elem()})[0].Interface()
			if one, ok := out.(*nn.Value); ok {
				return []*nn.Value{one}
			}
			return out.([]*nn.Value)
		}}
	}
}

// none is the config of an operation without one.
type none struct{}

// plain makes an operation without a config.
func plain(build func(a *operands) *nn.Value) func() nn.Layer {
	return node(none{}, func(a *operands, _ none) *nn.Value { return build(a) })
}

// operations are the operation nodes, by registry key.
func operations() nn.Registry {
	r := nn.Registry{}
	for _, table := range []map[string]func() nn.Layer{elementOps(), binaryOps(), activationOps(), shapeOps(), joinOps(), indexOps(),
		reductionOps(), orderOps(), productOps(), imageOps(), rareOps(), rarePairOps(),
		matrixOps(), partOps(), windowOps(), networkOps(), statisticsOps(), nanOps(), linearOps(), segmentOps()} {
		for class, create := range table {
			r["ops."+class] = create
		}
	}
	return r
}

// operands are the arguments of an operation's call, as they were recorded.
type operands struct {
	*nn.Graph
	call nn.Call
}

// arg is argument i, by position or name; nil if it isn't there.
func (a *operands) arg(i int, name string) any {
	if i < len(a.call.Args) {
		return a.call.Args[i]
	}
	return a.call.Kw[name]
}

// x is the first argument, which must be a tensor.
//
//go:noinline
func (a *operands) x() *nn.Value { return a.tensor(0, "x") }

// tensor is argument i as a value; numbers, lists and arrays become constants.
func (a *operands) tensor(i int, name string) *nn.Value {
	v := a.arg(i, name)
	if n, ok := nn.NumberOf(v); ok {
		return a.number(n, kindOf(v))
	}
	return a.array(v, name)
}

func (a *operands) array(v any, name string) *nn.Value {
	switch v := v.(type) {
	case nn.Wire:
		return v.Value
	case *nn.Tensor:
		return a.Const(v)
	case []any:
		t, err := nn.ArrayOf(v)
		if err != nil {
			a.Failf("argument %s: %v", name, err)
		}
		d := graph.Float32
		if integers(v) {
			d = graph.Int32
		}
		if t, err = t.As(d); err != nil {
			a.Failf("argument %s: %v", name, err)
		}
		return a.Const(t)
	}
	a.Failf("argument %s must be a tensor, found %T", name, v)
	return nil
}

// integers says that nested lists hold ints alone.
func integers(v any) bool {
	switch v := v.(type) {
	case int:
		return true
	case []any:
		return !slices.ContainsFunc(v, func(e any) bool { return !integers(e) })
	}
	return false
}

// kindOf is the dtype that a Python number has by itself.
func kindOf(v any) nn.DType {
	switch v.(type) {
	case int:
		return graph.Int32
	case bool:
		return graph.Bool
	}
	return graph.Float32
}

// number is a constant without axes.
//
//go:noinline
func (a *operands) number(n float64, d nn.DType) *nn.Value {
	t := graph.New(nn.Spec{Shape: nn.Shape{}, DType: graph.Float64})
	t.F64[0] = n
	out, err := t.As(d)
	if err != nil {
		a.Failf("%v", err)
	}
	return a.Const(out)
}

// pair are arguments i and i+1 in their common dtype. A Python number takes the dtype of the other, unless that is an
// integer and it isn't.
func (a *operands) pair(i int, first, second string) (x, y *nn.Value) {
	v, w := a.arg(i, first), a.arg(i+1, second)
	n, isNumber := nn.NumberOf(v)
	m, alsoNumber := nn.NumberOf(w)
	switch {
	case isNumber && !alsoNumber:
		y = a.array(w, second)
		x = a.number(n, weak(v, y.DType))
	case alsoNumber && !isNumber:
		x = a.array(v, first)
		y = a.number(m, weak(w, x.DType))
	default:
		x, y = a.tensor(i, first), a.tensor(i+1, second)
	}
	d := common(a.Graph, x.DType, y.DType)
	return cast(a.Graph, x, d), cast(a.Graph, y, d)
}

// weak is the dtype that a Python number takes beside a tensor.
func weak(number any, d nn.DType) nn.DType {
	switch {
	case d.Float(), kindOf(number) == graph.Bool, kindOf(number) == graph.Int32 && d.Integer():
		return d
	}
	return kindOf(number)
}

// list are the tensors of a list argument.
func (a *operands) list(i int, name string) (xs []*nn.Value) {
	items, ok := a.arg(i, name).([]any)
	if !ok || len(items) == 0 {
		a.Failf("argument %s must be a list of tensors", name)
	}
	var d nn.DType
	for k, e := range items {
		x := a.array(e, name)
		if k == 0 {
			d = x.DType
		}
		xs, d = append(xs, x), common(a.Graph, d, x.DType)
	}
	for k, x := range xs {
		xs[k] = cast(a.Graph, x, d)
	}
	return xs
}

// ravelled is x with one axis, where axis is None.
func (a *operands) ravelled(x *nn.Value, axis *int) (*nn.Value, int) {
	if axis == nil {
		return a.Op(op.View{To: nn.Shape{-1}}, x), 0
	}
	return x, axisOf(a.Graph, *axis, len(x.Shape))
}

// unary applies an element function.
//
//go:noinline
func (a *operands) unary(fn string, x *nn.Value, args ...float32) *nn.Value {
	o := op.Unary{Fn: fn}
	copy(o.Args[:], args)
	return a.Op(o, x)
}

// dtypeOf reads a dtype; "" is the one given.
func (a *operands) dtypeOf(name string, otherwise nn.DType) nn.DType {
	if name == "" {
		return otherwise
	}
	d, err := graph.ParseDType(name)
	if err != nil {
		a.Failf("%v", err)
	}
	return d
}
