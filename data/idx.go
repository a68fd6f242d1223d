package data

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"kerasgo/imaging"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// Pixels is a Source of gray images that are kept as bytes, and become floats only in batches. Its target is the class of
// each, int32.
type Pixels struct {
	row    nn.Shape // of one image
	pix    []byte
	labels []int32
	value  [256]float32 // of a byte
	file   string       // of the labels
}

// NewPixels makes a Source of images of h x w bytes each. p says what a byte becomes.
func NewPixels(pix []byte, h, w int, labels []int32, p imaging.Preprocess) (*Pixels, error) {
	if h <= 0 || w <= 0 || len(pix) != len(labels)*h*w {
		return nil, fmt.Errorf("%d bytes aren't %d images of %dx%d", len(pix), len(labels), h, w)
	}
	s := &Pixels{row: nn.Shape{h, w}, pix: pix, labels: labels}
	return s, s.Preprocess(p)
}

// Preprocess changes what a byte becomes.
func (s *Pixels) Preprocess(p imaging.Preprocess) error {
	all := imaging.Image{W: 256, H: 1, C: 1, Pix: make([]byte, 256)}
	for i := range all.Pix {
		all.Pix[i] = byte(i)
	}
	return imaging.Options{Color: imaging.Gray, Preprocess: p}.Fill(s.value[:], &all)
}

// As gives the images another shape of the same size: 28, 28, 1 or 784.
func (s *Pixels) As(row ...int) error {
	if nn.Shape(row).Size() != s.row.Size() {
		return &graph.ShapeError{Input: "images", Want: graph.F32(row...), Got: nn.Spec{Shape: s.row, DType: graph.Uint8}}
	}
	s.row = row
	return nil
}

// Image is one image as a picture.
func (s *Pixels) Image(i int) *imaging.Image {
	n := s.row.Size()
	w := n / s.row[0]
	if len(s.row) > 1 {
		w = s.row[1]
	}
	return &imaging.Image{W: w, H: n / w, C: 1, Pix: s.pix[i*n : (i+1)*n]}
}

// Label is the class of an image.
func (s *Pixels) Label(i int) int { return int(s.labels[i]) }

func (s *Pixels) where(row int) safeio.Where {
	return safeio.Where{File: s.file, Object: fmt.Sprintf("row %d", row)}
}

// Len implements Source.
func (s *Pixels) Len() int { return len(s.labels) }

// Read implements Source.
func (s *Pixels) Read(b *Batch, rows []int) error {
	resize(&b.X, 1)
	resize(&b.Y, 1)
	b.Weight = b.Weight[:0]
	n := s.row.Size()
	x := roomOf(&b.X[0], graph.Float32, len(rows), s.row)
	y := roomOf(&b.Y[0], graph.Int32, len(rows), nil)
	for i, r := range rows {
		y.I32[i] = s.labels[r]
		d := x.F32[i*n:][:n]
		for k, v := range s.pix[r*n:][:n] {
			d[k] = s.value[v]
		}
	}
	return nil
}

// OpenIDX reads a pair of idx files, gzipped or not: images (bytes, rank 3) and their labels.
func OpenIDX(images, labels string, p imaging.Preprocess, limits safeio.Limits) (*Pixels, error) {
	dims, pix, err := readIDX(images, 3, limits)
	if err != nil {
		return nil, err
	}
	n, raw, err := readIDX(labels, 1, limits)
	if err != nil {
		return nil, err
	}
	if n[0] != dims[0] {
		return nil, &safeio.FormatError{Where: safeio.Where{File: labels}, Msg: "number of labels", Want: fmt.Sprint(dims[0]), Got: fmt.Sprint(n[0])}
	}
	ids := make([]int32, len(raw))
	for i, v := range raw {
		ids[i] = int32(v)
	}
	s, err := NewPixels(pix, dims[1], dims[2], ids, p)
	if err != nil {
		return nil, safeio.At(err, safeio.Where{File: images})
	}
	s.file = labels
	return s, nil
}

