package data

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// OpenCSV reads a table of numbers whose last column is the target: a number, a whole number as a class (int32), or text,
// each word a class, numbered in sorted order (returned as classes). A first line without numbers is a header. Cells are
// set apart by commas, or by semicolons or tabs where the first line has no comma. The file may be gzipped. It is read as a
// stream: in memory are 4 bytes for each input and 8 for each target.
//
// Errors name line and column, both counted from 1, and the column's name if there is a header.
func OpenCSV(path string, limits safeio.Limits) (s *Arrays, classes []string, err error) {
	f, size, err := safeio.OpenRegular(path, limits)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	r, err := inflated(f)
	if err == nil {
		s, classes, err = parseCSV(r, limits.Memory(size))
	}
	if err != nil {
		return nil, nil, safeio.At(err, safeio.Where{File: path})
	}
	s.file = path
	return s, classes, nil
}

// maxRow is how many bytes a row of a table may have.
const maxRow = 64 << 20

// table is a csv file as it is read.
type table struct {
	names   []string // of the header
	columns int
	x       []float32
	y       []float64 // targets that are numbers
	ids     []int32   // targets that are words
	words   map[string]int32
	text    int64 // bytes of the words
	lines   lineMap
}

// parseCSV reads a table into at most so many bytes of memory.
func parseCSV(from io.Reader, memory int64) (*Arrays, []string, error) {
	row := &rowLimit{from: from, left: maxRow}
	buf := bufio.NewReaderSize(row, 1<<16)
	if bom, _ := buf.Peek(3); string(bom) == "\ufeff" {
		_, _ = buf.Discard(3)
	}
	first, _ := buf.Peek(1 << 16)
	first, _, _ = bytes.Cut(first, []byte("\n"))
	r := csv.NewReader(buf)
	r.ReuseRecord, r.FieldsPerRecord, r.TrimLeadingSpace = true, -1, true
	r.Comma = separator(first)
	var t table
	for {
		row.left = maxRow
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, broken(err)
		}
		line, _ := r.FieldPos(0)
		if err := t.add(rec, line); err != nil {
			return nil, nil, err
		}
		if int64(len(t.x))*4+int64(len(t.y))*8+int64(len(t.ids))*4+t.text > memory {
			return nil, nil, &safeio.LimitError{Msg: fmt.Sprintf("line %d: the table is too large", line), Limit: safeio.Bytes(uint64(memory))}
		}
	}
	return t.arrays()
}

func broken(err error) error {
	var parse *csv.ParseError
	var limit *safeio.LimitError
	if errors.As(err, &limit) {
		return err
	}
	if errors.As(err, &parse) {
		return &safeio.FormatError{Msg: fmt.Sprintf("line %d, character %d: a broken table", parse.Line, parse.Column), Err: parse.Err}
	}
	return &safeio.FormatError{Msg: "a broken table", Err: err}
}

// rowLimit ends a row that never does.
type rowLimit struct {
	from io.Reader
	left int
}

func (r *rowLimit) Read(b []byte) (int, error) {
	if r.left <= 0 {
		return 0, &safeio.LimitError{Msg: "a row, or text in quotes, is too long", Limit: safeio.Bytes(maxRow)}
	}
	n, err := r.from.Read(b)
	r.left -= n
	return n, err
}

// separator is what sets cells apart, by a table's first line.
func separator(line []byte) rune {
	for _, c := range []byte{',', ';', '\t'} {
		if bytes.IndexByte(line, c) >= 0 {
			return rune(c)
		}
	}
	return ','
}

