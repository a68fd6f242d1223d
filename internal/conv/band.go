package conv

import "sync"

// An image set is what a convolution reads: n images of h x w pixels of c channels,
// within a frame of zeros.
type image struct {
	data                   []float32
	n, h, w, c             int
	padT, padL, padB, padR int
}

func (m *image) framed() bool { return m.padT|m.padL|m.padB|m.padR != 0 }

// copyRow writes columns [x0, x1) of row y, in coordinates of the framed image, to dst.
func (m *image) copyRow(dst []float32, img, y, x0, x1 int) {
	y -= m.padT
	if y < 0 || y >= m.h {
		clear(dst[:(x1-x0)*m.c])
		return
	}
	x0, x1 = x0-m.padL, x1-m.padL
	from, to := min(max(x0, 0), x1), max(min(x1, m.w), x0)
	if from >= to {
		clear(dst[:(x1-x0)*m.c])
		return
	}
	clear(dst[:(from-x0)*m.c])
	row := (img*m.h + y) * m.w
	copy(dst[(from-x0)*m.c:], m.data[(row+from)*m.c:(row+to)*m.c])
	clear(dst[(to-x0)*m.c : (x1-x0)*m.c])
}

// A band is the part of the images that one task reads: for each of its lines a
// position in data, from where rows are pitch floats apart.
type band struct {
	data  []float32
	pitch int
	line  []int // of lines l0, l0+1, ...: position of the line's first input row
	frame []float32
}

var bands = sync.Pool{New: func() any { return new(band) }}

// release returns b to the pool without a hold on the caller's images.
func (b *band) release() {
	b.data = nil
	bands.Put(b)
}

// read prepares lines [l0, l1), line l being row l%rows of image l/rows, which reads
// input rows from (l%rows)*stride on, high of them, and columns [x0, x1), both in
// coordinates of the framed image. Unframed images are read in place.
func (b *band) read(m *image, l0, l1, rows, stride, high, x0, x1 int) {
	b.line = b.line[:0]
	if !m.framed() {
		b.data, b.pitch = m.data, m.w*m.c
		for l := l0; l < l1; l++ {
			b.line = append(b.line, ((l/rows*m.h+l%rows*stride)*m.w+x0)*m.c)
		}
		return
	}
	b.pitch = (x1 - x0) * m.c
	b.frame = b.frame[:0]
	for l := l0; l < l1; {
		img, first := l/rows, l%rows
		last := min(l1-l, rows-first) + first // lines of this image
		start := len(b.frame) / b.pitch
		n := (last-first-1)*stride + high
		b.frame = grow(b.frame, len(b.frame)+n*b.pitch)
		for y := range n {
			m.copyRow(b.frame[(start+y)*b.pitch:], img, first*stride+y, x0, x1)
		}
		for i := first; i < last; i++ {
			b.line = append(b.line, (start+(i-first)*stride)*b.pitch)
		}
		l += last - first
	}
	b.data = b.frame
}

// grow returns s with length n, keeping what it held.
func grow(s []float32, n int) []float32 {
	if n <= cap(s) {
		return s[:n]
	}
	t := make([]float32, n, n+n/4)
	copy(t, s)
	return t
}
