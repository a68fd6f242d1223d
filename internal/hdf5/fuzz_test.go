package hdf5

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"kerasgo/internal/safeio"
)

// FuzzRead: whatever a file holds, reading it ends in values or typed errors,
// within its budget of memory.
func FuzzRead(f *testing.F) {
	for _, path := range testFiles(f) {
		b, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if len(b) < 64<<10 {
			f.Add(b)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		for range 2 { // as it is, then with its checksums made right
			checkBudget(t, "fuzzed file", b)
			b = bytes.Clone(b)
			resum(b)
		}
	})
}

// FuzzWriteRead: what is written is what is read, or writing says why not.
func FuzzWriteRead(f *testing.F) {
	f.Add("dense/kernel", "weight_names", "kernel:0", []byte{1, 2, 3, 4, 5, 6, 7, 8}, uint8(2))
	f.Add("", "", "", []byte(nil), uint8(0))
	f.Add("a//b", "é", "\xff", []byte("123456789012"), uint8(3))
	f.Fuzz(func(t *testing.T, path, attr, text string, data []byte, cols uint8) {
		values := make([]float32, len(data)/4)
		convert(values, data[:4*len(values)], Type{Kind: Float, Size: 4})
		shape := []int{len(values)}
		if c := int(cols); c > 0 && len(values)%c == 0 {
			shape = []int{len(values) / c, c}
		}
		tree := NewTree()
		tree.Float32(path, shape, values).SetText(attr, text)
		tree.SetSplitStrings("names", []string{text, path})
		var b bytes.Buffer
		if _, err := tree.WriteTo(&b); err != nil {
			if !typed(err) {
				t.Fatalf("untyped error %v", err)
			}
			return
		}
		r, err := NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()), safeio.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		d, err := r.Root().Dataset(path)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, d.Len()*4)
		if err := d.ReadRaw(got); err != nil || !bytes.Equal(got, encode(values)) || !slices.Equal(d.Shape(), shape) {
			t.Fatalf("got %v, %v, want %v", got, err, values)
		}
		a, err := d.Attr(attr)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := a.Text(); err != nil || s != text {
			t.Fatalf("got %q, %v, want %q", s, err, text)
		}
	})
}
