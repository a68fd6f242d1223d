package train

import (
	"encoding/json"
	"fmt"
	"strings"

	"kerasgo/internal/vec"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// regularizer is l1·sum|x| + l2·sum x², or what keeps a matrix orthogonal.
//
// Source: keras/src/regularizers/regularizers.py
type regularizer struct {
	l1, l2  float32
	angular *orthogonal // instead of the others
}

func (r regularizer) none() bool { return r.l1 == 0 && r.l2 == 0 && r.angular == nil }

func (r regularizer) loss(x []float32) (loss float64) {
	if r.l1 != 0 {
		var sum float64
		for _, v := range x {
			sum += float64(max(v, -v))
		}
		loss += float64(r.l1) * sum
	}
	if r.l2 != 0 {
		loss += float64(r.l2) * float64(vec.Dot(x, x))
	}
	return loss
}

// gradient adds scale times the gradient to g.
func (r regularizer) gradient(g, x []float32, scale float32) {
	if r.l1 != 0 {
		for i, v := range x {
			switch {
			case v > 0:
				g[i] += scale * r.l1
			case v < 0:
				g[i] -= scale * r.l1
			}
		}
	}
	if r.l2 != 0 {
		vec.Axpy(g, scale*2*r.l2, x)
	}
}

// decodeRegularizer reads a name or an object: l1, L2, {"class_name": "L1L2", "config": {"l1": .., "l2": ..}}.
func decodeRegularizer(raw json.RawMessage, where nn.Where) (regularizer, error) {
	name, config, err := named(raw, where.Key)
	if err != nil {
		return regularizer{}, &nn.FormatError{Where: where, Msg: "bad regularizer"}
	}
	c := struct {
		L1 *float32 `json:"l1"`
		L2 *float32 `json:"l2"`
	}{}
	if config != nil && json.Unmarshal(config, &c) != nil {
		return regularizer{}, &nn.FormatError{Where: where, Msg: "bad regularizer"}
	}
	value := func(p *float32, otherwise float32) float32 {
		if p == nil {
			return otherwise
		}
		return *p
	}
	switch strings.ToLower(name) {
	case "l1":
		return regularizer{l1: value(c.L1, .01)}, nil
	case "l2":
		return regularizer{l2: value(c.L2, .01)}, nil
	case "l1l2", "l1_l2":
		if config == nil {
			return regularizer{l1: .01, l2: .01}, nil
		}
		return regularizer{l1: value(c.L1, 0), l2: value(c.L2, 0)}, nil
	case "orthogonalregularizer", "orthogonal_regularizer", "orthogonal":
		o, err := decodeOrthogonal(config, where)
		return regularizer{angular: o}, err
	}
	return regularizer{}, &nn.UnsupportedError{Where: where, Msg: fmt.Sprintf("training with the regularizer %q is not supported", name)}
}

// penalty is the regularizer of a trained weight.
type penalty struct {
	regularizer
	v *variable
}

func (p *penalty) loss() float64 {
	if o := p.angular; o != nil {
		return o.measure(p.v.weight.Data.F32, p.v.weight.Shape, nil)
	}
	return p.regularizer.loss(p.v.weight.Data.F32)
}

func (p *penalty) gradient() {
	switch {
	case p.v.grad == nil:
	case p.angular != nil:
		p.angular.measure(p.v.weight.Data.F32, p.v.weight.Shape, p.v.grad.F32)
	default:
		p.regularizer.gradient(p.v.grad.F32, p.v.weight.Data.F32, 1)
	}
}

// penalties finds the regularizers and the constraints of the trained weights in the layers' configs.
func penalties(m nn.Model, vars []*variable) (list []penalty, limits constraints, err error) {
	trained := map[*nn.Weight]*variable{}
	for _, v := range vars {
		trained[v.weight] = v
	}
	seen := map[nn.Layer]bool{}
	var visit func(l, config nn.Layer) error
	visit = func(l, config nn.Layer) error {
		if seen[l] {
			return nil
		}
		seen[l] = true
		if l.Base().Configured() { // a cell that its layer made is ruled by the layer's config
			config = l
		}
		for _, w := range l.Base().Own() {
			v := trained[w]
			if v == nil {
				continue
			}
			for _, stem := range stems(w.Name, config.Base().Class) {
				raw := config.Base().Config(stem + "_regularizer")
				where := nn.Where{Layer: config.Base().Name, Class: config.Base().Class, Key: stem + "_regularizer"}
				if !null(raw) {
					r, err := decodeRegularizer(raw, where)
					if err != nil {
						return err
					}
					if r.angular != nil && len(w.Shape) != 2 {
						return &nn.FormatError{Where: where, Msg: "an orthogonal regularizer needs a matrix", Got: fmt.Sprint(w.Shape)}
					}
					if !r.none() {
						list, v.penalized = append(list, penalty{r, v}), true
					}
				}
				if where.Key = stem + "_constraint"; !null(config.Base().Config(where.Key)) {
					c, err := decodeConstraint(config.Base().Config(where.Key), where, len(w.Shape))
					if err != nil {
						return err
					}
					if c.kind != unconstrained {
						limits = append(limits, newConstrained(c, v))
					}
				}
			}
		}
		for _, k := range l.Base().Children() {
			if err := visit(k.Layer, config); err != nil {
				return err
			}
		}
		return nil
	}
	err = visit(m, m)
	return list, limits, err
}

// stems are the config keys' beginnings that speak of a weight: kernel, recurrent for recurrent_kernel, depthwise.
func stems(weight, class string) []string {
	out := []string{weight}
	if s, ok := strings.CutSuffix(weight, "_kernel"); ok {
		out = append(out, s)
	}
	if weight == "kernel" && strings.HasPrefix(class, "Depthwise") {
		out = []string{"depthwise"}
	}
	return out
}

// activity is a regularizer of a layer's output; the loss is divided by the number of rows.
//
// Source: keras/src/layers/layer.py
type activity struct {
	regularizer
	value *nn.Value
}

// activities finds them in a traced graph.
func activities(g *nn.Graph) (list []activity, err error) {
	for _, c := range g.Calls {
		b := c.Layer.Base()
		raw, where := b.Config("activity_regularizer"), nn.Where{Layer: b.Name, Class: b.Class, Key: "activity_regularizer"}
		var r regularizer
		switch {
		case b.Class == "ActivityRegularization":
			for key, p := range map[string]*float32{"l1": &r.l1, "l2": &r.l2} {
				if v := b.Config(key); !null(v) && json.Unmarshal(v, p) != nil {
					return nil, &nn.FormatError{Where: where, Msg: "bad value"}
				}
			}
		case null(raw):
			continue
		default:
			if r, err = decodeRegularizer(raw, where); err != nil {
				return nil, err
			}
		}
		if r.angular != nil {
			return nil, &nn.UnsupportedError{Where: where, Msg: "an orthogonal regularizer of outputs is not supported"}
		}
		if r.none() {
			continue
		}
		for _, o := range c.Out {
			if o.DType != graph.Float32 {
				return nil, &nn.UnsupportedError{Where: where, Msg: fmt.Sprintf("an activity regularizer of %v is not supported", o.DType)}
			}
			list = append(list, activity{r, o.Value})
		}
	}
	return list, nil
}

func (a activity) measure(run *graph.Interp, train bool) float64 {
	y := run.Value(a.value)
	rows := float64(max(y.Shape[0], 1))
	if g := run.Grad(a.value); train && g != nil {
		a.gradient(g.F32, y.F32, float32(1/rows))
	}
	return a.loss(y.F32) / rows
}
