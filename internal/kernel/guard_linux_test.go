package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// guarded returns n floats that end right before an unmapped page, so that touching
// the next one faults.
func guarded(t testing.TB, n int) []float32 {
	page := unix.Getpagesize()
	size := (4*n + page - 1) / page * page
	m, err := unix.Mmap(-1, 0, size+page, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Munmap(m) })
	if err := unix.Mprotect(m[size:], unix.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	if n == 0 {
		return nil
	}
	s := unsafe.Slice((*float32)(unsafe.Pointer(&m[size-4*n])), n)
	for i := range s {
		s[i] = float32(i%17) - 8
	}
	return s
}

// TestTilesStayInside runs every tile with operands that end at an unmapped page,
// and compares it with the generic definition.
func TestTilesStayInside(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 9))
	lo, hi := float32(math.Inf(-1)), float32(math.Inf(1))
	for _, isa := range All() {
		for m := 1; m <= isa.MR; m++ {
			for range 12 {
				n, k := 1+r.IntN(isa.NR), r.IntN(11)
				t.Run(fmt.Sprintf("%s/%dx%dx%d", isa.Name, m, n, k), func(t *testing.T) {
					a, b, c := guarded(t, m*k), guarded(t, k*n), guarded(t, m*n)
					bias, add := guarded(t, n), guarded(t, m*n)
					for transposed, tile := range []Tile{isa.Tile[m], isa.TileT[m]} {
						rs, ks, lda := k, 1, k
						if transposed == 1 {
							rs, ks, lda = 1, m, m
						}
						for acc := range 2 {
							want := append([]float32(nil), c...)
							for i := range m {
								for j := 0; j < n; j += genericNR {
									genericTile(1, k, p(a[min(len(a), i*rs):]), rs, ks, p(b[min(len(b), j):]), n, &want[i*n+j], n,
										&bias[j], &add[i*n+j], -50, 60, min(genericNR, n-j), acc)
								}
							}
							tile(k, p(a), lda, p(b), n, p(c), n, p(bias), p(add), -50, 60, n, acc)
							for i := range c {
								if c[i] != want[i] { // small integers: exact
									t.Fatalf("transposed=%d acc=%d [%d] = %v, want %v", transposed, acc, i, c[i], want[i])
								}
							}
							tile(k, p(a), lda, p(b), n, p(c), n, nil, nil, lo, hi, n, 0)
						}
					}
				})
			}
		}
	}
}

func TestRowStaysInside(t *testing.T) {
	lo, hi := float32(math.Inf(-1)), float32(math.Inf(1))
	for _, isa := range All() {
		if isa.Row == nil {
			continue
		}
		for _, k := range []int{0, 1, 7} {
			n := RowPanels * isa.NR
			a, b, c, bias, add := guarded(t, k), guarded(t, k*n), guarded(t, n), guarded(t, n), guarded(t, n)
			for acc := range 2 {
				for _, layout := range [][2]int{{n, isa.NR}, {isa.NR, k * isa.NR}} { // in place, packed
					want := append([]float32(nil), c...)
					for q := range RowPanels {
						j := q * isa.NR
						for s := 0; s < isa.NR; s += genericNR {
							genericTile(1, k, p(a), k, 1, p(b[min(len(b), q*layout[1]+s):]), layout[0], &want[j+s], n, &bias[j+s], &add[j+s], lo, hi, genericNR, acc)
						}
					}
					isa.Row(k, p(a), p(b), layout[0], layout[1], p(c), p(bias), p(add), lo, hi, acc)
					for i := range c {
						if c[i] != want[i] {
							t.Fatalf("%s k=%d acc=%d [%d] = %v, want %v", isa.Name, k, acc, i, c[i], want[i])
						}
					}
					isa.Row(k, p(a), p(b), layout[0], layout[1], p(c), nil, nil, -1, 1, 0)
				}
			}
		}
	}
}

func TestVecStaysInside(t *testing.T) {
	for n := range 70 {
		in := inputs{guarded(t, n), guarded(t, n), guarded(t, n), guarded(t, n)}
		for _, leaf := range leaves {
			for _, isa := range All() {
				leaf(&isa.Vec, in, n)
			}
		}
	}
}

// TestDepthwiseStaysInside uses pixels at the very end of the image, on the way
// checking the tiers against the definition.
func TestDepthwiseStaysInside(t *testing.T) {
	for ch := 1; ch < 70; ch++ {
		for npix := range 7 {
			// Two taps, a row of npix+1 pixels.
			x, w, bias := guarded(t, (npix+1)*ch), guarded(t, 2*ch), guarded(t, ch)
			dst, add := guarded(t, npix*ch), guarded(t, npix*ch)
			taps := []int{0, ch, ch, 0}
			for _, isa := range All() {
				for acc := range 2 {
					want, got := append([]float32(nil), dst...), dst
					genericDepthwise(p(want), p(x), p(w), &taps[0], 2, npix, ch, ch, ch, p(bias), p(add), -30, 40, acc)
					isa.Depthwise(p(got), p(x), p(w), &taps[0], 2, npix, ch, ch, ch, p(bias), p(add), -30, 40, acc)
					for i := range want {
						if got[i] != want[i] {
							t.Fatalf("%s ch=%d npix=%d [%d] = %v, want %v", isa.Name, ch, npix, i, got[i], want[i])
						}
					}
					isa.Depthwise(p(got), p(x), p(w), &taps[0], 0, npix, ch, ch, ch, nil, nil, -30, 40, 0)
				}
				want := append([]float32(nil), w[ch:]...)
				genericDepthwiseFilter(p(want), p(x[ch:]), p(dst), npix, ch, ch, ch)
				isa.DepthwiseFilter(&w[ch], p(x[ch:]), p(dst), npix, ch, ch, ch)
				for i := range want {
					if w[ch+i] != want[i] {
						t.Fatalf("%s filter ch=%d npix=%d [%d] = %v, want %v", isa.Name, ch, npix, i, w[ch+i], want[i])
					}
					w[ch+i] = float32(i % 5)
				}
			}
		}
	}
}

func TestTranspose8StaysInside(t *testing.T) {
	for n := range 27 {
		src, dst := guarded(t, 8*n), guarded(t, 8*n)
		want := append([]float32(nil), dst...)
		for k := range n &^ 7 {
			for i := range 8 {
				want[8*k+i] = src[i*n+k]
			}
		}
		for _, isa := range All() {
			got := append(guarded(t, 8*n)[:0], dst...)
			isa.Transpose8(p(got), 8, p(src), n, n)
			for i := range want {
				if got[i] != want[i] {
					t.Fatalf("%s n=%d [%d] = %v, want %v", isa.Name, n, i, got[i], want[i])
				}
			}
		}
	}
}
