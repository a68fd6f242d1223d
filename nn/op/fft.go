package op

import (
	"math"
	"math/bits"
)

// fourier is a complex discrete Fourier transform of one length, in float64: by halves where the length is a power of two,
// else as a convolution of such a length (Bluestein's algorithm). Immutable; work is the caller's.
type fourier struct {
	n    int
	turn []complex128 // exp(-2πi k/n), or of the longer transform
	long *fourier     // nil: n is a power of two
	// chirp is exp(-πi k²/n), filter the transform of its conjugate.
	chirp, filter []complex128
}

func newFourier(n int) *fourier {
	f := &fourier{n: n}
	if n&(n-1) == 0 {
		f.turn = make([]complex128, n/2)
		for k := range f.turn {
			s, c := math.Sincos(-2 * math.Pi * float64(k) / float64(n))
			f.turn[k] = complex(c, s)
		}
		return f
	}
	f.long = newFourier(1 << bits.Len(uint(2*n-2)))
	f.chirp = make([]complex128, n)
	f.filter = make([]complex128, f.long.n)
	for k := range f.chirp {
		s, c := math.Sincos(-math.Pi * float64(k*k%(2*n)) / float64(n))
		f.chirp[k] = complex(c, s)
		f.filter[k] = complex(c, -s)
		f.filter[(f.long.n-k)%f.long.n] = complex(c, -s)
	}
	f.long.transform(f.filter, nil)
	return f
}

// room is the length of the work that transform needs.
func (f *fourier) room() int {
	if f.long == nil {
		return 0
	}
	return f.long.n
}

// transform replaces x[j] by the sum over k of x[k] exp(-2πi jk/n).
func (f *fourier) transform(x, work []complex128) {
	if f.long != nil {
		f.bluestein(x, work)
		return
	}
	n := f.n
	if n == 1 {
		return
	}
	shift := 64 - bits.Len(uint(n-1))
	for i := range x {
		if j := int(bits.Reverse64(uint64(i)) >> shift); i < j {
			x[i], x[j] = x[j], x[i]
		}
	}
	for half := 1; half < n; half *= 2 {
		step := n / (2 * half)
		for from := 0; from < n; from += 2 * half {
			a, b := x[from:][:half], x[from+half:][:half]
			for k := range a {
				t := b[k] * f.turn[k*step]
				a[k], b[k] = a[k]+t, a[k]-t
			}
		}
	}
}

func (f *fourier) bluestein(x, work []complex128) {
	a := work[:f.long.n]
	clear(a)
	for k, c := range f.chirp {
		a[k] = x[k] * c
	}
	f.long.transform(a, nil)
	for k, w := range f.filter {
		v := a[k] * w
		a[k] = complex(real(v), -imag(v)) // the inverse, by conjugates
	}
	f.long.transform(a, nil)
	scale := 1 / float64(f.long.n)
	for k, c := range f.chirp {
		x[k] = complex(real(a[k])*scale, -imag(a[k])*scale) * c
	}
}
