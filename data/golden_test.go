package data_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"kerasgo/data"
	"kerasgo/imaging"
	"kerasgo/internal/npy"
	"kerasgo/internal/safeio"
	"kerasgo/internal/testcheck"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

const testdata = "../testdata/data"

// arrays reads an .npz of testdata/data.
func arrays(t *testing.T, name string) map[string]*nn.Tensor {
	t.Helper()
	a, err := npy.OpenArchive(filepath.Join(testdata, name), safeio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	all := map[string]*nn.Tensor{}
	for _, n := range a.Names() {
		if all[n], err = a.Read(n); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// golden gives a kind's cases: their options, read into a T, and their arrays.
func golden[T any](t *testing.T, kind string, f func(t *testing.T, options T, at func(name string) *nn.Tensor)) {
	t.Helper()
	all := arrays(t, "expected.npz")
	raw := make([]byte, all["meta"].Len())
	for i, v := range all["meta"].I32 {
		raw[i] = byte(v)
	}
	var meta struct {
		Cases map[string][]json.RawMessage
	}
	if err := json.Unmarshal(raw, &meta); err != nil || len(meta.Cases[kind]) == 0 {
		t.Fatalf("%s: %v", kind, err)
	}
	for i, c := range meta.Cases[kind] {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			var o T
			if err := json.Unmarshal(c, &o); err != nil {
				t.Fatal(err)
			}
			f(t, o, func(name string) *nn.Tensor { return all[fmt.Sprintf("%s_%d_%s", kind, i, name)] })
		})
	}
}

// same compares tensors; floats may be off by 1e-6 of range.
func same(t *testing.T, what string, got, want *nn.Tensor) {
	t.Helper()
	if got == nil || !got.Shape.Equal(want.Shape) || got.DType.Storage() != want.DType.Storage() {
		t.Fatalf("%s is %v, want %v", what, got, want.Spec)
	}
	if want.DType == graph.String {
		if !slices.Equal(got.Str, want.Str) {
			t.Errorf("%s is %q, want %q", what, got.Str, want.Str)
		}
		return
	}
	if off := testcheck.Off(got, want); !(off <= 1e-6) {
		t.Errorf("%s is off by %.2g of range", what, off)
	}
}

func TestPadSequencesGolden(t *testing.T) {
	type options struct {
		N                          int
		DType, Padding, Truncating string
		MaxLen                     int
		Value                      float64
	}
	golden(t, "pad", func(t *testing.T, o options, at func(string) *nn.Tensor) {
		var seqs []*nn.Tensor
		for i := range o.N {
			seqs = append(seqs, at(fmt.Sprintf("s%d", i)))
		}
		d, err := graph.ParseDType(o.DType)
		if err != nil {
			t.Fatal(err)
		}
		got, err := data.PadSequences(seqs, d, data.PadOptions{MaxLen: o.MaxLen, Post: o.Padding == "post", TruncatePost: o.Truncating == "post", Value: o.Value})
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the tensor", got, at("out"))
	})
}

func TestCategoricalGolden(t *testing.T) {
	golden(t, "categorical", func(t *testing.T, o struct{ Classes int }, at func(string) *nn.Tensor) {
		got, err := data.ToCategorical(at("x"), o.Classes)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the rows", got, at("out"))
	})
}

func TestNormalizeGolden(t *testing.T) {
	golden(t, "normalize", func(t *testing.T, o struct {
		Axis  int
		Order string
	}, at func(string) *nn.Tensor) {
		order, err := strconv.ParseFloat(o.Order, 64)
		if err != nil {
			t.Fatal(err)
		}
		got, err := data.Normalize(at("x"), o.Axis, order)
		if err != nil {
			t.Fatal(err)
		}
		same(t, "the tensor", got, at("out"))
	})
	if _, err := data.Normalize(graph.NewTensor(2, 2), 2, 2); err == nil {
		t.Error("an axis that isn't there")
	}
	ints, err := data.Normalize(graph.FromI32([]int32{3, 4, 0, 0}, 2, 2), -1, 2)
	if err != nil || !slices.Equal(ints.F64, []float64{.6, .8, 0, 0}) {
		t.Error(ints, err)
	}
	if math.IsNaN(ints.F64[2]) {
		t.Error("a norm of 0")
	}
}

func TestWindowsGolden(t *testing.T) {
	type options struct {
		Length int `json:"sequence_length"`
		Stride int `json:"sequence_stride"`
		Rate   int `json:"sampling_rate"`
		Start  int `json:"start_index"`
		End    int `json:"end_index"`
	}
	golden(t, "windows", func(t *testing.T, o options, at func(string) *nn.Tensor) {
		s, err := data.Windows(at("x"), at("y"), data.WindowOptions{Length: o.Length, Stride: o.Stride, Rate: o.Rate, Start: o.Start, End: o.End})
		if err != nil {
			t.Fatal(err)
		}
		b := all(t, s)
		same(t, "x", b.X[0], at("out"))
		if at("target") != nil {
			same(t, "y", b.Y[0], at("target"))
		}
	})
}

// all reads a whole Source at once.
func all(t *testing.T, s data.Source) *data.Batch {
	t.Helper()
	rows := make([]int, s.Len())
	for i := range rows {
		rows[i] = i
	}
	var b data.Batch
	if err := s.Read(&b, rows); err != nil {
		t.Fatal(err)
	}
	return &b
}

// TestImagesGolden lists, shuffles, splits, decodes and resizes as image_dataset_from_directory does.
func TestImagesGolden(t *testing.T) {
	type options struct {
		Seed          uint64
		Color, Subset string
		Files         []string
		Classes       []string
	}
	golden(t, "images", func(t *testing.T, o options, at func(string) *nn.Tensor) {
		color, err := imaging.ParseColor(o.Color)
		if err != nil {
			t.Fatal(err)
		}
		images, err := data.OpenImages(filepath.Join(testdata, "images"), imaging.Options{Height: 4, Width: 7, Color: color, Filter: imaging.Bilinear, Engine: imaging.TF}, o.Seed, safeio.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		if err := data.Check(context.Background(), images, []data.Want{{Classes: 3}}); err != nil {
			t.Error(err)
		}
		if !slices.Equal(images.Classes, o.Classes) {
			t.Errorf("classes %q, want %q", images.Classes, o.Classes)
		}
		var s data.Source = images
		if o.Subset != "" {
			train, val, err := data.Split(images, .3)
			if err != nil {
				t.Fatal(err)
			}
			s = map[string]data.Source{"training": train, "validation": val}[o.Subset]
		}
		if s.Len() != len(o.Files) {
			t.Fatalf("%d files, want %d", s.Len(), len(o.Files))
		}
		for i, want := range o.Files {
			if got := data.Where(s, i).File; !strings.HasSuffix(filepath.ToSlash(got), "/images/"+want) {
				t.Errorf("file %d is %s, want %s", i, got, want)
			}
		}
		b := all(t, s)
		same(t, "the pixels", b.X[0], at("x"))
		same(t, "the classes", b.Y[0], at("y"))
	})
}

func TestTextsGolden(t *testing.T) {
	golden(t, "texts", func(t *testing.T, o struct{ Max int }, at func(string) *nn.Tensor) {
		s, err := data.OpenTexts(filepath.Join(testdata, "texts"), o.Max, 3, safeio.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		b := all(t, s)
		got, want := map[string]int32{}, map[string]int32{}
		for i, x := range b.X[0].Str {
			got[x] = b.Y[0].I32[i]
		}
		for i, x := range at("x").Str {
			want[x] = at("y").I32[i]
		}
		if !maps.Equal(got, want) {
			t.Errorf("texts %v, want %v", got, want)
		}
	})
}

// TestRecordsGolden reads the records that TensorFlow wrote, compressed and not, in order and shuffled.
func TestRecordsGolden(t *testing.T) {
	want := arrays(t, "records.npz")
	image := imaging.Options{Height: 4, Width: 5}
	specs := func(d nn.DType, dims ...int) []nn.Spec {
		return []nn.Spec{{Shape: append(nn.Shape{graph.Unknown}, dims...), DType: d}}
	}
	for name, c := range map[string]data.OpenOptions{
		"x":     {Specs: specs(graph.Float32, 2, 3)},
		"big":   {Specs: specs(graph.Int64, 2), Features: map[string]string{"x": "big", "y": "y"}},
		"word":  {Specs: specs(graph.String), Features: map[string]string{"in": "word"}, Inputs: []string{"in"}},
		"image": {Specs: specs(graph.Float32, 4, 5, 3), Image: image, Features: map[string]string{"x_0": "image"}},
		"raw":   {Specs: specs(graph.Float32, 4, 5, 3), Image: image, Features: map[string]string{"x": "raw"}},
	} {
		for _, file := range []string{"records.tfrecord", "records.tfrecord.gz"} {
			t.Run(name+"/"+file, func(t *testing.T) {
				set, err := data.Open(filepath.Join(testdata, file), c)
				if err != nil {
					t.Fatal(err)
				}
				x := want[name]
				if name == "image" || name == "raw" {
					if x, err = x.As(graph.Float32); err != nil {
						t.Fatal(err)
					}
				}
				b := all(t, set.Train)
				same(t, name, b.X[0], x)
				same(t, "y", b.Y[0], want["y"])
				if err := data.Check(context.Background(), set.Train, []data.Want{{Classes: 4}}); err != nil {
					t.Error(err)
				}
				seen := map[int64]int{}
				for b, err := range data.Batches(context.Background(), set.Train, data.BatchOptions{Size: 8, Shuffle: true, Seed: 1, Prefetch: 2}) {
					if err != nil {
						t.Fatal(err)
					}
					for _, y := range b.Y[0].I64 {
						seen[y]++
					}
				}
				count := map[int64]int{}
				for _, y := range want["y"].I64 {
					count[y]++
				}
				if !maps.Equal(seen, count) {
					t.Errorf("a shuffled pass has classes %v, want %v", seen, count)
				}
			})
		}
	}
	shards, err := data.Open(filepath.Join(testdata, "records.tfrecor?"), data.OpenOptions{Specs: specs(graph.Float32, 6)})
	if err != nil || shards.Train.Len() != 20 {
		t.Fatal(shards, err)
	}
	two, err := data.OpenRecords([]string{filepath.Join(testdata, "records.tfrecord"), filepath.Join(testdata, "records.tfrecord")}, data.OpenOptions{})
	if err != nil || two.Len() != 40 {
		t.Fatal(two, err)
	}
	var b data.Batch
	if err := two.Read(&b, []int{39, 0, 20}); err != nil || b.Y[0].I64[0] != want["y"].I64[19] || b.Y[0].I64[2] != want["y"].I64[0] {
		t.Error(b.Y, err)
	}
	if _, err := os.Stat(filepath.Join(testdata, "records.npz")); err != nil {
		t.Error(err)
	}
}
