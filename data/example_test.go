package data_test

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"

	"kerasgo/data"
	"kerasgo/nn/graph"
)

func ExampleBatches() {
	a, err := data.NewArrays(graph.FromF32([]float32{0, 1, 2, 3, 4}, 5, 1), graph.FromI32([]int32{0, 0, 1, 1, 1}, 5))
	if err != nil {
		fmt.Println(err)
		return
	}
	for b, err := range data.Batches(context.Background(), a, data.BatchOptions{Size: 2, Prefetch: 1}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(b.X[0].F32, b.Y[0].I32)
	}
	// Output:
	// [0 1] [0 0]
	// [2 3] [1 1]
	// [4] [1]
}

// A function that gives rows one after another is a Stream: train.Fit takes it as any other Source.
func ExampleFromSeq() {
	squares := func() iter.Seq2[*data.Batch, error] {
		return func(yield func(*data.Batch, error) bool) {
			for i := range 6 {
				x, y := graph.FromF32([]float32{float32(i)}, 1, 1), graph.FromF32([]float32{float32(i * i)}, 1, 1)
				if !yield(&data.Batch{X: []*graph.Tensor{x}, Y: []*graph.Tensor{y}}, nil) {
					return
				}
			}
		}
	}
	s := data.FromSeq(6, 1, squares)
	for b, err := range data.Batches(context.Background(), s, data.BatchOptions{Size: 4}) {
		fmt.Println(b.Y[0].F32, err)
	}
	// Output:
	// [0 1 4 9] <nil>
	// [16 25] <nil>
}

func ExamplePadSequences() {
	words := []*graph.Tensor{graph.FromI32([]int32{7, 8}, 2), graph.FromI32([]int32{1, 2, 3, 4}, 4)}
	t, err := data.PadSequences(words, graph.Int32, data.PadOptions{MaxLen: 3})
	fmt.Println(t.Shape, t.I32, err)
	// Output: (2, 3) [0 7 8 2 3 4] <nil>
}

func ExampleWindows() {
	series := graph.FromF32([]float32{10, 11, 12, 13, 14}, 5)
	next := series.Rows(3, 5) // what follows three steps
	s, err := data.Windows(series, next, data.WindowOptions{Length: 3})
	if err != nil {
		fmt.Println(err)
		return
	}
	var b data.Batch
	if err := s.Read(&b, []int{0, 1}); err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(b.X[0].F32, b.Y[0].F32)
	// Output: [10 11 12 11 12 13] [13 14]
}

func ExampleOpen() {
	set, err := data.Open(filepath.Join(testdata, "records.tfrecord"), data.OpenOptions{Features: map[string]string{"x": "x", "y": "y"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(set.Train.Len(), "rows; the third comes from", data.Where(set.Train, 2).Object)
	err = data.Check(context.Background(), set.Train, []data.Want{{Classes: 4}})
	fmt.Println(err)
	// Output:
	// 20 rows; the third comes from record 2 at offset 666
	// <nil>
}
