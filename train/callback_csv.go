package train

import (
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// CSVLogger are the arguments of Keras's callback of that name: a line an epoch, with its number, from 0, then the logs sorted
// by name. A line is written whole or not at all, and training that is resumed goes on behind the last line that its
// checkpoint knows of.
//
// Source: keras/src/callbacks/csv_logger.py
type CSVLogger struct {
	Path      string
	Separator rune // 0: a comma
	Append    bool // after what the file holds already; else it is emptied
}

// csvLog is a CSVLogger at work.
type csvLog struct {
	CSVLogger
	f    *os.File
	size int64    // of what is complete
	keys []string // columns after the epoch; nil: not known yet
	head bool     // the file wants a header
}

// Callback writes the file. It is open from the beginning of training to its end.
func (c CSVLogger) Callback() (Callback, error) {
	if c.Separator == 0 {
		c.Separator = ','
	}
	if c.Separator == '"' || c.Separator == '\r' || c.Separator == '\n' {
		return Callback{}, fmt.Errorf("%q can't separate columns", c.Separator)
	}
	l := &csvLog{CSVLogger: c}
	return Callback{Name: "CSVLogger", TrainBegin: func(*State) error { return l.open() }, EpochEnd: l.line,
		TrainEnd: func(*State) error { return l.close() }, Save: l.save, Load: l.load}, nil
}

func (l *csvLog) open() error {
	if err := l.close(); err != nil {
		return err
	}
	if info, err := os.Stat(l.Path); err == nil && !info.Mode().IsRegular() {
		return &safeio.FormatError{Where: safeio.Where{File: l.Path}, Msg: "can't be written to: not a regular file"}
	}
	f, err := os.OpenFile(l.Path, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err != nil {
		return errors.Join(err, f.Close())
	}
	l.f, l.size, l.keys = f, 0, nil
	if l.Append {
		l.size = info.Size()
	}
	l.head = l.size == 0
	return nil
}

// close cuts off what isn't complete.
func (l *csvLog) close() error {
	if l.f == nil {
		return nil
	}
	err := errors.Join(l.f.Truncate(l.size), l.f.Close())
	l.f = nil
	return err
}

func (l *csvLog) line(s *State) error {
	var b strings.Builder
	out := csv.NewWriter(&b)
	out.UseCRLF, out.Comma = true, l.Separator
	if l.keys == nil {
		l.keys = slices.Sorted(slices.Values(s.Logs.Names()))
		if !slices.ContainsFunc(l.keys, func(k string) bool { return strings.HasPrefix(k, "val_") }) {
			for _, k := range slices.Clone(l.keys) {
				l.keys = append(l.keys, "val_"+k)
			}
		}
		if l.head {
			if err := out.Write(append([]string{"epoch"}, l.keys...)); err != nil {
				return err
			}
		}
	}
	line := []string{strconv.Itoa(s.Epoch)}
	for _, k := range l.keys {
		line = append(line, cell(s, k))
	}
	if err := out.Write(line); err != nil {
		return err
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return err
	}
	// What lies behind is of a run that was killed, or of before.
	if err := l.f.Truncate(l.size); err != nil {
		return err
	}
	n, err := l.f.WriteAt([]byte(b.String()), l.size)
	if err != nil {
		return errors.Join(err, l.f.Truncate(l.size))
	}
	l.size, l.head = l.size+int64(n), false
	return nil
}

// cell is what a column says of an epoch.
func cell(s *State, key string) string {
	v, ok := s.Logs.Get(key)
	if !ok {
		return "NA"
	}
	if list := s.List(key); list != nil {
		texts := make([]string, len(list))
		for i, v := range list {
			texts[i] = pythonRepr(v)
		}
		return `"[` + strings.Join(texts, ", ") + `]"` // with the quotes that Keras has there
	}
	return pythonRepr(v)
}

// save has what is written on disk before a checkpoint counts on it.
func (l *csvLog) save() (map[string]*nn.Tensor, error) {
	if l.f == nil {
		return nil, errors.New("the log isn't open")
	}
	if err := l.f.Sync(); err != nil {
		return nil, err
	}
	size := graph.New(nn.Spec{Shape: nn.Shape{1}, DType: graph.Int64})
	size.I64[0] = l.size
	keys := graph.New(nn.Spec{Shape: nn.Shape{len(l.keys)}, DType: graph.String})
	copy(keys.Str, l.keys)
	return map[string]*nn.Tensor{"size": size, "keys": keys}, nil
}

func (l *csvLog) load(_ *State, memory map[string]*nn.Tensor) error {
	size, keys := memory["size"], memory["keys"]
	if size == nil || keys == nil || len(size.I64) != 1 || size.I64[0] < 0 || keys.DType != graph.String {
		return &safeio.FormatError{Msg: "no such state of this callback"}
	}
	info, err := l.f.Stat()
	if err != nil {
		return err
	}
	if info.Size() < size.I64[0] {
		return &safeio.FormatError{Where: safeio.Where{File: l.Path}, Msg: "the log isn't that of the training that goes on",
			Want: fmt.Sprintf("%d bytes or more", size.I64[0]), Got: fmt.Sprint(info.Size())}
	}
	l.size, l.head, l.keys = size.I64[0], size.I64[0] == 0, nil
	if len(keys.Str) > 0 {
		l.keys = slices.Clone(keys.Str)
	}
	return nil
}
