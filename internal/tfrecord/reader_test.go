package tfrecord

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"kerasgo/internal/safeio"
)

func written(t *testing.T, records ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := NewWriter(&b)
	for _, r := range records {
		if err := w.Write([]byte(r)); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestReader(t *testing.T) {
	long := strings.Repeat("0123456789", 300_000)
	raw := written(t, "", "keras", long)
	if !Sniff(raw) || Sniff(raw[1:]) {
		t.Error("a file's beginning")
	}
	r := NewReader(bytes.NewReader(raw), 1<<30)
	for i, want := range []string{"", "keras", long} {
		got, err := r.Next()
		if err != nil || string(got) != want || r.Offset() != []int64{0, 16, 37}[i] {
			t.Errorf("record %d at %d: %d bytes, %v", i, r.Offset(), len(got), err)
		}
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("the end: %v", err)
	}
}

// TestDamaged flips each bit and cuts at each byte: nothing passes unnoticed, and errors say where.
func TestDamaged(t *testing.T) {
	whole := written(t, "abc", "defgh")
	read := func(raw []byte) error {
		r := NewReader(bytes.NewReader(raw), 1<<20)
		for {
			if _, err := r.Next(); err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
		}
	}
	var broken *safeio.FormatError
	for i := range whole {
		for bit := range 8 {
			raw := bytes.Clone(whole)
			raw[i] ^= 1 << bit
			where := "record 0 at offset 0"
			if i >= 19 {
				where = "record 1 at offset 19"
			}
			if err := read(raw); !errors.As(err, &broken) || !strings.Contains(err.Error(), where) {
				t.Fatalf("byte %d, bit %d: %v", i, bit, err)
			}
		}
		if err := read(whole[:i]); i != 0 && i != 19 && (!errors.Is(err, io.ErrUnexpectedEOF) || !errors.As(err, &broken)) {
			t.Errorf("cut at %d: %v", i, err)
		}
	}
	var limit *safeio.LimitError
	if _, err := NewReader(bytes.NewReader(whole), 2).Next(); !errors.As(err, &limit) {
		t.Errorf("a record over the limit: %v", err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add([]byte("\x05\x00\x00\x00\x00\x00\x00\x00\xea\xb2\x04\x3ekeras\x73\x1b\x97\x1c\xbb"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		r := NewReader(bytes.NewReader(raw), 1<<20)
		var again bytes.Buffer
		w := NewWriter(&again)
		for {
			rec, err := r.Next()
			if err != nil {
				break
			}
			if err := w.Write(rec); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.HasPrefix(raw, again.Bytes()) {
			t.Error("records that are written otherwise")
		}
	})
}
