package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"kerasgo/imaging"
	"kerasgo/internal/cli"
	"kerasgo/internal/npy"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// sink takes the rows as they are computed; outs hold one row each and are only lent.
type sink interface {
	row(name string, picture *imaging.Image, outs []*nn.Tensor) error
	end() error
}

// batcher is a sink that wants whole batches, those without rows too, instead of rows.
type batcher interface{ batch(outs []*nn.Tensor) error }

// sink opens the output. finish ends it: with an error, nothing is left half-written.
func (f *options) sink(o *cli.IO, outputs, labels []string) (s sink, finish func(error) error, err error) {
	format := f.format
	if format == "" {
		format = formatOf(f.output)
	}
	make := func(w io.Writer) (sink, error) {
		c := classes{f.topK, f.threshold, labels}
		switch format {
		case "table":
			return &table{w: w, classes: c, outputs: outputs, look: f.output == "" && (o.Terminal(o.Out) || o.Color(o.Out)), palette: palette(o)}, nil
		case "json", "jsonl":
			return &jsonRows{w: w, classes: c, outputs: outputs, lines: format == "jsonl"}, nil
		case "csv", "tsv":
			cw := csv.NewWriter(w)
			if format == "tsv" {
				cw.Comma = '\t'
			}
			return &csvRows{w: cw, classes: c, outputs: outputs}, nil
		case "npy", "npz":
			if format == "npy" && len(outputs) > 1 {
				return nil, cli.Usagef("a .npy holds one array and the model has %d outputs; use .npz", len(outputs))
			}
			return &arrays{w: w, outputs: outputs, zip: format == "npz"}, nil
		}
		return nil, cli.Usagef("unknown --format %q: table, json, jsonl, csv, tsv, npy or npz", format)
	}
	if f.output == "" || f.output == "-" {
		w := bufio.NewWriter(o.Out)
		if s, err = make(w); err != nil {
			return nil, nil, err
		}
		if _, ok := s.(batcher); !ok {
			s = &flushing{s, w}
		}
		return s, func(err error) error {
			if err == nil {
				err = s.end()
			}
			return firstError(err, w.Flush())
		}, nil
	}
	// safeio writes in a callback, so the rows are formatted into a temporary file's writer through a pipe.
	r, w := io.Pipe()
	if s, err = make(w); err != nil {
		return nil, nil, err
	}
	done := chanOf(func() error {
		err := safeio.WriteFile(f.output, f.force, func(to io.Writer) error {
			_, err := io.Copy(to, r)
			return err
		})
		if err != nil {
			r.CloseWithError(err) // ends the rows that nobody reads
		}
		return err
	})
	return s, func(err error) error {
		if err == nil {
			err = s.end()
		}
		w.CloseWithError(err)
		return firstError(<-done, err)
	}, nil
}

func chanOf(f func() error) <-chan error {
	c := make(chan error, 1)
	go func() { c <- f() }()
	return c
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// flushing shows every row at once.
type flushing struct {
	sink
	w *bufio.Writer
}

func (f *flushing) row(name string, picture *imaging.Image, outs []*nn.Tensor) error {
	return firstError(f.sink.row(name, picture, outs), f.w.Flush())
}

// classes picks the likeliest classes of a row.
type classes struct {
	k         int
	threshold float64
	labels    []string
}

// class is one class of a row.
type class struct {
	Class int      `json:"class"`
	Label string   `json:"label,omitempty"`
	Score *float64 `json:"score"` // null: not a number
}

func (c class) name() string {
	if c.Label != "" {
		return c.Label
	}
	return strconv.Itoa(c.Class)
}

func (c class) score() float64 {
	if c.Score == nil {
		return math.NaN()
	}
	return *c.Score
}

// isScores says that a model's outputs are the scores of classes: one float output, [rows, 2 or more].
func isScores(outs []*nn.Tensor) bool {
	return len(outs) == 1 && outs[0].DType.Float() && len(outs[0].Shape) == 2 && outs[0].Shape[1] > 1
}

// top sorts by score, ties by class.
func (c classes) top(t *nn.Tensor) (out []class) {
	scores := numbers(t)
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case scores[a] > scores[b] || scores[a] == scores[a] && scores[b] != scores[b]:
			return -1
		case scores[b] > scores[a] || scores[b] == scores[b] && scores[a] != scores[a]:
			return 1
		}
		return 0
	})
	for _, i := range order[:min(c.k, len(order))] {
		if scores[i] < c.threshold {
			continue
		}
		k := class{Class: i, Score: finite(scores[i])}
		if i < len(c.labels) {
			k.Label = c.labels[i]
		}
		out = append(out, k)
	}
	return out
}

