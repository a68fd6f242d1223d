package keras

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"

	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// tfjs is the model.json of TensorFlow.js: an architecture, and which files beside it hold which weights.
//
// Source: the layers-model format of TensorFlow.js, as its converter and its own save() write it.
type tfjs struct {
	Topology json.RawMessage `json:"modelTopology"`
	Manifest []tfjsGroup     `json:"weightsManifest"`
	Format   string          `json:"format"`
}

// tfjsGroup is weights that follow each other in files that follow each other.
type tfjsGroup struct {
	Paths   []string     `json:"paths"`
	Weights []tfjsWeight `json:"weights"`
}

// tfjsWeight is one weight; quantized, its values are stored as smaller numbers: value·Scale + Min, or halves.
type tfjsWeight struct {
	Name         string   `json:"name"`
	Shape        nn.Shape `json:"shape"`
	DType        string   `json:"dtype"`
	Quantization *struct {
		Scale float64 `json:"scale"`
		Min   float64 `json:"min"`
		DType string  `json:"dtype"`
	} `json:"quantization"`

	raw []byte
}

// readTFJS reads a model.json; ok is false where raw is something else.
func (o Options) readTFJS(raw []byte, weights bool) (m nn.Model, ok bool, err error) {
	var file tfjs
	if json.Unmarshal(raw, &file) != nil || file.Topology == nil {
		return nil, false, nil
	}
	if file.Format == "graph-model" {
		return nil, true, &UnsupportedError{Msg: "a graph-model of TensorFlow.js: only its layers-model holds layers"}
	}
	env := asObject(file.Topology)
	config, v := file.Topology, version{major: 2, minor: 15}
	if said := text(env["keras_version"]); said != "" && said[0] >= '0' && said[0] <= '9' { // its own save() says its own version
		v = parseVersion(said)
	}
	if inner := env["model_config"]; inner != nil {
		config = inner
	} else if env != nil {
		delete(env, "keras_version")
		config = marshal(env)
	}
	if m, err = o.decode(config, v, formJSON); err != nil {
		return nil, true, err
	}
	if err := nn.Declare(m); err != nil || !weights {
		return m, true, err
	}
	var list []*tfjsWeight
	total := int64(0)
	for i := range file.Manifest {
		if err := o.readGroup(&file.Manifest[i], &total); err != nil {
			return nil, true, err
		}
		for k := range file.Manifest[i].Weights {
			list = append(list, &file.Manifest[i].Weights[k])
		}
	}
	return m, true, o.setTFJS(m, list)
}

// readGroup reads a group's files and cuts them into weights.
func (o Options) readGroup(g *tfjsGroup, total *int64) error {
	if o.dir == "" {
		return &UnsupportedError{Msg: "a model.json's weights lie in files beside it: it must be a file, too"}
	}
	limits := o.Limits.OrDefaults()
	var all []byte
	for _, name := range g.Paths {
		if name == "" || name != filepath.Base(name) || name == "." || name == ".." {
			return &FormatError{Msg: "weights must be in files beside model.json", Got: fmt.Sprintf("%q", name)}
		}
		f, size, err := safeio.OpenRegular(filepath.Join(o.dir, name), o.Limits)
		if err != nil {
			return err
		}
		if *total += size; *total > limits.MaxTotalBytes {
			f.Close()
			return &LimitError{Msg: "the weights take " + safeio.Bytes(uint64(*total)), Limit: safeio.Bytes(uint64(limits.MaxTotalBytes))}
		}
		raw, err := safeio.Slice(f, size, 0, size)
		f.Close()
		if err != nil {
			return err
		}
		all = append(all, raw...)
	}
	for i := range g.Weights {
		w := &g.Weights[i]
		n := int64(w.size())
		for _, d := range w.Shape {
			fits := d >= 0
			if fits {
				n, fits = safeio.Product(n, int64(d))
			}
			if !fits || n > int64(len(all)) {
				return &FormatError{Where: safeio.Where{Object: w.Name}, Msg: "the files are too short for this weight", Want: fmt.Sprintf("%s %v", w.DType, w.Shape), Got: safeio.Bytes(uint64(len(all)))}
			}
		}
		if w.size() == 0 || n > int64(len(all)) {
			return &UnsupportedError{Where: safeio.Where{Object: w.Name}, Msg: fmt.Sprintf("weights of type %q", w.stored())}
		}
		w.raw, all = all[:n], all[n:]
	}
	if len(all) > 0 {
		return &FormatError{Msg: "the files hold more than the weights", Got: safeio.Bytes(uint64(len(all)))}
	}
	return nil
}

