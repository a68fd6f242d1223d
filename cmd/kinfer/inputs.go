package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"kerasgo/imaging"
	"kerasgo/internal/cli"
	"kerasgo/internal/npy"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
	"kerasgo/nn/graph"
)

// item is one input: a file, or what standard input held.
type item struct {
	name string
	data []byte // of standard input; nil: a file
}

// imageSuffixes choose the files of a folder; what they really are is told by their content.
var imageSuffixes = []string{".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp"}

// expand turns arguments into items: folders into their images, globs into files, - into standard input.
func expand(args []string, recursive bool, limits safeio.Limits, o *cli.IO) ([]item, error) {
	var items []item
	for _, a := range args {
		if a == "-" {
			data, err := safeio.ReadAll(o.In, limits.OrDefaults().MaxTensorBytes)
			if err == nil && len(data) == 0 {
				err = &safeio.FormatError{Msg: "is empty"}
			}
			if err != nil {
				return nil, safeio.At(err, safeio.Where{File: "standard input"})
			}
			items = append(items, item{"-", data})
			continue
		}
		info, err := os.Stat(a)
		switch {
		case err == nil && info.IsDir():
			found, err := folder(a, recursive)
			if err != nil {
				return nil, err
			}
			if len(found) == 0 {
				return nil, &safeio.FormatError{Where: safeio.Where{File: a}, Msg: "holds no images"}
			}
			items = append(items, found...)
		case err != nil && strings.ContainsAny(a, "*?["):
			names, err := filepath.Glob(a)
			if err != nil {
				return nil, cli.Usagef("bad pattern %q: %v", a, err)
			}
			if len(names) == 0 {
				return nil, cli.Usagef("no file matches %q", a)
			}
			for _, n := range names {
				items = append(items, item{name: n})
			}
		default: // a missing file is reported in its turn, with the others done
			items = append(items, item{name: a})
		}
	}
	return items, nil
}

// folder lists the images of a folder, by name.
func folder(root string, recursive bool) (items []item, err error) {
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != root && !recursive:
			return filepath.SkipDir
		case !d.IsDir() && slices.Contains(imageSuffixes, strings.ToLower(filepath.Ext(path))):
			items = append(items, item{name: path})
		}
		return nil
	})
	return items, err
}

// kind is what an item holds.
type kind int

const (
	image kind = iota
	npyFile
	npzFile
	csvFile
	jsonFile
	textFile
)

// kindOf tells an item's kind by its first bytes.
func (it item) kindOf() (kind, error) {
	head := it.data
	if head == nil {
		f, _, err := safeio.OpenRegular(it.name, safeio.Defaults())
		if err != nil {
			return 0, err
		}
		defer f.Close()
		buf := make([]byte, 16)
		n, err := io.ReadFull(f, buf)
		if err != nil && n == 0 {
			return 0, err
		}
		head = buf[:n]
	}
	switch {
	case bytes.HasPrefix(head, []byte("\x93NUMPY")):
		return npyFile, nil
	case bytes.HasPrefix(head, []byte("PK\x03\x04")), bytes.HasPrefix(head, []byte("PK\x05\x06")):
		return npzFile, nil
	}
	switch text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n"); {
	case len(text) > 0 && (text[0] == '[' || text[0] == '{'):
		return jsonFile, nil
	case slices.Contains([]string{".csv", ".tsv"}, strings.ToLower(filepath.Ext(it.name))), it.data != nil && len(text) > 0 && strings.IndexByte("+-.0123456789", text[0]) >= 0:
		return csvFile, nil
	}
	return image, nil
}

// kindFor is kindOf for the inputs of a model: what is no array is text for one that takes strings.
func (it item) kindFor(specs []nn.InputSpec) (kind, error) {
	k, err := it.kindOf()
	text := k == image || strings.EqualFold(filepath.Ext(it.name), ".txt")
	if err == nil && text && len(specs) == 1 && specs[0].DType == graph.String {
		k = textFile
	}
	return k, err
}

func (it item) image(limits safeio.Limits) (*imaging.Image, error) {
	if it.data != nil {
		return imaging.Decode(it.data, limits)
	}
	return imaging.Open(it.name, limits)
}

