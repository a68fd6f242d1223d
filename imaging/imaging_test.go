package imaging

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"kerasgo/internal/safeio"
)

// files are the images that scripts/pixels.py wrote.
func files(t testing.TB, pattern string) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob(testdata + "files/" + pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	m := map[string][]byte{}
	for _, n := range names {
		if m[filepath.Base(n)], err = os.ReadFile(n); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// typed says that an error is one of the project's three.
func typed(err error) bool {
	var f *safeio.FormatError
	var u *safeio.UnsupportedError
	var l *safeio.LimitError
	return errors.As(err, &f) || errors.As(err, &u) || errors.As(err, &l)
}

// tinyPNG is a PNG's header that declares a size.
func tinyPNG(w, h uint32) []byte {
	b := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR")
	b = binary.BigEndian.AppendUint32(b, w)
	b = binary.BigEndian.AppendUint32(b, h)
	b = append(b, 8, 2, 0, 0, 0)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[12:]))
}

func TestDeclaredSizes(t *testing.T) {
	var l *safeio.LimitError
	if _, err := Decode(tinyPNG(30000, 30000), safeio.Limits{}); !errors.As(err, &l) || !strings.Contains(err.Error(), "30000 x 30000") {
		t.Errorf("900 Mpixel: %v", err)
	}
	if _, err := Decode(tinyPNG(1<<31-1, 1<<31-1), safeio.Limits{}); err == nil {
		t.Error("2^62 pixels were read")
	}
	if _, err := Decode(tinyPNG(0, 5), safeio.Limits{}); !typed(err) {
		t.Errorf("no pixels: %v", err)
	}
	for name, data := range files(t, "*") {
		if _, err := Decode(data, safeio.Limits{MaxPixels: 1}); !errors.As(err, &l) && !strings.Contains(name, "dot") {
			t.Errorf("%s over the limit: %v", name, err)
		}
	}
}

