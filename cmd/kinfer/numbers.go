package main

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"kerasgo/internal/cli"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// collector gathers the elements of an array of a model's input as text gives them, no narrower than the input takes them:
// nn.FitInput does the rest.
type collector struct {
	t    *nn.Tensor
	want nn.DType
}

func newCollector(want nn.DType) collector {
	wide := want
	switch {
	case want.Integer() || want == graph.Bool:
		wide = graph.Int64
	case want.Float() && want != graph.Float32:
		wide = graph.Float64
	}
	return collector{&nn.Tensor{Spec: nn.Spec{DType: wide}}, want}
}

// number adds an element; integers must be whole and fit.
func (c collector) number(v float64) error {
	switch t := c.t; t.DType {
	case graph.Float32:
		t.F32 = append(t.F32, float32(v))
	case graph.Float64:
		t.F64 = append(t.F64, v)
	case graph.Int64:
		if low, high := integerRange(c.want); v != math.Trunc(v) || v < low || v > high {
			return fmt.Errorf("%v doesn't fit %v", v, c.want)
		}
		t.I64 = append(t.I64, int64(v))
	default:
		return fmt.Errorf("found the number %v, the model takes strings", v)
	}
	return nil
}

// integerRange is what an integer type holds; of 64 bits, what a float64 below the bound does.
func integerRange(d nn.DType) (low, high float64) {
	switch d {
	case graph.Bool:
		return 0, 1
	case graph.Int8:
		return math.MinInt8, math.MaxInt8
	case graph.Int16:
		return math.MinInt16, math.MaxInt16
	case graph.Int32:
		return math.MinInt32, math.MaxInt32
	case graph.Uint8:
		return 0, math.MaxUint8
	case graph.Uint16:
		return 0, math.MaxUint16
	case graph.Uint32:
		return 0, math.MaxUint32
	case graph.Uint64:
		return 0, 1<<63 - 1024
	}
	return -1 << 63, 1<<63 - 1024
}

func (c collector) text(s string) error {
	if c.t.DType == graph.String {
		c.t.Str = append(c.t.Str, s)
		return nil
	}
	v, err := strconv.ParseFloat(strings.TrimSpace(s), 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) { // too large is infinite, as Python reads it
		return fmt.Errorf("found %.64q, want a number", s)
	}
	return c.number(v)
}

// readCSV reads rows of an input, each as long as one of its rows, cut by commas or tabs. A first line without numbers is
// a header.
func readCSV(data []byte, spec nn.InputSpec) (*nn.Tensor, error) {
	c := newCollector(spec.DType)
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	if first, _, _ := bytes.Cut(data, []byte("\n")); bytes.IndexByte(first, '\t') >= 0 && bytes.IndexByte(first, ',') < 0 {
		r.Comma = '\t'
	}
	r.ReuseRecord, r.TrimLeadingSpace = true, true
	rows, columns := 0, 0
	for line := 0; ; line++ {
		cells, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, &safeio.FormatError{Msg: "broken CSV", Err: err}
		}
		columns = len(cells)
		if line == 0 && header(cells) && spec.DType != graph.String {
			continue
		}
		for i, cell := range cells {
			if err := c.text(cell); err != nil {
				at, _ := r.FieldPos(i)
				return nil, &safeio.FormatError{Msg: fmt.Sprintf("line %d, column %d", at, i+1), Err: err}
			}
		}
		rows++
	}
	shape, ok := rowShape(spec.Shape, columns)
	if !ok {
		return nil, &graph.ShapeError{Input: fmt.Sprintf("input %q", spec.Name), Want: spec.Spec, Got: nn.Spec{Shape: nn.Shape{rows, columns}, DType: spec.DType}}
	}
	c.t.Shape = append(nn.Shape{rows}, shape...)
	return c.t, nil
}

// header says that no cell of a line is a number.
func header(cells []string) bool {
	for _, cell := range cells {
		if _, err := strconv.ParseFloat(strings.TrimSpace(cell), 64); err == nil {
			return false
		}
	}
	return true
}

// rowShape is the shape of an input's row of n elements; at most one of its dimensions may be open.
func rowShape(s nn.Shape, n int) (nn.Shape, bool) {
	if len(s) == 0 {
		return nil, false
	}
	row, known, open := append(nn.Shape{}, s[1:]...), 1, -1
	for i, d := range row {
		switch {
		case d != graph.Unknown:
			known *= d
		case open >= 0:
			return nil, false
		default:
			open = i
		}
	}
	if open >= 0 && known > 0 && n%known == 0 {
		row[open] = n / known
		return row, true
	}
	return row, open < 0 && known == n
}

// maxJSONDims bounds lists in lists.
const maxJSONDims = 32

