package data

import (
	"fmt"
	"slices"

	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// PadOptions are pad_sequences's arguments; the zero value is Keras's default: sequences become as long as the longest, by
// zeros in front, and what is too long loses its beginning.
type PadOptions struct {
	MaxLen       int     // 0: the longest sequence's length
	Post         bool    // padding="post": pad behind
	TruncatePost bool    // truncating="post": cut the end off
	Value        float64 // what is padded with
	Text         string  // the same, for strings
}

// PadSequences puts sequences of different lengths into one tensor of shape (sequences, length, ...) and type d, Keras's
// dtype (int32 by default there). The first dimension of a sequence is its length; the others must be alike. Numbers are
// converted as TensorFlow's cast does: floats to integers towards zero.
//
// Source: keras/src/utils/sequence_utils.py, pad_sequences
func PadSequences(sequences []*nn.Tensor, d nn.DType, o PadOptions) (*nn.Tensor, error) {
	length, row := o.MaxLen, nn.Shape{}
	found := false
	for i, s := range sequences {
		if s == nil || len(s.Shape) == 0 {
			return nil, fmt.Errorf("sequence %d is no list", i)
		}
		if (s.DType == graph.String) != (d == graph.String) {
			return nil, fmt.Errorf("sequence %d is of %v, wanted %v", i, s.DType, d)
		}
		if o.MaxLen == 0 {
			length = max(length, s.Shape[0])
		}
		if s.Shape[0] == 0 {
			continue
		}
		if !found {
			row, found = s.Shape[1:], true
		}
		if !slices.Equal(row, s.Shape[1:]) {
			return nil, fmt.Errorf("elements of sequence %d have shape %v, those of the ones before it %v", i, s.Shape[1:], row)
		}
	}
	if o.MaxLen < 0 {
		return nil, fmt.Errorf("sequences of length %d", o.MaxLen)
	}
	out := graph.New(nn.Spec{Shape: append(nn.Shape{len(sequences), length}, row...), DType: d})
	fill(out, o)
	for i, s := range sequences {
		n := min(s.Shape[0], length)
		if n == 0 {
			continue
		}
		from, to := s.Shape[0]-n, length-n
		if o.TruncatePost {
			from = 0
		}
		if o.Post {
			to = 0
		}
		part, err := s.Rows(from, from+n).As(d)
		if err != nil {
			return nil, err
		}
		flat := out.Reshaped(append(nn.Shape{len(sequences) * length}, row...)...)
		flat.Rows(i*length+to, i*length+to+n).CopyFrom(part)
	}
	return out, nil
}

func fill(t *nn.Tensor, o PadOptions) {
	one := graph.New(nn.Spec{Shape: nn.Shape{1}, DType: graph.Float64})
	one.F64[0] = o.Value
	switch t.DType.Storage() {
	case graph.StoreStr:
		for i := range t.Str {
			t.Str[i] = o.Text
		}
		return
	case graph.StoreF64:
		for i := range t.F64 {
			t.F64[i] = o.Value
		}
		return
	}
	v, err := one.As(t.DType)
	if err != nil {
		return // of numbers, there is always one
	}
	for i := range t.F32 {
		t.F32[i] = v.F32[0]
	}
	for i := range t.I32 {
		t.I32[i] = v.I32[0]
	}
	for i := range t.I64 {
		t.I64[i] = v.I64[0]
	}
}

// WindowOptions are timeseries_dataset_from_array's arguments; zero is Keras's default, but for Length.
type WindowOptions struct {
	Length     int // sequence_length: steps of a window
	Stride     int // sequence_stride: steps from one window to the next; 0: 1
	Rate       int // sampling_rate: steps from one element of a window to the next; 0: 1
	Start, End int // start_index and end_index: the part of x, and of y, that is used; End 0: all
}

// Windows makes a Source of the windows of a series: row i is x at Start + i*Stride and every Rate-th step after it, Length
// in all; its target is y at Start + i*Stride, so y[k] is what the window that begins at step k stands for. y may be nil.
// Windows are cut out when they are asked for.
//
// Source: keras/src/utils/timeseries_dataset_utils.py
func Windows(x, y *nn.Tensor, o WindowOptions) (Source, error) {
	if x == nil || len(x.Shape) == 0 || y != nil && len(y.Shape) == 0 {
		return nil, fmt.Errorf("a series needs steps")
	}
	steps := x.Shape[0]
	w := &windows{x: x, y: y, start: o.Start, length: o.Length, stride: max(o.Stride, 1), rate: max(o.Rate, 1)}
	end := o.End
	if end == 0 {
		end = steps
	}
	switch {
	case o.Stride < 0 || o.Rate < 0 || o.Length < 1:
		return nil, fmt.Errorf("windows of %d steps, every %d, from every %d: all must be 1 or more", o.Length, o.Rate, o.Stride)
	case o.Start < 0 || end > steps || o.Start >= end:
		return nil, fmt.Errorf("steps %d to %d of a series of %d", o.Start, end, steps)
	case w.length > steps || w.rate > steps || w.stride > steps: // so that no product overflows
		return nil, fmt.Errorf("windows of %d steps, every %d, from every %d, of a series of %d", o.Length, o.Rate, o.Stride, steps)
	}
	n := end - o.Start - (w.length-1)*w.rate
	if y != nil {
		n = min(n, y.Shape[0])
		if n > 0 && o.Start+n > y.Shape[0] {
			return nil, fmt.Errorf("%d targets for the windows that begin at steps %d to %d", y.Shape[0], o.Start, o.Start+n-1)
		}
	}
	if n < 1 {
		return nil, fmt.Errorf("%d steps hold no window of %d, every %d", end-o.Start, w.length, w.rate)
	}
	w.n = (n + w.stride - 1) / w.stride
	return w, nil
}

type windows struct {
	x, y                           *nn.Tensor
	n, start, length, stride, rate int
}

// Len implements Source.
func (w *windows) Len() int { return w.n }

// Read implements Source.
func (w *windows) Read(b *Batch, rows []int) error {
	resize(&b.X, 1)
	b.Weight = b.Weight[:0]
	steps := make([]int, 0, len(rows)*w.length)
	for _, r := range rows {
		for k := range w.length {
			steps = append(steps, w.start+r*w.stride+k*w.rate)
		}
	}
	shape := append(nn.Shape{w.length}, w.x.Shape[1:]...)
	t := roomOf(&b.X[0], w.x.DType, len(rows), shape)
	flat := t.Reshaped(append(nn.Shape{len(steps)}, w.x.Shape[1:]...)...)
	gatherInto(&flat, w.x, steps)
	if w.y == nil {
		b.Y = b.Y[:0]
		return nil
	}
	resize(&b.Y, 1)
	at := make([]int, len(rows))
	for i, r := range rows {
		at[i] = w.start + r*w.stride
	}
	gatherInto(&b.Y[0], w.y, at)
	return nil
}
