// Package tfrecord frames records as TensorFlow's .tfrecord and TensorBoard's event files do: each is its length (8 bytes,
// little-endian), a checksum of that, its bytes, and a checksum of those.
//
// Source: tensorflow/core/lib/io/record_writer.h
package tfrecord

import "hash/crc32"

// Sizes of what stands before and after a record's bytes.
const (
	headerSize = 8 + 4
	footerSize = 4
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Sum is the checksum of the format: CRC-32C, rotated and shifted by a constant, so that a sum over sums stays a good one.
//
// Source: tensorflow/core/lib/hash/crc32c.h, Mask
func Sum(b []byte) uint32 {
	c := crc32.Checksum(b, castagnoli)
	return (c>>15 | c<<17) + 0xa282ead8
}