// add takes in a row of the file.
func (t *table) add(rec []string, line int) error {
	last := len(rec) - 1
	if t.columns == 0 {
		if t.columns = len(rec); last < 1 {
			return &safeio.FormatError{Msg: fmt.Sprintf("line %d: a row needs an input and a target", line), Got: fmt.Sprintf("%d column", t.columns)}
		}
		if header(rec) {
			for _, name := range rec {
				t.names = append(t.names, strings.Clone(cut(strings.TrimSpace(name))))
			}
			return nil
		}
	}
	if len(rec) != t.columns {
		return &safeio.FormatError{Msg: fmt.Sprintf("line %d: number of columns", line), Want: fmt.Sprint(t.columns), Got: fmt.Sprint(len(rec))}
	}
	t.lines.add(len(t.y)+len(t.ids), line)
	for i, field := range rec[:last] {
		v, err := strconv.ParseFloat(strings.TrimSpace(field), 32)
		if err != nil || v-v != 0 {
			return t.bad(line, i, "a number", field)
		}
		t.x = append(t.x, float32(v))
	}
	return t.target(strings.TrimSpace(rec[last]), line)
}

// bad is the error of a cell, or of a row's target.
func (t *table) bad(line, column int, want, found string) error {
	name := ""
	if t.names != nil {
		name = fmt.Sprintf(" (%q)", t.names[column])
	}
	if found = strings.TrimSpace(found); found == "" {
		found = "an empty cell"
	} else {
		found = strconv.Quote(cut(found))
	}
	return &safeio.FormatError{Msg: fmt.Sprintf("line %d, column %d%s", line, column+1, name), Want: want, Got: found}
}

// target takes in the last cell of a row. The first one says whether targets are numbers or words.
func (t *table) target(cell string, line int) error {
	v, err := strconv.ParseFloat(cell, 64)
	number := err == nil
	switch {
	case t.words == nil && len(t.y) == 0 && !number && cell != "":
		t.words = map[string]int32{}
	case t.words == nil && (!number || v-v != 0):
		return t.bad(line, t.columns-1, "a number, as the target", cell)
	case t.words == nil:
		t.y = append(t.y, v)
		return nil
	case number || cell == "":
		return t.bad(line, t.columns-1, "a word, as the targets before it", cell)
	}
	id, known := t.words[cell]
	if !known {
		id = int32(len(t.words))
		t.words[strings.Clone(cell)] = id
		t.text += int64(len(cell)) + 32
	}
	t.ids = append(t.ids, id)
	return nil
}

// arrays is the table once all rows are there.
func (t *table) arrays() (*Arrays, []string, error) {
	n := len(t.y) + len(t.ids)
	if n == 0 {
		return nil, nil, &safeio.FormatError{Msg: "holds no rows"}
	}
	y, classes := t.targets()
	return &Arrays{X: []*nn.Tensor{graph.FromF32(t.x, n, t.columns-1)}, Y: []*nn.Tensor{y}, lines: &t.lines}, classes, nil
}

// targets are classes if all of them are whole numbers or words, else values.
func (t *table) targets() (*nn.Tensor, []string) {
	if t.words != nil {
		classes := slices.Sorted(maps.Keys(t.words))
		number := make([]int32, len(classes))
		for at, word := range classes {
			number[t.words[word]] = int32(at)
		}
		for i, id := range t.ids {
			t.ids[i] = number[id]
		}
		return graph.FromI32(t.ids, len(t.ids)), classes
	}
	if slices.ContainsFunc(t.y, func(v float64) bool { return v != math.Trunc(v) || math.Abs(v) >= 1<<31 }) {
		y := graph.NewTensor(len(t.y))
		for i, v := range t.y {
			y.F32[i] = float32(v)
		}
		return y, nil
	}
	y := graph.New(nn.Spec{Shape: nn.Shape{len(t.y)}, DType: graph.Int32})
	for i, v := range t.y {
		y.I32[i] = int32(v)
	}
	return y, nil
}

// header says that no cell of the first line but perhaps the last is a number.
func header(rec []string) bool {
	return !slices.ContainsFunc(rec[:len(rec)-1], func(f string) bool {
		_, err := strconv.ParseFloat(strings.TrimSpace(f), 64)
		return err == nil
	})
}

func cut(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}
