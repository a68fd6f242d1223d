package hdf5

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"kerasgo/internal/safeio"
)

// readAll reads everything that a file holds, going on after errors, and
// returns the first of them. It allocates what the datasets declare, as every
// loader does.
func readAll(b []byte) error { return readFrom(bytes.NewReader(b), int64(len(b))) }

func readFrom(r io.ReaderAt, size int64) (first error) {
	note := func(err error) {
		if first == nil {
			first = err
		}
	}
	f, err := NewReader(r, size, safeio.Limits{})
	if err != nil {
		return err
	}
	seen := map[uint64]bool{}
	var group func(g *Group, depth int)
	object := func(o Object) {
		names, err := o.AttrNames()
		note(err)
		for _, n := range names {
			a, err := o.Attr(n)
			if err != nil {
				note(err)
				continue
			}
			if a.Type().Kind == String {
				_, err = a.Strings()
			} else {
				_, err = a.Floats()
			}
			note(err)
		}
	}
	group = func(g *Group, depth int) {
		object(g)
		if seen[g.addr] || depth > 64 {
			return
		}
		seen[g.addr] = true
		for _, name := range g.Names() {
			o, err := g.Lookup(name)
			if err != nil {
				note(err)
				continue
			}
			d, ok := o.(*Dataset)
			if !ok {
				group(o.(*Group), depth+1)
				continue
			}
			object(d)
			if d.Type().Kind == String {
				note(d.ReadStrings(make([]string, d.Len())))
			} else {
				note(d.ReadFloat32(make([]float32, d.Len())))
			}
		}
	}
	group(f.Root(), 0)
	return first
}

// typed reports whether err is one of the three errors that a bad file may
// give.
func typed(err error) bool {
	var f *safeio.FormatError
	var u *safeio.UnsupportedError
	var l *safeio.LimitError
	return errors.As(err, &f) || errors.As(err, &u) || errors.As(err, &l)
}

// checkBudget runs read and fails if it allocates more than four times the
// file and 64 MiB (and as much again for garbage that isn't collected yet,
// which TotalAlloc counts), takes seconds, or gives an untyped error.
func checkBudget(t testing.TB, what string, b []byte) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	err := readAll(b)
	runtime.ReadMemStats(&after)
	if err != nil && !typed(err) {
		t.Errorf("%s: untyped error %v", what, err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("%s: took %v", what, took)
	}
	if n, most := int64(after.TotalAlloc-before.TotalAlloc), 2*(4*int64(len(b))+64<<20); n > most {
		t.Errorf("%s: allocated %d bytes for a file of %d", what, n, len(b))
	}
}

// TestMutations flips, overwrites and cuts bytes of every test file: no panic,
// no hang, no memory bomb, only typed errors.
func TestMutations(t *testing.T) {
	each := 150
	if testing.Short() {
		each = 15
	}
	for _, path := range testFiles(t) {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) > 120<<10 {
			continue // their structures are in the smaller ones too
		}
		r := rand.New(rand.NewPCG(11, uint64(len(b))))
		sums := checksummed(b)
		if strings.Contains(path, "_latest") && len(sums) < 2 {
			t.Errorf("%s: only %d checksummed blocks", path, len(sums))
		}
		for i := range each {
			m := mutate(r, b)
			for _, s := range sums { // so that damage gets past the checksums
				if i%4 != 0 && s[1] <= len(m) {
					binary.LittleEndian.PutUint32(m[s[1]-4:], lookup3(m[s[0]:s[1]-4]))
				}
			}
			if i%8 == 0 {
				checkBudget(t, filepath.Base(path), m)
			} else if err := readAll(m); err != nil && !typed(err) {
				t.Errorf("%s, mutation %d: untyped error %v", path, i, err)
			}
		}
	}
}

// recorder remembers what was read where.
type recorder struct {
	io.ReaderAt
	reads [][2]int
}

func (r *recorder) ReadAt(b []byte, off int64) (int, error) {
	r.reads = append(r.reads, [2]int{int(off), int(off) + len(b)})
	return r.ReaderAt.ReadAt(b, off)
}

