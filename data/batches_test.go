package data

import (
	"context"
	"errors"
	"io"
	"iter"
	"math/rand/v2"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"kerasgo/internal/safeio"
	"kerasgo/nn/graph"
)

// count is a Source of n rows, each its own number.
type count struct {
	n    int
	fail int // a row that can't be read
}

func (c count) Len() int { return c.n }

func (c count) Read(b *Batch, rows []int) error {
	resize(&b.X, 1)
	x := roomOf(&b.X[0], graph.Int32, len(rows), nil)
	for i, r := range rows {
		if x.I32[i] = int32(r); r == c.fail {
			return errors.New("a bad row")
		}
	}
	return nil
}

func gone(t *testing.T, before int) {
	t.Helper()
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, before %d", runtime.NumGoroutine(), before)
}

func TestBatches(t *testing.T) {
	ctx := context.Background()
	before := runtime.NumGoroutine()
	for _, c := range []struct {
		o    BatchOptions
		want []int
	}{
		{BatchOptions{Size: 4}, []int{4, 4, 2}},
		{BatchOptions{Size: 4, DropRemainder: true}, []int{4, 4}},
		{BatchOptions{}, []int{10}},
		{BatchOptions{DropRemainder: true}, nil},
		{BatchOptions{Size: 3, Rows: []int{9, 1, 1, 5}}, []int{3, 1}},
		{BatchOptions{Size: 1, Rows: []int{}}, nil},
	} {
		var first []int32
		for ahead := range 4 {
			for _, shuffle := range []bool{false, true} {
				o := c.o
				o.Prefetch, o.Shuffle, o.Seed = ahead, shuffle, 5
				var sizes []int
				var seen []int32
				for b, err := range Batches(ctx, count{10, -1}, o) {
					if err != nil {
						t.Fatal(err)
					}
					sizes = append(sizes, len(b.X[0].I32))
					seen = append(seen, b.X[0].I32...)
				}
				if !slices.Equal(sizes, c.want) {
					t.Errorf("%+v: batches of %v, want %v", o, sizes, c.want)
				}
				switch {
				case !shuffle:
				case first == nil:
					first = slices.Clone(seen)
				case !slices.Equal(first, seen):
					t.Errorf("%+v: another order: %v and %v", o, first, seen)
				}
				if o.Rows == nil && !o.DropRemainder && shuffle == slices.IsSorted(seen) {
					t.Errorf("%+v: order %v", o, seen)
				}
				if slices.Sort(seen); o.Rows == nil && len(slices.Compact(seen)) != len(seen) {
					t.Errorf("%+v: rows that repeat", o)
				}
			}
		}
	}
	for ahead := range 3 {
		n := 0
		for b, err := range Batches(ctx, count{100, 50}, BatchOptions{Size: 10, Prefetch: ahead}) {
			if n++; (err != nil) != (n == 6) || (b == nil) != (err != nil) {
				t.Errorf("batch %d: %v", n, err)
			}
		}
		for range Batches(ctx, count{100, -1}, BatchOptions{Size: 10, Prefetch: ahead}) {
			break
		}
		ended, end := context.WithCancel(ctx)
		n = 0
		var last error
		for _, err := range Batches(ended, count{1000, -1}, BatchOptions{Size: 1, Prefetch: ahead}) {
			if n++; n == 3 {
				end()
			}
			last = err
		}
		end()
		if !errors.Is(last, context.Canceled) || n > 3+ahead+1 {
			t.Errorf("%d batches, %v", n, last)
		}
	}
	for _, err := range Batches(ctx, count{3, -1}, BatchOptions{Size: -1}) {
		if err == nil {
			t.Error("batches of -1 rows")
		}
	}
	gone(t, before)
}

// numbers is a function that gives n rows, per rows at a time.
func numbers(n, per int) func() iter.Seq2[*Batch, error] {
	return func() iter.Seq2[*Batch, error] {
		return func(yield func(*Batch, error) bool) {
			var b Batch // reused: a stream mustn't keep it
			for at := 0; at < n; at += per {
				var rows []int
				for r := at; r < min(at+per, n); r++ {
					rows = append(rows, r)
				}
				_ = count{n, -1}.Read(&b, rows)
				if !yield(&b, nil) {
					return
				}
			}
		}
	}
}