// readJSON reads a list of rows, in lists of lists, or an object of them by input name. null is not a number, as it is
// where this program writes JSON.
func readJSON(data []byte, specs []nn.InputSpec) ([]*nn.Tensor, error) {
	d := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	d.UseNumber()
	out := make([]*nn.Tensor, len(specs))
	first, err := d.Token()
	switch {
	case err != nil:
		return nil, brokenJSON(err)
	case first == json.Delim('['):
		if len(specs) != 1 {
			return nil, cli.Usagef("the model has %d inputs; give an object with %s", len(specs), inputNames(specs))
		}
		if out[0], err = list(d, specs[0]); err != nil {
			return nil, err
		}
	case first == json.Delim('{'):
		for d.More() {
			key, err := d.Token()
			if err != nil {
				return nil, brokenJSON(err)
			}
			name, _ := key.(string) // nothing else can be a key
			at := inputAt(specs, name)
			if at < 0 {
				return nil, cli.Usagef("the model has no input %.64q, but %s", name, inputNames(specs))
			}
			if out[at] != nil {
				return nil, &safeio.FormatError{Msg: fmt.Sprintf("input %q stands twice", name)}
			}
			if open, err := d.Token(); err != nil || open != json.Delim('[') {
				return nil, firstError(brokenJSON(err), &safeio.FormatError{Msg: fmt.Sprintf("input %q must be a list of rows", name)})
			}
			if out[at], err = list(d, specs[at]); err != nil {
				return nil, err
			}
		}
		if _, err := d.Token(); err != nil {
			return nil, brokenJSON(err)
		}
	default:
		return nil, &safeio.FormatError{Msg: "want a list of rows, or an object of them"}
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, &safeio.FormatError{Msg: "the file goes on after its JSON"}
	}
	for i, s := range specs {
		if out[i] == nil {
			return nil, cli.Usagef("there is nothing for input %q", s.Name)
		}
	}
	return out, nil
}

// brokenJSON is the error for JSON that can't be read; nil for nil.
func brokenJSON(err error) error {
	if err == nil {
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return &safeio.FormatError{Msg: "broken JSON", Err: err}
}

// list reads the rest of a list of rows after its bracket.
func list(d *json.Decoder, spec nn.InputSpec) (*nn.Tensor, error) {
	c := newCollector(spec.DType)
	counts := []int{0} // of the lists that are open
	leaf := 0          // lists around an element; 0 until one was found
	var shape nn.Shape // nil until a list has ended
	ragged := &safeio.FormatError{Msg: fmt.Sprintf("input %q: lists of unequal lengths or depths", spec.Name)}
	for len(counts) > 0 {
		token, err := d.Token()
		if err != nil {
			return nil, brokenJSON(err)
		}
		if token == json.Delim(']') {
			depth := len(counts) - 1
			if shape == nil {
				shape = make(nn.Shape, len(counts))
				for i := range shape {
					shape[i] = -1
				}
			}
			if depth >= len(shape) || shape[depth] >= 0 && shape[depth] != counts[depth] {
				return nil, ragged
			}
			shape[depth] = counts[depth]
			counts = counts[:depth]
			continue
		}
		counts[len(counts)-1]++
		switch v := token.(type) {
		case json.Delim:
			if v == '{' || len(counts) == maxJSONDims || shape != nil && len(counts) >= len(shape) || leaf > 0 && len(counts) >= leaf {
				return nil, ragged
			}
			counts = append(counts, 0)
			continue
		case json.Number:
			err = c.text(v.String())
		case string:
			if err = c.text(v); err == nil && spec.DType != graph.String {
				err = fmt.Errorf("found the string %.64q, want a number", v)
			}
		case bool:
			n := 0.
			if v {
				n = 1
			}
			err = c.number(n)
		case nil:
			err = c.number(math.NaN())
		}
		if err != nil {
			return nil, &safeio.FormatError{Msg: fmt.Sprintf("input %q", spec.Name), Err: err}
		}
		if leaf == 0 {
			leaf = len(counts)
		}
		if leaf != len(counts) || shape != nil && leaf != len(shape) {
			return nil, ragged
		}
	}
	c.t.Shape = shape
	return c.t, nil
}

func inputAt(specs []nn.InputSpec, name string) int {
	for i, s := range specs {
		if s.Name == name {
			return i
		}
	}
	return -1
}

// readLines makes a string of each line.
func readLines(data []byte) *nn.Tensor {
	text := strings.ReplaceAll(string(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))), "\r\n", "\n")
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	return &nn.Tensor{Spec: nn.Spec{Shape: nn.Shape{len(lines)}, DType: graph.String}, Str: lines}
}
