package data

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"kerasgo/imaging"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// decoder turns examples into rows.
type decoder struct {
	o       OpenOptions
	n       int               // examples
	columns [3][]recordColumn // inputs, targets, weights; from the first example
	known   map[string]bool   // the features that they are made of
}

// recordColumn is an input, a target or a weight, and the feature that it is made of.
type recordColumn struct {
	feature string
	kind    string // of the feature
	n       int    // values in it
	spec    nn.Spec
	picture bool // encoded, or bytes as they are
}

// look checks an example; the first one says what all are like.
func (d *decoder) look(raw []byte) error {
	if d.known == nil {
		features, err := parseExample(raw, nil)
		if err != nil {
			return err
		}
		return d.resolve(features)
	}
	features, err := d.parse(raw)
	if err != nil {
		return err
	}
	for _, list := range d.columns {
		for _, c := range list {
			if _, err := c.find(features); err != nil {
				return err
			}
		}
	}
	return nil
}

func (d *decoder) parse(raw []byte) (map[string]*feature, error) {
	return parseExample(raw, func(name []byte) bool { return d.known[string(name)] })
}

// resolve finds the features that inputs, targets and weights are made of.
func (d *decoder) resolve(features map[string]*feature) error {
	d.known = map[string]bool{}
	for role := range d.o.Features {
		if !d.role(role) {
			return fmt.Errorf("--features: %q is neither an input or output of the model nor x, y or sample_weight", role)
		}
	}
	for kind, names := range [][]string{d.o.Inputs, d.o.Outputs, nil} {
		found, err := d.names(features, kind, names)
		if err != nil {
			return err
		}
		for i, name := range found {
			c, err := d.column(features[name], name, kind, i)
			if err != nil {
				return safeio.At(err, safeio.Where{Key: name})
			}
			d.columns[kind] = append(d.columns[kind], c)
			d.known[name] = true
		}
	}
	if len(d.columns[0]) == 0 {
		return &safeio.FormatError{Msg: fmt.Sprintf("no feature is an input: x, x_0, ..., image or %s; say which is with --features x=NAME,y=NAME", strings.Join(quoteAll(d.o.Inputs), ", ")),
			Got: strings.Join(quoteAll(slices.Sorted(maps.Keys(features))), ", ")}
	}
	return nil
}

// role says whether a name may stand on the left side of --features.
func (d *decoder) role(name string) bool {
	if slices.Contains(d.o.Inputs, name) || slices.Contains(d.o.Outputs, name) {
		return true
	}
	for kind := range 3 {
		base := arrayName(kind, 0, 1)
		if name == base || strings.HasPrefix(name, base+"_") && strings.Trim(name[len(base)+1:], "0123456789") == "" {
			return true
		}
	}
	return false
}

// names are the features of one kind: as --features says, else by the model's names, else x, or x_0, x_1, ..., else what
// TensorFlow's own data sets call images and labels.
func (d *decoder) names(features map[string]*feature, kind int, own []string) ([]string, error) {
	base := arrayName(kind, 0, 1)
	numbered := make([]string, 0, len(own))
	for i := range max(len(own), 1) {
		numbered = append(numbered, arrayName(kind, i, 2))
	}
	ways := [][]string{own, {base}, numbered}
	for _, roles := range ways {
		var found []string
		for _, r := range roles {
			if f, ok := d.o.Features[r]; ok {
				if features[f] == nil {
					return nil, &safeio.FormatError{Where: safeio.Where{Key: f}, Msg: "the feature isn't there", Got: strings.Join(quoteAll(slices.Sorted(maps.Keys(features))), ", ")}
				}
				found = append(found, f)
			}
		}
		if len(found) > 0 {
			return found, nil
		}
	}
	switch kind {
	case 0:
		ways = append(ways, []string{"image/encoded"}, []string{"image"})
	case 1:
		ways = append(ways, []string{"image/class/label"}, []string{"label"})
	}
	for _, names := range ways {
		if len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return features[n] == nil }) {
			return names, nil
		}
	}
	return nil, nil
}