func finite(v float64) *float64 {
	if v-v != 0 {
		return nil
	}
	return &v
}

// numbers are the elements as float64; of float32, with the decimal digits that they have.
func numbers(t *nn.Tensor) []float64 {
	if t.DType == graph.String {
		return nil
	}
	d := graph.New(nn.Spec{Shape: t.Shape, DType: graph.Float64})
	graph.Cast(d, t)
	for i, v := range t.F32 {
		d.F64[i], _ = strconv.ParseFloat(strconv.FormatFloat(float64(v), 'g', -1, 32), 64)
	}
	return d.F64
}

// table is for people: a line a row; on a terminal, pictures too.
type table struct {
	w io.Writer
	classes
	outputs []string
	look    bool // at pictures
	palette imaging.Palette
	width   int
}

func (t *table) row(name string, picture *imaging.Image, outs []*nn.Tensor) error {
	if !isScores(outs) {
		var parts []string
		for i, y := range outs {
			parts = append(parts, t.outputs[i]+" "+brief(y))
		}
		_, err := fmt.Fprintf(t.w, "%s  %s\n", safeio.Printable(name, false), strings.Join(parts, "  "))
		return err
	}
	top := t.top(outs[0])
	if t.look && picture != nil && picture.W <= 64 && picture.H <= 64 {
		return t.picture(name, picture, top)
	}
	var b strings.Builder
	name = safeio.Printable(name, false)
	t.width = max(t.width, utf8.RuneCountInString(name))
	fmt.Fprintf(&b, "%-*s", t.width, name)
	for _, c := range top {
		fmt.Fprintf(&b, "  %s %.4f", c.name(), c.score())
	}
	_, err := fmt.Fprintln(t.w, strings.TrimRight(b.String(), " "))
	return err
}

// palette is what the terminal can show.
func palette(o *cli.IO) imaging.Palette {
	switch v := o.Env("COLORTERM"); {
	case !o.Color(o.Out):
		return imaging.NoColors
	case v == "truecolor" || v == "24bit":
		return imaging.TrueColor
	}
	return imaging.Colors256
}