// stored is the type of the numbers in the file.
func (w *tfjsWeight) stored() string {
	if w.Quantization != nil {
		return w.Quantization.DType
	}
	return w.DType
}

func (w *tfjsWeight) size() int {
	switch w.stored() {
	case "float32", "int32":
		return 4
	case "float16", "uint16":
		return 2
	case "uint8", "bool":
		return 1
	}
	return 0
}

// at is a value of the weight.
func (w *tfjsWeight) at(i int) float64 {
	v := 0.
	switch w.stored() {
	case "float32":
		v = float64(math.Float32frombits(binary.LittleEndian.Uint32(w.raw[4*i:])))
	case "int32":
		v = float64(int32(binary.LittleEndian.Uint32(w.raw[4*i:])))
	case "float16":
		return half(binary.LittleEndian.Uint16(w.raw[2*i:]))
	case "uint16":
		v = float64(binary.LittleEndian.Uint16(w.raw[2*i:]))
	default:
		v = float64(w.raw[i])
	}
	if q := w.Quantization; q != nil {
		v = v*q.Scale + q.Min
	}
	return v
}

// setTFJS gives a declared model the weights: those named after a layer are that layer's, else all follow the layers' order.
func (o Options) setTFJS(m nn.Model, list []*tfjsWeight) error {
	var want []*nn.Weight
	var have []*tfjsWeight
	grouped := true
	for _, l := range nn.Layers(m) {
		ws := legacyWeights(l)
		var mine []*tfjsWeight
		var names []string
		for _, t := range list {
			if strings.HasPrefix(t.Name, l.Base().Name+"/") {
				mine, names = append(mine, t), append(names, t.Name)
			}
		}
		want = append(want, ws...)
		if grouped = grouped && len(mine) == len(ws); grouped {
			for _, k := range byPath(ws, names) {
				have = append(have, mine[k])
			}
		}
	}
	if !grouped || len(have) != len(list) {
		have = list
	}
	if len(have) != len(want) {
		return &FormatError{Msg: "the number of weights is wrong", Want: fmt.Sprintf("%d%s", len(want), names(want)), Got: fmt.Sprint(len(have))}
	}
	for i, w := range want {
		t, where := have[i], safeio.Where{Object: have[i].Name}
		if !slices.Equal(w.Shape, t.Shape) {
			return &FormatError{Where: where, Msg: "weight " + w.Path + " has the wrong shape", Want: w.Shape.String(), Got: t.Shape.String()}
		}
		if w.DType.Float() != strings.HasPrefix(t.DType, "float") {
			return &FormatError{Where: where, Msg: "weight " + w.Path + " has the wrong type", Want: w.DType.String(), Got: t.DType}
		}
		data := graph.New(w.Spec)
		for k := range data.Len() {
			switch v := t.at(k); w.DType.Storage() {
			case graph.StoreF32:
				data.F32[k] = float32(v)
			case graph.StoreF64:
				data.F64[k] = v
			case graph.StoreI32:
				data.I32[k] = int32(v)
			case graph.StoreI64:
				data.I64[k] = int64(v)
			}
		}
		if err := holdsNumbers(w, data); err != nil {
			return safeio.At(err, where)
		}
		w.Data = data
	}
	nn.WeightsChanged(m)
	return nil
}

// half is the number that an IEEE half holds.
func half(h uint16) float64 {
	m, e := float64(h&0x3ff), int(h>>10&0x1f)
	switch {
	case e == 0x1f && m != 0:
		m = math.NaN()
	case e == 0x1f:
		m = math.Inf(1)
	case e == 0:
		m = math.Ldexp(m, -24)
	default:
		m = math.Ldexp(m+1024, e-25)
	}
	return math.Copysign(m, 1-2*float64(h>>15))
}
