package data

import (
	"context"
	"fmt"
	"math"

	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// Want is what a loss asks of an output's target.
type Want struct {
	Output string // its name, for errors
	// Classes says that the target is class numbers from 0 to Classes-1; 0: it is values.
	Classes int
	Ignore  *int // a class that stands for none
	// Low and High bound values; both 0: no bounds.
	Low, High float64
}

// CheckTargets looks through the targets of all rows, so that one that can't be learnt is found before training begins. The
// error names file, row and value. Of Sources that would have to be read as a whole for that, those that are files of more
// than 1 GiB and Streams are left to training, which finds the same.
func CheckTargets(ctx context.Context, s Source, want []Want) error {
	switch s := s.(type) {
	case *part:
		return CheckTargets(ctx, s.of, want)
	case *labels:
		return CheckTargets(ctx, s.Source, want)
	case *Arrays:
		return checkAll(s, 0, s.Y, want)
	case *Pixels:
		return checkAll(s, 0, []*nn.Tensor{graph.FromI32(s.labels, len(s.labels))}, want)
	case *Images:
		return checkAll(s, 0, []*nn.Tensor{graph.FromI32(s.labels, len(s.labels))}, want)
	case *Texts:
		return checkAll(s, 0, []*nn.Tensor{graph.FromI32(s.labels, len(s.labels))}, want)
	case *storedArrays:
		only := &storedArrays{a: s.a, path: s.path, n: s.n}
		only.columns[1] = s.columns[1]
		return checkRead(ctx, only, want)
	case *Records:
		if s.size > verified {
			return nil
		}
		only := &Records{decoder: &decoder{o: s.o, n: s.n, known: map[string]bool{}}, files: s.files}
		only.columns[1] = s.columns[1]
		for _, c := range s.columns[1] {
			only.known[c.feature] = true
		}
		return checkRead(ctx, only, want)
	}
	return nil
}

// checkRead reads all targets of s, some rows at a time.
func checkRead(ctx context.Context, s Source, want []Want) error {
	first := 0
	for b, err := range Batches(ctx, s, BatchOptions{Size: 1024}) {
		if err == nil {
			err = checkAll(s, first, b.Y, want)
		}
		if err != nil {
			return err
		}
		first += 1024
	}
	return nil
}

// checkAll checks targets whose first row is row first of s.
func checkAll(s Source, first int, y []*nn.Tensor, want []Want) error {
	for k, t := range y {
		if k >= len(want) {
			break
		}
		w := want[k]
		n := max(t.Shape[1:].Size(), 1)
		for i := range t.Len() {
			v := number(t, i)
			msg := w.wrong(v)
			if msg == "" {
				continue
			}
			return &safeio.FormatError{Where: Where(s, first+i/n), Msg: "the target" + element(t, i) + w.of(len(want)), Want: msg, Got: fmt.Sprint(v)}
		}
	}
	return nil
}

// element names an element within its row; "" if that is all of it.
func element(t *nn.Tensor, i int) string {
	if n := t.Shape[1:].Size(); n > 1 {
		return fmt.Sprintf(" at %d", i%n)
	}
	return ""
}

func (w *Want) of(outputs int) string {
	if outputs > 1 {
		return fmt.Sprintf(" of output %q", w.Output)
	}
	return ""
}

// wrong says what is wanted instead of v; "" if v is fine.
func (w *Want) wrong(v float64) string {
	switch {
	case v-v != 0:
		return "a number"
	case w.Classes > 0:
		if w.Ignore != nil && v == float64(*w.Ignore) || v >= 0 && v < float64(w.Classes) && v == math.Trunc(v) {
			return ""
		}
		return fmt.Sprintf("a class from 0 to %d", w.Classes-1)
	case (w.Low != 0 || w.High != 0) && (v < w.Low || v > w.High):
		if math.IsInf(w.High, 1) {
			return fmt.Sprintf("%v or more", w.Low)
		}
		return fmt.Sprintf("a value from %v to %v", w.Low, w.High)
	}
	return ""
}