// checksummed returns the places of all blocks of a file that end in a
// checksum.
func checksummed(b []byte) (places [][2]int) {
	rec := &recorder{ReaderAt: bytes.NewReader(b)}
	readFrom(rec, int64(len(b)))
	seen := map[[2]int]bool{}
	for _, p := range rec.reads {
		if n := p[1] - p[0]; n > 8 && !seen[p] && lookup3(b[p[0]:p[1]-4]) == binary.LittleEndian.Uint32(b[p[1]-4:]) {
			places = append(places, p)
		}
		seen[p] = true
	}
	return places
}

// mutate returns a damaged copy of b. Half of the time the damage is in the
// places that matter most: the metadata, found by its signatures.
func mutate(r *rand.Rand, b []byte) []byte {
	m := bytes.Clone(b)
	if r.IntN(10) == 0 {
		return m[:r.IntN(len(m))]
	}
	for range 1 + r.IntN(4) {
		at := r.IntN(len(m))
		if r.IntN(2) == 0 {
			signatures := []string{"TREE", "SNOD", "HEAP", "GCOL", "OHDR", "FRHP", "BTHD", "BTIN", "FHIB", "FAHD", "FADB", "EAHD", "EAIB", "EASB", "EADB", "\x89HDF"}
			s := []byte(signatures[r.IntN(len(signatures))])
			if i := bytes.Index(m[at:], s); i >= 0 {
				at = min(at+i+r.IntN(64), len(m)-1)
			}
		}
		switch r.IntN(4) {
		case 0:
			m[at] ^= 1 << r.IntN(8)
		case 1:
			m[at] = byte(r.IntN(256))
		case 2: // an extreme number
			v := []uint64{0, 1, 1<<31 - 1, 1 << 32, 1<<63 - 1, 1<<64 - 1, 1 << 40}[r.IntN(7)]
			copy(m[at:], binary.LittleEndian.AppendUint64(nil, v)[:1+r.IntN(8)])
		case 3: // something from elsewhere in the file
			n := min(1+r.IntN(32), len(m)-at)
			from := r.IntN(len(m) - n + 1)
			copy(m[at:at+n], b[from:from+n])
		}
	}
	resum(m)
	return m
}

// resum recomputes the checksums of version 2 object headers, so that damage
// inside them gets past the checksum.
func resum(m []byte) {
	for at := 0; at+11 < len(m); {
		i := bytes.Index(m[at:], []byte("OHDR\x02"))
		if i < 0 {
			return
		}
		at += i
		n := 6
		flags := m[at+5]
		if flags&0x20 != 0 {
			n += 16
		}
		if flags&0x10 != 0 {
			n += 4
		}
		w := 1 << (flags & 3)
		if at+n+w > len(m) {
			return
		}
		size := uint64(0)
		for k := range w {
			size |= uint64(m[at+n+k]) << (8 * k)
		}
		end := uint64(at+n+w) + size
		if size < uint64(len(m)) && end+4 <= uint64(len(m)) {
			binary.LittleEndian.PutUint32(m[end:], lookup3(m[at:end]))
		}
		at += 5
	}
}

// TestTruncated cuts a file everywhere: every cut is an error.
func TestTruncated(t *testing.T) {
	b, err := os.ReadFile(testdata + "/userblock_latest.h5")
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(b); n += 13 {
		if err := readAll(b[:n]); !typed(err) {
			t.Errorf("cut at %d of %d: %v", n, len(b), err)
		}
	}
	err = readAll(b[:len(b)-1])
	if err == nil || !strings.Contains(err.Error(), "truncated") {
		t.Errorf("got %v", err)
	}
}

// lie writes a tree and replaces one little-endian 64-bit number in it, which
// must be there exactly once, then makes the checksums right again.
func lie(t *testing.T, tree *Tree, from, to uint64) []byte {
	t.Helper()
	b := write(t, tree)
	old := binary.LittleEndian.AppendUint64(nil, from)
	if n := bytes.Count(b, old); n != 1 {
		t.Fatalf("%d places hold %d", n, from)
	}
	b = bytes.Replace(b, old, binary.LittleEndian.AppendUint64(nil, to), 1)
	resum(b)
	return b
}

