package hdf5

import (
	"kerasgo/internal/safeio"
)

// chunk is one stored chunk.
type chunk struct {
	at   []int64 // its place in the grid of chunks
	addr uint64
	size int64  // bytes stored
	mask uint32 // filters skipped
	raw  bool   // no filters at all
}

// grid returns the number of chunks along each of the given dimensions.
// Unlimited ones stay unlimited.
func (d *Dataset) grid(dims []int64) []int64 {
	out := make([]int64, len(dims))
	for i, n := range dims {
		if n == unlimited {
			out[i] = unlimited
			continue
		}
		c := d.layout.chunk[i]
		out[i] = n / c
		if n%c != 0 {
			out[i]++
		}
	}
	return out
}

// chunkReader delivers a chunked dataset's elements.
type chunkReader struct {
	d    *Dataset
	grid []int64
	seen []bool // which chunks came, in row-major order
	put  func(at int64, raw []byte) error
	z    inflater
}

// readChunks delivers every stored chunk, then fill values where none are.
func (d *Dataset) readChunks(put func(at int64, raw []byte) error) error {
	r := &chunkReader{d: d, grid: d.grid(d.space.dims), put: put}
	n, ok := safeio.Product(r.grid...)
	if !ok || n > d.n {
		return formatErrorf("%d chunks for %d elements", n, d.n)
	}
	r.seen = make([]bool, n)
	if err := d.eachChunk(r.chunk); err != nil {
		return err
	}
	at := make([]int64, len(r.grid))
	for i, seen := range r.seen {
		if seen {
			continue
		}
		rest := int64(i)
		for k := len(at) - 1; k >= 0; k-- {
			at[k] = rest % r.grid[k]
			rest /= r.grid[k]
		}
		if err := r.rows(at, nil); err != nil {
			return err
		}
	}
	return nil
}

// chunk delivers one stored chunk.
func (r *chunkReader) chunk(c chunk) error {
	if c.addr == undef {
		return nil
	}
	i := int64(0)
	for k, at := range c.at {
		if at < 0 || at >= r.grid[k] {
			// Shrunken datasets may keep chunks outside; no one sees them.
			return nil
		}
		i = i*r.grid[k] + at
	}
	if r.seen[i] {
		return formatErrorf("the chunk at %s is stored twice", shapeString(c.at))
	}
	r.seen[i] = true
	d := r.d
	plain := len(d.filters) == 0 || c.raw || d.layout.rawEdges && r.partial(c.at)
	if plain && c.size != d.layout.chunkSize {
		return formatErrorf("chunk of %d bytes, want %d", c.size, d.layout.chunkSize)
	}
	// No filter makes data much longer; without this bound, many chunks that
	// each claim the whole file would cost hours.
	if most := d.layout.chunkSize + d.layout.chunkSize/64 + 1024; c.size > most {
		return formatErrorf("chunk of %d bytes, at most %d make sense", c.size, most)
	}
	raw, err := d.f.chunkBytes(c)
	if err != nil {
		return err
	}
	if !plain {
		if raw, err = r.z.unfilter(d.filters, c.mask, raw, d.layout.chunkSize); err != nil {
			return err
		}
	}
	return r.rows(c.at, raw)
}

// chunkBytes reads a chunk as stored.
func (f *File) chunkBytes(c chunk) ([]byte, error) {
	if err := f.src.check(c.addr, c.size); err != nil {
		return nil, err
	}
	b := make([]byte, c.size)
	return b, f.src.readAt(b, c.addr)
}

// partial reports whether the chunk reaches over the dataset's edge.
func (r *chunkReader) partial(at []int64) bool {
	for k, a := range at {
		if (a+1)*r.d.layout.chunk[k] > r.d.space.dims[k] {
			return true
		}
	}
	return false
}

// rows delivers the part of a chunk that lies inside the dataset, one run along
// the last dimension at a time. Without data it delivers the fill value.
func (r *chunkReader) rows(at []int64, raw []byte) error {
	d := r.d
	dims, shape := d.space.dims, d.layout.chunk
	size := int64(d.typ.Size)
	last := len(dims) - 1
	inside := make([]int64, len(dims)) // how much of the chunk is inside
	for k := range dims {
		inside[k] = min(shape[k], dims[k]-at[k]*shape[k])
	}
	index := make([]int64, len(dims))
	for {
		from, to := int64(0), int64(0)
		for k := range dims {
			from = from*shape[k] + index[k]
			to = to*dims[k] + at[k]*shape[k] + index[k]
		}
		var err error
		if raw == nil {
			err = d.putFill(to, inside[last], r.put)
		} else {
			err = r.put(to, raw[from*size:(from+inside[last])*size])
		}
		if err != nil {
			return err
		}
		k := last - 1
		for ; k >= 0; k-- {
			if index[k]++; index[k] < inside[k] {
				break
			}
			index[k] = 0
		}
		if k < 0 {
			return nil
		}
	}
}
