package data

import (
	"context"
	"fmt"
	"math"

	"kerasgo/imaging"
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

// checked is how many bytes of images are decoded to find those that can't be.
const checked = 256 << 20

// Check looks through s before anything is trained on it, so that what can't be learnt is found then: targets that aren't as
// want says (one for each output), and images that can't be decoded. The error names file, row and value. TFRecord files of
// more than 1 GiB, images of more than 256 MiB in all, and Streams are left to training, which finds the same later.
func Check(ctx context.Context, s Source, want []Want) error {
	switch s := s.(type) {
	case *part:
		return Check(ctx, s.of, want)
	case *labels:
		w := Want{Classes: max(s.classes, 1)}
		if s.classes == 0 {
			w.Classes = 2
		}
		return Check(ctx, s.Source, []Want{w})
	case *Arrays:
		return checkAll(s, 0, s.Y, want)
	case *Pixels:
		return checkAll(s, 0, []*nn.Tensor{graph.FromI32(s.labels, len(s.labels))}, want)
	case *Texts:
		return checkAll(s, 0, []*nn.Tensor{graph.FromI32(s.folder.labels, s.Len())}, want)
	case *Images:
		if err := checkAll(s, 0, []*nn.Tensor{graph.FromI32(s.folder.labels, s.Len())}, want); err != nil || s.size > checked {
			return err
		}
		return parallel(s.Len(), func(i int) error {
			if err := ctx.Err(); err != nil {
				return err
			}
			_, err := imaging.Open(s.files[i], s.limits)
			return safeio.At(err, safeio.Where{File: s.files[i]})
		})
	case *storedArrays:
		only := &storedArrays{a: s.a, path: s.path, n: s.n}
		only.columns[1] = s.columns[1]
		return checkRead(ctx, only, want)
	case *Records:
		switch {
		case s.size > verified:
			return nil
		case s.size <= checked:
			return checkRead(ctx, s, want)
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

// checkRead reads all of s, some rows at a time.
func checkRead(ctx context.Context, s Source, want []Want) error {
	first := 0
	for b, err := range Batches(ctx, s, BatchOptions{Size: 256}) {
		if err == nil {
			err = checkAll(s, first, b.Y, want)
		}
		if err != nil {
			return err
		}
		first += 256
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
		if t.DType == graph.String && t.Len() > 0 {
			return &safeio.FormatError{Where: Where(s, first), Msg: "the target" + w.of(len(want)), Want: "numbers", Got: fmt.Sprintf("text, %q", cut(t.Str[0]))}
		}
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