func TestLies(t *testing.T) {
	one := func() *Tree {
		tree := NewTree()
		tree.Float32("w/kernel", []int{0x123, 1}, make([]float32, 0x123))
		return tree
	}
	cases := []struct {
		name, want string
		file       []byte
	}{
		{"more elements than the file holds", "holds 1164 bytes", lie(t, one(), 0x123, 1<<20)},
		{"more than the limit", "declares 4 PiB", lie(t, one(), 0x123, 1<<50)},
		{"more than can be counted", "more elements", lie(t, one(), 0x123, 1<<61)},
		{"more bytes than the file holds", "declares 4 MiB, file holds 1.", func() []byte {
			tree := one()
			b := lie(t, tree, 0x123, 1<<20)
			n := binary.LittleEndian.AppendUint64(nil, 4*0x123)
			b = bytes.Replace(b, n, binary.LittleEndian.AppendUint64(nil, 4<<20), 1)
			resum(b)
			return b
		}()},
	}
	for _, c := range cases {
		err := readAll(c.file)
		if !typed(err) || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "/w/kernel") {
			t.Errorf("%s: got %v, want %q", c.name, err, c.want)
		}
	}
}

// TestManyNamesForOneDataset: datasets that share their bytes are bounded by
// the memory that all of them would take.
func TestManyNamesForOneDataset(t *testing.T) {
	tree := NewTree()
	const n = 1 << 18 // 1 MiB
	tree.Float32("first", []int{n}, make([]float32, n))
	first := tree.kids["first"].(*Array)
	for i := range 200 {
		tree.array("copy"+string(rune('A'+i)), first.typ, first.shape).write = func(io.Writer) error { return nil }
	}
	b := oneDataFile(t, tree)
	err := readAll(b)
	var l *safeio.LimitError
	if !errors.As(err, &l) || l.Raise == "" {
		t.Errorf("200 MiB out of a file of %d bytes: %v", len(b), err)
	}
	checkBudget(t, "shared data", b)
}

// oneDataFile writes a tree whose datasets all lie where the one named first
// does.
func oneDataFile(t *testing.T, tree *Tree) []byte {
	t.Helper()
	first := tree.kids["first"].(*Array)
	p := &plan{end: superblockSize, strings: map[*string]heapRef{}, arrays: map[*Array]uint64{}}
	p.segments = append(p.segments, segment{size: superblockSize})
	data := p.place(segment{data: make([]byte, first.size)})
	for _, kid := range tree.kids {
		p.arrays[kid.(*Array)] = data
	}
	root, err := p.placeGroup(tree)
	if err != nil {
		t.Fatal(err)
	}
	p.segments[0].data = encodeSuperblock(root, uint64(p.end))
	out := make([]byte, p.end)
	for _, s := range p.segments {
		copy(out[s.addr:], s.data)
	}
	return out
}