// picture shows a thumbnail with the classes beside it.
func (t *table) picture(name string, picture *imaging.Image, top []class) error {
	lines := imaging.Thumbnail(picture, 14, 7, t.palette)
	text := []string{safeio.Printable(name, false)}
	for _, c := range top {
		text = append(text, fmt.Sprintf("%-12s %s %6.2f%%", c.name(), imaging.Bar(c.score(), 20), 100*c.score()))
	}
	for i := range max(len(lines), len(text)) {
		left, right := strings.Repeat(" ", 14), ""
		if i < len(lines) {
			left = lines[i]
		}
		if i < len(text) {
			right = text[i]
		}
		if _, err := fmt.Fprintln(t.w, strings.TrimRight(left+"  "+right, " ")); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(t.w)
	return err
}

func (t *table) end() error { return nil }

// brief is a tensor in one line.
func brief(y *nn.Tensor) string {
	if y.DType == graph.String {
		return fmt.Sprintf("%q", y.Str)
	}
	v := numbers(y)
	const most = 8
	var parts []string
	for i, x := range v {
		if i == most {
			parts = append(parts, fmt.Sprintf("... %v", y.Shape[1:]))
			break
		}
		parts = append(parts, strconv.FormatFloat(x, 'g', 6, 64))
	}
	return "[" + strings.Join(parts, " ") + "]"
}

// jsonRows is an array of rows, or a row a line. A row has "file" (or the row's number of an array), and "top" for scores
// of classes, "outputs" (by name, nested) for anything else.
type jsonRows struct {
	w io.Writer
	classes
	outputs []string
	lines   bool
	n       int
}

func (j *jsonRows) row(name string, picture *imaging.Image, outs []*nn.Tensor) error {
	row := map[string]any{}
	if picture != nil {
		row["file"] = name
	} else {
		row["row"], _ = strconv.Atoi(name)
	}
	if isScores(outs) {
		row["top"] = append([]class{}, j.top(outs[0])...)
	} else {
		all := map[string]any{}
		for i, y := range outs {
			all[j.outputs[i]] = nested(y, y.Shape[1:])
		}
		row["outputs"] = all
	}
	raw, err := json.Marshal(row)
	if err != nil {
		return err
	}
	before := "\n"
	if !j.lines {
		before = ",\n  "
		if j.n == 0 {
			before = "[\n  "
		}
	} else if j.n == 0 {
		before = ""
	}
	j.n++
	_, err = fmt.Fprintf(j.w, "%s%s", before, raw)
	return err
}

func (j *jsonRows) end() error {
	after := "\n"
	switch {
	case !j.lines && j.n == 0:
		after = "[]\n"
	case !j.lines:
		after = "\n]\n"
	case j.n == 0:
		after = ""
	}
	_, err := io.WriteString(j.w, after)
	return err
}

// nested is a row as lists in lists; NaN and infinities are null.
func nested(y *nn.Tensor, shape nn.Shape) any {
	values := make([]any, y.Len())
	for i, s := range y.Str {
		values[i] = s
	}
	for i, v := range numbers(y) {
		switch {
		case y.DType == graph.Bool:
			values[i] = v != 0
		case v-v != 0:
			values[i] = nil
		default:
			values[i] = v
		}
	}
	var cut func(v []any, s nn.Shape) any
	cut = func(v []any, s nn.Shape) any {
		if len(s) == 0 {
			return v[0]
		}
		list := make([]any, s[0])
		for i := range list {
			n := len(v) / s[0]
			list[i] = cut(v[i*n:(i+1)*n], s[1:])
		}
		return list
	}
	return cut(values, shape)
}

// csvRows has a line for each class shown, or one a row with every element.
type csvRows struct {
	w *csv.Writer
	classes
	outputs []string
	started bool
}

func (c *csvRows) row(name string, _ *imaging.Image, outs []*nn.Tensor) error {
	if isScores(outs) {
		if !c.started {
			c.w.Write([]string{"file", "rank", "class", "label", "score"})
		}
		for i, k := range c.top(outs[0]) {
			c.w.Write([]string{name, strconv.Itoa(i + 1), strconv.Itoa(k.Class), k.Label, strconv.FormatFloat(k.score(), 'g', -1, 64)})
		}
	} else {
		head, line := []string{"file"}, []string{name}
		for o, y := range outs {
			for i, s := range cells(y) {
				head, line = append(head, fmt.Sprintf("%s_%d", c.outputs[o], i)), append(line, s)
			}
		}
		if !c.started {
			c.w.Write(head)
		}
		c.w.Write(line)
	}
	c.started = true
	c.w.Flush()
	return c.w.Error()
}

func (c *csvRows) end() error { return c.w.Error() }

func cells(y *nn.Tensor) []string {
	if y.DType == graph.String {
		return y.Str
	}
	var out []string
	for _, v := range numbers(y) {
		out = append(out, strconv.FormatFloat(v, 'g', -1, 64))
	}
	return out
}

// arrays collects the outputs and writes them as NumPy arrays.
type arrays struct {
	w       io.Writer
	outputs []string
	zip     bool
	all     []*nn.Tensor
}

func (a *arrays) row(string, *imaging.Image, []*nn.Tensor) error { return nil }

func (a *arrays) batch(outs []*nn.Tensor) error {
	for i, y := range outs {
		if len(a.all) <= i {
			a.all = append(a.all, &nn.Tensor{Spec: nn.Spec{Shape: append(nn.Shape{0}, y.Shape[1:]...), DType: y.DType}})
		}
		t := a.all[i]
		if !t.Shape[1:].Equal(y.Shape[1:]) {
			return fmt.Errorf("rows of output %q have shapes %v and %v; they make no array", a.outputs[i], t.Shape[1:], y.Shape[1:])
		}
		t.Shape[0] += y.Shape[0]
		t.F32, t.F64 = append(t.F32, y.F32...), append(t.F64, y.F64...)
		t.I32, t.I64, t.Str = append(t.I32, y.I32...), append(t.I64, y.I64...), append(t.Str, y.Str...)
	}
	return nil
}

func (a *arrays) end() error {
	if !a.zip {
		return npy.Write(a.w, a.all[0])
	}
	z := npy.NewWriter(a.w)
	for i, t := range a.all {
		if err := z.Write(a.outputs[i], t); err != nil {
			return err
		}
	}
	return z.Close()
}
