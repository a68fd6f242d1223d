package hdf5

import (
	"kerasgo/internal/safeio"
)

// maxRank is HDF5's own bound (H5S_MAX_RANK).
const maxRank = 32

// space is a dataspace: dimensions now and at most.
type space struct {
	dims, max []int64
	null      bool // no elements at all, unlike a scalar's one
}

// unlimited is the maximum of a dimension that may grow for ever.
const unlimited = -1

func parseDataspace(c *cursor) (space, error) {
	var s space
	version := c.version("dataspace", 1, 2)
	rank := int(c.u8())
	flags := c.u8()
	if version == 1 {
		c.skip(5)
	} else {
		s.null = c.u8() == 2
	}
	if c.err == nil && rank > maxRank {
		return s, formatErrorf("dataspace of %d dimensions", rank)
	}
	for range rank {
		s.dims = append(s.dims, c.length())
	}
	s.max = append(s.max, s.dims...)
	if flags&1 != 0 {
		for i := range rank {
			v := c.uint(c.lsize)
			switch {
			case v == 1<<(8*c.lsize)-1: // all ones, 8 bytes included
				s.max[i] = unlimited
			case v > 1<<62 || int64(v) < s.dims[i]:
				c.fail(formatErrorf("dimension %d is %d, at most %d", i, s.dims[i], v))
			default:
				s.max[i] = int64(v)
			}
		}
	}
	if c.err != nil {
		return s, c.err
	}
	_, err := s.elements()
	return s, err
}

// elements returns the number of elements.
func (s space) elements() (int64, error) {
	if s.null {
		return 0, nil
	}
	n, ok := safeio.Product(s.dims...)
	if !ok || n > 1<<58 { // leaves room for any element size
		return 0, &safeio.LimitError{Msg: "declares more elements than can be counted", Got: shapeString(s.dims)}
	}
	return n, nil
}

// shape returns the dimensions as a new slice of ints.
func (s space) shape() []int {
	out := make([]int, len(s.dims))
	for i, d := range s.dims {
		out[i] = int(d)
	}
	return out
}
