package layers

import (
	"fmt"
	"strconv"
	"strings"

	"kerasgo/nn"
	"kerasgo/nn/op"
)

// lambdas are the functions that may stand for a Lambda layer's Python code, one a line: name and arguments, the operation of
// keras.ops (or, of DIMS, the layer) that it is, and its config, where $ is the list of the arguments and # the first. Without a config,
// the arguments follow the tensor.
const lambdas = `
abs|Absolute
negative|Negative
square|Square
sqrt|Sqrt
rsqrt|Rsqrt
reciprocal|Reciprocal
exp|Exp
log|Log
log1p|Log1p
sin|Sin
cos|Cos
sign|Sign
floor|Floor
ceil|Ceil
add C|Add
subtract C|Subtract
multiply C|Multiply
scale C|Multiply
divide C|Divide
power C|Power
maximum C|Maximum
minimum C|Minimum
l2_normalize AXIS|Normalize|{"axis":#,"order":2,"epsilon":1e-12}
softmax AXIS|Softmax|{"axis":#}
argmax AXIS|Argmax|{"axis":#}
mean AXES|Mean|{"axis":[$]}
sum AXES|Sum|{"axis":[$]}
max AXES|Max|{"axis":[$]}
min AXES|Min|{"axis":[$]}
squeeze AXES|Squeeze|{"axis":[$]}
expand_dims AXES|ExpandDims|{"axis":[$]}
reverse AXES|Flip|{"axis":[$]}
reshape DIMS|Reshape|{"target_shape":[$]}
permute DIMS|Permute|{"dims":[$]}
index I|GetItem
`

// Lambdas lists what LambdaNamed knows beside Keras's activations, as their names with what they take.
func Lambdas() (usage []string) {
	for line := range strings.Lines(lambdas[1:]) {
		name, _, _ := strings.Cut(line, "|")
		if name, args, ok := strings.Cut(name, " "); ok {
			usage = append(usage, name+"("+args+")")
		} else {
			usage = append(usage, name)
		}
	}
	return usage
}

// LambdaNamed is a function that may stand for a Lambda layer's Python code: one of Lambdas or an activation's name, with its
// numbers in parentheses, or several one after another: "divide(127.5)|subtract(1)". Axes count the batch as 0; shapes
// are without it; those of two operands take a second tensor where no number is given; index(i) is x[:, i].
func LambdaNamed(text string) (nn.Function, error) {
	var chain []nn.Function
	for part := range strings.SplitSeq(text, "|") {
		f, err := lambda(strings.TrimSpace(part))
		if err != nil {
			return nil, err
		}
		chain = append(chain, f)
	}
	return func(g *nn.Graph, in ...*nn.Value) *nn.Value {
		for _, f := range chain {
			in = []*nn.Value{f(g, in...)}
		}
		return in[0]
	}, nil
}

func lambda(text string) (nn.Function, error) {
	name, rest, called := strings.Cut(text, "(")
	var numbers []string
	if list, ok := strings.CutSuffix(rest, ")"); called && !ok {
		return nil, fmt.Errorf("%q has no closing parenthesis", text)
	} else if strings.TrimSpace(list) != "" {
		numbers = strings.Split(list, ",")
	}
	var args []any
	whole := true
	for i, n := range numbers {
		numbers[i] = strings.TrimSpace(n)
		v, err := strconv.ParseFloat(numbers[i], 64)
		if err != nil || v-v != 0 {
			return nil, fmt.Errorf("%q: %q isn't a number", text, n)
		}
		if k, err := strconv.Atoi(numbers[i]); err == nil {
			args = append(args, k)
		} else {
			args, whole = append(args, v), false
		}
	}
	for line := range strings.Lines(lambdas[1:]) {
		parts := append(strings.Split(strings.TrimSpace(line), "|"), "")
		known, takes, _ := strings.Cut(parts[0], " ")
		if known != name || takes == "" && len(args) > 0 {
			continue
		}
		many := takes == "AXES" || takes == "DIMS"
		two := takes == "C" // operands: a number or a second tensor
		if len(args) > 1 && !many || len(args) == 0 && takes != "" && !two || !whole && !two {
			return nil, fmt.Errorf("%q: give it as %s(%s)", text, name, takes)
		}
		if takes == "I" {
			args = []any{[]any{nn.Slice{}, args[0]}}
		}
		config, list := parts[2], strings.Join(numbers, ",")
		if config == "" {
			config = "{}"
		} else {
			config = strings.ReplaceAll(strings.ReplaceAll(config, "$", list), "#", list)
			args = nil
		}
		d, module := nn.Decoder{Registry: operations()}, "keras.ops"
		if takes == "DIMS" { // layers, which leave the batch alone
			d.Registry, module = Builtin(), "keras.layers"
		}
		l, err := d.Decode([]byte(`{"class_name":"` + parts[1] + `","module":"` + module + `","config":` + config + `}`))
		if err != nil {
			return nil, err
		}
		return func(g *nn.Graph, in ...*nn.Value) *nn.Value {
			if two && len(in)+len(args) != 2 || !two && len(in) != 1 {
				g.Failf("%s doesn't take %d tensors", text, len(in))
			}
			c := nn.Call{}
			for _, v := range in {
				c.Args = append(c.Args, nn.Wire{Value: v})
			}
			c.Args = append(c.Args, args...)
			return l.Build(g, c)[0].Value
		}, nil
	}
	if len(args) == 0 && op.CanonicalActivation(name) != "" && name != "" {
		return func(g *nn.Graph, in ...*nn.Value) *nn.Value {
			if len(in) != 1 {
				g.Failf("%s takes one tensor, found %d", text, len(in))
			}
			return g.Activate(nn.Act(op.CanonicalActivation(name)), in[0])
		}, nil
	}
	return nil, fmt.Errorf("unknown function %q; known are Keras's activations, %s; several may follow each other: divide(127.5)|subtract(1)",
		text, strings.Join(Lambdas(), ", "))
}

// LambdaFlag holds functions by the name of what they stand for; it is a flag.Value and a pflag.Value that takes NAME=FUNCTION,
// any number of times.
type LambdaFlag map[string]nn.Function

// Set implements flag.Value.
func (l *LambdaFlag) Set(text string) error {
	name, function, ok := strings.Cut(text, "=")
	if !ok || name == "" {
		return fmt.Errorf("want NAME=FUNCTION, such as lambda_1=divide(255)")
	}
	f, err := LambdaNamed(function)
	if err != nil {
		return err
	}
	if *l == nil {
		*l = LambdaFlag{}
	}
	(*l)[name] = f
	return nil
}

// String implements flag.Value: nothing is the default.
func (*LambdaFlag) String() string { return "" }

// Type implements pflag.Value.
func (*LambdaFlag) Type() string { return "NAME=FUNCTION" }