// TestCycle: a group that contains itself is an error of Walk and no danger to
// Lookup.
func TestCycle(t *testing.T) {
	p := &plan{end: superblockSize}
	p.segments = append(p.segments, segment{size: superblockSize})
	link := func(addr uint64) []byte {
		b, _ := appendMessage(nil, msgLinkInfo, append64(append64([]byte{0, 0}, undef), undef))
		b, _ = appendMessage(b, msgLink, append64([]byte{1, 0, 4, 's', 'e', 'l', 'f'}, addr))
		return encodeHeader(b)
	}
	root := p.place(segment{data: link(superblockSize)})
	p.segments[0].data = encodeSuperblock(root, uint64(p.end))
	b := make([]byte, p.end)
	for _, s := range p.segments {
		copy(b[s.addr:], s.data)
	}
	f, err := NewReader(bytes.NewReader(b), int64(len(b)), safeio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	err = f.Root().Walk(func(Object) error { return nil })
	if !typed(err) || !strings.Contains(err.Error(), "contains itself") {
		t.Errorf("got %v", err)
	}
	if _, err := f.Root().Lookup(strings.Repeat("self/", 10)); err != nil {
		t.Error(err)
	}
	var l *safeio.LimitError
	if _, err := f.Root().Lookup(strings.Repeat("self/", 1000)); !errors.As(err, &l) {
		t.Errorf("got %v, want a LimitError", err)
	}
}

// failing fails every read from the n-th on.
type failing struct {
	r io.ReaderAt
	n int
}

var errDisk = errors.New("the disk is on fire")

func (f *failing) ReadAt(b []byte, off int64) (int, error) {
	if f.n--; f.n < 0 {
		return 0, errDisk
	}
	return f.r.ReadAt(b, off)
}

func TestReadErrorsAreReported(t *testing.T) {
	b, err := os.ReadFile(testdata + "/ordered_latest.h5")
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; ; n++ {
		f, err := NewReader(&failing{bytes.NewReader(b), n}, int64(len(b)), safeio.Limits{})
		if err == nil {
			err = f.Root().Walk(func(o Object) error {
				if _, err := o.AttrNames(); err != nil {
					return err
				}
				if d, ok := o.(*Dataset); ok {
					return d.ReadFloat32(make([]float32, d.Len()))
				}
				return nil
			})
		}
		if err == nil {
			if n < 50 {
				t.Errorf("all is read after %d reads", n)
			}
			return
		}
		if !errors.Is(err, errDisk) {
			t.Fatalf("read %d fails: got %v", n, err)
		}
	}
}

func TestLookupErrors(t *testing.T) {
	f, err := Open(testdata+"/userblock.h5", safeio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	g := f.Root()
	for path, want := range map[string]string{
		"nope": `"nope": not found`, "a/nope": `/a: "nope": not found`, "a/d/x": "not found", "a\x1b": `"a\x1b": not found`,
	} {
		if _, err := g.Lookup(path); !errors.Is(err, ErrNotFound) || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "userblock.h5") {
			t.Errorf("%q: got %v", path, err)
		}
	}
	if _, err := g.Group("a/d"); err == nil || !strings.Contains(err.Error(), "/a/d: is a dataset") {
		t.Errorf("got %v", err)
	}
	if _, err := g.Dataset("/a/b/"); err == nil || !strings.Contains(err.Error(), "/a/b: is a group") {
		t.Errorf("got %v", err)
	}
	d, err := g.Dataset("//a/d")
	if err != nil {
		t.Fatal(err)
	}
	if err := d.ReadInt64(make([]int64, 4)); err == nil {
		t.Error("a short destination was filled")
	}
	if !g.Has("a") || g.Has("b") {
		t.Error("Has is wrong")
	}
	if _, err := g.Attr("nope"); !errors.Is(err, ErrNotFound) {
		t.Errorf("got %v", err)
	}
	if _, err := d.AsBFloat16(); err == nil {
		t.Error("int64 was taken for bfloat16")
	}
}

func TestOpenOther(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "x.h5")
	os.WriteFile(path, []byte("not an HDF5 file at all, but long enough to hold a superblock"), 0o644)
	if _, err := Open(path, safeio.Limits{}); !typed(err) || !strings.Contains(err.Error(), "x.h5: not an HDF5 file") {
		t.Errorf("got %v", err)
	}
	if _, err := Open(filepath.Join(dir, "none"), safeio.Limits{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if IsHDF5(strings.NewReader("\x89HDF\r\n")) || !IsHDF5(strings.NewReader(signature+"rest")) {
		t.Error("IsHDF5 is wrong")
	}
}

// TestBitFlipsInChecksummedParts: whatever has a checksum is verified.
func TestBitFlipsInChecksummedParts(t *testing.T) {
	b, err := os.ReadFile(testdata + "/many_attrs_latest.h5")
	if err != nil {
		t.Fatal(err)
	}
	for _, sig := range []string{"\x89HDF", "OHDR", "FRHP", "FHDB", "FHIB", "BTHD", "BTLF"} {
		at := bytes.Index(b, []byte(sig))
		if at < 0 {
			t.Errorf("the file has no %q block", sig)
			continue
		}
		m := bytes.Clone(b)
		m[at+9] ^= 0x10
		if err := readAll(m); !typed(err) {
			t.Errorf("damage in a %q block went unnoticed: %v", sig, err)
		}
	}
}
