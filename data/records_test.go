package data

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"kerasgo/internal/tfrecord"
)

// FuzzExample reads any bytes as an example: it is one or an error, never more memory than the bytes allow.
func FuzzExample(f *testing.F) {
	raw, err := os.ReadFile("../testdata/data/records.tfrecord")
	if err != nil {
		f.Fatal(err)
	}
	first, err := tfrecord.NewReader(bytes.NewReader(raw), 1<<20).Next()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(first)
	f.Add([]byte("\x0a\x0b\x0a\x09\x0a\x01x\x12\x04\x1a\x02\x0a\x00"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		features, err := parseExample(raw, nil)
		if err != nil {
			return
		}
		n := 0
		for _, f := range features {
			n += f.len()
		}
		if n > len(raw) {
			t.Errorf("%d values in %d bytes", n, len(raw))
		}
		d := decoder{}
		if d.look(raw) == nil {
			var b Batch
			d.room(&b, 1)
			if err := d.decode(&b, 0, raw); err != nil && !strings.Contains(err.Error(), "want a weight") && !strings.Contains(err.Error(), "want a number") {
				t.Errorf("an example that was looked at: %v", err)
			}
		}
	})
}

// TestIndex finds the records of a large file by their lengths alone, and what is wrong with these.
func TestIndex(t *testing.T) {
	const path = "../testdata/data/records.tfrecord"
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	index := func(raw []byte, whole bool) ([]int64, error) {
		f, err := os.Open(write(t, filepath.Join(t.TempDir(), "f"), raw))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		r := Records{decoder: &decoder{}}
		file := recordFile{f: f}
		err = r.index(&file, whole)
		return file.offsets, err
	}
	want, err := index(raw, true)
	if err != nil || len(want) != 21 || want[20] != int64(len(raw)) {
		t.Fatal(want, err)
	}
	if got, err := index(raw, false); err != nil || !slices.Equal(got, want) {
		t.Errorf("offsets %v, want %v; %v", got, want, err)
	}
	for _, end := range []int64{want[20] - 1, want[19] + 5, want[19] + 12} {
		if _, err := index(raw[:end], false); err == nil || !strings.Contains(err.Error(), "record 19 at offset ") {
			t.Errorf("cut at %d: %v", end, err)
		}
	}
	raw[want[7]+2] ^= 1
	if _, err := index(raw, false); err == nil || !strings.Contains(err.Error(), "record 7 at offset ") || !strings.Contains(err.Error(), "checksum of the length") {
		t.Errorf("a broken length: %v", err)
	}
}

// TestBigRecords reads a shuffled file of 48 MB in less than a quarter of its memory.
func TestBigRecords(t *testing.T) {
	if testing.Short() {
		t.Skip("48 MB")
	}
	raw, err := os.ReadFile("../testdata/data/records.tfrecord")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "big.tfrecord")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for size < 48<<20 {
		n, err := f.Write(raw)
		if size += n; err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	before := heap()
	s, err := OpenRecords([]string{path}, OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	most, n := int64(0), 0
	for b, err := range Batches(context.Background(), s, BatchOptions{Size: 1024, Shuffle: true, Prefetch: 1}) {
		if err != nil {
			t.Fatal(err)
		}
		if n += len(b.Y[0].I64); n%(16*1024) == 0 {
			most = max(most, heap()-before)
		}
	}
	if n != s.Len() || most > int64(size)/4 {
		t.Errorf("%d rows of %d; %d bytes of memory for %d", n, s.Len(), most, size)
	}
	runtime.KeepAlive(s)
}