// readIDX reads an idx file of bytes.
//
// Source: http://yann.lecun.com/exdb/mnist, FILE FORMATS
func readIDX(path string, rank int, limits safeio.Limits) (dims []int, body []byte, err error) {
	raw, err := readMaybeGzip(path, limits)
	if err != nil {
		return nil, nil, err
	}
	where := safeio.Where{File: path}
	if len(raw) < 4 || raw[0] != 0 || raw[1] != 0 {
		return nil, nil, &safeio.FormatError{Where: where, Msg: "not an idx file"}
	}
	if raw[2] != 8 {
		return nil, nil, &safeio.UnsupportedError{Where: where, Msg: "idx element type", Want: "08 (bytes)", Got: fmt.Sprintf("%02x", raw[2])}
	}
	if int(raw[3]) != rank || len(raw) < 4+4*rank {
		return nil, nil, &safeio.FormatError{Where: where, Msg: "number of dimensions", Want: fmt.Sprint(rank), Got: fmt.Sprint(raw[3])}
	}
	size := int64(1)
	for i := range rank {
		d := binary.BigEndian.Uint32(raw[4+4*i:])
		dims = append(dims, int(d))
		var ok bool
		if size, ok = safeio.Product(size, int64(d)); !ok || d > 1<<31-1 {
			size = -1
			break
		}
	}
	if body = raw[4+4*rank:]; int64(len(body)) != size || len(dims) != rank {
		return nil, nil, &safeio.FormatError{Where: where, Msg: fmt.Sprintf("declares %v elements", dims), Want: fmt.Sprintf("%d bytes", size), Got: fmt.Sprint(len(body))}
	}
	return dims, body, nil
}

// readMaybeGzip reads a whole file, inflating it if it is gzipped, within the limits.
func readMaybeGzip(path string, limits safeio.Limits) ([]byte, error) {
	f, size, err := safeio.OpenRegular(path, limits)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw := make([]byte, size)
	if err := safeio.ReadFull(f, raw, 0); err != nil {
		return nil, safeio.At(err, safeio.Where{File: path})
	}
	if !bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) {
		return raw, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return nil, &safeio.FormatError{Where: safeio.Where{File: path}, Msg: "a broken gzip file", Err: err}
	}
	top := min(limits.Memory(size), limits.OrDefaults().MaxTensorBytes)
	out, err := io.ReadAll(io.LimitReader(z, top+1))
	if err != nil {
		return nil, &safeio.FormatError{Where: safeio.Where{File: path}, Msg: "a broken gzip file", Err: err}
	}
	if int64(len(out)) > top {
		return nil, &safeio.LimitError{Where: safeio.Where{File: path}, Msg: "inflates to more than the limit", Limit: safeio.Bytes(uint64(top))}
	}
	return out, nil
}

// inflated reads f, through gzip if it is compressed. A broken gzip file shows as a FormatError.
func inflated(f io.ReaderAt) (io.Reader, error) {
	whole := io.NewSectionReader(f, 0, 1<<62)
	var head [2]byte
	if n, _ := f.ReadAt(head[:], 0); n < 2 || head[0] != 0x1f || head[1] != 0x8b {
		return whole, nil
	}
	z, err := gzip.NewReader(bufio.NewReaderSize(whole, 1<<16))
	if err != nil {
		return nil, &safeio.FormatError{Msg: "a broken gzip file", Err: err}
	}
	return &inflater{z}, nil
}

type inflater struct{ z *gzip.Reader }

func (r *inflater) Read(b []byte) (int, error) {
	n, err := r.z.Read(b)
	if err != nil && err != io.EOF {
		err = &safeio.FormatError{Msg: "a broken gzip file", Err: err}
	}
	return n, err
}

// idxPair finds the images and labels of a part ("train", "t10k") in a folder; "" if they aren't there.
func idxPair(dir, part string) (images, labels string) {
	for _, suffix := range []string{".gz", ""} {
		images, labels = filepath.Join(dir, part+"-images-idx3-ubyte"+suffix), filepath.Join(dir, part+"-labels-idx1-ubyte"+suffix)
		if isFile(images) && isFile(labels) {
			return images, labels
		}
	}
	return "", ""
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// labelsBeside is the labels file of an images file, by MNIST's naming.
func labelsBeside(images string) string {
	return filepath.Join(filepath.Dir(images), strings.Replace(filepath.Base(images), "images-idx3", "labels-idx1", 1))
}
