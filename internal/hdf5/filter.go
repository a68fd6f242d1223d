package hdf5

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"kerasgo/internal/safeio"
)

// Identifiers of the filters that are read.
const (
	filterDeflate    = 1
	filterShuffle    = 2
	filterFletcher32 = 3
)

// filter is one step of a filter pipeline.
type filter struct {
	id     int
	params []uint32
}

func parseFilters(c *cursor) ([]filter, error) {
	version := c.version("filter pipeline", 1, 2)
	n := int(c.u8())
	if version == 1 {
		c.skip(6)
	}
	if c.err == nil && n > 32 {
		return nil, formatErrorf("%d filters", n)
	}
	var out []filter
	for range n {
		fl := filter{id: c.u16()}
		nameLen := 0
		if version == 1 || fl.id >= 256 {
			nameLen = c.u16()
		}
		c.skip(2) // flags: whether a writer may leave the filter out
		params := c.u16()
		if version == 1 {
			nameLen = (nameLen + 7) &^ 7
		}
		name := c.take(nameLen)
		if params > c.left()/4 {
			c.take(4 * params)
			return nil, c.err
		}
		for range params {
			fl.params = append(fl.params, c.u32())
		}
		if version == 1 && params%2 == 1 {
			c.skip(4)
		}
		if c.err != nil {
			return nil, c.err
		}
		if fl.id < filterDeflate || fl.id > filterFletcher32 {
			return nil, unsupportedf("filter %s", filterName(fl.id, name))
		}
		out = append(out, fl)
	}
	return out, c.err
}

// filterName names a filter for people.
func filterName(id int, inFile []byte) string {
	known := map[int]string{4: "szip", 5: "nbit", 6: "scaleoffset", 307: "bzip2", 32000: "lzf", 32001: "blosc", 32004: "lz4", 32008: "bitshuffle", 32013: "zfp", 32015: "zstd", 32026: "blosc2"}
	if s, ok := known[id]; ok {
		return s
	}
	name, _, _ := bytes.Cut(inFile, []byte{0})
	return fmt.Sprintf("%q (number %d)", name, id)
}

// inflater undoes the deflate filter, chunk after chunk with one decompressor.
type inflater struct {
	z   io.ReadCloser
	src bytes.Reader
}

// unfilter undoes a pipeline on one stored chunk, last filter first. Bit i of
// mask says that filter i was skipped. The result holds exactly want bytes.
func (z *inflater) unfilter(filters []filter, mask uint32, b []byte, want int64) ([]byte, error) {
	for i := len(filters) - 1; i >= 0; i-- {
		if mask>>i&1 != 0 {
			continue
		}
		var err error
		switch fl := filters[i]; fl.id {
		case filterDeflate:
			// Filters before this one may have lengthened the data: by a
			// checksum each.
			b, err = z.inflate(b, want+4*int64(i))
		case filterShuffle:
			if len(fl.params) < 1 {
				return nil, formatErrorf("shuffle filter without an element size")
			}
			b = unshuffle(b, int64(fl.params[0]))
		case filterFletcher32:
			b, err = checkFletcher32(b)
		}
		if err != nil {
			return nil, err
		}
	}
	if int64(len(b)) != want {
		return nil, formatErrorf("chunk holds %d bytes, want %d", len(b), want)
	}
	return b, nil
}

// inflate decompresses b to at most limit bytes. Memory grows with what comes
// out, up to that.
func (z *inflater) inflate(b []byte, limit int64) ([]byte, error) {
	var err error
	z.src.Reset(b)
	if z.z == nil {
		z.z, err = zlib.NewReader(&z.src)
	} else {
		err = z.z.(zlib.Resetter).Reset(&z.src, nil)
	}
	if err != nil {
		z.z = nil
		return nil, &safeio.FormatError{Msg: "deflate filter", Err: err}
	}
	// Deflate can't expand more than 1032 times.
	out := bytes.NewBuffer(make([]byte, 0, min(limit, 1032*int64(len(b)))+bytes.MinRead))
	if _, err := out.ReadFrom(io.LimitReader(z.z, limit+1)); err != nil {
		return nil, &safeio.FormatError{Msg: "deflate filter", Err: err}
	}
	if int64(out.Len()) > limit {
		return nil, formatErrorf("deflate filter: chunk inflates to more than %d bytes", limit)
	}
	return out.Bytes(), nil
}

// unshuffle puts the bytes of each element back together. What is left over
// behind the last whole element stays where it is.
func unshuffle(b []byte, size int64) []byte {
	n := int64(len(b))
	if size <= 1 || size > n {
		return b
	}
	count := n / size
	out := make([]byte, n)
	for j := range size {
		plane := b[j*count : (j+1)*count]
		for i, v := range plane {
			out[int64(i)*size+j] = v
		}
	}
	copy(out[count*size:], b[count*size:])
	return out
}

// errFletcher is behind the error of a chunk whose checksum is wrong.
var errFletcher = errors.New("the data's Fletcher-32 checksum is wrong")

func checkFletcher32(b []byte) ([]byte, error) {
	if len(b) < 4 {
		return nil, formatErrorf("chunk of %d bytes has no room for its checksum", len(b))
	}
	body := b[:len(b)-4]
	stored := binary.LittleEndian.Uint32(b[len(b)-4:])
	sum := fletcher32(body)
	// libhdf5 before 1.6.3 stored the bytes of each half swapped.
	swapped := sum&0x00ff00ff<<8 | sum>>8&0x00ff00ff
	if stored != sum && stored != swapped {
		return nil, &safeio.FormatError{Msg: "chunk is damaged", Err: errFletcher}
	}
	return body, nil
}
