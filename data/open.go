package data

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"kerasgo/imaging"
	"kerasgo/internal/safeio"
)

// OpenOptions say how data becomes what a model takes.
type OpenOptions struct {
	// Inputs and Outputs are the model's names, which arrays in an .npz may go by.
	Inputs, Outputs []string
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

// Open opens training data by its content: a .npz archive, a .csv table, idx files (one of images, whose labels lie beside
// it, or a folder with train and t10k ones, which become training and validation), or a folder of folders of images.
func Open(path string, o OpenOptions) (*Set, error) {
	info, err := os.Stat(path)
	if err != nil {
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
		s := &Set{Train: train}
		if val != nil {
			s.Val = val
		}
		return s, nil
	case bytes.HasPrefix(head, []byte{0, 0}), bytes.HasPrefix(head, []byte{0x1f, 0x8b}) && labelsBeside(path) != path:
		labels := labelsBeside(path)
		if labels == path {
			return nil, &safeio.FormatError{Where: safeio.Where{File: path}, Msg: "its name must have images-idx3, so that the labels beside it can be found"}
		}
		p, err := OpenIDX(path, labels, o.Image.Preprocess, o.Limits)
		if err != nil {
			return nil, err
		}
		return &Set{Train: p}, nil
	case bytes.IndexByte(head, 0) >= 0:
		return nil, &safeio.UnsupportedError{Where: safeio.Where{File: path}, Msg: "not training data: want .npz, .csv, idx files or a folder of images"}
	}
	a, classes, err := OpenCSV(path, o.Limits)
	if err != nil {
		return nil, err
	}
	return &Set{Train: a, Classes: classes}, nil
}

func readHead(path string, limits safeio.Limits) ([]byte, error) {
	f, size, err := safeio.OpenRegular(path, limits)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, min(size, 512))
	return head, safeio.At(safeio.ReadFull(f, head, 0), safeio.Where{File: path})
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
	if o.Image.Height <= 0 {
		return nil, fmt.Errorf("%s: images need a model whose input is one image", filepath.Base(dir))
	}
	s, err := OpenImages(dir, o.Image, o.Seed, o.Limits)
	if err != nil {
		return nil, err
	}
	return &Set{Train: s, Classes: s.Classes}, nil
}
