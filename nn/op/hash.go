package op

import (
	"fmt"
	"math/bits"
	"strconv"

	"kerasgo/nn/graph"
)

// Fingerprint64 is FarmHash's hash of a string that TensorFlow's to_hash_bucket_fast takes: the same on every machine,
// forever.
//
// Source: FarmHash's farmhashna::Hash64
func Fingerprint64(s string) uint64 {
	n := uint64(len(s))
	switch {
	case n <= 16:
		return farmShort(s)
	case n <= 32:
		mul := farm2 + n*2
		a, b := word(s, 0)*farm1, word(s, 8)
		c, d := word(s, n-8)*mul, word(s, n-16)*farm2
		return farmPair(bits.RotateLeft64(a+b, -43)+bits.RotateLeft64(c, -30)+d, a+bits.RotateLeft64(b+farm2, -18)+c, mul)
	case n <= 64:
		mul := farm2 + n*2
		a, b := word(s, 0)*farm2, word(s, 8)
		c, d := word(s, n-8)*mul, word(s, n-16)*farm2
		y := bits.RotateLeft64(a+b, -43) + bits.RotateLeft64(c, -30) + d
		z := farmPair(y, a+bits.RotateLeft64(b+farm2, -18)+c, mul)
		e, f := word(s, 16)*mul, word(s, 24)
		g, h := (y+word(s, n-32))*mul, (z+word(s, n-24))*mul
		return farmPair(bits.RotateLeft64(e+f, -43)+bits.RotateLeft64(g, -30)+h, e+bits.RotateLeft64(f+a, -18)+g, mul)
	}
	return farmLong(s)
}

// FarmHash's primes.
const (
	farm0 uint64 = 0xc3a5c85c97cb3127
	farm1 uint64 = 0xb492b66fbe98f273
	farm2 uint64 = 0x9ae16a3b2f90404f
)

func farmShort(s string) uint64 {
	n := uint64(len(s))
	mul := farm2 + n*2
	switch {
	case n >= 8:
		a, b := word(s, 0)+farm2, word(s, n-8)
		return farmPair(bits.RotateLeft64(b, -37)*mul+a, (bits.RotateLeft64(a, -25)+b)*mul, mul)
	case n >= 4:
		return farmPair(n+uint64(half(s, 0))<<3, uint64(half(s, n-4)), mul)
	case n > 0:
		y := uint32(s[0]) + uint32(s[n>>1])<<8
		z := uint32(n) + uint32(s[n-1])<<2
		return farmMix(uint64(y)*farm2^uint64(z)*farm0) * farm2
	}
	return farm2
}

// farmLong hashes more than 64 bytes, 64 at a time and the last 64 again.
func farmLong(s string) uint64 {
	const seed = 81
	n := uint64(len(s))
	x := uint64(seed)
	y := x*farm1 + 113
	z := farmMix(y*farm2+113) * farm2
	var v, w [2]uint64
	x = x*farm2 + word(s, 0)
	end := (n - 1) / 64 * 64
	for at := uint64(0); at < end; at += 64 {
		x = bits.RotateLeft64(x+y+v[0]+word(s, at+8), -37) * farm1
		y = bits.RotateLeft64(y+v[1]+word(s, at+48), -42) * farm1
		x ^= w[1]
		y += v[0] + word(s, at+40)
		z = bits.RotateLeft64(z+w[0], -33) * farm1
		v = farmWeak(s, at, v[1]*farm1, x+w[0])
		w = farmWeak(s, at+32, z+w[1], y+word(s, at+16))
		z, x = x, z
	}
	mul := farm1 + (z&0xff)<<1
	at := n - 64
	w[0] += (n - 1) & 63
	v[0] += w[0]
	w[0] += v[0]
	x = bits.RotateLeft64(x+y+v[0]+word(s, at+8), -37) * mul
	y = bits.RotateLeft64(y+v[1]+word(s, at+48), -42) * mul
	x ^= w[1] * 9
	y += v[0]*9 + word(s, at+40)
	z = bits.RotateLeft64(z+w[0], -33) * mul
	v = farmWeak(s, at, v[1]*mul, x+w[0])
	w = farmWeak(s, at+32, z+w[1], y+word(s, at+16))
	z, x = x, z
	return farmPair(farmPair(v[0], w[0], mul)+farmMix(y)*farm0+z, farmPair(v[1], w[1], mul)+x, mul)
}

// farmWeak hashes 32 bytes and two seeds to two words.
func farmWeak(s string, at, a, b uint64) [2]uint64 {
	w, x, y, z := word(s, at), word(s, at+8), word(s, at+16), word(s, at+24)
	a += w
	b = bits.RotateLeft64(b+a+z, -21)
	c := a
	a += x + y
	b += bits.RotateLeft64(a, -44)
	return [2]uint64{a + z, b + c}
}

func farmPair(u, v, mul uint64) uint64 {
	a := farmMix((u ^ v) * mul)
	return farmMix((v^a)*mul) * mul
}

func farmMix(v uint64) uint64 { return v ^ v>>47 }

