package keras

import (
	"archive/zip"
	"bytes"
	"compress/flate"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"strings"

	"kerasgo/internal/hdf5"
	"kerasgo/internal/safeio"
	"kerasgo/nn"
)

// Names in a .keras archive.
const (
	configName   = "config.json"
	metadataName = "metadata.json"
	weightsName  = "model.weights.h5"
)

// archive is a .keras file: a zip, usually of stored entries.
type archive struct {
	r      io.ReaderAt
	size   int64
	limits Limits
	files  map[string]*zip.File
}

// openArchive reads the zip's directory. Names that leave the archive or stand twice, and encrypted entries, are refused.
func openArchive(r io.ReaderAt, size int64, limits Limits) (*archive, error) {
	zr, err := zip.NewReader(r, size)
	if err != nil {
		return nil, &FormatError{Msg: "a broken zip archive", Err: err}
	}
	if limit := limits.OrDefaults().MaxObjects; len(zr.File) > limit {
		return nil, &LimitError{Msg: fmt.Sprintf("the archive holds %d entries", len(zr.File)), Limit: fmt.Sprint(limit)}
	}
	a := &archive{r, size, limits, make(map[string]*zip.File, len(zr.File))}
	for _, f := range zr.File {
		if err := a.add(f); err != nil {
			return nil, safeio.At(err, safeio.Where{Object: f.Name})
		}
	}
	return a, nil
}

func (a *archive) add(f *zip.File) error {
	switch {
	case !fs.ValidPath(strings.TrimSuffix(f.Name, "/")) || strings.Contains(f.Name, `\`):
		return &FormatError{Msg: "a name that leaves the archive"}
	case a.files[f.Name] != nil:
		return &FormatError{Msg: "the name stands twice in the archive"}
	case f.Flags&1 != 0:
		return &UnsupportedError{Msg: "the entry is encrypted"}
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return &UnsupportedError{Msg: fmt.Sprintf("compression method %d", f.Method)}
	case f.UncompressedSize64 > 1<<62 || f.CompressedSize64 > uint64(a.size):
		return &FormatError{Msg: "declares more than the archive holds"}
	case f.Method == zip.Store && f.UncompressedSize64 != f.CompressedSize64:
		return &FormatError{Msg: "a stored entry of two sizes"}
	}
	a.files[f.Name] = f
	return nil
}

// bytes reads an entry whole, checksum included; what it declares may not exceed max.
func (a *archive) bytes(name string, max int64) ([]byte, error) {
	f := a.files[name]
	where := safeio.Where{Object: name}
	if f == nil {
		return nil, &FormatError{Where: where, Msg: "the archive lacks it"}
	}
	if int64(f.UncompressedSize64) > max {
		return nil, &LimitError{Where: where, Msg: "declares " + safeio.Bytes(f.UncompressedSize64), Limit: safeio.Bytes(uint64(max))}
	}
	raw, err := f.OpenRaw()
	if err != nil {
		return nil, &FormatError{Where: where, Msg: "a broken zip archive", Err: err}
	}
	if f.Method == zip.Deflate {
		raw = flate.NewReader(raw)
	}
	out, err := safeio.ReadAll(raw, int64(f.UncompressedSize64))
	var limit *LimitError
	switch {
	case errors.As(err, &limit) || err == nil && uint64(len(out)) != f.UncompressedSize64:
		return nil, &FormatError{Where: where, Msg: "the entry isn't as long as declared"}
	case err != nil:
		return nil, &FormatError{Where: where, Msg: "a broken zip archive", Err: err}
	}
	return out, checksum(where, crc32.ChecksumIEEE(out), f.CRC32)
}

func checksum(where safeio.Where, got, want uint32) error {
	if got != want {
		return &FormatError{Where: where, Msg: "the checksum is wrong", Want: fmt.Sprintf("%08x", want), Got: fmt.Sprintf("%08x", got)}
	}
	return nil
}

// weights opens the archive's HDF5. A stored entry is read in place; done then waits for its checksum.
func (a *archive) weights() (h *hdf5.File, done func() error, err error) {
	f, where := a.files[weightsName], safeio.Where{Object: weightsName}
	if f == nil {
		return nil, nil, &FormatError{Where: where, Msg: "the archive lacks it"}
	}
	r, size := io.ReaderAt(nil), int64(f.UncompressedSize64)
	done = func() error { return nil }
	if f.Method == zip.Store {
		at, err := f.DataOffset()
		if err != nil || !safeio.Within(at, size, a.size) {
			return nil, nil, &FormatError{Where: where, Msg: "a broken zip archive", Err: err}
		}
		section := io.NewSectionReader(a.r, at, size)
		r = section
		sum := make(chan error, 1)
		go func() { sum <- checkStored(io.NewSectionReader(a.r, at, size), where, f.CRC32) }()
		done = func() error { return <-sum }
	} else {
		raw, err := a.bytes(weightsName, a.limits.Memory(a.size))
		if err != nil {
			return nil, nil, err
		}
		r = bytes.NewReader(raw)
	}
	h, err = hdf5.NewReader(r, size, a.limits)
	if err != nil {
		if bad := done(); bad != nil { // says more than what it broke
			err = bad
		}
		return nil, nil, safeio.At(err, where)
	}
	return h, done, nil
}

func checkStored(r io.Reader, where safeio.Where, want uint32) error {
	sum := crc32.NewIEEE()
	if _, err := io.CopyBuffer(struct{ io.Writer }{sum}, struct{ io.Reader }{r}, make([]byte, 1<<20)); err != nil {
		return safeio.At(err, where)
	}
	return checksum(where, sum.Sum32(), want)
}

// readArchive reads a .keras file.
func (o Options) readArchive(r io.ReaderAt, size int64, weights bool) (nn.Model, error) {
	a, err := openArchive(r, size, o.Limits)
	if err != nil {
		return nil, err
	}
	if a.files[configName] == nil {
		return nil, &FormatError{Msg: "not a Keras archive: it holds no " + configName}
	}
	max := o.Limits.OrDefaults().MaxJSONBytes
	config, err := a.bytes(configName, max)
	if err != nil {
		return nil, err
	}
	var v version
	var metadata json.RawMessage
	if a.files[metadataName] != nil {
		if metadata, err = a.bytes(metadataName, max); err != nil {
			return nil, err
		}
		meta := asObject(metadata)
		if meta == nil {
			return nil, &FormatError{Where: safeio.Where{Object: metadataName}, Msg: "broken JSON", Got: clip(metadata)}
		}
		v = parseVersion(text(meta["keras_version"]))
	}
	m, err := o.decode(config, v, formKeras)
	if err != nil {
		return nil, safeio.At(err, safeio.Where{Object: configName})
	}
	origin := nn.OriginOf(m)
	origin.Metadata = metadata
	nn.SetOrigin(m, origin)
	if !weights {
		if err := a.assets(m, nil); err != nil {
			return nil, err
		}
		return m, nn.Declare(m)
	}
	h, done, err := a.weights()
	if err != nil {
		return nil, err
	}
	if err = a.assets(m, h.Root()); err == nil {
		err = nn.Declare(m)
	}
	if err != nil {
		return nil, firstOf(done(), err)
	}
	err = o.readVars(m, h.Root())
	if bad := done(); bad != nil {
		return nil, bad
	}
	if err == nil {
		err = readOptimizerVars(m, h.Root())
	}
	return m, safeio.At(err, safeio.Where{Object: weightsName})
}