func TestNotImages(t *testing.T) {
	for data, want := range map[string]string{
		"":                               "not an image",
		"hello":                          "not an image",
		"\x00\x00\x00\x1cftypavif":       "AVIF",
		"\x00\x00\x01\x00\x01\x00":       "ICO",
		"\x00\x00\x00\x0cjP  \r\n\x87\n": "JPEG 2000",
		"BM":                             "cut short",
		"GIF89a":                         "unexpected EOF",
		"RIFF\x20\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00": "animated",
	} {
		if _, err := Decode([]byte(data), safeio.Limits{}); !typed(err) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", data, err, want)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	empty := filepath.Join(dir, "empty.png")
	if err := os.WriteFile(empty, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, p := range []string{dir, empty} {
		if _, err := Open(p, safeio.Limits{}); !typed(err) || !strings.Contains(err.Error(), p) {
			t.Errorf("%s: %v", p, err)
		}
	}
	if _, err := Open(filepath.Join(dir, "none"), safeio.Limits{}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	bad := filepath.Join(dir, "bad.png")
	if err := os.WriteFile(bad, []byte("\x89PNG\r\n\x1a\nxxxx"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(bad, safeio.Limits{}); !typed(err) || !strings.HasPrefix(err.Error(), bad) {
		t.Error(err)
	}
}

// Truncated and changed images are errors or images, fast; nothing else.
func TestMutated(t *testing.T) {
	for name, data := range files(t, "*") {
		start := time.Now()
		try := func(b []byte) {
			m, err := Decode(b, safeio.Limits{MaxPixels: 1 << 16})
			if err != nil && !typed(err) {
				t.Errorf("%s: %T %v", name, err, err)
			}
			if err == nil && m.check() != nil {
				t.Errorf("%s: %v", name, m.check())
			}
		}
		step := max(len(data)/97, 1)
		for i := 0; i < len(data); i += step {
			try(data[:i])
		}
		b := bytes.Clone(data)
		step = max(len(data)/191, 1)
		for i := 0; i < len(data); i += step {
			for _, x := range []byte{1, 0x80, 0xff} {
				b[i] ^= x
				try(b)
				b[i] ^= x
			}
		}
		if d := time.Since(start); d > 20*time.Second {
			t.Errorf("%s took %v", name, d)
		}
	}
}

func TestFill(t *testing.T) {
	m := newImage(2, 1, 3)
	copy(m.Pix, []uint8{255, 0, 51, 10, 20, 30})
	dst := make([]float32, 6)
	if err := (Options{}).Fill(dst, m); err != nil || dst[2] != 51 || dst[3] != 10 {
		t.Error(dst, err)
	}
	if err := (Options{Color: BGR, Preprocess: Preprocess{Mode: Scale}}).Fill(dst, m); err != nil || dst[0] != 51.0/255 || dst[2] != 1 {
		t.Error(dst, err)
	}
	gray := make([]float32, 3*4)
	o := Options{Height: 3, Width: 4, Color: Gray, Engine: TF, Filter: Bilinear}
	if err := o.Fill(gray, m); err != nil || gray[0] != float32(luma(255, 0, 51)) {
		t.Error(gray, err)
	}
	if h, w, c := o.Shape(m); h != 3 || w != 4 || c != 1 {
		t.Error(h, w, c)
	}
	if err := o.Fill(gray[1:], m); err == nil {
		t.Error("a short slice was filled")
	}
	if err := o.Fill(gray, &Image{W: 2, H: 2, C: 3}); err == nil {
		t.Error("an image without pixels was used")
	}
	for _, o := range []Options{
		{Height: 1}, {Width: 1}, {Height: -1, Width: -1}, {Height: 1 << 27, Width: 1 << 27}, {Filter: 9}, {Engine: 9}, {Aspect: 9}, {Color: 9},
		{Engine: TF, Filter: Bicubic}, {Color: Gray, Preprocess: Preprocess{Mode: Torch}}, {Color: RGBA, Preprocess: Preprocess{Mode: Caffe}},
		{Preprocess: Preprocess{Mode: 9}},
	} {
		if o.Check() == nil || o.Fill(dst, m) == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

// All of the pipeline at once is what its steps are one by one.
func TestFillIsItsSteps(t *testing.T) {
	m, err := Open(testdata+"files/rgba.png", safeio.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	r, err := Resize(m.Convert(RGB), 11, 8, Lanczos, Crop)
	if err != nil {
		t.Fatal(err)
	}
	got := make([]float32, 8*11*3)
	o := Options{Height: 8, Width: 11, Filter: Lanczos, Aspect: Crop, Preprocess: Preprocess{Mode: TFMode}}
	if err := o.Fill(got, m); err != nil {
		t.Fatal(err)
	}
	for i, v := range r.Pix {
		if want := float32(float32(v)/127.5) - 1; got[i] != want {
			t.Fatalf("value %d is %v, want %v", i, got[i], want)
		}
	}
}

// One steep side must not blow up what lies between the passes.
func TestThinImages(t *testing.T) {
	m := newImage(1, 3_000_000, 1)
	for _, f := range []Filter{Nearest, Bilinear, Lanczos} {
		for _, a := range []Aspect{Stretch, Crop, Pad} {
			if _, err := Resize(m, 224, 224, f, a); err != nil {
				t.Errorf("%v, %v: %v", f, a, err)
			}
		}
	}
	dst := make([]float32, 224*224)
	for _, a := range []Aspect{Stretch, Crop, Pad} {
		if err := resizeTF(dst, m, 224, 224, Bilinear, a); err != nil {
			t.Error(err)
		}
	}
}

func TestNames(t *testing.T) {
	for i := range filterNames {
		if f, err := ParseFilter(Filter(i).String()); err != nil || f != Filter(i) {
			t.Error(f, err)
		}
	}
	for i := range colorNames {
		if c, err := ParseColor(Color(i).String()); err != nil || c != Color(i) {
			t.Error(c, err)
		}
	}
	for _, s := range []string{"none", "scale", "tf", "torch", "caffe", "rescale=0.25,-1"} {
		if p, err := ParsePreprocess(s); err != nil || p.String() != s {
			t.Errorf("%q is %v, %v", s, p, err)
		}
	}
	for _, s := range []string{"", "x", "tf=1", "rescale", "rescale=1", "rescale=1,x", "rescale=inf,0", "rescale=nan,0", "rescale=1,2,3"} {
		if p, err := ParsePreprocess(s); err == nil {
			t.Errorf("%q is %v", s, p)
		}
	}
	if _, err := ParseFilter("cubic"); err == nil || !strings.Contains(err.Error(), "bicubic") {
		t.Error(err)
	}
	if e, err := ParseEngine("tf"); err != nil || e != TF {
		t.Error(e, err)
	}
	if a, err := ParseAspect("pad"); err != nil || a != Pad {
		t.Error(a, err)
	}
}

func TestThumbnail(t *testing.T) {
	m := newImage(4, 4, 3)
	for i := range 4 * 2 * 3 {
		m.Pix[i] = 255 // the upper half is white
	}
	if got := Thumbnail(m, 4, 9, NoColors); len(got) != 2 || got[0] != "████" || got[1] != "    " {
		t.Errorf("%q", got)
	}
	if got := Thumbnail(m, 2, 1, NoColors); len(got) != 1 || got[0] != "▀▀" {
		t.Errorf("%q", got)
	}
	if got := Thumbnail(m, 2, 1, TrueColor); len(got) != 1 || got[0] != "\x1b[38;2;255;255;255m\x1b[48;2;0;0;0m▀▀\x1b[0m" {
		t.Errorf("%q", got)
	}
	if got := Thumbnail(m, 1, 1, Colors256); len(got) != 1 || got[0] != "\x1b[38;5;231m\x1b[48;5;16m▀\x1b[0m" {
		t.Errorf("%q", got)
	}
	if got := Thumbnail(&Image{}, 4, 4, TrueColor); got != nil {
		t.Errorf("%q", got)
	}
	deep := &Image{W: 1, H: 1, C: 1, Deep: []uint16{0xffff}}
	if got := Thumbnail(deep, 1, 1, NoColors); len(got) != 1 || got[0] != "█" {
		t.Errorf("%q", got)
	}
	for c, want := range map[[3]uint8]int{{128, 128, 128}: 244, {255, 0, 0}: 196, {8, 8, 8}: 232, {95, 135, 175}: 67} {
		if got := xterm(c); got != want {
			t.Errorf("%v is %d, want %d", c, got, want)
		}
	}
}

func TestBar(t *testing.T) {
	for _, c := range []struct {
		share float64
		want  string
	}{{0, "    "}, {1, "████"}, {0.5, "██  "}, {0.28, "█▏  "}, {2, "████"}, {-1, "    "}, {math.NaN(), "    "}, {0.99, "████"}} {
		if got := Bar(c.share, 4); got != c.want {
			t.Errorf("%v is %q, want %q", c.share, got, c.want)
		}
	}
	if got := Bar(0.5, -1); got != "" {
		t.Errorf("%q", got)
	}
}

func fuzzFormat(f *testing.F, pattern string) {
	for _, data := range files(f, pattern) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := Decode(data, safeio.Limits{MaxPixels: 1 << 16})
		if err != nil {
			if !typed(err) {
				t.Fatalf("%T %v", err, err)
			}
			return
		}
		if _, err := Resize(m, 5, 7, Bicubic, Crop); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzPNG(f *testing.F)  { fuzzFormat(f, "*.png") }
func FuzzJPEG(f *testing.F) { fuzzFormat(f, "*.jpg") }
func FuzzGIF(f *testing.F)  { fuzzFormat(f, "*.gif") }
func FuzzBMP(f *testing.F)  { fuzzFormat(f, "*.bmp") }
func FuzzTIFF(f *testing.F) { fuzzFormat(f, "*.tif") }
func FuzzWebP(f *testing.F) { fuzzFormat(f, "*.webp") }