// arrays reads the model's inputs from an array file: by name, else the sole array, else x_0, x_1, ... by position.
func (it item) arrays(k kind, specs []nn.InputSpec, limits safeio.Limits) ([]*nn.Tensor, error) {
	switch k {
	case csvFile, jsonFile, textFile:
		return it.numbers(k, specs, limits)
	case npyFile:
		t, err := it.npy(limits)
		if err != nil {
			return nil, err
		}
		if len(specs) != 1 {
			return nil, cli.Usagef("the model has %d inputs; give them as a .npz with arrays %s", len(specs), inputNames(specs))
		}
		return []*nn.Tensor{t}, nil
	}
	a, err := it.npz(limits)
	if err != nil {
		return nil, err
	}
	defer a.Close()
	names := a.Names()
	out := make([]*nn.Tensor, len(specs))
	for i, s := range specs {
		name := s.Name
		if !a.Has(name) {
			switch {
			case len(specs) == 1 && len(names) == 1:
				name = names[0]
			case a.Has(fmt.Sprintf("x_%d", i)):
				name = fmt.Sprintf("x_%d", i)
			case len(specs) == 1 && a.Has("x"):
				name = "x"
			default:
				return nil, cli.Usagef("%s: there is no array %q for that input; found %q", it.name, s.Name, names)
			}
		}
		if out[i], err = a.Read(name); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// numbers reads a text of numbers, or of lines.
func (it item) numbers(k kind, specs []nn.InputSpec, limits safeio.Limits) (out []*nn.Tensor, err error) {
	data := it.data
	if data == nil {
		l := limits.OrDefaults()
		l.MaxFile = min(l.MaxFile, l.MaxJSONBytes)
		f, size, err := safeio.OpenRegular(it.name, l)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		if data, err = safeio.Slice(f, size, 0, size); err != nil {
			return nil, safeio.At(err, safeio.Where{File: it.name})
		}
	}
	if k == textFile {
		return []*nn.Tensor{readLines(data)}, nil
	}
	if k == jsonFile {
		out, err = readJSON(data, specs)
	} else if len(specs) != 1 {
		return nil, cli.Usagef("the model has %d inputs; give each its own --input NAME=FILE", len(specs))
	} else {
		out = make([]*nn.Tensor, 1)
		out[0], err = readCSV(data, specs[0])
	}
	var typed *safeio.FormatError
	if errors.As(err, &typed) {
		err = safeio.At(err, safeio.Where{File: it.name})
	}
	return out, err
}

// named reads the inputs that --input NAME=FILE gives, in the model's order.
func named(flags []string, specs []nn.InputSpec, limits safeio.Limits) ([]*nn.Tensor, error) {
	out := make([]*nn.Tensor, len(specs))
	for _, flag := range flags {
		name, file, ok := strings.Cut(flag, "=")
		at := inputAt(specs, name)
		switch {
		case !ok:
			return nil, cli.Usagef("--input is NAME=FILE, not %q", flag)
		case at < 0:
			return nil, cli.Usagef("the model has no input %q, but %s", name, inputNames(specs))
		case out[at] != nil:
			return nil, cli.Usagef("--input gives %q twice", name)
		}
		it := item{name: file}
		k, err := it.kindFor(specs[at : at+1])
		if err != nil {
			return nil, err
		}
		if k == image {
			return nil, cli.Usagef("--input %s: want .npy, .npz, .csv or .json", flag)
		}
		t, err := it.arrays(k, specs[at:at+1], limits)
		if err != nil {
			return nil, err
		}
		out[at] = t[0]
	}
	for i, s := range specs {
		if out[i] == nil {
			return nil, cli.Usagef("there is no --input for %q", s.Name)
		}
	}
	return out, nil
}

func (it item) npy(limits safeio.Limits) (*nn.Tensor, error) {
	if it.data != nil {
		return npy.Read(bytes.NewReader(it.data), int64(len(it.data)), limits)
	}
	return npy.Open(it.name, limits)
}

func (it item) npz(limits safeio.Limits) (*npy.Archive, error) {
	if it.data != nil {
		return npy.NewArchive(bytes.NewReader(it.data), int64(len(it.data)), limits)
	}
	return npy.OpenArchive(it.name, limits)
}

func inputNames(specs []nn.InputSpec) string {
	var names []string
	for _, s := range specs {
		names = append(names, fmt.Sprintf("%q", s.Name))
	}
	return strings.Join(names, ", ")
}