func half(s string, at uint64) uint32 {
	s = s[at:][:4]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

func word(s string, at uint64) uint64 {
	return uint64(half(s, at)) | uint64(half(s, at+4))<<32
}

// fingerprintCat joins two fingerprints, in order.
//
// Source: tensorflow/core/platform/fingerprint.h, FingerprintCat64
func fingerprintCat(a, b uint64) uint64 {
	const mul = 0xc6a4a7935bd1e995
	r := a ^ mul
	r ^= farmMix(b*mul) * mul
	r *= mul
	return farmMix(farmMix(r) * mul)
}

// SipHash is SipHash-2-4 of a string under a key: the hash of to_hash_bucket_strong.
//
// Source: https://www.131002.net/siphash/siphash.pdf
func SipHash(key [2]uint64, s string) uint64 {
	v := [4]uint64{key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261, key[1] ^ 0x7465646279746573}
	rounds := func(n int) {
		for range n {
			v[0] += v[1]
			v[2] += v[3]
			v[1], v[3] = bits.RotateLeft64(v[1], 13)^v[0], bits.RotateLeft64(v[3], 16)^v[2]
			v[0] = bits.RotateLeft64(v[0], 32)
			v[2] += v[1]
			v[0] += v[3]
			v[1], v[3] = bits.RotateLeft64(v[1], 17)^v[2], bits.RotateLeft64(v[3], 21)^v[0]
			v[2] = bits.RotateLeft64(v[2], 32)
		}
	}
	n := uint64(len(s))
	at := uint64(0)
	for ; at+8 <= n; at += 8 {
		m := word(s, at)
		v[3] ^= m
		rounds(2)
		v[0] ^= m
	}
	m := n << 56
	for i := range n - at {
		m |= uint64(s[at+i]) << (8 * i)
	}
	v[3] ^= m
	rounds(2)
	v[0] ^= m
	v[2] ^= 0xff
	rounds(4)
	return v[0] ^ v[1] ^ v[2] ^ v[3]
}

// Hash is the bucket of each string or integer: its hash modulo Bins, in int64. Integers are hashed as decimal text.
// With Salt the hash is SipHash, without it FarmHash. Where Masks, bucket 0 is the mask value's alone.
//
// Source: keras/src/layers/preprocessing/hashing.py
type Hash struct {
	noGrad
	Bins    int
	Salt    *[2]uint64
	Masks   bool
	Mask    int64  // of integers
	MaskStr string // of strings
}

// Infer implements graph.Op.
func (o Hash) Infer(in []Spec) ([]Spec, error) {
	switch in[0].DType.Storage() {
	case graph.StoreStr, graph.StoreI32, graph.StoreI64:
		return specs(Spec{Shape: in[0].Shape, DType: graph.Int64})
	}
	return nil, fmt.Errorf("can't hash %v", in[0].DType)
}

// Forward implements graph.Op.
func (o Hash) Forward(_ *Run, in, out []*Tensor) {
	bins, first := uint64(o.Bins), int64(0)
	if o.Masks && o.Bins > 1 {
		bins, first = bins-1, 1
	}
	y := out[0].I64
	for i, s := range in[0].Str {
		if first == 1 && s == o.MaskStr {
			y[i] = 0
			continue
		}
		y[i] = bucket(s, o.Salt, bins) + first
	}
	number := func(i int, v int64) {
		if first == 1 && v == o.Mask {
			y[i] = 0
			return
		}
		y[i] = bucketOf(v, o.Salt, bins) + first
	}
	for i, v := range in[0].I32 {
		number(i, int64(v))
	}
	for i, v := range in[0].I64 {
		number(i, v)
	}
}

func bucket(s string, salt *[2]uint64, bins uint64) int64 {
	if salt != nil {
		return int64(SipHash(*salt, s) % bins)
	}
	return int64(Fingerprint64(s) % bins)
}

// bucketOf is the bucket of an integer's decimal text.
func bucketOf(v int64, salt *[2]uint64, bins uint64) int64 {
	var text [20]byte
	return bucket(string(strconv.AppendInt(text[:0], v, 10)), salt, bins)
}

// Cross is the bucket of several features at once: the fingerprints of the inputs' elements (strings or integers, all of one
// shape) chained, modulo Bins, in int64.
//
// Source: tensorflow/core/kernels/sparse_cross_op.cc, HashCrosser
type Cross struct {
	noGrad
	Bins int
}

// Infer implements graph.Op.
func (o Cross) Infer(in []Spec) ([]Spec, error) {
	for _, s := range in {
		if st := s.DType.Storage(); st == graph.StoreF32 || st == graph.StoreF64 {
			return nil, fmt.Errorf("integers or strings are crossed, found %v", s.DType)
		}
		if len(s.Shape) != len(in[0].Shape) {
			return nil, fmt.Errorf("the inputs must have one shape, found %v and %v", in[0].Shape, s.Shape)
		}
		for i, d := range s.Shape {
			if e := in[0].Shape[i]; d != e && d != graph.Unknown && e != graph.Unknown {
				return nil, fmt.Errorf("the inputs must have one shape, found %v and %v", in[0].Shape, s.Shape)
			}
		}
	}
	return specs(Spec{Shape: in[0].Shape, DType: graph.Int64})
}

// Forward implements graph.Op.
func (o Cross) Forward(_ *Run, in, out []*Tensor) {
	for i := range out[0].I64 {
		h := uint64(0xDECAFCAFFE)
		for _, x := range in {
			switch {
			case x.Str != nil:
				h = fingerprintCat(h, Fingerprint64(x.Str[i]))
			case x.I64 != nil:
				h = fingerprintCat(h, uint64(x.I64[i]))
			default:
				h = fingerprintCat(h, uint64(int64(x.I32[i])))
			}
		}
		out[0].I64[i] = int64(h % uint64(o.Bins))
	}
}
