package data

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// OpenCSV reads a table of numbers whose last column is the target: a number, a whole number as a class (int32), or text,
// each word a class, numbered in sorted order (returned as classes). A first line without numbers is a header.
func OpenCSV(path string, limits safeio.Limits) (s *Arrays, classes []string, err error) {
	raw, err := readMaybeGzip(path, limits)
	if err != nil {
		return nil, nil, err
	}
	s, classes, err = parseCSV(raw, limits.Memory(int64(len(raw))))
	return s, classes, safeio.At(err, safeio.Where{File: path})
}

func parseCSV(raw []byte, memory int64) (*Arrays, []string, error) {
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(raw, []byte("\ufeff"))))
	r.ReuseRecord, r.FieldsPerRecord, r.TrimLeadingSpace = true, -1, true
	var x []float32
	var last []string // the targets, as they stand
	columns := 0
	for {
		rec, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, nil, &safeio.FormatError{Msg: "broken table", Err: err}
		}
		line, _ := r.FieldPos(0)
		if columns == 0 {
			if columns = len(rec); columns < 2 {
				return nil, nil, &safeio.FormatError{Msg: fmt.Sprintf("line %d: a row needs an input and a target", line), Got: fmt.Sprintf("%d columns", columns)}
			}
			if header(rec) {
				continue
			}
		}
		if len(rec) != columns {
			return nil, nil, &safeio.FormatError{Msg: fmt.Sprintf("line %d: number of columns", line), Want: fmt.Sprint(columns), Got: fmt.Sprint(len(rec))}
		}
		for i, field := range rec[:columns-1] {
			v, err := strconv.ParseFloat(strings.TrimSpace(field), 32)
			if err != nil || v-v != 0 {
				return nil, nil, &safeio.FormatError{Msg: fmt.Sprintf("line %d, column %d: not a number", line, i+1), Got: strconv.Quote(cut(field))}
			}
			x = append(x, float32(v))
		}
		last = append(last, strings.Clone(strings.TrimSpace(rec[columns-1])))
		if int64(len(x))*4+int64(len(last))*16 > memory {
			return nil, nil, &safeio.LimitError{Msg: fmt.Sprintf("line %d: the table is too large", line), Limit: safeio.Bytes(uint64(memory))}
		}
	}
	if len(last) == 0 {
		return nil, nil, &safeio.FormatError{Msg: "holds no rows"}
	}
	y, classes, err := targets(last)
	if err != nil {
		return nil, nil, err
	}
	return &Arrays{X: []*nn.Tensor{graph.FromF32(x, len(last), columns-1)}, Y: []*nn.Tensor{y}}, classes, nil
}

// header says that no field of the first line but perhaps the last is a number.
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

// targets turns the last column into numbers.
func targets(last []string) (*nn.Tensor, []string, error) {
	v := make([]float64, len(last))
	whole := true
	for i, s := range last {
		f, err := strconv.ParseFloat(s, 64)
		if err != nil {
			if i > 0 && isNumber(last[0]) {
				return nil, nil, &safeio.FormatError{Msg: fmt.Sprintf("row %d: the target isn't a number", i), Got: strconv.Quote(cut(s))}
			}
			return words(last)
		}
		if f-f != 0 {
			return nil, nil, &safeio.FormatError{Msg: fmt.Sprintf("row %d: the target isn't a number", i), Got: s}
		}
		v[i], whole = f, whole && f == math.Trunc(f) && math.Abs(f) < 1<<31
	}
	if whole {
		y := graph.New(nn.Spec{Shape: nn.Shape{len(v)}, DType: graph.Int32})
		for i, f := range v {
			y.I32[i] = int32(f)
		}
		return y, nil, nil
	}
	y := graph.NewTensor(len(v))
	for i, f := range v {
		y.F32[i] = float32(f)
	}
	return y, nil, nil
}

func isNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}

// words numbers text classes in sorted order.
func words(last []string) (*nn.Tensor, []string, error) {
	classes := slices.Clone(last)
	slices.Sort(classes)
	classes = slices.Compact(classes)
	y := graph.New(nn.Spec{Shape: nn.Shape{len(last)}, DType: graph.Int32})
	for i, s := range last {
		if s == "" || isNumber(s) {
			return nil, nil, &safeio.FormatError{Msg: fmt.Sprintf("row %d: the target must be a word, as in the other rows", i), Got: strconv.Quote(s)}
		}
		at, _ := slices.BinarySearch(classes, s)
		y.I32[i] = int32(at)
	}
	return y, classes, nil
}
