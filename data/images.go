package data

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"kerasgo/imaging"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// Images is a Source of image files in one folder for each class, decoded when they are asked for. Its target is the
// number of the class, int32: the folders' names, sorted. [OneHot] and [Binary] give the other label modes of
// keras.utils.image_dataset_from_directory.
//
// Source: keras/src/utils/image_dataset_utils.py
type Images struct {
	Classes []string
	options imaging.Options
	limits  safeio.Limits
	*folder
}

// OpenImages lists the .bmp, .gif, .jpeg, .jpg and .png files under dir. Their order is the one that Keras draws from a seed
// of at most 32 bits, so Split gives the subsets that validation_split does there. Folders that begin with a dot are no
// classes, links to folders aren't followed, and a class without images is an error. o must say a size; images become that
// of the TensorFlow engine and its bilinear filter if they shall be as in image_dataset_from_directory.
func OpenImages(dir string, o imaging.Options, seed uint64, limits safeio.Limits) (*Images, error) {
	if o.Height <= 0 || o.Width <= 0 {
		return nil, fmt.Errorf("images need a size that they are brought to")
	}
	if err := o.Check(); err != nil {
		return nil, err
	}
	f, err := listFolder(dir, []string{".bmp", ".gif", ".jpeg", ".jpg", ".png"}, seed, limits)
	if err != nil {
		return nil, err
	}
	return &Images{Classes: f.classes, options: o, limits: limits, folder: f}, nil
}

// Len implements Source.
func (f *folder) Len() int { return len(f.files) }

func (f *folder) where(row int) safeio.Where { return safeio.Where{File: f.files[row]} }

// label fills the target of a batch.
func (f *folder) label(b *Batch, rows []int) {
	resize(&b.Y, 1)
	b.Weight = b.Weight[:0]
	y := roomOf(&b.Y[0], graph.Int32, len(rows), nil)
	for i, r := range rows {
		y.I32[i] = f.labels[r]
	}
}

// Read implements Source. Files are decoded on all processors; of several that can't be, the first is the error.
func (s *Images) Read(b *Batch, rows []int) error {
	resize(&b.X, 1)
	s.label(b, rows)
	shape := nn.Shape{s.options.Height, s.options.Width, s.options.Color.Channels()}
	n := shape.Size()
	x := roomOf(&b.X[0], graph.Float32, len(rows), shape)
	return parallel(len(rows), func(i int) error {
		file := s.files[rows[i]]
		m, err := imaging.Open(file, s.limits)
		if err == nil {
			err = s.options.Fill(x.F32[i*n:][:n], m)
		}
		return safeio.At(err, safeio.Where{File: file})
	})
}

// parallel calls f with 0 to n-1 on all processors, and returns the error of the smallest number that has one. After an
// error, no more is begun.
func parallel(n int, f func(i int) error) error {
	errs := make([]error, n)
	var next atomic.Int64
	var failed atomic.Bool
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			for !failed.Load() {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if errs[i] = f(i); errs[i] != nil {
					failed.Store(true)
				}
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
