package hdf5

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"kerasgo/internal/safeio"
)

func TestReadsSplitNames(t *testing.T) {
	for _, name := range []string{"split_names", "split_names_latest"} {
		f, err := Open(testdata+"/"+name+".h5", safeio.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got, err := f.Root().SplitStrings("layer_names")
		if err != nil || len(got) != 1200 {
			t.Fatalf("%d names, %v", len(got), err)
		}
		for i, s := range got {
			if want := fmt.Sprintf("layer_%04d_%s", i, strings.Repeat("n", 50)); s != want {
				t.Fatalf("name %d is %q, want %q", i, s, want)
			}
		}
	}
}

// TestNamesInCreationOrder: where the file records it.
func TestNamesInCreationOrder(t *testing.T) {
	for _, name := range []string{"ordered", "ordered_latest"} {
		f, err := Open(testdata+"/"+name+".h5", safeio.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		g, err := f.Root().Group("ordered")
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(g.Names(), " "); got != "zeta alpha mid beta" {
			t.Errorf("%s: %s", name, got)
		}
		if g, err = f.Root().Group("ordered_dense"); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(g.Names()[:4], " "); got != "k00 k17 k34 k11" {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestManyReaders reads one file from many goroutines; run it with -race.
func TestManyReaders(t *testing.T) {
	f, err := Open(testdata+"/indexes_latest.h5", safeio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for _, name := range []string{"btree2", "extensible", "fixed", "chunked_strings", "gzip_shuffle"} {
				d, err := f.Root().Dataset(name)
				if err != nil {
					t.Error(err)
					continue
				}
				if d.Type().Kind == String {
					err = d.ReadStrings(make([]string, d.Len()))
				} else {
					err = d.ReadFloat32(make([]float32, d.Len()))
				}
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// TestLimitsAreObeyed: each limit stops what it should, and raising it helps.
func TestLimitsAreObeyed(t *testing.T) {
	zeros := NewTree()
	zeros.Float32("w", []int{1 << 12}, make([]float32, 1<<12))
	b := write(t, zeros)
	read := func(l safeio.Limits) error {
		f, err := NewReader(bytes.NewReader(b), int64(len(b)), l)
		if err != nil {
			return err
		}
		_, err = f.Root().Lookup("w")
		return err
	}
	var limit *safeio.LimitError
	for name, l := range map[string]safeio.Limits{"tensor": {MaxTensorBytes: 1 << 13}, "total": {MaxTotalBytes: 1 << 13}} {
		if err := read(l); !errors.As(err, &limit) || limit.Raise != "--max-size" || limit.Object != "/w" {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if err := read(safeio.Limits{}); err != nil {
		t.Error(err)
	}
	// 256 MiB that were never written, in a file of less than 1 KiB: four times
	// the file and 64 MiB forbid it, a user may allow it.
	unwritten := NewTree()
	unwritten.Float32("w", []int{0}, nil)
	unwritten.kids["w"].(*Array).shape = []int{64 << 20}
	b = write(t, unwritten)
	if err := read(safeio.Limits{}); !errors.As(err, &limit) || !strings.Contains(err.Error(), "declares 256 MiB") {
		t.Errorf("got %v", err)
	}
	if err := read(safeio.Limits{MaxExpansion: 1 << 20}); err != nil {
		t.Error(err)
	}
}

func TestAsBFloat16(t *testing.T) {
	f, err := Open(testdata+"/types.h5", safeio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	marked, err := f.Root().Dataset("bfloat16")
	if err != nil {
		t.Fatal(err)
	}
	plain, err := f.Root().Dataset("opaque2")
	if err != nil {
		t.Fatal(err)
	}
	want := make([]float32, marked.Len())
	if err := marked.ReadFloat32(want); err != nil {
		t.Fatal(err)
	}
	got := make([]float32, plain.Len())
	if err := plain.ReadFloat32(got); err == nil {
		t.Error("opaque bytes were read as numbers")
	}
	if plain, err = plain.AsBFloat16(); err != nil {
		t.Fatal(err)
	}
	if err := plain.ReadFloat32(got); err != nil {
		t.Fatal(err)
	}
	for i := range want {
		if got[i] != want[i] || got[i] == 0 {
			t.Errorf("element %d: %g, want %g", i, got[i], want[i])
		}
	}
}

// FuzzMessages feeds the decoders of single messages.
func FuzzMessages(f *testing.F) {
	typ, _ := encodeType(Type{Kind: Bool, Size: 1})
	f.Add(byte(0), typ)
	f.Add(byte(1), encodeSpace([]int{2, 3}))
	f.Add(byte(2), []byte{4, 2, 1, 3, 1, 2, 2, 4, 3, 10, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add(byte(3), []byte{2, 1, 1, 0, 0, 0, 1, 0, 6, 0, 0, 0})
	f.Add(byte(4), []byte{1, 0x11, 1, 1, 'x', 1, 2, 3, 4, 5, 6, 7, 8})
	f.Add(byte(5), []byte{3, 0, 2, 0, 8, 0, 4, 0, 0, 'a', 0})
	f.Fuzz(func(t *testing.T, kind byte, b []byte) {
		file := &File{limits: safeio.Defaults()}
		file.src.r, file.src.osize, file.src.lsize = bytes.NewReader(b), 8, 8
		file.src.size, file.src.metaCap = int64(len(b)), 1<<20
		c := file.src.decode(b)
		var err error
		switch kind % 8 {
		case 0:
			_, err = parseDatatype(c)
		case 1:
			_, err = parseDataspace(c)
		case 2:
			_, err = parseLayout(c, 4)
		case 3:
			_, err = parseFilters(c)
		case 4:
			_, err = parseLink(c)
		case 5:
			_, err = file.parseAttr(b)
		case 6:
			_, err = file.header(0)
		case 7:
			var z inflater
			_, err = z.unfilter([]filter{{id: filterShuffle, params: []uint32{4}}, {id: filterDeflate}, {id: filterFletcher32}}, uint32(len(b)&7), b, 64)
		}
		if err != nil && !typed(err) {
			t.Errorf("untyped error %v", err)
		}
	})
}
