package data

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"runtime"
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
