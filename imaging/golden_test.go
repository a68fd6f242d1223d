package imaging

import (
	"fmt"
	"math"
	"path"
	"strings"
	"testing"

	"kerasgo/internal/npy"
	"kerasgo/internal/safeio"
	"kerasgo/nn/graph"
)

const testdata = "../testdata/pixels/"

// archive is a golden file made by scripts/pixels.py.
func archive(t testing.TB, name string) *npy.Archive {
	t.Helper()
	a, err := npy.OpenArchive(testdata+name, safeio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close() })
	return a
}

func load(t testing.TB, a *npy.Archive, name string) *graph.Tensor {
	t.Helper()
	v, err := a.Read(name)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// toImage takes an array of h x w or h x w x c samples.
func toImage(v *graph.Tensor) *Image {
	m := &Image{H: v.Shape[0], W: v.Shape[1], C: 1}
	if len(v.Shape) == 3 {
		m.C = v.Shape[2]
	}
	if v.DType == graph.Uint16 {
		m.Deep = make([]uint16, v.Len())
		for i, s := range v.I32 {
			m.Deep[i] = uint16(s)
		}
		return m
	}
	m.Pix = make([]uint8, v.Len())
	for i, s := range v.I32 {
		m.Pix[i] = uint8(s)
	}
	return m
}

// differ is the largest difference of two images' samples, -1 where they have
// other sizes or types.
func differ(a, b *Image) int {
	if a.W != b.W || a.H != b.H || a.C != b.C || (a.Deep == nil) != (b.Deep == nil) {
		return -1
	}
	d := 0
	for i := range a.Pix {
		d = max(d, int(a.Pix[i])-int(b.Pix[i]), int(b.Pix[i])-int(a.Pix[i]))
	}
	for i := range a.Deep {
		d = max(d, int(a.Deep[i])-int(b.Deep[i]), int(b.Deep[i])-int(a.Deep[i]))
	}
	return d
}

// parseCase reads SOURCE/[ASPECT-]FILTER/WxH.
func parseCase(t testing.TB, name string) (f Filter, a Aspect, w, h int, ok bool) {
	t.Helper()
	dir, size := path.Split(name)
	if size == "source" {
		return
	}
	how := path.Base(dir)
	if aspect, rest, cut := strings.Cut(how, "-"); cut {
		var err error
		if a, err = ParseAspect(aspect); err != nil {
			t.Fatal(err)
		}
		how = rest
	}
	f, err := ParseFilter(how)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(size, "%dx%d", &w, &h); err != nil {
		t.Fatal(err)
	}
	return f, a, w, h, true
}

func TestResizeIsPillows(t *testing.T) {
	a := archive(t, "pil.npz")
	cases := 0
	for _, name := range a.Names() {
		f, aspect, w, h, ok := parseCase(t, name)
		if !ok {
			continue
		}
		cases++
		src := toImage(load(t, a, name[:strings.Index(name, "/")]+"/source"))
		want := load(t, a, name)
		got, err := Resize(src, w, h, f, aspect)
		if want.Len() == 0 {
			if err == nil {
				t.Errorf("%s: no error, Pillow has one", name)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if d := differ(got, toImage(want)); d != 0 {
			t.Errorf("%s: differs by %d", name, d)
		}
	}
	if cases < 900 {
		t.Errorf("only %d cases", cases)
	}
}

func TestResizeIsTensorFlows(t *testing.T) {
	a := archive(t, "tf.npz")
	cases := 0
	for _, name := range a.Names() {
		f, aspect, w, h, ok := parseCase(t, name)
		if !ok {
			continue
		}
		cases++
		src := toImage(load(t, a, name[:strings.Index(name, "/")]+"/source"))
		want := load(t, a, name)
		got := make([]float32, want.Len())
		if err := resizeTF(got, src, h, w, f, aspect); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for i, v := range want.F32 {
			if math.Float32bits(got[i]) != math.Float32bits(v) {
				t.Errorf("%s: value %d is %v, want %v", name, i, got[i], v)
				break
			}
		}
	}
	if cases < 200 {
		t.Errorf("only %d cases", cases)
	}
}

func TestModesAreKeras(t *testing.T) {
	a := archive(t, "modes.npz")
	src := toImage(load(t, a, "source"))
	for _, name := range a.Names() {
		if name == "source" {
			continue
		}
		p, err := ParsePreprocess(name)
		if err != nil {
			t.Fatal(err)
		}
		want := load(t, a, name).F32
		got := make([]float32, len(want))
		if err := (Options{Preprocess: p}).Fill(got, src); err != nil {
			t.Fatal(err)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: value %d is %v, want %v", name, i, got[i], want[i])
				break
			}
		}
		// The other order of channels holds the same values.
		if err := (Options{Preprocess: p, Color: BGR}).Fill(got, src); err != nil {
			t.Fatal(err)
		}
		for i := range want {
			j := i
			if p.Mode != Caffe {
				j = i - i%3 + 2 - i%3
			}
			if got[i] != want[j] {
				t.Errorf("%s, bgr: value %d is %v, want %v", name, i, got[i], want[j])
				break
			}
		}
	}
}

// TestFilesAreLoadImgs compares every format with keras.utils.load_img: bit for
// bit, but for JPEG, where the standard library's inverse DCT rounds otherwise
// than libjpeg-turbo's: by a level in a plane, which makes up to three of a
// colour.
func TestFilesAreLoadImgs(t *testing.T) {
	a := archive(t, "files.npz")
	if len(a.Names()) < 150 {
		t.Errorf("only %d cases", len(a.Names()))
	}
	for _, name := range a.Names() {
		file, mode := path.Split(name)
		file = path.Clean(file)
		c, err := ParseColor(mode)
		if err != nil {
			t.Fatal(err)
		}
		m, err := Open(testdata+"files/"+file, safeio.Limits{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		allowed := 0
		if path.Ext(file) == ".jpg" {
			allowed = 3
		}
		if d := differ(m.Convert(c), toImage(load(t, a, name))); d < 0 || d > allowed {
			t.Errorf("%s: differs by %d, more than %d", name, d, allowed)
		}
	}
}
