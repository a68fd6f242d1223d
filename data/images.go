package data

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"kerasgo/imaging"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// Images is a Source of image files in one folder for each class, decoded when they are asked for. Its target is the
// number of the class, int32: the folders' names, sorted.
//
// Source: keras/src/utils/image_dataset_utils.py
type Images struct {
	Classes []string
	options imaging.Options
	limits  safeio.Limits
	files   []string
	labels  []int32
}

// extensions are what Keras takes for images.
var extensions = []string{".bmp", ".gif", ".jpeg", ".jpg", ".png"}

// OpenImages lists the image files under dir. Their order is drawn from the seed, so that a part of the rows has all
// classes. o must say a size.
func OpenImages(dir string, o imaging.Options, seed uint64, limits safeio.Limits) (*Images, error) {
	if o.Height <= 0 || o.Width <= 0 {
		return nil, fmt.Errorf("images need a size that they are brought to")
	}
	if err := o.Check(); err != nil {
		return nil, err
	}
	s := &Images{options: o, limits: limits}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if e.IsDir() {
			s.Classes = append(s.Classes, e.Name())
		}
	}
	slices.Sort(s.Classes)
	for i, class := range s.Classes {
		err := filepath.WalkDir(filepath.Join(dir, class), func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() && slices.Contains(extensions, strings.ToLower(filepath.Ext(path))) {
				if s.files, s.labels = append(s.files, path), append(s.labels, int32(i)); len(s.files) > limits.OrDefaults().MaxObjects {
					return &safeio.LimitError{Where: safeio.Where{File: dir}, Msg: "too many images", Limit: fmt.Sprint(limits.OrDefaults().MaxObjects)}
				}
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if len(s.files) == 0 {
		return nil, &safeio.FormatError{Where: safeio.Where{File: dir}, Msg: "holds no folders with images, one for each class"}
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	rng.Shuffle(len(s.files), func(i, k int) {
		s.files[i], s.files[k] = s.files[k], s.files[i]
		s.labels[i], s.labels[k] = s.labels[k], s.labels[i]
	})
	return s, nil
}

// Len implements Source.
func (s *Images) Len() int { return len(s.files) }

// Read implements Source. Files are decoded on all processors; of several that can't be, the first is the error.
func (s *Images) Read(b *Batch, rows []int) error {
	resize(&b.X, 1)
	resize(&b.Y, 1)
	b.Weight = b.Weight[:0]
	shape := nn.Shape{s.options.Height, s.options.Width, s.options.Color.Channels()}
	n := shape.Size()
	x, y := roomOf(&b.X[0], graph.Float32, len(rows), shape), roomOf(&b.Y[0], graph.Int32, len(rows), nil)
	errs := make([]error, len(rows))
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(rows)) {
		wg.Go(func() {
			for i := range next {
				m, err := imaging.Open(s.files[rows[i]], s.limits)
				if err == nil {
					err = safeio.At(s.options.Fill(x.F32[i*n:][:n], m), safeio.Where{File: s.files[rows[i]]})
				}
				errs[i] = err
			}
		})
	}
	for i, r := range rows {
		y.I32[i] = s.labels[r]
		next <- i
	}
	close(next)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
