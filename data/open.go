package data

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"kerasgo/imaging"
	"kerasgo/internal/safeio"
	"kerasgo/internal/tfrecord"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// OpenOptions say how data becomes what a model takes.
type OpenOptions struct {
	// Inputs and Outputs are the model's names, which arrays in an .npz may go by.
	Inputs, Outputs []string
	// Specs are the types and shapes of the inputs, batch included; what a TFRecord's features become.
	Specs []nn.Spec
	// Features say which features of a TFRecord's examples are used: x, x_0, ..., y, ..., sample_weight, ..., or an input's or
	// output's name, and the feature's name. Without it they go by these names themselves, or by image (image/encoded) and
	// label (image/class/label).
	Features map[string]string
	// Image is what images become; its size is that of the model's input.
	Image  imaging.Options
	Seed   uint64 // of the order of an image folder
	Limits safeio.Limits
}

// Set is what a path holds.
type Set struct {
	Train, Val Source // Val: nil if there is none
	Classes    []string
}

// Close closes the files that rows are read from; what is in memory stays good.
func (s *Set) Close() error {
	var errs []error
	for _, part := range []Source{s.Train, s.Val} {
		if c, ok := part.(io.Closer); ok {
			if err := c.Close(); !errors.Is(err, os.ErrClosed) { // both may lie in one archive
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// Open opens training data by its content: a .npz archive, a .csv table, TFRecord files, idx files (one of images, whose
// labels lie beside it, or a folder with train and t10k ones, which become training and validation), or a folder of folders,
// one for each class, of images, or of texts if the model's input is text. Where nothing is called path, it is a pattern,
// such as shards/train-*.tfrecord, that names TFRecord files.
func Open(path string, o OpenOptions) (*Set, error) {
	info, err := os.Stat(path)
	if err != nil {
		if shards, bad := filepath.Glob(path); bad == nil && len(shards) > 0 {
			return one(OpenRecords(shards, o))
		}
		return nil, err
	}
	if info.IsDir() {
		return openFolder(path, o)
	}
	head, err := readHead(path, o.Limits)
	switch {
	case err != nil:
		return nil, err
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		train, val, err := OpenNPZ(path, o.Inputs, o.Outputs, o.Limits)
		if err != nil {
			return nil, err
		}
		return &Set{Train: train, Val: val}, nil
	case tfrecord.Sniff(head), strings.Contains(filepath.Base(path), ".tfrecord"):
		return one(OpenRecords([]string{path}, o))
	case bytes.HasPrefix(head, []byte{0, 0}):
		labels := labelsBeside(path)
		if labels == path {
			return nil, &safeio.FormatError{Where: safeio.Where{File: path}, Msg: "its name must have images-idx3, so that the labels beside it can be found"}
		}
		p, err := OpenIDX(path, labels, o.Image.Preprocess, o.Limits)
		if err != nil {
			return nil, err
		}
		return &Set{Train: p}, nil
	case bytes.IndexByte(head, 0) >= 0, bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		return nil, &safeio.FormatError{Where: safeio.Where{File: path}, Msg: "not training data", Want: ".npz, .csv, .tfrecord, idx files or a folder of images"}
	}
	a, classes, err := OpenCSV(path, o.Limits)
	if err != nil {
		return nil, err
	}
	return &Set{Train: a, Classes: classes}, nil
}

func one(s Source, err error) (*Set, error) {
	if err != nil {
		return nil, err
	}
	return &Set{Train: s}, nil
}

// readHead reads a file's beginning, inflated if it is gzipped.
func readHead(path string, limits safeio.Limits) ([]byte, error) {
	f, _, err := safeio.OpenRegular(path, limits)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := inflated(f)
	if err != nil {
		return nil, safeio.At(err, safeio.Where{File: path})
	}
	head := make([]byte, 512)
	n, err := io.ReadFull(r, head)
	if n == 0 || err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return nil, safeio.At(err, safeio.Where{File: path})
	}
	return head[:n], nil
}

func openFolder(dir string, o OpenOptions) (*Set, error) {
	if images, labels := idxPair(dir, "train"); images != "" {
		p, err := OpenIDX(images, labels, o.Image.Preprocess, o.Limits)
		if err != nil {
			return nil, err
		}
		s := &Set{Train: p}
		if images, labels := idxPair(dir, "t10k"); images != "" {
			val, err := OpenIDX(images, labels, o.Image.Preprocess, o.Limits)
			if err != nil {
				return nil, err
			}
			s.Val = val
		}
		return s, nil
	}
	if len(o.Specs) == 1 && o.Specs[0].DType == graph.String {
		s, err := OpenTexts(dir, 0, o.Seed, o.Limits)
		if err != nil {
			return nil, err
		}
		return &Set{Train: s, Classes: s.Classes}, nil
	}
	if o.Image.Height <= 0 {
		return nil, fmt.Errorf("%s: images need a model whose input is one image", filepath.Base(dir))
	}
	s, err := OpenImages(dir, o.Image, o.Seed, o.Limits)
	if err != nil {
		return nil, err
	}
	return &Set{Train: s, Classes: s.Classes}, nil
}