func TestFromSeq(t *testing.T) {
	before := runtime.NumGoroutine()
	read := func(s Stream, p Pass) (seen []int32) {
		for b, err := range Batches(context.Background(), s, BatchOptions{Size: 7, Shuffle: p.Shuffle, Seed: p.Seed, Epoch: p.Epoch, Prefetch: p.Epoch % 2}) {
			if err != nil {
				t.Fatal(err)
			}
			seen = append(seen, b.X[0].I32...)
		}
		return seen
	}
	s := FromSeq(50, 8, numbers(50, 3))
	if got := read(s, Pass{}); len(got) != 50 || !slices.IsSorted(got) {
		t.Errorf("in order: %v", got)
	}
	a, b, c := read(s, Pass{true, 1, 0}), read(s, Pass{true, 1, 0}), read(s, Pass{true, 1, 1})
	if !slices.Equal(a, b) || slices.Equal(a, c) || slices.IsSorted(a) {
		t.Errorf("orders %v, %v, %v", a, b, c)
	}
	for i, v := range a {
		if int(v) > i+8 {
			t.Errorf("row %d at place %d, out of a window of 8", v, i)
		}
	}
	if slices.Sort(c); len(slices.Compact(c)) != 50 {
		t.Errorf("rows are lost: %v", c)
	}
	var batch Batch
	if err := s.Rewind(Pass{}); err != nil {
		t.Fatal(err)
	}
	if err := s.Read(&batch, []int{3, 9, 10}); err != nil || !slices.Equal(batch.X[0].I32, []int32{3, 9, 10}) {
		t.Errorf("rows 3, 9, 10: %v %v", batch.X[0].I32, err)
	}
	for _, bad := range []int{10, 2, 50} {
		if err := s.Read(&batch, []int{bad}); err == nil {
			t.Errorf("row %d after row 10", bad)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if _, _, err := Split(s, .5); err == nil {
		t.Error("a stream that is split")
	}
	short := FromSeq(60, 1, numbers(50, 50))
	n, last := 0, error(nil)
	for _, err := range Batches(context.Background(), short, BatchOptions{Size: 20}) {
		n, last = n+1, err
	}
	if n != 3 || last == nil || !strings.Contains(last.Error(), "ends after 50 rows") {
		t.Errorf("a short stream: %d, %v", n, last)
	}
	hot := OneHot(FromSeq(4, 1, func() iter.Seq2[*Batch, error] {
		return func(yield func(*Batch, error) bool) {
			a, _ := NewArrays(floats(1, 2, 3, 4), graph.FromI32([]int32{0, 1, 2, 0}, 4))
			var b Batch
			yield(&b, a.Read(&b, []int{0, 1, 2, 3}))
		}
	}), 3)
	if _, ok := hot.(Stream); !ok {
		t.Error("a stream's classes are a stream's")
	}
	if err := hot.Read(&batch, []int{0, 2}); err != nil || !slices.Equal(batch.Y[0].F32, []float32{1, 0, 0, 0, 0, 1}) {
		t.Error(batch.Y, err)
	}
	if err := hot.(Stream).Close(); err != nil {
		t.Error(err)
	}
	gone(t, before)
}

// TestStoredArrays keeps arrays in their file: rows are the same as in memory, and memory stays small.
func TestStoredArrays(t *testing.T) {
	x, y := graph.NewTensor(1<<15, 64), graph.New(graph.Spec{Shape: graph.Shape{1 << 15}, DType: graph.Int32}) // 8 MB
	for i := range x.F32 {
		x.F32[i] = rand.Float32()
	}
	for i := range y.I32 {
		y.I32[i] = int32(i % 7)
	}
	path := npz(t, map[string]*graph.Tensor{"x": x, "y": y, "val_x": x})
	whole, _, err := openNPZ(path, nil, nil, InMemory, safeio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	rows := []int{77, 0, 1<<15 - 1}
	var a, b Batch
	if err := whole.Read(&a, rows); err != nil {
		t.Fatal(err)
	}
	x.F32 = nil
	whole = nil
	before := heap()
	s, val, err := openNPZ(path, nil, nil, 1<<20, safeio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	stored, ok := s.(*storedArrays)
	if !ok {
		t.Fatalf("%T of 8 MB where 1 is allowed", s)
	}
	defer func() {
		if err := (&Set{Train: stored, Val: val}).Close(); err != nil {
			t.Error(err)
		}
		if err := s.Read(&b, rows); err == nil {
			t.Error("a row of a closed file")
		}
	}()
	if err := Check(context.Background(), s, []Want{{Classes: 7}}); err != nil {
		t.Error(err)
	}
	if err := Check(context.Background(), s, []Want{{Classes: 6}}); err == nil || !strings.Contains(err.Error(), "row 6: the target: want a class from 0 to 5, found 6") {
		t.Error(err)
	}
	if err := s.Read(&b, rows); err != nil || !slices.Equal(a.X[0].F32, b.X[0].F32) || !slices.Equal(a.Y[0].I32, b.Y[0].I32) {
		t.Errorf("%v %v", b.Y[0], err)
	}
	if used := heap() - before; used > 4<<20 {
		t.Errorf("%d bytes of memory for 8 MB of data", used)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// TestBigTable reads a table of 40 MB: it takes the memory of its numbers, not of its text.
func TestBigTable(t *testing.T) {
	if testing.Short() {
		t.Skip("40 MB")
	}
	line := []byte(strings.Repeat("0.1234567890123456789,", 9) + "3\n")
	rows := 40 << 20 / len(line)
	before := heap()
	a, _, err := parseCSV(&repeat{line: line, left: rows * len(line)}, 1<<30)
	if err != nil || a.Len() != rows {
		t.Fatal(err)
	}
	numbers := int64(rows) * (9*4 + 4)
	if used := heap() - before; used > 2*numbers+8<<20 {
		t.Errorf("%d bytes of memory for %d bytes of numbers", used, numbers)
	}
	runtime.KeepAlive(a)
}

// repeat is a line again and again.
type repeat struct {
	line     []byte
	at, left int
}

func (r *repeat) Read(b []byte) (n int, err error) {
	for n < len(b) && r.left > 0 {
		k := copy(b[n:min(len(b), n+r.left)], r.line[r.at:])
		n, r.left, r.at = n+k, r.left-k, (r.at+k)%len(r.line)
	}
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func TestLines(t *testing.T) {
	a, _, err := parseCSV(strings.NewReader("a,b\n1,2\n\n\n3,4\n5,\"6\n\"\n7,8\n"), 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for row, want := range []string{"line 2", "line 5", "line 6", "line 8"} {
		if got := Where(a, row).Object; got != want {
			t.Errorf("row %d is at %s, want %s", row, got, want)
		}
	}
	if err := Check(context.Background(), a, []Want{{Classes: 7}}); err == nil || !strings.Contains(err.Error(), "line 8: the target: want a class from 0 to 6, found 8") {
		t.Error(err)
	}
	long := "1,2\n\"" + strings.Repeat("x", maxRow+1<<17)
	var limit *safeio.LimitError
	if _, _, err := parseCSV(strings.NewReader(long), 1<<20); !errors.As(err, &limit) {
		t.Errorf("a row of 64 MiB: %v", err)
	}
	semicolons, _, err := parseCSV(strings.NewReader("1;2\n3;4\n"), 1<<20)
	if err != nil || semicolons.X[0].F32[1] != 3 {
		t.Error(semicolons, err)
	}
}

func TestEmptyClass(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "full", "a.txt"), []byte("words"))
	write(t, filepath.Join(dir, "empty", "a.png"), []byte("no text"))
	if _, err := OpenTexts(dir, 0, 0, safeio.Limits{}); err == nil || !strings.Contains(err.Error(), filepath.Join(dir, "empty")+": the class has no files") {
		t.Error(err)
	}
}