// column decides what a feature becomes.
func (d *decoder) column(f *feature, name string, kind, i int) (c recordColumn, err error) {
	c = recordColumn{feature: name, kind: f.kind, n: f.len()}
	var declared nn.Spec
	if kind == 0 && i < len(d.o.Specs) && len(d.o.Specs[i].Shape) > 0 {
		declared = d.o.Specs[i]
		declared.Shape = declared.Shape[1:]
	}
	image := d.o.Image
	switch f.kind {
	case "float":
		c.spec.DType = graph.Float32
	case "int64":
		c.spec.DType = graph.Int64
	case "bytes":
		if kind != 0 {
			return c, &safeio.UnsupportedError{Msg: "a feature of bytes as a target"}
		}
		if declared.DType == graph.String {
			c.spec.DType = graph.String
			break
		}
		if c.n != 1 || image.Height <= 0 {
			return c, &safeio.UnsupportedError{Msg: "a feature of bytes, for a model whose input is neither text nor one image"}
		}
		c.picture = true
		c.spec = nn.Spec{Shape: nn.Shape{image.Height, image.Width, image.Color.Channels()}}
		return c, nil
	default:
		return c, &safeio.FormatError{Msg: "the feature is empty"}
	}
	c.spec.Shape = rowOf(declared.Shape, c.n)
	return c, nil
}

// find is the column's feature in an example, if it is like that of the first one.
func (c *recordColumn) find(features map[string]*feature) (*feature, error) {
	f := features[c.feature]
	bad := func(want, got string) error {
		return &safeio.FormatError{Where: safeio.Where{Key: c.feature}, Msg: "unlike the first record", Want: want, Got: got}
	}
	switch {
	case f == nil:
		return nil, bad("the feature", "none")
	case f.kind != c.kind:
		return nil, bad(c.kind, f.kind)
	case f.len() != c.n:
		return nil, bad(fmt.Sprintf("%d values", c.n), fmt.Sprint(f.len()))
	}
	for i, v := range f.floats {
		if v-v != 0 {
			return nil, &safeio.FormatError{Where: safeio.Where{Key: c.feature}, Msg: fmt.Sprintf("value %d", i), Want: "a number", Got: fmt.Sprint(v)}
		}
	}
	return f, nil
}

// room makes a batch of so many rows.
func (d *decoder) room(b *Batch, rows int) {
	for kind, list := range []*[]*nn.Tensor{&b.X, &b.Y, &b.Weight} {
		resize(list, len(d.columns[kind]))
		for i, c := range d.columns[kind] {
			roomOf(&(*list)[i], c.spec.DType, rows, c.spec.Shape)
		}
	}
}

// decode fills row i of a batch with an example.
func (d *decoder) decode(b *Batch, i int, raw []byte) error {
	features, err := d.parse(raw)
	if err != nil {
		return err
	}
	for kind, list := range [][]*nn.Tensor{b.X, b.Y, b.Weight} {
		for k, c := range d.columns[kind] {
			f, err := c.find(features)
			if err != nil {
				return err
			}
			t := list[k].Rows(i, i+1)
			switch {
			case c.picture:
				err = d.picture(t.F32, f.bytes[0])
			case c.kind == "float":
				copy(t.F32, f.floats)
			case c.kind == "int64":
				copy(t.I64, f.ints)
			default:
				for j, s := range f.bytes {
					t.Str[j] = string(s)
				}
			}
			if err == nil && kind == 2 {
				err = checkWeights(0, t)
			}
			if err != nil {
				return safeio.At(err, safeio.Where{Key: c.feature})
			}
		}
	}
	return nil
}

// picture decodes an image file, or takes bytes as the samples of an image of the input's size.
func (d *decoder) picture(dst []float32, raw []byte) error {
	o := d.o.Image
	m, err := imaging.Decode(raw, d.o.Limits)
	if err != nil {
		format, _ := imaging.Sniff(raw[:min(len(raw), 16)])
		if format != "" || len(raw) != len(dst) {
			return err
		}
		m = &imaging.Image{W: o.Width, H: o.Height, C: o.Color.Channels(), Pix: raw}
	}
	return o.Fill(dst, m)
}
